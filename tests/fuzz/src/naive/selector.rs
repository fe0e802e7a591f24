//! Which addresses a rule speaks of.

use super::{cut, number};
use std::net::{Ipv4Addr, Ipv6Addr};

/// An address, as the naive policy sees it.
#[derive(Clone, Debug)]
pub enum Address {
    V4(u128, u16),
    /// Never a v4-mapped one.
    V6(u128, u16, u32),
    Unix(Vec<u8>),
}

#[derive(Debug)]
pub enum Hosts {
    Any,
    /// First and last.
    V4(u128, u128),
    /// First and last, and the scope if one is named.
    V6(u128, u128, Option<u32>),
    Unix(Vec<Piece>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Piece {
    Byte(u8),
    Run,
}

#[derive(Debug)]
pub struct Selector {
    pub hosts: Hosts,
    /// First and last.
    pub ports: (u16, u16),
}

impl Selector {
    pub fn read(word: &[u8]) -> Option<Selector> {
        if let Some(pattern) = word.strip_prefix(b"unix:") {
            return Some(Selector { hosts: Hosts::Unix(pieces(pattern)?), ports: (0, u16::MAX) });
        }
        let (hosts, ports) = match word.strip_prefix(b"[") {
            Some(rest) => {
                let (inside, after) = cut(rest, b']');
                (
                    v6(inside)?,
                    match after? {
                        [] => None,
                        [b':', ports @ ..] => Some(ports),
                        _ => return None,
                    },
                )
            }
            None => {
                let (host, ports) = cut(word, b':');
                (if matches!(host, b"" | b"*") { Hosts::Any } else { v4(host)? }, ports)
            }
        };
        Some(Selector { hosts, ports: ports.map_or(Some((0, u16::MAX)), range)? })
    }

    pub fn matches(&self, address: &Address) -> bool {
        let (hosts, port) = match (&self.hosts, address) {
            (Hosts::Any, Address::V4(_, port) | Address::V6(_, port, _)) => (true, *port),
            (Hosts::V4(first, last), Address::V4(ip, port)) => (first <= ip && ip <= last, *port),
            (Hosts::V6(first, last, scope), Address::V6(ip, port, of)) => {
                (first <= ip && ip <= last && scope.is_none_or(|scope| scope == *of), *port)
            }
            (Hosts::Unix(pieces), Address::Unix(name)) => {
                let abstract_name = |first: Option<Piece>| first == Some(Piece::Byte(0));
                let same =
                    abstract_name(pieces.first().copied()) == abstract_name(name.first().map(|b| Piece::Byte(*b)));
                return same && !name.is_empty() && whole(pieces, name);
            }
            _ => return false,
        };
        hosts && self.ports.0 <= port && port <= self.ports.1
    }
}

/// Which of the name's beginnings do the first 0, 1, 2, ... pieces cover?
fn whole(pieces: &[Piece], name: &[u8]) -> bool {
    let mut covered = vec![false; name.len() + 1];
    covered[0] = true;
    for piece in pieces {
        let before = covered;
        covered = (0..=name.len())
            .map(|to| match piece {
                Piece::Run => (0..=to).any(|from| before[from]),
                Piece::Byte(byte) => to > 0 && before[to - 1] && name[to - 1] == *byte,
            })
            .collect();
    }
    covered[name.len()]
}

fn pieces(pattern: &[u8]) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    if pattern == b"@" {
        return None;
    }
    if let Some(name) = rest.strip_prefix(b"@") {
        pieces.push(Piece::Byte(0));
        rest = name;
    }
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        pieces.push(match first {
            b'*' => Piece::Run,
            b'\\' => {
                let digits = behind.strip_prefix(b"x")?.get(..2).filter(|two| two.iter().all(u8::is_ascii_hexdigit))?;
                rest = &behind[3..];
                Piece::Byte(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?)
            }
            byte => Piece::Byte(*byte),
        });
    }
    (1..=108).contains(&pieces.len()).then_some(pieces)
}

/// First and last of the addresses that share `bits` of `all` bits with `ip`.
fn block(ip: u128, bits: Option<&[u8]>, all: u32) -> Option<(u128, u128)> {
    let bits = bits.map_or(Some(all.into()), number)?;
    let free = u128::from(all).checked_sub(bits)? as u32;
    let size_less_one = 1u128.checked_shl(free).map_or(u128::MAX, |size| size - 1);
    let first = ip & !size_less_one;
    Some((first, first + size_less_one))
}

fn v4(host: &[u8]) -> Option<Hosts> {
    let (address, bits) = cut(host, b'/');
    let ip: Ipv4Addr = std::str::from_utf8(address).ok()?.parse().ok()?;
    block(u32::from(ip).into(), bits, 32).map(|(first, last)| Hosts::V4(first, last))
}

/// Where the v4-mapped addresses begin: ::ffff:0:0.
pub const MAPPED: u128 = 0xffff << 32;

fn v6(inside: &[u8]) -> Option<Hosts> {
    let (scoped, bits) = cut(inside, b'/');
    let (address, scope) = cut(scoped, b'%');
    let ip: Ipv6Addr = std::str::from_utf8(address).ok()?.parse().ok()?;
    let scope = match scope {
        None => None,
        Some(scope) => Some(u32::try_from(number(scope)?).ok().filter(|scope| *scope != 0)?),
    };
    let (first, last) = block(ip.into(), bits, 128)?;
    // A block of nothing but v4-mapped addresses is one of IPv4, which has no scopes.
    match first >> 32 == 0xffff && last >> 32 == 0xffff {
        true => scope.is_none().then_some(Hosts::V4(first - MAPPED, last - MAPPED)),
        false => Some(Hosts::V6(first, last, scope)),
    }
}

fn range(ports: &[u8]) -> Option<(u16, u16)> {
    let port = |digits| u16::try_from(number(digits)?).ok().filter(|port| *port != 0);
    let (low, high) = cut(ports, b'-');
    let low = port(low)?;
    let high = high.map_or(Some(low), port)?;
    (low <= high).then_some((low, high))
}
