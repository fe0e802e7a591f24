//! Signals, so far as a wait or a write must know of them.

use super::{answer, Kernel};

/// The kernel's own `struct sigaction`, which is not libc's.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Action {
    handler: usize,
    flags: usize,
    restorer: usize,
    mask: u64,
}

/// A set of signals: bit n - 1 is signal n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals(pub u64);

impl Signals {
    /// The set of these.
    pub const fn of(signals: &[i32]) -> Signals {
        let (mut set, mut index) = (0, 0);
        while index < signals.len() {
            set |= 1 << ((signals[index] - 1) & 63);
            index += 1;
        }
        Signals(set)
    }

    /// Is this signal among them?
    pub const fn contains(self, signal: i32) -> bool {
        self.0 >> ((signal.wrapping_sub(1)) & 63) & 1 == 1
    }
}

/// The signals of a thread's own faults.
const FAULTS: Signals =
    Signals::of(&[libc::SIGILL, libc::SIGTRAP, libc::SIGBUS, libc::SIGFPE, libc::SIGSEGV, libc::SIGSYS]);

/// Would every signal that can interrupt this thread now let a system call restart?
///
/// True if every handler the program installed, for a signal that is not blocked, has SA_RESTART. Default and ignored signals
/// interrupt nothing. Those of faults don't count either: a wait has none, and every Rust program handles SIGSEGV without
/// SA_RESTART. Sixty system calls: asked once a wait was interrupted, not before.
pub fn every_handler_restarts(k: &impl Kernel) -> bool {
    let blocked = mask(k).unwrap_or_default();
    (1..=64).filter(|&signal| !blocked.contains(signal) && !FAULTS.contains(signal)).all(|signal| {
        let mut action = Action::default();
        let args = [signal as usize, 0, &raw mut action as usize, 8, 0, 0];
        let known = answer(k.call(libc::SYS_rt_sigaction, args)).is_ok();
        let installed = action.handler != libc::SIG_DFL && action.handler != libc::SIG_IGN;
        !known || !installed || action.flags & libc::SA_RESTART as usize != 0
    })
}

/// The signals this thread blocks.
pub fn mask(k: &impl Kernel) -> Result<Signals, i32> {
    let mut old = 0_u64;
    answer(k.call(libc::SYS_rt_sigprocmask, [libc::SIG_BLOCK as usize, 0, &raw mut old as usize, 8, 0, 0]))?;
    Ok(Signals(old))
}

/// Block these too; returns what was blocked before.
pub fn block(k: &impl Kernel, more: Signals) -> Result<Signals, i32> {
    let mut old = 0_u64;
    let args = [libc::SIG_BLOCK as usize, &raw const more.0 as usize, &raw mut old as usize, 8, 0, 0];
    answer(k.call(libc::SYS_rt_sigprocmask, args))?;
    Ok(Signals(old))
}

/// Block exactly these.
pub fn set_mask(k: &impl Kernel, mask: Signals) -> Result<(), i32> {
    let args = [libc::SIG_SETMASK as usize, &raw const mask.0 as usize, 0, 8, 0, 0];
    answer(k.call(libc::SYS_rt_sigprocmask, args)).map(drop)
}

/// Blocked signals that wait, for this thread or the process.
pub fn pending(k: &impl Kernel) -> Result<Signals, i32> {
    let mut set = 0_u64;
    answer(k.call(libc::SYS_rt_sigpending, [&raw mut set as usize, 8, 0, 0, 0, 0]))?;
    Ok(Signals(set))
}

/// Take one waiting signal of these away; which, or EAGAIN if none waits.
pub fn consume(k: &impl Kernel, these: Signals) -> Result<i32, i32> {
    let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    let args = [&raw const these.0 as usize, 0, &raw const zero as usize, 8, 0, 0];
    answer(k.call(libc::SYS_rt_sigtimedwait, args)).map(|signal| signal as i32)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::sys::Linux;

    extern "C" fn handler(_: libc::c_int) {}

    fn install(signal: i32, how: usize, flags: i32) {
        // SAFETY: a zeroed sigaction is valid, and the handler does nothing.
        unsafe {
            let mut action: libc::sigaction = core::mem::zeroed();
            action.sa_sigaction = how;
            action.sa_flags = flags;
            assert_eq!(libc::sigaction(signal, &action, core::ptr::null_mut()), 0);
        }
    }

    #[test]
    fn one_handler_without_restart_is_found_unless_it_is_blocked() {
        let (restart, none) = (libc::SA_RESTART, 0);
        let function = handler as extern "C" fn(libc::c_int) as usize;
        assert!(every_handler_restarts(&Linux), "Rust's own handlers are for SIGSEGV and SIGBUS");
        install(libc::SIGUSR1, function, restart);
        assert!(every_handler_restarts(&Linux));
        install(libc::SIGUSR1, function, none);
        assert!(!every_handler_restarts(&Linux));
        let old = block(&Linux, Signals::of(&[libc::SIGUSR1])).expect("block");
        assert!(every_handler_restarts(&Linux), "a blocked signal interrupts nothing");
        set_mask(&Linux, old).expect("unblock");
        assert!(!every_handler_restarts(&Linux));
        install(libc::SIGUSR1, libc::SIG_IGN, none);
        assert!(every_handler_restarts(&Linux));
        install(libc::SIGRTMAX(), function, none);
        assert!(!every_handler_restarts(&Linux), "the last one counts too");
        install(libc::SIGRTMAX(), libc::SIG_DFL, none);
        install(libc::SIGUSR1, libc::SIG_DFL, none);
        assert!(every_handler_restarts(&Linux));
    }

    #[test]
    fn a_blocked_signal_waits_and_can_be_consumed() {
        let these = Signals::of(&[libc::SIGUSR2]);
        let old = block(&Linux, these).expect("block");
        assert_eq!(consume(&Linux, these), Err(libc::EAGAIN));
        // SAFETY: to this thread, blocked.
        assert_eq!(unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGUSR2) }, 0);
        assert!(pending(&Linux).expect("pending").contains(libc::SIGUSR2));
        assert_eq!(consume(&Linux, these), Ok(libc::SIGUSR2));
        assert!(!pending(&Linux).expect("pending").contains(libc::SIGUSR2));
        set_mask(&Linux, old).expect("unblock");
        assert_eq!(mask(&Linux), Ok(old));
    }
}
