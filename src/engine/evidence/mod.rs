//! Why a call timed out: one record per expiry, as a line for a person or for a program.
//!
//! A timeout nobody can explain is no help to the person on call. What a record says is data here ([`Record`]); the formatters
//! turn it into one [`Line`] without allocation, the [`Limiter`] keeps a storm short, and [`Log`] writes without ever
//! blocking, killing or misdirecting. When a deadline expires is decided elsewhere. No payload byte ever comes here.

mod histogram;
mod json;
mod limiter;
mod line;
mod log;
mod output;
pub mod page;
pub mod place;
mod plain;
mod record;
mod time;

pub use histogram::{bucket, lower_bound, BUCKETS};
pub use json::{json, json_more, json_note};
pub use limiter::{Limiter, Verdict};
pub use line::Line;
pub use log::{Format, Log};
pub use plain::{plain, plain_more, plain_note};
pub use record::{transferred, Cause, Record, Who};

#[cfg(test)]
mod format_tests;
