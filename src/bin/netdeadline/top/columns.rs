//! The columns of the table: what is in them, how wide they are, which are left out where there is no room, and the order they give.

use std::cmp::Ordering;

use netdeadline_engine::policy::Class;

use super::world::Line;
use crate::pages::{count, duration};

/// A column. The process and the destination stand before all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Column {
    Now,
    Open,
    Connections,
    Expired,
    Expiries,
    ConnectHalf,
    ConnectMost,
    ResponseHalf,
    ResponseMost,
}

use Column::*;

impl Column {
    /// As they stand beside each other.
    pub const ALL: [Column; 9] =
        [Now, Open, Connections, Expired, Expiries, ConnectHalf, ConnectMost, ResponseHalf, ResponseMost];

    /// The most important first.
    const RANK: [Column; 9] =
        [Now, Expired, ConnectMost, ResponseMost, Expiries, Connections, ConnectHalf, ResponseHalf, Open];

    /// In one word or two.
    pub fn name(self) -> &'static str {
        match self {
            Now => "waits now",
            Open => "open connections",
            Connections => "connections/s",
            Expired => "expired",
            Expiries => "expiries/s",
            ConnectHalf => "connect p50",
            ConnectMost => "connect p99",
            ResponseHalf => "response p50",
            ResponseMost => "response p99",
        }
    }

    /// Two lines above it.
    pub fn title(self) -> [&'static str; 2] {
        match self {
            Now => ["waits", "now"],
            Open => ["conns", "open"],
            Connections => ["conns", "/s"],
            Expired => ["", "expired"],
            Expiries => ["exp.", "/s"],
            ConnectHalf => ["connect", "p50"],
            ConnectMost => ["connect", "p99"],
            ResponseHalf => ["respon.", "p50"],
            ResponseMost => ["respon.", "p99"],
        }
    }

    /// Characters.
    pub fn width(self) -> u16 {
        match self {
            Now | Open => 5,
            Connections | Expiries => 5,
            Expired | ConnectHalf | ConnectMost | ResponseHalf | ResponseMost => 7,
        }
    }

    /// Those for which there is room beside `first` characters.
    pub fn that_fit(width: u16, first: u16) -> Vec<Column> {
        let mut room = width.saturating_sub(first);
        let mut fit = Vec::new();
        for column in Column::RANK {
            match room.checked_sub(column.width() + 1) {
                Some(rest) => {
                    room = rest;
                    fit.push(column);
                }
                None => break,
            }
        }
        Column::ALL.into_iter().filter(|column| fit.contains(column)).collect()
    }

    /// What stands in it, for a process that runs or one that has ended: for that one nothing is under way, whatever its page says.
    pub fn cell(self, line: &Line, runs: bool) -> String {
        match self {
            Now | Open if !runs => String::from("-"),
            Now => count(line.counts.now()),
            Open => count(line.counts.open),
            Connections => rate(line.connections),
            Expired => count(line.counts.expired()),
            Expiries => rate(line.expiries),
            _ => self.quantile(line).map_or(String::from("-"), duration),
        }
    }

    fn quantile(self, line: &Line) -> Option<u64> {
        let (class, of_a_thousand) = match self {
            ConnectHalf => (Class::Connect, 500),
            ConnectMost => (Class::Connect, 990),
            ResponseHalf => (Class::Response, 500),
            ResponseMost => (Class::Response, 990),
            _ => return None,
        };
        line.counts.classes.get(class as usize)?.quantile(of_a_thousand)
    }

    /// By what is in it, the smaller first.
    pub fn compare(self, a: &Line, b: &Line) -> Ordering {
        match self {
            Now => a.counts.now().cmp(&b.counts.now()),
            Open => a.counts.open.cmp(&b.counts.open),
            Connections => a.connections.total_cmp(&b.connections),
            Expired => a.counts.expired().cmp(&b.counts.expired()),
            Expiries => a.expiries.total_cmp(&b.expiries),
            _ => self.quantile(a).cmp(&self.quantile(b)),
        }
    }
}

/// Per second, in five characters.
fn rate(number: f64) -> String {
    match number {
        0.0 => String::from("0"),
        small if small < 9.95 => format!("{small:.1}"),
        // A cast of what is too large ends at the largest.
        large => count(large.round() as u64),
    }
}
