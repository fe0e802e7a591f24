//! The C door: what C, C++, Rust and Python programs call by name. include/netdeadline.h is made of this file (`./x header`).
//!
//! Each function checks what C may get wrong (NULL, a negative duration), hands the rest to the engine and writes errno. What a
//! deadline means belongs there; libc's own names are `interpose`'s. The comments are the header's, for a C reader.
//!
//! Unsafe here means: buffers and addresses go to the call that was asked for as they came; a struct of this header is read or
//! written where it is not NULL, as C functions do.

#![allow(non_camel_case_types)] // C's names

use crate::host::drive::{drive, read_now};
use crate::host::manner::ByName;
use crate::host::{errno, next, thread};
use crate::ENGINE;
use core::ffi::{c_char, c_int, c_void};
use netdeadline_engine::op::{self, Accept, Call, Close, Connect, Poll, Receive, Send, Ways, MOVABLE};
use netdeadline_engine::policy::Class;
use netdeadline_engine::sys::Kernel;
use netdeadline_engine::table::Source;
use netdeadline_engine::Engine;

/// The version that this header belongs to. Compare it with `nd_version`, which answers for the library.
pub const ND_VERSION_MAJOR: c_int = 0;
/// See ND_VERSION_MAJOR.
pub const ND_VERSION_MINOR: c_int = 1;
/// See ND_VERSION_MAJOR.
pub const ND_VERSION_PATCH: c_int = 0;

/// Which clock ran out: the connection was not established in time.
pub const ND_CONNECT: u32 = 1;
/// Which clock ran out: something was written, and not one byte came back in time.
pub const ND_RESPONSE: u32 = 2;
/// Which clock ran out: no data, or on a listening socket no connection, came in time.
pub const ND_READ: u32 = 3;
/// Which clock ran out: there was no room for data, or what was sent was not acknowledged, in time.
pub const ND_WRITE: u32 = 4;
/// Which clock ran out: the connection had lived as long as it may.
pub const ND_LIFETIME: u32 = 5;

/// Who set it: `nd_set_deadline`, `nd_set_read_deadline` or `nd_set_write_deadline`.
pub const ND_SOURCE_DEADLINE: u32 = 1;
/// Who set it: `nd_scope_enter`.
pub const ND_SOURCE_SCOPE: u32 = 2;
/// Who set it: `nd_set_timeouts`.
pub const ND_SOURCE_TIMEOUTS: u32 = 3;
/// Who set it: setsockopt with SO_RCVTIMEO or SO_SNDTIMEO on a non-blocking socket.
pub const ND_SOURCE_SOCKOPT: u32 = 4;
/// Who set it: a rule of the operator's (NETDEADLINE_RULES and its like).
pub const ND_SOURCE_RULE: u32 = 5;

// The header's numbers are the engine's, and the header's version the library's.
const _: () = {
    assert!(ND_CONNECT == Class::Connect as u32 + 1 && ND_RESPONSE == Class::Response as u32 + 1);
    assert!(ND_READ == Class::Read as u32 + 1 && ND_WRITE == Class::Write as u32 + 1);
    assert!(ND_LIFETIME == Class::Lifetime as u32 + 1);
    assert!(ND_SOURCE_DEADLINE == Source::Deadline as u32 && ND_SOURCE_SCOPE == Source::Scope as u32);
    assert!(ND_SOURCE_TIMEOUTS == Source::Timeouts as u32 && ND_SOURCE_SOCKOPT == Source::Option as u32);
    assert!(ND_SOURCE_RULE == Source::Rule as u32);
    assert!(number(env!("CARGO_PKG_VERSION_MAJOR")) == ND_VERSION_MAJOR);
    assert!(number(env!("CARGO_PKG_VERSION_MINOR")) == ND_VERSION_MINOR);
    assert!(number(env!("CARGO_PKG_VERSION_PATCH")) == ND_VERSION_PATCH);
};

