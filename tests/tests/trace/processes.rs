//! Whose connections are shown: a process's, a name's, a command's with all that it starts; and when a trace ends.

use std::time::Duration;

use netdeadline_tests::{command, Finished, Program};

use crate::stage::{file, objects, possible, traced_by, workload};

/// Start a trace with these options while `during` runs (in sh, with $trace its number), and interrupt it.
fn meanwhile(options: &str, during: &str) -> (Vec<serde_json::Value>, serde_json::Value, Finished) {
    let out = file("json");
    let script = format!(
        "{nd} trace --json -o {out} {options} & trace=$!
        tries=0; while [ ! -e {out} ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done; sleep 0.1
        {during}
        sleep 0.2; kill -TERM $trace; wait $trace",
        nd = command().display(),
        out = out.display(),
    );
    let finished = Program::new("sh").args(["-c", &script]).bound(Duration::from_secs(30)).run();
    let (rows, summary) = objects(&out);
    (rows, summary, finished)
}

#[test]
fn everyone_is_shown_when_nobody_is_named() {
    if !possible() {
        return;
    }
    let (rows, _, finished) = meanwhile("", &format!("{} close/4/17", workload().display()));
    assert_eq!(finished.code(), Some(0), "{finished:#?}");
    let ports: Vec<String> = finished
        .stdout
        .lines()
        .filter_map(|line| line.split(' ').nth(2))
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    let ours = |side: &str, key: &str| {
        let all = rows.iter().filter(|row| row["side"] == side && row["comm"] == "workload.cc");
        all.filter(|row| ports.iter().any(|port| row[key] == port.as_str())).count()
    };
    assert_eq!((ours("connect", "local"), ours("accept", "remote")), (17, 17));
}

#[test]
fn a_name_is_that_of_a_thread_or_of_its_process() {
    if !possible() {
        return;
    }
    let out = file("named");
    let name = format!("nd-name-{}", std::process::id() % 1_000_000);
    let copy = out.with_file_name(&name);
    let during = format!(
        "cp {workload} {copy}; {copy} close/4/5; rm {copy}; {workload} close/4/7",
        workload = workload().display(),
        copy = copy.display(),
    );
    let (rows, summary, finished) = meanwhile(&format!("--comm {name}"), &during);
    assert_eq!(finished.code(), Some(0), "{finished:#?}");
    assert_eq!((rows.len(), &summary["connected"], &summary["accepted"]), (10, &5.into(), &5.into()), "{summary}");
    assert!(rows.iter().all(|row| row["comm"] == name.as_str()));
}

/// -p: the process and what it starts from then on, and it ends when the process does, which is not ours to interrupt.
#[test]
fn a_process_is_followed_with_its_children_until_it_ends() {
    if !possible() {
        return;
    }
    let (go, out) = (file("go"), file("json"));
    let script = format!(
        "sh -c 'while [ ! -e {go} ]; do sleep 0.02; done; {workload} close/4/5; {workload} close/6/3; exit 3' & followed=$!
        {nd} trace --json -o {out} -p $followed & trace=$!
        tries=0; while [ ! -e {out} ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done; sleep 0.1
        touch {go}; {workload} close/4/7 >/dev/null; wait $trace; echo ended $?; rm {go}",
        go = go.display(),
        out = out.display(),
        workload = workload().display(),
        nd = command().display(),
    );
    let finished = Program::new("sh").args(["-c", &script]).bound(Duration::from_secs(30)).run().succeeded();
    assert!(finished.stdout.ends_with("ended 0\n"), "{finished:#?}");
    let (rows, summary) = objects(&out);
    assert_eq!((rows.len(), &summary["connected"], &summary["accepted"]), (16, &8.into(), &8.into()), "{summary}");
}

#[test]
fn a_command_is_followed_into_what_it_starts_and_its_end_is_passed_on() {
    if !possible() {
        return;
    }
    let script =
        format!("{0} close/4/3 & {0} close/6/5; wait; exec sh -c '{0} close/4/7; exit 41'", workload().display());
    let traced = traced_by(command(), &[], &[], &["sh", "-c", &script]);
    assert_eq!(traced.finished.code(), Some(41), "{:#?}", traced.finished);
    assert_eq!((traced.rows.len(), &traced.summary["connected"]), (30, &15.into()), "{}", traced.summary);
    let killed = traced_by(command(), &[], &[], &["sh", "-c", "kill -9 $$"]);
    assert_eq!(killed.finished.code(), Some(137), "{:#?}", killed.finished);
}

/// What is open at the end is told as well, once.
#[test]
fn an_open_connection_is_told_as_open() {
    if !possible() {
        return;
    }
    let script = "import os, signal, socket, time
l = socket.create_server(('127.0.0.1', 0)); s = [socket.create_connection(l.getsockname()) for _ in range(3)]
a = [l.accept()[0] for _ in s]; s[0].close(); a[0].close()
os.kill(os.getppid(), signal.SIGINT); time.sleep(0.3); os.write(1, b'on')";
    // The trace has the command's parent's place; interrupted it goes on, as the command does.
    let traced = traced_by(command(), &[], &[], &["python3", "-c", script]);
    assert_eq!((traced.finished.code(), traced.finished.stdout.as_str()), (Some(0), "on"), "{:#?}", traced.finished);
    assert_eq!(traced.rows.len(), 6, "{:#?}", traced.rows);
    let (go, out) = (file("go"), file("json"));
    let holds = "import os, socket, sys, time
l = socket.create_server((\"127.0.0.1\", 0))
while not os.path.exists(sys.argv[1]): time.sleep(0.02)
s = socket.create_connection(l.getsockname()); a = l.accept(); os.rename(sys.argv[1], sys.argv[1] + \".done\"); time.sleep(20)";
    let script = format!(
        "python3 -c '{holds}' {go} & held=$!
        {nd} trace --json -o {out} -p $held & trace=$!
        tries=0; while [ ! -e {out} ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done; sleep 0.1
        touch {go}; tries=0; while [ ! -e {go}.done ] && [ $tries -lt 200 ]; do sleep 0.05; tries=$((tries + 1)); done
        kill -TERM $trace; wait $trace; kill $held; rm {go}.done",
        go = go.display(),
        nd = command().display(),
        out = out.display(),
    );
    Program::new("sh").args(["-c", &script]).run().succeeded();
    let (rows, summary) = objects(&out);
    assert_eq!((rows.len(), &summary["end"]), (2, &serde_json::json!({"open": 2})), "{summary}");
    assert!(rows
        .iter()
        .all(|row| row["sent"].is_null() && row["connect_ms"].is_number() == (row["side"] == "connect")));
}

/// The command has the signals that our caller had, not ours.
#[test]
fn a_command_inherits_the_signals_of_the_caller() {
    if !possible() {
        return;
    }
    let status = "grep -E '^Sig(Blk|Ign)' /proc/self/status";
    let plain = Program::new("sh").args(["-c", &format!("trap '' PIPE USR1; sh -c \"{status}\"")]).run().succeeded();
    let script = format!("trap '' PIPE USR1; {} trace -o /dev/null -- sh -c \"{status}\"", command().display());
    let traced = Program::new("sh").args(["-c", &script]).run().succeeded();
    assert_eq!(plain.stdout, traced.stdout);
    let ignored = traced.stdout.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).expect("SigIgn");
    // Signals 10 and 13.
    assert_eq!(u64::from_str_radix(ignored, 16).map(|mask| mask & 0x1200), Ok(0x1200), "{traced:#?}");
}
