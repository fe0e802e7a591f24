//! Which addresses a rule speaks of.

use core::fmt;

use super::addr::Addr;
use super::error::Error;
use super::glob::Glob;
use super::ip;
use super::word::Word;

/// A set of addresses. Displayed as policy text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selector {
    hosts: Hosts,
    ports: Ports,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Hosts {
    /// Every IPv4 and IPv6 address; never a unix socket.
    Any,
    V4 {
        ip: [u8; 4],
        bits: u8,
    },
    /// Scope 0: whatever the scope.
    V6 {
        ip: [u8; 16],
        bits: u8,
        scope: u32,
    },
    Unix(Glob),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Ports {
    Any,
    /// Both ends included.
    Range {
        low: u16,
        high: u16,
    },
}

const EXPECTED: &str =
    "an address, such as 10.0.0.0/8:5432, [fd00::/8]:443, :8080, unix:/run/app.sock or * for all of IP";
const HOST_NAME: &str =
    "an address, not a host name: connections are known by address alone (`getent ahosts NAME` lists a name's)";
const V4: &str = "an IPv4 address of four numbers from 0 to 255 without leading zeros, as in 10.0.0.1";
const V4_BITS: &str = "a prefix length from 0 to 32";
const BRACKETS: &str = "an IPv6 address in brackets, as in [fd00::1]:443";
const CLOSED: &str = "a ] after the IPv6 address, as in [fd00::1]:443";
const V6: &str = "an IPv6 address, as in [fd00::1], [fd00::/8] or [fe80::1%2]";
const V6_BITS: &str = "a prefix length from 0 to 128, inside the brackets, as in [fd00::/8]";
const SCOPE: &str = "an interface's number after the %, as in [fe80::1%2] (`ip link` shows it in front of the name)";
const SCOPED_V4: &str = "a v4-mapped address without a scope";
const PORT: &str = "a port from 1 to 65535 or a range of them, as in :8080 or :8000-8100";
const PORTS: &str = "a range of ports that rises, as in :8000-8100";
const JUNK: &str = "a : and a port, or the end of the address";

impl Selector {
    /// `*`.
    pub(super) const ANY: Selector = Selector { hosts: Hosts::Any, ports: Ports::Any };

    /// Does it name unix sockets? No other selector speaks of any.
    pub const fn is_unix(&self) -> bool {
        matches!(self.hosts, Hosts::Unix(_))
    }

    /// Is the address one of the set?
    pub fn matches(&self, addr: &Addr<'_>) -> bool {
        let (hosts, port) = match (&self.hosts, addr) {
            (Hosts::Unix(glob), Addr::Unix(name)) => return glob.matches(name),
            (Hosts::Any, Addr::V4 { port, .. } | Addr::V6 { port, .. }) => (true, *port),
            (Hosts::V4 { ip, bits }, Addr::V4 { ip: other, port }) => (ip::same_prefix(ip, other, *bits), *port),
            (Hosts::V6 { ip, bits, scope }, Addr::V6 { ip: other, port, scope: of }) => {
                (ip::same_prefix(ip, other, *bits) && (*scope == 0 || scope == of), *port)
            }
            _ => return false,
        };
        hosts && self.ports.contains(port)
    }

    /// Reads the whole of a word.
    pub(super) fn parse(word: Word<'_>) -> Result<Selector, Error> {
        if word.bytes.starts_with(b"unix:") {
            let glob = Glob::parse(word.split_at(5).1, word)?;
            return Ok(Selector { hosts: Hosts::Unix(glob), ports: Ports::Any });
        }
        if word.bytes.first() == Some(&b'[') {
            return parse_v6(word);
        }
        if word.bytes.iter().filter(|&&byte| byte == b':').count() > 1 && !word.bytes.contains(&b']') {
            return Err(word.error(BRACKETS));
        }
        let (host, ports) = match word.split_once(b':') {
            Some((host, port)) => (host, Some(port)),
            None => (word, None),
        };
        let hosts = match host.bytes {
            b"" | b"*" => Hosts::Any,
            _ => parse_v4(host)?,
        };
        Ok(Selector { hosts, ports: ports.map_or(Ok(Ports::Any), |port| Ports::parse(port, word))? })
    }
}

fn parse_v4(host: Word<'_>) -> Result<Hosts, Error> {
    let (address, bits) = host.split_once(b'/').map_or((host, None), |(address, bits)| (address, Some(bits)));
    let Some(ip) = ip::parse_v4(address.bytes) else {
        let numeric = address.bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
        let name =
            address.bytes.iter().all(|&byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte) || byte > 0x7f);
        return Err(if address.bytes.is_empty() || !(numeric || name) {
            host.error(EXPECTED)
        } else {
            address.error(if numeric { V4 } else { HOST_NAME })
        });
    };
    let bits = bits.map_or(Ok(32), |bits| parse_bits(bits, host, 32, V4_BITS))?;
    Ok(Hosts::V4 { ip: ip::masked(ip, bits), bits })
}