/// A decimal number.
const fn number(text: &str) -> c_int {
    let (mut value, mut rest) = (0, text.as_bytes());
    while let [digit, more @ ..] = rest {
        (value, rest) = (value * 10 + (*digit - b'0') as c_int, more);
    }
    value
}

/// Timeouts of one socket, in nanoseconds; 0 = none set here. What each clock counts is said in netdeadline(7).
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nd_timeouts {
    /// From connect() until the connection is established.
    pub connect: i64,
    /// From a write until the first byte of the answer.
    pub response: i64,
    /// While data is waited for; every byte, and every write, starts it anew. On a listening socket: a blocking accept.
    pub read: i64,
    /// While room is waited for, or an acknowledgement; every byte accepted or acknowledged starts it anew.
    pub write: i64,
    /// From connect() (of a connected socket: from `nd_set_timeouts`) for ever.
    pub lifetime: i64,
}

/// Why an operation failed with ETIMEDOUT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct nd_expiry {
    /// The instant at which it was ended: CLOCK_MONOTONIC, nanoseconds.
    pub when: i64,
    /// How long it had waited, in nanoseconds; 0 if the deadline had passed before it began.
    pub waited: i64,
    /// Bytes that this operation had moved before it was ended.
    pub bytes: u64,
    /// TCP's smoothed round trip in microseconds; 0 if it is not known.
    pub rtt: u32,
    /// How many times what is unacknowledged was sent again (TCP).
    pub retransmits: u32,
    /// Which clock ran out: ND_CONNECT, ND_RESPONSE, ND_READ, ND_WRITE or ND_LIFETIME.
    pub which: u32,
    /// Who set it: one of the ND_SOURCE_ constants.
    pub source: u32,
    /// 0; later versions may use them.
    pub reserved: [u64; 3],
}

/// C's form of a result without a value.
fn answer(result: Result<(), i32>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => errno::in_libc_form(-(error as isize)) as c_int,
    }
}

/// The engine, with its waits movable; `Err` where a sandbox forbids what it needs.
fn movable() -> Result<&'static Engine<netdeadline_engine::sys::Linux>, i32> {
    op::begin_movable(&ENGINE, next::interposed).map(|()| &ENGINE)
}

/// The version of the library, as "0.1.0". Any thread, also in a signal handler.
#[no_mangle]
pub extern "C" fn nd_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The present instant: CLOCK_MONOTONIC, in nanoseconds. Any thread, also in a signal handler.
#[no_mangle]
pub extern "C" fn nd_now() -> i64 {
    ENGINE.kernel.now() as i64
}

fn set(fd: c_int, ways: Ways, when: i64) -> c_int {
    answer(movable().and_then(|engine| op::set_deadline(engine, fd, ways, when)))
}

/// Set the instant after which every operation on `fd`'s socket fails with ETIMEDOUT instead of waiting: `nd_set_read_deadline`
/// and `nd_set_write_deadline` in one.
///
/// ENOTSUP, of this and the other calls: a seccomp filter forbids what it needs, or this is a vfork child.
///
/// Returns 0, or -1 with errno EBADF, ENOTSOCK, ENOMEM or ENOTSUP. Any thread, also in a signal handler.
#[no_mangle]
pub extern "C" fn nd_set_deadline(fd: c_int, when: i64) -> c_int {
    set(fd, Ways::Both, when)
}

/// Set the instant after which `read`, `recv` and their like, and `accept`, on `fd`'s socket fail with ETIMEDOUT.
///
/// `when` is an instant as `nd_now` gives it; 0 removes the deadline. It holds for every later operation, not only the next,
/// until it is set anew, and also for operations that other threads already wait in. One that has passed makes reads fail at
/// once, even if data is there; nothing is consumed. poll, select and epoll report the socket as readable from then on.
/// All numbers that dup() made of `fd` share the deadline; accepted sockets do not inherit it.
///
/// Returns 0, or -1 with errno EBADF, ENOTSOCK, ENOMEM or ENOTSUP. Any thread, also in a signal handler.
#[no_mangle]
pub extern "C" fn nd_set_read_deadline(fd: c_int, when: i64) -> c_int {
    set(fd, Ways::Read, when)
}

