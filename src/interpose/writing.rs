//! write, writev, send, sendto, sendmsg, sendmmsg, sendfile, splice.

use super::reading::message;
use crate::host::drive::{drive, drive_as, write_now};
use crate::host::manner::{ByName, Manner, Uncancelled};
use crate::host::next;
use crate::ENGINE;
use core::ffi::{c_int, c_void};
use netdeadline_engine::op::{self, Send, SendMany, Transfer};

/// Flags with which a send is tried at once like one without.
const USUAL: c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL | libc::MSG_MORE;

/// A send of one buffer, by a socket that matters.
#[inline(always)]
pub(super) fn send_now<M: Manner>(
    name: &'static str,
    fd: c_int,
    (buf, count): (*const c_void, usize),
    flags: c_int,
) -> isize {
    write_now::<M, _>(
        move || Send::sendto(name, [fd as usize, buf as usize, count, flags as usize, 0, 0]),
        (fd, move || if count != 0 && flags & !USUAL == 0 { op::sends_now(&ENGINE, fd) } else { None }),
        // SAFETY: the program's own buffer, for the same call.
        move || unsafe { M::send(fd, buf, count, flags | libc::MSG_DONTWAIT) },
        move || count,
    )
}

/// A write to a socket that matters.
#[inline(always)]
pub(super) fn write_some<M: Manner>(fd: c_int, buf: *const c_void, count: usize) -> isize {
    write_now::<M, _>(
        move || Send::write(fd, buf as usize, count),
        (fd, move || if op::is_usual(count) { op::sends_now(&ENGINE, fd) } else { None }),
        // SAFETY: the program's own buffer; a write to a socket is a send without flags.
        move || unsafe { M::send(fd, buf, count, libc::MSG_DONTWAIT) },
        move || count,
    )
}

/// write(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn write(fd: c_int, buf: *const c_void, count: usize) -> isize {
    if !ENGINE.concerns(fd) {
        // SAFETY: the program's own call.
        return unsafe { next::write(fd, buf, count) };
    }
    write_some::<ByName>(fd, buf, count)
}

/// writev(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn writev(fd: c_int, iov: *const libc::iovec, count: c_int) -> isize {
    if !ENGINE.concerns(fd) {
        // SAFETY: the program's own call.
        return unsafe { next::writev(fd, iov, count) };
    }
    let message = message(iov, count);
    write_now::<ByName, _>(
        || Send::writev(fd, iov as usize, count as isize as usize, &raw const message as usize),
        // Counts that writev refuses are refused by writev, in its own way.
        (fd, || if (1..=1024).contains(&count) { op::sends_now(&ENGINE, fd)?.if_stream() } else { None }),
        // SAFETY: the program's own vector, in a message of ours; a write to a socket is a send without flags.
        || unsafe { next::sendmsg(fd, &raw const message, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) },
        move || op::vector_length(iov as usize, count as usize),
    )
}

/// send(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn send(fd: c_int, buf: *const c_void, count: usize, flags: c_int) -> isize {
    if !ENGINE.concerns(fd) {
        // SAFETY: the program's own call.
        return unsafe { next::send(fd, buf, count, flags) };
    }
    send_now::<ByName>("send", fd, (buf, count), flags)
}

/// sendto(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn sendto(
    fd: c_int,
    buf: *const c_void,
    count: usize,
    flags: c_int,
    to: *const libc::sockaddr,
    len: u32,
) -> isize {
    // MSG_FASTOPEN connects: such a socket is still unknown, or plain.
    if !ENGINE.concerns(fd) && (flags & libc::MSG_FASTOPEN == 0 || !ENGINE.active()) {
        // SAFETY: the program's own call.
        return unsafe { next::sendto(fd, buf, count, flags, to, len) };
    }
    if to.is_null() {
        return send_now::<ByName>("sendto", fd, (buf, count), flags);
    }
    drive(move || Send::sendto("sendto", [fd as usize, buf as usize, count, flags as usize, to as usize, len as usize]))
}

/// sendmsg(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn sendmsg(fd: c_int, message: *const libc::msghdr, flags: c_int) -> isize {
    if !ENGINE.concerns(fd) {
        // SAFETY: the program's own call.
        return unsafe { next::sendmsg(fd, message, flags) };
    }
    drive(move || Send::sendmsg(fd, message as usize, flags as usize))
}

/// sendmmsg(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn sendmmsg(fd: c_int, vector: *mut libc::mmsghdr, count: u32, flags: c_int) -> c_int {
    if !ENGINE.concerns(fd) {
        // SAFETY: the program's own call.
        return unsafe { next::sendmmsg(fd, vector, count, flags) };
    }
    drive(move || SendMany::new(fd, vector as usize, count as usize, flags as usize)) as c_int
}

/// sendfile(2), by whichever name, of a socket that matters. No libc's is a point of cancellation.
#[inline(always)]
fn send_file(out: c_int, from: c_int, offset: *mut i64, count: usize) -> isize {
    write_now::<Uncancelled, _>(
        move || Transfer::sendfile(out, from, offset as usize, count),
        (out, move || op::sends_now(&ENGINE, out)?.if_never_waits()),
        // SAFETY: the program's own call.
        move || unsafe { next::sendfile(out, from, offset, count) },
        move || count,
    )
}

/// sendfile(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn sendfile(out: c_int, from: c_int, offset: *mut i64, count: usize) -> isize {
    if !ENGINE.concerns(out) {
        // SAFETY: the program's own call.
        return unsafe { next::sendfile(out, from, offset, count) };
    }
    send_file(out, from, offset, count)
}

/// sendfile(2) by its other name: off_t has 64 bits here.
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn sendfile64(out: c_int, from: c_int, offset: *mut i64, count: usize) -> isize {
    if !ENGINE.concerns(out) {
        // SAFETY: the program's own call.
        return unsafe { next::sendfile64(out, from, offset, count) };
    }
    send_file(out, from, offset, count)
}

/// splice(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn splice(
    from: c_int,
    from_at: *mut i64,
    to: c_int,
    to_at: *mut i64,
    count: usize,
    flags: u32,
) -> isize {
    if !ENGINE.concerns(from) && !ENGINE.concerns(to) {
        // SAFETY: the program's own call.
        return unsafe { next::splice(from, from_at, to, to_at, count, flags) };
    }
    let make =
        move || Transfer::splice([from as usize, from_at as usize, to as usize, to_at as usize, count, flags as usize]);
    if next::is_glibc() {
        drive(make)
    } else {
        // musl's is no point of cancellation.
        drive_as::<Uncancelled, _>(make)
    }
}
