//! Finding the page that is asked for, and saying why there is none. Where pages may lie is places.rs's.

use std::path::Path;

use super::folder::{self, Folder, Name};
use super::places::{self, Place};
use super::process::{self, Process};
use super::report::{Report, State};
use crate::error::Failure;
use crate::text;

/// The page of a process: of the one that runs, else of the last that had this number.
pub fn of_process(pid: i32) -> Result<Report, Failure> {
    let process = Process::find(pid);
    let places = process.as_ref().map_or_else(places::everywhere, places::of);
    let inner = process.as_ref().map_or(pid, |process| process.inner);
    let mut search = Search::default();
    for place in &places {
        search.look(place, |name| name.pid == inner);
    }
    // The present one's before any other's; then the one that began last; of several programs in one process, the last.
    let start = process.as_ref().map(|process| process.start);
    search.found.sort_by_key(|(report, n)| (Some(report.start) == start, report.start, report.made[1], *n));
    let newest = search.found.pop().map(|(report, _)| report);
    match (newest, process) {
        (Some(report), Some(process)) if report.start != process.start => Err(Failure::own(format!(
            "{}; an earlier process of this number has left {}",
            search.lacks(&process),
            text::path(&report.file)
        ))),
        (Some(mut report), Some(_)) => {
            // It may see itself under another number.
            report.state = if process::running(pid) == Some(report.start) { State::Running } else { State::Ended };
            Ok(report)
        }
        (Some(report), None) => Ok(report),
        (None, Some(process)) => Err(Failure::own(search.lacks(&process))),
        (None, None) => Err(Failure::own(search.nobody(pid, &places))),
    }
}

/// The page in a file, wherever that is.
pub fn of_file(path: &Path) -> Result<Report, Failure> {
    folder::read(path).map_err(|flaw| Failure::own(format!("{}: {flaw}", text::path(path))))
}

/// All pages that can be found, one for each process, by number; and what was wrong with others.
pub fn all() -> (Vec<Report>, Vec<String>) {
    let mut search = Search::default();
    for place in places::everywhere() {
        search.look(&place, |_| true);
    }
    let mut found = search.found;
    found.sort_by_key(|(report, n)| (report.pid, report.start, report.made[1], *n));
    let mut reports: Vec<Report> = Vec::new();
    for (report, _) in found {
        match reports.last_mut() {
            Some(last) if (last.pid, last.start) == (report.pid, report.start) => *last = report,
            _ => reports.push(report),
        }
    }
    (reports, search.flaws.into_iter().chain(search.closed).collect())
}

/// What was seen on the way.
#[derive(Default)]
struct Search {
    found: Vec<(Report, u32)>,
    /// Files that are no page.
    flaws: Vec<String>,
    /// Directories that are not what they must be.
    closed: Vec<String>,
    /// One of them is another user's.
    forbidden: bool,
}

impl Search {
    fn look(&mut self, place: &Place, wanted: impl Fn(&Name) -> bool) {
        let folder = match Folder::open(place) {
            Ok(Some(folder)) => folder,
            Ok(None) => return,
            Err(closed) => {
                self.forbidden |= closed.forbidden;
                return self.closed.push(closed.why);
            }
        };
        for name in folder.names(usize::MAX).filter(|name| wanted(name)) {
            let path = folder.path(&name);
            if self.found.iter().any(|(report, _)| report.file == path) {
                continue;
            }
            match folder.read(&name) {
                Ok(report) => self.found.push((report, name.n)),
                // Its process has ended, and another has made room.
                Err(super::flaw::Flaw::Gone) => {}
                Err(flaw) => self.flaws.push(format!("{}: {flaw}", text::path(&path))),
            }
        }
    }

    /// Why a process that runs has no page.
    fn lacks(&self, process: &Process) -> String {
        let who = format!("process {} ({})", process.pid, process.comm);
        if let Some(flaw) = self.flaws.first() {
            return format!("the page of {who} cannot be read: {flaw}");
        }
        if process.user != places::user() && (self.forbidden || !process.is_open()) {
            let (user, pid) = (process.user, process.pid);
            return format!(
                "{who} is user {user}'s, and only they and root may read its page: sudo netdeadline stats {pid}"
            );
        }
        let off = "start it by `netdeadline run --stats`, or with NETDEADLINE_STATS=on";
        match process.variable("NETDEADLINE_STATS") {
            _ if !process.is_open() => format!("{who} has no page, and its environment cannot be read to say why"),
            None if !process.has_library() => format!("{who} has no page: it does not run under netdeadline; {off}"),
            None => format!("{who} has no page: it runs without NETDEADLINE_STATS; {off}"),
            Some(word) if word == "off" => format!("{who} has no page: it runs with NETDEADLINE_STATS=off; {off}"),
            Some(_) => match self.closed.first() {
                Some(closed) => format!("{who} has no page: {closed}"),
                None if !process.has_library() => {
                    format!("{who} has no page: NETDEADLINE_STATS is set, but the library is not in it (see `netdeadline check`)")
                }
                None => format!("{who} has no page yet: one is made with its first connection that has a deadline"),
            },
        }
    }

    /// There is no such process, and no page of one.
    fn nobody(&self, pid: i32, places: &[Place]) -> String {
        if let Some(flaw) = self.flaws.first() {
            return format!("there is no process {pid}, and the page of the one there was cannot be read: {flaw}");
        }
        let looked: Vec<String> = places.iter().map(|place| text::path(&place.path)).collect();
        format!("there is no process {pid}, and no page of one that had this number in {}", looked.join(", "))
    }
}
