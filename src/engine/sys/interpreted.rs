//! The kernel's place under miri (tests/miri), which interprets the program and cannot enter a kernel: memory, the clock, who we
//! are, and nothing else. Whatever else is asked answers ENOSYS. No build of the product has this file.

extern crate std;
use super::PAGE;
use core::ptr::NonNull;
use std::alloc::{alloc_zeroed, dealloc, Layout};

/// Zeroed memory of just this size, so that miri sees whoever goes past its end. Never freed, as the product's is not.
pub fn pages(bytes: usize) -> Option<NonNull<u8>> {
    let layout = Layout::from_size_align(bytes.max(1), PAGE).ok()?;
    // SAFETY: not of size 0.
    NonNull::new(unsafe { alloc_zeroed(layout) })
}

/// Take back what [`pages`] gave: who still has a pointer there and uses it is seen.
///
/// # Safety
/// As of `Kernel::give_back`: those of one call of `pages`, and nobody holds a pointer to them.
pub unsafe fn give_back(pages: NonNull<u8>, bytes: usize) {
    if let Ok(layout) = Layout::from_size_align(bytes.max(1), PAGE) {
        // SAFETY: the caller's word.
        unsafe { dealloc(pages.as_ptr(), layout) };
    }
}

/// As the real one, see `arch`.
///
/// # Safety
/// As of the kernel's own call.
pub unsafe fn syscall(nr: i64, [first, second, _, fourth, ..]: [usize; 6]) -> isize {
    match nr {
        libc::SYS_clock_gettime => {
            // SAFETY: the caller's word: room for a timespec.
            unsafe { libc::clock_gettime(first as libc::clockid_t, second as *mut libc::timespec) as isize }
        }
        // What is mapped is unmapped whole or never, and so may be an allocation. Files cannot be.
        libc::SYS_mmap if fourth & libc::MAP_ANONYMOUS as usize == 0 => -(libc::ENODEV as isize),
        libc::SYS_mmap => match pages(second) {
            Some(pages) => pages.as_ptr().expose_provenance() as isize,
            None => -(libc::ENOMEM as isize),
        },
        // Nothing can fork here.
        libc::SYS_madvise => 0,
        libc::SYS_munmap => {
            let Some(pages) = NonNull::new(core::ptr::with_exposed_provenance_mut(first)) else {
                return -(libc::EINVAL as isize);
            };
            // SAFETY: what `SYS_mmap` above gave, of this size: the engine unmaps nothing else.
            unsafe { give_back(pages, second) };
            0
        }
        libc::SYS_getpid => std::process::id() as isize,
        _ => -(libc::ENOSYS as isize),
    }
}
