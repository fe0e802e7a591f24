//! What the launcher and the library say to each other while a program is stopped at its first instruction. Both include this
//! file (the library as `go::request`, the command by its path): it is data and nothing else.
//!
//! The launcher maps the library, relocates it, writes a `Request` at the upper end of a stack that it maps for this, and jumps to
//! the library's ELF entry point with rdi = the program's stack pointer (where argc is), rsi = the address of the `Request`, and
//! rsp below it, a multiple of 16. The library fills in the rest and stops at an `int3`. The launcher then writes the patches.

#![allow(dead_code)] // each side uses its half

/// This layout. A library of another build is refused by its id before it comes to this.
pub const VERSION: u64 = 1;

/// How many patches one program can need: Syscall6 and rawVforkSyscall.
pub const PATCHES: usize = 2;

/// The longest patch, bytes.
pub const LONGEST: usize = 40;

/// What the library answers.
pub mod status {
    /// Nothing yet: the library did not come to its end.
    pub const PENDING: u64 = 0;
    /// Write the patches: the program is protected then.
    pub const PATCH: u64 = 1;
    /// The library will do nothing in this process, and rightly so (AT_SECURE). No patch.
    pub const INERT: u64 = 2;
    /// The program cannot be protected; `reason` says why. No patch.
    pub const REFUSED: u64 = 3;
}

/// Bytes to be replaced in the program's text.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Patch {
    /// Where, in the process.
    pub address: u64,
    /// How many bytes.
    pub length: u64,
    /// What must be there now: anything else is left alone, and the program refused.
    pub old: [u8; LONGEST],
    /// What goes there.
    pub new: [u8; LONGEST],
}

/// The conversation.
#[repr(C)]
pub struct Request {
    /// In: `VERSION`.
    pub version: u64,
    /// Out: one of `status`.
    pub status: u64,
    /// Out: how many of `patches` hold.
    pub count: u64,
    /// Out: what to write.
    pub patches: [Patch; PATCHES],
    /// Out: for `REFUSED`, why: printable ASCII, NUL-terminated.
    pub reason: [u8; 128],
}

impl Request {
    /// A question.
    pub const fn new() -> Request {
        let patch = Patch { address: 0, length: 0, old: [0; LONGEST], new: [0; LONGEST] };
        let patches = [patch; PATCHES];
        Request { version: VERSION, status: status::PENDING, count: 0, patches, reason: [0; 128] }
    }
}