/// Set the instant after which `write`, `send` and their like, and `connect`, on `fd`'s socket fail with ETIMEDOUT.
///
/// As `nd_set_read_deadline`. A write that has moved some bytes by then returns their number, and the next one fails. A connect
/// that is under way is aborted: it cannot succeed later.
///
/// Returns 0, or -1 with errno EBADF, ENOTSOCK, ENOMEM or ENOTSUP. Any thread, also in a signal handler.
#[no_mangle]
pub extern "C" fn nd_set_write_deadline(fd: c_int, when: i64) -> c_int {
    set(fd, Ways::Write, when)
}

/// The deadlines of `fd`'s socket, as they were set; 0 where there is none. Either pointer may be NULL.
///
/// Returns 0, or -1 with errno EBADF, ENOTSOCK, ENOMEM or ENOTSUP. Any thread, also in a signal handler.
///
/// # Safety
/// Pointers are NULL or good for writing.
#[no_mangle]
pub unsafe extern "C" fn nd_get_deadlines(fd: c_int, read: *mut i64, write: *mut i64) -> c_int {
    let found = movable().and_then(|engine| op::deadlines(engine, fd));
    answer(found.map(|(reads, writes)| {
        for (to, when) in [(read, reads), (write, writes)] {
            if !to.is_null() {
                // SAFETY: the caller's word.
                unsafe { to.write_unaligned(when) };
            }
        }
    }))
}

/// Set timeouts of `fd`'s socket: durations that become deadlines when an operation begins to wait.
///
/// They hold beside deadlines, SO_RCVTIMEO, SO_SNDTIMEO and the operator's rules: what ends first ends the wait. Waits that
/// other threads are in are bounded by the new timeouts from now on.
///
/// Returns 0, or -1 with errno EFAULT (`timeouts` is NULL), EINVAL (a member is negative), EBADF, ENOTSOCK, ENOMEM or
/// ENOTSUP. Any
/// thread, also in a signal handler.
///
/// # Safety
/// The pointer is NULL or good for reading.
#[no_mangle]
pub unsafe extern "C" fn nd_set_timeouts(fd: c_int, timeouts: *const nd_timeouts) -> c_int {
    if timeouts.is_null() {
        return answer(Err(libc::EFAULT));
    }
    // SAFETY: the caller's word.
    let nd_timeouts { connect, response, read, write, lifetime } = unsafe { timeouts.read_unaligned() };
    let [connect, response, read, write, lifetime] =
        [connect, response, read, write, lifetime].map(|ns| u64::try_from(ns).ok());
    let all = (|| Some([connect?, response?, read?, write?, lifetime?]))();
    let Some(all) = all else { return answer(Err(libc::EINVAL)) };
    answer(movable().and_then(|engine| op::set_timeouts(engine, fd, all)))
}

/// The timeouts of `fd`'s socket, as `nd_set_timeouts` set them.
///
/// Returns 0, or -1 with errno EFAULT (`timeouts` is NULL), EBADF, ENOTSOCK, ENOMEM or ENOTSUP. Any thread, also in a signal handler.
///
/// # Safety
/// The pointer is NULL or good for writing.
#[no_mangle]
pub unsafe extern "C" fn nd_get_timeouts(fd: c_int, timeouts: *mut nd_timeouts) -> c_int {
    if timeouts.is_null() {
        return answer(Err(libc::EFAULT));
    }
    let found = movable().and_then(|engine| op::timeouts(engine, fd));
    answer(found.map(|all| {
        let [connect, response, read, write, lifetime] = all.map(|ns| ns as i64);
        // SAFETY: the caller's word.
        unsafe { timeouts.write_unaligned(nd_timeouts { connect, response, read, write, lifetime }) };
    }))
}

