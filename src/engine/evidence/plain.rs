//! A record in words that a person understands at once at three in the morning.

use super::{line::Line, time, Cause, Record, Who};
use crate::policy::{Duration, Escaped, Origin};
use core::fmt::{Display, Write};

/// `netdeadline: 16:13:24.120Z curl[4711] connect to 10.0.0.1:80 (fd 5) timed out after 2.000 s: connect=2s from
/// NETDEADLINE_CONNECT; 0 bytes in, 0 out; rtt -, 1 retransmit, 1 unacked`
pub fn plain(line: &mut Line, record: &Record<'_>) {
    who(line, &record.who);
    line.text(record.operation);
    if let Some(peer) = &record.peer {
        line.text(preposition(record.operation));
        let _ = write!(line, "{peer}");
    }
    line.text(" (fd ");
    line.signed(record.fd.into());
    line.text(if record.observed { ") would have timed out after " } else { ") timed out after " });
    line.seconds(record.waited);
    line.text(" s: ");
    cause(line, record);
    if let (Some(bytes_in), Some(bytes_out)) = (record.bytes_in, record.bytes_out) {
        line.text("; ");
        count(line, bytes_in, " byte", "s");
        line.text(" in, ");
        line.number(bytes_out);
        line.text(" out");
    }
    if let (Some(retransmits), Some(unacked)) = (record.retransmits, record.unacked) {
        line.text("; rtt ");
        match record.rtt_us {
            Some(rtt) => {
                line.milliseconds(u64::from(rtt).wrapping_mul(1_000));
                line.text(" ms");
            }
            None => line.text("-"),
        }
        line.text(", ");
        count(line, retransmits.into(), " retransmit", "s");
        line.text(", ");
        line.number(unacked.into());
        line.text(" unacked");
    }
    line.end();
}

/// The line that stands for `more` records left out.
pub fn plain_more(line: &mut Line, by: &Who, more: u64) {
    who(line, by);
    count(line, more, " more expir", "ies");
    line.text(if more == 1 { "y not shown" } else { " not shown" });
    line.end();
}

/// A line that is no expiry: a warning, or what is wrong with the configuration. `words` must be fit for a terminal.
pub fn plain_note(line: &mut Line, words: impl Display) {
    let _ = write!(line, "netdeadline: {words}");
    line.end();
}

fn who(line: &mut Line, who: &Who) {
    line.text("netdeadline: ");
    time::time_of_day(line, who.realtime);
    let _ = write!(line, " {}", Escaped { bytes: who.name(), special: b"" });
    line.text("[");
    line.signed(who.pid.into());
    line.text("] ");
}

/// How the call's name goes on to its peer.
fn preposition(operation: &str) -> &'static str {
    let one_of = |starts: &[&str]| starts.iter().any(|start| operation.starts_with(start));
    if one_of(&["connect", "write", "send"]) {
        " to "
    } else if one_of(&["read", "recv"]) {
        " from "
    } else {
        " for "
    }
}

fn cause(line: &mut Line, record: &Record<'_>) {
    match record.cause {
        Cause::Policy { class, origin, line: number, file, auto } => {
            line.text(class.name());
            line.text("=");
            if auto {
                line.text("auto (");
                line.seconds(record.timeout);
                line.text(" s)");
            } else {
                let _ = write!(line, "{}", Duration(record.timeout));
            }
            line.text(" from ");
            match origin {
                Origin::File => {
                    let _ = write!(line, "{}", Escaped { bytes: file, special: b"" });
                }
                origin => line.text(origin.variable()),
            }
            if !matches!(origin, Origin::Shorthand(_)) {
                line.text(":");
                line.number(number.into());
            }
        }
        Cause::SoRcvtimeo => option(line, "SO_RCVTIMEO=", record.timeout),
        Cause::SoSndtimeo => option(line, "SO_SNDTIMEO=", record.timeout),
        Cause::Explicit => line.text("deadline set by the program itself"),
        Cause::Scope => line.text("scope entered by the program itself"),
        Cause::Timeouts(class) => {
            line.text(class.name());
            option(line, "=", record.timeout);
        }
    }
}

fn option(line: &mut Line, name: &str, timeout: u64) {
    line.text(name);
    let _ = write!(line, "{}", Duration(timeout));
    line.text(" set by the program itself");
}

fn count(line: &mut Line, number: u64, noun: &str, plural: &str) {
    line.number(number);
    line.text(noun);
    if number != 1 {
        line.text(plural);
    }
}
