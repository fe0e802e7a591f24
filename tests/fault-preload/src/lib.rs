//! A preload that injects faults into the socket calls of a program, and counts the calls that came by.
//!
//! It stands for the many other preloads that ours must live beside, above or below. It is therefore written the customary way
//! (redhook, std, thread-local storage, allocation in hooks), not our way. What it injects is only what a kernel could do to
//! that very call.
//!
//! `FAULTS` names chances in a thousand: `eintr=200 short=300 reset=5 nobufs=5 delay=20 delay_us=500 seed=7`. `FAULT_COUNTS`
//! names a file that gets a line of `name=calls` when the process exits.

// All of it is redhook 2.0.0's macro, which was written for an older compiler.
#![allow(missing_abi, static_mut_refs)]

mod chance;
mod count;
mod hooks;
