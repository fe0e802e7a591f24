//! Where records go. The one rule: the program must not be able to tell, and must never suffer.

use super::limiter::{Limiter, Verdict};
use super::line::Line;
use super::output::{quietly, write_now};
use super::{json, json_more, json_note, plain, plain_more, plain_note, Record, Who};
use crate::sys::{file, Kernel};
use core::ffi::CStr;
use core::fmt::Display;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Words.
    Plain,
    /// One JSON object a line.
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Off,
    Stderr,
    File,
}

const PATH_MAX: usize = 4096;

/// Where and how to write. Configured once at load, through `&mut`; then shared.
pub struct Log {
    target: Target,
    format: Format,
    /// The file's absolute path with its NUL, where the target is a file.
    path: [u8; PATH_MAX],
    /// What fd 2 was at load; `None`: it was closed.
    stderr: Option<file::Identity>,
    limiter: Limiter,
    /// The last line went out in part only, so the next one starts on a line of its own.
    torn: AtomicBool,
}

impl Log {
    /// What [`Log::set_target`] wants, for an error message.
    pub const TARGET: &'static str = "stderr, off or an absolute path";
    /// What [`Log::set_format`] wants, for an error message.
    pub const FORMAT: &'static str = "plain or json";

    /// Off.
    pub const fn new() -> Log {
        Log {
            target: Target::Off,
            format: Format::Plain,
            path: [0; PATH_MAX],
            stderr: None,
            limiter: Limiter::new(),
            torn: AtomicBool::new(false),
        }
    }

    /// The text of NETDEADLINE_LOG; an error is what was expected instead.
    ///
    /// A path must be absolute: the program may change its directory before the first record.
    pub fn set_target(&mut self, text: &[u8]) -> Result<(), &'static str> {
        self.target = match text {
            b"stderr" => Target::Stderr,
            b"off" => Target::Off,
            [b'/', ..] if text.len() < PATH_MAX && !text.contains(&0) => {
                self.path = [0; PATH_MAX];
                for (to, from) in self.path.iter_mut().zip(text) {
                    *to = *from;
                }
                Target::File
            }
            _ => return Err(Log::TARGET),
        };
        Ok(())
    }

    /// The text of NETDEADLINE_LOG_FORMAT; an error is what was expected instead.
    pub fn set_format(&mut self, text: &[u8]) -> Result<(), &'static str> {
        self.format = match text {
            b"plain" => Format::Plain,
            b"json" => Format::Json,
            _ => return Err(Log::FORMAT),
        };
        Ok(())
    }

    /// Look at fd 2, at load. Later, whatever else stands there is not written to.
    pub fn remember_stderr(&mut self, k: &impl Kernel) {
        self.stderr = file::identity(k, libc::STDERR_FILENO).ok();
    }

    /// Is nothing written? Then no record need be made.
    pub fn is_off(&self) -> bool {
        self.target == Target::Off
    }

    /// Write one record, if this second has room for it. Errors are nobody's to hear.
    pub fn report(&self, k: &impl Kernel, record: &Record<'_>) {
        if self.is_off() {
            return;
        }
        if let Verdict::Write { more } = self.admit(k.now()) {
            self.report_admitted(k, record, more);
        }
    }

    /// Has this second room for a record? To be asked first where making one costs much; then comes
    /// [`Log::report_admitted`] with the verdict's `more`.
    pub fn admit(&self, now: u64) -> Verdict {
        if self.is_off() {
            return Verdict::Omit;
        }
        self.limiter.admit(now)
    }

    /// Write a record that was admitted.
    pub fn report_admitted(&self, k: &impl Kernel, record: &Record<'_>, more: u64) {
        if self.is_off() {
            return;
        }
        self.more(k, &record.who, more);
        let mut line = Line::new();
        match self.format {
            Format::Plain => plain(&mut line, record),
            Format::Json => json(&mut line, record),
        }
        let _ = self.write(k, line.bytes());
    }

    /// Tell of records that were left out and whose second is over; `now` is u64::MAX when the process ends.
    pub fn settle(&self, k: &impl Kernel, now: u64) {
        if !self.is_off() {
            let more = self.limiter.left_out(now);
            if more > 0 {
                self.more(k, &Who::now(k), more);
            }
        }
    }

    /// Write a line that is no expiry and is not limited: a warning that is given once. `words` must be fit for a terminal.
    pub fn note(&self, k: &impl Kernel, words: impl Display) {
        if self.is_off() {
            return;
        }
        let mut line = Line::new();
        match self.format {
            Format::Plain => plain_note(&mut line, words),
            Format::Json => json_note(&mut line, &Who::now(k), words),
        }
        let _ = self.write(k, line.bytes());
    }

    #[cold]
    fn more(&self, k: &impl Kernel, who: &Who, more: u64) {
        if more == 0 {
            return;
        }
        let mut line = Line::new();
        match self.format {
            Format::Plain => plain_more(&mut line, who, more),
            Format::Json => json_more(&mut line, who, more),
        }
        let _ = self.write(k, line.bytes());
    }

    /// Write a line as it is, without blocking, without a signal, to what the target still is. An error is a positive errno;
    /// the line is then lost.
    pub fn write(&self, k: &impl Kernel, line: &[u8]) -> Result<(), i32> {
        quietly(k, |k| match self.target {
            Target::Off => Ok(()),
            Target::Stderr => self.write_to_stderr(k, line),
            Target::File => self.write_to_file(k, line),
        })
    }

    fn write_to_stderr(&self, k: &impl Kernel, line: &[u8]) -> Result<(), i32> {
        let now = file::identity(k, libc::STDERR_FILENO)?;
        // A daemon closes its descriptors and opens a socket: 2 may be its connection by now.
        match self.stderr {
            Some(then) if then.same_file(&now) => self.put(k, libc::STDERR_FILENO, now.kind(), line),
            _ => Err(libc::EBADF),
        }
    }

    fn write_to_file(&self, k: &impl Kernel, line: &[u8]) -> Result<(), i32> {
        let path = CStr::from_bytes_until_nul(&self.path).unwrap_or_default();
        // NONBLOCK: opening a FIFO waits for nobody. NOCTTY: opening a terminal changes nothing.
        let flags = libc::O_WRONLY | libc::O_APPEND | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
        let fd = file::open(k, path, flags | libc::O_CREAT | libc::O_NOCTTY, 0o600)?;
        let result = match file::identity(k, fd) {
            Ok(found) if found.kind() == libc::S_IFREG => self.put(k, fd, libc::S_IFREG, line),
            Ok(_) => Err(libc::EINVAL),
            Err(error) => Err(error),
        };
        let _ = file::close(k, fd);
        result
    }

    fn put(&self, k: &impl Kernel, fd: i32, kind: u32, line: &[u8]) -> Result<(), i32> {
        // Relaxed: two threads that tear at once cost a blank line at most.
        if self.torn.load(Relaxed) {
            write_now(k, fd, kind, b"\n")?;
            self.torn.store(false, Relaxed);
        }
        let written = write_now(k, fd, kind, line)?;
        if written < line.len() {
            self.torn.store(true, Relaxed);
            return Err(libc::EAGAIN);
        }
        Ok(())
    }
}

impl Default for Log {
    fn default() -> Self {
        Log::new()
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
