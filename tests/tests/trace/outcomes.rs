//! Each outcome in a number of its own, a prime: what was lost, doubled or taken for another shows.

use std::collections::BTreeMap;

use netdeadline_tests::command;
use serde_json::{json, Value};

use crate::stage::{possible, traced, traced_by, Network, Said, Traced};

/// KIND/FAMILY/COUNT.
pub const OUTCOMES: [&str; 12] = [
    "close/4/7",
    "close/6/5",
    "peer/4/3",
    "peer/6/11",
    "refused/4/13",
    "refused/6/17",
    "reset/4/5",
    "reset/6/3",
    "resetpeer/4/7",
    "resetpeer/6/11",
    "half/4/19",
    "half/6/2",
];

/// Of a kind: how this end ended and what it sent and received, then the peer's end.
pub fn expected(kind: &str) -> [Option<(&'static str, u64, u64)>; 2] {
    match kind {
        "close" | "slow" => [Some(("closed", 5, 7)), Some(("closed_by_peer", 7, 5))],
        "peer" => [Some(("closed_by_peer", 0, 3)), Some(("closed", 3, 0))],
        "refused" => [Some(("refused", 0, 0)), None],
        "reset" => [Some(("reset", 0, 7)), Some(("reset_by_peer", 7, 0))],
        "resetpeer" => [Some(("reset_by_peer", 5, 0)), Some(("reset", 0, 5))],
        "half" => [Some(("half_closed", 5, 13)), Some(("half_closed_by_peer", 13, 5))],
        "timeout" => [Some(("timed_out", 0, 0)), None],
        "givenup" => [Some(("given_up", 0, 0)), None],
        "unreachable" | "prohibited" => [Some(("unreachable", 0, 0)), None],
        _ => [None, None],
    }
}

fn states(end: &str, accepted: bool) -> Value {
    let began: &[&str] = if accepted { &["SYN_RECV", "ESTABLISHED"] } else { &["SYN_SENT", "ESTABLISHED"] };
    match end {
        "closed" | "half_closed" => json!([began, &["FIN_WAIT1", "FIN_WAIT2"]].concat()),
        "closed_by_peer" | "half_closed_by_peer" => json!([began, &["CLOSE_WAIT", "LAST_ACK"]].concat()),
        "reset" | "reset_by_peer" => json!(began),
        _ => json!(["SYN_SENT"]),
    }
}

/// What is wrong with the trace of a workload with these arguments; nothing, if all is as it was.
pub fn faults(traced: &Traced, arguments: &[&str]) -> Result<(), String> {
    let mut sum: BTreeMap<&str, u64> = BTreeMap::new();
    let (mut connected, mut accepted) = (0, 0);
    for argument in arguments {
        let mut words = argument.split('/');
        let (kind, count) = (words.next().unwrap_or_default(), words.nth(1).and_then(|n| n.parse::<u64>().ok()));
        let count = count.ok_or("KIND/FAMILY/COUNT")?;
        let [here, there] = expected(kind);
        connected += count;
        accepted += there.map_or(0, |_| count);
        for (end, ..) in here.into_iter().chain(there) {
            *sum.entry(end).or_default() += count;
        }
    }
    let is = |what: &str, found: &Value, wanted: Value| {
        if *found == wanted {
            Ok(())
        } else {
            Err(format!("{what}: {found}, expected {wanted}"))
        }
    };
    is(
        "lost",
        &traced.summary["lost"],
        json!({"events": 0, "connections": 0, "accepted": 0, "calls": 0, "missed": 0}),
    )?;
    is("connected", &traced.summary["connected"], json!(connected))?;
    is("accepted", &traced.summary["accepted"], json!(accepted))?;
    is("ended", &traced.summary["end"], json!(sum))?;
    let said = traced.said();
    if said.len() as u64 != connected {
        return Err(format!("the workload told of {} and not of {connected}", said.len()));
    }
    let mut before = (String::new(), 0);
    for line in &said {
        // Every second one of a kind connects like an event loop, which is told EINPROGRESS, and the others block.
        let number = if before.0 == format!("{}{}", line.kind, line.family) { before.1 + 1 } else { 0 };
        before = (format!("{}{}", line.kind, line.family), number);
        connection(traced, line, number).map_err(|why| format!("{line:?}: {why}"))?;
    }
    Ok(())
}

fn connection(traced: &Traced, line: &Said, number: usize) -> Result<(), String> {
    let row = traced.row(line.cookie).ok_or("no row has its cookie")?;
    let [here, there] = expected(&line.kind);
    let is = |row: &Value, key: &str, wanted: Value| {
        if row[key] == wanted {
            Ok(())
        } else {
            Err(format!("{key}: {}, expected {wanted}, in {row}", row[key]))
        }
    };
    let (end, sent, received) = here.ok_or("of no known kind")?;
    let loopback = if line.family == 4 { "127.0.0.1:" } else { "[::1]:" };
    let starts = |key: &str| row[key].as_str().is_some_and(|place| place.starts_with(loopback));
    let unanswered = matches!(line.kind.as_str(), "timeout" | "givenup");
    let blocks = matches!(line.kind.as_str(), "slow" | "prohibited");
    let between = starts("local") && starts("remote");
    if !unanswered && end != "unreachable" && !between {
        return Err(format!("from or to elsewhere: {row}"));
    }
    if line.port != 0 && !row["local"].as_str().is_some_and(|place| place.ends_with(&format!(":{}", line.port))) {
        return Err(format!("from another port: {row}"));
    }
    is(row, "side", json!("connect"))?;
    is(row, "comm", json!("workload.cc"))?;
    is(row, "end", json!(end))?;
    is(row, "sent", json!(sent))?;
    is(row, "received", json!(received))?;
    is(row, "states", states(end, false))?;
    let in_progress = unanswered || (number.is_multiple_of(2) && !blocks);
    is(row, "einprogress", json!(in_progress))?;
    let error = match (end, line.kind.as_str(), line.family) {
        ("refused", ..) => json!("ECONNREFUSED"),
        ("reset_by_peer", ..) => json!("ECONNRESET"),
        ("timed_out", ..) => json!("ETIMEDOUT"),
        // icmp_err_convert (net/ipv4/icmp.c) and icmpv6_err_convert (net/ipv6/icmp.c).
        ("unreachable", "prohibited", 6) => json!("EACCES"),
        ("unreachable", ..) => json!("EHOSTUNREACH"),
        _ => Value::Null,
    };
    is(
        row,
        "connect_returned",
        match (in_progress, end) {
            (true, _) => json!("EINPROGRESS"),
            (false, "refused" | "unreachable") => error.clone(),
            (false, _) => json!("0"),
        },
    )?;
    is(row, "error", error)?;
    if row["connect_ms"].is_null() != matches!(end, "refused" | "timed_out" | "given_up" | "unreachable") {
        return Err(format!("connect_ms: {row}"));
    }
    let Some((end, sent, received)) = there else { return Ok(()) };
    // The same connection from its other end.
    let peer = traced.rows.iter().find(|other| other["local"] == row["remote"] && other["remote"] == row["local"]);
    let peer = peer.ok_or_else(|| format!("its other end is not there: {row}"))?;
    is(peer, "side", json!("accept"))?;
    is(peer, "pid", row["pid"].clone())?;
    is(peer, "comm", json!("workload.cc"))?;
    is(peer, "end", json!(end))?;
    is(peer, "sent", json!(sent))?;
    is(peer, "received", json!(received))?;
    is(peer, "states", states(end, true))?;
    is(peer, "einprogress", Value::Null)?;
    is(peer, "connect_ms", Value::Null)
}

#[test]
fn every_outcome_is_counted_exactly() {
    if possible() {
        faults(&traced(&[], &OUTCOMES), &OUTCOMES).unwrap_or_else(|why| panic!("{why}"));
    }
}

#[test]
fn nobody_answering_is_told_from_giving_up() {
    if !possible() {
        return;
    }
    let hole = Network::black_hole("holes");
    let arguments = ["timeout/4/5", "timeout/6/3", "givenup/4/7", "givenup/6/2"];
    let traced = traced_by(command(), &[], &[], &hole.workload(&arguments));
    assert_eq!(traced.finished.code(), Some(0), "{:#?}", traced.finished);
    faults(&traced, &arguments).unwrap_or_else(|why| panic!("{why}"));
    for line in traced.said() {
        let row = traced.row(line.cookie).expect("it was found before");
        assert_eq!(row["retransmits"].as_u64(), line.again, "{row}");
        assert_eq!(line.again > Some(0), line.kind == "timeout", "{line:?}");
        let took = row["duration_ms"].as_f64().expect("a number");
        assert!(
            (took - line.ns as f64 / 1e6).abs() < 50.0 || line.kind == "timeout",
            "{took} ms, the program: {line:?}"
        );
    }
}

/// A host behind it that does not answer, and a route that it does not let anybody take: IPv6 has an error of its own for that. No
/// more than two of those by IPv4, which the kernel answers five times and then once a second (ip_error, net/ipv4/route.c).
#[test]
fn what_a_router_says_cannot_be_reached_is_unreachable_and_not_timed_out() {
    if !possible() {
        return;
    }
    let network = Network::no_way("noway");
    let arguments = ["unreachable/4/5", "unreachable/6/7", "prohibited/4/2", "prohibited/6/3"];
    let traced = traced_by(command(), &[], &[], &network.workload(&arguments));
    assert_eq!(traced.finished.code(), Some(0), "{:#?}", traced.finished);
    faults(&traced, &arguments).unwrap_or_else(|why| panic!("{why}"));
}

/// A socket that connects again after it failed is another connection with the same cookie.
#[test]
fn a_socket_that_connects_twice_is_told_twice() {
    if !possible() {
        return;
    }
    let script = "import socket
l = socket.socket(); l.bind(('127.0.0.1', 0))
s = socket.socket(); s.bind(('127.0.0.1', 0))
assert s.connect_ex(l.getsockname()) == 111
l.listen(); assert s.connect_ex(l.getsockname()) == 0
a = l.accept()[0]; a.sendall(b'123'); assert s.recv(9) == b'123'; s.close(); assert a.recv(1) == b''; a.close()";
    let traced = traced_by(command(), &[], &[], &["python3", "-c", script]);
    assert_eq!(traced.finished.code(), Some(0), "{:#?}", traced.finished);
    let ours: Vec<_> = traced.rows.iter().filter(|row| row["side"] == "connect").collect();
    let ends: Vec<_> = ours.iter().map(|row| row["end"].as_str().unwrap_or_default()).collect();
    assert_eq!(ends, ["refused", "closed"], "{:#?}", traced.rows);
    assert_eq!(ours[0]["cookie"], ours[1]["cookie"]);
    assert!(traced.lost_nothing());
}
