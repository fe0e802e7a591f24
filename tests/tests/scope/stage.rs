//! The client: built against this checkout's header and library, run step by step, and what it said of each step.

use netdeadline_tests::{compile, library, root, scratch, Finished, Libc, Program};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// How long scopes last that are to end a step.
pub const SCOPE: Duration = Duration::from_millis(700);
/// And those that are not.
pub const AMPLE: Duration = Duration::from_secs(15);
/// What a busy machine may add.
const LATE: Duration = Duration::from_secs(2);
/// Of the processor, for one step: about ten times what they take. A loop that spins until it is noticed takes more.
const WORK: Duration = Duration::from_millis(150);

/// What one step came to.
#[derive(Debug)]
pub struct Step {
    pub name: String,
    pub good: bool,
    pub took: Duration,
    /// Processor time of the process, meanwhile.
    pub work: Duration,
    /// The answer, or the library's own error.
    pub text: String,
}

impl Step {
    /// It failed at the scope's instant, not earlier and not much later, without work in between, and says why.
    #[track_caller]
    pub fn ended_at(&self, scope: Duration) -> &Step {
        assert!(!self.good, "it did not end: {self:?}");
        assert!(self.took >= scope, "early: {self:?}");
        assert!(self.took < scope + LATE, "late: {self:?}");
        self.idle();
        // 28 is CURLE_OPERATION_TIMEDOUT: libcurl's number for it where its words leave out the reason.
        assert!(self.text.contains("imed out") || self.text.starts_with("(28) "), "no timeout: {self:?}");
        self
    }

    /// It slept while it waited: what is told at once and does not help must not become a loop that spins.
    #[track_caller]
    pub fn idle(&self) -> &Step {
        assert!(self.work < WORK, "it kept the processor busy: {self:?}");
        self
    }

    /// It gave this answer.
    #[track_caller]
    pub fn answered(&self, text: &str) -> &Step {
        assert!(self.good && self.text == text, "not `{text}`: {self:?}");
        self
    }
}

/// Whether we may make namespaces and become another user. Says so where a test is skipped for it.
pub fn is_root() -> bool {
    // SAFETY: geteuid reads the process's own id.
    let root = unsafe { libc::geteuid() } == 0;
    if !root {
        println!("skipped: needs root, for namespaces and for the user of PostgreSQL");
    }
    root
}

/// Flags for a C program that uses libpq and libcurl. `None` if they are not installed.
fn flags() -> Option<Vec<String>> {
    let said = Command::new("pkg-config").args(["--cflags", "--libs", "libpq", "libcurl"]).output().ok()?;
    let said = String::from_utf8(said.status.success().then_some(said.stdout)?).ok()?;
    let directory = scratch("scope").join("lib");
    std::fs::create_dir_all(&directory).expect("the target directory is writable");
    for name in ["libnetdeadline.so", "libnetdeadline.so.0"] {
        // Whatever library an earlier run linked to; tests of one run all put the same there.
        let fresh = directory.join(format!("{name}.{:?}", std::thread::current().id()));
        let _ = std::fs::remove_file(&fresh);
        std::os::unix::fs::symlink(library(), &fresh).expect("the target directory is writable");
        std::fs::rename(fresh, directory.join(name)).expect("both are in the same directory");
    }
    let (directory, header) = (directory.display(), root().join("include"));
    let mut flags =
        vec![format!("-I{}", header.display()), format!("-L{directory}"), format!("-Wl,-rpath,{directory}")];
    flags.push("-lnetdeadline".to_string());
    flags.extend(said.split_whitespace().map(String::from));
    Some(flags)
}

/// `source` (a path below `tests/tests`) built and linked. Panics without the packages: nothing here works without them.
pub fn build(source: &str) -> PathBuf {
    let flags = flags().expect("libpq-dev, libcurl4-openssl-dev and pkg-config are installed (tests/packages.txt)");
    compile(source, Libc::Glibc, &flags.iter().map(String::as_str).collect::<Vec<_>>()).expect("cc")
}

fn client() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| build("scope/client.c"))
}

/// A step for the client: what, for how long, with which argument. A scope of no time is none.
pub fn step(what: &str, scope: Duration, argument: impl AsRef<str>) -> [String; 3] {
    [what.to_string(), scope.as_millis().to_string(), argument.as_ref().to_string()]
}

/// Run the client through these steps, by way of `runner` (a command that runs the command behind it).
#[track_caller]
pub fn run_by<A: AsRef<OsStr>>(runner: &[A], steps: &[[String; 3]]) -> Vec<Step> {
    let mut words: Vec<&OsStr> = runner.iter().map(AsRef::as_ref).collect();
    words.push(client().as_os_str());
    words.extend(steps.iter().flatten().map(OsStr::new));
    let finished = Program::new(words[0]).args(&words[1..]).bound(Duration::from_secs(60)).run().succeeded();
    let told = parsed(&finished);
    let (names, wanted): (Vec<_>, Vec<_>) =
        (told.iter().map(|step| &step.name).collect(), steps.iter().map(|step| &step[0]).collect());
    assert_eq!(names, wanted, "{finished:#?}");
    told
}

/// Run the client through these steps.
#[track_caller]
pub fn run(steps: &[[String; 3]]) -> Vec<Step> {
    run_by::<&str>(&[], steps)
}

fn parsed(finished: &Finished) -> Vec<Step> {
    let line = |line: &str| {
        let words: Vec<&str> = line.splitn(5, '\t').collect();
        let us = |at: usize| Duration::from_micros(words[at].parse().unwrap_or_else(|_| panic!("{finished:#?}")));
        let (name, text) = (words[0].to_string(), words[4].trim().to_string());
        Step { name, good: words[1] == "ok", took: us(2), work: us(3), text }
    };
    finished.stdout.lines().map(line).collect()
}
