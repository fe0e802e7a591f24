//! The ways into a process: the dynamic loader's call to our constructor (LD_PRELOAD), the launcher's jump to our entry point in a
//! program that has no loader, and the first thread of a Go library that was loaded later.
//!
//! What happens then is `host`'s and the doors'.

use crate::go::{self, request};
use crate::host::next::{self, Next};
use crate::host::{environment, setup};
use core::arch::{global_asm, naked_asm};
use core::ffi::{c_char, c_int};

#[used]
#[link_section = ".init_array"]
static CONSTRUCTOR: extern "C" fn(c_int, *const *const c_char, *const *const c_char) = constructed;

#[used]
#[link_section = ".fini_array"]
static DESTRUCTOR: extern "C" fn() = setup::finish;

type Strings = *const *const c_char;

/// The loader's call. It may come before libc has set up anything.
extern "C" fn constructed(_: c_int, _: Strings, given: Strings) {
    next::resolve();
    let environment = environment::at_start(given);
    if setup::start(environment) {
        go::protect_loaded(main_program(environment));
    }
}

/// Where the kernel says that the main program's headers are, and how many.
fn main_program(environment: Strings) -> (usize, usize) {
    let word = |kind| environment::auxiliary(environment, kind as usize);
    (word(libc::AT_PHDR), word(libc::AT_PHNUM))
}

// The ELF entry point of the library (build.rs: -e). Hidden: it is no name of ours for programs.
global_asm!(
    ".hidden nd_enter",
    ".globl nd_enter",
    ".type nd_enter, @function",
    "nd_enter:",
    ".cfi_startproc",
    ".cfi_undefined rip", // nobody called us
    "call {injected}",    // rdi: the program's stack; rsi: the request (request.rs)
    "int3",               // the launcher takes over
    ".cfi_endproc",
    ".size nd_enter, . - nd_enter",
    injected = sym injected,
);

/// The launcher's jump, at the program's very first instruction: there is one thread, and nothing has run.
///
/// # Safety
/// `stack` is the program's, at argc; `request` is the launcher's, and nobody else's.
unsafe extern "C" fn injected(stack: *const usize, request: *mut request::Request) {
    // SAFETY: the caller's word. After argc and its strings, and a null, comes the environment.
    let (request, environment) = unsafe { (&mut *request, stack.add(1 + stack.read() + 1).cast()) };
    if !setup::start(environment) {
        request.status = request::status::INERT;
        return;
    }
    go::answer(request, main_program(environment));
}

static PTHREAD_CREATE: Next = Next::new(c"pthread_create");

/// pthread_create(3), for one thing: a Go library that a program opens later (dlopen) begins with a thread of its own, and before
/// that none of its Go code has run. Then, and only then, it can be patched safely. Otherwise it is the program's own call: not
/// a wrapper, so that nothing is known of its arguments or of its caller's stack.
///
/// # Safety
/// libc's.
#[no_mangle]
#[unsafe(naked)]
pub unsafe extern "C" fn pthread_create() {
    naked_asm!(
        ".cfi_startproc",
        "push rdi", // the four arguments
        ".cfi_adjust_cfa_offset 8",
        "push rsi",
        ".cfi_adjust_cfa_offset 8",
        "push rdx",
        ".cfi_adjust_cfa_offset 8",
        "push rcx",
        ".cfi_adjust_cfa_offset 8",
        "sub rsp, 8", // align the stack for a C call
        ".cfi_adjust_cfa_offset 8",
        "mov rdi, [rsp + 40]", // who calls
        "call {thread_begins}", // answers with libc's function
        "add rsp, 8",
        ".cfi_adjust_cfa_offset -8",
        "pop rcx",
        ".cfi_adjust_cfa_offset -8",
        "pop rdx",
        ".cfi_adjust_cfa_offset -8",
        "pop rsi",
        ".cfi_adjust_cfa_offset -8",
        "pop rdi",
        ".cfi_adjust_cfa_offset -8",
        "test rax, rax", // there is none: no threads in this process
        "jz 2f",
        "jmp rax", // libc's function returns to our caller
        "2:",
        "mov eax, {eagain}",
        "ret",
        ".cfi_endproc",
        thread_begins = sym thread_begins,
        eagain = const libc::EAGAIN,
    )
}

extern "C" fn thread_begins(caller: usize) -> usize {
    go::protect_library_of(caller);
    PTHREAD_CREATE.address().map_or(0, |address| address.get())
}
