//! Helpers shared by the integration tests under `tests/tests/`: where the built files are, and programs that are run with a
//! bound. What only one test needs belongs beside that test.

mod built;
mod program;

pub use built::{cargo, command, compile, library, root, scratch, Libc};
pub use program::{Finished, Program};
