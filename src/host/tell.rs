//! What the engine is told of calls that the program made itself and that succeeded: new numbers, duplicates, options.
//!
//! The names have a function each in the libc door; here they are numbers, as Go and syscall(2) make them.

use crate::ENGINE;
use core::ffi::c_int;
use netdeadline_engine::op::{self, Interest};
use netdeadline_engine::sys::program;

/// The argument by which the kernel's ioctl changes what we know.
pub const FIONBIO: u32 = libc::FIONBIO as u32;

const CLOSE_RANGE_UNSHARE: c_int = 2;

/// Does close_range with these arguments close anything? With CLOSE_RANGE_CLOEXEC it does not, and with flags that no kernel
/// knows nothing happens.
pub fn closes([first, last, flags, ..]: [usize; 6]) -> bool {
    flags as c_int & !CLOSE_RANGE_UNSHARE == 0 && first as u32 <= last as u32
}

/// This call succeeded. `interest`: what a registration with a set means where the program is edge-triggered.
pub fn tell(nr: i64, args: [usize; 6], outcome: isize, interest: Interest) {
    let [a, b, c, d, e, _] = args;
    let (fd, new) = (a as c_int, outcome as c_int);
    match nr {
        libc::SYS_socket => op::socket_created(&ENGINE, new),
        libc::SYS_close => {
            if let Some(index) = op::closing(&ENGINE, fd) {
                op::closed(&ENGINE, fd, index);
            }
        }
        libc::SYS_socketpair => op::paired(&ENGINE, d),
        libc::SYS_accept | libc::SYS_accept4 => op::accepted(&ENGINE, new),
        libc::SYS_epoll_create | libc::SYS_epoll_create1 => op::epoll_created(&ENGINE, new),
        libc::SYS_epoll_ctl => op::epoll_ctl(&ENGINE, fd, b as c_int, c as c_int, d, interest),
        libc::SYS_setsockopt => op::set_option(&ENGINE, fd, b as c_int, c as c_int, d, e as u32 as usize),
        libc::SYS_getsockopt => {
            let mut length = [0; 4];
            if program::copy_in(&ENGINE.kernel, &mut length, e) && u32::from_ne_bytes(length) >= 4 {
                op::fetched_option(&ENGINE, fd, b as c_int, c as c_int, d);
            }
        }
        libc::SYS_shutdown => op::shut_down(&ENGINE, fd, b as c_int),
        libc::SYS_dup => op::duplicated(&ENGINE, fd, new),
        libc::SYS_dup2 | libc::SYS_dup3 => op::replaced(&ENGINE, fd, new),
        libc::SYS_fcntl if b as c_int == libc::F_SETFL => op::mode_changed(&ENGINE, fd),
        libc::SYS_fcntl => op::duplicated(&ENGINE, fd, new),
        libc::SYS_ioctl if b as u32 == FIONBIO => op::mode_changed(&ENGINE, fd),
        libc::SYS_pidfd_getfd => op::passed_fds(&ENGINE, core::iter::once(new)),
        libc::SYS_close_range if closes(args) => op::closed_range(&ENGINE, a as u32, b as u32),
        _ => tell_received(nr, args, outcome),
    }
}

/// A message may have brought descriptors along.
pub fn tell_received(nr: i64, [_, b, ..]: [usize; 6], outcome: isize) {
    match nr {
        libc::SYS_recvmsg if outcome >= 0 => op::received_message(&ENGINE, b),
        libc::SYS_recvmmsg if outcome > 0 => op::received_messages(&ENGINE, b, outcome as usize),
        _ => {}
    }
}