fn parse_v6(word: Word<'_>) -> Result<Selector, Error> {
    let Some((inside, after)) = word.split_at(1).1.split_once(b']') else {
        return Err(word.error(CLOSED));
    };
    let (scoped, bits) = inside.split_once(b'/').map_or((inside, None), |(address, bits)| (address, Some(bits)));
    let (address, scope) = scoped.split_once(b'%').map_or((scoped, None), |(address, scope)| (address, Some(scope)));
    let ip = ip::parse_v6(address.bytes).ok_or_else(|| piece(address, word).error(V6))?;
    let scope = match scope {
        None => 0,
        Some(scope) => match ip::parse_number(scope.bytes) {
            None | Some(0) => return Err(piece(scope, word).error(SCOPE)),
            Some(number) => number,
        },
    };
    let bits = bits.map_or(Ok(128), |bits| parse_bits(bits, word, 128, V6_BITS))?;
    let hosts = match (ip::mapped(&ip), bits.checked_sub(96)) {
        // Addresses are seen as IPv4 where they are v4-mapped, so rules are too.
        (Some(_), Some(_)) if scope != 0 => return Err(word.error(SCOPED_V4)),
        (Some(ip), Some(bits)) => Hosts::V4 { ip: ip::masked(ip, bits), bits },
        _ => Hosts::V6 { ip: ip::masked(ip, bits), bits, scope },
    };
    let ports = match after.bytes {
        [] => Ports::Any,
        [b':', ..] => Ports::parse(after.split_at(1).1, word)?,
        [b'/', ..] => return Err(after.error(V6_BITS)),
        _ => return Err(after.error(JUNK)),
    };
    Ok(Selector { hosts, ports })
}

/// The part of a word to complain about: the word itself where the part is empty and would look like the end of the rule.
fn piece<'a>(part: Word<'a>, word: Word<'a>) -> Word<'a> {
    if part.bytes.is_empty() {
        word
    } else {
        part
    }
}

fn parse_bits(bits: Word<'_>, word: Word<'_>, most: u8, expected: &'static str) -> Result<u8, Error> {
    match ip::parse_number(bits.bytes).map(u8::try_from) {
        Some(Ok(number)) if number <= most => Ok(number),
        _ => Err(piece(bits, word).error(expected)),
    }
}

impl Ports {
    fn parse(word: Word<'_>, whole: Word<'_>) -> Result<Ports, Error> {
        let port = |part: Word<'_>| match ip::parse_number(part.bytes).map(u16::try_from) {
            None | Some(Err(_) | Ok(0)) => Err(piece(piece(part, word), whole).error(PORT)),
            Some(Ok(port)) => Ok(port),
        };
        let (low, high) = match word.split_once(b'-') {
            Some((low, high)) => (port(low)?, port(high)?),
            None => {
                let port = port(word)?;
                (port, port)
            }
        };
        if low > high {
            return Err(word.error(PORTS));
        }
        Ok(Ports::Range { low, high })
    }

    const fn contains(&self, port: u16) -> bool {
        match *self {
            Ports::Any => true,
            Ports::Range { low, high } => low <= port && port <= high,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hosts {
            Hosts::Any if self.ports == Ports::Any => f.write_str("*")?,
            Hosts::Any => {}
            Hosts::V4 { ip, bits: 32 } => ip::V4(*ip).fmt(f)?,
            Hosts::V4 { ip, bits } => write!(f, "{}/{bits}", ip::V4(*ip))?,
            Hosts::V6 { ip, bits, scope } => {
                write!(f, "[{}", ip::V6(*ip))?;
                if *scope != 0 {
                    write!(f, "%{scope}")?;
                }
                if *bits != 128 {
                    write!(f, "/{bits}")?;
                }
                f.write_str("]")?;
            }
            Hosts::Unix(glob) => write!(f, "unix:{glob}")?,
        }
        match self.ports {
            Ports::Any => Ok(()),
            Ports::Range { low, high } if low == high => write!(f, ":{low}"),
            Ports::Range { low, high } => write!(f, ":{low}-{high}"),
        }
    }
}

/// What a selector looks like, for the reader of an error.
pub(super) const FORMS: &str = EXPECTED;
