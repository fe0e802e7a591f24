//! The calls that may concern us, by number: those of Go, and of syscall(2). What they need is the doors' to say.

/// Numbers below this have a byte in `CONCERN`.
pub const NUMBERS: usize = 512;

/// A byte for each call: not 0 if it may concern us.
#[repr(transparent)]
pub struct Concern([u8; NUMBERS]);

/// See `Concern`.
pub static CONCERN: Concern = {
    let mut concern = [0; NUMBERS];
    let mut i = 0;
    while i < OURS.len() {
        concern[OURS[i] as usize] = 1;
        i += 1;
    }
    Concern(concern)
};

const OURS: [i64; 46] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_close,
    libc::SYS_poll,
    libc::SYS_ioctl,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_select,
    libc::SYS_dup,
    libc::SYS_dup2,
    libc::SYS_sendfile,
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_accept,
    libc::SYS_sendto,
    libc::SYS_recvfrom,
    libc::SYS_sendmsg,
    libc::SYS_recvmsg,
    libc::SYS_shutdown,
    libc::SYS_socketpair,
    libc::SYS_setsockopt,
    libc::SYS_getsockopt,
    libc::SYS_clone,
    libc::SYS_execve,
    libc::SYS_fcntl,
    libc::SYS_prctl,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_epoll_ctl,
    libc::SYS_pselect6,
    libc::SYS_ppoll,
    libc::SYS_splice,
    libc::SYS_epoll_pwait,
    libc::SYS_accept4,
    libc::SYS_epoll_create1,
    libc::SYS_dup3,
    libc::SYS_recvmmsg,
    libc::SYS_sendmmsg,
    libc::SYS_seccomp,
    libc::SYS_execveat,
    libc::SYS_io_uring_setup,
    libc::SYS_clone3,
    libc::SYS_close_range,
    libc::SYS_pidfd_getfd,
    libc::SYS_epoll_pwait2,
    libc::SYS_vfork,
];

/// May this call concern us?
#[inline(always)]
pub fn may_concern(nr: i64) -> bool {
    CONCERN.0.get(nr as usize).is_some_and(|byte| *byte != 0)
}
