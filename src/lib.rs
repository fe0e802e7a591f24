//! `libnetdeadline.so`: real deadlines for a program that never heard of them.
//!
//! One object, `no_std`, with no library it needs and no TLS, so that the same file serves glibc, musl and a process without
//! libc, in constructors, signal handlers and between fork and exec. The engine (package netdeadline-engine) decides; a door
//! performs: `interpose`, libc's names; `go`, Go's system call function; `capi`, the names that C asks for. `entry` has the two
//! ways in, `host` what the doors share of the process around them.
#![no_std]

mod capi;
mod entry;
mod go;
mod host;
mod interpose;
mod memory;
mod note;

use netdeadline_engine::sys::Linux;
use netdeadline_engine::Engine;

/// Everything that is known in this process. In .bss, and untouched until it is needed.
static ENGINE: Engine<Linux> = Engine::new(Linux);

/// Not reachable: a check build proves it, by calling a function that does not exist (tests/tests/no_panic.rs). Should it be reached
/// all the same, the process ends here rather than go on with half a call.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    #[cfg(nd_check_panic)]
    {
        extern "C" {
            fn nd_a_panic_is_reachable() -> !;
        }
        // SAFETY: never linked into anything that runs; the check only asks whether the linker kept the reference.
        unsafe { nd_a_panic_is_reachable() }
    }
    #[cfg(not(nd_check_panic))]
    // SAFETY: ud2 raises SIGILL and does not return.
    unsafe {
        core::arch::asm!("ud2", options(noreturn, nomem, nostack)) // stop: nothing of ours can be trusted any more
    }
}
