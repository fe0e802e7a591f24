//! A connection, and the summary, as one JSON object on one line. The keys are those of netdeadline-trace(1).

use serde_json::{json, Value};

use super::clock;
use super::deadline::Expired;
use super::errno;
use super::life::{Life, Side};
use super::source::Lost;
use super::summary::Summary;
use crate::text;

/// One connection, as row::of has it.
pub fn of(life: &Life, expired: Option<&Expired>, offset: u64, now: u64) -> String {
    let ms = |ns: u64| ns as f64 / 1e6;
    let date = |time: u64| clock::rfc3339(time.wrapping_add(offset));
    let side = match life.side {
        Side::Connected => "connect",
        Side::Accepted => "accept",
    };
    let connect = life.connect.map(|errno| if errno == 0 { String::from("0") } else { errno::name(errno) });
    let states: Vec<&str> = life.states.iter().map(|state| state.names().0).collect();
    json!({
        "time": date(life.ended.unwrap_or(now)),
        "began": date(life.began),
        "pid": life.pid,
        "tid": life.tid,
        "comm": (!life.comm.is_empty()).then(|| text::printable(&life.comm)),
        "netns": life.netns,
        "cookie": life.cookie,
        "side": side,
        "local": life.local.to_string(),
        "remote": life.remote.to_string(),
        "einprogress": life.in_progress(),
        "connect_returned": connect,
        "connect_ms": life.connect_ns().map(ms),
        "states": states,
        "retransmits": life.retransmits,
        "rtt_ms": life.rtt_us.map(|us| us / 1e3),
        "sent": life.sent,
        "received": life.received,
        "duration_ms": ms(life.ended.unwrap_or(now).saturating_sub(life.began)),
        "end": life.ending.words().1,
        "error": life.error.map(errno::name),
        "deadline": expired.map(Expired::json),
    })
    .to_string()
}

/// The last line.
pub fn summary(summary: &Summary, lost: &Lost, took: u64) -> String {
    let endings: serde_json::Map<String, Value> =
        summary.endings.iter().map(|(ending, count)| (ending.words().1.to_owned(), json!(count))).collect();
    let latency = &summary.latency;
    let ms = |ns: u64| ns as f64 / 1e6;
    let at = |share: f64| latency.at(share).map(ms);
    let buckets: Vec<Value> = latency
        .bars()
        .into_iter()
        .map(|(from, to, count)| json!({"from_ms": ms(from), "to_ms": to.map(ms), "count": count}))
        .collect();
    json!({"summary": {
        "seconds": took as f64 / 1e9,
        "connected": summary.connected,
        "accepted": summary.accepted,
        "connects_seen_to_return": summary.returned,
        "einprogress": summary.in_progress,
        "end": endings,
        "deadlines": summary.deadlines,
        "retransmits": summary.retransmits,
        "sent": summary.sent,
        "received": summary.received,
        "connect_ms": {
            "count": latency.count(), "p50": at(0.50), "p90": at(0.90), "p99": at(0.99), "max": latency.longest().map(ms),
            "buckets": buckets,
        },
        "lost": {
            "events": lost.events, "connections": lost.connections, "accepted": lost.accepted, "calls": lost.calls, "missed": lost.missed,
        },
        "older": lost.older,
    }})
    .to_string()
}
