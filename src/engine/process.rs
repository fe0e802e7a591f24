//! Which process this is: what a fork and a vfork mean for the tables.
//!
//! A forked child has a copy of the tables and must make its own timers; a vfork child has the parent's own tables and must
//! not write them. Neither is told to us reliably (libc's daemon() forks without calling fork), so both are found out.

use crate::atomic::{fence, AtomicI32, AtomicU32, Ordering::*};
use crate::sys::{self, Kernel, Lazy};

crate::zeroed! {
    /// A page that a forked child finds zeroed.
    struct Sentinel {
        epoch: AtomicU32,
    }
}

/// What is known of the process.
pub struct Process {
    sentinel: Lazy<Sentinel>,
    /// The process that owns the tables' memory, as far as a vfork child is concerned.
    owner: AtomicI32,
    /// vforks that have not come back: while there are none, nobody borrows our memory.
    borrowers: AtomicI32,
}

impl Default for Process {
    fn default() -> Self {
        Self::new()
    }
}

impl Process {
    /// Nothing known yet.
    pub const fn new() -> Process {
        Process { sentinel: Lazy::new(), owner: AtomicI32::new(0), borrowers: AtomicI32::new(0) }
    }

    /// A number that differs between a process and its forked children; never 0.
    ///
    /// It comes from a page that fork wipes (MADV_WIPEONFORK, Linux 4.14), else from the pid.
    pub fn epoch<K: Kernel>(&self, k: &K) -> u32 {
        let Some(sentinel) = self.sentinel.obtain_wiped_on_fork(k) else { return sys::process::pid(k) as u32 };
        let epoch = sentinel.epoch.load(Acquire);
        if epoch != 0 {
            return epoch;
        }
        // What was lent when the parent forked, which no thread of ours will come back from: ours lend when there is an epoch.
        let inherited = self.borrowers.load(Relaxed);
        // Not the pid: a child in a new pid namespace may have its parent's. The clock's lower bits have moved since.
        let fresh = (k.now() as u32 ^ (sys::process::pid(k) as u32).rotate_left(16)) | 1;
        // Before the epoch is there: who finds it finds its owner (`borrows`).
        self.owner.store(sys::process::pid(k), Relaxed);
        match sentinel.epoch.compare_exchange(0, fresh, AcqRel, Acquire) {
            Ok(_) => {
                self.borrowers.fetch_sub(inherited, AcqRel);
                fresh
            }
            Err(theirs) => theirs,
        }
    }

    /// A vfork is about to happen (`1`), or has come back (`-1`). The process has its epoch by now (asked for at its start; a forked
    /// child asks for it first): 0 is what a vfork child would take for the sign of a fork, and our memory for its own.
    pub fn lend<K: Kernel>(&self, k: &K, change: i32) {
        self.owner.store(sys::process::pid(k), Release);
        self.borrowers.fetch_add(change, AcqRel);
    }

    /// Until the next `lend`, everybody counts as a borrower.
    pub fn disown(&self) {
        self.owner.store(0, Release);
    }

    #[cold]
    fn borrows<K: Kernel>(&self, k: &K) -> bool {
        // Acquire pairs with the exchange in `epoch`.
        if self.sentinel.peek().is_some_and(|sentinel| sentinel.epoch.load(Acquire) == 0) {
            // Forked while another thread of the parent was in vfork: this memory is a copy, and ours.
            self.epoch(k);
            return false;
        }
        // Pairs with `lend`: who has counted a vfork knows who lends.
        fence(Acquire);
        sys::process::pid(k) != self.owner.load(Relaxed)
    }

    /// May the caller be a vfork child? No call is made to find out.
    #[inline(always)]
    pub fn lent(&self) -> bool {
        self.borrowers.load(Relaxed) > 0
    }

    /// Is the caller a vfork child, running in memory that is not its own?
    #[inline(always)]
    pub fn borrowed<K: Kernel>(&self, k: &K) -> bool {
        self.lent() && self.borrows(k)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Linux;
    use core::ptr::NonNull;

    /// The kernel, as two processes see it that share their memory.
    struct Shared {
        pid: AtomicI32,
    }

    impl Kernel for Shared {
        fn call(&self, nr: i64, args: [usize; 6]) -> isize {
            match nr {
                libc::SYS_getpid => self.pid.load(Relaxed) as isize,
                _ => Linux.call(nr, args),
            }
        }
        fn now(&self) -> u64 {
            Linux.now()
        }
        fn pages(&self, bytes: usize) -> Option<NonNull<u8>> {
            Linux.pages(bytes)
        }
        fn wiped_pages(&self, bytes: usize) -> Option<NonNull<u8>> {
            Linux.wiped_pages(bytes)
        }
    }

    #[test]
    fn a_vfork_child_before_the_first_deadline_is_a_borrower() {
        let engine = crate::Engine::new(Shared { pid: AtomicI32::new(70) });
        let (k, process) = (&engine.kernel, &engine.process);
        // As a process does at its start.
        process.epoch(k);
        assert!(process.sentinel.peek().is_some_and(|sentinel| sentinel.epoch.load(Relaxed) != 0), "the page has it");
        process.lend(k, 1);
        k.pid.store(71, Relaxed);
        assert!(process.borrowed(k), "it took its parent's memory for its own");
        k.pid.store(70, Relaxed);
        assert!(!process.borrowed(k));
        process.lend(k, -1);
        assert!(!process.lent());
        process.lend(k, 1);
        assert!(process.lent(), "the next child is noted as well");
    }
}
