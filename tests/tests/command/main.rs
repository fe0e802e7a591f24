//! The command as a user meets it: exit codes, refusals, words. What deadlines do to a program is tested elsewhere.
//!
//! The built command and library come from `NETDEADLINE_COMMAND` and `NETDEADLINE_LIB`, else from this checkout.

mod check;
mod environment;
mod exec;
mod furniture;
mod help;
mod hostile;
mod library;
mod policy;
mod refusal;
mod resolve;
mod scripts;
