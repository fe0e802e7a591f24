//! `netdeadline stats`: evidence pages, read once. Chooses what to read and in which form; the forms are the files beside this one.

mod list;
mod machine;
mod metrics;
mod plain;
mod textfile;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::error::{Failure, OWN};
use crate::pages::{self, Report, State};
use crate::text;

/// What was asked for.
pub struct Request {
    /// Processes, or pages' files; none: all there are.
    pub whose: Vec<OsString>,
    /// `--json`
    pub json: bool,
    /// `--openmetrics`
    pub openmetrics: bool,
    /// `--textfile`
    pub textfile: Option<OsString>,
}

/// Read and print.
pub fn main(request: &Request) -> Result<io::Result<u8>, Failure> {
    if let Some(file) = &request.textfile {
        textfile::check(Path::new(file))?;
    }
    let all = request.whose.is_empty();
    let (reports, flaws) = match all {
        true => pages::all(),
        false => {
            let (found, missing): (Vec<_>, Vec<_>) =
                request.whose.iter().map(|whose| one(whose)).partition(Result::is_ok);
            let missing = missing.into_iter().filter_map(Result::err).map(|failure| failure.message);
            (found.into_iter().flatten().collect(), missing.collect())
        }
    };
    // One of them is no reason to withhold the others.
    for flaw in &flaws {
        let _ = writeln!(io::stderr(), "netdeadline: {flaw}");
    }
    let code = if all || flaws.is_empty() { 0 } else { OWN };
    if request.openmetrics || request.textfile.is_some() {
        // What has ended is no news to those who ask again and again; who names it means it.
        let wanted: Vec<&Report> = reports.iter().filter(|report| !all || report.state == State::Running).collect();
        return match &request.textfile {
            Some(file) => textfile::write(Path::new(file), &metrics::prometheus(&wanted)).map(|()| Ok(code)),
            None if all || !wanted.is_empty() => Ok(print(&metrics::openmetrics(&wanted), code)),
            None => Ok(Ok(code)),
        };
    }
    let text = match (all, request.json) {
        (true, true) => machine::list(&reports),
        (true, false) => list::lines(&reports),
        (false, true) => reports.iter().map(machine::document).collect(),
        (false, false) => reports.iter().map(plain::page).collect::<Vec<_>>().join("\n"),
    };
    Ok(print(&text, code))
}

fn one(whose: &OsStr) -> Result<Report, Failure> {
    if whose.as_bytes().contains(&b'/') {
        return pages::of_file(Path::new(whose));
    }
    pages::of_process(pid(whose)?)
}

/// The number of a process.
pub fn pid(word: &OsStr) -> Result<i32, Failure> {
    let pid = word.to_str().and_then(|word| word.parse().ok()).filter(|pid| *pid > 0);
    let read = || text::printable(word.as_bytes());
    pid.ok_or_else(|| {
        Failure::own(format!("read \"{}\", expected the number of a process, or a page's path with a slash", read()))
    })
}

fn print(text: &str, code: u8) -> io::Result<u8> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush().map(|()| code)
}
