//! What the doors share of the process around them: its start, its environment, its children, its sandbox, its libc.
//!
//! Half of the processes we are in have no libc: of its names a few are weak imports, and the rest (`next`) are looked up and may
//! be absent. What a deadline does to a call is the engine's; by which name or number a call comes in is the doors'.

pub mod child;
pub mod drive;
pub mod environment;
pub mod errno;
mod handover;
mod launcher;
pub mod manner;
pub mod next;
pub mod numbers;
mod program;
pub mod raw;
pub mod sandbox;
pub mod setup;
pub mod tell;
pub mod thread;
pub mod unprotected;
pub mod weak;
