//! `netdeadline run`: check, refuse or exec. On success nothing of us is left: the same pid becomes the program.
//!
//! Signal dispositions, the signal mask, descriptors, limits and the current directory are the caller's and pass through
//! untouched (main.rs keeps Rust's runtime from changing them).

use std::ffi::{CString, OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;

use crate::coverage::Asker;
use crate::env::Environment;
use crate::error::{Failure, CANNOT_EXECUTE, NOT_FOUND};
use crate::judge;
use crate::library;
use crate::lookup::{self, Found};
use crate::privilege::Whom;
use crate::report::{Report, Verdict};
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

/// Becomes the program; returns only if it cannot.
pub fn main(request: &Request) -> Failure {
    match prepare(request) {
        Ok((file, report, environment)) => execute(&file, &report, request, &environment),
        Err(failure) => failure,
    }
}

fn prepare(request: &Request) -> Result<(PathBuf, Report, Environment), Failure> {
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
    let asker = Asker { whom: Whom::Us, machine: judge::own_machine(), path: path.as_deref() };
    let report = asker.report(&file, &request.arguments);
    let mut environment = Environment::own();
    for (name, value) in &settings.variables {
        environment.set(name, value)?;
    }
    let library =
        library::find().and_then(|library| library::preload(&library, std::env::var_os("LD_PRELOAD").as_deref()));
    match &library {
        // The loader would print an error for this program and each of its kind that it starts.
        Ok(_) if report.repels => {}
        Ok(preload) => environment.set("LD_PRELOAD", preload)?,
        Err(_) => {}
    }
    if let Some(failure) = refusal(&report, library.err(), &settings) {
        if !request.best_effort {
            return Err(failure);
        }
        if failure.code == crate::error::OWN {
            let _ = writeln!(io::stderr(), "netdeadline: starting it unprotected: {}", failure.message);
        }
    }
    Ok((file, report, environment))
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
        Verdict::Covered if report.what.contains("musl") && settings.resolves() => {
            Some(Failure::own(format!("--resolve cannot reach {file}: {what}: only glibc reads RES_OPTIONS")))
        }
        Verdict::Covered => None,
    }
}

/// Replace ourselves by the program.
fn execute(file: &Path, report: &Report, request: &Request, environment: &Environment) -> Failure {
    let mut arguments = vec![request.command.clone()];
    arguments.extend_from_slice(&request.arguments);
    let error = exec(file, &arguments, environment);
    // As execvp(3): what the kernel does not know and is text, the shell may.
    let error = match error.raw_os_error() {
        Some(libc::ENOEXEC) if report.kind == "script" => {
            arguments.splice(..1, [OsString::from("sh"), file.as_os_str().to_owned()]);
            exec(Path::new("/bin/sh"), &arguments, environment)
        }
        _ => error,
    };
    let code = if error.raw_os_error() == Some(libc::ENOENT) { NOT_FOUND } else { CANNOT_EXECUTE };
    Failure::with_code(code, format!("{} cannot be executed: {}", text::path(file), text::reason(&error)))
}

/// execve itself; returns only its error.
fn exec(file: &Path, arguments: &[OsString], environment: &Environment) -> io::Error {
    let c = |text: &OsStr| CString::new(text.as_bytes());
    let (Ok(file), Ok(arguments)) =
        (c(file.as_os_str()), arguments.iter().map(|text| c(text)).collect::<Result<Vec<_>, _>>())
    else {
        return io::Error::from_raw_os_error(libc::EINVAL);
    };
    let arguments: Vec<_> = arguments.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect();
    // SAFETY: three C strings and arrays that end with null; all of them outlive the call.
    unsafe { libc::execve(file.as_ptr(), arguments.as_ptr(), environment.pointers().as_ptr()) };
    io::Error::last_os_error()
}
