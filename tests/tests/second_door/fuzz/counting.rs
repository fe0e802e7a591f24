//! What the evidence page says in the end (every eighth run has one): no more has ended, was given up or goes on than ever began.

use super::Run;
use netdeadline_engine::evidence::page::{Destination, Waits};
use netdeadline_engine::policy::Class;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Indices of `begun`.
pub(super) const ATTEMPTS: usize = 0;
pub(super) const REQUESTS: usize = 1;

impl Run {
    pub(super) fn assert_counted(&self) {
        let Some(page) = self.world.machine.page() else { return };
        let sum = |of: &dyn Fn(&Destination) -> &AtomicU64| {
            page.destinations.iter().map(|d| of(d).load(Relaxed)).sum::<u64>()
        };
        let all = |class: Class, of: &dyn Fn(&Waits) -> &AtomicU64| {
            page.destinations.iter().map(|destination| of(destination.class(class)).load(Relaxed)).sum::<u64>()
        };
        let over = |class| all(class, &|waits| &waits.ended) + all(class, &|waits| &waits.abandoned);
        let attempts = over(Class::Connect) + sum(&|destination| &destination.connecting);
        // Of a socket that no rule is for nothing is known. See found.rs, a_scope_that_ends_beside_a_connection_counts_no_second_attempt.
        let dialled = self.begun[ATTEMPTS];
        assert!(attempts <= dialled || self.cut > 0, "{attempts} attempts of {dialled} were counted");
        let requests = over(Class::Response) + sum(&|destination| &destination.awaiting);
        assert!(requests <= self.begun[REQUESTS], "{requests} requests of {} were counted", self.begun[REQUESTS]);
        for class in Class::ALL {
            let (ended, expired) = (all(class, &|waits| &waits.ended), all(class, &|waits| &waits.expired));
            assert!(expired <= ended || class == Class::Lifetime, "{expired} of {ended} waits of {class:?} expired");
        }
        // Who was accepted is counted when it is first used.
        let connections = sum(&|destination| &destination.open) + all(Class::Lifetime, &|waits| &waits.ended);
        assert!(connections <= self.conns.len() as u64, "{connections} connections of {}", self.conns.len());
    }
}
