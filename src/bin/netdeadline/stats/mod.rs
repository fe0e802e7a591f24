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

use crate::error::Failure;
use crate::pages::{self, Report, State};
use crate::text;

/// What was asked for.
pub struct Request {
    /// A process, or a page's file.
    pub whose: Option<OsString>,
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
    let (reports, flaws) = match &request.whose {
        Some(whose) => (vec![one(whose)?], Vec::new()),
        None => pages::all(),
    };
    // The others are worth reading all the same.
    for flaw in flaws {
        let _ = writeln!(io::stderr(), "netdeadline: {flaw}");
    }
    // What has ended is no news to those who ask again and again; who names it means it.
    let living = |report: &&Report| request.whose.is_some() || report.state == State::Running;
    if request.openmetrics || request.textfile.is_some() {
        let living: Vec<&Report> = reports.iter().filter(living).collect();
        return match &request.textfile {
            Some(file) => textfile::write(Path::new(file), &metrics::prometheus(&living)).map(Ok),
            None => Ok(print(&metrics::openmetrics(&living))),
        };
    }
    let text = match (&request.whose, request.json) {
        (Some(_), true) => reports.iter().map(machine::document).collect(),
        (Some(_), false) => reports.iter().map(plain::page).collect(),
        (None, true) => machine::list(&reports),
        (None, false) => list::lines(&reports),
    };
    Ok(print(&text))
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

fn print(text: &str) -> io::Result<u8> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush().map(|()| 0)
}
