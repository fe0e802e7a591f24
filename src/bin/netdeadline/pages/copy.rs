//! A page, or one expiry of it, copied into memory of our own.
//!
//! Never mapped: whoever truncates the file would end us by SIGBUS. Read and not written, so that the process that counts there
//! does not notice.
//!
//! # Safety
//! One allocation is filled with bytes of a file before anything looks at it as what it is to be: any bytes are that, for it is
//! made of 64-bit words alone (`Words`).

use std::alloc::{alloc_zeroed, handle_alloc_error, Layout};
use std::fs::File;
use std::io;
use std::mem::offset_of;
use std::os::unix::fs::FileExt;

use netdeadline_engine::evidence::page::{Expiry, Kept, Page, EXPIRIES};

use super::flaw::Flaw;

/// A page as it was at one moment, word by word; its last expiries as they were at two.
pub struct Copy {
    page: Box<Page>,
    again: Box<Page>,
}

impl Copy {
    /// Copy what is in `file`, which is a page.
    pub fn of(file: &File) -> Result<Copy, Flaw> {
        let page = || {
            read(file, 0).map_err(|error| match error.kind() {
                // It has become shorter since.
                io::ErrorKind::UnexpectedEof => Flaw::Length(0),
                _ => Flaw::Refused(error),
            })
        };
        Ok(Copy { page: page()?, again: page()? })
    }

    /// What was read.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// The n-th expiry, if it is kept.
    pub fn expiry(&self, number: u64) -> Option<Kept> {
        whole(self.page.last.get(place(number))?, self.again.last.get(place(number))?, number)
    }
}

/// The n-th expiry alone, from a file that is a page, if it is kept.
pub fn expiry(file: &File, number: u64) -> Option<Kept> {
    let offset = offset_of!(Page, last) + place(number) * size_of::<Expiry>();
    let expiry = || read::<Expiry>(file, offset as u64).ok();
    whole(&*expiry()?, &*expiry()?, number)
}

/// Where the n-th is, or a later one.
fn place(number: u64) -> usize {
    (number % EXPIRIES as u64) as usize
}

/// The n-th expiry, if its place had it before its words were copied and has it still. A copy alone does not tell: its number may
/// have been read before the next one was written there and its words after that. So the number is looked at again, in a second
/// copy, made after the first.
fn whole(copy: &Expiry, again: &Expiry, number: u64) -> Option<Kept> {
    again.read(number)?;
    copy.read(number)
}

/// What is made of 64-bit words.
///
/// # Safety
/// Of nothing else: then any bytes are one.
unsafe trait Words {}
// SAFETY: words, and arrays and structures of them (`zeroed!` in the engine).
unsafe impl Words for Page {}
// SAFETY: as above.
unsafe impl Words for Expiry {}

fn read<T: Words>(file: &File, offset: u64) -> io::Result<Box<T>> {
    let layout = Layout::new::<T>();
    // SAFETY: whatever is read here has a size.
    let place = unsafe { alloc_zeroed(layout) };
    if place.is_null() {
        handle_alloc_error(layout);
    }
    // SAFETY: so many bytes were just allocated, and nobody else knows of them.
    let bytes = unsafe { std::slice::from_raw_parts_mut(place, layout.size()) };
    let read = file.read_exact_at(bytes, offset);
    // SAFETY: by the global allocator, for just this type; all bytes are initialized, and any are one (`Words`).
    let words = unsafe { Box::from_raw(place.cast::<T>()) };
    read.map(|()| words)
}
