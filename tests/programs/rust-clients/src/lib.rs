//! What the two Rust clients share: the line that says how it went and whether it was a timeout.

use std::io::{ErrorKind, Result};

/// Print `ok: ANSWER`, or `error: KIND timeout=BOOL TEXT` and leave with 3.
pub fn report(outcome: Result<String>) {
    match outcome {
        Ok(answer) => println!("ok: {}", answer.trim()),
        Err(error) => {
            println!("error: {:?} timeout={} {error}", error.kind(), error.kind() == ErrorKind::TimedOut);
            std::process::exit(3);
        }
    }
}
