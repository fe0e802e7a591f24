//! The next function of each name: libc's, or that of a preload behind us.
//!
//! Looked up once with dlsym(RTLD_NEXT), all of them in our constructor so that no signal handler ever has to. A name that
//! this libc lacks is made by the bare system call. What a function means belongs elsewhere.

use super::errno;
use super::weak::weak;
use core::ffi::{c_char, c_int, c_void, CStr};
use core::num::NonZeroUsize;
use netdeadline_engine::sys::Kernel;
use once_cell::race::OnceNonZeroUsize;

type Dlsym = unsafe extern "C" fn(handle: *mut c_void, name: *const c_char) -> *mut c_void;

const RTLD_NEXT: *mut c_void = -1_isize as *mut c_void;
const RTLD_DEFAULT: *mut c_void = core::ptr::null_mut();
/// Looked up, and not there.
const ABSENT: NonZeroUsize = NonZeroUsize::MIN;

/// One name, resolved at most a few times (twice does no harm; waiting for another thread in a signal handler would).
pub struct Next {
    name: &'static CStr,
    address: OnceNonZeroUsize,
}

impl Next {
    pub const fn new(name: &'static CStr) -> Next {
        Next { name, address: OnceNonZeroUsize::new() }
    }

    /// The address, where it was looked up and found.
    #[inline(always)]
    pub fn found(&self) -> Option<NonZeroUsize> {
        self.address.get().filter(|address| *address != ABSENT)
    }

    /// The address; `None` if no library behind us has the name.
    pub fn address(&self) -> Option<NonZeroUsize> {
        match self.address.get() {
            Some(ABSENT) => None,
            Some(address) => Some(address),
            None => self.look_up(),
        }
    }

    #[cold]
    fn look_up(&self) -> Option<NonZeroUsize> {
        let dlsym = weak!(dlsym);
        if dlsym == 0 {
            return None;
        }
        // SAFETY: the loader found the name, and C gives it this type.
        let dlsym: Dlsym = unsafe { core::mem::transmute(dlsym) };
        let found = self.address.get_or_init(|| {
            // SAFETY: dlsym is there (not null) and gets a NUL-terminated name.
            let of = |handle| NonZeroUsize::new(unsafe { dlsym(handle, self.name.as_ptr()) } as usize);
            // Behind a library that was opened with dlopen there is nothing at all: what everybody else finds, then. Not for a name
            // that only this libc lacks: a preload before us may have it, whose next function is ours.
            // SAFETY: as above.
            let opened = || unsafe { dlsym(RTLD_NEXT, c"close".as_ptr()) }.is_null();
            let theirs = || of(RTLD_DEFAULT).filter(|address| opened() && !is_ours(address.get()));
            of(RTLD_NEXT).or_else(theirs).unwrap_or(ABSENT)
        });
        (found != ABSENT).then_some(found)
    }
}

/// Do the program's own closes come by us? Not where the library was opened by dlopen, nor where the name of another preload comes
/// before ours (whether that one hands on to us cannot be known).
pub fn interposed() -> bool {
    let dlsym = weak!(dlsym);
    if dlsym == 0 {
        return false;
    }
    // SAFETY: as in `look_up`.
    let dlsym: Dlsym = unsafe { core::mem::transmute(dlsym) };
    // SAFETY: a NUL-terminated name.
    is_ours(unsafe { dlsym(RTLD_DEFAULT, c"close".as_ptr()) } as usize)
}

/// Is this an address in this object?
fn is_ours(address: usize) -> bool {
    extern "C" {
        // The linker's: where this object begins and ends in memory.
        static __ehdr_start: u8;
        static _end: u8;
    }
    (&raw const __ehdr_start as usize..&raw const _end as usize).contains(&address)
}

/// Is libc glibc?
pub fn is_glibc() -> bool {
    // SAFETY: no arguments.
    !unsafe { gnu_get_libc_version() }.is_null()
}

/// Make a bare system call in libc's form: -1 and errno.
pub fn bare(nr: i64, args: [usize; 6]) -> isize {
    errno::in_libc_form(crate::ENGINE.kernel.call(nr, args))
}

