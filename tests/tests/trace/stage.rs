//! A trace of a workload, with all that it said. Judges nothing.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::OnceLock;

use netdeadline_tests::{command, compile, scratch, Finished, Libc, Program};
use serde_json::Value;

/// May these tests do anything here? Says what is missing.
pub fn possible() -> bool {
    // SAFETY: it takes nothing and cannot fail.
    let root = unsafe { libc::geteuid() } == 0;
    let missing = match (root, Path::new("/sys/kernel/btf/vmlinux").exists()) {
        (false, _) => "not root",
        (_, false) => "this kernel has no BTF",
        (true, true) => return true,
    };
    println!("skipped: {missing}");
    false
}

/// The workload, compiled.
pub fn workload() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| compile("trace/workload.c", Libc::Glibc, &[]).expect("there is a cc"))
}

/// A file of its own.
pub fn file(name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = scratch("trace").join(format!("{}.{number}.{name}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    path
}

/// What a trace of a command said.
pub struct Traced {
    pub rows: Vec<Value>,
    pub summary: Value,
    pub finished: Finished,
}

/// What the workload said of one connection that it began.
#[derive(Debug)]
pub struct Said {
    pub kind: String,
    pub family: u8,
    pub port: u16,
    pub cookie: u64,
    pub ns: u64,
    /// Of a connect that was not answered: segments sent again, as TCP_INFO says.
    pub again: Option<u64>,
}

/// Trace `words` with these options, by the command `nd`, and by way of `before` (`ip netns exec ...`).
pub fn traced_by(nd: &Path, before: &[&str], options: &[&str], words: &[&str]) -> Traced {
    let out = file("json");
    let mut all: Vec<&str> = before.to_vec();
    all.extend([
        nd.to_str().expect("a path in UTF-8"),
        "trace",
        "--json",
        "-o",
        out.to_str().expect("a path in UTF-8"),
    ]);
    all.extend(options);
    all.push("--");
    all.extend(words);
    let finished = Program::new(all[0]).args(&all[1..]).bound(std::time::Duration::from_secs(60)).run();
    let (rows, summary) = objects(&out);
    let _ = std::fs::remove_file(out);
    Traced { rows, summary, finished }
}

/// Trace the workload with these arguments, and see it succeed.
#[track_caller]
pub fn traced(options: &[&str], arguments: &[&str]) -> Traced {
    let workload = workload().to_str().expect("a path in UTF-8");
    let traced = traced_by(command(), &[], options, &[&[workload], arguments].concat());
    assert_eq!(traced.finished.code(), Some(0), "{:#?}", traced.finished);
    traced
}

/// The rows of a file, and the summary that is the last line (null where there is none).
pub fn objects(file: &Path) -> (Vec<Value>, Value) {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut rows: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    let has_summary = rows.last().is_some_and(|last| last.get("summary").is_some());
    let summary = if has_summary { rows.pop().map(|mut last| last["summary"].take()) } else { None };
    (rows, summary.unwrap_or(Value::Null))
}

impl Traced {
    /// What the workload said, line by line.
    pub fn said(&self) -> Vec<Said> {
        let lines = self.finished.stdout.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        lines
            .map(|words| Said {
                kind: words[0].to_owned(),
                family: words[1].parse().expect("4 or 6"),
                port: words[2].parse().unwrap_or(0),
                cookie: words[3].parse().expect("a cookie"),
                ns: words[4].parse().expect("nanoseconds"),
                again: words.get(5).and_then(|again| again.parse().ok()),
            })
            .collect()
    }

    /// The row of the connection that the workload began with this cookie.
    pub fn row(&self, cookie: u64) -> Option<&Value> {
        self.rows.iter().find(|row| row["cookie"] == cookie)
    }

    /// Nothing was lost in any way.
    pub fn lost_nothing(&self) -> bool {
        ["events", "connections", "accepted", "calls", "missed"].iter().all(|key| self.summary["lost"][key] == 0)
    }
}

/// A network namespace in which nobody answers at two addresses. Gone when dropped.
pub struct BlackHole {
    name: String,
}

impl BlackHole {
    /// `name` is a few letters that no other test has.
    pub fn make(name: &str) -> BlackHole {
        let hole = BlackHole { name: format!("nd-{name}-{}", std::process::id()) };
        let ns = &hole.name;
        // A link whose other end is up and drops what comes; neighbours that are known, so that nobody has to be asked.
        let script = format!(
            "ip netns add {ns} && cd / && ip netns exec {ns} sh -ec '
            ip link set lo up; ip link add here type veth peer name there; ip link set there up; ip link set here up
            ip addr add 10.9.9.1/24 dev here; ip -6 addr add fd09::1/64 dev here nodad
            ip neigh add 10.9.9.2 lladdr 02:00:00:00:00:99 dev here nud permanent
            ip -6 neigh add fd09::2 lladdr 02:00:00:00:00:99 dev here nud permanent
            sysctl -qw net.ipv4.tcp_syn_retries=1'"
        );
        Program::new("sh").args(["-c", &script]).run().succeeded();
        hole
    }

    /// The workload in there. The trace stays outside: `ip netns exec` hides tracefs from what it starts.
    pub fn workload<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let workload = workload().to_str().expect("a path in UTF-8");
        let before = ["ip", "netns", "exec", &self.name, "env", "BLACKHOLE4=10.9.9.2", "BLACKHOLE6=fd09::2", workload];
        [&before[..], arguments].concat()
    }
}

impl Drop for BlackHole {
    fn drop(&mut self) {
        let _ = Program::new("ip").args(["netns", "del", &self.name]).run();
    }
}
