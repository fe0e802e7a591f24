//! An address as the policy sees it, taken from the bytes of a sockaddr.
//!
//! Reading the program's memory is not done here: `sys` and the doors hand over bytes.

use core::fmt;

use super::escape::Escaped;
use super::ip;

/// The address of a peer, or the local one of an accepted socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addr<'a> {
    /// IPv4, also where the socket is IPv6 and the address v4-mapped.
    V4 {
        /// In network order, as written.
        ip: [u8; 4],
        /// In host order.
        port: u16,
    },
    /// IPv6.
    V6 {
        /// In network order, as written.
        ip: [u8; 16],
        /// In host order.
        port: u16,
        /// The interface's number for link-local addresses, else 0.
        scope: u32,
    },
    /// A path without its final NUL, or an abstract name with its leading NUL; empty: unnamed.
    Unix(&'a [u8]),
}

impl<'a> Addr<'a> {
    /// Reads the bytes of a sockaddr, as long as the caller's or the kernel's `addrlen` says. `None`: another family, or too
    /// short for its own.
    pub fn from_sockaddr(bytes: &'a [u8]) -> Option<Addr<'a>> {
        let (family, rest) = bytes.split_first_chunk::<2>()?;
        match i32::from(u16::from_ne_bytes(*family)) {
            libc::AF_INET => {
                let (port, rest) = rest.split_first_chunk::<2>()?;
                let (ip, _) = rest.split_first_chunk::<4>()?;
                Some(Addr::V4 { ip: *ip, port: u16::from_be_bytes(*port) })
            }
            libc::AF_INET6 => {
                let (port, rest) = rest.split_first_chunk::<2>()?;
                let (_flowinfo, rest) = rest.split_first_chunk::<4>()?;
                let (ip, rest) = rest.split_first_chunk::<16>()?;
                let port = u16::from_be_bytes(*port);
                // 24 bytes without the scope id are the form of RFC 2133; Linux still takes it (SIN6_LEN_RFC2133).
                let scope = rest.first_chunk::<4>().map_or(0, |scope| u32::from_ne_bytes(*scope));
                Some(match ip::mapped(ip) {
                    Some(ip) => Addr::V4 { ip, port },
                    None => Addr::V6 { ip: *ip, port, scope },
                })
            }
            libc::AF_UNIX => {
                // unix(7): sun_path has 108 bytes; getsockname may count a 109th, the NUL it adds to a full one.
                let name = rest.get(..108).unwrap_or(rest);
                if name.first() == Some(&0) {
                    return Some(Addr::Unix(name));
                }
                let end = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
                Some(Addr::Unix(name.get(..end).unwrap_or(name)))
            }
            _ => None,
        }
    }
}

/// As a selector is written: `10.0.0.1:80`, `[fe80::1%2]:80`, `unix:/run/a.sock`, `unix:@abstract`. Fit for a log line.
impl fmt::Display for Addr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Addr::V4 { ip, port } => write!(f, "{}:{port}", ip::V4(*ip)),
            Addr::V6 { ip, port, scope: 0 } => write!(f, "[{}]:{port}", ip::V6(*ip)),
            Addr::V6 { ip, port, scope } => write!(f, "[{}%{scope}]:{port}", ip::V6(*ip)),
            Addr::Unix([]) => f.write_str("unix:(unnamed)"),
            Addr::Unix([0, name @ ..]) => write!(f, "unix:@{}", unix(name)),
            // A path that starts with @ would read as an abstract name.
            Addr::Unix([b'@', path @ ..]) => write!(f, "unix:\\x40{}", unix(path)),
            Addr::Unix(path) => write!(f, "unix:{}", unix(path)),
        }
    }
}

/// Part of a unix name in the escapes that a selector reads back.
pub(super) const fn unix(bytes: &[u8]) -> Escaped<'_> {
    Escaped { bytes, special: b" ;*\"" }
}
