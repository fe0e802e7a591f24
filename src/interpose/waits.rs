//! poll, ppoll, select, pselect, the epoll family, and the fortified names of some.

use super::connections::note;
use super::reading::fits;
use crate::host::{drive::drive, next, raw};
use crate::ENGINE;
use core::ffi::c_int;
use netdeadline_engine::op::{self, Call, Clock, EpollWait, Interest, Poll, Select, MOVABLE};

/// ns of a time in ms; negative means for ever.
fn of_ms(ms: c_int) -> u64 {
    u64::try_from(ms).map_or(u64::MAX, |ms| ms * 1_000_000)
}

/// ns of a timespec, `None` if libc or the kernel will refuse it. Null means for ever.
///
/// # Safety
/// `time` is null or the program's readable timespec.
unsafe fn of_timespec(time: *const libc::timespec) -> Option<u64> {
    if time.is_null() {
        return Some(u64::MAX);
    }
    // SAFETY: the caller's word; glibc reads it itself before the kernel does.
    let time = unsafe { time.read_unaligned() };
    if time.tv_sec < 0 || !(0..1_000_000_000).contains(&time.tv_nsec) {
        return None;
    }
    Some((time.tv_sec as u64).saturating_mul(1_000_000_000).saturating_add(time.tv_nsec as u64).min(u64::MAX - 1))
}

/// A poll that may be bounded.
fn poll_in_time(
    name: &'static str,
    own: Call,
    (fds, count): (usize, usize),
    timeout: u64,
    mask: (usize, usize),
) -> c_int {
    if ENGINE.movable() {
        drive(move || Poll::<MOVABLE>::new(name, own, fds, count, timeout, mask)) as c_int
    } else {
        drive(move || Poll::<0>::new(name, own, fds, count, timeout, mask)) as c_int
    }
}

/// poll(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn poll(fds: *mut libc::pollfd, count: libc::nfds_t, ms: c_int) -> c_int {
    if !ENGINE.anything_tracked() {
        // SAFETY: the program's own call.
        return unsafe { next::poll(fds, count, ms) };
    }
    let own = Call::new(libc::SYS_poll, [fds as usize, count as usize, ms as usize, 0, 0, 0]);
    poll_in_time("poll", own, (fds as usize, count as usize), of_ms(ms), (0, 0))
}

/// ppoll(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn ppoll(
    fds: *mut libc::pollfd,
    count: libc::nfds_t,
    time: *const libc::timespec,
    mask: *const libc::sigset_t,
) -> c_int {
    // SAFETY: the program's own time.
    let timeout = if ENGINE.anything_tracked() { unsafe { of_timespec(time) } } else { None };
    let Some(timeout) = timeout else {
        // SAFETY: the program's own call.
        return unsafe { next::ppoll(fds, count, time, mask) };
    };
    let own = Call::new(libc::SYS_ppoll, [fds as usize, count as usize, time as usize, mask as usize, 8, 0]);
    poll_in_time("ppoll", own, (fds as usize, count as usize), timeout, (mask as usize, 8))
}

/// select(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn select(
    count: c_int,
    input: *mut libc::fd_set,
    output: *mut libc::fd_set,
    exceptions: *mut libc::fd_set,
    time: *mut libc::timeval,
) -> c_int {
    let timeout = if !ENGINE.anything_tracked() {
        None
    } else if time.is_null() {
        Some(u64::MAX)
    } else {
        // SAFETY: the program's own time; glibc reads it itself.
        let time = unsafe { time.read_unaligned() };
        let valid = time.tv_sec >= 0 && time.tv_usec >= 0;
        let us = (time.tv_sec as u64).saturating_mul(1_000_000).saturating_add(time.tv_usec as u64);
        valid.then(|| us.saturating_mul(1000).min(u64::MAX - 1))
    };
    let Some(timeout) = timeout else {
        // SAFETY: the program's own call.
        return unsafe { next::select(count, input, output, exceptions, time) };
    };
    let args = [count as usize, input as usize, output as usize, exceptions as usize, time as usize, 0];
    drive(move || Select::new("select", Call::new(libc::SYS_select, args), timeout)) as c_int
}

/// pselect(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn pselect(
    count: c_int,
    input: *mut libc::fd_set,
    output: *mut libc::fd_set,
    exceptions: *mut libc::fd_set,
    time: *const libc::timespec,
    mask: *const libc::sigset_t,
) -> c_int {
    // SAFETY: the program's own time.
    let timeout = if ENGINE.anything_tracked() { unsafe { of_timespec(time) } } else { None };
    let Some(timeout) = timeout else {
        // SAFETY: the program's own call.
        return unsafe { next::pselect(count, input, output, exceptions, time, mask) };
    };
    let args = [count as usize, input as usize, output as usize, exceptions as usize, time as usize, mask as usize];
    drive(move || Select::new("pselect", Call::new(libc::SYS_pselect6, args), timeout)) as c_int
}

/// epoll_create(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn epoll_create(size: c_int) -> c_int {
    // SAFETY: the program's own call.
    let new = unsafe { next::epoll_create(size) };
    note(new, |new| op::epoll_created(&ENGINE, new))
}

/// epoll_create1(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn epoll_create1(flags: c_int) -> c_int {
    // SAFETY: the program's own call.
    let new = unsafe { next::epoll_create1(flags) };
    note(new, |new| op::epoll_created(&ENGINE, new))
}

/// epoll_ctl(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn epoll_ctl(set: c_int, operation: c_int, fd: c_int, event: *mut libc::epoll_event) -> c_int {
    // SAFETY: the program's own call.
    let result = unsafe { next::epoll_ctl(set, operation, fd, event) };
    note(result, |_| op::epoll_ctl(&ENGINE, set, operation, fd, event as usize, Interest::Waits))
}

