//! One page for a person in 80 columns, at three in the morning.

use netdeadline_engine::policy::Class;

use crate::pages::{as_line, count, duration, utc, Destination, Report, State, Waits};

/// All of it.
pub fn page(report: &Report) -> String {
    let state = match report.state {
        State::Running => "running",
        State::Ended => "ended",
    };
    let mode = if report.observes { "observed" } else { "enforced" };
    let mut text =
        format!("{}[{}] {state}, deadlines {mode}, since {}\n", report.comm, report.pid, utc(report.made[0]));
    text.push_str(&format!(
        "{}, {}\n",
        plural(report.connections(), "connection", "s"),
        plural(report.expiries, "expir", "ies")
    ));
    if report.destinations.is_empty() {
        text.push_str("no destinations yet\n");
    }
    for one in &report.destinations {
        text.push('\n');
        destination(&mut text, one, report.state);
    }
    last(&mut text, report);
    text
}

fn destination(text: &mut String, one: &Destination, state: State) {
    text.push_str(&format!("{}\n", one.name()));
    let connections = plural(one.connections, "connection", "s");
    let [open, connecting, awaiting] = [one.open, one.connecting, one.awaiting].map(count);
    let when = if state == State::Ended { " when it ended" } else { "" };
    text.push_str(&format!(
        "  {connections}: {open} open, {connecting} connecting, {awaiting} awaiting an answer{when}\n"
    ));
    let used: Vec<(&str, &Waits)> =
        Class::ALL.iter().map(|class| class.name()).zip(&one.classes).filter(|(_, waits)| !waits.is_empty()).collect();
    if !used.is_empty() {
        text.push_str("  class      waits expired observed abandoned     p50     p90     p99 longest\n");
    }
    for (name, waits) in used {
        let quantile = |of_a_thousand| waits.quantile(of_a_thousand).map_or(String::from("-"), duration);
        let longest = if waits.counted() == 0 { String::from("-") } else { duration(waits.longest) };
        text.push_str(&format!(
            "  {name:8} {:>7} {:>7} {:>8} {:>9} {:>7} {:>7} {:>7} {longest:>7}\n",
            count(waits.ended),
            count(waits.expired),
            count(waits.observed),
            count(waits.abandoned),
            quantile(500),
            quantile(900),
            quantile(990),
        ));
    }
    let own =
        ["deadline", "scope", "SO_RCVTIMEO", "SO_SNDTIMEO"].into_iter().zip(one.own).filter(|(_, number)| *number > 0);
    let own: Vec<String> = own.map(|(what, number)| format!("{} {what}", count(number))).collect();
    if !own.is_empty() {
        text.push_str(&format!("  expired of the program's own: {}\n", own.join(", ")));
    }
}

fn last(text: &mut String, report: &Report) {
    if report.expiries == 0 {
        return;
    }
    text.push_str(match report.last.len() {
        0 => "\nnone of the last expiries is kept whole\n",
        _ => "\nlast expiries, the newest at the end (UTC)\n",
    });
    for expiry in &report.last {
        text.push_str(&as_line(report, expiry));
        text.push('\n');
    }
    if report.lost > 0 {
        text.push_str(&format!("{} not kept\n", plural(report.lost, "expir", "ies")));
    }
}

/// `1 connection`, `2 connections`, `1 expiry`, `2 expiries`.
fn plural(number: u64, noun: &str, ending: &str) -> String {
    let ending = match (number, ending) {
        (1, "ies") => "y",
        (1, _) => "",
        (_, ending) => ending,
    };
    format!("{} {noun}{ending}", count(number))
}
