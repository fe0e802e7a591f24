//! What the doors share of the process around them: its start, its environment, its children, its sandbox.
//!
//! Nothing of libc's is used but a few weak names, for half of the processes we are in have none. What a deadline does to a
//! call is the engine's; by which name or number a call comes in is the doors'.

pub mod child;
pub mod environment;
mod handover;
mod launcher;
mod program;
pub mod raw;
pub mod sandbox;
pub mod setup;
pub mod unprotected;
pub mod weak;
