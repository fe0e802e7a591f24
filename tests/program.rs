//! A program that a test runs: always with an end, whatever it does, and never with what the developer's shell had set.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A program about to run.
pub struct Program {
    command: Command,
    bound: Duration,
}

/// A program that has ended, or was ended at its bound.
#[derive(Debug)]
pub struct Finished {
    /// `None`: it was still running at the bound, and was killed.
    pub status: Option<ExitStatus>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

impl Program {
    /// `program` with no variable of ours and no preload, killed after 20 s.
    pub fn new(program: impl AsRef<OsStr>) -> Program {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name == "LD_PRELOAD" || name.to_string_lossy().starts_with("NETDEADLINE_") {
                command.env_remove(name);
            }
        }
        // A group of its own, so that what it started ends with it.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Program { command, bound: Duration::from_secs(20) }
    }

    /// Add arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Program {
        self.command.args(args);
        self
    }

    /// Set a variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Program {
        self.command.env(name, value);
        self
    }

    /// Preload these, in this order.
    pub fn preload(self, libraries: &[&Path]) -> Program {
        let paths: Vec<_> = libraries.iter().map(|path| path.to_str().expect("a path in UTF-8")).collect();
        self.env("LD_PRELOAD", paths.join(":"))
    }

    /// Kill it after `bound`.
    pub fn bound(mut self, bound: Duration) -> Program {
        self.bound = bound;
        self
    }

    /// Set a resource limit (`RLIMIT_NOFILE`, ...) just before the program starts.
    pub fn limit(mut self, resource: libc::__rlimit_resource_t, value: u64) -> Program {
        let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
        // SAFETY: between fork and exec only setrlimit is called, which is safe there, with a limit that was copied in.
        unsafe {
            self.command.pre_exec(move || match libc::setrlimit(resource, &limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            });
        }
        self
    }

    /// Run it to its end, or to its bound.
    pub fn run(mut self) -> Finished {
        let started = Instant::now();
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        let stdout = drain(child.stdout.take());
        let stderr = drain(child.stderr.take());
        let status = wait_until(&mut child, started + self.bound);
        let took = started.elapsed();
        // SAFETY: the group is the child's own; at worst nobody is left in it.
        unsafe { libc::kill(-(child.id() as i32), libc::SIGKILL) };
        if status.is_none() {
            child.wait().expect("a killed child can be waited for");
        }
        Finished { status, stdout: text(stdout), stderr: text(stderr), took }
    }
}

impl Finished {
    /// It ended by itself, with exit code 0. Panics with all it said if it did not.
    #[track_caller]
    pub fn succeeded(self) -> Finished {
        assert_eq!(self.code(), Some(0), "{self:#?}");
        self
    }

    /// Its exit code; `None` if it was killed, at its bound or by a signal.
    pub fn code(&self) -> Option<i32> {
        self.status.and_then(|status| status.code())
    }

    /// The signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.and_then(|status| status.signal())
    }

    /// It was still running at its bound.
    pub fn hung(&self) -> bool {
        self.status.is_none()
    }
}

fn wait_until(child: &mut Child, end: Instant) -> Option<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait().expect("our own child can be waited for") {
            return Some(status);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    let mut pipe = pipe.expect("it was piped");
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that ends with an error has simply ended.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

fn text(reader: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&reader.join().expect("the reader does not panic")).into_owned()
}
