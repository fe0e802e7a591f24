//! The few names of libc that we import, each weak: in a process without libc their addresses are null.
//!
//! The address is loaded from the global offset table by hand. Rust takes a function's address to be never null and removes the
//! check; a program without libc (Go, built with CGO_ENABLED=0 -buildmode=pie) then jumps to 0.

core::arch::global_asm!(
    ".weak dlsym",
    ".weak __errno_location",
    ".weak getauxval",
    ".weak environ",
    ".weak dl_iterate_phdr"
);

/// The address of an imported name, or 0.
macro_rules! weak {
    ($name:ident) => {{
        let address: usize;
        // SAFETY: loads one word of our own global offset table.
        unsafe {
            core::arch::asm!(
                concat!("mov {}, qword ptr [rip + ", stringify!($name), "@GOTPCREL]"), // filled by the loader; 0 if not found
                out(reg) address,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        address
    }};
}

pub(crate) use weak;
