//! `./x header` and `./x symbols`: prints include/netdeadline.h, or with the word `abi` tests/abi.txt, as they should be.
//!
//! An example, so that cbindgen stays a dependency of the tests alone.

#[path = "../tests/header/abi.rs"]
mod abi;
#[path = "../tests/header/generate.rs"]
mod generate;

fn main() {
    match std::env::args().nth(1).as_deref() {
        None => print!("{}", generate::header()),
        Some("abi") => print!("{}", abi::list(&abi::committed())),
        Some(word) => panic!("{word}? nothing, or abi"),
    }
}
