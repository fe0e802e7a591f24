//! The libc door: libc's names.
//!
//! Rules of this house. A function here has the name and type of libc's and does three things: asks the engine whether the fd
//! concerns us (one load), hands the call to an `op`, and performs the steps it answers with libc's own next function, so
//! that cancellation points, other preloads and libc's bookkeeping stay as they are. errno is touched only on failure. No
//! lock is held and nothing is owed while a call waits: pthread_cancel and siglongjmp may leave from there. Anything that
//! decides about deadlines belongs in the engine.
//!
//! Unsafe here means: the program's pointers go to the next function as they came, and nobody looks at them.

mod connections;
mod exec;
mod fds;
mod options;
mod process;
mod reading;
mod sandbox;
mod second_names;
mod syscall;
mod waits;
mod writing;
