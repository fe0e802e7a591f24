//! A connection as one line for a person. The columns are those that users of tcplife and tcpconnlat look for.

use super::clock;
use super::deadline::Expired;
use super::ending::Ending;
use super::errno;
use super::life::{Life, Side};
use crate::text;

/// The first line.
pub fn head() -> String {
    line([
        "TIME", "PID", "COMM", "LOCAL", "REMOTE", "EINPROG", "CONN_MS", "STATES", "RETR", "SENT", "RECEIVED", "MS",
        "END",
    ])
}

/// One connection. `offset` makes a monotonic time the time of day; `now` is what an open one is measured by.
pub fn of(life: &Life, expired: Option<&Expired>, offset: u64, now: u64) -> String {
    let or = |text: Option<String>| text.unwrap_or_else(|| String::from("-"));
    let end = life.ended.unwrap_or(now);
    let in_progress = match (life.side, life.in_progress()) {
        (Side::Connected, Some(true)) => "yes",
        (Side::Connected, Some(false)) => "no",
        _ => "-",
    };
    let states: Vec<&str> = life.states.iter().map(|state| state.names().1).collect();
    line([
        &clock::time_of_day(end.wrapping_add(offset)),
        &or(life.pid.map(|pid| pid.to_string())),
        &or((!life.comm.is_empty()).then(|| text::printable(&life.comm))),
        &life.local.to_string(),
        &life.remote.to_string(),
        in_progress,
        &or(life.connect_ns().map(milliseconds)),
        &states.join(">"),
        &or(life.retransmits.map(|n| n.to_string())),
        &or(life.sent.map(|n| n.to_string())),
        &or(life.received.map(|n| n.to_string())),
        &milliseconds(end.saturating_sub(life.began)),
        &ending(life, expired),
    ])
}

fn line(cells: [&str; 13]) -> String {
    let [time, pid, comm, local, remote, asked, latency, states, again, sent, received, ms, end] = cells;
    format!(
        "{time:<13} {pid:>7} {comm:<15} {local:<21} {remote:<21} {asked:<7} {latency:>9} {states:<19} {again:>4} \
         {sent:>9} {received:>9} {ms:>11} {end}"
    )
}

/// How it ended, and by which deadline.
fn ending(life: &Life, expired: Option<&Expired>) -> String {
    let mut words = life.ending.words().0.to_owned();
    let told = match life.ending {
        Ending::Failed => life.error.or(life.connect),
        Ending::Unreachable => life.error,
        _ => None,
    };
    if let Some(error) = told {
        words = format!("{words} ({})", errno::name(error));
    }
    if let Some(expired) = expired {
        words = format!("{words}, {}", expired.words());
    }
    words
}

/// With the microseconds behind the point.
pub fn milliseconds(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000, ns / 1_000 % 1_000)
}
