//! What kind of program a file holds, so far as starting it with deadlines depends on it. Nothing is started here, and what
//! follows from the kind is `child`'s to say.
//!
//! Also a vfork child asks, on the stack of a signal handler: a few hundred bytes of room, and only headers are read.

use super::launcher::number_path;
use crate::ENGINE;
use core::ffi::{c_char, c_int};
use netdeadline_engine::sys::{answer, file, Kernel};

/// An open file of ours.
pub struct File(pub c_int);

impl File {
    /// Open to look inside. A FIFO would block, a terminal become ours.
    pub fn open(directory: c_int, path: *const c_char, more: c_int) -> Option<File> {
        let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY | more;
        let args = [directory as usize, path as usize, flags as usize, 0, 0, 0];
        answer(ENGINE.kernel.call(libc::SYS_openat, args)).ok().map(|fd| File(fd as c_int))
    }

    /// Read at a place. The file's position stays where it is: the file may be the program's own.
    pub fn read(&self, at: u64, to: &mut [u8]) -> bool {
        let args = [self.0 as usize, to.as_mut_ptr() as usize, to.len(), at as usize, 0, 0];
        ENGINE.kernel.call(libc::SYS_pread64, args) == to.len() as isize
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = file::close(&ENGINE.kernel, self.0);
    }
}

/// A kind of program.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    /// For 32 bits: its loader cannot load us.
    OtherClass,
    /// Made by Go, and no loader: a preload does nothing in it.
    StaticGo,
    /// Anything else, and what cannot be told.
    Other,
}

const HEADER: usize = 64;
const SEGMENT: usize = 56;
/// Program headers that are looked at. Go makes 7 to 12.
const SEGMENTS: u16 = 64;
const PT_LOAD: u32 = 1;
const PT_INTERP: u32 = 3;
const PT_NOTE: u32 = 4;
const PF_W: u32 = 2;

/// Look at the head of a file.
pub fn kind(file: &File) -> Kind {
    let (mut ident, mut header) = ([0; 6], [0; HEADER]);
    let known = file.read(0, &mut ident);
    match ident {
        [0x7f, b'E', b'L', b'F', 1, _] if known => Kind::OtherClass,
        // 64 bits, little endian.
        [0x7f, b'E', b'L', b'F', 2, 1] if file.read(0, &mut header) && is_static_go(file, &header) => Kind::StaticGo,
        _ => Kind::Other,
    }
}

/// No interpreter, and one of Go's marks: the note with its build id, or (built with `-buildid=`) the block of build
/// information, with which Go's own linker begins the writable segment.
fn is_static_go(file: &File, header: &[u8; HEADER]) -> bool {
    const EM_X86_64: u16 = 62;
    if u16_at(header, 18) != EM_X86_64 || u16_at(header, 54) as usize != SEGMENT {
        return false;
    }
    let (first, count) = (u64_at(header, 32), u16_at(header, 56).min(SEGMENTS));
    let mut marked = false;
    for i in 0..count {
        let mut segment = [0; SEGMENT];
        if !file.read(first.wrapping_add(u64::from(i) * SEGMENT as u64), &mut segment) {
            return false;
        }
        let (offset, size) = (u64_at(&segment, 8), u64_at(&segment, 32));
        marked |= match u32_at(&segment, 0) {
            PT_INTERP => return false,
            PT_NOTE => has_note(file, offset, size),
            PT_LOAD if u32_at(&segment, 4) & PF_W != 0 => has_block(file, offset),
            _ => false,
        };
    }
    marked
}

/// The note of owner `Go`, type 4 (cmd/internal/buildid). Before it may stand some of the linker's.
fn has_note(file: &File, offset: u64, size: u64) -> bool {
    const NOTES: usize = 16;
    let mut at = offset;
    for _ in 0..NOTES {
        let mut note = [0; 16];
        if at.saturating_sub(offset) >= size || !file.read(at, &mut note) {
            return false;
        }
        let [owner, description] = [u32_at(&note, 0), u32_at(&note, 4)];
        if owner == 4 && u32_at(&note, 8) == 4 && note.ends_with(b"Go\0\0") {
            return true;
        }
        let padded = |size: u32| u64::from(size).next_multiple_of(4);
        at = at.saturating_add(12 + padded(owner) + padded(description));
    }
    false
}

