//! What the tests run is built here: the library, the command, mutants of both, small C programs.
//!
//! Nothing is run here; that is `program`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Whose libc a C program is linked to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Libc {
    /// cc
    Glibc,
    /// musl-gcc
    Musl,
}

/// The top of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository")
}

/// Cargo's target directory: the test binaries lie in its `debug/deps`.
fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    test.ancestors().nth(3).expect("target/debug/deps/test").to_path_buf()
}

/// A directory of `name`'s own for what it builds and writes, kept between runs.
pub fn scratch(name: &str) -> PathBuf {
    let path = target().join("scratch").join(name);
    std::fs::create_dir_all(&path).expect("the target directory is writable");
    path
}

/// The built library: `NETDEADLINE_LIB`, else built from this checkout.
pub fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| match std::env::var_os("NETDEADLINE_LIB") {
        Some(path) => PathBuf::from(path).canonicalize().expect("NETDEADLINE_LIB names a file"),
        None => release().join("libnetdeadline.so"),
    })
}

/// The built command: `NETDEADLINE_COMMAND`, else built from this checkout.
pub fn command() -> &'static Path {
    static COMMAND: OnceLock<PathBuf> = OnceLock::new();
    COMMAND.get_or_init(|| match std::env::var_os("NETDEADLINE_COMMAND") {
        Some(path) => PathBuf::from(path).canonicalize().expect("NETDEADLINE_COMMAND names a file"),
        None => release().join("netdeadline"),
    })
}

fn release() -> PathBuf {
    // Only the root package: together with this one the features of `libc` would be united, and std linked in.
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| cargo(root(), &target(), "", &["build", "--release", "-q", "-p", "netdeadline"]));
    target().join("release")
}

/// Run cargo on the workspace in `directory`, into `target`, with RUSTFLAGS `flags`. Panics with its output if it fails.
pub fn cargo(directory: &Path, target: &Path, flags: &str, args: &[&str]) {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(directory).args(args).arg("--target-dir").arg(target);
    if !flags.is_empty() {
        cargo.env("RUSTFLAGS", flags);
    }
    succeed(&mut cargo);
}

/// Compile the C program `source` (a path below `tests/tests`) with `flags` behind it.
///
/// `None` where there is no compiler for that libc; never for glibc, without which nothing here can be tested.
pub fn compile(source: &str, libc: Libc, flags: &[&str]) -> Option<PathBuf> {
    let compiler = match libc {
        Libc::Glibc => "cc",
        Libc::Musl => "musl-gcc",
    };
    if libc == Libc::Musl && !on_path(compiler) {
        return None;
    }
    let source = root().join("tests/tests").join(source);
    let stem = source.file_stem().and_then(OsStr::to_str).expect("a source has a name");
    // Tests run in parallel, and several may want the same program: each compiles its own and renames it into place.
    let program = scratch("c").join(format!("{stem}.{compiler}"));
    let fresh = program.with_extension(format!("{compiler}.{:?}", std::thread::current().id()));
    let warnings = ["-std=c11", "-D_GNU_SOURCE", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"];
    succeed(Command::new(compiler).args(warnings).arg("-o").arg(&fresh).arg(&source).args(flags));
    std::fs::rename(&fresh, &program).expect("both are in the same directory");
    Some(program)
}

fn on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
}
