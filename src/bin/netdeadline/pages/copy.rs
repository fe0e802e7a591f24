//! A page copied into memory of our own, and whether it is one.
//!
//! Never mapped: whoever truncates the file would end us by SIGBUS. Read and not written, so that the process that counts there
//! does not notice.
//!
//! # Safety
//! One allocation is filled with bytes of a file before anything looks at it as a `Page`: any bytes are one, for a page is made
//! of 64-bit words alone.

use std::alloc::{alloc_zeroed, handle_alloc_error, Layout};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering::Relaxed;

use netdeadline_engine::evidence::page::{Kept, Page, EXPIRIES, MAGIC, VERSION};

use super::flaw::Flaw;

/// How long the file of a page is.
pub const SIZE: u64 = size_of::<Page>() as u64;

/// A page as it was at one moment, word by word; its last expiries as they were at two.
pub struct Copy {
    page: Box<Page>,
    again: Box<Page>,
}

impl Copy {
    /// Copy what is in `file`, which is `length` bytes long, if that is a page.
    pub fn of(file: &File, length: u64) -> Result<Copy, Flaw> {
        let mut head = [[0; 8]; 2];
        for (index, word) in head.iter_mut().enumerate() {
            match file.read_exact_at(word, index as u64 * 8) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(Flaw::Length(length)),
                result => result.map_err(Flaw::Refused)?,
            }
        }
        let [magic, version] = head.map(u64::from_ne_bytes);
        match (magic, version) {
            // Room is made first, then it is filled; the version comes last.
            (0, 0) | (MAGIC, 0) if length == SIZE => return Err(Flaw::Unfinished),
            (MAGIC, VERSION) => {}
            (MAGIC, other) => return Err(Flaw::Version(other)),
            _ => return Err(Flaw::NoPage),
        }
        if length != SIZE {
            return Err(Flaw::Length(length));
        }
        let copy = Copy { page: page(file)?, again: page(file)? };
        // The writer sets it once. What lies in a page is found by its layout and not by this.
        match copy.page.size.load(Relaxed) {
            SIZE => Ok(copy),
            other => Err(Flaw::Length(other)),
        }
    }

    /// What was read.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// The n-th expiry, if it is kept. Its number is looked at before and after its words, as the page wants it: the second copy was
    /// made after the first.
    pub fn expiry(&self, number: u64) -> Option<Kept> {
        let index = (number % EXPIRIES as u64) as usize;
        let after = self.again.last.get(index)?.read(number);
        after.and_then(|_| self.page.last.get(index)?.read(number))
    }
}

fn page(file: &File) -> Result<Box<Page>, Flaw> {
    let layout = Layout::new::<Page>();
    // SAFETY: a page has a size.
    let place = unsafe { alloc_zeroed(layout) };
    if place.is_null() {
        handle_alloc_error(layout);
    }
    // SAFETY: so many bytes were just allocated, and nobody else knows of them.
    let bytes = unsafe { std::slice::from_raw_parts_mut(place, layout.size()) };
    let read = file.read_exact_at(bytes, 0);
    // SAFETY: by the global allocator, for just this type; all bytes are initialized, and any are a page.
    let page = unsafe { Box::from_raw(place.cast::<Page>()) };
    match read {
        Ok(()) => Ok(page),
        // It has become shorter since.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Flaw::Length(0)),
        Err(error) => Err(Flaw::Refused(error)),
    }
}