/// Why the last operation on `fd`'s socket that failed with ETIMEDOUT did so.
///
/// Returns 0, or -1 with errno ENODATA (none has failed so), EFAULT (`expiry` is NULL), EBADF, ENOTSOCK, ENOMEM or
/// ENOTSUP. Any thread, also in a signal handler.
///
/// # Safety
/// The pointer is NULL or good for writing.
#[no_mangle]
pub unsafe extern "C" fn nd_last_expiry(fd: c_int, expiry: *mut nd_expiry) -> c_int {
    if expiry.is_null() {
        return answer(Err(libc::EFAULT));
    }
    let found = movable().and_then(|engine| op::last_expiry(engine, fd));
    answer(found.map(|last| {
        let why = nd_expiry {
            when: last.when as i64,
            waited: last.waited as i64,
            bytes: last.bytes,
            rtt: last.rtt,
            retransmits: last.retransmits,
            which: last.which,
            source: last.source,
            reserved: [0; 3],
        };
        // SAFETY: the caller's word.
        unsafe { expiry.write_unaligned(why) };
    }))
}

/// Begin a scope: until it is left, no socket operation and no poll, select or epoll_wait of the calling thread waits past `when`,
/// whichever library makes it.
///
/// `when` is an instant as `nd_now` gives it; 0 sets no bound of its own. From that instant on socket operations of this
/// thread fail with ETIMEDOUT, nothing being consumed; a connect that is under way is aborted; poll, select and epoll_wait report
/// their sockets as ready, and return 0 if they have none. Scopes nest, and the earliest instant holds. What other threads do, also
/// on behalf of this one (a resolver), is not bounded, nor is what waits on no socket. A forked child begins without scopes.
///
/// Returns a token for `nd_scope_leave`, or -1 with errno EAGAIN (64 scopes deep, or 1024 threads that ever entered one), ENOMEM
/// or ENOTSUP.
/// In a signal handler only if the handler also leaves it.
#[no_mangle]
pub extern "C" fn nd_scope_enter(when: i64) -> i64 {
    match movable().and_then(|engine| op::enter_scope(engine, thread::key(), when)) {
        Ok(token) => token as i64,
        Err(error) => errno::in_libc_form(-(error as isize)) as i64,
    }
}

/// Leave the innermost scope, whose token this is. What it bounded is bounded by the scope around it again.
///
/// Returns 0, or -1 with errno EINVAL: `token` is not that of the calling thread's innermost scope (left before, or out of order).
#[no_mangle]
pub extern "C" fn nd_scope_leave(token: i64) -> c_int {
    answer(op::leave_scope(&ENGINE, thread::key(), token as u64))
}

/// An operation under the deadlines of `fd`; where nothing can be enforced, the plain call.
fn io(fd: c_int, bounded: impl FnOnce() -> isize, plain: impl FnOnce() -> isize) -> isize {
    match movable() {
        Ok(engine) => {
            op::refresh(engine, fd);
            bounded()
        }
        Err(_) => plain(),
    }
}

/// connect(2) under `fd`'s write deadline. For callers whose own call cannot be interposed (a library that was opened with
/// dlopen, foreign function interfaces); so are the calls below. A cancellation point where connect is.
///
/// # Safety
/// connect's.
#[no_mangle]
pub unsafe extern "C" fn nd_connect(fd: c_int, address: *const libc::sockaddr, length: libc::socklen_t) -> c_int {
    // SAFETY: the caller's own call.
    io(
        fd,
        || drive(move || Connect::new(fd, address as usize, length as usize)),
        || unsafe { next::connect(fd, address, length) as isize },
    ) as c_int
}

