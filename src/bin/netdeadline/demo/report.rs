//! What happened, as a table of 80 columns or as JSON. Whether that is as it should be is row.rs's to say.
//!
//! Plain ASCII and no colour, on a terminal and in a pipe alike: the output goes into tickets and chats.

use super::plan::{seconds, variable, Plan};
use super::row::Row;
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

/// Says what is about to happen: the next four seconds are silent.
pub fn announce(out: &mut impl Write, form: Form, plan: &Plan) -> io::Result<()> {
    if form == Form::Json {
        return Ok(());
    }
    writeln!(out, "netdeadline demo: four faults, each client alone and with a deadline")?;
    for why in &plan.missing {
        writeln!(out, "({why}: no rows for it)")?;
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
        let (verb, waited) = match row.protected.status {
            Some(_) => ("ended after", row.waited().unwrap_or(row.protected.lived)),
            None => ("hanging at", row.protected.lived),
        };
        let waited = tenths(waited);
        writeln!(out, "{:<14} {client:<8} {alone:<25} {setting}: {verb} {waited}", fault.name())?;
        let error = printable(row.error());
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
             \"ended\": {}, \"ended_s\": {:.3}, \"waited_s\": {}, \"error\": {}, \"record\": {}, \"kept\": {}}}{comma}",
            json_string(row.pair.fault.name()),
            json_string(row.pair.client.name()),
            json_string(row.pair.fault.class()),
            alone.status.is_none(),
            alone.lived.as_secs_f64(),
            protected.status.is_some(),
            protected.lived.as_secs_f64(),
            row.waited().map_or("null".to_owned(), |waited| format!("{:.3}", waited.as_secs_f64())),
            json_string(row.error()),
            row.record().map_or("null".to_owned(), json_string),
            row.kept()
        )?;
    }
    writeln!(out, "], \"kept\": {}}}", rows.iter().all(Row::kept))
}
