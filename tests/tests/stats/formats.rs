//! `stats` for machines: JSON, OpenMetrics, and the file for the node exporter. Where the readers of others are installed, they read
//! it too: prometheus_client's two parsers, promtool.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;

use netdeadline_engine::evidence::page::Key;
use netdeadline_engine::policy::{Addr, Class};
use netdeadline_tests::Program;
use serde_json::{json, Value};

use crate::made::{expiry, Home, Made, NOBODY};

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_document_has_the_keys_of_the_manual() {
    let home = Home::new("json");
    Made::new(NOBODY, 1, "curl").busy().put(&home);
    let said = home.said(&["stats", "--json", "5000000"]);
    assert_eq!(said.lines().count(), 1, "{said}");
    let document = document(&said);
    let file = home.pages().join("5000000.1.0");
    for (key, expected) in [
        ("version", json!(1)),
        ("pid", json!(NOBODY)),
        ("start", json!(1)),
        ("comm", json!("curl")),
        ("running", json!(false)),
        ("mode", json!("enforce")),
        ("since", json!("2026-03-01T16:13:24Z")),
        ("file", json!(file.to_str().expect("UTF-8"))),
        ("connections", json!(1_221)),
        ("expiries", json!(1)),
        ("lost", json!(0)),
    ] {
        assert_eq!(document[key], expected, "{key}");
    }
    let [database, server] = &document["destinations"].as_array().expect("an array")[..] else { panic!("{said}") };
    assert_eq!((&database["side"], &database["address"]), (&json!("to"), &json!("10.0.0.7:5432")));
    assert_eq!((&server["side"], &server["address"]), (&json!("on"), &json!("[::]:8080")));
    let counts = ["connections", "open", "connecting", "awaiting"].map(|key| database[key].as_u64().expect("a number"));
    assert_eq!(counts, [1_204, 3, 1, 2]);
    assert_eq!(database["own"], json!({"explicit": 4, "scope": 0, "so_rcvtimeo": 0, "so_sndtimeo": 0}));
    let response = &database["classes"]["response"];
    let expected = json!({
        "waits": 1, "expired": 0, "observed": 0, "abandoned": 0, "total_ms": 0.25,
        "p50_ms": 0.25, "p90_ms": 0.25, "p99_ms": 0.25, "longest_ms": 0.25,
        "histogram": [[0.245_76, 0.262_144, 1]],
    });
    assert_eq!(*response, expected);
    let unused = &database["classes"]["write"];
    assert_eq!((&unused["waits"], &unused["p50_ms"], &unused["longest_ms"]), (&json!(0), &json!(null), &json!(null)));
    assert_eq!(server["classes"]["read"]["abandoned"], 2);
    let expected = json!([{
        "time": "2026-03-01T16:13:24.120456Z", "pid": NOBODY, "comm": "worker", "tid": 4_712, "fd": 5,
        "operation": "connect", "peer": "10.0.0.7:5432", "class": "connect", "source": "NETDEADLINE_RULES:3",
        "deadline_ms": 2_000.0, "waited_ms": 2_000.1, "bytes_in": 0, "bytes_out": 12, "rtt_us": null, "retransmits": 1,
        "observed": false, "cookie": 77, "destination": 0,
    }]);
    assert_eq!(document["last"], expected);
}

#[test]
fn several_processes_are_a_document_each_and_one_that_is_missing_is_told() {
    let home = Home::new("several");
    Made::new(NOBODY, 1, "first").put(&home);
    Made::new(NOBODY + 1, 1, "second").put(&home);
    let said = home.said(&["stats", "--json", "5000001", "5000000"]);
    let names: Vec<Value> = said.lines().map(|line| document(line)["comm"].clone()).collect();
    assert_eq!(names, ["second", "first"]);
    let finished = home.nd(&["stats", "5000000", "5000009"]).run();
    assert_eq!(finished.code(), Some(125), "{finished:#?}");
    assert!(finished.stdout.starts_with("first[5000000]"), "{finished:#?}");
    assert!(finished.stderr.starts_with("netdeadline: there is no process 5000009"), "{finished:#?}");
}

