//! The same workload by the kernel's trace events alone: less is known, and what is known is exact.

use netdeadline_tests::{command, Program};
use serde_json::json;

use crate::outcomes;
use crate::stage::{possible, traced, traced_by, workload, Network};

#[test]
fn the_trace_events_tell_every_outcome_but_half_closes() {
    if !possible() {
        return;
    }
    let arguments = [
        "close/4/7",
        "close/6/5",
        "peer/4/3",
        "refused/4/13",
        "refused/6/17",
        "reset/4/5",
        "resetpeer/6/11",
        "slow/4/5",
    ];
    let traced = traced(&["--tracefs"], &arguments);
    // The ends that a reset closes are nobody's, for they never close themselves: of the 5 + 11 that were accepted only those
    // of the connecting side are there.
    let ends = json!({"closed": 7 + 5 + 3 + 5, "closed_by_peer": 7 + 5 + 3 + 5, "refused": 30, "reset": 5, "reset_by_peer": 11});
    assert_eq!(traced.summary["end"], ends, "{}", traced.summary);
    assert_eq!((&traced.summary["connected"], &traced.summary["accepted"]), (&66.into(), &20.into()));
    assert!(traced.lost_nothing(), "{}", traced.summary);
    // There is no cookie to go by; the port does it, with what another connection from the same port had otherwise: to another place,
    // or in the other family.
    let mut slow = 0;
    for line in traced.said().iter().filter(|line| line.port != 0) {
        let end = outcomes::expected(&line.kind)[0].map(|(end, ..)| end).expect("it is a kind");
        let mine = |row: &&serde_json::Value| {
            let host = if line.family == 4 { "127.0.0.1" } else { "[::1]" };
            row["side"] == "connect" && row["end"] == end && row["local"] == format!("{host}:{}", line.port)
        };
        let row = traced.rows.iter().find(mine).unwrap_or_else(|| panic!("no row for {line:?}"));
        let (traced, own) = (row["connect_ms"].as_f64().expect("it stood"), line.ns as f64 / 1e6);
        assert!(traced <= own, "{row} {line:?}");
        // A SYN that finds a full queue is sent again after a second. How many do is a matter of who runs when.
        let again = row["retransmits"].as_u64() >= Some(1);
        assert!(line.kind != "slow" || again == (traced > 900.0), "{row} {line:?}");
        slow += u32::from(again && traced > 900.0);
        assert!(row["sent"].is_null() && row["cookie"].is_null() && row["pid"].is_u64(), "{row}");
        assert!(row["einprogress"].is_boolean(), "{row}");
    }
    assert!(slow >= 1, "none was slow");
}

#[test]
fn the_trace_events_tell_a_timeout_from_giving_up() {
    if !possible() {
        return;
    }
    let hole = Network::black_hole("events");
    let traced =
        traced_by(command(), &[], &["--tracefs"], &hole.workload(&["timeout/4/3", "timeout/6/2", "givenup/4/7"]));
    assert_eq!(traced.finished.code(), Some(0), "{:#?}", traced.finished);
    assert_eq!(traced.summary["end"], json!({"timed_out": 5, "given_up": 7}), "{}", traced.summary);
    assert_eq!(traced.summary["einprogress"], 12);
}

/// An instance of a trace that was killed is removed by the next one; one's own when one ends.
#[test]
fn no_trace_instance_stays_behind() {
    if !possible() {
        return;
    }
    let script = format!(
        "{nd} trace --tracefs --comm nobody >/dev/null 2>&1 & trace=$!
        tries=0; while [ ! -e $instances/netdeadline-$trace ] && [ $tries -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
        sleep 0.2; [ -e $instances/netdeadline-$trace ] && echo made; kill -KILL $trace; wait $trace
        [ -e $instances/netdeadline-$trace ] && echo left
        {nd} trace --tracefs -o /dev/null -- {workload} close/4/1 >/dev/null
        [ -e $instances/netdeadline-$trace ] || echo gone",
        nd = command().display(),
        workload = workload().display(),
    );
    let script = format!("instances=/sys/kernel/tracing/instances\n{script}");
    let finished = Program::new("sh").args(["-c", &script]).run();
    assert_eq!(finished.stdout, "made\nleft\ngone\n", "{finished:#?}");
}
