//! vfork, clone and the exec family: whose memory this is, and what a new program is told.
//!
//! A vfork child runs in our memory, so the engine is told before and after. exec hands our variables on where the program
//! built an environment without them, and takes our LD_PRELOAD out where ld.so could only complain about it.

use super::environment::{self, value, KEPT};
use super::{errno, next};
use crate::ENGINE;
use core::ffi::{c_char, c_int, c_void, CStr};
use core::ptr::null;
use netdeadline_engine::sys::{file, Kernel};

type Strings = *const *const c_char;

/// vfork(2).
///
/// Not a Rust function with a body: the child returns first, on the same stack, and would overwrite the frame that the parent
/// returns through. As in libc's own, the return address waits in a register (man 2 vfork; the kernel keeps rdi).
///
/// # Safety
/// libc's.
#[no_mangle]
#[unsafe(naked)]
pub unsafe extern "C" fn vfork() -> c_int {
    core::arch::naked_asm!(
        ".cfi_startproc",
        "sub rsp, 8",                // align the stack for a C call
        ".cfi_adjust_cfa_offset 8",
        "call {before}",             // tell the engine that our memory is about to be lent
        "add rsp, 8",                // the stack as at entry
        ".cfi_adjust_cfa_offset -8",
        "pop rdi",                   // the return address: the child will overwrite its place on the stack
        ".cfi_adjust_cfa_offset -8",
        ".cfi_register rip, rdi",    // that is where it is now
        "mov eax, {nr}",             // SYS_vfork
        "syscall",                   // returns twice: in the child, and when that is gone in the parent
        "push rdi",                  // the return address where `ret` looks for it
        ".cfi_adjust_cfa_offset 8",
        ".cfi_rel_offset rip, 0",
        "test eax, eax",             // 0: the child
        "jz 2f",                     // it returns at once and changes nothing
        "mov edi, eax",              // the parent: pid or negated errno, the C function's argument
        "sub rsp, 8",                // align
        ".cfi_adjust_cfa_offset 8",
        "call {after}",              // the memory is ours again; answers in libc's form
        "add rsp, 8",                // undo
        ".cfi_adjust_cfa_offset -8",
        "2:",
        "ret",                       // result in eax
        ".cfi_endproc",
        before = sym before_vfork,
        after = sym after_vfork,
        nr = const libc::SYS_vfork,
    )
}

extern "C" fn before_vfork() {
    ENGINE.process.lend(&ENGINE.kernel, 1);
}

extern "C" fn after_vfork(outcome: c_int) -> c_int {
    ENGINE.process.lend(&ENGINE.kernel, -1);
    errno::in_libc_form(outcome as isize) as c_int
}

/// clone(2), libc's form. Variadic in C; seven register-sized arguments cover it.
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn clone(
    entry: usize,
    stack: usize,
    flags: c_int,
    argument: usize,
    a: usize,
    b: usize,
    c: usize,
) -> c_int {
    let shares = flags & libc::CLONE_VM != 0 && flags & libc::CLONE_THREAD == 0;
    if shares {
        ENGINE.process.lend(&ENGINE.kernel, 1);
        if flags & libc::CLONE_NEWPID != 0 {
            // A PID 1 and its child in a new namespace have the same pid: nobody owns the memory meanwhile.
            ENGINE.process.disown();
        }
    }
    // SAFETY: the program's own call.
    let child = unsafe { next::clone(entry, stack, flags, argument, a, b, c) };
    if shares && (child < 0 || flags & libc::CLONE_VFORK != 0) {
        // The parent was suspended until the child had memory of its own.
        ENGINE.process.lend(&ENGINE.kernel, -1);
    }
    child
}

/// How many variables an environment may have for us to add to it.
const ROOM: usize = 1024;

/// An environment for a child, on the stack: nothing may be allocated between fork and exec.
struct Environment {
    strings: [*const c_char; ROOM],
    preload: [u8; 4096],
}

impl Environment {
    const fn new() -> Environment {
        Environment { strings: [null(); ROOM], preload: [0; 4096] }
    }

