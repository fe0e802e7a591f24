//! What is watched: the pages, read again and again, and how fast their counts grow. How it is shown does not belong here.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Instant;

use crate::error::Failure;
use crate::pages::{self, Destination, Report, State};

/// One destination, or a whole process, and what it has done lately.
#[derive(Clone)]
pub struct Line {
    /// Its counts.
    pub counts: Destination,
    /// Connections per second.
    pub connections: f64,
    /// Expiries per second.
    pub expiries: f64,
}

/// A process.
pub struct Process {
    /// Its page.
    pub report: Report,
    /// All of it together.
    pub whole: Line,
    /// Its destinations, in the order of the page.
    pub destinations: Vec<Line>,
}

/// What a line is known by from one look to the next. None: the whole process.
pub type Id = (i32, u64, Option<String>);

/// Everything that is seen.
#[derive(Default)]
pub struct World {
    /// Which processes were asked for; empty: all.
    pids: Vec<i32>,
    /// Where their pages were: those of the dead are not looked for all over the machine again and again.
    files: HashMap<i32, PathBuf>,
    /// Those that were found.
    pub processes: Vec<Process>,
    /// How many pages could not be read.
    pub flaws: usize,
    before: HashMap<Id, (u64, u64)>,
    looked: Option<Instant>,
}

impl World {
    /// Look for the first time: every process that was asked for must be there.
    pub fn new(pids: Vec<i32>) -> Result<World, Failure> {
        let mut world = World { pids, ..World::default() };
        for pid in &world.pids {
            world.files.insert(*pid, pages::of_process(*pid)?.file);
        }
        world.look();
        Ok(world)
    }

    /// Look again.
    pub fn look(&mut self) {
        let (reports, flaws) = match self.pids.is_empty() {
            true => pages::all(),
            false => (self.pids.iter().filter_map(|pid| self.asked_for(*pid)).collect(), Vec::new()),
        };
        let now = Instant::now();
        let passed = self.looked.replace(now).map(|before| (now - before).as_secs_f64());
        let before = std::mem::take(&mut self.before);
        let mut after = HashMap::new();
        let mut line = |id: Id, counts: Destination| {
            let (connections, expired) = (counts.connections, counts.expired());
            // What was not there at the last look was not counted at all then.
            let (old, old_expired) = before.get(&id).copied().unwrap_or_default();
            let rate =
                |now: u64, old: u64| passed.map_or(0.0, |passed| now.saturating_sub(old) as f64 / passed.max(0.001));
            let (rate, expiries) = (rate(connections, old), rate(expired, old_expired));
            after.insert(id, (connections, expired));
            Line { counts, connections: rate, expiries }
        };
        let mut processes = Vec::new();
        for report in reports {
            let id = |name: Option<String>| (report.pid, report.start, name);
            let whole = line(id(None), report.together());
            let destinations = report.destinations.iter().map(|one| line(id(Some(one.name())), one.clone())).collect();
            processes.push(Process { report, whole, destinations });
        }
        (self.processes, self.flaws, self.before) = (processes, flaws.len(), after);
    }

    fn asked_for(&self, pid: i32) -> Option<Report> {
        let file = self.files.get(&pid).filter(|_| !pages::is_running(pid));
        file.map_or_else(|| pages::of_process(pid), |file| pages::of_file(file)).ok()
    }

    /// The process of a line.
    pub fn process(&self, id: &Id) -> Option<&Process> {
        self.processes.iter().find(|process| (process.report.pid, process.report.start) == (id.0, id.1))
    }
}

impl Process {
    /// Its line of that name, and which destination of the page that is.
    pub fn line(&self, name: Option<&str>) -> Option<(&Line, Option<usize>)> {
        let Some(name) = name else { return Some((&self.whole, None)) };
        let index = self.destinations.iter().position(|line| line.counts.name() == name)?;
        Some((&self.destinations[index], Some(index)))
    }

    /// Is it still there?
    pub fn runs(&self) -> bool {
        self.report.state == State::Running
    }
}
