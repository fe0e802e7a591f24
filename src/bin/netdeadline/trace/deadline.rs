//! Which deadline ended a connection: the expiry that a process under netdeadline recorded for a socket with the same cookie.
//!
//! Only the words for it and the join; how evidence pages are found and read is pages/'s. The page keeps the cookie that SO_COOKIE
//! gave to the process, and bpf_get_socket_cookie gives the same number to us.

use std::collections::HashMap;

use netdeadline_engine::evidence::page::Kept;
use netdeadline_engine::evidence::Cause;
use netdeadline_engine::policy::{Duration, Origin};
use serde_json::{json, Value};

use super::life::Life;
use crate::pages::{self, News};

/// What is known of the expiry.
#[derive(Clone, Copy, Debug)]
pub struct Expired {
    /// `connect`, `read`, `so_rcvtimeo`, ...
    class: &'static str,
    /// Where the rule stands, with its line where there are lines.
    source: &'static str,
    line: Option<u32>,
    /// Nanoseconds: how long it allowed, and how long was waited.
    allowed: u64,
    waited: u64,
    /// Observe mode: nothing was cut short.
    observed: bool,
}

impl Expired {
    /// The page's numbers in words. None for numbers that nobody writes: the page is another program's.
    fn of(kept: &Kept) -> Option<Expired> {
        let cause = pages::cause(kept)?;
        let (source, line) = match cause {
            Cause::Policy { origin: Origin::Shorthand(_), .. } => ("a variable or option", None),
            Cause::Policy { origin: Origin::Rules, line, .. } => ("NETDEADLINE_RULES", Some(line)),
            Cause::Policy { origin: Origin::File, line, .. } => ("the file of rules", Some(line)),
            _ => ("the program", None),
        };
        Some(Expired {
            class: cause.name(),
            source,
            line,
            allowed: kept.timeout,
            waited: kept.waited,
            observed: kept.observed,
        })
    }

    /// For a person: `response=2s`.
    pub fn words(&self) -> String {
        let observed = if self.observed { " (observed)" } else { "" };
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        let place = match self.source {
            "the program" => String::from(" by the program"),
            "a variable or option" => String::new(),
            source => format!(" of {source}{line}"),
        };
        format!("{}={}{place}{observed}", self.class, Duration(self.allowed))
    }

    /// For a program.
    pub fn json(&self) -> Value {
        json!({
            "class": self.class,
            "source": self.source,
            "line": self.line,
            "deadline_ms": self.allowed as f64 / 1e6,
            "waited_ms": self.waited as f64 / 1e6,
            "observed": self.observed,
        })
    }
}

/// So many are kept for sockets that are not closed yet.
const KEPT: usize = 16_384;

/// The expiries of the processes that are seen here.
pub struct Expiries {
    news: News,
    /// The last of each socket, and when that was.
    of: HashMap<u64, (u64, Expired)>,
}

impl Expiries {
    pub fn new() -> Expiries {
        Expiries { news: News::default(), of: HashMap::new() }
    }

    /// The last deadline that expired on this connection. `offset` makes a monotonic time the time of day.
    pub fn of(&mut self, life: &Life, offset: u64) -> Option<Expired> {
        let cookie = life.cookie?;
        if let Some(pid) = life.pid.and_then(|pid| i32::try_from(pid).ok()) {
            let of = &mut self.of;
            self.news.of(pid, &mut |kept| {
                if of.len() >= KEPT {
                    of.clear();
                }
                if let Some(expired) = Expired::of(kept).filter(|_| kept.cookie != 0) {
                    of.insert(kept.cookie, (kept.realtime, expired));
                }
            });
        }
        let (when, expired) = *self.of.get(&cookie)?;
        // A socket can connect again: what expired before is another life's. The two clocks are read one after the other.
        const APART: u64 = 10_000_000;
        let began = life.began.wrapping_add(offset).saturating_sub(APART);
        (began..=life.ended.unwrap_or(u64::MAX).wrapping_add(offset).max(began).saturating_add(APART))
            .contains(&when)
            .then_some(expired)
    }
}