    /// The environment to exec with: `given`, or one with our variables put back, or one without our library.
    ///
    /// # Safety
    /// `given` is the program's environment, as for execve.
    unsafe fn prepare(&mut self, given: Strings, loadable: bool) -> Strings {
        let Some(kept) = KEPT.peek() else { return given };
        let Some(preload) = kept.preload() else { return given };
        if given.is_null() || ENGINE.retired() && !ENGINE.ruled() {
            return given;
        }
        // SAFETY: the caller's word.
        let strings = || unsafe { environment::strings(given) };
        let ours = |string: &CStr| string.to_bytes().starts_with(b"NETDEADLINE_");
        let off = strings().any(|s| value(s.to_bytes(), b"NETDEADLINE_CHILDREN") == Some(b"off"));
        if off {
            return given;
        }
        // SAFETY: kept strings are NUL-terminated and live for ever.
        let library = unsafe { CStr::from_ptr(preload) }.to_bytes();
        let Some(library) = value(library, b"LD_PRELOAD").and_then(our_entry) else { return given };
        let present = strings().filter_map(|s| value(s.to_bytes(), b"LD_PRELOAD")).next();
        let has_library = present.is_some_and(|list| entries(list).any(|entry| entry == library));
        let complete = strings().any(ours) && has_library;
        if complete == loadable || !loadable && !has_library {
            return given;
        }
        let mut used = 0;
        let mut put = |to: &mut [*const c_char; ROOM], string: *const c_char| match to.get_mut(used) {
            // One place stays for the null at the end.
            Some(place) if used + 1 < ROOM => {
                *place = string;
                used += 1;
                true
            }
            _ => false,
        };
        let others = present.unwrap_or_default();
        let list = if loadable && !has_library {
            self.join(Some(library), others, library)
        } else if loadable {
            self.join(None, others, b"")
        } else {
            self.join(None, others, library)
        };
        let Some(list) = list else { return given };
        let mut fits = list.is_null() || put(&mut self.strings, list);
        for string in strings() {
            if value(string.to_bytes(), b"LD_PRELOAD").is_none() {
                fits &= put(&mut self.strings, string.as_ptr());
            }
        }
        if loadable && !strings().any(ours) {
            for string in kept.strings() {
                fits &= put(&mut self.strings, string);
            }
        }
        if !fits {
            return given;
        }
        self.strings.as_ptr()
    }

    /// `LD_PRELOAD=first:rest` without `without`; null if nothing is left, `None` if it does not fit.
    fn join(&mut self, first: Option<&[u8]>, rest: &[u8], without: &[u8]) -> Option<*const c_char> {
        let mut at = 0_usize;
        let mut append = |to: &mut [u8; 4096], text: &[u8]| -> Option<()> {
            let place = to.get_mut(at..at.checked_add(text.len())?)?;
            place.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
            at += text.len();
            Some(())
        };
        append(&mut self.preload, b"LD_PRELOAD=")?;
        let mut count = 0;
        for entry in first.into_iter().chain(entries(rest).filter(|entry| *entry != without)) {
            if count > 0 {
                append(&mut self.preload, b":")?;
            }
            append(&mut self.preload, entry)?;
            count += 1;
        }
        append(&mut self.preload, b"\0")?;
        Some(if count == 0 { null() } else { self.preload.as_ptr().cast() })
    }
}

fn entries(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|byte| *byte == b':' || *byte == b' ').filter(|entry| !entry.is_empty())
}

/// Our own entry in a preload list: the one that ends in our name.
fn our_entry(list: &[u8]) -> Option<&[u8]> {
    entries(list).find(|entry| {
        let name = entry.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        name.starts_with(b"libnetdeadline.so")
    })
}

/// Can ld.so load us into this program? Not into one of another ELF class, and not from a path that is not there (chroot):
/// it would print an error at every exec.
fn loadable(path: *const c_char) -> bool {
    let k = &ENGINE.kernel;
    let Some(preload) = KEPT.peek().and_then(|kept| kept.preload()) else { return false };
    // SAFETY: kept strings are NUL-terminated and live for ever.
    let list = unsafe { CStr::from_ptr(preload) }.to_bytes();
    if let Some(library) = value(list, b"LD_PRELOAD").and_then(our_entry).filter(|entry| entry.contains(&b'/')) {
        let mut name = [0_u8; 4096];
        if library.len() >= name.len() {
            return false;
        }
        name.iter_mut().zip(library).for_each(|(to, from)| *to = *from);
        if k.call(libc::SYS_access, [name.as_ptr() as usize, libc::R_OK as usize, 0, 0, 0, 0]) != 0 {
            return false;
        }
    }
    if path.is_null() {
        return true;
    }
    let args = [libc::AT_FDCWD as usize, path as usize, (libc::O_RDONLY | libc::O_CLOEXEC) as usize, 0, 0, 0];
    let fd = k.call(libc::SYS_openat, args);
    if fd < 0 {
        // Unreadable, or not there: exec itself will say.
        return true;
    }
    let mut head = [0_u8; 5];
    let count = k.call(libc::SYS_read, [fd as usize, head.as_mut_ptr() as usize, 5, 0, 0, 0]);
    let _ = file::close(k, fd as c_int);
    const ELF32: [u8; 5] = [0x7f, b'E', b'L', b'F', 1];
    count != 5 || head != ELF32
}

