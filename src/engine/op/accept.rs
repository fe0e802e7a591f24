//! accept and accept4, after the kernel has answered: which rules the new connection has.
//!
//! Waiting for a connection is never bounded by a policy, and the program's own timeout on a listener is the kernel's; so
//! there is nothing to do before.

use crate::policy::Addr;
use crate::sys::{socket, Kernel};
use crate::table::Kind;
use crate::Engine;

/// `fd` has just been accepted.
pub fn accepted<K: Kernel>(e: &Engine<K>, fd: i32) {
    super::created(e, fd);
    let Some(settings) = e.settings.peek() else { return };
    if settings.policy.is_empty() || e.retired() || e.process.borrowed(&e.kernel) {
        return;
    }
    let k = &e.kernel;
    if settings.policy.any_on() {
        if let Ok(local) = socket::local_name(k, fd) {
            let rules = Addr::from_sockaddr(local.bytes()).map(|local| settings.policy.accepted(&local));
            if let Some(rules) = rules.filter(|rules| !rules.is_none()) {
                e.ruled_by(fd, rules, true);
                return;
            }
        }
    }
    // No rule names it, and `to` rules never do: a client is rightly silent while its request is worked on.
    e.slots.settle(k, fd, e.slots.word(fd), Kind::Plain, 0);
}
