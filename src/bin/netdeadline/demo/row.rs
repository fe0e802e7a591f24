//! One row of the demo: what a client did alone and with a deadline, and whether the promise was kept.
//!
//! The child's whole life includes the start of an interpreter, so it proves only that nothing was early. How long the client
//! waited is taken from the library's record, and what came after the record from the clock. How it is shown is the report's
//! business.

use super::plan::{variable, Pair, Plan};
use super::watch::Run;
use super::DEADLINE;
use std::time::Duration;

/// How the library's lines begin.
const RECORD: &str = "netdeadline: ";
/// A client that lives on longer than this after its deadline did not end at it. Generous: a busy machine.
const AFTERMATH: Duration = Duration::from_millis(1500);
const DAY_MS: u64 = 86_400_000;

/// A pair of runs and what they say.
pub struct Row<'a> {
    /// The client and the fault.
    pub pair: &'a Pair,
    /// Without a deadline.
    pub alone: &'a Run,
    /// With one.
    pub protected: &'a Run,
}

/// Joins the plan with its runs.
pub fn rows<'a>(plan: &'a Plan, runs: &'a [Run]) -> Vec<Row<'a>> {
    let pairs = runs.chunks_exact(2).map(|two| (&two[0], &two[1]));
    plan.pairs.iter().zip(pairs).map(|(pair, (alone, protected))| Row { pair, alone, protected }).collect()
}

impl Row<'_> {
    /// Whether the client hung alone, and with a deadline ended by itself, with an error, at the deadline and not before, and
    /// with a record that names it.
    pub fn kept(&self) -> bool {
        self.objection().is_none()
    }

    /// What is wrong with this row, if anything.
    pub fn objection(&self) -> Option<&'static str> {
        match (self.alone.status, self.protected.status) {
            (Some(_), _) => Some("the fault did not show, the client ended by itself"),
            (None, None) => Some("the deadline did not end the client"),
            (None, Some(status)) if status.success() => Some("the client saw no error"),
            _ if self.protected.lived < DEADLINE => Some("ended before the deadline"),
            _ => match self.waited() {
                None => Some("ended without a record of this deadline"),
                Some(waited) if waited < DEADLINE => Some("the record is of an earlier time"),
                Some(waited) if waited > DEADLINE + AFTERMATH => Some("the client went on after its deadline"),
                Some(_) => None,
            },
        }
    }

    /// The library's line about the first expiry of this row's deadline.
    pub fn record(&self) -> Option<&str> {
        let variable = variable(self.pair.fault);
        self.protected.stderr.lines().find(|line| line.starts_with(RECORD) && line.contains(&variable))
    }

    /// From the moment the client began to wait to its end.
    pub fn waited(&self) -> Option<Duration> {
        let record = self.record()?;
        let (_, rest) = record.split_once(" timed out after ")?;
        let waited: f64 = rest.split(' ').next()?.parse().ok()?;
        // Both are times of the day in UTC; the day may end in between.
        let aftermath = (self.protected.ended_at % DAY_MS + DAY_MS - time_of_day(record)?) % DAY_MS;
        Some(Duration::try_from_secs_f64(waited).ok()? + Duration::from_millis(aftermath))
    }

    /// The last line that the client itself wrote.
    pub fn error(&self) -> &str {
        let own = |line: &&str| !line.starts_with(RECORD) && !line.trim().is_empty();
        self.protected.stderr.lines().rfind(own).unwrap_or("").trim()
    }
}

/// The time in a record (`16:13:24.120Z`), in milliseconds.
fn time_of_day(record: &str) -> Option<u64> {
    let mut parts = record.strip_prefix(RECORD)?.split('Z').next()?.split([':', '.']).map(str::parse::<u64>);
    let mut next = || parts.next()?.ok();
    Some(((next()? * 60 + next()?) * 60 + next()?) * 1000 + next()?)
}
