//! Pages as JSON documents. The keys are those of the manual (netdeadline-stats.1); they never change their meaning.

use netdeadline_engine::evidence::page::VERSION;
use netdeadline_engine::policy::Class;
use serde_json::{json, Map, Value};

use crate::pages::{as_json, utc, Destination, Report, Side, State, Waits};
use crate::text;

/// One page.
pub fn document(report: &Report) -> String {
    let mut object = head(report);
    let destinations: Vec<Value> = report.destinations.iter().map(destination).collect();
    let last: Vec<Value> = report.last.iter().map(|expiry| as_json(report, expiry)).collect();
    object.insert(String::from("destinations"), Value::from(destinations));
    object.insert(String::from("last"), Value::from(last));
    format!("{}\n", Value::Object(object))
}

/// All pages in short.
pub fn list(reports: &[Report]) -> String {
    let processes: Vec<Value> = reports.iter().map(|report| Value::Object(head(report))).collect();
    format!("{}\n", json!({ "processes": processes }))
}

fn head(report: &Report) -> Map<String, Value> {
    let object = json!({
        "version": VERSION,
        "pid": report.pid,
        "start": report.start,
        "comm": report.comm,
        "running": report.state == State::Running,
        "mode": if report.observes { "observe" } else { "enforce" },
        "since": utc(report.made[0]),
        "file": text::path(&report.file),
        "connections": report.connections(),
        "expiries": report.expiries,
        "lost": report.lost,
    });
    match object {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

fn destination(one: &Destination) -> Value {
    let [explicit, scope, receive, send] = one.own;
    let classes: Map<String, Value> =
        Class::ALL.iter().zip(&one.classes).map(|(class, counts)| (class.name().to_owned(), waits(counts))).collect();
    json!({
        "side": one.side.name(),
        "address": (one.side != Side::Other).then_some(&one.address),
        "connections": one.connections,
        "open": one.open,
        "connecting": one.connecting,
        "awaiting": one.awaiting,
        "own": { "explicit": explicit, "scope": scope, "so_rcvtimeo": receive, "so_sndtimeo": send },
        "classes": classes,
    })
}

fn waits(counts: &Waits) -> Value {
    let histogram: Vec<Value> =
        counts.buckets().map(|(from, to, count)| json!([milliseconds(from), milliseconds(to), count])).collect();
    let quantile = |of_a_thousand| counts.quantile(of_a_thousand).map(milliseconds);
    json!({
        "waits": counts.ended,
        "expired": counts.expired,
        "observed": counts.observed,
        "abandoned": counts.abandoned,
        "total_ms": milliseconds(counts.total),
        "p50_ms": quantile(500),
        "p90_ms": quantile(900),
        "p99_ms": quantile(990),
        "longest_ms": (counts.counted() > 0).then(|| milliseconds(counts.longest)),
        "histogram": histogram,
    })
}

/// Exact to the nanosecond up to three months.
fn milliseconds(ns: u64) -> f64 {
    ns as f64 / 1e6
}