#[test]
fn the_list_has_the_head_of_each_document() {
    let home = Home::new("json-list");
    Made::of_us().busy().put(&home);
    Made::new(NOBODY, 1, "curl").busy().put(&home);
    let list = document(&home.list(&["stats", "--json"]));
    let processes = list["processes"].as_array().expect("an array");
    for (pid, comm, running) in [(std::process::id() as i32, "tester", true), (NOBODY, "curl", false)] {
        let found = processes.iter().find(|process| process["pid"] == pid && process["comm"] == comm);
        let found = found.unwrap_or_else(|| panic!("{pid} in {list}"));
        assert_eq!((&found["running"], &found["connections"]), (&json!(running), &json!(1_221)));
        assert!(found.get("destinations").is_none());
    }
}

/// Every name that a page holds, as bad as it can be.
fn hostile() -> Made {
    let made = Made::new(NOBODY, 1, "\x1b[31m\"\\\n\u{202e}");
    let name = Key::of(&Addr::Unix(b"/run/\x1b]0;owned\x07\"\\\n{}\xff"));
    made.page.place(made.page.destination(&name, false)).connections.store(1, Relaxed);
    let mut kept = expiry(0);
    kept.comm = *b"\x1b[2J\"\\\n\x00\xff\xff\xff\xff\xff\xff\xff\xff";
    kept.operation = *b"\x1b[2J\"\\\n{}\xff\x00\x00\x00\x00\x00\x00";
    kept.peer = name;
    made.page.keep(&kept);
    made
}

#[test]
fn names_cannot_reach_the_terminal_or_break_a_format() {
    let home = Home::new("escapes");
    hostile().put(&home);
    for form in
        [&["stats", "5000000"][..], &["stats", "--json", "5000000"], &["stats", "--openmetrics", "5000000"], &["stats"]]
    {
        let said = home.list(form);
        let bad: Vec<char> = said.chars().filter(|c| c.is_control() && *c != '\n' || *c == '\u{202e}').collect();
        assert!(bad.is_empty(), "{bad:?} in {said}");
        assert!(said.contains("\\x1b"), "{said}");
    }
    let document = document(&home.said(&["stats", "--json", "5000000"]));
    assert_eq!(document["destinations"][0]["address"], "unix:/run/\\x1b]0\\x3bowned\\x07\\x22\\x5c\\x0a{}\\xff");
    let said = home.said(&["stats", "--openmetrics", "5000000"]);
    let escaped = r#"destination="unix:/run/\\x1b]0\\x3bowned\\x07\\x22\\x5c\\x0a{}\\xff""#;
    assert!(said.contains(escaped), "{said}");
    read_by_others(&home, &["stats", "5000000"]);
}

#[test]
fn metrics_agree_with_the_page() {
    let home = Home::new("metrics");
    Made::new(NOBODY, 1, "curl").busy().put(&home);
    let said = home.said(&["stats", "--openmetrics", "5000000"]);
    assert!(said.ends_with("\n# EOF\n") && said.matches("# EOF").count() == 1, "{said}");
    let labels = r#"pid="5000000",comm="curl",side="to",destination="10.0.0.7:5432""#;
    for line in [
        "# TYPE netdeadline_connections counter",
        "# UNIT netdeadline_wait_seconds seconds",
        "netdeadline_expiries_total{pid=\"5000000\",comm=\"curl\"} 1",
        "netdeadline_running{pid=\"5000000\",comm=\"curl\"} 0",
        &format!("netdeadline_connections_total{{{labels}}} 1204"),
        &format!("netdeadline_open_connections{{{labels}}} 3"),
        &format!("netdeadline_expired_total{{{labels},class=\"connect\"}} 5"),
        &format!("netdeadline_own_expired_total{{{labels},cause=\"explicit\"}} 4"),
        // 1 to 1,000 ms: 1 ms is below 2^20 ns, 268 are below 2^28.
        &format!("netdeadline_wait_seconds_bucket{{{labels},class=\"connect\",le=\"0.001048576\"}} 1"),
        &format!("netdeadline_wait_seconds_bucket{{{labels},class=\"connect\",le=\"0.268435456\"}} 268"),
        &format!("netdeadline_wait_seconds_bucket{{{labels},class=\"connect\",le=\"+Inf\"}} 1000"),
        &format!("netdeadline_wait_seconds_count{{{labels},class=\"connect\"}} 1000"),
        &format!("netdeadline_wait_seconds_sum{{{labels},class=\"connect\"}} 500.5"),
    ] {
        assert!(said.lines().any(|said| said == line), "no {line} in {said}");
    }
    assert!(!said.contains("class=\"write\""), "a class without a wait has no series");
}

