//! The process that is traced: one that is there, or one that we start. Which connections are its own is the source's.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command};

use super::signals::Signals;
use crate::error::{Failure, CANNOT_EXECUTE, NOT_FOUND};
use crate::lookup::{self, Found};
use crate::text;

/// A process whose end we wait for.
pub struct Process {
    fd: OwnedFd,
    child: Option<Child>,
}

impl Process {
    /// One that is there.
    pub fn there(pid: u32) -> Result<Process, Failure> {
        match descriptor(pid) {
            Ok(fd) => Ok(Process { fd, child: None }),
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => {
                Err(Failure::own(format!("-p {pid}: there is no such process")))
            }
            // pidfd_open(2): the number of a thread that leads no process.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOENT)) => {
                Err(Failure::own(format!("-p {pid}: that is a thread; its process is {}", leader(pid))))
            }
            Err(error) => Err(Failure::own(format!("-p {pid}: {}", text::reason(&error)))),
        }
    }

    /// One that we start, with the caller's signals and descriptors.
    pub fn start(command: &OsString, arguments: &[OsString], signals: &Signals) -> Result<Process, Failure> {
        let shown = text::printable(command.as_bytes());
        let file = match lookup::find(command, std::env::var_os("PATH").as_deref()) {
            Found::At(file) => file,
            Found::Forbidden(file) => {
                return Err(Failure::with_code(CANNOT_EXECUTE, format!("{}: it is not executable", text::path(&file))));
            }
            Found::Nowhere => return Err(Failure::with_code(NOT_FOUND, format!("{shown}: no such command in PATH"))),
        };
        let mut program = Command::new(&file);
        program.arg0(command).args(arguments);
        // SAFETY: what is done there is allowed between fork and exec (signals.rs).
        unsafe { program.pre_exec(signals.restore()) };
        let mut child = program.spawn().map_err(|error| {
            let code = if error.kind() == io::ErrorKind::NotFound { NOT_FOUND } else { CANNOT_EXECUTE };
            Failure::with_code(code, format!("{}: {}", text::path(&file), text::reason(&error)))
        })?;
        match descriptor(child.id()) {
            Ok(fd) => Ok(Process { fd, child: Some(child) }),
            Err(error) => {
                // Nobody could tell when it ends.
                let _ = child.kill();
                let _ = child.wait();
                Err(Failure::own(format!("pidfd_open: {}", text::reason(&error))))
            }
        }
    }

    /// Readable when it has ended.
    pub fn descriptor(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Pass a signal on to a program that we started.
    pub fn signal(&self, signal: i32) {
        if let Some(child) = &self.child {
            // SAFETY: the process is our child and has not been waited for: the number is its own.
            unsafe { libc::kill(child.id() as i32, signal) };
        }
    }

    /// Its exit code as shells have it, once it has ended; 0 for a process that is not ours.
    pub fn code(&mut self) -> u8 {
        let status = self.child.as_mut().and_then(|child| child.wait().ok());
        let code =
            status.map_or(0, |status| status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()));
        code as u8
    }
}

fn descriptor(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: it takes two numbers; a descriptor that it returns is new, and close-on-exec.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) };
    match fd {
        // SAFETY: as said: ours alone.
        0.. => Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The process of a thread, for a message.
fn leader(tid: u32) -> String {
    let status = File::open(format!("/proc/{tid}/status")).and_then(io::read_to_string).unwrap_or_default();
    let pid = status.lines().find_map(|line| line.strip_prefix("Tgid:")).map(str::trim);
    pid.unwrap_or("another").to_owned()
}
