//! Which deadlines the operator wants: rules by destination, read from text, asked once per connection.
//!
//! ```text
//! # selector               deadlines
//! to 10.0.0.0/8:5432       connect=500ms read=off
//! to [fd00::/8]:6379       connect=200ms read=2s
//! to unix:/run/app/*.sock  read=5s
//! on :8080                 read=60s write=auto lifetime=1h
//! to *                     connect=2s read=5m write=30s
//! ```
//!
//! `to` selects by the destination of a connect, `on` by the local address of accepted sockets. For each class the first
//! matching rule that names it decides. A newline or `;` ends a rule; `#` where a word could start begins a comment.
//!
//! Everything here is plain data: no syscall, no allocation, no unsafe, no reachable panic. Clocks and when they run belong to
//! `op`; reading variables and files belongs to the doors.

mod addr;
mod class;
mod decide;
mod duration;
mod error;
mod escape;
mod glob;
mod ip;
mod parse;
mod rule;
mod selector;
mod timeout;
mod word;

#[cfg(test)]
mod tests;

pub use addr::Addr;
pub use class::{Class, Origin};
pub use decide::{Decision, Policy};
pub use duration::Duration;
pub use error::{Error, Found, Named};
pub use escape::Escaped;
pub use rule::{Rule, Side};
pub use selector::Selector;
pub use timeout::{Auto, Base, Timeout};