#[test]
fn only_what_runs_is_measured_where_nobody_is_named() {
    let home = Home::new("living");
    Made::of_us().busy().put(&home);
    Made::new(NOBODY, 1, "curl").busy().put(&home);
    let said = home.list(&["stats", "--openmetrics"]);
    assert!(
        said.contains(&format!("netdeadline_running{{pid=\"{}\",comm=\"tester\"}} 1\n", std::process::id())),
        "{said}"
    );
    assert!(!said.contains("pid=\"5000000\""), "{said}");
}

#[test]
fn the_textfile_is_whole_readable_and_in_the_older_format() {
    let home = Home::new("textfile");
    Made::new(NOBODY, 1, "curl").busy().put(&home);
    let file = home.top.join("netdeadline.prom");
    let path = file.to_str().expect("UTF-8");
    fs::write(&file, "old").expect("the scratch directory is writable");
    let before = fs::metadata(&file).expect("it is there").ino();
    let command = netdeadline_tests::command().to_str().expect("UTF-8").to_owned();
    let shell = format!("umask 077; exec {command} stats --textfile {path} 5000000");
    Program::new("sh").args(["-c", &shell]).env("XDG_RUNTIME_DIR", &home.top).run().succeeded();
    let found = fs::metadata(&file).expect("it is there");
    assert_eq!(found.permissions().mode() & 0o7777, 0o644);
    assert_ne!(found.ino(), before, "it was written in place");
    let text = fs::read_to_string(&file).expect("UTF-8");
    assert!(text.contains("# TYPE netdeadline_connections_total counter\n"), "{text}");
    for other in ["# EOF", "# UNIT", "_created", "\r"] {
        assert!(!text.contains(other), "{other} in {text}");
    }
    let open = home.said(&["stats", "--openmetrics", "5000000"]);
    let samples =
        |text: &str| text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(samples(&text), samples(&open));
    let left: Vec<_> = fs::read_dir(&home.top).expect("it is ours").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "something is left beside it: {left:?}");
    read_by_others(&home, &["stats", "5000000"]);
}

