//! A directory of pages, and the files in it: opened so that nobody can put another in its place. What stands in a page does not
//! belong here.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::flaw::Flaw;
use super::open::Open;
use super::places::Place;
use super::report::Report;
use crate::text;

/// An open directory, whose owner is whose it must be.
pub struct Folder {
    path: PathBuf,
    owner: u32,
    directory: File,
}

/// The name of a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// The process, as it sees itself.
    pub pid: i32,
    /// When it began.
    pub start: u64,
    /// Which of its pages.
    pub n: u32,
    file: String,
}

/// Why a directory cannot be read. It may also simply not be there.
pub struct Closed {
    /// In words, with its path.
    pub why: String,
    /// It is another user's, who alone may look into it.
    pub forbidden: bool,
}

impl Folder {
    /// Open it; None if there is none.
    pub fn open(place: &Place) -> Result<Option<Folder>, Closed> {
        let closed = |why: String| Closed { why: format!("{}: {why}", text::path(&place.path)), forbidden: false };
        let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let directory = match OpenOptions::new().read(true).custom_flags(flags).open(&place.path) {
            Ok(directory) => directory,
            Err(error) => {
                return match error.raw_os_error() {
                    Some(libc::ENOENT) => Ok(None),
                    // A link answers ENOTDIR where a directory is asked for.
                    Some(libc::ENOTDIR | libc::ELOOP) => {
                        Err(closed(String::from("expected a directory (links are not followed)")))
                    }
                    _ => Err(Closed {
                        forbidden: error.kind() == io::ErrorKind::PermissionDenied,
                        ..closed(text::reason(&error))
                    }),
                };
            }
        };
        let found = directory.metadata().map_err(|error| closed(text::reason(&error)))?;
        // Root's are believed of everyone: a process may have made its page before it gave up being root.
        if let Some(expected) = place.owner.filter(|expected| ![*expected, 0].contains(&found.uid())) {
            return Err(closed(format!("it is user {}'s, expected a directory of user {expected}", found.uid())));
        }
        if found.mode() & 0o022 != 0 {
            return Err(closed(format!(
                "others may write there (mode {:o}), expected mode 700",
                found.mode() & 0o7777
            )));
        }
        Ok(Some(Folder { path: place.path.clone(), owner: found.uid(), directory }))
    }

    /// The open directory by a path: what is below is not looked up by the names above it any more.
    fn inside(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.directory.as_raw_fd()))
    }

    /// The pages among its first so many entries, by their names.
    pub fn names(&self, most: usize) -> impl Iterator<Item = Name> {
        let entries = fs::read_dir(self.inside()).into_iter().flatten().flatten().take(most);
        entries.filter_map(|entry| Name::of(entry.file_name().to_str()?))
    }

    /// One page.
    pub fn page(&self, name: &Name) -> Result<Open, Flaw> {
        let (file, found) = open(&self.inside().join(&name.file))?;
        if found.uid() != self.owner {
            return Err(Flaw::Stranger { owner: found.uid(), expected: self.owner });
        }
        let page = Open::of(file, found.len())?;
        if (page.pid, page.start) != (name.pid, name.start) {
            return Err(Flaw::Misnamed);
        }
        Ok(page)
    }

    /// What it says.
    pub fn read(&self, name: &Name) -> Result<Report, Flaw> {
        Report::of(&self.page(name)?, self.path(name))
    }

    /// Where a page is, to be shown.
    pub fn path(&self, name: &Name) -> PathBuf {
        self.path.join(&name.file)
    }
}

impl Name {
    fn of(name: &str) -> Option<Name> {
        let mut parts = name.split('.');
        let (pid, start, n) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then(|| Name { pid, start, n, file: name.to_owned() })
    }
}

/// A page by its path, wherever somebody has put it.
pub fn read(path: &Path) -> Result<Report, Flaw> {
    let (file, found) = open(path)?;
    Report::of(&Open::of(file, found.len())?, path.to_path_buf())
}

fn open(path: &Path) -> Result<(File, Metadata), Flaw> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file =
        OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| match error.raw_os_error() {
            Some(libc::ENOENT) => Flaw::Gone,
            Some(libc::ELOOP | libc::ENXIO) => Flaw::NotRegular,
            Some(libc::EACCES) => Flaw::Forbidden,
            _ => Flaw::Refused(error),
        })?;
    let found = file.metadata().map_err(Flaw::Refused)?;
    match found.is_file() {
        true => Ok((file, found)),
        false => Err(Flaw::NotRegular),
    }
}
