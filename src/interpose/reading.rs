//! read, readv, recv, recvfrom, recvmsg, recvmmsg, and the fortified names of some.

use crate::host::drive::{drive, read_now};
use crate::host::manner::ByName;
use crate::host::next;
use crate::ENGINE;
use core::ffi::{c_int, c_void};
use netdeadline_engine::op::{self, Receive};

/// read(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn read(fd: c_int, buf: *mut c_void, count: usize) -> isize {
    if !ENGINE.concerns(fd) {
        // SAFETY: the program's own call.
        return unsafe { next::read(fd, buf, count) };
    }
    read_now::<ByName>(move || Receive::read("read", fd, buf as usize, count), (fd, buf, count, 0))
}

/// readv(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn readv(fd: c_int, iov: *const libc::iovec, count: c_int) -> isize {
    if !ENGINE.concerns(fd) {
        // SAFETY: the program's own call.
        return unsafe { next::readv(fd, iov, count) };
    }
    let message = message(iov, count);
    drive(move || Receive::readv(fd, iov as usize, count as isize as usize, &raw const message as usize))
}

/// A message that names the program's vector.
pub(super) fn message(iov: *const libc::iovec, count: c_int) -> libc::msghdr {
    libc::msghdr {
        msg_name: core::ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: iov.cast_mut(),
        msg_iovlen: count as usize,
        msg_control: core::ptr::null_mut(),
        msg_controllen: 0,
        msg_flags: 0,
    }
}

/// recv(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn recv(fd: c_int, buf: *mut c_void, count: usize, flags: c_int) -> isize {
    if !ENGINE.concerns(fd) {
        // SAFETY: the program's own call.
        return unsafe { next::recv(fd, buf, count, flags) };
    }
    let operation = || Receive::recvfrom("recv", [fd as usize, buf as usize, count, flags as usize, 0, 0]);
    read_now::<ByName>(operation, (fd, buf, count, flags))
}

/// recvfrom(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn recvfrom(
    fd: c_int,
    buf: *mut c_void,
    count: usize,
    flags: c_int,
    from: *mut libc::sockaddr,
    len: *mut u32,
) -> isize {
    if !ENGINE.concerns(fd) {
        // SAFETY: the program's own call.
        return unsafe { next::recvfrom(fd, buf, count, flags, from, len) };
    }
    let args = [fd as usize, buf as usize, count, flags as usize, from as usize, len as usize];
    drive(move || Receive::recvfrom("recvfrom", args))
}

/// recvmsg(2). Descriptors that come along are new numbers.
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn recvmsg(fd: c_int, message: *mut libc::msghdr, flags: c_int) -> isize {
    let result = if ENGINE.concerns(fd) {
        drive(move || Receive::recvmsg(fd, message as usize, flags as usize))
    } else {
        // SAFETY: the program's own call.
        unsafe { next::recvmsg(fd, message, flags) }
    };
    if result >= 0 && ENGINE.active() {
        op::received_message(&ENGINE, message as usize);
    }
    result
}

/// recvmmsg(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn recvmmsg(
    fd: c_int,
    vector: *mut libc::mmsghdr,
    count: u32,
    flags: c_int,
    time: *mut libc::timespec,
) -> c_int {
    let result = if ENGINE.concerns(fd) {
        drive(move || Receive::recvmmsg(fd, vector as usize, count as usize, flags as usize, time as usize)) as c_int
    } else {
        // SAFETY: the program's own call.
        unsafe { next::recvmmsg(fd, vector, count, flags, time) }
    };
    if ENGINE.active() {
        op::received_messages(&ENGINE, vector as usize, result.max(0) as usize);
    }
    result
}

/// `read` of programs compiled with _FORTIFY_SOURCE.
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn __read_chk(fd: c_int, buf: *mut c_void, count: usize, size: usize) -> isize {
    // SAFETY: libc's check, then the same call.
    unsafe {
        fits(count, size);
        read(fd, buf, count)
    }
}

/// `recv` of programs compiled with _FORTIFY_SOURCE.
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn __recv_chk(fd: c_int, buf: *mut c_void, count: usize, size: usize, flags: c_int) -> isize {
    // SAFETY: libc's check, then the same call.
    unsafe {
        fits(count, size);
        recv(fd, buf, count, flags)
    }
}

/// `recvfrom` of programs compiled with _FORTIFY_SOURCE.
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn __recvfrom_chk(
    fd: c_int,
    buf: *mut c_void,
    count: usize,
    size: usize,
    flags: c_int,
    from: *mut libc::sockaddr,
    len: *mut u32,
) -> isize {
    // SAFETY: libc's check, then the same call.
    unsafe {
        fits(count, size);
        recvfrom(fd, buf, count, flags, from, len)
    }
}

/// libc's own end of a program that would overflow its buffer.
///
/// # Safety
/// None; it may not return.
pub(super) unsafe fn fits(needed: usize, size: usize) {
    if needed > size {
        // SAFETY: libc's handler: prints and aborts.
        unsafe { next::__chk_fail() };
    }
}
