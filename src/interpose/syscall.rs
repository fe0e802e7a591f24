//! syscall(2): the calls by number. Numbers that are not ours pass through: denying unknown ones breaks programs.
//!
//! What comes in by number is made by number (`host::manner`), for who calls so wants the kernel's call and not libc's function of
//! that name. So nothing here calls the doors of those names, but for exec, which libc adds nothing to.

use super::{exec, fds, reading, sandbox, writing};
use crate::host::drive::{drive_made, read_now};
use crate::host::manner::ByNumber;
use crate::host::raw::{self, MASK};
use crate::host::tell::{self, FIONBIO};
use crate::host::{errno, next, numbers};
use crate::ENGINE;
use core::ffi::{c_int, c_long};
use netdeadline_engine::op::{
    self, Accept, Call, Clock, Close, Connect, EpollWait, Interest, Operation, Poll, Receive, Select, Send, SendMany,
    Transfer, MOVABLE,
};

/// syscall(2). Variadic in C; six register arguments cover every call (the sixth lies on the stack, as for any C function).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn syscall(nr: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> c_long {
    if !ENGINE.active() || !numbers::may_concern(nr) {
        // SAFETY: the program's own call.
        return unsafe { next::syscall(nr, a, b, c, d, e, f) };
    }
    in_time(nr, [a, b, c, d, e, f])
}

/// Where something may be bounded.
#[inline(never)]
fn in_time(nr: c_long, args: [usize; 6]) -> c_long {
    let [a, b, c, d, e, f] = args;
    // SAFETY: the program's own call.
    let plain = move || unsafe { next::syscall(nr, a, b, c, d, e, f) };
    let fd = a as c_int;
    let result = match nr {
        libc::SYS_read if ENGINE.concerns(fd) => {
            read_now::<ByNumber>(move || Receive::read("read", fd, b, c), (fd, b as _, c, 0))
        }
        libc::SYS_readv if ENGINE.concerns(fd) => {
            let message = reading::message(b as _, c as c_int);
            by_number(|| Receive::readv(fd, b, c, &raw const message as usize))
        }
        libc::SYS_recvfrom if ENGINE.concerns(fd) && e == 0 => {
            read_now::<ByNumber>(move || Receive::recvfrom("recv", [a, b, c, d, 0, 0]), (fd, b as _, c, d as c_int))
        }
        libc::SYS_recvfrom if ENGINE.concerns(fd) => by_number(move || Receive::recvfrom("recvfrom", args)),
        libc::SYS_recvmsg if ENGINE.concerns(fd) => by_number(move || Receive::recvmsg(fd, b, c)),
        libc::SYS_recvmmsg if ENGINE.concerns(fd) => {
            by_number(move || Receive::recvmmsg(fd, b, c as u32 as usize, d, e))
        }
        libc::SYS_write if ENGINE.concerns(fd) => writing::write_some::<ByNumber>(fd, b as _, c),
        libc::SYS_writev if ENGINE.concerns(fd) => {
            let message = reading::message(b as _, c as c_int);
            by_number(|| Send::writev(fd, b, c, &raw const message as usize))
        }
        libc::SYS_sendto if ENGINE.concerns(fd) && e == 0 => {
            writing::send_now::<ByNumber>("sendto", fd, (b as _, c), d as c_int)
        }
        // MSG_FASTOPEN connects: such a socket is still unknown, or plain.
        libc::SYS_sendto if ENGINE.concerns(fd) || d as c_int & libc::MSG_FASTOPEN != 0 => {
            by_number(move || Send::sendto("sendto", [a, b, c, d, e, f as u32 as usize]))
        }
        libc::SYS_sendmsg if ENGINE.concerns(fd) => by_number(move || Send::sendmsg(fd, b, c)),
        libc::SYS_sendmmsg if ENGINE.concerns(fd) => by_number(move || SendMany::new(fd, b, c as u32 as usize, d)),
        libc::SYS_sendfile if ENGINE.concerns(fd) => by_number(move || Transfer::sendfile(fd, b as c_int, c, d)),
        libc::SYS_splice if ENGINE.concerns(fd) || ENGINE.concerns(c as c_int) => {
            by_number(move || Transfer::splice(args))
        }
        libc::SYS_connect if ENGINE.anything_tracked() => by_number(move || Connect::new(fd, b, c as u32 as usize)),
        libc::SYS_accept if ENGINE.movable() => by_number(move || Accept::new(fd, b, c, None)),
        libc::SYS_accept4 if ENGINE.movable() => by_number(move || Accept::new(fd, b, c, Some(d as c_int))),
        libc::SYS_poll if ENGINE.anything_tracked() => {
            poll("poll", Call::new(nr, [a, b, c, 0, 0, 0]), raw::milliseconds(c), (0, 0))
        }
        // The kernel's mask has 8 bytes; other sizes it refuses itself, and so it does times that cannot be.
        libc::SYS_ppoll if ENGINE.anything_tracked() && (d == 0 || e == MASK) => match raw::timespec(c) {
            Some(timeout) => keeping_time(c, move || poll("ppoll", Call::new(nr, [a, b, c, d, e, 0]), timeout, (d, e))),
            None => return plain(),
        },
        libc::SYS_select if ENGINE.anything_tracked() => match raw::timeval(e) {
            Some(timeout) => by_number(move || Select::new("select", Call::new(nr, [a, b, c, d, e, 0]), timeout)),
            None => return plain(),
        },
        libc::SYS_pselect6 if ENGINE.anything_tracked() => match (raw::timespec(e), raw::pselect_mask(f)) {
            (Some(timeout), Some(mask)) => keeping_time(e, move || {
                by_number(move || Select::new("pselect", Call::new(nr, [a, b, c, d, e, mask]), timeout))
            }),
            _ => return plain(),
        },
        libc::SYS_epoll_wait => {
            let own = Call::new(nr, [a, b, c, d, 0, 0]);
            events("epoll_wait", own, Clock::Milliseconds, Some(raw::milliseconds(d)))
        }
        libc::SYS_epoll_pwait if e == 0 || f == MASK => {
            let own = Call::new(nr, [a, b, c, d, e, f]);
            events("epoll_pwait", own, Clock::Milliseconds, Some(raw::milliseconds(d)))
        }
        libc::SYS_epoll_pwait2 if e == 0 || f == MASK => {
            events("epoll_pwait2", Call::new(nr, [a, b, c, d, e, f]), Clock::Timespec, raw::timespec(d))
        }
        libc::SYS_close if ENGINE.closes(fd) => match op::close(&ENGINE, fd) {
            Close::Call => return plain(),
            Close::NotOpen => return errno::in_libc_form(-(libc::EBADF as isize)) as c_long,
            Close::CallAndTell(index) => {
                let result = plain();
                // Also after an error: the number is free (man 2 close).
                op::closed(&ENGINE, fd, index);
                return result;
            }
        },
        libc::SYS_dup2 => {
            op::replacing(&ENGINE, fd, b as c_int);
            plain() as isize
        }
        libc::SYS_dup3 => {
            if c as c_int & !libc::O_CLOEXEC == 0 {
                op::replacing(&ENGINE, fd, b as c_int);
            }
            plain() as isize
        }
        libc::SYS_close_range if tell::closes(args) => {
            op::close_range(&ENGINE, a as u32, b as u32);
            plain() as isize
        }
        // SAFETY: the program's own call.
        libc::SYS_execve => return unsafe { exec::execve(a as _, b as _, c as _) } as c_long,
        // SAFETY: likewise.
        libc::SYS_execveat => return unsafe { exec::execveat(fd, b as _, c as _, d as _, e as c_int) } as c_long,
        libc::SYS_prctl => {
            if fd == libc::PR_SET_SECCOMP {
                sandbox::before_seccomp(b as c_int, &[nr as usize, a, b, c, d, e]);
            }
            return plain();
        }
        libc::SYS_seccomp => {
            const SET_MODE_STRICT: usize = 0;
            const SET_MODE_FILTER: usize = 1;
            if a == SET_MODE_STRICT || a == SET_MODE_FILTER {
                sandbox::before_seccomp(a as c_int + 1, &[nr as usize, a, b, c, 0, 0]);
            }
            return plain();
        }
        libc::SYS_io_uring_setup if !raw::allows_io_uring() => return errno::unsupported() as c_long,
        _ if is_told(nr, fd, b as c_int, c as c_int) => plain() as isize,
        _ => return plain(),
    };
    if result >= 0 && ENGINE.active() {
        tell::tell(nr, args, result, Interest::Waits);
    }
    result as c_long
}

