//! What a new program is told: its environment.
//!
//! A program that built an environment without our variables gets them back in it, and our LD_PRELOAD is taken out where ld.so
//! could only complain about it. Which calls start programs belongs in `exec`.
//!
//! Between fork and exec nothing may be allocated, and the stack may be that of a signal handler or the smallest a thread can
//! have: what must be changed is laid on it in as much room as it needs, and where nothing must be, none is taken.

use super::environment::{self, entries, value, KEPT};
use crate::ENGINE;
use core::ffi::{c_char, c_int, CStr};
use core::ptr::null;
use netdeadline_engine::sys::{file, Kernel};

/// argv, envp: C strings, and a null at the end.
pub type Strings = *const *const c_char;

/// The program that is about to be started, so far as it is known here.
pub enum Program {
    /// A path, from this directory.
    At(c_int, *const c_char),
    /// An open file.
    Open(c_int),
    /// A name that libc looks up in PATH.
    Named(*const c_char),
}

/// What becomes of LD_PRELOAD.
enum Preload {
    Kept,
    /// Our library is put first.
    With,
    /// Our library is left out.
    Without,
}

/// What has to be changed in an environment.
struct Change {
    preload: Preload,
    /// Our variables are put back.
    variables: bool,
}

/// Start a program with the environment that it is to have: `given`, or that with the changes it needs.
///
/// # Safety
/// `given` is the program's environment, as for execve, and `program` names as its exec does.
pub unsafe fn with_environment(given: Strings, program: Program, exec: &mut dyn FnMut(Strings) -> c_int) -> c_int {
    // SAFETY: the caller's word.
    let change = unsafe { change(given, program) };
    let (Some(change), Some(kept)) = (change, KEPT.peek()) else { return exec(given) };
    // SAFETY: the caller's word.
    let strings = || unsafe { environment::strings(given) };
    let list = strings().find_map(|string| value(string.to_bytes(), b"LD_PRELOAD")).unwrap_or_default();
    let library = kept.library().unwrap_or_default().to_bytes();
    let (first, without) = match change.preload {
        Preload::Kept => (None, None),
        Preload::With => (Some(library), None),
        Preload::Without => (None, Some(library)),
    };
    let rewritten = first.or(without).is_some();
    // A colon or the NUL after each entry.
    let text = b"LD_PRELOAD=".len() + library.len() + list.len() + 2;
    let count = strings().count() + environment::Kept::COUNT + 2;
    if text > ROOM || count > ROOM {
        return exec(given);
    }
    with_room(text, 0_u8, &mut |text| {
        with_room(count, null(), &mut |places| {
            let mut to = places.iter_mut();
            let mut put = |string| to.next().map(|place| *place = string);
            if rewritten {
                let others = entries(list).filter(|entry| Some(*entry) != without);
                if join(text, first.into_iter().chain(others)) {
                    put(text.as_ptr().cast());
                }
            }
            let stays = |string: &&CStr| !rewritten || value(string.to_bytes(), b"LD_PRELOAD").is_none();
            for string in strings().filter(stays) {
                put(string.as_ptr());
            }
            if change.variables {
                for string in kept.strings() {
                    put(string);
                }
            }
            put(null());
            exec(places.as_ptr())
        })
    })
}

/// What has to be changed in `given`, if anything has.
///
/// # Safety
/// As of `with_environment`.
unsafe fn change(given: Strings, program: Program) -> Option<Change> {
    // SAFETY: the caller's word.
    let strings = || unsafe { environment::strings(given).map(CStr::to_bytes) };
    // A sandbox in which we cannot work is one for our children too, and forbids who knows what.
    let library = KEPT.peek()?.library().filter(|_| !ENGINE.retired())?;
    if strings().any(|string| value(string, b"NETDEADLINE_CHILDREN") == Some(b"off")) {
        return None;
    }
    let told = strings().any(|string| string.starts_with(b"NETDEADLINE_"));
    let list = strings().find_map(|string| value(string, b"LD_PRELOAD")).unwrap_or_default();
    let preloaded = entries(list).any(|entry| entry == library.to_bytes());
    // SAFETY: the caller's word.
    match (preloaded, unsafe { loadable(library, program) }) {
        (true, true) if told => None,
        (true, true) => Some(Change { preload: Preload::Kept, variables: true }),
        (false, true) => Some(Change { preload: Preload::With, variables: !told }),
        (true, false) => Some(Change { preload: Preload::Without, variables: false }),
        (false, false) => None,
    }
}

