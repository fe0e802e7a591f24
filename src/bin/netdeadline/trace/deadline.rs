//! Which deadline ended a connection: the expiry that a process under netdeadline recorded for a socket with the same cookie.

use serde_json::{json, Value};

use super::life::Life;

/// What is known of the expiry.
#[derive(Clone, Debug)]
pub struct Expired {
    /// `connect`, `read`, ...
    pub class: String,
    /// Nanoseconds: how long it allowed, and how long was waited.
    pub allowed: u64,
    pub waited: u64,
    /// Observe mode: nothing was cut short.
    pub observed: bool,
}

impl Expired {
    /// For a person: `response=2s`.
    pub fn words(&self) -> String {
        let duration = netdeadline_engine::policy::Duration(self.allowed);
        let observed = if self.observed { " (observed)" } else { "" };
        format!("{}={duration}{observed}", self.class)
    }

    /// For a program.
    pub fn json(&self) -> Value {
        json!({
            "class": self.class,
            "deadline_ms": self.allowed as f64 / 1e6,
            "waited_ms": self.waited as f64 / 1e6,
            "observed": self.observed,
        })
    }
}

/// The expiries of the processes that are seen here.
pub struct Expiries {}

impl Expiries {
    pub fn new() -> Expiries {
        Expiries {}
    }

    /// The one that ended this connection.
    pub fn of(&mut self, _life: &Life) -> Option<Expired> {
        None
    }
}
