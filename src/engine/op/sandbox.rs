//! Sandboxes: which calls of ours a seccomp filter lets through.
//!
//! A filter may kill for a call that the program itself never makes. So before a filter is installed, and at the start of a
//! program that is under one already, our calls are tried out in a child that may die of it; if the child does not come
//! through, everything is the plain call from then on, and that is said once. The door makes the child (it is the one call here
//! that is not harmless); what the child tries is listed here.

use crate::sys::{answer, program, Kernel};
use crate::Engine;

/// Make every kind of call that the engine makes, harmlessly. Run in a child under the filter in question; true if each was
/// allowed that a deadline cannot do without. What is missing otherwise (EPERM or ENOSYS) is replaced or left out where it is
/// used: a timerfd by the waits' own timeouts, a name in a record by a dash. The calls go to a socket pair and an epoll set that
/// the parent made: a sandbox need not allow new ones.
pub fn probe<K: Kernel>(k: &K, pair: [i32; 2], set: i32) -> bool {
    let [a, b] = pair.map(|fd| fd as usize);
    let set = set as usize;
    let mut place = [0_u64; 64];
    let at = place.as_mut_ptr() as usize;
    let dontwait = libc::MSG_DONTWAIT as usize;
    let socket = libc::SOL_SOCKET as usize;
    // What we can do without, but must not die of.
    let spare: [(i64, [usize; 6]); 25] = [
        (libc::SYS_getpid, [0; 6]),
        (libc::SYS_gettid, [0; 6]),
        (libc::SYS_tgkill, [0; 6]),
        (libc::SYS_epoll_create1, [usize::MAX, 0, 0, 0, 0, 0]),
        (libc::SYS_eventfd2, [0, usize::MAX, 0, 0, 0, 0]),
        (libc::SYS_prctl, [libc::PR_GET_NAME as usize, at, 0, 0, 0, 0]),
        (libc::SYS_clock_gettime, [libc::CLOCK_REALTIME as usize, at, 0, 0, 0, 0]),
        (libc::SYS_clock_gettime, [libc::CLOCK_MONOTONIC as usize, at, 0, 0, 0, 0]),
        (libc::SYS_rt_sigprocmask, [libc::SIG_BLOCK as usize, 0, at, 8, 0, 0]),
        (libc::SYS_rt_sigpending, [at, 8, 0, 0, 0, 0]),
        (libc::SYS_rt_sigaction, [libc::SIGUSR1 as usize, 0, at, 8, 0, 0]),
        (libc::SYS_getsockname, [a, at, at + 256, 0, 0, 0]),
        (libc::SYS_getpeername, [a, at, at + 256, 0, 0, 0]),
        (libc::SYS_ioctl, [a, libc::TIOCOUTQ as usize, at, 0, 0, 0]),
        (libc::SYS_prlimit64, [0, libc::RLIMIT_NOFILE as usize, 0, at, 0, 0]),
        (libc::SYS_fstat, [a, at, 0, 0, 0, 0]),
        (libc::SYS_openat, [libc::AT_FDCWD as usize, 0, 0, 0, 0, 0]),
        (libc::SYS_write, [usize::MAX, at, 0, 0, 0, 0]),
        (libc::SYS_pwritev2, [usize::MAX, at, 0, 0, 0, 0]),
        (libc::SYS_connect, [usize::MAX, at, 16, 0, 0, 0]),
        (libc::SYS_timerfd_create, [usize::MAX, 0, 0, 0, 0, 0]),
        (libc::SYS_timerfd_settime, [usize::MAX, 0, at, 0, 0, 0]),
        (libc::SYS_epoll_ctl, [set, libc::EPOLL_CTL_DEL as usize, a, 0, 0, 0]),
        (libc::SYS_close, [usize::MAX, 0, 0, 0, 0, 0]),
        (libc::SYS_wait4, [usize::MAX, 0, (libc::WNOHANG | libc::__WALL) as usize, 0, 0, 0]),
    ];
    for (nr, args) in spare {
        // The length that getsockname and getpeername read.
        place = [0; 64];
        k.call(nr, args);
    }
    // Also tries MADV_WIPEONFORK and process_vm_readv, as they are used.
    let _ = k.wiped_pages(4096);
    let _ = k.pages(4096);
    program::copy_in(k, &mut [0; 1], at);
    program::copy_out(k, at, &[0; 1]);
    let poll = [a as u64 | (libc::POLLOUT as u64) << 32, 0, 0];
    let poll = poll.as_ptr() as usize;
    let type_length = [4_u64];
    let empty = [0_u64; 8];
    let message = empty.as_ptr() as usize;
    let needed: [(i64, [usize; 6]); 9] = [
        (libc::SYS_ppoll, [poll, 1, poll + 8, 0, 0, 0]),
        (libc::SYS_getsockopt, [a, socket, libc::SO_TYPE as usize, at, type_length.as_ptr() as usize, 0]),
        (libc::SYS_getsockopt, [a, socket, libc::SO_SNDTIMEO as usize, at, (&raw const place[40]) as usize, 0]),
        (libc::SYS_setsockopt, [a, socket, libc::SO_SNDTIMEO as usize, at, 16, 0]),
        (libc::SYS_fcntl, [a, libc::F_GETFL as usize, 0, 0, 0, 0]),
        (libc::SYS_sendto, [a, at, 1, dontwait, 0, 0]),
        (libc::SYS_recvfrom, [b, at, 1, dontwait, 0, 0]),
        (libc::SYS_sendmsg, [a, message, dontwait, 0, 0, 0]),
        (libc::SYS_recvmsg, [b, message, dontwait, 0, 0, 0]),
    ];
    needed.iter().all(|(nr, args)| {
        let forbidden = [libc::EPERM, libc::ENOSYS, libc::EACCES];
        answer(k.call(*nr, *args)).err().is_none_or(|error| !forbidden.contains(&error))
    })
}

impl<K: Kernel> Engine<K> {
    /// Say through the log why from here on nothing is enforced, if anything was.
    pub fn say(&self, why: &'static str) {
        if let Some(settings) = self.settings.peek().filter(|s| !s.policy.is_empty()) {
            settings.log.note(&self.kernel, why);
        }
    }
}
