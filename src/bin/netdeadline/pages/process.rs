//! What /proc tells of a process, as far as its page is concerned.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;

use crate::text;

/// A process that runs.
pub struct Process {
    /// As we see it.
    pub pid: i32,
    /// As it sees itself, which its page is named after. Not the same where it lives in a container and we do not.
    pub inner: i32,
    /// Its effective user.
    pub user: u32,
    /// When it began, in clock ticks after the boot.
    pub start: u64,
    /// Its name, fit for a terminal.
    pub comm: String,
    environment: io::Result<Vec<u8>>,
}

impl Process {
    /// The process of that number; None if there is none (any more).
    pub fn find(pid: i32) -> Option<Process> {
        let start = running(pid)?;
        let status = fs::read(format!("/proc/{pid}/status")).ok()?;
        let status = String::from_utf8_lossy(&status);
        let words = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().filter_map(|word| word.parse::<u32>().ok()).collect::<Vec<_>>()
        };
        let comm = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
        Some(Process {
            pid,
            inner: words("NSpid:").last().and_then(|pid| i32::try_from(*pid).ok()).unwrap_or(pid),
            // Real, effective, saved, of the file system.
            user: *words("Uid:").get(1)?,
            start,
            comm: text::printable(comm.strip_suffix(b"\n").unwrap_or(&comm)),
            environment: fs::read(format!("/proc/{pid}/environ")),
        })
    }

    /// May we read its environment?
    pub fn is_open(&self) -> bool {
        self.environment.is_ok()
    }

    /// A variable that it was started with, if it is set to something.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        let environment = self.environment.as_ref().ok()?;
        let value = environment
            .split(|byte| *byte == 0)
            .find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
        (!value.is_empty()).then(|| OsStr::from_bytes(value).to_owned())
    }

    /// Is the library in it, as far as its list of mapped files tells?
    pub fn has_library(&self) -> bool {
        let maps = fs::read(format!("/proc/{}/maps", self.pid)).unwrap_or_default();
        maps.windows(b"netdeadline".len()).any(|word| word == b"netdeadline")
    }
}

/// When a process began that is still alive: a zombie waits for nothing any more.
pub fn running(pid: i32) -> Option<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold any byte, also `)`; what follows the last one are words.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let mut words = std::str::from_utf8(stat.get(end + 1..)?).ok()?.split_whitespace();
    let state = words.next()?;
    // The state is field 3, the beginning field 22 (proc_pid_stat(5)).
    let start = words.nth(18)?.parse().ok()?;
    (!matches!(state, "Z" | "X")).then_some(start)
}

/// Is there a process of this number?
pub fn is_running(pid: i32) -> bool {
    running(pid).is_some()
}

/// Every process there is.
pub fn every() -> Vec<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
