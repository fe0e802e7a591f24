//! The calls that start a program: the exec family and posix_spawn. How it is started is `host::child`'s to say.
//!
//! libc's own system(3) and popen(3) start theirs without a name that could be replaced.

use crate::host::child::{start, Door, Program, Strings};
use crate::host::environment;
use crate::host::{errno, next};
use core::ffi::{c_char, c_int, c_void};

/// libc's callers: their room is on the stack, and what is to be said is said at once. (A vfork child of libc's has no other
/// moment; with posix_spawn it is the parent who comes here.)
struct Caller;

impl Door for Caller {
    fn with_room(&self, words: usize, then: &mut dyn FnMut(&mut [usize]) -> c_int) -> Option<c_int> {
        (words <= ROOM).then(|| with_room(words, then))
    }

    fn parent_says(&self) -> bool {
        false
    }
}

/// The most words that `with_room` has.
const ROOM: usize = 65536;

/// Some room on the stack: at least so many words, up to `ROOM`, and not much more.
fn with_room(words: usize, then: &mut dyn FnMut(&mut [usize]) -> c_int) -> c_int {
    // Not inlined, or the frame would have the room of all.
    #[inline(never)]
    fn of<const N: usize>(then: &mut dyn FnMut(&mut [usize]) -> c_int) -> c_int {
        then(&mut [0; N])
    }
    match words {
        0..=64 => of::<64>(then),
        65..=256 => of::<256>(then),
        257..=1024 => of::<1024>(then),
        1025..=4096 => of::<4096>(then),
        4097..=16384 => of::<16384>(then),
        _ => of::<ROOM>(then),
    }
}

/// execve(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn execve(path: *const c_char, argv: Strings, envp: Strings) -> c_int {
    let program = Program::At(libc::AT_FDCWD, path, 0);
    // SAFETY: the program's own call, or what `start` makes of it.
    unsafe {
        start(argv, envp, program, &Caller, &mut |instead, argv, envp| next::execve(or(instead, path), argv, envp))
    }
}

/// execveat(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn execveat(fd: c_int, path: *const c_char, argv: Strings, envp: Strings, flags: c_int) -> c_int {
    let program = Program::of_execveat(fd, path, flags);
    let mut exec = |instead: *const c_char, argv, envp| match instead.is_null() {
        // SAFETY: as in `execve`.
        true => unsafe { next::execveat(fd, path, argv, envp, flags) },
        // SAFETY: as in `execve`.
        false => unsafe { next::execve(instead, argv, envp) },
    };
    // SAFETY: as in `execve`.
    unsafe { start(argv, envp, program, &Caller, &mut exec) }
}

/// fexecve(3).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn fexecve(fd: c_int, argv: Strings, envp: Strings) -> c_int {
    let mut exec = |instead: *const c_char, argv, envp| match instead.is_null() {
        // SAFETY: as in `execve`.
        true => unsafe { next::fexecve(fd, argv, envp) },
        // SAFETY: as in `execve`.
        false => unsafe { next::execve(instead, argv, envp) },
    };
    // SAFETY: as in `execve`.
    unsafe { start(argv, envp, Program::Open(fd), &Caller, &mut exec) }
}

