//! The committed BPF object is what its source makes.

use std::process::Command;

use netdeadline_tests::root;

use crate::stage::file;

/// Of which clang the committed object is.
const CLANG: &str = "clang version 14.0.6";

/// Build the object of the sources in `bpf` there; None, and said, where there is no such clang.
pub fn build(bpf: &std::path::Path) -> Option<Vec<u8>> {
    let version = Command::new("clang").arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let strip = Command::new("llvm-strip").arg("--version").output().is_ok();
    if !version.contains(CLANG) || !strip {
        let found = version.lines().next().unwrap_or("none");
        println!(
            "skipped: the committed object is of {CLANG} with llvm-strip (Debian 12: clang, llvm); here is {found}"
        );
        return None;
    }
    let out = file("o");
    let built = Command::new(bpf.join("build")).arg(&out).current_dir("/").output().expect("it is a script");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let bytes = std::fs::read(&out).expect("it was just built");
    let _ = std::fs::remove_file(out);
    Some(bytes)
}

#[test]
fn the_committed_object_is_what_clang_makes_of_its_source_byte_for_byte() {
    let committed = std::fs::read(root().join("src/bpf/trace.bpf.o")).expect("it is committed");
    let Some(here) = build(&root().join("src/bpf")) else { return };
    assert!(here == committed, "src/bpf/trace.bpf.o is not of its source any more: run src/bpf/build, and commit it");
    // And from elsewhere: no path gets into it.
    let copy = file("bpf");
    let copied = Command::new("cp").args(["-r"]).arg(root().join("src/bpf")).arg(&copy).status();
    assert!(copied.is_ok_and(|status| status.success()));
    assert!(build(&copy).as_ref() == Some(&committed), "a path of this machine is in the object");
    let _ = std::fs::remove_dir_all(copy);
}