/// epoll_wait or epoll_pwait.
#[derive(Clone, Copy)]
struct Wait {
    set: c_int,
    events: *mut libc::epoll_event,
    max: c_int,
    ms: c_int,
    /// epoll_pwait's.
    mask: Option<*const libc::sigset_t>,
}

impl Wait {
    fn operation(self) -> EpollWait {
        let Wait { set, events, max, ms, mask } = self;
        let (name, nr, mask, size) = match mask {
            None => ("epoll_wait", libc::SYS_epoll_wait, 0, 0),
            Some(mask) => ("epoll_pwait", libc::SYS_epoll_pwait, mask as usize, 8),
        };
        let own = Call::new(nr, [set as usize, events as usize, max as usize, ms as usize, mask, size]);
        EpollWait::new(name, own, Clock::Milliseconds, of_ms(ms))
    }

    /// The program's own call, for so many ms.
    fn call(self, ms: c_int) -> c_int {
        let Wait { set, events, max, mask, .. } = self;
        // SAFETY: the program's own call.
        unsafe {
            match mask {
                None => next::epoll_wait(set, events, max, ms),
                Some(mask) => next::epoll_pwait(set, events, max, ms, mask),
            }
        }
    }

    /// The program's own call has answered, where nothing was armed when it began: the program's answer, unless our timer is in it.
    #[inline(always)]
    fn answered(&self, count: c_int) -> c_int {
        if count <= 0 || !op::has_token(self.events as usize, count as usize) {
            return count;
        }
        self.go_on(count)
    }

    #[cold]
    #[inline(never)]
    fn go_on(&self, count: c_int) -> c_int {
        let wait = *self;
        drive(move || wait.operation().begun(count as isize)) as c_int
    }

    /// Where something may be armed.
    #[inline(never)]
    fn in_time(self) -> c_int {
        let Wait { set, events, ms, mask, .. } = self;
        // What a mask holds back the kernel lets in when the call ends, and with it the first part of a wait: so it is held before.
        if mask.is_some_and(|mask| !mask.is_null()) {
            return drive(move || self.operation()) as c_int;
        }
        if op::waits_plainly(&ENGINE, set, of_ms(ms)) {
            return self.answered(self.call(ms));
        }
        let Some(wait) = op::waits_by_timer(&ENGINE, set, ms) else { return drive(move || self.operation()) as c_int };
        let count = self.call(wait.ms());
        if wait.is_over(&ENGINE, events as usize, count as isize) {
            return count;
        }
        drive(move || self.operation().by_timer(count as isize, &wait)) as c_int
    }
}

/// epoll_wait(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn epoll_wait(set: c_int, events: *mut libc::epoll_event, max: c_int, ms: c_int) -> c_int {
    if ENGINE.anything_tracked() {
        return Wait { set, events, max, ms, mask: None }.in_time();
    }
    let wait = Wait { set, events, max, ms, mask: None };
    // SAFETY: the program's own call.
    wait.answered(unsafe { next::epoll_wait(set, events, max, ms) })
}

/// epoll_pwait(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn epoll_pwait(
    set: c_int,
    events: *mut libc::epoll_event,
    max: c_int,
    ms: c_int,
    mask: *const libc::sigset_t,
) -> c_int {
    if ENGINE.anything_tracked() {
        return Wait { set, events, max, ms, mask: Some(mask) }.in_time();
    }
    let wait = Wait { set, events, max, ms, mask: Some(mask) };
    // SAFETY: the program's own call.
    wait.answered(unsafe { next::epoll_pwait(set, events, max, ms, mask) })
}

/// epoll_pwait2(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn epoll_pwait2(
    set: c_int,
    events: *mut libc::epoll_event,
    max: c_int,
    time: *const libc::timespec,
    mask: *const libc::sigset_t,
) -> c_int {
    let operation = move |timeout| {
        let args = [set as usize, events as usize, max as usize, time as usize, mask as usize, 8];
        EpollWait::new("epoll_pwait2", Call::new(libc::SYS_epoll_pwait2, args), Clock::Timespec, timeout)
    };
    // libc does not look at the time: what cannot be read is the kernel's to refuse.
    let timeout = if ENGINE.anything_tracked() { raw::timespec(time as usize) } else { None };
    if let Some(timeout) = timeout.filter(|timeout| !mask.is_null() || !op::waits_plainly(&ENGINE, set, *timeout)) {
        return drive(move || operation(timeout)) as c_int;
    }
    // SAFETY: the program's own call.
    let count = unsafe { next::epoll_pwait2(set, events, max, time, mask) };
    if count <= 0 || !op::has_token(events as usize, count as usize) {
        return count;
    }
    let timeout = raw::timespec(time as usize).unwrap_or(u64::MAX);
    drive(move || operation(timeout).begun(count as isize)) as c_int
}

/// `poll` of programs compiled with _FORTIFY_SOURCE.
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn __poll_chk(fds: *mut libc::pollfd, count: libc::nfds_t, ms: c_int, size: usize) -> c_int {
    // SAFETY: libc's check, then the same call.
    unsafe {
        fits((count as usize).saturating_mul(core::mem::size_of::<libc::pollfd>()), size);
        poll(fds, count, ms)
    }
}

/// `ppoll` of programs compiled with _FORTIFY_SOURCE.
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn __ppoll_chk(
    fds: *mut libc::pollfd,
    count: libc::nfds_t,
    time: *const libc::timespec,
    mask: *const libc::sigset_t,
    size: usize,
) -> c_int {
    // SAFETY: libc's check, then the same call.
    unsafe {
        fits((count as usize).saturating_mul(core::mem::size_of::<libc::pollfd>()), size);
        ppoll(fds, count, time, mask)
    }
}
