//! How the command fails: one line on stderr and an exit code, as env(1), nice(1) and timeout(1) have them.

use std::fmt;

/// The command's own failure: bad options, bad policy, a program it cannot protect.
pub const OWN: u8 = 125;
/// The program is there and cannot be executed.
pub const CANNOT_EXECUTE: u8 = 126;
/// There is no such program.
pub const NOT_FOUND: u8 = 127;

/// A reason to stop.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// One line, already fit for a terminal, without the leading `netdeadline: `.
    pub message: String,
}

impl Failure {
    /// The command's own failure.
    pub fn own(message: impl Into<String>) -> Self {
        Failure { code: OWN, message: message.into() }
    }

    /// A failure with an exit code of its own.
    pub fn with_code(code: u8, message: impl Into<String>) -> Self {
        Failure { code, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "netdeadline: {}", self.message)
    }
}
