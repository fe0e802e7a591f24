//! Bytes that others chose, made fit for a terminal, a log line and policy text: `\xNN` for what is not plain.
//!
//! The same form is read back by the selectors (`unix:/run/a\x20b`), so what a log line shows can be pasted into a rule.

use core::fmt::{self, Write};

/// Shows bytes with everything escaped that could move a cursor, reorder a line or hide: control characters, invisible and
/// direction-changing characters, invalid UTF-8, the backslash, and the characters of `special`.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a> {
    /// The bytes to show.
    pub bytes: &'a [u8],
    /// ASCII characters to escape besides.
    pub special: &'a [u8],
}

impl<'a> Escaped<'a> {
    /// `bytes` as they may appear inside double quotes.
    pub const fn quoted(bytes: &'a [u8]) -> Escaped<'a> {
        Escaped { bytes, special: b"\"" }
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                let special = u8::try_from(c).is_ok_and(|byte| byte == b'\\' || self.special.contains(&byte));
                if special || unsafe_to_print(c) {
                    escape(f, c.encode_utf8(&mut [0; 4]).as_bytes())?;
                } else {
                    f.write_char(c)?;
                }
            }
            escape(f, chunk.invalid())?;
        }
        Ok(())
    }
}

fn escape(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for byte in bytes {
        f.write_str("\\x")?;
        f.write_char(digit(byte >> 4))?;
        f.write_char(digit(byte & 15))?;
    }
    Ok(())
}

/// The hexadecimal digit of a number below 16.
pub(super) const fn digit(value: u8) -> char {
    (if value < 10 { b'0' + value } else { b'a'.wrapping_add(value).wrapping_sub(10) }) as char
}

/// C0, DEL and C1, then what Unicode calls format characters and separators: they are obeyed by terminals, not shown.
const fn unsafe_to_print(c: char) -> bool {
    matches!(c,
        '\0'..='\x1f' | '\x7f'..='\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{2000}'..='\u{200f}'
        | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}' | '\u{3000}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
