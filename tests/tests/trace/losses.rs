//! Many connections: none lost; and where room is made too small, each lost one counted.

use std::time::Duration;

use netdeadline_tests::{command, Program};

use crate::stage::{file, objects, possible, traced, traced_by, workload, Network};

/// A prime, and so many that a second of it is more than the buffer's eighth at which the reader is woken.
const MANY: u64 = 40_009;

#[test]
fn no_event_is_lost_at_twenty_thousand_connects_a_second() {
    if !possible() {
        return;
    }
    let traced = traced(&[], &[&format!("burst/4/{MANY}")]);
    let rate = MANY as f64 / (traced.said()[0].ns as f64 / 1e9);
    println!("{rate:.0} connects a second, each with both ends: {:.0} records a second", rate * 2.0);
    assert!(traced.lost_nothing(), "{}", traced.summary);
    assert_eq!((&traced.summary["connected"], &traced.summary["accepted"]), (&MANY.into(), &MANY.into()));
    assert_eq!(traced.rows.len() as u64, 2 * MANY);
    let cookies: std::collections::HashSet<_> = traced.rows.iter().map(|row| row["cookie"].as_u64()).collect();
    assert_eq!(cookies.len() as u64, 2 * MANY, "some were told twice");
    if rate < 20_000.0 {
        println!("the machine is too busy for 20,000 a second");
    }
}

#[test]
fn what_finds_no_room_in_the_buffer_is_counted_to_the_last_one() {
    if !possible() {
        return;
    }
    // Stopped meanwhile: a quick machine would keep up even with so little room.
    let script = format!("kill -STOP $PPID; {} burst/4/5003; kill -CONT $PPID", workload().display());
    let traced = traced_by(command(), &[], &["--buffer", "4k"], &["sh", "-c", &script]);
    let told = traced.rows.len() as u64;
    let lost = traced.summary["lost"]["events"].as_u64().expect("a number");
    assert!(lost > 0, "4 KiB were enough for {told}: {}", traced.summary);
    assert_eq!(told + lost, 2 * 5003, "{}", traced.summary);
    assert!(traced.finished.stderr.contains("the buffer was full (--buffer)"), "{}", traced.finished.stderr);
}

#[test]
fn what_finds_no_room_in_the_table_is_counted_to_the_last_one() {
    if !possible() {
        return;
    }
    let hole = Network::black_hole("table");
    let traced = traced_by(command(), &[], &["--connections", "13"], &hole.workload(&["givenup/4/31"]));
    assert_eq!(traced.finished.code(), Some(0), "{:#?}", traced.finished);
    // Some places may be taken by what others accept: whose that is shows only later.
    let told = traced.rows.len() as u64;
    assert!(told <= 13, "{told}");
    assert_eq!(traced.summary["lost"]["connections"].as_u64(), Some(31 - told), "{}", traced.summary);
}

/// Stopped, it reads nothing; the kernel keeps what happens, as much as there is room for.
#[test]
fn a_reader_that_was_stopped_finds_all_of_it() {
    if !possible() {
        return;
    }
    let out = file("json");
    let script = format!(
        "{nd} trace --json -o {out} --comm stopped-{id} & trace=$!
        while [ ! -e {out} ]; do sleep 0.05; done; sleep 0.3
        kill -STOP $trace; cp {workload} {copy}; {copy} burst/4/4001; rm {copy}; kill -CONT $trace; sleep 0.3
        kill -TERM $trace; wait $trace",
        nd = command().display(),
        out = out.display(),
        id = std::process::id() % 1_000_000,
        workload = workload().display(),
        copy = out.with_file_name(format!("stopped-{}", std::process::id() % 1_000_000)).display(),
    );
    Program::new("sh").args(["-c", &script]).bound(Duration::from_secs(30)).run().succeeded();
    let (rows, summary) = objects(&out);
    assert_eq!(rows.len(), 2 * 4001, "{summary}");
    assert_eq!(summary["lost"]["events"], 0, "{summary}");
}
