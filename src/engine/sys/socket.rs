//! Questions to a socket, and the few changes we make to one.
//!
//! Thin: one call each, no policy. None of them can block.

pub use super::tcp_info::tcp_info;
use super::{answer, Kernel};

const SO_PEERNAME: i32 = 28;
const SO_COOKIE: i32 = 57;

/// getsockopt into `size` bytes at `place`; how many the kernel filled.
pub(super) fn get(k: &impl Kernel, fd: i32, level: i32, name: i32, place: usize, size: usize) -> Result<usize, i32> {
    let mut length = size as u32;
    let args = [fd as usize, level as usize, name as usize, place, &raw mut length as usize, 0];
    answer(k.call(libc::SYS_getsockopt, args))?;
    Ok((length as usize).min(size))
}

/// Any option of four bytes.
pub fn option_u32(k: &impl Kernel, fd: i32, level: i32, name: i32) -> Result<u32, i32> {
    let mut value = 0_u32;
    get(k, fd, level, name, &raw mut value as usize, 4)?;
    Ok(value)
}

/// Any option of eight bytes.
pub fn option_u64(k: &impl Kernel, fd: i32, level: i32, name: i32) -> Result<u64, i32> {
    let mut value = 0_u64;
    get(k, fd, level, name, &raw mut value as usize, 8)?;
    Ok(value)
}

/// Any option, as bytes; how many of `into` the kernel filled.
pub fn option_bytes(k: &impl Kernel, fd: i32, level: i32, name: i32, into: &mut [u8]) -> Result<usize, i32> {
    get(k, fd, level, name, into.as_mut_ptr() as usize, into.len())
}

/// setsockopt.
pub fn set_option(k: &impl Kernel, fd: i32, level: i32, name: i32, value: &[u8]) -> Result<(), i32> {
    let args = [fd as usize, level as usize, name as usize, value.as_ptr() as usize, value.len(), 0];
    answer(k.call(libc::SYS_setsockopt, args)).map(drop)
}

/// SO_ERROR: the pending error as a positive errno, 0 for none. Asking clears it.
pub fn take_error(k: &impl Kernel, fd: i32) -> Result<i32, i32> {
    option_u32(k, fd, libc::SOL_SOCKET, libc::SO_ERROR).map(|error| error as i32)
}

/// SO_TYPE: SOCK_STREAM, ...; ENOTSOCK tells what is no socket.
pub fn kind(k: &impl Kernel, fd: i32) -> Result<i32, i32> {
    option_u32(k, fd, libc::SOL_SOCKET, libc::SO_TYPE).map(|kind| kind as i32)
}

/// SO_DOMAIN: AF_INET, ...
pub fn domain(k: &impl Kernel, fd: i32) -> Result<i32, i32> {
    option_u32(k, fd, libc::SOL_SOCKET, libc::SO_DOMAIN).map(|domain| domain as i32)
}

/// SO_PROTOCOL: IPPROTO_TCP, ... (0 for AF_UNIX).
pub fn protocol(k: &impl Kernel, fd: i32) -> Result<i32, i32> {
    option_u32(k, fd, libc::SOL_SOCKET, libc::SO_PROTOCOL).map(|protocol| protocol as i32)
}

/// SO_ACCEPTCONN.
pub fn is_listening(k: &impl Kernel, fd: i32) -> Result<bool, i32> {
    option_u32(k, fd, libc::SOL_SOCKET, libc::SO_ACCEPTCONN).map(|listening| listening != 0)
}

/// SO_COOKIE (Linux 4.12): the description's own number, never used again while the machine runs.
pub fn cookie(k: &impl Kernel, fd: i32) -> Result<u64, i32> {
    option_u64(k, fd, libc::SOL_SOCKET, SO_COOKIE)
}

/// SO_RCVLOWAT.
pub fn receive_low_water(k: &impl Kernel, fd: i32) -> Result<u32, i32> {
    option_u32(k, fd, libc::SOL_SOCKET, libc::SO_RCVLOWAT)
}

/// SIOCOUTQ: bytes sent by the program that the peer has not acknowledged.
pub fn unsent(k: &impl Kernel, fd: i32) -> Result<u32, i32> {
    let mut bytes = 0_u32;
    answer(k.call(libc::SYS_ioctl, [fd as usize, libc::TIOCOUTQ as usize, &raw mut bytes as usize, 0, 0, 0]))?;
    Ok(bytes)
}

/// An address as the kernel wrote it.
#[derive(Clone, Copy, Debug)]
pub struct Name {
    bytes: [u8; 128],
    length: usize,
}

impl Name {
    /// The `sockaddr`: family first, as long as the kernel said.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

fn name(k: &impl Kernel, nr: i64, fd: i32) -> Result<Name, i32> {
    let mut name = Name { bytes: [0; 128], length: 0 };
    let mut length = name.bytes.len() as u32;
    answer(k.call(nr, [fd as usize, &raw mut name.bytes as usize, &raw mut length as usize, 0, 0, 0]))?;
    name.length = (length as usize).min(name.bytes.len());
    Ok(name)
}

/// getsockname.
pub fn local_name(k: &impl Kernel, fd: i32) -> Result<Name, i32> {
    name(k, libc::SYS_getsockname, fd)
}

/// getpeername. ENOTCONN while a connect is under way: see [`destination`].
pub fn peer_name(k: &impl Kernel, fd: i32) -> Result<Name, i32> {
    name(k, libc::SYS_getpeername, fd)
}

/// SO_PEERNAME: the other end of an IPv4 or IPv6 socket, also while a connect is still under way.
pub fn destination(k: &impl Kernel, fd: i32) -> Result<Name, i32> {
    let mut name = Name { bytes: [0; 128], length: 0 };
    let mut last = libc::EINVAL;
    // The kernel refuses (EINVAL) to be asked for more than it has, and cuts off what it is not asked for: longest first.
    for length in [28, 16] {
        match get(k, fd, libc::SOL_SOCKET, SO_PEERNAME, &raw mut name.bytes as usize, length) {
            Ok(length) => {
                name.length = length;
                return Ok(name);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// F_GETFL: is O_NONBLOCK set on the description?
pub fn is_nonblocking(k: &impl Kernel, fd: i32) -> Result<bool, i32> {
    let flags = answer(k.call(libc::SYS_fcntl, [fd as usize, libc::F_GETFL as usize, 0, 0, 0, 0]))?;
    Ok(flags & libc::O_NONBLOCK as usize != 0)
}

/// Abort a connect attempt, or undo a connection, in the kernel: connect to AF_UNSPEC.
pub fn disconnect(k: &impl Kernel, fd: i32) -> Result<(), i32> {
    let unspecified = [0_u8; 16];
    answer(k.call(libc::SYS_connect, [fd as usize, unspecified.as_ptr() as usize, unspecified.len(), 0, 0, 0]))
        .map(drop)
}

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
