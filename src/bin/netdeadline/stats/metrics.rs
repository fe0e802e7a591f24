//! Pages as metrics: OpenMetrics 1.0, and the older text format of Prometheus, which is all that the node exporter's textfile
//! collector reads.
//!
//! They differ in three things. OpenMetrics ends with `# EOF`, has `# UNIT`, and names a counter without the `_total` that its
//! samples have; in the older format a counter's name is that of its samples. Neither has timestamps or `_created` here: the
//! collector refuses the first and would make series of the second.

use std::fmt::{Display, Write};

use netdeadline_engine::evidence::{lower_bound, BUCKETS};
use netdeadline_engine::policy::Class;

use crate::pages::{Destination, Report, Side, State, Waits};

/// OpenMetrics 1.0.
pub fn openmetrics(reports: &[&Report]) -> String {
    let mut out = Out { text: String::new(), open: true };
    out.all(reports);
    out.text.push_str("# EOF\n");
    out.text
}

/// The text format 0.0.4.
pub fn prometheus(reports: &[&Report]) -> String {
    let mut out = Out { text: String::new(), open: false };
    out.all(reports);
    out.text
}

struct Out {
    text: String,
    open: bool,
}

/// The labels of a sample, in order.
type Labels<'a> = Vec<(&'static str, &'a str)>;
/// A family's name, its help, and what it has of a `T`.
type Family<T> = (&'static str, &'static str, fn(T) -> u64);
/// What a family has of a destination.
type Read<T> = fn(&Destination) -> T;

impl Out {
    fn all(&mut self, reports: &[&Report]) {
        let processes: Vec<(String, &Report)> =
            reports.iter().map(|report| (report.pid.to_string(), *report)).collect();
        let gauges: [Family<&Report>; 1] =
            [("netdeadline_running", "1 while the process lives that the page is of.", |report| {
                u64::from(report.state == State::Running)
            })];
        for (name, help, read) in gauges {
            self.head(name, "gauge", "", help);
            processes.iter().for_each(|(pid, report)| self.sample(name, "", &process(pid, report), read(report)));
        }
        let counters: [Family<&Report>; 2] = [
            ("netdeadline_expiries", "Waits that reached a deadline.", |report| report.expiries),
            ("netdeadline_lost_records", "Expiries of which no record could be kept.", |report| report.lost),
        ];
        for (name, help, read) in counters {
            self.head(name, "counter", "", help);
            processes.iter().for_each(|(pid, report)| self.sample(name, "_total", &process(pid, report), read(report)));
        }
        self.destinations(&processes);
        self.classes(&processes);
        self.own(&processes);
    }

    fn destinations(&mut self, processes: &[(String, &Report)]) {
        let families: [(&str, &str, &str, Read<u64>); 4] = [
            ("netdeadline_connections", "counter", "Connections made or accepted.", |one| one.connections),
            ("netdeadline_open_connections", "gauge", "Connections that are open.", |one| one.open),
            ("netdeadline_connecting", "gauge", "Connects under way.", |one| one.connecting),
            ("netdeadline_awaiting", "gauge", "Requests without the first byte of their answer.", |one| one.awaiting),
        ];
        for (name, kind, help, read) in families {
            self.head(name, kind, "", help);
            each(processes, |labels, one| {
                self.sample(name, if kind == "counter" { "_total" } else { "" }, labels, read(one))
            });
        }
    }

    fn classes(&mut self, processes: &[(String, &Report)]) {
        let families: [Family<&Waits>; 3] = [
            ("netdeadline_expired", "Waits that a deadline ended.", |waits| waits.expired),
            ("netdeadline_observed", "Waits that a deadline would have ended, in observe mode.", |waits| {
                waits.observed
            }),
            ("netdeadline_abandoned", "Waits whose socket was closed before they were over.", |waits| waits.abandoned),
        ];
        for (name, help, read) in families {
            self.head(name, "counter", "", help);
            each_class(processes, |labels, waits| self.sample(name, "_total", labels, read(waits)));
        }
        let name = "netdeadline_wait_seconds";
        self.head(name, "histogram", "seconds", "How long waits lasted that are over.");
        each_class(processes, |labels, waits| self.histogram(name, labels, waits));
    }