/// accept(2) under `fd`'s read deadline. The new socket has no deadline.
///
/// # Safety
/// accept's.
#[no_mangle]
pub unsafe extern "C" fn nd_accept(fd: c_int, address: *mut libc::sockaddr, length: *mut libc::socklen_t) -> c_int {
    let new = io(
        fd,
        || drive(move || Accept::new(fd, address as usize, length as usize, None)),
        || unsafe {
            // SAFETY: the caller's own call.
            next::accept(fd, address, length) as isize
        },
    ) as c_int;
    if new >= 0 {
        op::accepted(&ENGINE, new);
    }
    new
}

/// read(2) under `fd`'s read deadline.
///
/// # Safety
/// read's.
#[no_mangle]
pub unsafe extern "C" fn nd_read(fd: c_int, buffer: *mut c_void, count: usize) -> isize {
    // SAFETY: the caller's own call.
    io(
        fd,
        || read_now::<ByName>(move || Receive::read("read", fd, buffer as usize, count), (fd, buffer, count, 0)),
        || unsafe { next::read(fd, buffer, count) },
    )
}

/// write(2) under `fd`'s write deadline.
///
/// # Safety
/// write's.
#[no_mangle]
pub unsafe extern "C" fn nd_write(fd: c_int, buffer: *const c_void, count: usize) -> isize {
    // SAFETY: the caller's own call.
    io(fd, || drive(move || Send::write(fd, buffer as usize, count)), || unsafe { next::write(fd, buffer, count) })
}

/// recv(2) under `fd`'s read deadline.
///
/// # Safety
/// recv's.
#[no_mangle]
pub unsafe extern "C" fn nd_recv(fd: c_int, buffer: *mut c_void, count: usize, flags: c_int) -> isize {
    // SAFETY: the caller's own call.
    io(
        fd,
        || drive(move || Receive::recvfrom("recv", [fd as usize, buffer as usize, count, flags as usize, 0, 0])),
        || unsafe { next::recv(fd, buffer, count, flags) },
    )
}

/// send(2) under `fd`'s write deadline.
///
/// # Safety
/// send's.
#[no_mangle]
pub unsafe extern "C" fn nd_send(fd: c_int, buffer: *const c_void, count: usize, flags: c_int) -> isize {
    // SAFETY: the caller's own call.
    io(
        fd,
        || drive(move || Send::sendto("send", [fd as usize, buffer as usize, count, flags as usize, 0, 0])),
        || unsafe { next::send(fd, buffer, count, flags) },
    )
}

/// poll(2) that ends at the deadlines of its sockets, too: it reports them as ready.
///
/// # Safety
/// poll's.
#[no_mangle]
pub unsafe extern "C" fn nd_poll(fds: *mut libc::pollfd, count: libc::nfds_t, timeout_ms: c_int) -> c_int {
    match movable() {
        Ok(engine) => op::refresh_polled(engine, fds as usize, count as usize),
        // SAFETY: the caller's own call.
        Err(_) => return unsafe { next::poll(fds, count, timeout_ms) },
    }
    let own = Call::new(libc::SYS_poll, [fds as usize, count as usize, timeout_ms as usize, 0, 0, 0]);
    let timeout = u64::try_from(timeout_ms).map_or(u64::MAX, |ms| ms * 1_000_000);
    drive(move || Poll::<MOVABLE>::new("poll", own, fds as usize, count as usize, timeout, (0, 0))) as c_int
}

/// close(2). Whoever waits on `fd` in another thread is woken and fails with EBADF.
#[no_mangle]
pub extern "C" fn nd_close(fd: c_int) -> c_int {
    let what = if movable().is_ok() { op::close(&ENGINE, fd) } else { Close::Call };
    if what == Close::NotOpen {
        return answer(Err(libc::EBADF));
    }
    // SAFETY: the caller's own call.
    let result = unsafe { next::close(fd) };
    if let Close::CallAndTell(index) = what {
        let after = errno::load();
        op::closed(&ENGINE, fd, index);
        errno::store(after);
    }
    result
}
