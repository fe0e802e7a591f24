//! A piece of policy text that knows where it stands.

use super::class::Origin;
use super::error::{Error, Found};

/// Part of a text, and the place of its first character.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'a> {
    pub bytes: &'a [u8],
    pub origin: Origin,
    pub line: u32,
    pub column: u32,
}

impl<'a> Word<'a> {
    /// The whole of a text.
    pub const fn whole(bytes: &'a [u8], origin: Origin) -> Word<'a> {
        Word { bytes, origin, line: 1, column: 1 }
    }

    /// This word is wrong.
    pub fn error(&self, expected: &'static str) -> Error {
        let Word { bytes, origin, line, column } = *self;
        Error { origin, line, column, found: Found::new(bytes), expected }
    }

    /// Cuts after `at` bytes, or at the end.
    pub fn split_at(self, at: usize) -> (Word<'a>, Word<'a>) {
        let (head, tail) = self.bytes.split_at_checked(at).unwrap_or((self.bytes, &[]));
        let (line, column) = head.iter().fold((self.line, self.column), |(line, column), byte| match byte {
            b'\n' => (line.saturating_add(1), 1),
            // The rest of a character in UTF-8.
            0x80..=0xbf => (line, column),
            _ => (line, column.saturating_add(1)),
        });
        (Word { bytes: head, ..self }, Word { bytes: tail, line, column, ..self })
    }

    /// How many bytes at the start are of this kind?
    pub fn take_while(&self, of_kind: impl Fn(u8) -> bool) -> usize {
        self.bytes.iter().take_while(|&&byte| of_kind(byte)).count()
    }

    /// Cuts at the first `separator`, which is in neither part.
    pub fn split_once(self, separator: u8) -> Option<(Word<'a>, Word<'a>)> {
        let at = self.bytes.iter().position(|&byte| byte == separator)?;
        let (head, tail) = self.split_at(at);
        Some((head, tail.split_at(1).1))
    }

    /// The parts between separators.
    pub fn split(self, separator: u8) -> impl Iterator<Item = Word<'a>> {
        let mut rest = Some(self);
        core::iter::from_fn(move || {
            let word = rest?;
            let (part, tail) = word.split_once(separator).map_or((word, None), |(part, tail)| (part, Some(tail)));
            rest = tail;
            Some(part)
        })
    }
}
