//! Readiness, timers and epoll sets: the kernel's side of a wait. Nothing here waits.

use super::{answer, Kernel};
use libc::timespec;

/// The readiness of `fd` this instant: revents, 0 for none, or a negated errno.
///
/// POLLERR, POLLHUP and POLLNVAL are reported unasked, as by poll itself.
pub fn poll_now(k: &impl Kernel, fd: i32, events: i16) -> isize {
    let mut returned = 0;
    // Even with no time to wait the kernel answers EINTR when a signal is pending and nothing is ready. Bounded, so that a
    // storm of signals cannot hold us.
    for _ in 0..8 {
        let mut poll = libc::pollfd { fd, events, revents: 0 };
        // The kernel writes what is left of the time back: a fresh one each turn.
        let mut zero = timespec { tv_sec: 0, tv_nsec: 0 };
        returned = k.call(libc::SYS_ppoll, [&raw mut poll as usize, 1, &raw mut zero as usize, 0, 0, 0]);
        if returned >= 0 {
            return poll.revents as u16 as isize;
        }
        if returned != -(libc::EINTR as isize) {
            break;
        }
    }
    returned
}

/// A timer on CLOCK_MONOTONIC: close-on-exec, never blocking.
pub fn timer(k: &impl Kernel) -> Result<i32, i32> {
    let flags = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
    answer(k.call(libc::SYS_timerfd_create, [libc::CLOCK_MONOTONIC as usize, flags as usize, 0, 0, 0, 0]))
        .map(|fd| fd as i32)
}

/// Let `timer` expire once at `at` (CLOCK_MONOTONIC nanoseconds, at once if past); 0 stops it.
pub fn timer_set(k: &impl Kernel, timer: i32, at: u64) -> Result<(), i32> {
    let never = timespec { tv_sec: 0, tv_nsec: 0 };
    let at = timespec { tv_sec: (at / 1_000_000_000) as i64, tv_nsec: (at % 1_000_000_000) as i64 };
    let new = libc::itimerspec { it_interval: never, it_value: at };
    let flags = libc::TFD_TIMER_ABSTIME as usize;
    answer(k.call(libc::SYS_timerfd_settime, [timer as usize, flags, &raw const new as usize, 0, 0, 0])).map(drop)
}

/// An epoll set: close-on-exec.
pub fn epoll(k: &impl Kernel) -> Result<i32, i32> {
    answer(k.call(libc::SYS_epoll_create1, [libc::EPOLL_CLOEXEC as usize, 0, 0, 0, 0, 0])).map(|fd| fd as i32)
}

/// A file that can always be read, as long as nobody does: an eventfd that counts 1.
pub fn always_readable(k: &impl Kernel) -> Result<i32, i32> {
    let flags = libc::EFD_CLOEXEC | libc::EFD_NONBLOCK;
    answer(k.call(libc::SYS_eventfd2, [1, flags as usize, 0, 0, 0, 0])).map(|fd| fd as i32)
}

/// EPOLL_CTL_ADD.
pub fn epoll_add(k: &impl Kernel, set: i32, fd: i32, events: u32, data: u64) -> Result<(), i32> {
    control(k, set, libc::EPOLL_CTL_ADD, fd, events, data)
}

/// EPOLL_CTL_MOD.
pub fn epoll_modify(k: &impl Kernel, set: i32, fd: i32, events: u32, data: u64) -> Result<(), i32> {
    control(k, set, libc::EPOLL_CTL_MOD, fd, events, data)
}

/// EPOLL_CTL_DEL.
pub fn epoll_delete(k: &impl Kernel, set: i32, fd: i32) -> Result<(), i32> {
    control(k, set, libc::EPOLL_CTL_DEL, fd, 0, 0)
}

fn control(k: &impl Kernel, set: i32, operation: i32, fd: i32, events: u32, data: u64) -> Result<(), i32> {
    let event = libc::epoll_event { events, u64: data };
    let args = [set as usize, operation as usize, fd as usize, &raw const event as usize, 0, 0];
    answer(k.call(libc::SYS_epoll_ctl, args)).map(drop)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::sys::{file, Linux};
    use std::{io::Write, os::fd::AsRawFd, os::unix::net::UnixStream, thread::sleep, time::Duration};

    #[test]
    fn poll_now_says_what_is_ready_and_never_waits() {
        let _alone = crate::sys::testing::alone();
        let (mut left, right) = UnixStream::pair().expect("pair");
        let fd = right.as_raw_fd();
        let started = Linux.now();
        assert_eq!(poll_now(&Linux, fd, libc::POLLIN), 0);
        assert_eq!(poll_now(&Linux, fd, libc::POLLIN | libc::POLLOUT), libc::POLLOUT as isize);
        left.write_all(b"x").expect("write");
        assert_eq!(poll_now(&Linux, fd, libc::POLLIN), libc::POLLIN as isize);
        drop(left);
        assert_eq!(poll_now(&Linux, fd, 0), libc::POLLHUP as isize);
        assert_eq!(poll_now(&Linux, i32::MAX, libc::POLLIN), libc::POLLNVAL as isize);
        assert!(Linux.now() - started < 5_000_000_000);
    }

    #[test]
    fn a_timer_in_a_set_expires_at_its_instant_and_not_before() {
        let (timer, set) = (timer(&Linux).expect("timer"), {
            // SAFETY: no pointers.
            unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }
        });
        epoll_add(&Linux, set, timer, (libc::EPOLLIN | libc::EPOLLET) as u32, 77).expect("add");
        let wait = |milliseconds| {
            let mut event = libc::epoll_event { events: 0, u64: 0 };
            // SAFETY: one event, ours.
            let count = unsafe { libc::epoll_wait(set, &mut event, 1, milliseconds) };
            (count, event.u64)
        };
        let at = Linux.now() + 50_000_000;
        timer_set(&Linux, timer, at).expect("set");
        assert_eq!(wait(10_000), (1, 77));
        assert!(Linux.now() >= at);
        timer_set(&Linux, timer, Linux.now() + 20_000_000).expect("set");
        timer_set(&Linux, timer, 0).expect("stop");
        assert_eq!(wait(60).0, 0, "stopped");
        timer_set(&Linux, timer, 1).expect("past");
        assert_eq!(wait(10_000), (1, 77), "an instant that has passed is now");
        timer_set(&Linux, timer, u64::MAX).expect("584 years");
        epoll_modify(&Linux, set, timer, libc::EPOLLIN as u32, 78).expect("modify");
        epoll_delete(&Linux, set, timer).expect("delete");
        assert_eq!(epoll_delete(&Linux, set, timer), Err(libc::ENOENT));
        sleep(Duration::from_millis(1));
        file::close(&Linux, set).expect("close");
        file::close(&Linux, timer).expect("close");
    }
}
