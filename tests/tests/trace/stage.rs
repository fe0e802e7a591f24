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

/// A network namespace for the workload, with addresses from which no connection comes. Gone when dropped.
pub struct Network {
    /// The workload's, and what is behind it.
    names: Vec<String>,
    /// What the workload is told of it.
    far: &'static [&'static str],
}

impl Network {
    /// Nobody answers. `name` is a few letters that no other test has.
    pub fn black_hole(name: &str) -> Network {
        let far = &["FAR4_timeout=10.9.9.2", "FAR6_timeout=fd09::2", "FAR4_givenup=10.9.9.2", "FAR6_givenup=fd09::2"];
        let here = format!("nd-{name}-{}", std::process::id());
        // A link whose other end is up and drops what comes; neighbours that are known, so that nobody has to be asked.
        let script = format!(
            "ip netns add {here}; cd /; ip netns exec {here} sh -ec '
            ip link set lo up; ip link add here type veth peer name there; ip link set there up; ip link set here up
            ip addr add 10.9.9.1/24 dev here; ip -6 addr add fd09::1/64 dev here nodad
            ip neigh add 10.9.9.2 lladdr 02:00:00:00:00:99 dev here nud permanent
            ip -6 neigh add fd09::2 lladdr 02:00:00:00:00:99 dev here nud permanent
            sysctl -qw net.ipv4.tcp_syn_retries=1'"
        );
        Network { names: vec![here], far }.made(&script)
    }

    /// A router says that a host does not answer it, and that nobody may go to another.
    pub fn no_way(name: &str) -> Network {
        let far = &[
            "FAR4_unreachable=10.9.7.2",
            "FAR6_unreachable=fd07::2",
            "FAR4_prohibited=10.9.6.2",
            "FAR6_prohibited=fd06::2",
        ];
        let here = format!("nd-{name}-{}", std::process::id());
        let there = format!("{here}-there");
        // It asks once for the host and waits for 50 ms. Without its limits it would leave answers out, lest they become many.
        let script = format!(
            "ip netns add {here}; ip netns add {there}
            ip -n {here} link add here type veth peer name there netns {there}
            ip -n {there} link add void type veth peer name nobody
            ip -n {here} link set here up; for link in there void nobody; do ip -n {there} link set $link up; done
            ip -n {here} addr add 10.9.8.1/24 dev here; ip -n {here} addr add fd08::1/64 dev here nodad
            ip -n {there} addr add 10.9.8.2/24 dev there; ip -n {there} addr add fd08::2/64 dev there nodad
            ip -n {there} addr add 10.9.7.1/24 dev void; ip -n {there} addr add fd07::1/64 dev void nodad
            ip -n {there} route add prohibit 10.9.6.2; ip -n {there} -6 route add prohibit fd06::2
            ip -n {here} route add default via 10.9.8.2; ip -n {here} -6 route add default via fd08::2
            ip netns exec {there} sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
                net.ipv4.neigh.void.mcast_solicit=1 net.ipv4.neigh.void.retrans_time_ms=50 \
                net.ipv6.neigh.void.mcast_solicit=1 net.ipv6.neigh.void.retrans_time_ms=50 \
                net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0"
        );
        Network { names: vec![here, there], far }.made(&script)
    }

    fn made(self, script: &str) -> Network {
        Program::new("sh").args(["-ec", script]).run().succeeded();
        self
    }

    /// The workload in there. The trace stays outside: `ip netns exec` hides tracefs from what it starts.
    pub fn workload<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let workload = workload().to_str().expect("a path in UTF-8");
        [&["ip", "netns", "exec", &self.names[0], "env"], self.far, &[workload], arguments].concat()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = Program::new("ip").args(["netns", "del", name]).run();
        }
    }
}
