//! The one page of code that the launcher brings along: a system call with a stop behind it, and the way into the program.
//!
//! Runs in the program, before its first instruction. It needs no stack but one word, and leaves every register as the slots
//! at its end say.

use super::tracee::Registers;

core::arch::global_asm!(
    ".pushsection .rodata",
    ".balign 8",
    "nd_stub:",
    "syscall", // the number and the arguments are in the registers,
    "int3",    // and here the launcher takes the result
    "nd_stub_leave:",
    "mov edi, dword ptr [rip + nd_stub_slots]", // wait4(the helper,
    "xor esi, esi",                             // no status,
    "mov edx, 0x40000000",                      // __WALL: it was cloned without an exit signal,
    "xor r10d, r10d",                           // no rusage)
    "mov eax, 61",                              // SYS_wait4
    "syscall",                                  // the helper is about to end: it has detached already
    "cmp eax, -4",                              // EINTR: a handler cannot have run, but a stop may have come between;
    "je nd_stub_leave",                         // wait again
    "mov edi, 2",                               // rt_sigprocmask(SIG_SETMASK,
    "lea rsi, [rip + nd_stub_slots + 80]",      // the mask that the program is to have,
    "xor edx, edx",                             // no old one,
    "mov r10d, 8",                              // of 64 signals)
    "mov eax, 14",                              // SYS_rt_sigprocmask
    "syscall",
    "push qword ptr [rip + nd_stub_slots + 8]", // the flags,
    "popfq",                                    // which nothing from here on changes
    "mov rax, [rip + nd_stub_slots + 16]",      // what was used above, as it was
    "mov rdi, [rip + nd_stub_slots + 24]",
    "mov rsi, [rip + nd_stub_slots + 32]",
    "mov rdx, [rip + nd_stub_slots + 40]",
    "mov rcx, [rip + nd_stub_slots + 48]", // the call took rcx and r11
    "mov r10, [rip + nd_stub_slots + 56]",
    "mov r11, [rip + nd_stub_slots + 64]",
    "jmp qword ptr [rip + nd_stub_slots + 72]", // to where the program was to go on
    ".balign 8",
    "nd_stub_slots:",
    ".zero 88", // eleven words, as `slots` has them
    ".popsection",
);

extern "C" {
    static nd_stub: u8;
    static nd_stub_leave: u8;
    static nd_stub_slots: u8;
}

/// Where `syscall; int3` stands in the page.
pub const CALL: u64 = 0;
/// The two instructions by themselves.
pub const CALL_CODE: [u8; 3] = [0x0f, 0x05, 0xcc];

/// Where the way out begins.
pub fn leave() -> u64 {
    (&raw const nd_stub_leave as usize - &raw const nd_stub as usize) as u64
}

/// What the page holds, up to its slots.
pub fn code() -> Vec<u8> {
    // SAFETY: all from nd_stub to nd_stub_slots is one piece of our own .rodata.
    unsafe { std::slice::from_raw_parts(&raw const nd_stub, slots_at() as usize) }.to_vec()
}

/// Where the slots begin.
pub fn slots_at() -> u64 {
    (&raw const nd_stub_slots as usize - &raw const nd_stub as usize) as u64
}

/// The slots: `helper` is waited for, then the program goes on with `registers` and blocks the signals of `mask`.
pub fn slots(helper: libc::pid_t, registers: &Registers, mask: u64) -> Vec<u8> {
    let r = registers;
    [helper as u64, r.eflags, r.rax, r.rdi, r.rsi, r.rdx, r.rcx, r.r10, r.r11, r.rip, mask]
        .map(u64::to_le_bytes)
        .concat()
}
