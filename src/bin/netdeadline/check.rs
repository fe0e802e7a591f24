//! `netdeadline check`: the view on coverage reports. Decides nothing but the exit code.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::coverage::Asker;
use crate::judge;
use crate::lookup::{self, Found};
use crate::privilege::Whom;
use crate::report::{Report, Verdict, Way};
use crate::text::{self, json};

/// Report on each file; 0 if all are covered, else 1.
pub fn main(files: &[OsString], as_json: bool) -> std::io::Result<u8> {
    let path = std::env::var_os("PATH");
    let asker = Asker { whom: Whom::Anyone, machine: judge::own_machine(), thoroughly: true, path: path.as_deref() };
    let mut out = std::io::stdout().lock();
    let mut all = true;
    for name in files {
        let report = of(name, &asker);
        all &= report.verdict == Verdict::Covered;
        match as_json {
            true => writeln!(out, "{}", object(name, &report))?,
            false => lines(&mut out, &report)?,
        }
    }
    out.flush()?;
    Ok(u8::from(!all))
}

/// A name without a slash is what `run` would start; failing that, a file here.
fn of(name: &OsStr, asker: &Asker) -> Report {
    match lookup::find(name, asker.path) {
        Found::At(file) => asker.report(&file, &[]),
        _ if Path::new(name).exists() => asker.report(&Path::new(".").join(name), &[]),
        Found::Forbidden(file) => asker.report(&file, &[]),
        Found::Nowhere => {
            let mut report = Report::new(Path::new(name));
            report.verdict = Verdict::Missing(String::from("no such file, here or in PATH"));
            report
        }
    }
}

fn lines(out: &mut dyn Write, report: &Report) -> std::io::Result<()> {
    let file = text::path(&report.file);
    match (&report.verdict, report.reason()) {
        (Verdict::Missing(why), _) => writeln!(out, "{file}: NOT covered: {why}")?,
        (_, Some(why)) => writeln!(out, "{file}: NOT covered: {}: {why}", report.described())?,
        (_, None) => writeln!(out, "{file}: covered{}: {}", way(report), report.described())?,
    }
    for note in &report.notes {
        writeln!(out, "    note: {note}")?;
    }
    Ok(())
}

/// How, where that is not the usual way of programs that use libc.
fn way(report: &Report) -> &'static str {
    match report.way {
        Some(Way::Launcher) => " by the launcher",
        Some(Way::Preload) if report.go_version.is_some() || report.kind == "go" => " by the preload",
        _ => "",
    }
}

/// One JSON object on one line.
fn object(name: &OsStr, report: &Report) -> String {
    let optional = |value: Option<&str>| value.map_or(String::from("null"), json);
    let list = |values: Vec<String>| format!("[{}]", values.join(","));
    let path = |path: &Path| json(&path.to_string_lossy());
    format!(
        "{{\"name\":{},\"file\":{},\"covered\":{},\"way\":{},\"kind\":{},\"description\":{},\"reason\":{},\"through\":{},\"go_version\":{},\"notes\":{}}}",
        json(&String::from_utf8_lossy(name.as_bytes())),
        path(&report.file),
        report.verdict == Verdict::Covered,
        optional(report.way.map(Way::name)),
        json(report.kind),
        json(&report.described()),
        optional(report.reason()),
        list(report.through.iter().map(|file| path(file)).collect()),
        optional(report.go_version.as_deref()),
        list(report.notes.iter().map(|note| json(note)).collect()),
    )
}
