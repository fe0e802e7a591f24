//! The ground: the one way from the engine to the kernel.

/// The kernel as the engine sees it: calls that cannot block, the clock, and memory.
///
/// The shared object has one implementation, [`Linux`]; tests drive the engine with a pretended one.
pub trait Kernel {
    /// Make a system call that cannot block. Returns the kernel's answer: -4095..-1 is a negated errno.
    fn call(&self, nr: i64, args: [usize; 6]) -> isize;

    /// CLOCK_MONOTONIC, nanoseconds. Never 0.
    fn now(&self) -> u64;

    /// `bytes` (a multiple of 4096) of zeroed memory that lives until the process ends; `None` when there is none.
    fn pages(&self, bytes: usize) -> Option<core::ptr::NonNull<u8>>;
}
