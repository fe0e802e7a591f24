//! What a system call made by its number means, where that differs from libc's function of the same name: masks come with
//! their size, and a wait writes back what is left of its time. For syscall(2) and for Go, which calls by number only.

use crate::ENGINE;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use netdeadline_engine::sys::{program, Kernel};

/// The size of the kernel's signal mask.
pub const MASK: usize = 8;

/// The size of a timespec.
const TIME: usize = 16;

const IO_URING: &str = "io_uring_setup was let through (NETDEADLINE_IO_URING=allow): what it carries has no deadline";

fn words(address: usize) -> Option<[usize; 2]> {
    let mut bytes = [0; TIME];
    if !program::copy_in(&ENGINE.kernel, &mut bytes, address) {
        return None;
    }
    let (first, second) = bytes.split_at(8);
    let word = |bytes: &[u8]| bytes.try_into().map_or(0, usize::from_ne_bytes);
    Some([word(first), word(second)])
}

/// ns of a time in ms; negative means for ever.
pub fn milliseconds(ms: usize) -> u64 {
    u64::try_from(ms as i32).map_or(u64::MAX, |ms| ms * 1_000_000)
}

/// ns of a timespec at any address; null means for ever. `None` if the kernel will refuse it.
pub fn timespec(time: usize) -> Option<u64> {
    if time == 0 {
        return Some(u64::MAX);
    }
    match words(time)?.map(|word| word as i64) {
        [seconds @ 0..=i64::MAX, ns @ 0..=999_999_999] => {
            Some((seconds as u64).saturating_mul(1_000_000_000).saturating_add(ns as u64).min(u64::MAX - 1))
        }
        _ => None,
    }
}

/// ns of a timeval at any address; null means for ever. `None` if the kernel will refuse it.
pub fn timeval(time: usize) -> Option<u64> {
    if time == 0 {
        return Some(u64::MAX);
    }
    match words(time)?.map(|word| word as i64) {
        [seconds @ 0..=i64::MAX, us @ 0..=i64::MAX] => {
            let us = (seconds as u64).saturating_mul(1_000_000).saturating_add(us as u64);
            Some(us.saturating_mul(1000).min(u64::MAX - 1))
        }
        _ => None,
    }
}

/// The time of a wait, of which ppoll and pselect6 write back what is left.
#[derive(Clone, Copy)]
pub struct Left {
    address: usize,
    given: u64,
    until: u64,
}

impl Left {
    /// Of the timespec at this address; `None` if there is nothing to write back.
    pub fn of(address: usize) -> Option<Left> {
        let given = timespec(address).filter(|given| address != 0 && *given != 0)?;
        Some(Left { address, given, until: ENGINE.kernel.now().saturating_add(given) })
    }

    /// The wait is over.
    pub fn write(&self) {
        let k = &ENGINE.kernel;
        let left = self.until.saturating_sub(k.now()).min(self.given);
        let mut bytes = [0; TIME];
        let (seconds, ns) = bytes.split_at_mut(8);
        seconds.copy_from_slice(&(left / 1_000_000_000).to_ne_bytes());
        ns.copy_from_slice(&(left % 1_000_000_000).to_ne_bytes());
        // Read-only memory is no reason to fail, nor is it for the kernel.
        program::copy_out(k, self.address, &bytes);
    }
}

/// The mask in pselect6's sixth argument, a pair of address and size: its address, or 0. `None` if it is not as libc would pass
/// it.
pub fn pselect_mask(pair: usize) -> Option<usize> {
    if pair == 0 {
        return Some(0);
    }
    let [address, size] = words(pair)?;
    (address == 0 || size == MASK).then_some(address)
}

/// May this program have an io_uring? It moves sockets past every hook; told that there is none, programs fall back to epoll.
pub fn allows_io_uring() -> bool {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !ENGINE.ruled() {
        return true;
    }
    let Some(settings) = ENGINE.settings.peek().filter(|settings| settings.io_uring) else { return false };
    if !SAID.swap(true, Relaxed) {
        settings.log.note(&ENGINE.kernel, IO_URING);
    }
    true
}
