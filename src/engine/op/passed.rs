//! Descriptors that a call left in the program's memory: socketpair's two, and those that came with a message (SCM_RIGHTS).
//!
//! Read only after the kernel has written them in the program's own call.

use super::{created, socket_created};
use crate::sys::{program, Kernel};
use crate::Engine;

const HEADER: usize = core::mem::size_of::<libc::cmsghdr>();
const MESSAGE: usize = core::mem::size_of::<libc::mmsghdr>();

/// These numbers were passed to us.
pub fn passed_fds<K: Kernel>(e: &Engine<K>, fds: impl Iterator<Item = i32>) {
    for fd in fds {
        created(e, fd);
        e.adopt(fd);
    }
}

/// socketpair has written its two numbers at `pair`.
pub fn paired<K: Kernel>(e: &Engine<K>, pair: usize) {
    let [one, other]: [i32; 2] = program::peek(pair);
    socket_created(e, one);
    socket_created(e, other);
}

/// recvmmsg has filled the first `count` messages at `vector`.
pub fn received_messages<K: Kernel>(e: &Engine<K>, vector: usize, count: usize) {
    for i in 0..count {
        // The msghdr is the first thing in a mmsghdr.
        received_message(e, vector.wrapping_add(i.wrapping_mul(MESSAGE)));
    }
}

/// recvmsg has filled the message at `message`.
pub fn received_message<K: Kernel>(e: &Engine<K>, message: usize) {
    let message: libc::msghdr = program::peek(message);
    let (mut at, length) = (message.msg_control as usize, message.msg_controllen);
    if at == 0 || length < HEADER {
        return;
    }
    let end = at.saturating_add(length);
    while at.saturating_add(HEADER) <= end {
        let control: libc::cmsghdr = program::peek(at);
        if control.cmsg_len < HEADER || control.cmsg_len > end.saturating_sub(at) {
            return;
        }
        if control.cmsg_level == libc::SOL_SOCKET && control.cmsg_type == libc::SCM_RIGHTS {
            let first = at.saturating_add(HEADER);
            let count = (control.cmsg_len - HEADER) / 4;
            passed_fds(e, (0..count).map(|i| program::peek(first.wrapping_add(4 * i))));
        }
        at = at.saturating_add(control.cmsg_len.next_multiple_of(8));
    }
}
