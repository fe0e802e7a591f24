//! Bytes into a descriptor that is not ours, in a program that must not notice: never blocking, and without a signal.

use crate::sys::{file, poll_now, signal, Kernel};

const RAISED_BY_WRITING: signal::Signals = signal::Signals::of(&[libc::SIGPIPE, libc::SIGXFSZ]);

/// Run `body` with every signal blocked, and take away the SIGPIPE or SIGXFSZ that its writing raised.
///
/// A dead reader must not kill the program, nor a full disk; a background terminal must not stop it (SIGTTOU); and no handler
/// may jump out of the middle, where a file of ours is open. A signal that waited before stays: it is the program's.
pub fn quietly<K: Kernel>(k: &K, body: impl FnOnce(&K) -> Result<(), i32>) -> Result<(), i32> {
    let mask = signal::block(k, signal::Signals(u64::MAX))?;
    let before = signal::pending(k);
    let result = match before {
        Ok(_) => body(k),
        Err(error) => Err(error),
    };
    if let (Ok(before), Err(raised)) = (before, result) {
        let raised = match raised {
            libc::EPIPE => signal::Signals::of(&[libc::SIGPIPE]),
            libc::EFBIG => signal::Signals::of(&[libc::SIGXFSZ]),
            _ => signal::Signals::default(),
        };
        let ours = signal::Signals(raised.0 & RAISED_BY_WRITING.0 & !before.0);
        if ours != signal::Signals::default() {
            let _ = signal::consume(k, ours);
        }
    }
    let _ = signal::set_mask(k, mask);
    result
}

/// Write to `fd`, which is of this kind (S_IFMT), now or not at all. How many bytes went out.
pub fn write_now(k: &impl Kernel, fd: i32, kind: u32, bytes: &[u8]) -> Result<usize, i32> {
    match kind {
        // A file never waits for a reader.
        libc::S_IFREG => file::write(k, fd, bytes),
        libc::S_IFSOCK => {
            let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
            let args = [fd as usize, bytes.as_ptr() as usize, bytes.len(), flags as usize, 0, 0];
            match crate::sys::answer(k.call(libc::SYS_sendto, args)) {
                Err(libc::EPERM | libc::ENOSYS) => write_if_ready(k, fd, bytes),
                sent => sent,
            }
        }
        libc::S_IFIFO => match file::write_nowait(k, fd, bytes) {
            // Not on this kernel, not for pipes on this kernel, or not in this sandbox.
            Err(libc::ENOSYS | libc::EOPNOTSUPP | libc::EPERM | libc::EINVAL) => write_if_ready(k, fd, bytes),
            written => written,
        },
        libc::S_IFCHR => write_to_terminal(k, fd, bytes),
        _ => write_if_ready(k, fd, bytes),
    }
}

/// A terminal (or /dev/null). Its poll promises room for one byte, and a write waits for room for all: it can block behind a
/// reader that stopped. A second, non-blocking description of the same device cannot.
fn write_to_terminal(k: &impl Kernel, fd: i32, bytes: &[u8]) -> Result<usize, i32> {
    let Some(path) = own_link(fd) else { return write_if_ready(k, fd, bytes) };
    let path = core::ffi::CStr::from_bytes_until_nul(&path).unwrap_or_default();
    let flags = libc::O_WRONLY | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
    // No /proc, or another user's terminal after su: what is left is to ask first.
    let Ok(second) = file::open(k, path, flags, 0) else { return write_if_ready(k, fd, bytes) };
    let same = match (file::identity(k, fd), file::identity(k, second)) {
        (Ok(first), Ok(second)) => first.same_file(&second),
        _ => false,
    };
    // A device that opens as another one each time (/dev/ptmx) is not the same.
    let written = if same { file::write(k, second, bytes) } else { write_if_ready(k, fd, bytes) };
    let _ = file::close(k, second);
    written
}

/// `/proc/self/fd/N` for one-digit numbers: only stderr is ever asked for.
fn own_link(fd: i32) -> Option<[u8; 16]> {
    let digit = u8::try_from(fd).ok().filter(|&digit| digit < 10)?;
    let mut path = *b"/proc/self/fd/0\0";
    let [.., last, _] = &mut path;
    *last = b'0'.wrapping_add(digit);
    Some(path)
}

fn write_if_ready(k: &impl Kernel, fd: i32, bytes: &[u8]) -> Result<usize, i32> {
    match poll_now(k, fd, libc::POLLOUT) {
        // POLLERR alone is a pipe without reader: writing tells EPIPE and does not block.
        ready if ready > 0 => file::write(k, fd, bytes),
        0 => Err(libc::EAGAIN),
        error => Err(error.wrapping_neg() as i32),
    }
}
