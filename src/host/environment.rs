//! The environment: what is said to us, kept for our children.
//!
//! A program may overwrite its environ (setproctitle) or build a fresh one for a child, so our own variables are copied once, at
//! the start. exec gives them back where they are missing. What a variable means belongs in `setup`.

use super::weak::weak;
use core::ffi::{c_char, CStr};
use netdeadline_engine::sys::Published;

/// Our variables, in one block: `NAME=value` strings, NUL-terminated.
pub struct Kept {
    bytes: [u8; Kept::BYTES],
    used: usize,
    /// Where each string begins.
    starts: [u16; Kept::COUNT],
    count: usize,
    /// How LD_PRELOAD named our library: an index like `starts`.
    library: Option<u16>,
    /// Nothing is given back (NETDEADLINE_CHILDREN=off, or it did not fit).
    off: bool,
}

impl Kept {
    const BYTES: usize = 16384;
    /// How many variables are ours, at most.
    pub const COUNT: usize = 16;

    const fn new() -> Kept {
        let (bytes, starts) = ([0; Kept::BYTES], [0; Kept::COUNT]);
        Kept { bytes, used: 0, starts, count: 0, library: None, off: false }
    }

    fn append(&mut self, text: &[u8]) -> Option<u16> {
        let start = self.used;
        let end = start.checked_add(text.len())?.checked_add(1)?;
        let (to, end_of) = self.bytes.get_mut(start..end)?.split_at_mut_checked(text.len())?;
        to.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        end_of.iter_mut().for_each(|nul| *nul = 0);
        self.used = end;
        u16::try_from(start).ok()
    }

    /// Keep one `NAME=value`.
    pub fn keep(&mut self, text: &[u8]) {
        let start = self.append(text);
        match (start, self.starts.get_mut(self.count)) {
            (Some(start), Some(slot)) => {
                *slot = start;
                self.count += 1;
            }
            // Half a policy for a child would be another policy.
            _ => self.off = true,
        }
    }

    /// Keep our entry in LD_PRELOAD's list.
    pub fn keep_library(&mut self, list: &[u8]) {
        self.library = our_entry(list).and_then(|entry| self.append(entry));
    }

    /// Give nothing back to children.
    pub fn turn_off(&mut self) {
        self.off = true;
    }

    fn at(&self, start: u16) -> *const c_char {
        self.bytes.get(start as usize..).map_or(core::ptr::null(), |rest| rest.as_ptr().cast())
    }

    /// The strings to give back to a child, if any.
    pub fn strings(&self) -> impl Iterator<Item = *const c_char> + '_ {
        let count = if self.off { 0 } else { self.count };
        self.starts.iter().take(count).map(|start| self.at(*start))
    }

    /// Our library's name in LD_PRELOAD, if children may have it.
    pub fn library(&self) -> Option<&CStr> {
        let start = self.library.filter(|_| !self.off)?;
        CStr::from_bytes_until_nul(self.bytes.get(start as usize..)?).ok()
    }

    /// Do children get nothing?
    pub fn is_off(&self) -> bool {
        self.off
    }
}

/// What was kept. Written in the constructor.
pub static KEPT: Published<Kept> = Published::new(Kept::new());

/// An entry of the auxiliary vector; 0 if absent. `environment` is the process's, as it was at the start: without libc the
/// vector is sought behind it, where the kernel put it (fs/binfmt_elf.c, create_elf_tables).
pub fn auxiliary(environment: *const *const c_char, kind: usize) -> usize {
    let getauxval = weak!(getauxval);
    if getauxval != 0 {
        // SAFETY: the loader found the name, and C gives it this type.
        let getauxval: extern "C" fn(usize) -> usize = unsafe { core::mem::transmute(getauxval) };
        return getauxval(kind);
    }
    // SAFETY: the caller's word: the strings' array ends with a null.
    let count = unsafe { strings(environment) }.count();
    let mut entry = environment.wrapping_add(count + 1).cast::<[usize; 2]>();
    loop {
        // SAFETY: pairs follow the null, up to one of kind AT_NULL.
        match unsafe { entry.read() } {
            [found, value] if found == kind => return value,
            [found, _] if found == libc::AT_NULL as usize => return 0,
            _ => entry = entry.wrapping_add(1),
        }
    }
}

/// The environment at the start: `environ` if libc has set it (musl), else what the constructor was given (glibc, whose
/// environ is still null when an initfirst constructor runs).
pub fn at_start(given: *const *const c_char) -> *const *const c_char {
    let found = now();
    if found.is_null() {
        given
    } else {
        found
    }
}

/// libc's `environ`, as it is now; null without libc, or before libc has set it.
pub fn now() -> *const *const c_char {
    let place = weak!(environ) as *const *const *const c_char;
    if place.is_null() {
        return core::ptr::null();
    }
    // SAFETY: the loader found the name: it is libc's variable.
    unsafe { place.read() }
}

/// The strings of an environment.
///
/// # Safety
/// `environment` is null or a null-terminated array of C strings that live as long as the iterator's items are used.
pub unsafe fn strings<'a>(environment: *const *const c_char) -> impl Iterator<Item = &'a CStr> {
    let mut at = environment;
    core::iter::from_fn(move || {
        if at.is_null() {
            return None;
        }
        // SAFETY: within the array by the caller's word: the null that ends it has not been passed.
        let string = unsafe { at.read() };
        if string.is_null() {
            return None;
        }
        at = at.wrapping_add(1);
        // SAFETY: a C string by the caller's word.
        Some(unsafe { CStr::from_ptr(string) })
    })
}

/// The value, if `string` is `name=value`.
pub fn value<'a>(string: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    string.strip_prefix(name)?.strip_prefix(b"=")
}

/// Take our library out of LD_PRELOAD, in place, for every program that this one will start, also by libc's own system(3).
///
/// # Safety
/// As of `strings`, and the strings may be written.
pub unsafe fn leave_out_library(environment: *const *const c_char) {
    // SAFETY: the caller's word.
    for string in unsafe { strings(environment) } {
        let Some(list) = value(string.to_bytes(), b"LD_PRELOAD") else { continue };
        let Some(ours) = our_entry(list) else { continue };
        let at = ours.as_ptr() as *mut u8;
        // SAFETY: what follows our entry moves up to its place, within the string. Its separator stays, which harms nothing.
        unsafe {
            let rest = at.add(ours.len());
            at.copy_from(rest, CStr::from_ptr(rest.cast()).count_bytes() + 1);
        }
    }
}

/// The entries of LD_PRELOAD's value.
pub fn entries(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b':' || *byte == b' ').filter(|entry| !entry.is_empty())
}

/// Our own entry in a preload list: the one that ends in our name.
pub fn our_entry(list: &[u8]) -> Option<&[u8]> {
    entries(list).find(|entry| {
        let name = entry.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        name.starts_with(b"libnetdeadline.so")
    })
}
