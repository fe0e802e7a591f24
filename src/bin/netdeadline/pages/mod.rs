//! Evidence pages as a reader meets them: which there are, and what stands in them.
//!
//! Everything here is untrusted (SECURITY.md 5): a page may be another user's, half written, or made to deceive. What is shown of
//! it, and how, is the commands'. The layout is the engine's (evidence/page.rs).

mod cause;
mod copy;
mod find;
mod flaw;
mod folder;
mod news;
mod open;
mod places;
mod process;
mod report;
mod show;
mod spread;

pub use cause::{as_json, as_line, cause};
pub use find::{all, of_file, of_process};
pub use news::News;
pub use process::is_running;
pub use report::{Destination, Report, Side, State};
pub use show::{count, duration, utc};
pub use spread::Waits;
