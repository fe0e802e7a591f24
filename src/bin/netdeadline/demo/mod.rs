//! `netdeadline demo`: four faults on loopback, a few clients, each run twice at the same time: alone and with a deadline.
//!
//! Needs no root, no network and no configuration. This file reads the arguments and says whether the promise was kept;
//! the faults, the clients, the watch over the children and the table each have a file. What a deadline means is the
//! library's business: the demo sees only what a user sees, an environment variable, a preload and a program that ends.

mod client;
mod faults;
mod plan;
mod report;
mod row;
mod watch;

use std::ffi::OsString;
use std::io::{self, Write};
use std::time::Duration;

/// The deadline that the protected clients get.
pub const DEADLINE: Duration = Duration::from_secs(2);
/// How long a client without a deadline is watched before the demo gives up on it.
pub const WATCH: Duration = Duration::from_secs(4);
/// A protected client that lives longer than this is given up. Generous: it covers the start of an interpreter on a busy
/// machine, and is well below what any client does by itself.
pub const LATEST: Duration = Duration::from_secs(6);

const HELP: &str = "\
netdeadline demo - see deadlines work, on this machine, in five seconds

usage: netdeadline demo [--json]

Starts four broken servers on loopback: a black hole (nothing answers the
connect), a silent one, one that sends half an answer and one that never reads.
Runs curl and python3 (where they are installed) and a small built-in client
against each, at the same time without and with a deadline of 2 s, and prints
what happened. Needs no root and no network.

  --json   print one JSON object instead of the table
  --help   print this

exit codes: 0 each client ended at its deadline, and was still hanging without
one; 1 otherwise; 125 the demo could not be set up
";

/// Runs the demo with the arguments that follow the word `demo`; returns the exit code.
pub fn main(args: &[OsString]) -> u8 {
    let words: Vec<&str> = args.iter().map(|word| word.to_str().unwrap_or("\u{fffd}")).collect();
    match words.as_slice() {
        ["--client", kind, address] => client::main(kind, address),
        [] => run(report::Form::Table),
        ["--json"] => run(report::Form::Json),
        ["--help" | "-h"] => match io::stdout().write_all(HELP.as_bytes()) {
            Ok(()) => 0,
            Err(_) => 125,
        },
        _ => {
            let word = words.iter().find(|word| **word != "--json").unwrap_or(&"--json");
            eprintln!("netdeadline demo: unexpected argument {word:?}; see netdeadline demo --help");
            125
        }
    }
}

fn run(form: report::Form) -> u8 {
    match rehearse(form) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(why) => {
            eprintln!("netdeadline demo: {why}");
            125
        }
    }
}

fn rehearse(form: report::Form) -> Result<bool, String> {
    let faults = faults::Faults::start().map_err(|error| format!("cannot set up a fault on loopback: {error}"))?;
    let plan = plan::Plan::make(&faults)?;
    let mut out = io::stdout().lock();
    let printed = report::announce(&mut out, form, &plan);
    let runs = watch::run(plan.starts())?;
    let rows = row::rows(&plan, &runs);
    // A reader that went away (`| head`) is no fault of the clients.
    let _ = printed.and_then(|()| report::print(&mut out, form, &plan, &rows));
    Ok(rows.iter().all(row::Row::kept))
}
