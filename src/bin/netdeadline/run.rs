//! `netdeadline run`: check, refuse or exec, by whichever way leads into the program. On success nothing of us is left: the
//! same pid becomes the program.
//!
//! Signal dispositions, the signal mask, descriptors, limits and the current directory are the caller's and pass through
//! untouched (main.rs keeps Rust's runtime from changing them).

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::coverage::Asker;
use crate::env::Environment;
use crate::error::{Failure, CANNOT_EXECUTE, NOT_FOUND};
use crate::judge;
use crate::launch::payload::Payload;
use crate::launch::{self, Instead, Program, BUILD};
use crate::library;
use crate::lookup::{self, Found};
use crate::privilege::Whom;
use crate::report::{Report, Verdict, Way};
use crate::settings::{Options, Settings};
use crate::text;

/// What `run` was asked for.
pub struct Request {
    /// The policy.
    pub options: Options,
    /// `--best-effort`.
    pub best_effort: bool,
    /// The command as given, and its arguments.
    pub command: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// What was found out before anything was started.
struct Prepared {
    file: PathBuf,
    report: Report,
    environment: Environment,
    /// What the launcher is to map into the program. None: it is executed as it is.
    payload: Option<Payload>,
}

/// Becomes the program; returns only if it cannot.
pub fn main(request: &Request) -> Failure {
    match prepare(request) {
        Ok(prepared) => execute(prepared, request),
        Err(failure) => failure,
    }
}

fn prepare(request: &Request) -> Result<Prepared, Failure> {
    let settings = Settings::read(&request.options)?;
    let path = std::env::var_os("PATH");
    let shown = text::printable(request.command.as_bytes());
    let file = match lookup::find(&request.command, path.as_deref()) {
        Found::At(file) => file,
        Found::Forbidden(file) => {
            return Err(Failure::with_code(CANNOT_EXECUTE, format!("{}: it is not executable", text::path(&file))));
        }
        Found::Nowhere => return Err(Failure::with_code(NOT_FOUND, format!("{shown}: no such command in PATH"))),
    };
    let asker = Asker { whom: Whom::Us, machine: judge::own_machine(), thoroughly: false, path: path.as_deref() };
    let report = asker.report(&file, &request.arguments);
    let mut environment = Environment::own();
    for (name, value) in &settings.variables {
        environment.set(name, value)?;
    }
    let library = library::find();
    let preload = match &library {
        Ok(library) => library::preload(library, std::env::var_os("LD_PRELOAD").as_deref()),
        Err(failure) => Err(failure.clone()),
    };
    match &preload {
        // The loader would print an error for this program and each of its kind that it starts.
        Ok(_) if report.repels => {}
        // Also where the launcher is the way in: for what the program will start.
        Ok(preload) => environment.set("LD_PRELOAD", preload)?,
        Err(_) => {}
    }
    let payload = match (&library, report.way) {
        (Ok(library), Some(Way::Launcher)) => {
            let payload = Payload::read(library, BUILD);
            Some(payload.map_err(|why| Failure::own(format!("{}: {why}", text::path(library)))))
        }
        _ => None,
    };
    let (payload, failure) = match payload {
        Some(Ok(payload)) => (Some(payload), preload.err()),
        Some(Err(failure)) => (None, Some(failure)),
        None => (None, preload.err()),
    };
    if let Some(failure) = refusal(&report, failure, &settings) {
        if !request.best_effort {
            return Err(failure);
        }
        if failure.code == crate::error::OWN {
            unprotected(&failure.message);
        }
    }
    Ok(Prepared { file, report, environment, payload })
}

fn unprotected(why: &str) {
    let _ = writeln!(io::stderr(), "netdeadline: starting it unprotected: {why}");
}

/// Why the program should not be started.
fn refusal(report: &Report, library: Option<Failure>, settings: &Settings) -> Option<Failure> {
    let file = text::path(&report.file);
    let what = report.described();
    match &report.verdict {
        Verdict::Missing(why) => Some(Failure::with_code(NOT_FOUND, format!("{file}: {why}"))),
        Verdict::CannotExecute(why) => {
            Some(Failure::with_code(CANNOT_EXECUTE, format!("{file} cannot be executed: {why}")))
        }
        Verdict::Uncovered(why) => Some(Failure::own(format!(
            "{file} cannot be protected: {what}: {why} (--best-effort starts it all the same)"
        ))),
        Verdict::Covered if library.is_some() => library,
        Verdict::Covered
            if report.by_env && settings.variable("NETDEADLINE_CHILDREN").is_some_and(|word| word == "off") =>
        {
            let why = "env executes it, and NETDEADLINE_CHILDREN=off keeps the deadlines from what a program executes";
            Some(Failure::own(format!("{file} cannot be protected: {what}: {why}")))
        }
        Verdict::Covered if settings.resolves() && !report.what.contains("glibc") && report.kind != "loader" => {
            Some(Failure::own(format!("--resolve cannot reach {file}: {what}: only glibc reads RES_OPTIONS")))
        }
        Verdict::Covered => None,
    }
}

/// Replace ourselves by the program.
fn execute(prepared: Prepared, request: &Request) -> Failure {
    let Prepared { file, report, environment, payload } = prepared;
    let failed = |error: io::Error| {
        let code = if error.raw_os_error() == Some(libc::ENOENT) { NOT_FOUND } else { CANNOT_EXECUTE };
        Failure::with_code(code, format!("{} cannot be executed: {}", text::path(&file), text::reason(&error)))
    };
    let mut arguments = vec![request.command.clone()];
    arguments.extend_from_slice(&request.arguments);
    let environment = environment.into_entries();
    let program = match Program::new(file.as_os_str(), &arguments, environment.clone()) {
        Ok(program) => program,
        Err(error) => return failed(error),
    };
    if let Some(payload) = payload {
        match launched(&program, &payload, &report, request.best_effort) {
            Ok(error) => return failed(error),
            Err(failure) if !request.best_effort => return failure,
            Err(failure) => unprotected(&failure.message),
        }
    }
    let error = program.execute();
    // As execvp(3): what the kernel does not know and is text, the shell may.
    if error.raw_os_error() != Some(libc::ENOEXEC) || report.kind != "script" {
        return failed(error);
    }
    arguments.splice(..1, [OsString::from("sh"), file.as_os_str().to_owned()]);
    failed(match Program::new(OsStr::new("/bin/sh"), &arguments, environment) {
        Ok(shell) => shell.execute(),
        Err(error) => error,
    })
}

/// Become the program by way of the launcher: exec's error, or why there can be no launcher.
fn launched(program: &Program, payload: &Payload, report: &Report, best_effort: bool) -> Result<io::Error, Failure> {
    let words = |why: &str| {
        let hint = if best_effort { "" } else { " (--best-effort starts it all the same)" };
        format!("{} cannot be protected: {}: {why}{hint}", text::path(&report.file), report.described())
    };
    // Said by the helper, when the program is in its place already.
    let say = |why: &str| match best_effort {
        true => unprotected(&words(why)),
        false => drop(writeln!(io::stderr(), "netdeadline: {}", words(why))),
    };
    let instead = if best_effort { Instead::StartIt } else { Instead::Refuse };
    match launch::execute(program, payload, instead, &say) {
        launch::Failure::Exec(error) => Ok(error),
        launch::Failure::Forbidden(why) => Err(Failure::own(words(&why))),
    }
}
