//! No panic can be reached in the shared object: it would end a program that never asked for us.
//!
//! The check build's panic handler calls a function that exists nowhere. The linker drops the handler when nothing reaches it,
//! so the name is left undefined in the library exactly when some panic survived the optimiser. A second build, with a stray
//! index put in, shows that the check can see.

use std::path::{Path, PathBuf};
use std::process::Command;

use netdeadline_tests::{cargo, root, scratch};
use object::{Object, ObjectSymbol};

const MARK: &str = "nd_a_panic_is_reachable";

/// Build the library of the workspace at `source` with the marking handler; whether the mark is in it.
fn a_panic_is_reachable(source: &Path) -> bool {
    let target = scratch("no-panic");
    cargo(
        source,
        &target,
        "--cfg nd_check_panic",
        &["build", "--release", "-q", "-p", "netdeadline", "--lib", "--no-default-features"],
    );
    let image = std::fs::read(target.join("release/libnetdeadline.so")).expect("it was built");
    let file = object::File::parse(&*image).expect("an ELF file");
    let reachable = file.dynamic_symbols().any(|symbol| symbol.is_undefined() && symbol.name() == Ok(MARK));
    assert!(file.dynamic_symbols().any(|symbol| symbol.name() == Ok("read")), "the doors are not in the check build");
    reachable
}

/// A copy of the workspace in which the library exports one more function, with an index that the caller chooses.
fn with_a_stray_index() -> PathBuf {
    let copy = scratch("stray-index");
    // A file that has gone from the sources must not live on in the copy. There is none the first time.
    let _ = std::fs::remove_dir_all(copy.join("src"));
    for part in
        ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "build.rs", "src", "tests/Cargo.toml", "tests/lib.rs"]
    {
        let to = copy.join(part);
        let directory = to.parent().expect("it lies in the copy");
        std::fs::create_dir_all(directory).expect("the target directory is writable");
        let copied = Command::new("cp").arg("-R").arg(root().join(part)).arg(directory).status();
        assert!(copied.is_ok_and(|status| status.success()), "{part}");
    }
    let library = copy.join("src/lib.rs");
    let mut text = std::fs::read_to_string(&library).expect("it was copied");
    text.push_str(
        "
        #[no_mangle]
        extern \"C\" fn nd_stray_index(at: usize) -> u8 {
            [1, 2, 3][at]
        }
        ",
    );
    std::fs::write(&library, text).expect("the copy is writable");
    copy
}

// One test, not two: the builds share a target directory, and so all that does not differ.
#[test]
fn no_panic_is_reachable_and_a_stray_index_would_be_seen() {
    assert!(!a_panic_is_reachable(root()), "a panic can be reached in the library");
    assert!(a_panic_is_reachable(&with_a_stray_index()), "the check does not see a stray index");
}
