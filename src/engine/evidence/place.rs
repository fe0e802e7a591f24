//! Which file the evidence page of a process is, and that it is ours alone (SECURITY.md 5).
//!
//! A directory of the same user, closed to everyone else; in it a file for each process, named `<pid>.<start>.<n>`: the number, when
//! the process began in clock ticks after the boot, and a count from 0, for a program that another executes has its number and
//! its beginning. What stands in the file does not belong here.

use super::output::quietly;
use super::page::Page;
use crate::sys::{file, process, Kernel, Mapping, Shared};
use core::ffi::CStr;
use core::fmt::Write;

/// Longer paths are refused: they are put together on the stack of whichever thread comes first.
const PATH_MAX: usize = 1024;

/// So many pages are kept in a directory; then, for each that is made, the oldest of a dead process goes.
pub const KEPT: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Off,
    Usual,
    Directory,
}

/// Where pages go: NETDEADLINE_STATS. Configured once at load, through `&mut`; then shared.
pub struct Place {
    target: Target,
    /// The directory, or XDG_RUNTIME_DIR: an absolute path with its NUL.
    path: [u8; PATH_MAX],
}

/// Why there is no page, for a note: fit for a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such directory, and it cannot be made.
    NoDirectory,
    /// It is another user's, or others may look into it, or it is none.
    NotPrivate,
    /// The file system has no room.
    NoRoom,
    /// The file cannot be made, or mapped.
    NoFile,
    /// /proc does not tell when the process began.
    NoProc,
}

impl Refusal {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Refusal::NoDirectory => "the directory is not there and cannot be made",
            Refusal::NotPrivate => "expected a directory of this user with mode 0700",
            Refusal::NoRoom => "there is no room for a page",
            Refusal::NoFile => "a page cannot be made there",
            Refusal::NoProc => "/proc/self/stat cannot be read",
        }
    }
}

/// A page that was just made.
pub struct Made {
    mapping: Mapping<Page>,
    /// When the process began.
    pub start: u64,
    directory: i32,
    name: Text<64>,
}

impl Place {
    /// What [`Place::set`] wants, for an error message.
    pub const EXPECTED: &'static str = "off, on or an absolute path";

    /// Off.
    pub const fn new() -> Place {
        Place { target: Target::Off, path: [0; PATH_MAX] }
    }

    /// The text of NETDEADLINE_STATS, and of XDG_RUNTIME_DIR, which holds for `on`. An error is what was expected instead.
    pub fn set(&mut self, text: &[u8], runtime: &[u8]) -> Result<(), &'static str> {
        let path = match text {
            b"off" => return Ok(()),
            b"on" => {
                self.target = Target::Usual;
                runtime
            }
            [b'/', ..] if text.len() < PATH_MAX => {
                self.target = Target::Directory;
                text
            }
            _ => return Err(Place::EXPECTED),
        };
        if path.first() == Some(&b'/') && path.len() < PATH_MAX {
            self.path.iter_mut().zip(path).for_each(|(to, from)| *to = *from);
        }
        Ok(())
    }

    /// Are pages made at all?
    pub fn is_on(&self) -> bool {
        self.target != Target::Off
    }

    /// Make the page of this process. It is nobody's until it is settled; the file is there.
    pub fn make(&self, k: &impl Kernel) -> Result<Made, Refusal> {
        let mut made = Err(Refusal::NoFile);
        // No handler may run, and perhaps jump away, while a descriptor of ours is open; and SIGXFSZ is nobody's affair.
        let _ = quietly(k, |k| {
            let (result, errno) = self.make_now(k);
            made = result;
            errno
        });
        made
    }

    #[inline(never)]
    fn make_now(&self, k: &impl Kernel) -> (Result<Made, Refusal>, Result<(), i32>) {
        let directory = match self.directory(k) {
            Ok(directory) => directory,
            Err(refusal) => return (Err(refusal), Ok(())),
        };
        let (result, errno) = match file_in(k, directory) {
            Ok(made) => {
                make_room(k, directory);
                (Ok(made), Ok(()))
            }
            Err((refusal, errno)) => (Err(refusal), Err(errno)),
        };
        if result.is_err() {
            let _ = file::close(k, directory);
        }
        (result, errno)
    }

    // Out of line, as all that has room of its own here: one after the other takes the little stack of a signal handler.
    #[inline(never)]
    fn directory(&self, k: &impl Kernel) -> Result<i32, Refusal> {
        let given = CStr::from_bytes_until_nul(&self.path).unwrap_or_default();
        match self.target {
            Target::Directory => open_directory(k, given),
            _ => Place::usual(k, given),
        }
    }

    #[inline(never)]
    fn usual(k: &impl Kernel, given: &CStr) -> Result<i32, Refusal> {
        let mut path = Text::<PATH_MAX>::of(given.to_bytes());
        if !given.is_empty() && path.write_str("/netdeadline").is_ok() {
            if let Ok(directory) = open_directory(k, path.c_str()) {
                return Ok(directory);
            }
        }
        path.length = 0;
        // The NUL is there: numbers end in it.
        let _ = write!(path, "/dev/shm/netdeadline-{}\0", process::effective_user(k));
        open_directory(k, path.c_str())
    }
}

