//! The file of a page, held open: whether it is one, whose it says it is, and what is read of it: all, or what is new. How it is
//! copied is copy.rs's, and where it lies folder.rs's.

use std::fs::File;
use std::io;
use std::mem::offset_of;
use std::os::unix::fs::FileExt;

use netdeadline_engine::evidence::page::{Kept, Page, EXPIRIES, MAGIC, VERSION};

use super::copy::{self, Copy};
use super::flaw::Flaw;

/// How long the file of a page is.
pub const SIZE: u64 = size_of::<Page>() as u64;

/// A file that is a page.
pub struct Open {
    file: File,
    /// The process, as it saw itself.
    pub pid: i32,
    /// When it began, in clock ticks after the boot.
    pub start: u64,
}

impl Open {
    /// `file`, which is `length` bytes long, if that is a page.
    pub fn of(file: File, length: u64) -> Result<Open, Flaw> {
        let word = |offset| {
            word(&file, offset).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => Flaw::Length(length),
                _ => Flaw::Refused(error),
            })
        };
        match (word(offset_of!(Page, magic))?, word(offset_of!(Page, version))?) {
            // Room is made first, then it is filled; the version comes last.
            (0, 0) | (MAGIC, 0) if length == SIZE => return Err(Flaw::Unfinished),
            (MAGIC, VERSION) => {}
            (MAGIC, other) => return Err(Flaw::Version(other)),
            _ => return Err(Flaw::NoPage),
        }
        if length != SIZE {
            return Err(Flaw::Length(length));
        }
        // The writer sets it once. What lies in a page is found by its layout and not by this.
        match word(offset_of!(Page, size))? {
            SIZE => {}
            other => return Err(Flaw::Length(other)),
        }
        // A number that is no pid is that of no process.
        let pid = i32::try_from(word(offset_of!(Page, pid))?).unwrap_or_default();
        let start = word(offset_of!(Page, start))?;
        Ok(Open { file, pid, start })
    }

    /// All of it.
    pub fn copy(&self) -> Result<Copy, Flaw> {
        Copy::of(&self.file)
    }

    /// Tell of the expiries that have come after the first `told`, as far as they are kept. Returns how many there were by now.
    pub fn news(&self, told: u64, tell: &mut dyn FnMut(&Kept)) -> u64 {
        let Ok(count) = word(&self.file, offset_of!(Page, expiries)) else { return told };
        // A hostile count is no reason to read more than there are places.
        let first = told.max(count.saturating_sub(EXPIRIES as u64));
        (first..count).filter_map(|number| copy::expiry(&self.file, number)).for_each(|kept| tell(&kept));
        count
    }
}

fn word(file: &File, offset: usize) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, offset as u64)?;
    Ok(u64::from_ne_bytes(bytes))
}
