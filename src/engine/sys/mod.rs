//! The ground: the one way from the engine to the kernel.
//!
//! Everything here is a call that cannot block, the clock, or memory. What a call means to a deadline does not belong here.
//! Functions answer `Result<_, i32>` whose error is a positive errno (compare it with `libc::EAGAIN`), or an `isize` in the
//! kernel's own form, -4095..-1 being a negated errno.

mod arch;
mod clock;
pub mod event;
pub mod file;
#[cfg(miri)]
mod interpreted;
mod lazy;
mod linux;
#[cfg(not(loom))]
mod pages;
#[cfg(loom)]
pub mod pages;
pub mod process;
pub mod program;
mod published;
mod shared;
pub mod signal;
pub mod socket;
mod tcp_info;
#[cfg(test)]
pub(crate) mod testing;
mod vdso;

pub use event::poll_now;
pub use lazy::{Lazy, Zeroed};
pub use linux::Linux;
pub use published::Published;
pub use shared::{Found, Mapping, Shared};
pub use tcp_info::TcpInfo;

/// The size in which memory is asked for.
pub const PAGE: usize = 4096;

/// The kernel as the engine sees it: calls that cannot block, the clock, and memory.
///
/// The shared object has one implementation, [`Linux`]; tests drive the engine with a pretended one.
pub trait Kernel {
    /// Make a system call that cannot block. Returns the kernel's answer: -4095..-1 is a negated errno.
    ///
    /// The pointers among `args` must be good for what that call reads and writes: only `sys` passes pointers of its own, an
    /// `op` only those the program gave it.
    fn call(&self, nr: i64, args: [usize; 6]) -> isize;

    /// CLOCK_MONOTONIC, nanoseconds. Never 0.
    fn now(&self) -> u64;

    /// The same, as of the last tick: at most a few ms behind, and a fifth of the price. Never ahead.
    fn coarse(&self) -> u64 {
        self.now()
    }

    /// `bytes` (a multiple of 4096) of zeroed memory that lives until the process ends; `None` when there is none.
    ///
    /// An implementation must return memory that nobody else uses, aligned to 4096: [`Lazy`] builds references on it.
    fn pages(&self, bytes: usize) -> Option<core::ptr::NonNull<u8>>;

    /// CLOCK_REALTIME, nanoseconds since 1970. For records only: it jumps.
    fn realtime(&self) -> u64 {
        clock::by_syscall(self, libc::CLOCK_REALTIME)
    }

    /// Like [`Kernel::pages`], but zeroed again in every forked child. `None` also where the kernel (before 4.14) cannot.
    fn wiped_pages(&self, _bytes: usize) -> Option<core::ptr::NonNull<u8>> {
        None
    }

    /// Take back pages that [`Kernel::pages`] gave and nobody wrote to. The default keeps them unused for ever.
    ///
    /// # Safety
    /// `pages` and `bytes` are those of one call of `pages`; the memory is still all zero and nobody holds a pointer to it.
    unsafe fn give_back(&self, _pages: core::ptr::NonNull<u8>, _bytes: usize) {}
}

/// The kernel's answer as a `Result`: the error is a positive errno.
#[inline]
pub fn answer(returned: isize) -> Result<usize, i32> {
    if (-4095..0).contains(&returned) {
        Err(returned.wrapping_neg() as i32)
    } else {
        Ok(returned as usize)
    }
}
