//! `./x symbols`: prints tests/abi.txt as it should be.

#[path = "../tests/header/abi.rs"]
mod abi;

fn main() {
    print!("{}", abi::list(&abi::committed()));
}
