//! What tests of this package share.

extern crate std;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Held by tests that fork, and by tests that count on a descriptor being closed: a child forked by a neighbour's thread would
/// keep a copy of it open meanwhile.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often: under miri (tests/miri), where a turn costs some thousand times as much, only so often.
pub const fn often(natively: usize, interpreted: usize) -> usize {
    if cfg!(miri) {
        interpreted
    } else {
        natively
    }
}
