//! Go's door from the outside: its code as the linker laid it down, its search for Syscall6 in real and in hostile bytes, and
//! odd libraries that must not trouble it.
//!
//! What the door does to real Go programs is in go-tests.

mod fake;
mod hostile;
mod leaves;
mod made;
mod objects;
mod programs;

// The file that the library and the command include.
#[allow(dead_code)]
#[path = "../../../src/go/find.rs"]
mod find;
