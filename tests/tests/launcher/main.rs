//! The launcher from outside: what a static program sees of being started by it, what its parent sees, and what happens when
//! something goes wrong half way. What deadlines do to Go's calls is tested by go-tests.
//!
//! The built command and library come from `NETDEADLINE_COMMAND` and `NETDEADLINE_LIB`, else from this checkout. Some tests put
//! a library of their own beside the command (stub.c), which behaves as the real one never should.

mod children;
#[allow(dead_code, reason = "the tests of the command share it")]
#[path = "../command/furniture.rs"]
mod furniture;
mod half_way;
mod identity;
mod places;
mod refusal;
mod running;
mod stage;