macro_rules! next {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty, $otherwise:expr;)*) => {
        $(
            /// The next function of this name, or what stands in for it.
            ///
            /// # Safety
            /// As of libc's function: the caller passes on what the program gave it.
            #[inline(always)]
            #[allow(clippy::too_many_arguments)] // libc's signature
            pub unsafe fn $name($($argument: $type),*) -> $result {
                type Function = unsafe extern "C" fn($($type),*) -> $result;
                /// Where the name was not looked up yet, or this libc lacks it. Out of line, so that the call itself is a jump.
                #[cold]
                #[inline(never)]
                #[allow(clippy::too_many_arguments)] // libc's signature
                unsafe fn seldom($($argument: $type),*) -> $result {
                    let Some(address) = table::$name.address() else {
                        #[allow(unused_variables)]
                        let standing_in: fn($($type),*) -> $result = |$($argument),*| $otherwise;
                        return standing_in($($argument),*);
                    };
                    // SAFETY: dlsym found this name, and C gives a name one type.
                    let next = unsafe { core::mem::transmute::<usize, Function>(address.get()) };
                    // SAFETY: the caller's.
                    unsafe { next($($argument),*) }
                }
                let Some(address) = table::$name.found() else {
                    // SAFETY: the caller's.
                    return unsafe { seldom($($argument),*) };
                };
                // SAFETY: as above.
                let next = unsafe { core::mem::transmute::<usize, Function>(address.get()) };
                // SAFETY: the caller's.
                unsafe { next($($argument),*) }
            }
        )*

        #[allow(non_upper_case_globals)] // they are libc's names
        mod table {
            use super::Next;
            $(
                pub static $name: Next = Next::new(
                    match core::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                        Ok(name) => name,
                        Err(_) => panic!("a name with a NUL"),
                    },
                );
            )*
        }

        /// Look every name up, now.
        pub fn resolve() {
            $( let _ = table::$name.address(); )*
            // What is absent is no error of the program's.
            // SAFETY: forgets the thread's last error, if there is such a function.
            unsafe { dlerror() };
        }
    };
}

macro_rules! call {
    ($nr:ident $(, $argument:expr)*) => {{
        let given = [$($argument as usize),*];
        let mut all = [0_usize; 6];
        for (to, from) in all.iter_mut().zip(given) {
            *to = from;
        }
        bare(libc::$nr, all) as _
    }};
}

type Fd = c_int;
type Address = *const libc::sockaddr;

