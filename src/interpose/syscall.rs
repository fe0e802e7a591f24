//! syscall(2): the same doors by number. Numbers that are not ours pass through: denying unknown ones breaks programs.
//!
//! What concerns no socket of ours passes too, though its number has a door: libc's functions are not quite the calls of their
//! names (cancellation points; fcntl's F_GETOWN; what is left of a time), and who calls by number wants the call.

use super::{connections, exec, fds, options, reading, sandbox, waits, writing};
use crate::host::drive::by_number;
use crate::host::raw::{self, MASK};
use crate::host::{errno, next};
use crate::ENGINE;
use core::ffi::{c_int, c_long};

/// syscall(2). Variadic in C; six register arguments cover every call (the sixth lies on the stack, as for any C function).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn syscall(nr: c_long, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> c_long {
    // SAFETY: each function has the arguments of the call whose number it has.
    unsafe {
        if !ENGINE.active() {
            return next::syscall(nr, a, b, c, d, e, f);
        }
        let fd = a as c_int;
        match nr {
            libc::SYS_read if ENGINE.concerns(fd) => by_number(|| reading::read(fd, b as _, c)) as c_long,
            libc::SYS_readv if ENGINE.concerns(fd) => by_number(|| reading::readv(fd, b as _, c as c_int)) as c_long,
            libc::SYS_recvfrom if ENGINE.concerns(fd) => {
                by_number(|| reading::recvfrom(fd, b as _, c, d as c_int, e as _, f as _)) as c_long
            }
            libc::SYS_recvmsg => by_number(|| reading::recvmsg(fd, b as _, c as c_int)) as c_long,
            libc::SYS_recvmmsg => {
                by_number(|| reading::recvmmsg(fd, b as _, c as u32, d as c_int, e as _) as isize) as c_long
            }
            libc::SYS_write if ENGINE.concerns(fd) => by_number(|| writing::write(fd, b as _, c)) as c_long,
            libc::SYS_writev if ENGINE.concerns(fd) => by_number(|| writing::writev(fd, b as _, c as c_int)) as c_long,
            libc::SYS_sendto => by_number(|| writing::sendto(fd, b as _, c, d as c_int, e as _, f as u32)) as c_long,
            libc::SYS_sendmsg if ENGINE.concerns(fd) => {
                by_number(|| writing::sendmsg(fd, b as _, c as c_int)) as c_long
            }
            libc::SYS_sendmmsg if ENGINE.concerns(fd) => {
                by_number(|| writing::sendmmsg(fd, b as _, c as u32, d as c_int) as isize) as c_long
            }
            libc::SYS_sendfile if ENGINE.concerns(fd) => {
                by_number(|| writing::sendfile(fd, b as c_int, c as _, d)) as c_long
            }
            libc::SYS_splice if ENGINE.concerns(fd) || ENGINE.concerns(c as c_int) => {
                by_number(|| writing::splice(fd, b as _, c as c_int, d as _, e, f as u32)) as c_long
            }
            libc::SYS_connect => by_number(|| connections::connect(fd, b as _, c as u32) as isize) as c_long,
            libc::SYS_accept => by_number(|| connections::accept(fd, b as _, c as _) as isize) as c_long,
            // Other flags the kernel refuses; musl's function accepts without them.
            libc::SYS_accept4 if d as c_int & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) == 0 => {
                by_number(|| connections::accept4(fd, b as _, c as _, d as c_int) as isize) as c_long
            }
            libc::SYS_socket => connections::socket(fd, b as c_int, c as c_int) as c_long,
            libc::SYS_socketpair => connections::socketpair(fd, b as c_int, c as c_int, d as _) as c_long,
            libc::SYS_shutdown if ENGINE.concerns(fd) => connections::shutdown(fd, b as c_int) as c_long,
            libc::SYS_setsockopt => options::setsockopt(fd, b as c_int, c as c_int, d as _, e as u32) as c_long,
            libc::SYS_getsockopt => options::getsockopt(fd, b as c_int, c as c_int, d as _, e as _) as c_long,
            libc::SYS_poll if ENGINE.anything_tracked() => {
                by_number(|| waits::poll(a as _, b as u64, c as c_int) as isize) as c_long
            }
            // musl's functions of these two names refuse less than the kernel.
            libc::SYS_epoll_create if fd > 0 => waits::epoll_create(fd) as c_long,
            libc::SYS_epoll_create1 => waits::epoll_create1(fd) as c_long,
            libc::SYS_epoll_ctl => waits::epoll_ctl(fd, b as c_int, c as c_int, d as _) as c_long,
            libc::SYS_epoll_wait => {
                by_number(|| waits::epoll_wait(fd, b as _, c as c_int, d as c_int) as isize) as c_long
            }
            // The kernel's mask has 8 bytes; libc only hands its address on. Other sizes the kernel refuses itself.
            libc::SYS_ppoll if (d == 0 || e == MASK) && waits_for_us(c) => {
                keeping_time(c, || by_number(|| waits::ppoll(a as _, b as u64, c as _, d as _) as isize) as c_int)
                    as c_long
            }
            libc::SYS_epoll_pwait if e == 0 || f == MASK => {
                by_number(|| waits::epoll_pwait(fd, b as _, c as c_int, d as c_int, e as _) as isize) as c_long
            }
            libc::SYS_epoll_pwait2 if e == 0 || f == MASK => {
                by_number(|| waits::epoll_pwait2(fd, b as _, c as c_int, d as _, e as _) as isize) as c_long
            }
            libc::SYS_select if waits_for_us(e) => {
                by_number(|| waits::select(fd, b as _, c as _, d as _, e as _) as isize) as c_long
            }
            libc::SYS_pselect6 if waits_for_us(e) => match raw::pselect_mask(f) {
                Some(mask) => keeping_time(e, || {
                    by_number(|| waits::pselect(fd, b as _, c as _, d as _, e as _, mask as _) as isize) as c_int
                }) as c_long,
                None => next::syscall(nr, a, b, c, d, e, f),
            },
            libc::SYS_close => by_number(|| fds::close(fd) as isize) as c_long,
            libc::SYS_close_range => fds::close_range(a as u32, b as u32, c as c_int) as c_long,
            libc::SYS_dup => fds::dup(fd) as c_long,
            libc::SYS_dup2 => fds::dup2(fd, b as c_int) as c_long,
            libc::SYS_dup3 if c as c_int & !libc::O_CLOEXEC == 0 => fds::dup3(fd, b as c_int, c as c_int) as c_long,
            libc::SYS_fcntl if fds::COMMANDS.contains(&(b as c_int)) => fds::fcntl(fd, b as c_int, c) as c_long,
            libc::SYS_ioctl if b as u32 == fds::FIONBIO => fds::ioctl(fd, b as core::ffi::c_ulong, c) as c_long,
            libc::SYS_execve => exec::execve(a as _, b as _, c as _) as c_long,
            libc::SYS_execveat => exec::execveat(fd, b as _, c as _, d as _, e as c_int) as c_long,
            libc::SYS_prctl => sandbox::prctl(fd, b, c, d, e) as c_long,
            libc::SYS_pidfd_getfd => fds::pidfd_getfd(fd, b as c_int, c as u32) as c_long,
            libc::SYS_seccomp => {
                const SET_MODE_STRICT: usize = 0;
                const SET_MODE_FILTER: usize = 1;
                if a == SET_MODE_STRICT || a == SET_MODE_FILTER {
                    sandbox::before_seccomp(a as c_int + 1, &[nr as usize, a, b, c, 0, 0]);
                }
                next::syscall(nr, a, b, c, d, e, f)
            }
            libc::SYS_io_uring_setup if !raw::allows_io_uring() => errno::unsupported() as c_long,
            _ => next::syscall(nr, a, b, c, d, e, f),
        }
    }
}

/// A wait that may concern us, and whose time libc may read as the kernel would.
fn waits_for_us(time: usize) -> bool {
    ENGINE.anything_tracked() && raw::is_readable(time)
}

/// ppoll and pselect6 write what is left of the time, unless it was refused; libc's functions of these names don't.
fn keeping_time(time: usize, wait: impl FnOnce() -> c_int) -> c_int {
    let left = raw::Left::of(time);
    let result = wait();
    if let Some(left) = left {
        left.write();
    }
    result
}