#[test]
fn a_textfile_that_cannot_be_is_refused_and_nothing_is_left() {
    let home = Home::new("textfile-refused");
    Made::new(NOBODY, 1, "curl").put(&home);
    let inside = |name: &str| home.top.join(name).to_str().expect("UTF-8").to_owned();
    home.refused(&["stats", "--textfile", &inside("metrics.txt"), "5000000"], &["ends in .prom"]);
    home.refused(&["stats", "--textfile", &inside("no/such.prom"), "5000000"], &["no/such.prom: No such file"]);
    fs::create_dir(home.top.join("taken.prom")).expect("the scratch directory is writable");
    home.refused(&["stats", "--textfile", &inside("taken.prom"), "5000000"], &["taken.prom: Is a directory"]);
    home.refused(&["stats", "--json", "--textfile", &inside("a.prom"), "5000000"], &["--textfile", "cannot be used"]);
    home.refused(&["stats", "--json", "--openmetrics", "5000000"], &["--openmetrics", "cannot be used"]);
    let left: Vec<_> = fs::read_dir(&home.top).expect("it is ours").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

/// The parsers of those for whom the formats are, as far as they are installed.
fn read_by_others(home: &Home, arguments: &[&str]) {
    let open = home.top.join("open.metrics");
    let older = home.top.join("others.prom");
    fs::write(&open, home.list(&[arguments, &["--openmetrics"]].concat())).expect("the scratch directory is writable");
    home.nd(&[arguments, &["--textfile", older.to_str().expect("UTF-8")]].concat()).run().succeeded();
    match python() {
        None => println!("skipped: no python3 with prometheus_client (Debian: python3-prometheus-client)"),
        Some(python) => {
            let script = "\
import sys
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client import parser as text
def samples(families):
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families for s in f.samples}
a = samples(openmetrics.text_string_to_metric_families(open(sys.argv[1]).read()))
families = list(text.text_string_to_metric_families(open(sys.argv[2]).read()))
assert not [f.name for f in families if f.type in ('unknown', 'untyped')], families
b = samples(families)
assert a == b and a, set(a.items()) ^ set(b.items())
print(len(a))
";
            let said = Program::new(python).args(["-c", script]).args([&open, &older]).run().succeeded();
            let lines = fs::read_to_string(&open).expect("UTF-8").lines().filter(|line| !line.starts_with('#')).count();
            assert_eq!(said.stdout.trim(), lines.to_string(), "samples were taken for one another");
        }
    }
    match Program::new("sh").args(["-c", "command -v promtool"]).run().code() {
        Some(0) => {
            let shell = format!("promtool check metrics <{}", older.display());
            let finished = Program::new("sh").args(["-c", &shell]).run();
            assert_eq!((finished.code(), finished.stdout.as_str()), (Some(0), ""), "{finished:#?}");
        }
        _ => println!("skipped: no promtool (Debian: prometheus)"),
    }
    fs::remove_file(open).and_then(|()| fs::remove_file(older)).expect("they were just written");
}

fn python() -> Option<PathBuf> {
    ["/usr/bin/python3", "python3"].map(PathBuf::from).into_iter().find(|python| {
        let has = Program::new("sh").args(["-c", "exec \"$0\" -c 'import prometheus_client'"]).args([python]).run();
        has.code() == Some(0)
    })
}

#[test]
fn percentiles_are_at_most_an_eighth_above_the_exact_ones() {
    let home = Home::new("quantiles");
    // Waits as they come: many short, few long. A generator of a line suffices, it need not be random.
    let mut seed = 88_172_645_463_325_252_u64;
    for turn in 0..20 {
        let made = Made::new(NOBODY, 1, "curl");
        let waits = made.destination([10, 0, 0, 1], 80, 1).class(Class::Read);
        let mut exact: Vec<u64> = (0..1 + turn * 97)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                // From a microsecond to an hour, each octave as likely.
                (1_u64 << (10 + seed % 32)) + (seed >> 40)
            })
            .collect();
        exact.iter().for_each(|ns| waits.count(*ns));
        exact.sort_unstable();
        made.put(&home);
        let document = document(&home.said(&["stats", "--json", "5000000"]));
        let found = &document["destinations"][0]["classes"]["read"];
        for (key, of_a_hundred) in [("p50_ms", 50), ("p90_ms", 90), ("p99_ms", 99)] {
            let rank = (exact.len() * of_a_hundred).div_ceil(100).max(1);
            let expected = exact[rank - 1] as f64 / 1e6;
            let found = found[key].as_f64().expect("a number");
            // Buckets below 8 us are 1.024 us wide.
            let above = expected * 1.125 + 0.001_024;
            assert!((expected..=above).contains(&found), "{key} of {} waits: {found}, not {expected}", exact.len());
        }
        assert_eq!(found["longest_ms"].as_f64(), exact.last().map(|ns| *ns as f64 / 1e6));
    }
}
