//! Does this call concern us? Asked on the goroutine's own stack, before anything else: most calls end here.
//!
//! `decide` and `worth` run where there may be a few hundred bytes: they call nothing that is not inlined, and a test looks at
//! the room they take (tests/tests/go_door/). What is done about a call belongs in `call`.

use super::stack::{take, take_reserved, Frame};
use crate::host::tell::FIONBIO;
use crate::ENGINE;
use netdeadline_engine::op;

/// The call is the program's own. (What `decide` answers is 0, `TELL`, `LOOK`, `READ` or a frame's address.)
pub const PLAIN: usize = 0;
/// The call is the program's own, and the engine is told of its success.
pub const TELL: usize = 1;
/// A wait in a set where nothing is armed: the program's own, and its events are looked through for our timer's.
pub const LOOK: usize = 2;
/// A read that is the program's own call; what came of it is looked at.
pub const READ: usize = 3;
/// No frame is below this address.
pub const FRAMES: usize = 4096;

/// What this call needs: `PLAIN`, `TELL`, `LOOK`, `READ`, or a frame. Without a frame free it passes.
pub extern "C" fn decide(nr: usize, a: usize, b: usize, c: usize, d: usize, _: usize) -> usize {
    if !ENGINE.active() {
        // Children are handed on even from a process in which nothing is bounded. A sandbox (retired) is no place for that.
        return if nr as i64 == libc::SYS_execve && !ENGINE.retired() { take() as usize } else { PLAIN };
    }
    let fd = a as i32;
    let concerns = match nr as i64 {
        libc::SYS_read if op::reads_at_once(&ENGINE, fd) => return READ,
        libc::SYS_read
        | libc::SYS_write
        | libc::SYS_readv
        | libc::SYS_writev
        | libc::SYS_recvfrom
        | libc::SYS_sendmsg
        | libc::SYS_sendmmsg
        | libc::SYS_sendfile => ENGINE.concerns(fd),
        libc::SYS_recvmsg | libc::SYS_recvmmsg if !ENGINE.concerns(fd) => return TELL,
        libc::SYS_recvmsg | libc::SYS_recvmmsg => true,
        // MSG_FASTOPEN connects: such a socket is still unknown, or plain.
        libc::SYS_sendto => ENGINE.concerns(fd) || d as i32 & libc::MSG_FASTOPEN != 0,
        libc::SYS_splice => ENGINE.concerns(fd) || ENGINE.concerns(c as i32),
        libc::SYS_close => ENGINE.closes(fd),
        libc::SYS_epoll_wait | libc::SYS_epoll_pwait => {
            let ms = d as i32;
            let timeout = if ms < 0 { u64::MAX } else { ms as u64 };
            if op::waits_plainly(&ENGINE, fd, timeout) {
                return LOOK;
            }
            true
        }
        libc::SYS_setsockopt if b as i32 != libc::SOL_SOCKET => false,
        libc::SYS_setsockopt => return TELL,
        libc::SYS_getsockopt if b as i32 != libc::SOL_SOCKET || c as i32 != libc::SO_ERROR => false,
        libc::SYS_getsockopt | libc::SYS_shutdown if ENGINE.concerns(fd) => return TELL,
        libc::SYS_getsockopt | libc::SYS_shutdown => false,
        libc::SYS_socket
        | libc::SYS_socketpair
        | libc::SYS_accept
        | libc::SYS_accept4
        | libc::SYS_epoll_create
        | libc::SYS_epoll_create1
        | libc::SYS_epoll_ctl
        | libc::SYS_dup
        | libc::SYS_pidfd_getfd => return TELL,
        libc::SYS_fcntl => match b as i32 {
            libc::F_DUPFD | libc::F_DUPFD_CLOEXEC | libc::F_SETFL => return TELL,
            _ => false,
        },
        libc::SYS_ioctl if b as u32 == FIONBIO => return TELL,
        libc::SYS_ioctl => false,
        libc::SYS_poll | libc::SYS_ppoll | libc::SYS_select | libc::SYS_pselect6 => ENGINE.anything_tracked(),
        libc::SYS_prctl => a as i32 == libc::PR_SET_SECCOMP,
        // connect, dup2, dup3, close_range, clone and its kin, execve, execveat, seccomp, io_uring_setup, epoll_pwait2.
        _ => true,
    };
    if concerns {
        take() as usize
    } else {
        PLAIN
    }
}

/// The kernel has answered a call of which `decide` said `TELL`, `LOOK` or `READ`. A frame to go on with, or null: there is
/// nothing more to do.
pub extern "C" fn worth(kind: usize, outcome: isize, events: usize, fd: usize) -> *mut Frame {
    if kind == LOOK {
        let ours = outcome > 0 && op::has_token(events, outcome as usize);
        return if ours { take_reserved() } else { core::ptr::null_mut() };
    }
    let worth = match kind {
        READ if outcome > 0 => {
            op::read_at_once(&ENGINE, fd as i32);
            false
        }
        READ => true,
        _ => outcome >= 0,
    };
    if worth {
        take()
    } else {
        core::ptr::null_mut()
    }
}
