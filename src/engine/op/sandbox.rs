//! Sandboxes: which calls of ours a seccomp filter lets through.
//!
//! A filter may kill for a call that the program itself never makes. So before a filter is installed it is tried out in a child
//! that may die of it; if the child does not come through, everything is the plain call from then on, and that is said once.
//! The door makes the child (it is the one call here that is not harmless); what the child tries is listed here.

use crate::sys::{event, file, process, program, signal, socket, Kernel};
use crate::Engine;

/// What a program is about to install.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sandbox {
    /// SECCOMP_MODE_STRICT: read, write, exit and sigreturn only.
    Strict,
    /// A filter.
    Filter,
}

/// Make every kind of call that the engine makes, harmlessly. Run in a child under the filter in question; true if each was
/// allowed. The calls go to a socket pair and an epoll set that the parent made before the filter: a sandbox need not allow
/// new ones.
pub fn probe<K: Kernel>(k: &K, pair: [i32; 2], set: i32) -> bool {
    let [a, b] = pair;
    let forbidden = |error: i32| matches!(error, libc::EPERM | libc::ENOSYS | libc::EACCES);
    let allowed = |result: Result<u64, i32>| result.err().is_none_or(|error| !forbidden(error));
    let raw = |nr: i64, args: [usize; 6]| crate::sys::answer(k.call(nr, args)).map(|n| n as u64);
    let empty = libc::msghdr {
        msg_name: core::ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: core::ptr::null_mut(),
        msg_iovlen: 0,
        msg_control: core::ptr::null_mut(),
        msg_controllen: 0,
        msg_flags: 0,
    };
    let message = &raw const empty as usize;
    let dontwait = libc::MSG_DONTWAIT as usize;
    let mut byte = [0_u8; 1];
    let place = byte.as_mut_ptr() as usize;
    let timer = event::timer(k);
    let timer_works = match timer {
        Ok(timer) => {
            let works = allowed(event::timer_set(k, timer, 0).map(|()| 0))
                && allowed(event::epoll_add(k, set, timer, 0, 0).map(|()| 0))
                && allowed(file::duplicate_high(k, timer, 3).map(|fd| fd as u64));
            works && allowed(file::close(k, timer).map(|()| 0))
        }
        Err(error) => !forbidden(error),
    };
    timer_works
        && allowed(crate::sys::answer(event::poll_now(k, a, libc::POLLOUT)).map(|n| n as u64))
        && allowed(socket::kind(k, a).map(|n| n as u64))
        && allowed(socket::unsent(k, a).map(u64::from))
        && allowed(socket::is_nonblocking(k, a).map(u64::from))
        && allowed(socket::peer_name(k, a).map(|_| 0))
        && allowed(socket::local_name(k, a).map(|_| 0))
        && allowed(socket::set_option(k, a, libc::SOL_SOCKET, libc::SO_SNDTIMEO, &[0; 16]).map(|()| 0))
        && allowed(file::number_limit(k))
        && allowed(raw(libc::SYS_sendto, [a as usize, place, 1, dontwait, 0, 0]))
        && allowed(raw(libc::SYS_recvfrom, [b as usize, place, 1, dontwait, 0, 0]))
        && allowed(raw(libc::SYS_sendmsg, [a as usize, message, dontwait, 0, 0, 0]))
        && allowed(raw(libc::SYS_recvmsg, [b as usize, message, dontwait, 0, 0, 0]))
        && allowed(raw(libc::SYS_mmap, [0, 4096, 0, (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize, usize::MAX, 0]))
        && allowed(signal::mask(k).map(|_| 0))
        && program::copy_in(k, &mut [0; 1], place)
        && process::pid(k) > 0
        && process::tid(k) > 0
}

impl<K: Kernel> Engine<K> {
    /// Say once, through the log, that from here on nothing is enforced.
    pub fn retire_for(&self, why: &'static str) {
        if self.retired() || !self.active() {
            return;
        }
        if let Some(settings) = self.settings.peek().filter(|s| !s.policy.is_empty()) {
            settings.log.note(&self.kernel, why);
        }
        self.retire();
    }
}
