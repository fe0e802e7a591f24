//! Children and the clock: starts them together, notes when each one ends, kills by pid what outlives its patience.
//!
//! Every wait in here is bounded. What the ends mean is the report's business.
//!
//! # Safety
//! The one unsafe block runs prctl with integers between fork and exec; it is async-signal-safe and touches no memory.

use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A child that is to be started.
pub struct Start {
    /// What to run.
    pub command: Command,
    /// How long it may live.
    pub patience: Duration,
}

/// What became of a child.
pub struct Run {
    /// From before the fork to its end, or to the moment it was given up.
    pub lived: Duration,
    /// When it ended, in milliseconds since 1970.
    pub ended_at: u64,
    /// Its own end; none if it was still running and had to be killed.
    pub status: Option<ExitStatus>,
    /// What it wrote to stderr, 64 KiB at most.
    pub stderr: String,
}

struct Watched {
    child: Child,
    since: Instant,
    patience: Duration,
    run: Option<Run>,
}

/// Starts all children and returns their runs in the same order.
pub fn run(starts: Vec<Start>) -> Result<Vec<Run>, String> {
    let mut watched: Vec<Watched> = Vec::new();
    for start in starts {
        match spawn(start) {
            Ok(one) => watched.push(one),
            Err(why) => {
                watched.iter_mut().for_each(|one| end(&mut one.child));
                return Err(why);
            }
        }
    }
    while watched.iter().any(|one| one.run.is_none()) {
        for one in watched.iter_mut().filter(|one| one.run.is_none()) {
            let status = one.child.try_wait().ok().flatten();
            let lived = one.since.elapsed();
            if status.is_some() || lived >= one.patience {
                if status.is_none() {
                    end(&mut one.child);
                }
                one.run = Some(Run { lived, ended_at: realtime(), status, stderr: stderr(&mut one.child) });
            }
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(watched.into_iter().filter_map(|one| one.run).collect())
}

fn realtime() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}

/// What a short-lived command prints; none if it is missing, fails, or takes longer than five seconds.
pub fn output(command: &mut Command) -> Option<String> {
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::piped()).spawn().ok()?;
    let since = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return child.stdout.take().map(drain),
            Ok(None) if since.elapsed() < Duration::from_secs(5) => thread::sleep(Duration::from_millis(2)),
            _ => {
                end(&mut child);
                return None;
            }
        }
    }
}

fn spawn(Start { mut command, patience }: Start) -> Result<Watched, String> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // SAFETY: prctl with PR_SET_PDEATHSIG takes integers only and may be called between fork and exec.
    unsafe {
        command.pre_exec(|| {
            // A demo that is killed leaves nobody behind who hangs for ever.
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
    let since = Instant::now();
    match command.spawn() {
        Ok(child) => Ok(Watched { child, since, patience, run: None }),
        Err(error) => Err(format!("cannot start {}: {error}", command.get_program().to_string_lossy())),
    }
}

/// Kills by pid. The child is not reaped yet, so the pid is still its own.
fn end(child: &mut Child) {
    if child.kill().is_ok() {
        let _ = child.wait();
    }
}

fn stderr(child: &mut Child) -> String {
    child.stderr.take().map(drain).unwrap_or_default()
}

/// What is in a pipe now. A grandchild that holds the other end must not hold us: the read does not block.
fn drain(mut pipe: impl Read + AsRawFd) -> String {
    // SAFETY: F_SETFL takes an integer.
    unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(n @ 1..) = pipe.read(&mut piece) {
        bytes.extend_from_slice(&piece[..n]);
        if bytes.len() >= 1 << 16 {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
