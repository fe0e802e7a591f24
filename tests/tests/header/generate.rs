//! The header as it should be. It is made by tests/header, which `./x header` runs as well.

use netdeadline_tests::{root, scratch};
use std::path::Path;
use std::process::Command;

/// The whole header.
pub fn header() -> String {
    header_of(&root().join("src/capi.rs"))
}

/// The header of another capi.rs.
pub fn header_of(source: &Path) -> String {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root().join("tests/header")).args(["run", "-q", "--locked", "--target-dir"]);
    // The directory that ./x has for it, too: what cbindgen needs is compiled once.
    cargo.arg(scratch("header-generator")).arg("--").arg(root().join("cbindgen.toml")).arg(source);
    let output = cargo.output().expect("there is cargo");
    assert!(output.status.success(), "{cargo:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("cbindgen writes UTF-8")
}
