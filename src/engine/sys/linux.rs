//! The real kernel.

#[cfg(not(miri))]
use super::pages::Arena;
use super::{arch, clock, Kernel, PAGE};
use core::ptr::NonNull;

#[cfg(not(miri))]
static PAGES: Arena = Arena::new();

/// The kernel this process runs on. A value of no size: all state (the clock's address, the pages) is the process's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Linux;

impl Linux {
    /// Find the clock in the vDSO, whose address the auxiliary vector gives as AT_SYSINFO_EHDR (0: there is none).
    ///
    /// Call it once at load. Without it, or where the vDSO has no clock, [`Kernel::now`] makes a system call.
    ///
    /// # Safety
    /// `sysinfo_ehdr` is the value the kernel gave for AT_SYSINFO_EHDR, or 0.
    pub unsafe fn init(sysinfo_ehdr: usize) {
        // SAFETY: the caller's promise, handed on.
        unsafe { clock::find(sysinfo_ehdr) }
    }
}

impl Kernel for Linux {
    #[inline]
    fn call(&self, nr: i64, args: [usize; 6]) -> isize {
        // SAFETY: pointers among the arguments come either from this module's wrappers, which pass buffers that live through
        // the call with their true lengths, or unchanged from the program, which made the same call and owns the outcome.
        unsafe { arch::syscall(nr, args) }
    }

    #[inline]
    fn now(&self) -> u64 {
        clock::read(self, libc::CLOCK_MONOTONIC).max(1)
    }

    #[inline]
    fn coarse(&self) -> u64 {
        clock::read(self, libc::CLOCK_MONOTONIC_COARSE)
    }

    fn realtime(&self) -> u64 {
        clock::read(self, libc::CLOCK_REALTIME)
    }

    #[cfg(not(miri))]
    fn pages(&self, bytes: usize) -> Option<NonNull<u8>> {
        PAGES.take(self, bytes)
    }

    #[cfg(miri)]
    fn pages(&self, bytes: usize) -> Option<NonNull<u8>> {
        super::interpreted::pages(bytes)
    }

    fn wiped_pages(&self, bytes: usize) -> Option<NonNull<u8>> {
        super::pages::wiped_on_fork(self, bytes.checked_next_multiple_of(PAGE)?)
    }

    #[cfg(not(miri))]
    unsafe fn give_back(&self, pages: NonNull<u8>, bytes: usize) {
        PAGES.give_back(pages, bytes);
    }

    #[cfg(miri)]
    unsafe fn give_back(&self, pages: NonNull<u8>, bytes: usize) {
        // SAFETY: the caller's word.
        unsafe { super::interpreted::give_back(pages, bytes) };
    }
}
