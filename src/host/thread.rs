//! Which thread this is, without TLS of our own: the address of its errno is its own while it lives.

use super::errno;
use crate::ENGINE;
use netdeadline_engine::sys::process;

/// A number that no other living thread of this process has; never 0.
pub fn key() -> usize {
    match errno::address() {
        // Without a libc.
        0 => process::tid(&ENGINE.kernel) as usize,
        address => address,
    }
}