/// Write `LD_PRELOAD=` and the entries with colons between them. False if there are none.
fn join<'a>(text: &mut [u8], entries: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut to = text.iter_mut();
    let mut append = |bytes: &[u8]| bytes.iter().zip(&mut to).for_each(|(from, to)| *to = *from);
    append(b"LD_PRELOAD=");
    let mut count = 0;
    for entry in entries {
        append(if count == 0 { b"" } else { b":" });
        append(entry);
        count += 1;
    }
    append(b"\0");
    count > 0
}

/// Can ld.so load us into this program? Not into one of another ELF class, and not from a path that is not there (chroot):
/// it would print an error at every exec.
///
/// # Safety
/// As of `with_environment`.
unsafe fn loadable(library: &CStr, program: Program) -> bool {
    let path = library.to_bytes();
    // A name without a slash is looked up by the loader, which alone knows what $LIB and its like stand for.
    let looked_up = !path.contains(&b'/') || path.contains(&b'$');
    let there = || open(libc::AT_FDCWD, library.as_ptr()).map(|fd| file::close(&ENGINE.kernel, fd)).is_some();
    if !looked_up && !there() {
        return false;
    }
    let opened = match program {
        Program::Open(fd) => return !is_elf32(fd),
        Program::At(directory, path) => open(directory, path),
        // SAFETY: the caller's word.
        Program::Named(name) => find(unsafe { CStr::from_ptr(name) }),
    };
    // Unreadable, or not there: exec itself will say.
    let Some(fd) = opened else { return true };
    let elf32 = is_elf32(fd);
    let _ = file::close(&ENGINE.kernel, fd);
    !elf32
}

/// Open to look inside. A FIFO would block, a terminal become ours.
fn open(directory: c_int, path: *const c_char) -> Option<c_int> {
    let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
    let fd = ENGINE.kernel.call(libc::SYS_openat, [directory as usize, path as usize, flags as usize, 0, 0, 0]);
    (fd >= 0).then_some(fd as c_int)
}

/// The file that execvp will find for this name, opened.
fn find(name: &CStr) -> Option<c_int> {
    if name.to_bytes().contains(&b'/') {
        return open(libc::AT_FDCWD, name.as_ptr());
    }
    // SAFETY: libc's own variable, which execvp reads next.
    let path = unsafe { environment::strings(environment::now()) }.find_map(|string| value(string.to_bytes(), b"PATH"));
    path.unwrap_or(b"/bin:/usr/bin").split(|byte| *byte == b':').find_map(|directory| {
        let directory = if directory.is_empty() { b"." } else { directory };
        let mut text = [0; 512];
        let parts = [directory, b"/", name.to_bytes_with_nul()];
        if parts.iter().map(|part| part.len()).sum::<usize>() > text.len() {
            return None;
        }
        text.iter_mut().zip(parts.iter().copied().flatten()).for_each(|(to, from)| *to = *from);
        open(libc::AT_FDCWD, text.as_ptr().cast())
    })
}

/// Is this a program for 32 bits? The file's position stays where it is.
fn is_elf32(fd: c_int) -> bool {
    const ELF32: [u8; 5] = [0x7f, b'E', b'L', b'F', 1];
    let mut head = [0_u8; 5];
    let args = [fd as usize, head.as_mut_ptr() as usize, head.len(), 0, 0, 0];
    ENGINE.kernel.call(libc::SYS_pread64, args) == 5 && head == ELF32
}

/// The most that `with_room` has.
pub const ROOM: usize = 65536;

/// Some room on the stack: at least `count`, up to `ROOM`, and not much more.
pub fn with_room<T: Copy>(count: usize, zero: T, then: &mut dyn FnMut(&mut [T]) -> c_int) -> c_int {
    // Not inlined, or the frame would have the room of all.
    #[inline(never)]
    fn of<const N: usize, T: Copy>(zero: T, then: &mut dyn FnMut(&mut [T]) -> c_int) -> c_int {
        then(&mut [zero; N])
    }
    match count {
        0..=64 => of::<64, T>(zero, then),
        65..=256 => of::<256, T>(zero, then),
        257..=1024 => of::<1024, T>(zero, then),
        1025..=4096 => of::<4096, T>(zero, then),
        4097..=16384 => of::<16384, T>(zero, then),
        _ => of::<ROOM, T>(zero, then),
    }
}
