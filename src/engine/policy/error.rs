//! What is wrong with a policy text, said so that the operator can mend it at once.

use core::fmt;

use super::class::Origin;
use super::escape::Escaped;

/// One fault: where, what was read, what was expected. Displayed as one line without a newline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// Which text.
    pub origin: Origin,
    /// From 1.
    pub line: u32,
    /// From 1, in characters (not bytes); a tab is one.
    pub column: u32,
    /// The offending word or part of one; empty where the rule ended too soon.
    pub found: Found,
    /// What would have been right there.
    pub expected: &'static str,
}

/// A bounded copy of a word. No more of a file than this is ever shown: the reader of an error message need not be a reader
/// of the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Found {
    bytes: [u8; Found::MAX],
    len: u8,
    cut: bool,
}

impl Found {
    /// The most that is kept, in bytes.
    pub const MAX: usize = 48;

    pub(super) fn new(word: &[u8]) -> Found {
        let mut found = Found { bytes: [0; Found::MAX], len: 0, cut: word.len() > Found::MAX };
        for (byte, from) in found.bytes.iter_mut().zip(word) {
            *byte = *from;
            found.len = found.len.wrapping_add(1);
        }
        found
    }

    /// The bytes kept.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Was the word longer than what is kept?
    pub const fn is_cut(&self) -> bool {
        self.cut
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Quoted and escaped for a terminal.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_bytes() {
            [] => f.write_str("the end of the rule"),
            bytes => write!(f, "\"{}{}\"", Escaped::quoted(bytes), if self.cut { "..." } else { "" }),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.naming(self.origin.variable().as_bytes()).fmt(f)
    }
}

impl Error {
    /// The same line with `name` in front: the engine knows that the text came from a file, but not from which.
    pub const fn naming<'a>(&'a self, name: &'a [u8]) -> Named<'a> {
        Named { error: self, name }
    }
}

/// An [`Error`] with the name of its file, to display.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    error: &'a Error,
    name: &'a [u8],
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error { line, column, found, expected, .. } = self.error;
        let name = Escaped { bytes: self.name, special: b"" };
        write!(f, "{name}, line {line}, column {column}: read {found}, expected {expected}")
    }
}