/// execvpe(3).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn execvpe(name: *const c_char, argv: Strings, envp: Strings) -> c_int {
    let mut exec = |instead: *const c_char, argv, envp| match instead.is_null() {
        // SAFETY: as in `execve`.
        true => unsafe { next::execvpe(name, argv, envp) },
        // SAFETY: as in `execve`. It is a path now.
        false => unsafe { next::execve(instead, argv, envp) },
    };
    // SAFETY: as in `execve`.
    unsafe { start(argv, envp, Program::Named(name), &Caller, &mut exec) }
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
    // SAFETY: execvp is execvpe with the program's own environment.
    unsafe { execvpe(name, argv, environment::now()) }
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
    // Where an action changes the directory, a relative path may lead to another file there: the launcher, which finds it then,
    // executes any.
    let program = Program::At(libc::AT_FDCWD, path, 0);
    let mut exec = |instead, argv, envp| {
        // SAFETY: as in `execve`.
        unsafe { next::posix_spawn(pid, or(instead, path), actions, attributes, argv, envp) }
    };
    // SAFETY: as in `execve`.
    unsafe { start(argv, envp, program, &Caller, &mut exec) }
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
    let mut exec = |instead: *const c_char, argv, envp| match instead.is_null() {
        // SAFETY: as in `execve`.
        true => unsafe { next::posix_spawnp(pid, name, actions, attributes, argv, envp) },
        // SAFETY: as in `execve`. It is a path now.
        false => unsafe { next::posix_spawn(pid, instead, actions, attributes, argv, envp) },
    };
    // SAFETY: as in `execve`.
    unsafe { start(argv, envp, Program::Named(name), &Caller, &mut exec) }
}

/// The other path, if there is one.
fn or(instead: *const c_char, path: *const c_char) -> *const c_char {
    if instead.is_null() {
        path
    } else {
        instead
    }
}

/// A function of C with its arguments one by one, which a Rust function cannot have: the register arguments after the first are
/// laid side by side on the stack, and `$from` reads them there and the others where the caller put them.
macro_rules! one_by_one {
    ($(#[$doc:meta])* $name:ident, $from:ident) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// libc's.
        #[no_mangle]
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name(path: *const c_char, first: *const c_char) -> c_int {
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
                "mov rsi, rsp",               // second argument of the gatherer; the path still is the first
                "mov rdx, rax",               // third
                "call {from}",                // comes back only if exec failed
                "add rsp, 56",                // undo
                ".cfi_adjust_cfa_offset -56",
                "ret",                        // -1 in eax
                ".cfi_endproc",
                from = sym $from,
            )
        }
    };
}

one_by_one!(
    /// execl(3): the arguments, then a null.
    execl, execl_from
);
one_by_one!(
    /// execlp(3): the arguments, then a null.
    execlp, execlp_from
);
one_by_one!(
    /// execle(3): the arguments, a null, then the environment.
    execle, execle_from
);

unsafe extern "C" fn execl_from(path: *const c_char, five: Strings, rest: Strings) -> c_int {
    // SAFETY: the program's own call.
    unsafe { gather(five, rest, |argv, _| execv(path, argv)) }
}

unsafe extern "C" fn execlp_from(name: *const c_char, five: Strings, rest: Strings) -> c_int {
    // SAFETY: the program's own call.
    unsafe { gather(five, rest, |argv, _| execvp(name, argv)) }
}

unsafe extern "C" fn execle_from(path: *const c_char, five: Strings, rest: Strings) -> c_int {
    // SAFETY: the program's own call; after the null comes the environment.
    unsafe { gather(five, rest, |argv, after| execve(path, argv, after().cast())) }
}

/// Lay the arguments side by side: five words at `five`, the others at `rest`, up to a null. `exec` gets them, and a way to
/// read the word after the null.
///
/// # Safety
/// There is a null among them, and a word after it where `exec` reads that.
unsafe fn gather(five: Strings, rest: Strings, exec: impl Fn(Strings, &dyn Fn() -> *const c_char) -> c_int) -> c_int {
    let word = |i: usize| {
        let place = if i < 5 { five.wrapping_add(i) } else { rest.wrapping_add(i - 5) };
        // SAFETY: the caller's word: nothing beyond what was given is read.
        unsafe { place.read() }
    };
    let mut count = 0;
    while !word(count).is_null() {
        count += 1;
        if count == ROOM {
            return errno::in_libc_form(-(libc::E2BIG as isize)) as c_int;
        }
    }
    with_room(count + 1, &mut |argv| {
        argv.iter_mut().take(count).enumerate().for_each(|(i, place)| *place = word(i) as usize);
        exec(argv.as_ptr().cast(), &|| word(count + 1))
    })
}
