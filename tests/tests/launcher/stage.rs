//! The programs that are launched here, and libraries that go wrong on purpose. Asserts nothing about the launcher.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use netdeadline_tests::{cargo, library, root, scratch};

use crate::furniture::{build, build_go, install, place, LIKE_GO};

/// witness.go, static. None, and said, where there is no go.
pub fn witness() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    built(&BUILT, "witness", "0")
}

/// witness.go, dynamic.
pub fn dynamic_witness() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    built(&BUILT, "dynamic-witness", "1")
}

fn built(cell: &'static OnceLock<Option<PathBuf>>, name: &str, cgo: &str) -> Option<&'static Path> {
    let build = || {
        let file = scratch("launcher").canonicalize().expect("it was just made").join(name);
        build_go(&file, include_str!("witness.go"), cgo, &[]).then_some(file)
    };
    let found = cell.get_or_init(build).as_deref();
    if found.is_none() {
        println!("skipped: no go here");
    }
    found
}

/// The mark of Go in a static C program, with this `main`.
pub fn marked(to: &Path, source: &str) {
    let source = LIKE_GO.replace("int main(void) { return 0; }", source);
    assert!(build("cc", to, &source, &["-static", "-O1", "-D_GNU_SOURCE"]), "there is no cc");
}

pub const SAYS: &str = "#include <stdio.h>\nint main(void) { puts(\"ran\"); return 0; }";

/// The command, and beside it a stub that behaves as `how` says; the command's path.
pub fn stub(folder: &Path, how: &str) -> PathBuf {
    let command = folder.join("netdeadline");
    install(&command, None);
    let flags = [&format!("-D{how}"), &format!("-DBUILD=\"{}\"", build_id()), "-shared", "-fPIC", "-O1", "-nostdlib"];
    let more = ["-fno-stack-protector", "-Wl,-e,enter", "-Wl,-z,now", "-Wl,-soname,libnetdeadline.so.0"];
    let built = folder.join("stub");
    assert!(build("cc", &built, include_str!("stub.c"), &[&flags[..], &more].concat()), "there is no cc");
    place(&built, &folder.join("libnetdeadline.so"));
    command
}

/// Where the build's id stands in the library's file.
pub fn build_id_at(image: &[u8]) -> usize {
    const START: &[u8] = b"\x0c\0\0\0\x20\0\0\0\x01\0\0\0netdeadline\0";
    let at = image.windows(START.len()).position(|window| window == START);
    at.expect("the library bears a note") + START.len()
}

fn build_id() -> String {
    let image = std::fs::read(library()).expect("the library was built");
    let at = build_id_at(&image);
    String::from_utf8(image[at..at + 32].to_vec()).expect("hexadecimal digits")
}

/// The command, linked statically: `NETDEADLINE_STATIC`, else built here.
pub fn static_command() -> PathBuf {
    if let Some(built) = std::env::var_os("NETDEADLINE_STATIC") {
        return PathBuf::from(built);
    }
    let target = scratch("static-command");
    let args = [
        "rustc",
        "--release",
        "-q",
        "-p",
        "netdeadline",
        "--bin",
        "netdeadline",
        "--",
        "-C",
        "target-feature=+crt-static",
    ];
    cargo(root(), &target, "", &args);
    target.join("release/netdeadline")
}

/// A deadline of 300 ms ended a read of the witness's.
#[track_caller]
pub fn timed_out(stdout: &str) {
    let words =
        stdout.lines().find_map(|line| line.strip_prefix("timeout true after ")).unwrap_or_else(|| panic!("{stdout}"));
    let ms: u64 = words.split(' ').next().and_then(|ms| ms.parse().ok()).expect("milliseconds");
    assert!(ms >= 300, "early: {stdout}");
    assert!(ms < 5300, "late: {stdout}");
}
