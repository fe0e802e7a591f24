//! The names with two underscores that glibc has for some functions besides the plain ones (libnsl imports `__poll`).
//!
//! Those of vfork and clone are in `process`, the fortified ones beside what they stand for.

use super::{connections, fds, reading, waits, writing};
use core::ffi::{c_int, c_void};

macro_rules! same {
    ($($second:ident = $room:ident::$name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => { $(
        /// The same function by another name.
        ///
        /// # Safety
        /// libc's.
        #[no_mangle]
        pub unsafe extern "C" fn $second($($argument: $type),*) -> $result {
            // SAFETY: the same function.
            unsafe { $room::$name($($argument),*) }
        }
    )* };
}

same! {
    __read = reading::read(fd: c_int, buf: *mut c_void, count: usize) -> isize;
    __write = writing::write(fd: c_int, buf: *const c_void, count: usize) -> isize;
    __send = writing::send(fd: c_int, buf: *const c_void, count: usize, flags: c_int) -> isize;
    __connect = connections::connect(fd: c_int, address: *const libc::sockaddr, len: u32) -> c_int;
    __poll = waits::poll(fds: *mut libc::pollfd, count: libc::nfds_t, ms: c_int) -> c_int;
    __select = waits::select(count: c_int, input: *mut libc::fd_set, output: *mut libc::fd_set,
        exceptions: *mut libc::fd_set, time: *mut libc::timeval) -> c_int;
    __close = fds::close(fd: c_int) -> c_int;
    __dup2 = fds::dup2(fd: c_int, new: c_int) -> c_int;
    __fcntl = fds::fcntl(fd: c_int, command: c_int, argument: usize) -> c_int;
}
