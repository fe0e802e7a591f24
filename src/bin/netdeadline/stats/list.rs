//! All pages, a line each.

use crate::pages::{count, utc, Report, State};

/// A table in 80 columns.
pub fn lines(reports: &[Report]) -> String {
    if reports.is_empty() {
        return String::from(
            "no pages (a program has one that runs with NETDEADLINE_STATS=on and has had a connection)\n",
        );
    }
    let mut text =
        format!("{:>8} {:16} {:8} {:21} {:>11} {:>8}\n", "PID", "NAME", "STATE", "SINCE", "CONNECTIONS", "EXPIRIES");
    for report in reports {
        let state = match report.state {
            State::Running => "running",
            State::Ended => "ended",
        };
        text.push_str(&format!(
            "{:>8} {:16} {state:8} {:21} {:>11} {:>8}\n",
            report.pid,
            report.comm,
            utc(report.made[0]),
            count(report.connections()),
            count(report.expiries),
        ));
    }
    text
}