fn has_block(file: &File, offset: u64) -> bool {
    const MAGIC: &[u8; 14] = b"\xff Go buildinf:";
    let mut head = [0; MAGIC.len()];
    file.read(offset, &mut head) && head == *MAGIC
}

fn bytes_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes_at(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes_at(bytes, at))
}

/// Would executing this file be refused, so far as that can be known before? execve's own answer then tells why.
///
/// AT_EXECVE_CHECK (Linux 6.14) asks the kernel for all of it, also whether somebody is writing the file (ETXTBSY). A filter may
/// not know that flag's call, so it is not made under one.
pub fn is_refused(file: &File, filtered: bool) -> bool {
    const AT_EXECVE_CHECK: i32 = 0x10000;
    let k = &ENGINE.kernel;
    if !filtered {
        let strings = [c"".as_ptr(), core::ptr::null()];
        let (empty, strings) = (c"".as_ptr() as usize, strings.as_ptr() as usize);
        let flags = (libc::AT_EMPTY_PATH | AT_EXECVE_CHECK) as usize;
        let args = [file.0 as usize, empty, strings, strings, flags, 0];
        match answer(k.call(libc::SYS_execveat, args)) {
            Ok(_) => return false,
            Err(libc::EINVAL | libc::ENOSYS | libc::EPERM) => {}
            Err(_) => return true,
        }
    }
    let found = file::identity(k, file.0).map_or(0, |found| found.mode);
    let executable = match number_path(file.0) {
        Some(path) => {
            k.call(libc::SYS_faccessat, [libc::AT_FDCWD as usize, path.as_ptr() as usize, libc::X_OK as usize, 0, 0, 0])
        }
        None => 0,
    };
    // Without /proc nobody can be asked about an open file.
    let any = libc::S_IXUSR | libc::S_IXGRP | libc::S_IXOTH;
    found & libc::S_IFMT != libc::S_IFREG || found & any == 0 || executable == -(libc::EACCES as isize)
}

/// Does executing this file give privileges, so that the library does nothing in it (AT_SECURE)? Source:
/// security/commoncap.c, cap_bprm_creds_from_file (Linux 6.18).
pub fn is_privileged(file: &File, no_new_privileges: impl FnOnce() -> bool) -> bool {
    let k = &ENGINE.kernel;
    let id = |nr| k.call(nr, [0; 6]) as u32;
    let (uid, gid) = (id(libc::SYS_getuid), id(libc::SYS_getgid));
    let mut stat = core::mem::MaybeUninit::<libc::stat>::zeroed();
    let args = [file.0 as usize, stat.as_mut_ptr() as usize, 0, 0, 0, 0];
    if k.call(libc::SYS_fstat, args) != 0 {
        return false;
    }
    // SAFETY: zeroed, and a struct of integers only.
    let stat = unsafe { stat.assume_init() };
    // Without the group's execute bit it meant mandatory locking, and the kernel ignores it.
    let group = libc::S_ISGID | libc::S_IXGRP;
    let setuid = stat.st_mode & libc::S_ISUID != 0 && stat.st_uid != uid;
    let setgid = stat.st_mode & group == group && stat.st_gid != gid;
    if (setuid || setgid) && !no_new_privileges() {
        return true;
    }
    let mut value = [0_u8; 64];
    let name = c"security.capability".as_ptr() as usize;
    let args = [file.0 as usize, name, value.as_mut_ptr() as usize, value.len(), 0, 0];
    let capable = uid != 0 && k.call(libc::SYS_fgetxattr, args) > 0;
    capable || id(libc::SYS_geteuid) != uid || id(libc::SYS_getegid) != gid
}
