//! A pattern for unix names: bytes, with `*` for any run of them.
//!
//! Names are compared as the program wrote them: `*` also crosses `/`, and nothing is resolved.

use core::fmt;

use super::addr;
use super::error::Error;
use super::ip;
use super::word::Word;

/// As many bytes as a name can have (`sun_path`).
const MAX: usize = 108;

/// A pattern, copied out of its text. Abstract where its first byte is a literal NUL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Glob {
    bytes: [u8; MAX],
    len: u8,
    /// Bit n: byte n is a `*` that stands for a run (and not one that was escaped).
    wild: [u64; 2],
}

const EXPECTED: &str = "a path or @name after unix:, as in unix:/run/app/*.sock or unix:@name";
const ESCAPE: &str = "two hexadecimal digits after \\x (\\x20 is a space, \\x5c a backslash, \\x2a a plain *)";
const TOO_LONG: &str = "a unix path of at most 108 bytes";

impl Glob {
    /// Reads what stands after `unix:`.
    pub(super) fn parse(word: Word<'_>, whole: Word<'_>) -> Result<Glob, Error> {
        let mut glob = Glob { bytes: [0; MAX], len: 0, wild: [0; 2] };
        let mut rest = word;
        if rest.bytes.is_empty() {
            return Err(whole.error(EXPECTED));
        }
        if rest.bytes == b"@" {
            return Err(whole.error(EXPECTED));
        }
        if rest.bytes.first() == Some(&b'@') {
            glob.push(0, false);
            rest = rest.split_at(1).1;
        }
        while let [first, tail @ ..] = rest.bytes {
            let (byte, wild, used) = match (first, tail) {
                (b'*', _) => (b'*', true, 1),
                (b'\\', [b'x', high, low, ..]) => match (ip::parse_hexadecimal(*high), ip::parse_hexadecimal(*low)) {
                    (Some(high), Some(low)) => (high << 4 | low, false, 4),
                    _ => return Err(rest.error(ESCAPE)),
                },
                (b'\\', _) => return Err(rest.error(ESCAPE)),
                (byte, _) => (*byte, false, 1),
            };
            if !glob.push(byte, wild) {
                return Err(word.error(TOO_LONG));
            }
            rest = rest.split_at(used).1;
        }
        Ok(glob)
    }

    fn push(&mut self, byte: u8, wild: bool) -> bool {
        let Some(place) = self.bytes.get_mut(usize::from(self.len)) else { return false };
        *place = byte;
        let [low, high] = &mut self.wild;
        let (bits, at) = if self.len < 64 { (low, self.len) } else { (high, self.len.wrapping_sub(64)) };
        *bits |= u64::from(wild).wrapping_shl(u32::from(at));
        self.len = self.len.wrapping_add(1);
        true
    }

    /// The byte at a place, and whether it stands for a run.
    fn at(&self, place: usize) -> Option<(u8, bool)> {
        if place >= usize::from(self.len) {
            return None;
        }
        let [low, high] = self.wild;
        let bits = if place < 64 { low } else { high };
        Some((*self.bytes.get(place)?, bits.wrapping_shr(place as u32 & 63) & 1 == 1))
    }

    fn is_abstract(&self) -> bool {
        self.at(0) == Some((0, false))
    }

    /// Does it name this path or (with its leading NUL) abstract name? An unnamed socket is named by nothing.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        if name.is_empty() || (name.first() == Some(&0)) != self.is_abstract() {
            return false;
        }
        // The last run is the only one worth lengthening: a shorter earlier one leaves more for it. So at most |pattern| x
        // |name| steps, and nothing to recurse into.
        let (mut at, mut read) = (0usize, 0usize);
        let mut last_run = None::<(usize, usize)>;
        loop {
            match (self.at(at), name.get(read)) {
                (Some((_, true)), _) => {
                    at = at.wrapping_add(1);
                    last_run = Some((at, read));
                    continue;
                }
                (None, None) => return true,
                (Some((byte, false)), Some(&other)) if byte == other => {
                    (at, read) = (at.wrapping_add(1), read.wrapping_add(1));
                    continue;
                }
                (_, None) => return false,
                _ => {}
            }
            let Some((after, start)) = last_run else { return false };
            (at, read) = (after, start.wrapping_add(1));
            last_run = Some((at, read));
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut from = 0usize;
        let len = usize::from(self.len);
        match self.at(0) {
            Some((0, false)) => {
                f.write_str("@")?;
                from = 1;
            }
            Some((b'@', false)) => {
                f.write_str("\\x40")?;
                from = 1;
            }
            _ => {}
        }
        while from < len {
            let to = (from..len).find(|&place| self.at(place).is_some_and(|(_, wild)| wild)).unwrap_or(len);
            addr::unix(self.bytes.get(from..to).unwrap_or_default()).fmt(f)?;
            if to < len {
                f.write_str("*")?;
            }
            from = to.wrapping_add(1);
        }
        Ok(())
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
