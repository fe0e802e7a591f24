//! The command `netdeadline`.
fn main() {}
