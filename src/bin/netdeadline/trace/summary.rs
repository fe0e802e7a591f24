//! What all connections together were like, for the end. Its size does not grow with their number.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;

use super::deadline::Expired;
use super::ending::Ending;
use super::life::{Life, Side};
use super::row::milliseconds;
use super::source::Lost;
use super::spread::Spread;

/// Sums and counts.
pub struct Summary {
    pub connected: u64,
    pub accepted: u64,
    /// connect() calls that were seen to return, and those of them that said EINPROGRESS.
    pub returned: u64,
    pub in_progress: u64,
    pub endings: BTreeMap<Ending, u64>,
    /// Those that a deadline ended, by its words.
    pub deadlines: BTreeMap<String, u64>,
    pub retransmits: u64,
    /// None where the source does not tell.
    pub sent: Option<u64>,
    pub received: Option<u64>,
    pub latency: Spread,
    /// Where connects led, and how long they took there.
    peers: BTreeMap<SocketAddr, Peer>,
    /// Those that found no room there.
    others: u64,
}

struct Peer {
    count: u64,
    stood: u64,
    latency: Spread,
}

/// So many destinations are told apart, and so many shown.
const PEERS: usize = 512;
const SHOWN: usize = 10;

impl Summary {
    pub fn new() -> Summary {
        Summary {
            connected: 0,
            accepted: 0,
            returned: 0,
            in_progress: 0,
            endings: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            retransmits: 0,
            sent: None,
            received: None,
            latency: Spread::new(),
            peers: BTreeMap::new(),
            others: 0,
        }
    }

    pub fn add(&mut self, life: &Life, expired: Option<&Expired>) {
        match life.side {
            Side::Connected => self.connected += 1,
            Side::Accepted => self.accepted += 1,
        }
        if let Some(in_progress) = life.in_progress() {
            self.returned += 1;
            self.in_progress += u64::from(in_progress);
        }
        *self.endings.entry(life.ending).or_default() += 1;
        if let Some(expired) = expired {
            // Their number is bounded by the operator's policy; a hostile page is not an operator.
            if self.deadlines.len() < PEERS || self.deadlines.contains_key(&expired.words()) {
                *self.deadlines.entry(expired.words()).or_default() += 1;
            }
        }
        self.retransmits += u64::from(life.retransmits.unwrap_or_default());
        for (sum, bytes) in [(&mut self.sent, life.sent), (&mut self.received, life.received)] {
            *sum = bytes.map(|bytes| sum.unwrap_or_default().saturating_add(bytes)).or(*sum);
        }
        if let Some(ns) = life.connect_ns() {
            self.latency.add(ns);
        }
        if life.side == Side::Connected {
            self.add_peer(life);
        }
    }

    fn add_peer(&mut self, life: &Life) {
        if self.peers.len() >= PEERS && !self.peers.contains_key(&life.remote) {
            self.others += 1;
            return;
        }
        let peer = self.peers.entry(life.remote).or_insert_with(|| Peer { count: 0, stood: 0, latency: Spread::new() });
        peer.count += 1;
        if let Some(ns) = life.connect_ns() {
            peer.stood += 1;
            peer.latency.add(ns);
        }
    }

    /// The lines for a person.
    pub fn text(&self, lost: &Lost, took: u64) -> String {
        let mut out = String::new();
        let all = self.connected + self.accepted;
        let bytes = match (self.sent, self.received) {
            (Some(sent), Some(received)) => format!("{sent} bytes sent, {received} received, "),
            _ => String::new(),
        };
        let _ = writeln!(
            out,
            "\n{all} connection{} in {} s: {} connected, {} accepted; {bytes}{} retransmit{}",
            plural(all),
            seconds(took),
            self.connected,
            self.accepted,
            self.retransmits,
            plural(self.retransmits),
        );
        if !self.endings.is_empty() {
            let endings: Vec<String> =
                self.endings.iter().map(|(end, count)| format!("{count} {}", end.words().0)).collect();
            let _ = writeln!(out, "ended: {}", endings.join(", "));
        }
        if self.returned > 0 {
            let _ = writeln!(out, "connect answered EINPROGRESS: {} of {}", self.in_progress, self.returned);
        }
        for (words, count) in &self.deadlines {
            let _ = writeln!(out, "netdeadline: {count} by {words}");
        }
        self.histogram(&mut out);
        self.destinations(&mut out);
        if lost.older > 0 {
            let _ = writeln!(out, "not counted: {} that ended and had begun before", lost.older);
        }
        let _ = writeln!(out, "{}", lost_words(lost).unwrap_or_else(|| String::from("nothing was lost")));
        out
    }

