//! The engine: what a deadline does to a socket call.
//!
//! No libc, no TLS, no allocation, no reachable panic, and it never blocks: a door (libc's names, Go's syscall function, the
//! C API) hands a call in, gets a `Step` back and performs it. Nothing here knows which door that is.
//!
//! Calls go down only: op -> table / policy / set -> sys. What a user reads (records, rules) is data here; only the command
//! prints.
#![no_std]

pub mod evidence;
pub mod policy;
pub mod sys;
