//! The command `netdeadline`: reads its arguments and hands over. What a command does is its own file's.
//!
//! Rust's runtime does not start us: it would ignore SIGPIPE and open /dev/null over closed descriptors before `main`,
//! and the program that `run` becomes would inherit both.

#![no_main]

mod check;
mod cli;
mod config;
mod coverage;
mod demo;
mod elf;
mod env;
mod error;
mod golang;
mod help;
mod image;
mod judge;
mod launch;
mod library;
mod lookup;
mod pages;
mod policy;
mod privilege;
mod report;
mod resolve;
mod run;
mod script;
mod settings;
mod stats;
mod text;
mod top;
mod trace;

use std::ffi::{CStr, OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

use clap::error::ErrorKind;

use crate::error::{Failure, OWN};

/// Where libc starts us.
// SAFETY: the C start files call `main` with just these arguments, and nothing else in the program has the name.
#[unsafe(no_mangle)]
extern "C" fn main(count: libc::c_int, values: *const *const libc::c_char) -> libc::c_int {
    let mut arguments = Vec::new();
    for index in 0..usize::try_from(count).unwrap_or_default() {
        // SAFETY: the kernel and libc promise `count` C strings there, for as long as the process lives.
        let argument = unsafe { CStr::from_ptr(*values.add(index)) };
        arguments.push(OsStr::from_bytes(argument.to_bytes()).to_owned());
    }
    let code = match dispatch(&arguments) {
        Ok(code) => code,
        Err(failure) => {
            // A dead stderr is no reason to fail in another way.
            let _ = writeln!(io::stderr(), "{failure}");
            failure.code
        }
    };
    // Also flushes what Rust still holds; plain `return` would not.
    std::process::exit(i32::from(code))
}

fn dispatch(arguments: &[OsString]) -> Result<u8, Failure> {
    let rest = arguments.get(1..).unwrap_or_default();
    if let Some((_, rest)) = rest.split_first().filter(|(first, _)| *first == launch::child::WORD) {
        return Err(launch::child::main(rest));
    }
    if let Some((_, rest)) = rest.split_first().filter(|(first, _)| *first == "demo") {
        return Ok(demo::main(rest));
    }
    let matches = match cli::command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if !error.use_stderr() => return written(print(&error.render().to_string())),
        Err(error) => {
            let behind_command = rest.first().is_some_and(|first| !first.as_bytes().starts_with(b"-"));
            return Err(misused(&error, behind_command));
        }
    };
    if matches.get_flag("version") {
        return written(version());
    }
    match matches.subcommand() {
        Some(("run", matches)) => {
            let mut words = matches.get_many::<OsString>("command").into_iter().flatten().cloned();
            Err(run::main(&run::Request {
                options: cli::options(matches),
                best_effort: matches.get_flag("best-effort"),
                command: words.next().unwrap_or_default(),
                arguments: words.collect(),
            }))
        }
        Some(("check", matches)) => {
            let files: Vec<_> = matches.get_many::<OsString>("files").into_iter().flatten().cloned().collect();
            written(check::main(&files, matches.get_flag("json")))
        }
        Some(("trace", matches)) => trace::main(&trace::Request::read(matches)?),
        Some(("policy", matches)) => {
            let questions = cli::questions(matches).map_err(Failure::own)?;
            written(policy::main(&cli::options(matches), &questions)?)
        }
        Some(("stats", matches)) => {
            let one = |name: &str| matches.get_one::<OsString>(name).cloned();
            written(stats::main(&stats::Request {
                whose: matches.get_many::<OsString>("whose").into_iter().flatten().cloned().collect(),
                json: matches.get_flag("json"),
                openmetrics: matches.get_flag("openmetrics"),
                textfile: one("textfile"),
            })?)
        }
        Some(("top", matches)) => top::main(top::Request {
            pids: top::pids(matches.get_many::<OsString>("pids").into_iter().flatten())?,
            interval: top::interval(
                matches.get_one::<OsString>("interval").map_or(OsStr::new("1"), OsString::as_os_str),
            )?,
        }),
        _ => {
            let _ = io::stderr().write_all(help::TOP.as_bytes());
            Ok(OWN)
        }
    }
}

fn print(text: &str) -> io::Result<u8> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush().map(|()| 0)
}

fn version() -> io::Result<u8> {
    let library = match library::find() {
        Ok(file) => text::path(&file),
        Err(failure) => format!("none: {}", failure.message),
    };
    print(&format!("netdeadline {}\nlibrary: {library}\n", env!("CARGO_PKG_VERSION")))
}

/// A reader that went away (`| head`) is no failure of ours.
fn written(result: io::Result<u8>) -> Result<u8, Failure> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::own(format!("cannot write: {error}"))),
        result => Ok(result.unwrap_or_default()),
    }
}

/// The parser's words in our form: one line, with its guess if it has one, and where to read on.
fn misused(error: &clap::Error, behind_command: bool) -> Failure {
    let words = error.render().to_string();
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let fault = one_line(words.trim_start_matches("error: ").split("\n\n").next().unwrap_or_default());
    let guess = words.split_once("tip: ").and_then(|(_, rest)| rest.lines().next());
    let guess = match guess {
        Some(guess) => format!("; {}", one_line(guess)),
        None if error.kind() == ErrorKind::InvalidSubcommand => {
            String::from("; a program is started by `netdeadline run`")
        }
        None if !behind_command => {
            String::from("; options stand behind a command, as in `netdeadline run --connect 2s`")
        }
        None => String::new(),
    };
    Failure::own(format!("{fault}{guess} (see --help)"))
}