    fn histogram(&self, out: &mut String) {
        let (Some(longest), [Some(half), Some(ninety), Some(most)]) =
            (self.latency.longest(), [0.50, 0.90, 0.99].map(|share| self.latency.at(share)))
        else {
            return;
        };
        let _ = writeln!(
            out,
            "connect latency in ms of {} that stood: p50 {}, p90 {}, p99 {}, longest {}",
            self.latency.count(),
            milliseconds(half),
            milliseconds(ninety),
            milliseconds(most),
            milliseconds(longest)
        );
        let bars = self.latency.bars();
        let highest = bars.iter().map(|(_, _, count)| *count).max().unwrap_or(1).max(1);
        let mut empty = 0;
        for (from, to, count) in bars {
            // One empty step is part of the picture, a desert of them is not.
            empty = if count == 0 { empty + 1 } else { 0 };
            if empty > 1 {
                if empty == 2 {
                    let _ = writeln!(out, "     ...");
                }
                continue;
            }
            let to = to.map_or(String::from("..."), short);
            // Rounded up: one is never invisible.
            let bar = "#".repeat((count * 40).div_ceil(highest) as usize);
            let _ = writeln!(out, "  {:>6} .. {to:<6} {count:>9} {bar}", short(from));
        }
    }

    fn destinations(&self, out: &mut String) {
        if self.peers.len() < 2 {
            return;
        }
        let mut peers: Vec<_> = self.peers.iter().collect();
        peers.sort_by_key(|(_, peer)| std::cmp::Reverse(peer.count));
        let _ = writeln!(
            out,
            "{:<42} {:>9} {:>9} {:>10} {:>10} {:>10}",
            "to", "connects", "stood", "p50 ms", "p99 ms", "longest"
        );
        for (name, peer) in peers.iter().take(SHOWN) {
            let ms = |ns: Option<u64>| ns.map_or(String::from("-"), milliseconds);
            let (half, most) = (ms(peer.latency.at(0.50)), ms(peer.latency.at(0.99)));
            let longest = ms(peer.latency.longest());
            let name = name.to_string();
            let _ = writeln!(out, "{name:<42} {:>9} {:>9} {half:>10} {most:>10} {longest:>10}", peer.count, peer.stood);
        }
        let hidden: u64 = peers.iter().skip(SHOWN).map(|(_, peer)| peer.count).sum::<u64>() + self.others;
        if hidden > 0 {
            let _ = writeln!(out, "{:<42} {hidden:>9}", "others");
        }
    }
}

/// What was lost, and what helps. None where nothing was.
pub fn lost_words(lost: &Lost) -> Option<String> {
    let parts = [
        (lost.events, "not told, the buffer was full (--buffer)"),
        (lost.connections, "not followed, the table was full (--connections)"),
        (lost.accepted, "accepted ones, of whichever process, not followed (--connections)"),
        (lost.calls, "without what connect answered, too many threads were in it"),
        (lost.missed, "calls at which the kernel left our program out"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}")).collect();
    (!parts.is_empty()).then(|| format!("LOST: {}", parts.join("; ")))
}

fn plural(count: u64) -> &'static str {
    if count == 1 {
        ""
    } else {
        "s"
    }
}

fn seconds(ns: u64) -> String {
    format!("{}.{:01}", ns / 1_000_000_000, ns / 100_000_000 % 10)
}

/// A bar's bound: all of them are whole in one of the units.
fn short(ns: u64) -> String {
    match ns {
        0 => String::from("0"),
        ns if ns % 1_000_000_000 == 0 => format!("{}s", ns / 1_000_000_000),
        ns if ns % 1_000_000 == 0 => format!("{}ms", ns / 1_000_000),
        ns => format!("{}us", ns / 1_000),
    }
}
