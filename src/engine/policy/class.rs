//! The names of things: classes of deadlines, and the places that policy text comes from.

use core::fmt;

/// What a deadline bounds. SEMANTICS.md says when each clock runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Class {
    /// From connect() until established, per attempt.
    Connect = 0,
    /// From the last write to the first byte of the answer.
    Response = 1,
    /// While the program waits for data; every byte starts it anew.
    Read = 2,
    /// While the program waits for room or for acknowledgement; every byte accepted or acknowledged starts it anew.
    Write = 3,
    /// From connect or accept to close.
    Lifetime = 4,
}

impl Class {
    /// Every class, in the order of the arrays that have one element per class.
    pub const ALL: [Class; 5] = [Class::Connect, Class::Response, Class::Read, Class::Write, Class::Lifetime];

    /// The word that stands for it in policy text and in records.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Connect => "connect",
            Class::Response => "response",
            Class::Read => "read",
            Class::Write => "write",
            Class::Lifetime => "lifetime",
        }
    }

    /// The class of that name, exactly as [`Class::name`] spells it.
    pub fn named(name: &[u8]) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.name().as_bytes() == name)
    }

    /// This class's element of an array with one element per class. A pattern, so that no index can be out of bounds.
    pub(crate) const fn of<T>(self, [connect, response, read, write, lifetime]: &[T; 5]) -> &T {
        match self {
            Class::Connect => connect,
            Class::Response => response,
            Class::Read => read,
            Class::Write => write,
            Class::Lifetime => lifetime,
        }
    }

    /// [`Class::of`], to write to.
    pub(crate) const fn of_mut<T>(self, [connect, response, read, write, lifetime]: &mut [T; 5]) -> &mut T {
        match self {
            Class::Connect => connect,
            Class::Response => response,
            Class::Read => read,
            Class::Write => write,
            Class::Lifetime => lifetime,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where policy text came from.
// repr(u8), here and below: a tag of its own keeps an empty policy all zeroes, which is .bss and not 80 KiB of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Origin {
    /// `NETDEADLINE_RULES` (and `--rule`).
    Rules,
    /// The file that `NETDEADLINE_CONFIG` names.
    File,
    /// `NETDEADLINE_CONNECT` and its like: a last rule `to *` with one class.
    Shorthand(Class),
}

impl Origin {
    /// The environment variable that holds the text, or the file's name.
    pub const fn variable(self) -> &'static str {
        match self {
            Origin::Rules => "NETDEADLINE_RULES",
            Origin::File => "NETDEADLINE_CONFIG",
            Origin::Shorthand(Class::Connect) => "NETDEADLINE_CONNECT",
            Origin::Shorthand(Class::Response) => "NETDEADLINE_RESPONSE",
            Origin::Shorthand(Class::Read) => "NETDEADLINE_READ",
            Origin::Shorthand(Class::Write) => "NETDEADLINE_WRITE",
            Origin::Shorthand(Class::Lifetime) => "NETDEADLINE_LIFETIME",
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.variable())
    }
}