    fn own(&mut self, processes: &[(String, &Report)]) {
        let name = "netdeadline_own_expired";
        self.head(name, "counter", "", "Waits that reached what the program itself had set.");
        each(processes, |labels, one| {
            for (cause, number) in ["explicit", "scope", "so_rcvtimeo", "so_sndtimeo"].into_iter().zip(one.own) {
                self.sample(name, "_total", &[labels, &[("cause", cause)]].concat(), number);
            }
        });
    }

    fn histogram(&mut self, name: &str, labels: &[(&'static str, &str)], waits: &Waits) {
        for bound in bounds() {
            let le = seconds(bound);
            self.sample(name, "_bucket", &[labels, &[("le", le.as_str())]].concat(), waits.below(bound));
        }
        // What a process that runs counts in several places need not agree; here it does.
        let all = waits.counted();
        self.sample(name, "_bucket", &[labels, &[("le", "+Inf")]].concat(), all);
        self.sample(name, "_count", labels, all);
        self.sample(name, "_sum", labels, seconds(waits.total));
    }

    fn head(&mut self, name: &str, kind: &str, unit: &str, help: &str) {
        let total = if kind == "counter" && !self.open { "_total" } else { "" };
        let _ = writeln!(self.text, "# TYPE {name}{total} {kind}");
        if self.open && !unit.is_empty() {
            let _ = writeln!(self.text, "# UNIT {name} {unit}");
        }
        let _ = writeln!(self.text, "# HELP {name}{total} {help}");
    }

    fn sample(&mut self, name: &str, suffix: &str, labels: &[(&'static str, &str)], value: impl Display) {
        let _ = write!(self.text, "{name}{suffix}{{");
        for (index, (label, value)) in labels.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(self.text, "{comma}{label}=\"{}\"", escaped(value));
        }
        let _ = writeln!(self.text, "}} {value}");
    }
}

fn process<'a>(pid: &'a str, report: &'a Report) -> Labels<'a> {
    vec![("pid", pid), ("comm", &report.comm)]
}

fn each<'a>(processes: &'a [(String, &'a Report)], mut write: impl FnMut(&[(&'static str, &'a str)], &'a Destination)) {
    for (pid, report) in processes {
        for one in &report.destinations {
            let address = if one.side == Side::Other { "" } else { &one.address };
            let more = vec![("side", one.side.name()), ("destination", address)];
            write(&[process(pid, report), more].concat(), one);
        }
    }
}

/// Classes in which nothing was counted have no series.
fn each_class<'a>(processes: &'a [(String, &'a Report)], mut write: impl FnMut(&[(&'static str, &'a str)], &'a Waits)) {
    each(processes, |labels, one| {
        for (class, waits) in Class::ALL.into_iter().zip(&one.classes).filter(|(_, waits)| !waits.is_empty()) {
            write(&[labels, &[("class", class.name())]].concat(), waits);
        }
    });
}

/// Where buckets end: at the powers of two from 65 us to 18 min that are also ends of the page's own buckets, so that no count is
/// shared out by guess.
fn bounds() -> impl Iterator<Item = u64> {
    const FIRST: u64 = 1 << 16;
    const LAST: u64 = 1 << 40;
    (0..BUCKETS).map(lower_bound).filter(|bound| bound.is_power_of_two() && (FIRST..=LAST).contains(bound))
}

/// Seconds with all their nanoseconds and no more.
fn seconds(ns: u64) -> String {
    let text = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
    let short = text.trim_end_matches('0');
    if short.ends_with('.') {
        format!("{short}0")
    } else {
        short.to_owned()
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
