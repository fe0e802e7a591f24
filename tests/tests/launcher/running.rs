//! A program that a test watches while it runs. It never outlives its test.

use std::fs;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longer than anything here takes, on any machine.
const BOUND: Duration = Duration::from_secs(20);

/// A command without what the developer's shell had set.
pub fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name == "LD_PRELOAD" || name.to_string_lossy().starts_with("NETDEADLINE_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Run something in the child before it executes its program.
pub fn before_exec(command: &mut Command, action: fn() -> bool) -> &mut Command {
    // SAFETY: each action here makes system calls alone, which is safe between fork and exec.
    unsafe {
        command.pre_exec(move || match action() {
            true => Ok(()),
            false => Err(std::io::Error::last_os_error()),
        })
    }
}

pub struct Running {
    child: Child,
    output: Option<[JoinHandle<String>; 2]>,
}

/// What became of it.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Running {
    pub fn start(command: &mut Command) -> Running {
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (out, err) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        Running { child, output: Some([drain(out), drain(err)]) }
    }

    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// A line of /proc/PID/status.
    pub fn status(&self, name: &str) -> String {
        status(self.pid(), name)
    }

    /// Wait until it is stopped in `program` with a helper at it; the helper's pid.
    pub fn in_the_hands_of_the_helper(&self, program: &Path) -> i32 {
        self.until("its helper is at work", || {
            let there = fs::read_link(format!("/proc/{}/exe", self.pid())).is_ok_and(|exe| exe == program);
            let tracer = self.status("TracerPid");
            (there && tracer != "0").then(|| tracer.parse().expect("a pid"))
        })
    }

    /// Wait until something is so.
    #[track_caller]
    pub fn until<T>(&self, what: &str, mut is: impl FnMut() -> Option<T>) -> T {
        let end = Instant::now() + BOUND;
        loop {
            if let Some(found) = is() {
                return found;
            }
            assert!(Instant::now() < end, "not within {BOUND:?}: {what}; {}", self.status("State"));
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn kill(&self, signal: i32) {
        kill(self.pid(), signal);
    }

    /// Wait for its end.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        let end = Instant::now() + BOUND;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                break status;
            }
            assert!(Instant::now() < end, "it did not end within {BOUND:?}: {}", self.status("State"));
            std::thread::sleep(Duration::from_millis(1));
        };
        let [stdout, stderr] =
            self.output.take().expect("it is taken once").map(|reader| reader.join().expect("no panic"));
        Ended { status, stdout, stderr }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn status(pid: i32, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_default().trim().to_owned()
}

pub fn kill(pid: i32, signal: i32) {
    // SAFETY: takes no pointer; the process is ours, or was.
    assert_eq!(unsafe { libc::kill(pid, signal) }, 0, "kill {pid} {signal}: {}", std::io::Error::last_os_error());
}

fn drain(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        // A pipe that ends with an error has simply ended.
        let _ = pipe.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    })
}
