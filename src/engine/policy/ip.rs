//! IPv4 and IPv6 addresses as text, both ways, and prefixes of them.
//!
//! `core::net` can do this too, but its code can panic as far as a linker can tell.

use core::fmt::{self, Write};

use super::escape::digit;

/// Shows four bytes as `10.0.0.1`.
pub(super) struct V4(pub [u8; 4]);

/// Shows sixteen bytes as RFC 5952 wants them.
pub(super) struct V6(pub [u8; 16]);

impl fmt::Display for V4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.0;
        write!(f, "{a}.{b}.{c}.{d}")
    }
}

impl fmt::Display for V6 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zeros = longest_zeros(&self.0);
        let mut separate = false;
        for (at, group) in (0..8u8).zip(groups(&self.0)) {
            if zeros.contains(&at) {
                if at == zeros.start {
                    f.write_str("::")?;
                }
                separate = false;
                continue;
            }
            if separate {
                f.write_char(':')?;
            }
            separate = true;
            hexadecimal(f, group)?;
        }
        Ok(())
    }
}

fn groups(ip: &[u8; 16]) -> impl Iterator<Item = u16> + '_ {
    ip.chunks_exact(2).map(|pair| pair.iter().fold(0, |group, &byte| group << 8 | u16::from(byte)))
}

/// The first longest run of at least two zero groups; empty where there is none (RFC 5952, 4.2).
fn longest_zeros(ip: &[u8; 16]) -> core::ops::Range<u8> {
    let (mut longest, mut run) = (0..1, 0..0);
    for (at, group) in (0..8u8).zip(groups(ip)) {
        let next = at.wrapping_add(1);
        run = if group != 0 { next..next } else { run.start..next };
        if run.len() > longest.len() {
            longest = run.clone();
        }
    }
    if longest.len() > 1 {
        longest
    } else {
        8..8
    }
}

/// Without leading zeros.
fn hexadecimal(f: &mut fmt::Formatter<'_>, group: u16) -> fmt::Result {
    let mut begun = false;
    for shift in [12, 8, 4, 0] {
        let nibble = (group >> shift & 15) as u8;
        begun |= nibble != 0 || shift == 0;
        if begun {
            f.write_char(digit(nibble))?;
        }
    }
    Ok(())
}

/// The IPv4 address inside a v4-mapped IPv6 one (::ffff:a.b.c.d).
pub(super) const fn mapped(ip: &[u8; 16]) -> Option<[u8; 4]> {
    match *ip {
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d] => Some([a, b, c, d]),
        _ => None,
    }
}

/// Do the first `bits` bits of both agree?
pub(super) fn same_prefix(a: &[u8], b: &[u8], bits: u8) -> bool {
    a.iter().zip(b).zip(masks(bits)).all(|((a, b), mask)| (a ^ b) & mask == 0)
}

/// The address with everything after the first `bits` bits cleared.
pub(super) fn masked<const N: usize>(mut ip: [u8; N], bits: u8) -> [u8; N] {
    ip.iter_mut().zip(masks(bits)).for_each(|(byte, mask)| *byte &= mask);
    ip
}

/// A netmask, byte after byte.
fn masks(bits: u8) -> impl Iterator<Item = u8> {
    (0..16u8).map(move |byte| {
        let left = bits.saturating_sub(byte.wrapping_mul(8));
        0xffu8.checked_shr(u32::from(left)).map_or(0xff, |rest| !rest)
    })
}

/// Reads `10.0.0.1`: four decimal numbers, no leading zeros (inet_aton would read those as octal).
pub(super) fn parse_v4(text: &[u8]) -> Option<[u8; 4]> {
    let mut ip = [0; 4];
    let mut numbers = text.split(|&byte| byte == b'.');
    for byte in &mut ip {
        let number = numbers.next()?;
        if number.len() > 1 && number.first() == Some(&b'0') {
            return None;
        }
        *byte = u8::try_from(parse_number(number)?).ok()?;
    }
    numbers.next().is_none().then_some(ip)
}

/// Reads decimal digits, and nothing else: no sign, no space, not nothing.
pub(super) fn parse_number(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u32, |number, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u32::from(digit))
    })
}

/// Reads an IPv6 address without brackets, scope or prefix length: `fd00::1`, `::ffff:10.0.0.1`.
pub(super) fn parse_v6(text: &[u8]) -> Option<[u8; 16]> {
    let mut ip = [0; 16];
    match text.windows(2).position(|pair| pair == b"::") {
        None => {
            let (bytes, len) = parse_groups(text, true)?;
            if len != 16 {
                return None;
            }
            ip = bytes;
        }
        Some(at) => {
            let (head, head_len) = parse_groups(text.get(..at)?, false)?;
            let (tail, tail_len) = parse_groups(text.get(at.checked_add(2)?..)?, true)?;
            // The :: stands for at least one group.
            if head_len.saturating_add(tail_len) > 14 {
                return None;
            }
            let tail = tail.get(..tail_len)?;
            ip.iter_mut().zip(head).take(head_len).for_each(|(byte, from)| *byte = from);
            ip.iter_mut().rev().zip(tail.iter().rev()).for_each(|(byte, from)| *byte = *from);
        }
    }
    Some(ip)
}

/// Reads groups between colons, the last of them perhaps an IPv4 address; says how many bytes they fill. Nothing is no group.
fn parse_groups(text: &[u8], v4_last: bool) -> Option<([u8; 16], usize)> {
    let mut ip = [0; 16];
    let mut len = 0usize;
    if text.is_empty() {
        return Some((ip, 0));
    }
    let mut parts = text.split(|&byte| byte == b':').peekable();
    while let Some(part) = parts.next() {
        let mut put = |bytes: &[u8]| -> Option<()> {
            let end = len.checked_add(bytes.len())?;
            ip.get_mut(len..end)?.iter_mut().zip(bytes).for_each(|(byte, from)| *byte = *from);
            len = end;
            Some(())
        };
        if v4_last && parts.peek().is_none() && part.contains(&b'.') {
            put(&parse_v4(part)?)?;
        } else {
            put(&parse_group(part)?.to_be_bytes())?;
        }
    }
    Some((ip, len))
}

fn parse_group(text: &[u8]) -> Option<u16> {
    if text.is_empty() || text.len() > 4 {
        return None;
    }
    text.iter().try_fold(0, |group: u16, &byte| Some(group << 4 | u16::from(parse_hexadecimal(byte)?)))
}

/// The value of one hexadecimal digit.
pub(super) const fn parse_hexadecimal(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}
