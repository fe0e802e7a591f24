//! Scopes: a thread's bound on everything it waits for.

use super::explicit::instant;
use crate::sys::{process, Kernel};
use crate::table::Refused;
use crate::Engine;

/// This many waits of an expired scope end at once; each further one lasts `PACE`, for a program that goes on asking.
const PROMPT: u32 = 4;
const PACE: u64 = 1_000_000;

/// The thread of this key (an address that is its own while it lives) enters a scope that ends at `when`, 0 for no end of its
/// own. The token to leave it with, or EAGAIN or ENOMEM.
pub fn enter_scope<K: Kernel>(e: &Engine<K>, key: usize, when: i64) -> Result<u64, i32> {
    let until = match instant(when) {
        0 => u64::MAX,
        until => until,
    };
    let tid = process::tid(&e.kernel) as u32;
    let is_dead = |thread: u32| !process::is_thread(&e.kernel, thread as i32);
    e.scopes.enter(&e.kernel, key, tid, until, is_dead).map_err(|refused| match refused {
        Refused::Full => libc::EAGAIN,
        Refused::Memory => libc::ENOMEM,
    })
}

/// The thread of this key leaves its innermost scope, or EINVAL.
pub fn leave_scope<K: Kernel>(e: &Engine<K>, key: usize, token: u64) -> Result<(), i32> {
    let left = e.scopes.any() && e.scopes.leave(key, process::tid(&e.kernel) as u32, token);
    left.then_some(()).ok_or(libc::EINVAL)
}

/// The scope of the thread that makes a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scope {
    /// The instant that bounds it; `u64::MAX` when it is in none.
    pub until: u64,
    /// The instant that was said, which for a wait that began after it is earlier.
    said: u64,
    key: usize,
}

impl Scope {
    /// No scope.
    pub const NONE: Scope = Scope { until: u64::MAX, said: u64::MAX, key: 0 };

    /// That of the thread of this key.
    pub fn of<K: Kernel>(e: &Engine<K>, key: usize) -> Scope {
        let until = e.scopes.instant(key, || process::tid(&e.kernel) as u32);
        Scope { until, said: until, key }
    }

    /// The instant by which records know it.
    pub(crate) fn said(&self) -> u64 {
        self.said
    }

    /// A wait on many fds begins: the scope that bounds it, which ends a little later if it was over several times already.
    pub(crate) fn paced<K: Kernel>(self, e: &Engine<K>, now: u64) -> Scope {
        if self.until > now || e.scopes.tell(self.key, process::tid(&e.kernel) as u32) < PROMPT {
            self
        } else {
            Scope { until: now.saturating_add(PACE), ..self }
        }
    }
}
