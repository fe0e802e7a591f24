//! An expiry as a line and as an object: the log's own formatters are given what the page has kept, so that both have the same words
//! and the same keys.

use std::sync::Mutex;

use netdeadline_engine::evidence::page::Kept;
use netdeadline_engine::evidence::{json, plain, Cause, Line, Record, Who};
use netdeadline_engine::policy::{Class, Origin};
use serde_json::{Map, Value};

use super::report::{Expiry, Report};
use super::show;
use crate::text;

/// As the log would have said it, without the leading `netdeadline: ` and without a newline.
pub fn as_line(report: &Report, expiry: &Expiry) -> String {
    let kept = &expiry.kept;
    let key = kept.peer;
    let bytes = key.bytes();
    let Some(cause) = cause(kept) else {
        return format!("{} an expiry of an unknown kind ({})", show::utc(kept.realtime), kept.cause);
    };
    let mut record = record(report, expiry, cause);
    record.peer = key.address(&bytes);
    // The formatter wants all of TCP_INFO or nothing; what a page keeps of it is less.
    (record.rtt_us, record.retransmits) = (None, None);
    let mut line = Line::new();
    plain(&mut line, &record);
    let line = String::from_utf8_lossy(line.bytes());
    let mut line = line.trim_end().trim_start_matches("netdeadline: ").to_owned();
    if let Some(rtt) = known(kept.rtt_us).filter(|rtt| *rtt > 0) {
        line.push_str(&format!("; rtt {}", show::duration(u64::from(rtt) * 1_000)));
    }
    match known(kept.retransmits) {
        None => {}
        Some(1) => line.push_str("; 1 retransmit"),
        Some(number) => line.push_str(&format!("; {number} retransmits")),
    }
    line
}

/// The log's object (netdeadline.7, EVIDENCE), without `unacked`, which a page does not keep, and with the socket's cookie and the
/// destination's place among the destinations.
pub fn as_json(report: &Report, expiry: &Expiry) -> Value {
    let kept = &expiry.kept;
    let key = kept.peer;
    let bytes = key.bytes();
    let mut object = Map::new();
    if let Some(cause) = cause(kept) {
        let mut record = record(report, expiry, cause);
        record.peer = key.address(&bytes);
        let mut line = Line::new();
        json(&mut line, &record);
        object = serde_json::from_slice(line.bytes()).unwrap_or_default();
        object.shift_remove("unacked");
    }
    object.insert(String::from("cookie"), Value::from(Some(kept.cookie).filter(|cookie| *cookie != 0)));
    object.insert(String::from("destination"), Value::from(expiry.destination));
    Value::Object(object)
}

fn record<'a>(report: &Report, expiry: &Expiry, cause: Cause<'a>) -> Record<'a> {
    let kept = &expiry.kept;
    let [bytes_in, bytes_out] = kept.bytes.map(|bytes| (bytes != u64::MAX).then_some(bytes));
    Record {
        who: Who { realtime: kept.realtime, pid: report.pid, tid: kept.tid, comm: kept.comm },
        fd: kept.fd,
        operation: operation(&kept.operation),
        peer: None,
        cause,
        timeout: kept.timeout,
        waited: kept.waited,
        bytes_in,
        bytes_out,
        // 0 was never measured, as in the log.
        rtt_us: known(kept.rtt_us).filter(|rtt| *rtt > 0),
        retransmits: known(kept.retransmits),
        unacked: None,
        observed: kept.observed,
    }
}

/// Which deadline it was. None: no number that this version knows.
pub fn cause(kept: &Kept) -> Option<Cause<'static>> {
    let class = |number: u8| Class::ALL.get(usize::from(number)).copied();
    Some(match kept.cause {
        number @ 0..=4 => {
            let class = class(number)?;
            let (origin, file) = match kept.origin {
                1 => (Origin::Shorthand(class), ""),
                2 => (Origin::Rules, ""),
                // The file's name is not kept.
                3 => (Origin::File, Origin::File.variable()),
                _ => return None,
            };
            Cause::Policy { class, origin, line: kept.line, file: file.as_bytes(), auto: false }
        }
        number @ 8..=12 => Cause::Timeouts(class(number - 8)?),
        16 => Cause::Explicit,
        17 => Cause::Scope,
        18 => Cause::SoRcvtimeo,
        19 => Cause::SoSndtimeo,
        _ => return None,
    })
}

fn known(word: u32) -> Option<u32> {
    (word != u32::MAX).then_some(word)
}

/// The call's name, fit for a terminal, for as long as the formatters want it. There are few; a hostile page may have as many as it
/// likes, and gets only some.
fn operation(bytes: &[u8; 16]) -> &'static str {
    const MOST: usize = 256;
    static NAMES: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    let name = text::printable(bytes.split(|byte| *byte == 0).next().unwrap_or_default());
    let Ok(mut names) = NAMES.lock() else { return "?" };
    if let Some(known) = names.iter().find(|known| **known == name) {
        return known;
    }
    if names.len() == MOST {
        return "?";
    }
    let name: &'static str = name.leak();
    names.push(name);
    name
}
