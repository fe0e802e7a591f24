//! Callers that are not C: Python by ctypes (tests/ffi/*.py), which loads the library with dlopen, and a Rust program that links
//! to it (tests/ffi/linked.rs). What each function must do is asked there and in c-tests; here they are built and run.

use netdeadline_tests::{library, root, scratch, Finished, Program};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The value of a macro of the header.
fn macro_of_the_header(name: &str) -> String {
    let header = std::fs::read_to_string(root().join("include/netdeadline.h")).expect("the header is committed");
    let line = header.lines().find_map(|line| line.strip_prefix(&format!("#define {name} ")));
    line.unwrap_or_else(|| panic!("no {name} in the header")).trim().to_string()
}

/// One file of Python tests, in a process where the library is loaded by dlopen, or is preloaded too.
fn python(file: &str, preloads: &[&Path]) {
    let mut program = Program::new("python3").args(["-B", "-m", "unittest", "-v", file]).env("ND_LIBRARY", library());
    program = program.env("PYTHONPATH", root().join("tests/ffi")).bound(Duration::from_secs(60));
    for part in ["MAJOR", "MINOR", "PATCH"] {
        let name = format!("ND_VERSION_{part}");
        program = program.env(&name, macro_of_the_header(&name));
    }
    if !preloads.is_empty() {
        program = program.preload(preloads);
    }
    let finished = program.run();
    assert_eq!(finished.code(), Some(0), "{}\n{}", finished.stdout, finished.stderr);
    // A file in which no test was found succeeds as well.
    assert!(finished.stderr.contains("\nOK") && finished.stderr.contains(" ... ok"), "{}", finished.stderr);
}

#[test]
fn python_has_every_function_by_dlopen() {
    python("calls_test", &[]);
}

#[test]
fn python_has_every_function_in_a_preloaded_process() {
    python("calls_test", &[library()]);
}

#[test]
fn pythons_threads_wait_and_its_numbers_come_back_unseen() {
    python("waits_test", &[]);
}

#[test]
fn pythons_threads_wait_and_its_numbers_come_back_in_a_preloaded_process() {
    python("waits_test", &[library()]);
}

/// tests/ffi/linked.rs, linked to the library under both its names.
fn linked() -> PathBuf {
    let directory = scratch("ffi");
    for name in ["libnetdeadline.so", "libnetdeadline.so.0"] {
        let link = directory.join(name);
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(library(), &link).expect("the target directory is writable");
    }
    let program = directory.join("linked");
    let built = Command::new("rustc")
        .args(["--edition", "2021", "-O", "-D", "warnings", "-o"])
        .arg(&program)
        .arg(root().join("tests/ffi/linked.rs"))
        .arg("-L")
        .arg(&directory)
        .arg(format!("-Clink-arg=-Wl,-rpath,{}", directory.display()))
        .output()
        .expect("rustc runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    program
}

#[test]
fn a_rust_program_that_links_to_it_has_deadlines_on_stds_sockets() {
    let finished: Finished = Program::new(linked()).run().succeeded();
    let version = ["MAJOR", "MINOR", "PATCH"].map(|part| macro_of_the_header(&format!("ND_VERSION_{part}")));
    assert_eq!(finished.stdout.trim(), version.join("."));
}
