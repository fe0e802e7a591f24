//! The calls that start a program: the exec family and posix_spawn. Each hands the environment through `child`.
//!
//! libc's own system(3) and popen(3) start theirs without a name that could be replaced.

use super::{errno, next};
use crate::host::child::{with_environment, with_room, Program, Strings, ROOM};
use crate::host::environment;
use core::ffi::{c_char, c_int, c_void};
use core::ptr::null;

/// execve(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn execve(path: *const c_char, argv: Strings, envp: Strings) -> c_int {
    let program = Program::At(libc::AT_FDCWD, path);
    // SAFETY: the program's own call, with its environment or one made from it.
    unsafe { with_environment(envp, program, &mut |envp| next::execve(path, argv, envp)) }
}

/// execveat(2).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn execveat(fd: c_int, path: *const c_char, argv: Strings, envp: Strings, flags: c_int) -> c_int {
    let program = if flags & libc::AT_EMPTY_PATH != 0 { Program::Open(fd) } else { Program::At(fd, path) };
    // SAFETY: as in `execve`.
    unsafe { with_environment(envp, program, &mut |envp| next::execveat(fd, path, argv, envp, flags)) }
}

/// fexecve(3).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn fexecve(fd: c_int, argv: Strings, envp: Strings) -> c_int {
    // SAFETY: as in `execve`.
    unsafe { with_environment(envp, Program::Open(fd), &mut |envp| next::fexecve(fd, argv, envp)) }
}

/// execvpe(3).
///
/// # Safety
/// libc's.
#[no_mangle]
pub unsafe extern "C" fn execvpe(name: *const c_char, argv: Strings, envp: Strings) -> c_int {
    // SAFETY: as in `execve`.
    unsafe { with_environment(envp, Program::Named(name), &mut |envp| next::execvpe(name, argv, envp)) }
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
    let program = Program::At(libc::AT_FDCWD, path);
    // SAFETY: as in `execve`.
    unsafe {
        with_environment(envp, program, &mut |envp| next::posix_spawn(pid, path, actions, attributes, argv, envp))
    }
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
    let program = Program::Named(name);
    // SAFETY: as in `execve`.
    unsafe {
        with_environment(envp, program, &mut |envp| next::posix_spawnp(pid, name, actions, attributes, argv, envp))
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
    with_room(count + 1, null(), &mut |argv| {
        argv.iter_mut().take(count).enumerate().for_each(|(i, place)| *place = word(i));
        exec(argv.as_ptr(), &|| word(count + 1))
    })
}