/// Is the engine told of the success of this call, which the program makes itself?
fn is_told(nr: c_long, fd: c_int, b: c_int, c: c_int) -> bool {
    match nr {
        libc::SYS_recvmsg
        | libc::SYS_recvmmsg
        | libc::SYS_accept
        | libc::SYS_accept4
        | libc::SYS_socket
        | libc::SYS_socketpair
        | libc::SYS_epoll_create
        | libc::SYS_epoll_create1
        | libc::SYS_epoll_ctl
        | libc::SYS_dup
        | libc::SYS_pidfd_getfd => true,
        libc::SYS_shutdown => ENGINE.concerns(fd),
        libc::SYS_setsockopt => b == libc::SOL_SOCKET,
        libc::SYS_getsockopt => b == libc::SOL_SOCKET && c == libc::SO_ERROR,
        libc::SYS_fcntl => fds::COMMANDS.contains(&b),
        libc::SYS_ioctl => b as u32 == FIONBIO,
        _ => false,
    }
}

/// Perform an operation by its calls' numbers.
#[inline(never)] // What passes through needs no room for it.
fn by_number<O: Operation>(make: impl FnOnce() -> O) -> isize {
    drive_made::<ByNumber, O>(&mut make())
}

/// A poll that may be bounded.
fn poll(name: &'static str, own: Call, timeout: u64, mask: (usize, usize)) -> isize {
    let [fds, count, ..] = own.args;
    // Of the room that need not be written where no deadline is moved (`Poll`) a call so rare makes nothing.
    by_number(|| Poll::<MOVABLE>::new(name, own, fds, count, timeout, mask))
}

/// A wait for a set's events; without a `timeout` one whose time the kernel will refuse.
#[inline(never)]
fn events(name: &'static str, own: Call, clock: Clock, timeout: Option<u64>) -> isize {
    let [set, events, a, b, mask, c] = own.args;
    let operation = |timeout: Option<u64>| EpollWait::new(name, own, clock, timeout.unwrap_or(u64::MAX));
    let bounded = |timeout| mask != 0 || !op::waits_plainly(&ENGINE, set as c_int, timeout);
    if ENGINE.anything_tracked() && timeout.is_some_and(bounded) {
        return by_number(|| operation(timeout));
    }
    // SAFETY: the program's own call.
    let count = unsafe { next::syscall(own.nr, set, events, a, b, mask, c) } as isize;
    // Armed by another thread meanwhile, its timer may have ended it.
    if count <= 0 || !op::has_token(events, count as usize) {
        return count;
    }
    by_number(|| operation(timeout).begun(count))
}

/// ppoll and pselect6 write what is left of the time.
fn keeping_time(time: usize, wait: impl FnOnce() -> isize) -> isize {
    let left = raw::Left::of(time);
    let result = wait();
    if let Some(left) = left {
        left.write();
    }
    result
}
