//! `netdeadline launch-child PATH ARGV0 [ARGUMENTS]`: what the library executes in place of a static Go program that a protected
//! program wants to start. Not for people, and in no help text.
//!
//! The child must come out as its parent meant it: same pid, name, arguments, environment, descriptors, exit code; so what
//! cannot be protected is executed as it is. And it must be quick, for somebody's os/exec is waiting: nothing of the program
//! is read but its headers; the library looks at the rest when it is there.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use netdeadline_engine::evidence::Log;
use netdeadline_engine::sys::Linux;

use super::payload::Payload;
use super::{Instead, Program, BUILD};
use crate::env::{ambient, Environment};
use crate::error::{Failure, CANNOT_EXECUTE, NOT_FOUND};
use crate::privilege::{self, Whom};
use crate::{golang, library, text};

/// The word by which it is called.
pub const WORD: &str = "launch-child";

/// Become the program; returns only if it cannot be executed at all.
pub fn main(arguments: &[OsString]) -> Failure {
    let [path, arguments @ ..] = arguments else {
        return Failure::own(format!("{WORD} wants a path and the arguments (it is the library's to call)"));
    };
    let failed = |error: std::io::Error| {
        let code = if error.raw_os_error() == Some(libc::ENOENT) { NOT_FOUND } else { CANNOT_EXECUTE };
        let path = text::printable(path.as_encoded_bytes());
        Failure::with_code(code, format!("{path} cannot be executed: {}", text::reason(&error)))
    };
    let program = match Program::new(path, arguments, Environment::own().into_entries()) {
        Ok(program) => program,
        Err(error) => return failed(error),
    };
    let log = log();
    let say =
        |why: &str| log.note(&Linux, format_args!("{} starts without deadlines: {why}", text::path(Path::new(path))));
    let unprotected = match payload(path) {
        Ok(payload) => match super::execute(&program, &payload, Instead::StartIt, &say) {
            super::Failure::Exec(error) => return failed(error),
            super::Failure::Forbidden(why) => why,
        },
        Err(why) => why,
    };
    say(&unprotected);
    failed(program.execute())
}

/// The library to map, if the program is one that it can be mapped into.
fn payload(path: &OsStr) -> Result<Payload, String> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file: File = file.map_err(|error| format!("it cannot be read: {}", text::reason(&error)))?;
    if !golang::is_static_go(&file) {
        return Err(String::from("it is no static Go program"));
    }
    if let Some(privilege) = privilege::gained(&file, Whom::Us) {
        return Err(format!("{privilege}: the library does nothing in a program that gains privileges"));
    }
    let library = library::place().map_err(|failure| failure.message)?;
    Payload::read(&library, BUILD).map_err(|why| format!("{}: {why}", text::path(&library)))
}

/// Where the library in the parent would have said it.
fn log() -> Log {
    let mut log = Log::new();
    let target = ambient("NETDEADLINE_LOG").unwrap_or_else(|| OsString::from("stderr"));
    // A bad value is the library's to complain of.
    let _ = log.set_target(target.as_encoded_bytes());
    if let Some(format) = ambient("NETDEADLINE_LOG_FORMAT") {
        let _ = log.set_format(format.as_encoded_bytes());
    }
    log.remember_stderr(&Linux);
    log
}
