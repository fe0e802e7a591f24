//! What a page says, as plain data, fit to be shown: names are escaped, doubled destinations added up, odd numbers bounded. How it
//! is shown is the commands'.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use netdeadline_engine::evidence::page::{self, Kept, Page, DESTINATIONS, EXPIRIES, OTHER};

use super::flaw::Flaw;
use super::open::Open;
use super::process;
use super::spread::Waits;
use crate::text;

/// Does the process live that a page is of?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It does.
    Running,
    /// It has ended; its number may be another's by now.
    Ended,
}

/// Which end of its connections a destination names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Side {
    /// The program connects there.
    To,
    /// It accepts there.
    On,
    /// The rest, for which the page had no place left.
    Other,
}

impl Side {
    /// The word that a rule has for it.
    pub fn name(self) -> &'static str {
        match self {
            Side::To => "to",
            Side::On => "on",
            Side::Other => "other",
        }
    }
}

/// Where connections lead, or come in.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Which end it is.
    pub side: Side,
    /// The address, fit for a terminal; empty for the rest.
    pub address: String,
    /// Connections ever.
    pub connections: u64,
    /// Open ones.
    pub open: u64,
    /// Connects under way.
    pub connecting: u64,
    /// Requests without an answer yet.
    pub awaiting: u64,
    /// Expiries of deadlines, scopes, SO_RCVTIMEO and SO_SNDTIMEO of the program's own.
    pub own: [u64; 4],
    /// By class, in the order of `Class::ALL`.
    pub classes: [Waits; 5],
}

/// One expiry.
#[derive(Clone, Copy, Debug)]
pub struct Expiry {
    /// What was kept of it.
    pub kept: Kept,
    /// Which of the destinations.
    pub destination: Option<usize>,
}

/// What a page says.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its file.
    pub file: PathBuf,
    /// The process, as it saw itself.
    pub pid: i32,
    /// When it began, in clock ticks after the boot.
    pub start: u64,
    /// Its name, fit for a terminal.
    pub comm: String,
    /// Is it still there?
    pub state: State,
    /// When the page was made: CLOCK_REALTIME and CLOCK_MONOTONIC, ns.
    pub made: [u64; 2],
    /// Observe mode.
    pub observes: bool,
    /// How many expiries there were.
    pub expiries: u64,
    /// Of how many no record could be kept.
    pub lost: u64,
    /// The destinations that were used, each once.
    pub destinations: Vec<Destination>,
    /// The last expiries, oldest first.
    pub last: Vec<Expiry>,
}

impl Report {
    /// What stands in this page at the moment; its file is shown as `file`.
    pub fn of(open: &Open, file: PathBuf) -> Result<Report, Flaw> {
        let copy = open.copy()?;
        let page = copy.page();
        let word = |word: &AtomicU64| word.load(Relaxed);
        let (pid, start) = (open.pid, open.start);
        let comm = page.comm.iter().flat_map(|part| word(part).to_ne_bytes()).collect::<Vec<_>>();
        let (destinations, places) = destinations(page);
        let expiries = word(&page.expiries);
        let last = (expiries.saturating_sub(EXPIRIES as u64)..expiries).filter_map(|number| copy.expiry(number));
        let destination = |kept: &Kept| places.get(kept.destination).copied().flatten();
        let last = last.map(|kept| Expiry { destination: destination(&kept), kept }).collect();
        let running = pid > 0 && process::running(pid) == Some(start);
        Ok(Report {
            file,
            pid,
            start,
            comm: text::printable(comm.split(|byte| *byte == 0).next().unwrap_or_default()),
            state: if running { State::Running } else { State::Ended },
            made: [word(&page.made[0]), word(&page.made[1])],
            observes: word(&page.observes) != 0,
            expiries,
            lost: word(&page.lost),
            destinations,
            last,
        })
    }

