//! The launcher (`netdeadline launch-child`) as a child's parent sees it: where it is, and whether it could do anything for the
//! process that asks. Which programs it is for is `child`'s to say; what it does is its own (src/bin/netdeadline/launch).
//!
//! Nothing is remembered: the process may have another root directory, or other rights, than when it started.

use super::environment::KEPT;
use super::program::File;
use crate::ENGINE;
use core::ffi::{c_char, c_int, CStr};
use netdeadline_engine::sys::{answer, file, Kernel};

/// A path, in as much room as paths usually take, and ended by a NUL.
pub struct Path([u8; Path::ROOM]);

impl Path {
    const ROOM: usize = 512;

    /// These pieces, one after the other. `None` if they are longer.
    pub fn join(pieces: &[&[u8]]) -> Option<Path> {
        let mut path = Path([0; Path::ROOM]);
        let length = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        path.0.iter_mut().zip(pieces.iter().copied().flatten()).for_each(|(to, from)| *to = *from);
        (length < Path::ROOM).then_some(path)
    }

    /// As C has it.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or_default()
    }

    /// For exec.
    pub fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }

    /// The file that an open descriptor leads to, if it still has that name.
    pub fn of(opened: &File) -> Option<Path> {
        let k = &ENGINE.kernel;
        let link = number_path(opened.0)?;
        let mut path = Path([0; Path::ROOM]);
        let (from, to) = (link.as_ptr() as usize, path.0.as_mut_ptr() as usize);
        answer(k.call(libc::SYS_readlinkat, [libc::AT_FDCWD as usize, from, to, Path::ROOM - 1, 0, 0])).ok()?;
        let found = File::open(libc::AT_FDCWD, path.as_ptr(), 0)?;
        let same = file::identity(k, opened.0).ok()?.same_file(&file::identity(k, found.0).ok()?);
        (same && path.0.starts_with(b"/")).then_some(path)
    }

    /// A file, and may we execute it? (A directory is "executable" too.)
    pub fn is_program(&self) -> bool {
        let k = &ENGINE.kernel;
        let is_file = File::open(libc::AT_FDCWD, self.as_ptr(), libc::O_PATH)
            .and_then(|file| file::identity(k, file.0).ok())
            .is_some_and(|found| found.kind() == libc::S_IFREG);
        let args = [libc::AT_FDCWD as usize, self.as_ptr() as usize, libc::X_OK as usize, 0, 0, 0];
        is_file && k.call(libc::SYS_faccessat, args) == 0
    }
}

/// A descriptor's file, by its number.
pub fn number_path(fd: c_int) -> Option<Path> {
    Path::join(&[b"/proc/self/fd/", Digits::of(fd).text()])
}

/// A number in decimal.
struct Digits {
    text: [u8; 10],
    start: usize,
}

impl Digits {
    fn of(number: i32) -> Digits {
        let mut digits = Digits { text: [b'0'; 10], start: 9 };
        let mut rest = number.unsigned_abs();
        for (i, digit) in digits.text.iter_mut().enumerate().rev() {
            *digit = b'0' + (rest % 10) as u8;
            if rest != 0 {
                digits.start = i;
            }
            rest /= 10;
        }
        digits
    }

    fn text(&self) -> &[u8] {
        self.text.get(self.start..).unwrap_or_default()
    }
}

/// What /proc says of the process that asks.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub struct Situation {
    /// It has a tracer, and can have only one.
    pub traced: bool,
    /// A filter looks at its system calls.
    pub filtered: bool,
    /// It cannot gain privileges.
    pub no_new_privileges: bool,
}

impl Situation {
    /// `None`: there is no /proc here.
    pub fn now() -> Option<Situation> {
        let mut now = Situation::default();
        lines(c"/proc/self/status", |line| {
            let yes = |name: &[u8]| line.strip_prefix(name).is_some_and(|value| value != b"0");
            now.traced |= yes(b"TracerPid:\t");
            now.filtered |= yes(b"Seccomp:\t");
            now.no_new_privileges |= yes(b"NoNewPrivs:\t");
            line.starts_with(b"Seccomp:\t")
        })
        .then_some(now)
    }
}

/// Read a file of /proc's line by line, until `enough`. A line that is longer than any path here is left out. False if it cannot
/// be read.
fn lines(path: &CStr, mut enough: impl FnMut(&[u8]) -> bool) -> bool {
    let Some(file) = File::open(libc::AT_FDCWD, path.as_ptr(), 0) else { return false };
    let (mut piece, mut line, mut length) = ([0_u8; 512], [0_u8; Path::ROOM + 80], 0_usize);
    loop {
        let args = [file.0 as usize, piece.as_mut_ptr() as usize, piece.len(), 0, 0, 0];
        let Ok(read @ 1..) = answer(ENGINE.kernel.call(libc::SYS_read, args)) else { return true };
        for byte in piece.iter().take(read) {
            if *byte != b'\n' {
                if let Some(place) = line.get_mut(length) {
                    *place = *byte;
                }
                length = length.saturating_add(1);
                continue;
            }
            if line.get(..length).is_some_and(&mut enough) {
                return true;
            }
            length = 0;
        }
    }
}

/// Where the launcher is: beside our library, or in the directory of commands that belongs to its directory (DIR/../bin, and
/// DIR/../../bin for Debian's lib/x86_64-linux-gnu), as the command in its turn finds the library.
pub fn find() -> Option<Path> {
    let named = KEPT.peek()?.library()?.to_bytes();
    if named.starts_with(b"/") && !named.contains(&b'$') {
        if let Some(found) = beside(named) {
            return Some(found);
        }
    }
    // LD_PRELOAD named us by a link, or by words that only the loader understands: /proc knows.
    let mut found = None;
    let us = find as *const () as usize;
    lines(c"/proc/self/maps", |line| {
        let ours = mapped_at(line).is_some_and(|(start, end)| (start..end).contains(&us));
        if ours {
            found = line.iter().position(|byte| *byte == b'/').and_then(|at| beside(line.get(at..)?));
        }
        ours
    });
    found
}

/// `start-end ...`, in hexadecimal.
fn mapped_at(line: &[u8]) -> Option<(usize, usize)> {
    let number = |text: &[u8]| usize::from_str_radix(core::str::from_utf8(text).ok()?, 16).ok();
    let mut words = line.split(|byte| *byte == b'-' || *byte == b' ');
    Some((number(words.next()?)?, number(words.next()?)?))
}

fn beside(library: &[u8]) -> Option<Path> {
    let folder = library.get(..library.iter().rposition(|byte| *byte == b'/')?)?;
    [&b"/netdeadline"[..], b"/../bin/netdeadline", b"/../../bin/netdeadline"].into_iter().find_map(|name| {
        let path = Path::join(&[folder, name])?;
        path.is_program().then_some(path)
    })
}
