//! Evidence pages as far as a trace needs them: where that of a process is, and which expiries are new in it.
//!
//! The process may be anybody's, and so may the file: nothing in it is believed to be more than numbers, it is read (never mapped:
//! its owner could cut it short under us), and opened so that no link, pipe or device can hold us.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::mem::{offset_of, size_of};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use netdeadline_engine::evidence::page::{Expiry, Kept, Page, EXPIRIES, MAGIC, VERSION};

/// A process that has no page now may have one later, but not be looked for at each connection.
const AGAIN: Duration = Duration::from_millis(500);
/// Processes that are known.
const KNOWN: usize = 4096;

/// The pages of the processes that were asked for.
pub struct Pages {
    known: HashMap<u32, Known>,
}

struct Known {
    pages: Vec<Open>,
    /// When its directories were listed last.
    looked: Option<Instant>,
}

struct Open {
    path: PathBuf,
    file: File,
    /// Expiries up to this one are told.
    told: u64,
}

impl Pages {
    pub fn new() -> Pages {
        Pages { known: HashMap::new() }
    }

    /// Tell of the expiries of the process that are new since the last call.
    pub fn news(&mut self, pid: u32, tell: &mut dyn FnMut(&Kept)) {
        if self.known.len() >= KNOWN && !self.known.contains_key(&pid) {
            self.known.clear();
        }
        let known = self.known.entry(pid).or_insert_with(|| Known { pages: Vec::new(), looked: None });
        if known.looked.is_none_or(|looked| looked.elapsed() > AGAIN) {
            known.looked = Some(Instant::now());
            for directory in directories(pid) {
                find(&directory, pid, &mut known.pages);
            }
        }
        for page in &mut known.pages {
            page.news(tell);
        }
    }
}

/// Where the process keeps its page, as NETDEADLINE_STATS says there and, if it is gone already, here.
fn directories(pid: u32) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let there = PathBuf::from(format!("/proc/{pid}"));
    let environ = std::fs::read(there.join("environ")).unwrap_or_default();
    let variable = |name: &str| {
        let value =
            environ.split(|&byte| byte == 0).find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
        value.map(|value| OsString::from_vec(value.to_vec()))
    };
    if !environ.is_empty() {
        let user = std::fs::metadata(&there).map_or(0, |found| found.uid());
        let places = places(variable("NETDEADLINE_STATS"), variable("XDG_RUNTIME_DIR"), user);
        // Its root may not be ours.
        found.extend(places.iter().filter_map(|place| Some(there.join("root").join(place.strip_prefix("/").ok()?))));
    }
    // SAFETY: it takes nothing and cannot fail.
    let user = unsafe { libc::geteuid() };
    found.extend(places(std::env::var_os("NETDEADLINE_STATS"), std::env::var_os("XDG_RUNTIME_DIR"), user));
    found
}

/// As the library's `Place` chooses.
fn places(stats: Option<OsString>, runtime: Option<OsString>, user: u32) -> Vec<PathBuf> {
    match stats.as_ref().map(|stats| stats.as_bytes()) {
        Some(b"on") => {
            let runtime = runtime.map(PathBuf::from).filter(|path| path.is_absolute());
            let usual = PathBuf::from(format!("/dev/shm/netdeadline-{user}"));
            runtime.map(|path| path.join("netdeadline")).into_iter().chain([usual]).collect()
        }
        Some([b'/', ..]) => stats.map(PathBuf::from).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The pages of the process in a directory, which are named `<pid>.<start>.<n>`.
fn find(directory: &Path, pid: u32, pages: &mut Vec<Open>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    let prefix = format!("{pid}.");
    for entry in entries.flatten().take(4096) {
        let path = entry.path();
        if entry.file_name().as_bytes().starts_with(prefix.as_bytes()) && !pages.iter().any(|page| page.path == path) {
            pages.extend(Open::at(path));
        }
    }
}

impl Open {
    fn at(path: PathBuf) -> Option<Open> {
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&path).ok()?;
        let whole = file.metadata().is_ok_and(|found| found.is_file() && found.len() >= size_of::<Page>() as u64);
        let word = |offset| word(&file, offset);
        let ours = whole
            && word(offset_of!(Page, magic)) == Some(MAGIC)
            && word(offset_of!(Page, version)) == Some(VERSION)
            && word(offset_of!(Page, size)) == Some(size_of::<Page>() as u64);
        ours.then_some(Open { path, file, told: 0 })
    }

    fn news(&mut self, tell: &mut dyn FnMut(&Kept)) {
        let Some(count) = word(&self.file, offset_of!(Page, expiries)) else { return };
        // A hostile count is no reason to read more than there are places.
        let first = self.told.max(count.saturating_sub(EXPIRIES as u64));
        for number in first..count {
            if let Some(kept) = self.expiry(number) {
                tell(&kept);
            }
        }
        self.told = count;
    }

    /// The expiry of that number, if it is there and stands still.
    fn expiry(&self, number: u64) -> Option<Kept> {
        const WORDS: usize = size_of::<Expiry>() / 8;
        let place = (number % EXPIRIES as u64) as usize * size_of::<Expiry>();
        let offset = (offset_of!(Page, last) + place) as u64;
        let read = || {
            let mut bytes = [0; WORDS * 8];
            self.file.read_exact_at(&mut bytes, offset).ok().map(|()| bytes)
        };
        let bytes = read().filter(|bytes| Some(*bytes) == read())?;
        let mut words = [0_u64; WORDS];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_ne_bytes(bytes.try_into().ok()?);
        }
        // SAFETY: an Expiry is WORDS 64-bit atomics (repr(C)), for which any bits are a value, as aligned as `words` are, and
        // nobody else has them.
        let expiry = unsafe { &*words.as_mut_ptr().cast::<Expiry>() };
        expiry.read(number)
    }
}

fn word(file: &File, offset: usize) -> Option<u64> {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, offset as u64).ok()?;
    Some(u64::from_ne_bytes(bytes))
}
