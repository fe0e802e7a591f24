//! Programs of every kind that the command can meet, and places to put them. Asserts nothing about the command.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use netdeadline_tests::{command, library, scratch, Finished, Program};

/// The command with these arguments.
pub fn nd(arguments: &[&str]) -> Program {
    Program::new(installed().join("netdeadline")).args(arguments)
}

/// The command and the library side by side in a directory of ours, as `cargo build` leaves them.
fn installed() -> &'static Path {
    static INSTALLED: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    INSTALLED.get_or_init(|| {
        let directory = folder("installed");
        install(&directory.join("netdeadline"), Some(&directory.join("libnetdeadline.so")));
        directory
    })
}

/// Where `nd` finds its library.
pub fn installed_library() -> PathBuf {
    installed().join("libnetdeadline.so")
}

/// Copy the command to one place, and the library to another.
pub fn install(to: &Path, library_to: Option<&Path>) {
    place(command(), to);
    if let Some(library_to) = library_to {
        place(library(), library_to);
    }
}

/// Copy a file that is to be executed. By cp: were the copy open for writing here, a child that another test forks just
/// then would hold it, and executing it would fail with ETXTBSY.
pub fn place(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a file lies in a folder")).expect("the scratch directory is writable");
    let copied = Command::new("cp").args(["--remove-destination", "--"]).args([from, to]).status();
    assert!(copied.is_ok_and(|status| status.success()), "cp {from:?} {to:?}");
}

/// Write a file that is to be executed.
pub fn put(to: &Path, content: &[u8]) {
    let part = to.with_extension("part");
    fs::write(&part, content).expect("the scratch directory is writable");
    place(&part, to);
    fs::remove_file(part).expect("it was just written");
}

/// An empty folder of this test's own.
pub fn folder(name: &str) -> PathBuf {
    let path = scratch("command").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("the scratch directory is writable");
    path.canonicalize().expect("it was just made")
}

/// Compile a C program, given as text, to `to`.
pub fn build(compiler: &str, to: &Path, source: &str, flags: &[&str]) -> bool {
    if !on_path(compiler) {
        println!("skipped: no {compiler} here");
        return false;
    }
    let text = to.with_extension("c");
    fs::write(&text, source).expect("the scratch directory is writable");
    let output = Command::new(compiler).arg("-o").arg(to).arg(&text).args(flags).output().expect("it is on PATH");
    assert!(output.status.success(), "{compiler} {flags:?}: {}", String::from_utf8_lossy(&output.stderr));
    true
}

/// Compile a Go program, given as text, to `to`. False, and said, where there is no go.
pub fn build_go(to: &Path, source: &str, cgo: &str, flags: &[&str]) -> bool {
    if !on_path("go") {
        println!("skipped: no go here");
        return false;
    }
    let text = to.with_extension("go");
    fs::write(&text, source).expect("the scratch directory is writable");
    let mut go = Command::new("go");
    go.env("CGO_ENABLED", cgo).env("GOTOOLCHAIN", "local").env("GOFLAGS", "").env("GO111MODULE", "off");
    let output = go.arg("build").args(flags).arg("-o").args([to, &text]).output().expect("it is on PATH");
    assert!(output.status.success(), "go {flags:?}: {}", String::from_utf8_lossy(&output.stderr));
    true
}

/// The smallest program of Go's that says something; with package net, so that it uses libc where it may.
pub const SAYS_GO: &str = "package main\nimport (\"fmt\"; \"net\")\nfunc main() { if _, err := net.Interfaces(); err == nil { fmt.Println(\"ran\") } }\n";

/// The bytes by which Go's Syscall6 is known (src/go/find.rs).
pub const SYSCALL6: [u8; 21] = [
    0x49, 0x89, 0xf2, 0x48, 0x89, 0xfa, 0x48, 0x89, 0xce, 0x48, 0x89, 0xdf, 0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff,
    0xff, 0x76,
];

/// The smallest program, dynamic, glibc.
pub fn plain(to: &Path) {
    assert!(build("cc", to, "int main(void) { return 0; }", &[]), "there is no cc");
}

pub fn on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
}

/// The program that prints what it inherits.
pub fn witness(folder: &Path) -> PathBuf {
    let program = folder.join("witness");
    assert!(build("cc", &program, include_str!("witness.c"), &["-D_GNU_SOURCE", "-O1"]), "there is no cc");
    program
}

/// Write an executable text.
pub fn script(to: &Path, text: impl AsRef<[u8]>) {
    put(to, text.as_ref());
    mode(to, 0o755);
}

pub fn mode(file: &Path, mode: u32) {
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("the file is ours");
}

/// Change some bytes of a file.
pub fn patch(file: &Path, offset: usize, bytes: &[u8]) {
    let mut content = fs::read(file).expect("it is there");
    content[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(file, &content);
    mode(file, 0o755);
}

/// A C program that bears the mark of Go 1.99.1 in the form that Go has had since 1.18.
pub const LIKE_GO: &str = r#"
__attribute__((section(".go.buildinfo"), used, aligned(16)))
char mark[64] = "\377 Go buildinf:\010\002\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\010go1.99.1";
int main(void) { return 0; }
"#;

pub fn text(path: &Path) -> &str {
    path.to_str().expect("scratch paths are UTF-8")
}

pub fn is_root() -> bool {
    // SAFETY: it takes nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// It ended with this code, after one line on stderr that holds each of these words.
#[track_caller]
pub fn refused(finished: &Finished, code: i32, words: &[&str]) {
    assert_eq!(finished.code(), Some(code), "{finished:#?}");
    assert_eq!(finished.stdout, "", "it was started, or something was said to the wrong reader: {finished:#?}");
    assert!(finished.stderr.starts_with("netdeadline: ") && finished.stderr.ends_with('\n'), "{finished:#?}");
    assert_eq!(finished.stderr.lines().count(), 1, "more than one line: {finished:#?}");
    for word in words {
        assert!(finished.stderr.contains(word), "no {word:?}: {finished:#?}");
    }
}