impl Default for Place {
    fn default() -> Self {
        Place::new()
    }
}

impl Made {
    /// What is in it; still zero.
    pub fn page(&self) -> &'static Page {
        self.mapping.get()
    }

    /// From now on it is this process's page. False if another thread was faster, and it is gone again.
    pub fn settle(self, k: &impl Kernel, shared: &Shared<Page>) -> bool {
        let settled = shared.settle(k, self.mapping);
        if !settled {
            let _ = file::remove_at(k, self.directory, self.name.c_str());
        }
        let _ = file::close(k, self.directory);
        settled
    }
}

/// Open a directory that is this user's and closed to others; make it if it is not there.
#[inline(never)]
fn open_directory(k: &impl Kernel, path: &CStr) -> Result<i32, Refusal> {
    let _ = file::make_directory(k, path, 0o700);
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_NOFOLLOW | libc::O_CLOEXEC | libc::O_NONBLOCK;
    let directory = match file::open(k, path, flags, 0) {
        Ok(directory) => directory,
        Err(libc::ENOTDIR | libc::ELOOP | libc::EACCES) => return Err(Refusal::NotPrivate),
        Err(_) => return Err(Refusal::NoDirectory),
    };
    let found = file::identity(k, directory);
    if found.is_ok_and(|found| found.owner == process::effective_user(k) && found.mode & 0o077 == 0) {
        return Ok(directory);
    }
    let _ = file::close(k, directory);
    Err(Refusal::NotPrivate)
}

/// A file of this process in the directory, with all its room, mapped.
#[inline(never)]
fn file_in(k: &impl Kernel, directory: i32) -> Result<Made, (Refusal, i32)> {
    let start = process::start(k).ok_or((Refusal::NoProc, libc::ENOENT))?;
    let flags = libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    for n in 0..100 {
        let mut name = Text::<64>::of(b"");
        let _ = write!(name, "{}.{start}.{n}", process::pid(k));
        let fd = match file::open_at(k, directory, name.c_str(), flags, 0o600) {
            Ok(fd) => fd,
            Err(libc::EEXIST) => continue,
            Err(errno) => return Err((Refusal::NoFile, errno)),
        };
        // Before it is mapped: to touch a hole in a full file system is SIGBUS.
        let mapped = file::allocate(k, fd, core::mem::size_of::<Page>())
            .map_err(|errno| (if errno == libc::EOPNOTSUPP { Refusal::NoFile } else { Refusal::NoRoom }, errno))
            .and_then(|()| Mapping::new(k, fd).map_err(|errno| (Refusal::NoFile, errno)));
        let _ = file::close(k, fd);
        return match mapped {
            Ok(mapping) => Ok(Made { mapping, start, directory, name }),
            Err(why) => {
                let _ = file::remove_at(k, directory, name.c_str());
                Err(why)
            }
        };
    }
    Err((Refusal::NoFile, libc::EEXIST))
}

/// Pages of dead processes stay to be read, but not for ever. More than one goes where others made theirs in the same moment, and
/// all of them took the same one for the oldest.
#[inline(never)]
fn make_room(k: &impl Kernel, directory: i32) {
    for _ in 0..4 {
        let (count, oldest) = oldest_dead(k, directory);
        let Some((_, name)) = oldest.filter(|_| count > KEPT) else { return };
        let removed = file::remove_at(k, directory, name.c_str()).is_ok();
        if removed && count <= KEPT.saturating_add(1) || file::rewind(k, directory).is_err() {
            return;
        }
    }
}

/// How many pages there are, and the oldest of a process that is dead.
fn oldest_dead(k: &impl Kernel, directory: i32) -> (usize, Option<(u64, Text<64>)>) {
    let mut count = 0_usize;
    let mut oldest: Option<(u64, Text<64>)> = None;
    file::each_name(k, directory, |name| {
        let Some((pid, start)) = process_of(name.to_bytes()) else { return };
        count = count.saturating_add(1);
        if oldest.as_ref().is_none_or(|(first, _)| start < *first) && !process::exists(k, pid) {
            oldest = Some((start, Text::of(name.to_bytes())));
        }
    });
    (count, oldest)
}

/// Whose page has this name: the process, and when it began.
pub fn process_of(name: &[u8]) -> Option<(i32, u64)> {
    let mut parts = name.split(|byte| *byte == b'.').map(core::str::from_utf8);
    let (pid, start) = (parts.next()?.ok()?.parse().ok()?, parts.next()?.ok()?.parse().ok()?);
    let _n: u32 = parts.next()?.ok()?.parse().ok()?;
    parts.next().is_none().then_some((pid, start))
}

/// A text with its NUL.
struct Text<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Text<N> {
    fn of(bytes: &[u8]) -> Text<N> {
        let mut text = Text { bytes: [0; N], length: 0 };
        text.add(bytes);
        text
    }

    fn add(&mut self, bytes: &[u8]) -> bool {
        let Some(room) = self.bytes.get_mut(self.length..N.saturating_sub(1)) else { return false };
        if room.len() < bytes.len() {
            return false;
        }
        room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        self.length = self.length.saturating_add(bytes.len());
        true
    }

    fn c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.add(text.as_bytes()).then_some(()).ok_or(core::fmt::Error)
    }
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
