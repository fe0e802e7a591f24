//! The directories in which pages may lie, and whose each must be. What is in them is folder.rs's.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::process::{self, Process};
use crate::env::ambient;

/// A directory that may be there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// Where.
    pub path: PathBuf,
    /// Whose it must be; None: whoever's it is.
    pub owner: Option<u32>,
}

const SHARED: &str = "/dev/shm";
const PREFIX: &str = "netdeadline-";

/// Who reads.
pub fn user() -> u32 {
    // SAFETY: it takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// Where a process keeps its page, by its own variables where we may read them, as the paths are to itself.
fn own(process: &Process) -> Vec<Place> {
    let owner = process.user;
    match (process.is_open(), process.variable("NETDEADLINE_STATS")) {
        (true, Some(word)) if word == "on" => usual(process.variable("XDG_RUNTIME_DIR"), owner),
        (true, Some(path)) if Path::new(&path).is_absolute() => vec![Place { path: path.into(), owner: Some(owner) }],
        _ => usual(None, owner),
    }
}

/// Where the page of a process may be: a program may have overwritten its environment, or have its page where the caller says.
pub fn of(process: &Process) -> Vec<Place> {
    let owner = Some(process.user);
    let own = own(process);
    let there = own.iter().filter_map(|place| elsewhere(process, place)).collect::<Vec<_>>();
    let ours = of_caller().into_iter().filter(|place| place.owner.is_none() || place.owner == owner);
    unique(there.into_iter().chain(own).chain(ours.map(|place| Place { owner, ..place })).collect())
}

/// The place as the process itself sees it, where that is another one than we see by the same path: it may have another root, or
/// other file systems below it. None also where it has no such directory, or we may not look.
fn elsewhere(process: &Process, place: &Place) -> Option<Place> {
    let path = Path::new("/proc").join(process.pid.to_string()).join("root").join(place.path.strip_prefix("/").ok()?);
    let which = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    let there = which(&path)?;
    (Some(there) != which(&place.path)).then_some(Place { path, owner: place.owner })
}

/// Where those who ask keep theirs.
pub fn of_caller() -> Vec<Place> {
    let user = user();
    let mut places = Vec::new();
    if let Some(path) = ambient("NETDEADLINE_STATS").filter(|path| Path::new(path).is_absolute()) {
        // Whoever asks has named it; root reads everyone's.
        places.push(Place { path: path.into(), owner: (user != 0).then_some(user) });
    }
    places.extend(usual(ambient("XDG_RUNTIME_DIR"), user));
    unique(places)
}

/// All that can be thought of: the caller's, those that running processes name, and for root everyone's.
pub fn everywhere() -> Vec<Place> {
    let mut places = of_caller();
    for process in process::every().into_iter().filter_map(Process::find) {
        if process.variable("NETDEADLINE_STATS").is_some_and(|word| word != "off") {
            places.extend(own(&process));
        }
    }
    if user() == 0 {
        places.extend(by_user(SHARED, PREFIX, ""));
        places.extend(by_user("/run/user", "", "/netdeadline"));
    }
    // What root has named is looked at whoever's it is.
    let named: BTreeSet<PathBuf> =
        places.iter().filter(|place| place.owner.is_none()).map(|place| place.path.clone()).collect();
    places.retain(|place| place.owner.is_none() || !named.contains(&place.path));
    unique(places)
}

fn usual(runtime: Option<OsString>, user: u32) -> Vec<Place> {
    let runtime = runtime.map(PathBuf::from).filter(|path| path.is_absolute());
    let runtime = runtime.unwrap_or_else(|| PathBuf::from(format!("/run/user/{user}")));
    [runtime.join("netdeadline"), PathBuf::from(format!("{SHARED}/{PREFIX}{user}"))]
        .map(|path| Place { path, owner: Some(user) })
        .into()
}

/// Directories in `top` that are named after a user.
fn by_user(top: &str, prefix: &str, below: &str) -> Vec<Place> {
    let entries = fs::read_dir(top).into_iter().flatten().flatten();
    let users = entries.filter_map(|entry| entry.file_name().to_str()?.strip_prefix(prefix)?.parse().ok());
    users.map(|user: u32| Place { path: format!("{top}/{prefix}{user}{below}").into(), owner: Some(user) }).collect()
}

fn unique(places: Vec<Place>) -> Vec<Place> {
    let mut seen = BTreeSet::new();
    places.into_iter().filter(|place| seen.insert(place.clone())).collect()
}
