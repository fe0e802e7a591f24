//! What can be wrong with a file that should be a page, in words. Decides nothing.

use std::fmt;
use std::io;

use netdeadline_engine::evidence::page::VERSION;

use super::open::SIZE;
use crate::text;

/// Why a page cannot be read.
#[derive(Debug)]
pub enum Flaw {
    /// There is no such file any more.
    Gone,
    /// The system refuses.
    Refused(io::Error),
    /// Only its owner and root may read it.
    Forbidden,
    /// A link, a pipe, a directory.
    NotRegular,
    /// It lies in a directory of one user, and is another's.
    Stranger { owner: u32, expected: u32 },
    /// It does not begin as a page does.
    NoPage,
    /// The layout has another number.
    Version(u64),
    /// It begins as a page and is not as long as one.
    Length(u64),
    /// The process had not finished making it.
    Unfinished,
    /// It says that it is another process's than its name says.
    Misnamed,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Gone => f.write_str("there is no such file"),
            Flaw::Refused(error) => f.write_str(&text::reason(error)),
            Flaw::Forbidden => f.write_str("Permission denied (only its owner and root may read it)"),
            Flaw::NotRegular => f.write_str("expected a regular file (links are not followed)"),
            Flaw::Stranger { owner, expected } => write!(f, "it is user {owner}'s, expected one of user {expected}"),
            Flaw::NoPage => f.write_str("it is no evidence page"),
            Flaw::Version(found) => {
                write!(f, "it is a page of version {found}, expected version {VERSION} (read it with the netdeadline that made it)")
            }
            Flaw::Length(found) => write!(f, "it has {found} bytes, expected {SIZE}: it is truncated or damaged"),
            Flaw::Unfinished => f.write_str("it is not finished: the process is making it, or ended while it did"),
            Flaw::Misnamed => f.write_str("it is damaged: it is named after another process than stands in it"),
        }
    }
}
