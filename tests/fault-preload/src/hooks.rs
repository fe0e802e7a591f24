//! The hooked names. redhook cannot hook variadic functions (fcntl, ioctl, open), so they are not here.

use std::cell::Cell;

use libc::{
    c_int, c_void, epoll_event, fd_set, iovec, msghdr, nfds_t, pollfd, size_t, sockaddr, socklen_t, ssize_t, timeval,
};
use redhook::{hook, real};

use crate::chance::{draw, fewer, Fault, Kind};
use crate::count::count;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// While it lives, the calls of this thread are our own (std's, mostly) and pass unseen.
pub struct Inside(());

impl Inside {
    /// `None`: the thread is in one of our hooks already.
    pub fn enter() -> Option<Inside> {
        (!INSIDE.replace(true)).then_some(Inside(()))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}

/// Count the call and draw its fault. errno is as it was before, except by the fault itself.
fn before(name: &'static str, kind: Kind, fd: c_int) -> Fault {
    let Some(_inside) = Inside::enter() else { return Fault::None };
    // SAFETY: errno's address is valid for as long as the thread runs; a socket option is read into a local variable.
    unsafe {
        let errno = *libc::__errno_location();
        let mut socket_type: c_int = 0;
        let mut length = size_of::<c_int>() as socklen_t;
        let option = (&raw mut socket_type).cast();
        // A fault on a file or a pipe would be one that no kernel makes; on a datagram, a short read loses bytes.
        let kind = match kind {
            Kind::Receive | Kind::Send
                if libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_TYPE, option, &mut length) != 0
                    || socket_type != libc::SOCK_STREAM =>
            {
                Kind::Other
            }
            kind => kind,
        };
        count(name);
        let fault = draw(kind);
        *libc::__errno_location() = errno;
        fault
    }
}

fn fail<T: From<i8>>(errno: c_int) -> T {
    // SAFETY: errno's address is valid for as long as the thread runs.
    unsafe { *libc::__errno_location() = errno };
    T::from(-1)
}

/// With one of these a short answer would be one that no kernel gives.
const WHOLE: c_int = libc::MSG_PEEK | libc::MSG_WAITALL | libc::MSG_TRUNC | libc::MSG_OOB | libc::MSG_ERRQUEUE;

/// The given call, its length made shorter where the fault asks for it.
macro_rules! transfer {
    ($name:ident, $kind:ident, $fd:expr, $length:expr, $whole:expr, |$l:ident| $call:expr) => {
        match before(stringify!($name), Kind::$kind, $fd) {
            Fault::Errno(errno) => fail(errno),
            Fault::Short if !$whole => {
                let $l = fewer($length);
                $call
            }
            _ => {
                let $l = $length;
                $call
            }
        }
    };
}

/// The given call, made or failed.
macro_rules! pass {
    ($name:ident, $kind:ident, $fd:expr, $call:expr) => {
        match before(stringify!($name), Kind::$kind, $fd) {
            Fault::Errno(errno) => fail(errno),
            _ => $call,
        }
    };
}

hook! { unsafe fn read(fd: c_int, buffer: *mut c_void, length: size_t) -> ssize_t => on_read {
    transfer!(read, Receive, fd, length, false, |l| real!(read)(fd, buffer, l))
}}

hook! { unsafe fn recv(fd: c_int, buffer: *mut c_void, length: size_t, flags: c_int) -> ssize_t => on_recv {
    transfer!(recv, Receive, fd, length, flags & WHOLE != 0, |l| real!(recv)(fd, buffer, l, flags))
}}

hook! { unsafe fn recvfrom(fd: c_int, buffer: *mut c_void, length: size_t, flags: c_int, from: *mut sockaddr,
                           size: *mut socklen_t) -> ssize_t => on_recvfrom {
    transfer!(recvfrom, Receive, fd, length, flags & WHOLE != 0, |l| real!(recvfrom)(fd, buffer, l, flags, from, size))
}}

hook! { unsafe fn recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t => on_recvmsg {
    pass!(recvmsg, Receive, fd, real!(recvmsg)(fd, message, flags))
}}

hook! { unsafe fn readv(fd: c_int, parts: *const iovec, number: c_int) -> ssize_t => on_readv {
    transfer!(readv, Receive, fd, number as usize, false, |l| real!(readv)(fd, parts, l as c_int))
}}

hook! { unsafe fn write(fd: c_int, buffer: *const c_void, length: size_t) -> ssize_t => on_write {
    transfer!(write, Send, fd, length, false, |l| real!(write)(fd, buffer, l))
}}

hook! { unsafe fn send(fd: c_int, buffer: *const c_void, length: size_t, flags: c_int) -> ssize_t => on_send {
    transfer!(send, Send, fd, length, flags & WHOLE != 0, |l| real!(send)(fd, buffer, l, flags))
}}

hook! { unsafe fn sendto(fd: c_int, buffer: *const c_void, length: size_t, flags: c_int, to: *const sockaddr,
                         size: socklen_t) -> ssize_t => on_sendto {
    transfer!(sendto, Send, fd, length, flags & WHOLE != 0, |l| real!(sendto)(fd, buffer, l, flags, to, size))
}}

hook! { unsafe fn sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t => on_sendmsg {
    pass!(sendmsg, Send, fd, real!(sendmsg)(fd, message, flags))
}}

hook! { unsafe fn writev(fd: c_int, parts: *const iovec, number: c_int) -> ssize_t => on_writev {
    transfer!(writev, Send, fd, number as usize, false, |l| real!(writev)(fd, parts, l as c_int))
}}

hook! { unsafe fn poll(fds: *mut pollfd, number: nfds_t, timeout: c_int) -> c_int => on_poll {
    pass!(poll, Wait, -1, real!(poll)(fds, number, timeout))
}}

hook! { unsafe fn select(number: c_int, input: *mut fd_set, output: *mut fd_set, urgent: *mut fd_set,
                         timeout: *mut timeval) -> c_int => on_select {
    pass!(select, Wait, -1, real!(select)(number, input, output, urgent, timeout))
}}

hook! { unsafe fn epoll_wait(set: c_int, events: *mut epoll_event, number: c_int, timeout: c_int) -> c_int => on_epoll_wait {
    pass!(epoll_wait, Wait, -1, real!(epoll_wait)(set, events, number, timeout))
}}

hook! { unsafe fn epoll_ctl(set: c_int, what: c_int, fd: c_int, event: *mut epoll_event) -> c_int => on_epoll_ctl {
    pass!(epoll_ctl, Other, -1, real!(epoll_ctl)(set, what, fd, event))
}}

hook! { unsafe fn connect(fd: c_int, to: *const sockaddr, size: socklen_t) -> c_int => on_connect {
    pass!(connect, Other, -1, real!(connect)(fd, to, size))
}}

hook! { unsafe fn accept(fd: c_int, from: *mut sockaddr, size: *mut socklen_t) -> c_int => on_accept {
    pass!(accept, Other, -1, real!(accept)(fd, from, size))
}}

hook! { unsafe fn close(fd: c_int) -> c_int => on_close {
    pass!(close, Other, -1, real!(close)(fd))
}}

hook! { unsafe fn dup2(from: c_int, to: c_int) -> c_int => on_dup2 {
    pass!(dup2, Other, -1, real!(dup2)(from, to))
}}
