//! A record as one JSON object on one line.
//!
//! Every string has a bound of its own and the bounds add up to less than a line, so that a hostile path can shorten itself but
//! never make the object invalid. Names are escaped as in policy text first, and then for JSON: also the decoded string is
//! fit for a terminal.

use super::{line::Line, time, Cause, Record, Who};
use crate::policy::{Escaped, Origin};
use core::fmt::{self, Display, Write};

/// Bounds in bytes of what stands between the quotes. Paths of 108 plain characters fit whole.
const NAME: usize = 80;
const OPERATION: usize = 32;
const PEER: usize = 300;
const SOURCE: usize = 160;
const NOTE: usize = 800;

/// The keys are those of the manual (netdeadline.7); they never change their meaning.
pub fn json(line: &mut Line, record: &Record<'_>) {
    who(line, &record.who);
    line.text(",\"tid\":");
    line.signed(record.who.tid.into());
    line.text(",\"fd\":");
    line.signed(record.fd.into());
    line.text(",\"operation\":");
    string(line, OPERATION, record.operation);
    line.text(",\"peer\":");
    match &record.peer {
        Some(peer) => string(line, PEER, peer),
        None => line.text("null"),
    }
    line.text(",\"class\":\"");
    line.text(record.cause.name());
    line.text("\",\"source\":");
    source(line, &record.cause);
    line.text(",\"deadline_ms\":");
    line.milliseconds(record.timeout);
    line.text(",\"waited_ms\":");
    line.milliseconds(record.waited);
    number(line, ",\"bytes_in\":", record.bytes_in);
    number(line, ",\"bytes_out\":", record.bytes_out);
    number(line, ",\"rtt_us\":", record.rtt_us.map(u64::from));
    number(line, ",\"retransmits\":", record.retransmits.map(u64::from));
    number(line, ",\"unacked\":", record.unacked.map(u64::from));
    line.text(if record.observed { ",\"observed\":true}" } else { ",\"observed\":false}" });
    line.end();
}

/// The object that stands for `more` records left out.
pub fn json_more(line: &mut Line, by: &Who, more: u64) {
    who(line, by);
    number(line, ",\"suppressed\":", Some(more));
    line.text("}");
    line.end();
}

/// An object that is no expiry: a warning, or what is wrong with the configuration.
pub fn json_note(line: &mut Line, by: &Who, words: impl Display) {
    who(line, by);
    line.text(",\"note\":");
    string(line, NOTE, words);
    line.text("}");
    line.end();
}

fn who(line: &mut Line, who: &Who) {
    line.text("{\"time\":\"");
    time::rfc3339(line, who.realtime);
    line.text("\",\"pid\":");
    line.signed(who.pid.into());
    line.text(",\"comm\":");
    string(line, NAME, Escaped { bytes: who.name(), special: b"" });
}

fn source(line: &mut Line, cause: &Cause<'_>) {
    match *cause {
        Cause::Policy { origin: Origin::File, line: number, file, .. } => {
            // The line number comes after the name's bound, so that it survives a long name.
            line.text("\"");
            quoted(line, SOURCE, Escaped { bytes: file, special: b"" });
            line.text(":");
            line.number(number.into());
            line.text("\"");
        }
        Cause::Policy { origin: Origin::Rules, line: number, .. } => {
            line.text("\"NETDEADLINE_RULES:");
            line.number(number.into());
            line.text("\"");
        }
        Cause::Policy { origin, .. } => string(line, SOURCE, origin),
        Cause::SoRcvtimeo => line.text("\"SO_RCVTIMEO\""),
        Cause::SoSndtimeo => line.text("\"SO_SNDTIMEO\""),
        Cause::Explicit | Cause::Scope | Cause::Timeouts(_) => line.text("\"api\""),
    }
}

fn number(line: &mut Line, key: &str, number: Option<u64>) {
    line.text(key);
    match number {
        Some(number) => line.number(number),
        None => line.text("null"),
    }
}

fn string(line: &mut Line, bound: usize, words: impl Display) {
    line.text("\"");
    quoted(line, bound, words);
    line.text("\"");
}

fn quoted(line: &mut Line, bound: usize, words: impl Display) {
    // An error means that the bound was reached; the dots are there already.
    let _ = write!(Quoted { line, left: bound.saturating_sub(DOTS.len()) }, "{words}");
}

const DOTS: &str = "...";

/// Escapes what is written through it for the inside of a JSON string, up to a bound.
struct Quoted<'l> {
    line: &'l mut Line,
    left: usize,
}

impl Write for Quoted<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|c| self.write_char(c))
    }

    fn write_char(&mut self, c: char) -> fmt::Result {
        let mut buffer = [0; 4];
        let mut unicode = *b"\\u0000";
        let escaped: &str = match c {
            '"' => "\\\"",
            '\\' => "\\\\",
            // C0, DEL and C1; and the two separators that end a line in JavaScript.
            '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{2028}' | '\u{2029}' => {
                let mut rest = c as u32;
                for digit in unicode.iter_mut().rev().take(4) {
                    *digit = match (rest & 15) as u8 {
                        value @ 0..=9 => b'0'.wrapping_add(value),
                        value => b'a'.wrapping_add(value.wrapping_sub(10)),
                    };
                    rest >>= 4;
                }
                core::str::from_utf8(&unicode).unwrap_or_default()
            }
            c => c.encode_utf8(&mut buffer),
        };
        match self.left.checked_sub(escaped.len()) {
            Some(left) => {
                self.left = left;
                self.line.text(escaped);
                Ok(())
            }
            None => {
                self.left = 0;
                self.line.text(DOTS);
                Err(fmt::Error)
            }
        }
    }
}