/// execve(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn execve(path: *const c_char, argv: Strings, envp: Strings) -> c_int {
    let mut environment = Environment::new();
    // SAFETY: the program's own call, with its environment or one made from it.
    unsafe { next::execve(path, argv, environment.prepare(envp, loadable(path))) }
}

/// execvpe(3).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn execvpe(name: *const c_char, argv: Strings, envp: Strings) -> c_int {
    let mut environment = Environment::new();
    // SAFETY: as in `execve`. The file is looked up by libc: its class is not known here.
    unsafe { next::execvpe(name, argv, environment.prepare(envp, loadable(null()))) }
}

/// execv(3).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn execv(path: *const c_char, argv: Strings) -> c_int {
    // SAFETY: execv is execve with the program's own environment.
    unsafe { execve(path, argv, environment::now()) }
}

/// execvp(3).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn execvp(name: *const c_char, argv: Strings) -> c_int {
    // SAFETY: execvp is execvpe with the program's own environment; musl before 1.1 has no execvpe.
    unsafe { execvpe(name, argv, environment::now()) }
}

/// execle(3): the arguments one by one, a null, then the environment.
///
/// Variadic, which a Rust function cannot be: the six register arguments are laid side by side on the stack, and `execle_from`
/// reads them there and the others where the caller put them.
///
/// # Safety
/// libc's.
#[no_mangle]
#[unsafe(naked)]
pub unsafe extern "C" fn execle(path: *const c_char, first: *const c_char) -> c_int {
    core::arch::naked_asm!(
        ".cfi_startproc",
        "lea rax, [rsp + 8]",         // the arguments after the sixth, above the return address
        "sub rsp, 56",                // room for five words, and the stack aligned for a call
        ".cfi_adjust_cfa_offset 56",
        "mov [rsp], rsi",             // argv[0]
        "mov [rsp + 8], rdx",         // argv[1]
        "mov [rsp + 16], rcx",        // argv[2]
        "mov [rsp + 24], r8",         // argv[3]
        "mov [rsp + 32], r9",         // argv[4]
        "mov rsi, rsp",               // second argument of execle_from; the path still is the first
        "mov rdx, rax",               // third
        "call {from}",                // comes back only if exec failed
        "add rsp, 56",                // undo
        ".cfi_adjust_cfa_offset -56",
        "ret",                        // -1 in eax
        ".cfi_endproc",
        from = sym execle_from,
    )
}

/// Gather an execle's arguments: five words at `five`, the rest at `rest`.
unsafe extern "C" fn execle_from(path: *const c_char, five: Strings, rest: Strings) -> c_int {
    let mut argv = [null(); ROOM];
    let word = |i: usize| {
        let place = if i < 5 { five.wrapping_add(i) } else { rest.wrapping_add(i - 5) };
        // SAFETY: the caller's arguments end with a null and the environment, and nothing beyond those is read.
        unsafe { place.read() }
    };
    for (i, place) in argv.iter_mut().enumerate() {
        *place = word(i);
        if place.is_null() {
            // SAFETY: the program's own call.
            return unsafe { execve(path, argv.as_ptr(), word(i + 1).cast()) };
        }
    }
    errno::in_libc_form(-(libc::E2BIG as isize)) as c_int
}

/// fexecve(3).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn fexecve(fd: c_int, argv: Strings, envp: Strings) -> c_int {
    let mut environment = Environment::new();
    // SAFETY: as in `execve`.
    unsafe { next::fexecve(fd, argv, environment.prepare(envp, loadable(null()))) }
}

/// posix_spawn(3).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn posix_spawn(
    pid: *mut c_int,
    path: *const c_char,
    actions: *const c_void,
    attributes: *const c_void,
    argv: Strings,
    envp: Strings,
) -> c_int {
    let mut environment = Environment::new();
    // SAFETY: as in `execve`.
    unsafe { next::posix_spawn(pid, path, actions, attributes, argv, environment.prepare(envp, loadable(path))) }
}

/// posix_spawnp(3).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn posix_spawnp(
    pid: *mut c_int,
    name: *const c_char,
    actions: *const c_void,
    attributes: *const c_void,
    argv: Strings,
    envp: Strings,
) -> c_int {
    let mut environment = Environment::new();
    // SAFETY: as in `execve`.
    unsafe { next::posix_spawnp(pid, name, actions, attributes, argv, environment.prepare(envp, loadable(null()))) }
}
