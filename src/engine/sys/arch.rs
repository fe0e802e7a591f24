//! The one instruction that enters the kernel, and what else the processor decides: nothing outside this file asks which
//! processor it is. A second processor is a second `mod` here.

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    /// The vDSO's name for clock_gettime (man 7 vdso, "x86-64 functions").
    pub const VDSO_CLOCK_GETTIME: &[u8] = b"__vdso_clock_gettime";
    /// The version that name carries.
    pub const VDSO_VERSION: &[u8] = b"LINUX_2.6";

    /// Enter the kernel: number `nr`, six words.
    ///
    /// # Safety
    /// Whatever the call does to memory must be sound: its pointers are good for what the kernel reads and writes there.
    #[cfg(not(miri))]
    #[inline(always)]
    pub unsafe fn syscall(nr: i64, args: [usize; 6]) -> isize {
        let [a1, a2, a3, a4, a5, a6] = args;
        let answer: isize;
        // SAFETY: the kernel keeps every register but rax, rcx and r11 (man 2 syscall), all three are declared here; it reads
        // and writes memory only through the arguments, which are the caller's promise. No `nomem`: those writes must be seen.
        unsafe {
            core::arch::asm!(
                "syscall",                        // number in rax; returns here with the answer in rax
                inlateout("rax") nr as isize => answer,
                in("rdi") a1,
                in("rsi") a2,
                in("rdx") a3,
                in("r10") a4,                     // not rcx: the instruction itself puts the return address there
                in("r8") a5,
                in("r9") a6,
                lateout("rcx") _,                 // overwritten: return address
                lateout("r11") _,                 // overwritten: flags
                options(nostack),                 // nothing is pushed; a signal's frame stays clear of the red zone
            );
        }
        answer
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
pub use x86_64::syscall;
#[cfg(target_arch = "x86_64")]
pub use x86_64::{VDSO_CLOCK_GETTIME, VDSO_VERSION};

#[cfg(miri)]
pub use super::interpreted::syscall;