next! {
    read(fd: Fd, buf: *mut c_void, n: usize) -> isize, call!(SYS_read, fd, buf, n);
    readv(fd: Fd, iov: *const libc::iovec, n: c_int) -> isize, call!(SYS_readv, fd, iov, n);
    recv(fd: Fd, buf: *mut c_void, n: usize, flags: c_int) -> isize, call!(SYS_recvfrom, fd, buf, n, flags);
    recvfrom(fd: Fd, buf: *mut c_void, n: usize, flags: c_int, from: *mut libc::sockaddr, len: *mut u32) -> isize,
        call!(SYS_recvfrom, fd, buf, n, flags, from, len);
    recvmsg(fd: Fd, message: *mut libc::msghdr, flags: c_int) -> isize, call!(SYS_recvmsg, fd, message, flags);
    recvmmsg(fd: Fd, v: *mut libc::mmsghdr, n: u32, flags: c_int, t: *mut libc::timespec) -> c_int,
        call!(SYS_recvmmsg, fd, v, n, flags, t);
    write(fd: Fd, buf: *const c_void, n: usize) -> isize, call!(SYS_write, fd, buf, n);
    writev(fd: Fd, iov: *const libc::iovec, n: c_int) -> isize, call!(SYS_writev, fd, iov, n);
    send(fd: Fd, buf: *const c_void, n: usize, flags: c_int) -> isize, call!(SYS_sendto, fd, buf, n, flags);
    sendto(fd: Fd, buf: *const c_void, n: usize, flags: c_int, to: Address, len: u32) -> isize,
        call!(SYS_sendto, fd, buf, n, flags, to, len);
    sendmsg(fd: Fd, message: *const libc::msghdr, flags: c_int) -> isize, call!(SYS_sendmsg, fd, message, flags);
    sendmmsg(fd: Fd, v: *mut libc::mmsghdr, n: u32, flags: c_int) -> c_int, call!(SYS_sendmmsg, fd, v, n, flags);
    sendfile(out: Fd, from: Fd, offset: *mut i64, n: usize) -> isize, call!(SYS_sendfile, out, from, offset, n);
    sendfile64(out: Fd, from: Fd, offset: *mut i64, n: usize) -> isize, {
        // SAFETY: the caller's. Newer musls have one name only.
        unsafe { sendfile(out, from, offset, n) }
    };
    splice(from: Fd, a: *mut i64, to: Fd, b: *mut i64, n: usize, flags: u32) -> isize,
        call!(SYS_splice, from, a, to, b, n, flags);
    connect(fd: Fd, address: Address, len: u32) -> c_int, call!(SYS_connect, fd, address, len);
    accept(fd: Fd, address: *mut libc::sockaddr, len: *mut u32) -> c_int, call!(SYS_accept, fd, address, len);
    accept4(fd: Fd, address: *mut libc::sockaddr, len: *mut u32, flags: c_int) -> c_int,
        call!(SYS_accept4, fd, address, len, flags);
    socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int, call!(SYS_socket, domain, kind, protocol);
    socketpair(domain: c_int, kind: c_int, protocol: c_int, pair: *mut c_int) -> c_int,
        call!(SYS_socketpair, domain, kind, protocol, pair);
    shutdown(fd: Fd, how: c_int) -> c_int, call!(SYS_shutdown, fd, how);
    setsockopt(fd: Fd, level: c_int, name: c_int, value: *const c_void, len: u32) -> c_int,
        call!(SYS_setsockopt, fd, level, name, value, len);
    getsockopt(fd: Fd, level: c_int, name: c_int, value: *mut c_void, len: *mut u32) -> c_int,
        call!(SYS_getsockopt, fd, level, name, value, len);
    poll(fds: *mut libc::pollfd, n: libc::nfds_t, ms: c_int) -> c_int, call!(SYS_poll, fds, n, ms);
    ppoll(fds: *mut libc::pollfd, n: libc::nfds_t, t: *const libc::timespec, mask: *const libc::sigset_t) -> c_int,
        call!(SYS_ppoll, fds, n, t, mask, 8);
    select(n: c_int, r: *mut libc::fd_set, w: *mut libc::fd_set, x: *mut libc::fd_set, t: *mut libc::timeval) -> c_int,
        call!(SYS_select, n, r, w, x, t);
    pselect(n: c_int, r: *mut libc::fd_set, w: *mut libc::fd_set, x: *mut libc::fd_set, t: *const libc::timespec,
        mask: *const libc::sigset_t) -> c_int, errno::unsupported() as c_int;
    epoll_create(n: c_int) -> c_int, call!(SYS_epoll_create, n);
    epoll_create1(flags: c_int) -> c_int, call!(SYS_epoll_create1, flags);
    epoll_ctl(set: Fd, operation: c_int, fd: Fd, event: *mut libc::epoll_event) -> c_int,
        call!(SYS_epoll_ctl, set, operation, fd, event);
    epoll_wait(set: Fd, events: *mut libc::epoll_event, max: c_int, ms: c_int) -> c_int,
        call!(SYS_epoll_wait, set, events, max, ms);
    epoll_pwait(set: Fd, events: *mut libc::epoll_event, max: c_int, ms: c_int, mask: *const libc::sigset_t) -> c_int,
        call!(SYS_epoll_pwait, set, events, max, ms, mask, 8);
    epoll_pwait2(set: Fd, events: *mut libc::epoll_event, max: c_int, t: *const libc::timespec,
        mask: *const libc::sigset_t) -> c_int, call!(SYS_epoll_pwait2, set, events, max, t, mask, 8);
    close(fd: Fd) -> c_int, call!(SYS_close, fd);
    close_range(first: u32, last: u32, flags: c_int) -> c_int, call!(SYS_close_range, first, last, flags);
    closefrom(first: c_int) -> (), { bare(libc::SYS_close_range, [first.max(0) as usize, u32::MAX as usize, 0, 0, 0, 0]); };
    dup(fd: Fd) -> c_int, call!(SYS_dup, fd);
    dup2(fd: Fd, new: Fd) -> c_int, call!(SYS_dup2, fd, new);
    dup3(fd: Fd, new: Fd, flags: c_int) -> c_int, call!(SYS_dup3, fd, new, flags);
    fcntl(fd: Fd, command: c_int, argument: usize) -> c_int, call!(SYS_fcntl, fd, command, argument);
    fcntl64(fd: Fd, command: c_int, argument: usize) -> c_int, {
        // SAFETY: the caller's. Newer musls have one name only.
        unsafe { fcntl(fd, command, argument) }
    };
    pidfd_getfd(process: Fd, fd: Fd, flags: u32) -> c_int, call!(SYS_pidfd_getfd, process, fd, flags);
    ioctl(fd: Fd, request: core::ffi::c_ulong, argument: usize) -> c_int, call!(SYS_ioctl, fd, request, argument);
    prctl(option: c_int, a: usize, b: usize, c: usize, d: usize) -> c_int, call!(SYS_prctl, option, a, b, c, d);
    syscall(nr: i64, a: usize, b: usize, c: usize, d: usize, e: usize, f: usize) -> i64,
        bare(nr, [a, b, c, d, e, f]) as i64;
    clone(entry: usize, stack: usize, flags: c_int, argument: usize, a: usize, b: usize, c: usize) -> c_int,
        errno::unsupported() as c_int;
    execve(path: *const c_char, argv: *const *const c_char, envp: *const *const c_char) -> c_int,
        call!(SYS_execve, path, argv, envp);
    execveat(fd: Fd, path: *const c_char, argv: *const *const c_char, envp: *const *const c_char, flags: c_int) -> c_int,
        call!(SYS_execveat, fd, path, argv, envp, flags);
    execvpe(file: *const c_char, argv: *const *const c_char, envp: *const *const c_char) -> c_int,
        errno::unsupported() as c_int;
    fexecve(fd: c_int, argv: *const *const c_char, envp: *const *const c_char) -> c_int, errno::unsupported() as c_int;
    posix_spawn(pid: *mut c_int, path: *const c_char, actions: *const c_void, attributes: *const c_void,
        argv: *const *const c_char, envp: *const *const c_char) -> c_int, libc::ENOSYS;
    posix_spawnp(pid: *mut c_int, file: *const c_char, actions: *const c_void, attributes: *const c_void,
        argv: *const *const c_char, envp: *const *const c_char) -> c_int, libc::ENOSYS;
    pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int, libc::ENOSYS;
    pthread_setcanceltype(kind: c_int, old: *mut c_int) -> c_int, libc::ENOSYS;
    pthread_testcancel() -> (), ();
    gnu_get_libc_version() -> *const c_char, core::ptr::null();
    dlerror() -> *const c_char, core::ptr::null();
    __chk_fail() -> (), errno::abort();
}
