//! What happened, as a table of 80 columns or as JSON, and whether the promise was kept.
//!
//! Plain ASCII and no colour, on a terminal and in a pipe alike: the output goes into tickets and chats.

use super::plan::{seconds, variable, Pair, Plan};
use super::watch::Run;
use super::{DEADLINE, WATCH};
use crate::text::json as json_string;
use std::io::{self, Write};
use std::time::Duration;

const WIDTH: usize = 80;

/// How to print.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For a person.
    Table,
    /// For a program: one object.
    Json,
}

/// A pair of runs and what they say.
pub struct Row<'a> {
    pair: &'a Pair,
    alone: &'a Run,
    protected: &'a Run,
}

impl Row<'_> {
    /// Whether the client hung alone, and with a deadline ended by itself, with an error, not before the deadline, and with
    /// a record that names the deadline.
    pub fn kept(&self) -> bool {
        self.objection().is_none()
    }

    /// What is wrong with this row, if anything.
    fn objection(&self) -> Option<&'static str> {
        match (self.alone.status, self.protected.status) {
            (Some(_), _) => Some("the fault did not show, the client ended by itself"),
            (None, None) => Some("the deadline did not end the client"),
            (None, Some(status)) if status.success() => Some("the client saw no error"),
            _ if self.protected.lived < DEADLINE => Some("ended before the deadline"),
            _ if self.record().is_none() => Some("ended without a record of this deadline"),
            _ => None,
        }
    }

    /// The library's line about the expiry of this row's deadline.
    fn record(&self) -> Option<&str> {
        let variable = variable(self.pair.fault);
        self.protected.stderr.lines().find(|line| line.starts_with(RECORD) && line.contains(&variable))
    }
}

/// How the library's lines begin.
const RECORD: &str = "netdeadline: ";

/// Joins the plan with its runs.
pub fn rows<'a>(plan: &'a Plan, runs: &'a [Run]) -> Vec<Row<'a>> {
    let pairs = runs.chunks_exact(2).map(|two| (&two[0], &two[1]));
    plan.pairs.iter().zip(pairs).map(|(pair, (alone, protected))| Row { pair, alone, protected }).collect()
}

/// Says what is about to happen: the next four seconds are silent.
pub fn announce(out: &mut impl Write, form: Form, plan: &Plan) -> io::Result<()> {
    if form == Form::Json {
        return Ok(());
    }
    writeln!(out, "netdeadline demo: four faults, each client alone and with a deadline")?;
    for name in &plan.missing {
        writeln!(out, "({name} is not installed: its rows are left out)")?;
    }
    writeln!(out, "{} programs run for {} seconds now ...\n", plan.pairs.len() * 2, WATCH.as_secs())?;
    out.flush()
}

/// Prints the rows.
pub fn print(out: &mut impl Write, form: Form, plan: &Plan, rows: &[Row]) -> io::Result<()> {
    match form {
        Form::Table => table(out, plan, rows),
        Form::Json => json(out, rows),
    }?;
    out.flush()
}

fn table(out: &mut impl Write, plan: &Plan, rows: &[Row]) -> io::Result<()> {
    writeln!(out, "{:<14} {:<8} {:<25} with a deadline", "fault", "client", "alone")?;
    writeln!(out, "{}", "-".repeat(WIDTH))?;
    for row in rows {
        let (fault, client) = (row.pair.fault, row.pair.client.name());
        let alone = match row.alone.status {
            None => format!("still hanging after {}", tenths(row.alone.lived)),
            Some(_) => format!("ended after {}", tenths(row.alone.lived)),
        };
        let setting = format!("{}={}", fault.class(), seconds(DEADLINE));
        let verb = if row.protected.status.is_some() { "ended after" } else { "hanging at" };
        let lived = tenths(row.protected.lived);
        writeln!(out, "{:<14} {client:<8} {alone:<25} {setting}: {verb} {lived}", fault.name())?;
        let error = own_error(&row.protected.stderr);
        // Two lines hold what the clients here say; a program's own words may be longer than any table.
        for line in wrap(&error, WIDTH - 24).iter().filter(|line| !line.is_empty()).take(2) {
            writeln!(out, "{:23} {}", "", clip(line, WIDTH - 24))?;
        }
        if let Some(objection) = row.objection() {
            writeln!(out, "{:23} FAILED: {objection}", "")?;
        }
    }
    writeln!(out, "{}", "-".repeat(WIDTH))?;
    let kept = rows.iter().filter(|row| row.kept()).count();
    writeln!(out, "{kept} of {} clients ended at the deadline with an error of their own.", rows.len())?;
    if let Some(record) = rows.iter().find_map(Row::record) {
        writeln!(out, "\nEach expiry left a record on stderr that explains it; the first one:")?;
        for line in wrap(&printable(record), WIDTH - 2) {
            writeln!(out, "  {line}")?;
        }
    }
    if let (Some(row), true) = (rows.first(), kept == rows.len()) {
        writeln!(out, "\nThe same for any program of yours:")?;
        writeln!(out, "  {}=2s LD_PRELOAD={} \\\n    PROGRAM", variable(row.pair.fault), plan.library.display())?;
        writeln!(out, "  netdeadline run --connect 2s --read 30s -- PROGRAM")?;
    }
    Ok(())
}

/// Seconds, cut and not rounded: 1.96 s must not read as 2.0.
fn tenths(lived: Duration) -> String {
    format!("{}.{} s", lived.as_secs(), lived.subsec_millis() / 100)
}

/// The last line that the client itself wrote.
fn own_error(stderr: &str) -> String {
    let line = stderr.lines().rfind(|line| !line.starts_with(RECORD) && !line.trim().is_empty());
    printable(line.unwrap_or("").trim())
}

/// Only ASCII that is visible: what a child printed goes to a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

fn clip(text: &str, width: usize) -> String {
    if text.len() <= width {
        return text.to_owned();
    }
    format!("{}...", text.chars().take(width - 3).collect::<String>())
}

fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().filter(|line| line.is_empty() || line.len() + 1 + word.len() <= width);
        match line {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => {
                line.push(' ');
                line.push_str(word);
            }
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn json(out: &mut impl Write, rows: &[Row]) -> io::Result<()> {
    writeln!(out, "{{\"deadline_s\": {}, \"rows\": [", DEADLINE.as_secs())?;
    for (index, row) in rows.iter().enumerate() {
        let comma = if index + 1 < rows.len() { "," } else { "" };
        let (alone, protected) = (row.alone, row.protected);
        writeln!(
            out,
            "  {{\"fault\": {}, \"client\": {}, \"class\": {}, \"alone_hangs\": {}, \"alone_s\": {:.3}, \
             \"ended\": {}, \"ended_s\": {:.3}, \"error\": {}, \"record\": {}, \"kept\": {}}}{comma}",
            json_string(row.pair.fault.name()),
            json_string(row.pair.client.name()),
            json_string(row.pair.fault.class()),
            alone.status.is_none(),
            alone.lived.as_secs_f64(),
            protected.status.is_some(),
            protected.lived.as_secs_f64(),
            json_string(&own_error(&protected.stderr)),
            row.record().map_or("null".to_owned(), json_string),
            row.kept()
        )?;
    }
    writeln!(out, "], \"kept\": {}}}", rows.iter().all(Row::kept))
}
