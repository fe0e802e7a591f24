//! The expiries of processes as they come, each told once. Cheap where nothing has expired: who follows a process asks at each of
//! its connections, and that is one word read.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use netdeadline_engine::evidence::page::Kept;

use super::folder::Folder;
use super::open::Open;
use super::places;
use super::process::Process;

/// A process that has no page now may have one later, but not be looked for at each connection.
const AGAIN: Duration = Duration::from_millis(500);
/// Processes that are known.
const KNOWN: usize = 4096;
/// Pages that are held open: a process has 1024 descriptors where nobody has said otherwise.
const OPEN: usize = 512;
/// Pages of one number, and names in a directory that are looked at: who may write there may make many.
const PAGES: usize = 64;
const NAMES: usize = 4096;

/// The pages of the processes that were asked for.
#[derive(Default)]
pub struct News {
    known: HashMap<i32, Known>,
    /// How many pages are open.
    open: usize,
}

#[derive(Default)]
struct Known {
    pages: Vec<Followed>,
    /// When its directories were listed last.
    looked: Option<Instant>,
}

struct Followed {
    path: PathBuf,
    /// Open: what was written last is read although another process has made room meanwhile.
    page: Open,
    /// So many expiries are told.
    told: u64,
}

impl News {
    /// Tell of the expiries of the process that are new since the last call; at the first, of all that are kept.
    pub fn of(&mut self, pid: i32, tell: &mut dyn FnMut(&Kept)) {
        if self.open >= OPEN || self.known.len() >= KNOWN && !self.known.contains_key(&pid) {
            *self = News::default();
        }
        let known = self.known.entry(pid).or_default();
        if known.looked.is_none_or(|looked| looked.elapsed() > AGAIN) {
            known.looked = Some(Instant::now());
            self.open -= known.pages.len();
            known.look(pid);
            self.open += known.pages.len();
        }
        for followed in &mut known.pages {
            followed.told = followed.page.news(followed.told, tell);
        }
    }
}

impl Known {
    /// Find the pages that are not known yet. One that cannot be read is as good as none: who asks what is wrong with it asks
    /// find.rs.
    fn look(&mut self, pid: i32) {
        let process = Process::find(pid);
        // It may have ended a moment ago; nobody knows then where its own variables led to.
        let places = process.as_ref().map_or_else(places::of_caller, places::of);
        let inner = process.map_or(pid, |process| process.inner);
        for folder in places.iter().filter_map(|place| Folder::open(place).ok().flatten()) {
            for name in folder.names(NAMES).filter(|name| name.pid == inner) {
                let path = folder.path(&name);
                if self.pages.len() < PAGES && !self.pages.iter().any(|known| known.path == path) {
                    self.pages.extend(folder.page(&name).map(|page| Followed { path, page, told: 0 }));
                }
            }
        }
    }
}
