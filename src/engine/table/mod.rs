//! What is known of each fd number, and of the socket behind it.
//!
//! A *slot* is one fd number's entry; a *description* is what dup'ed fds share. Both are found in two loads, are touched only
//! when a deadline concerns them, and are changed by single atomic operations: no lock, no allocation, usable from a signal
//! handler. No system call and no idea of what a deadline means belongs here (that is `op`).

mod cookies;
mod description;
mod doubled;
mod explicit;
mod loans;
mod measures;
mod scopes;
mod slot;
pub mod waiters;
mod word;

pub use description::{Description, Descriptions, Flag};
pub use explicit::{Expiry, Explicit, Source, FOREVER};
pub use loans::{Borrowed, Key, Loans};
pub use measures::{Measure, Measures, Running};
pub use scopes::{Refused, Scopes};
pub use slot::{Kind, Place, SlotWord, Slots, FDS};
pub use waiters::{Waiter, Waiters};
pub use word::{Deadline, State};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_api;