    /// Connections ever.
    pub fn connections(&self) -> u64 {
        self.destinations.iter().fold(0, |sum, one| sum.saturating_add(one.connections))
    }

    /// All destinations together.
    pub fn together(&self) -> Destination {
        let mut all = Destination::new(Side::Other, String::new());
        self.destinations.iter().for_each(|one| all.add(one));
        all
    }
}

impl Destination {
    fn new(side: Side, address: String) -> Destination {
        let classes = Default::default();
        Destination { side, address, connections: 0, open: 0, connecting: 0, awaiting: 0, own: [0; 4], classes }
    }

    /// `to 10.0.0.1:80`, `on 0.0.0.0:8080`, `other destinations`.
    pub fn name(&self) -> String {
        match self.side {
            Side::Other => String::from("other destinations"),
            side => format!("{} {}", side.name(), self.address),
        }
    }

    /// Waits for a deadline to end that run at this moment.
    pub fn now(&self) -> u64 {
        self.connecting.saturating_add(self.awaiting)
    }

    /// Waits that a deadline ended, of the policy's and of the program's.
    pub fn expired(&self) -> u64 {
        let classes = self.classes.iter().map(|class| class.expired.saturating_add(class.observed));
        classes.chain(self.own).fold(0, u64::saturating_add)
    }

    fn is_empty(&self) -> bool {
        [self.connections, self.open, self.now(), self.expired()] == [0; 4] && self.classes.iter().all(Waits::is_empty)
    }

    fn read(&mut self, place: &page::Destination) {
        // What is counted down may, between two threads, be seen below zero.
        let gauge = |word: &AtomicU64| i64::try_from(word.load(Relaxed)).unwrap_or_default() as u64;
        let add = |to: &mut u64, more: u64| *to = to.saturating_add(more);
        add(&mut self.connections, place.connections.load(Relaxed));
        add(&mut self.open, gauge(&place.open));
        add(&mut self.connecting, gauge(&place.connecting));
        add(&mut self.awaiting, gauge(&place.awaiting));
        self.own.iter_mut().zip(&place.own).for_each(|(to, own)| add(to, own.load(Relaxed)));
        self.classes.iter_mut().zip(&place.classes).for_each(|(to, class)| to.read(class));
    }

    fn add(&mut self, other: &Destination) {
        let add = |to: &mut u64, more: u64| *to = to.saturating_add(more);
        add(&mut self.connections, other.connections);
        add(&mut self.open, other.open);
        add(&mut self.connecting, other.connecting);
        add(&mut self.awaiting, other.awaiting);
        self.own.iter_mut().zip(other.own).for_each(|(to, own)| add(to, own));
        self.classes.iter_mut().zip(&other.classes).for_each(|(to, class)| to.add(class));
    }
}

/// The destinations in use, and for each place of the page which of them it is.
fn destinations(page: &Page) -> (Vec<Destination>, [Option<usize>; DESTINATIONS]) {
    let mut found: Vec<Destination> = Vec::new();
    let mut places = [None; DESTINATIONS];
    for (index, place) in page.destinations.iter().enumerate() {
        let (side, address) = match index {
            OTHER => (Side::Other, String::new()),
            _ if !place.is_named() => continue,
            _ => (if place.accepts.load(Relaxed) == 0 { Side::To } else { Side::On }, address(&place.name.key())),
        };
        // By what is shown: two threads may have filled two places for one, and nothing may look like two that is the same.
        let known = found.iter().position(|known| known.side == side && known.address == address);
        let at = known.unwrap_or(found.len());
        if known.is_none() {
            found.push(Destination::new(side, address));
        }
        found[at].read(place);
        if found[at].is_empty() && side == Side::Other {
            found.pop();
        } else {
            places[index] = Some(at);
        }
    }
    (found, places)
}

fn address(key: &page::Key) -> String {
    key.address(&key.bytes()).map_or(String::from("(unknown)"), |address| address.to_string())
}
