//! Link arguments of the shared object, and the build's id, by which command and library know each other.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=ND_BUILD_ID={}", build_id());
    // The libc crate asks for -lc, and a linker that sees it writes glibc's symbol versions next to our four imports. An empty
    // libc of the same name keeps them unversioned: what is undefined is found in whichever libc the process already has.
    let empty = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("no-libc");
    fs::create_dir_all(&empty).expect("a directory in OUT_DIR");
    fs::write(empty.join("libc.so"), "/* nothing */\n").expect("a file in OUT_DIR");
    println!("cargo::rustc-link-arg-cdylib=-L{}", empty.display());
    for arg in [
        // No start files and no libgcc either.
        "-nostdlib",
        "-nostartfiles",
        "-Wl,--as-needed",
        "-Wl,-soname,libnetdeadline.so.0",
        // Constructors of other libraries may do I/O or start threads: ours runs before them.
        "-Wl,-z,initfirst",
        // Opened with dlopen it stays: a thread may wait inside, and what it holds open is not found again.
        "-Wl,-z,nodelete",
        // Symbols are bound when we are loaded, never inside a signal handler.
        "-Wl,-z,now",
        "-Wl,-z,relro",
        "-Wl,-z,noexecstack",
        "-Wl,--build-id=sha1",
        // Where the launcher jumps to in a program that has no loader (src/entry.rs).
        "-Wl,-e,nd_enter",
    ] {
        println!("cargo::rustc-link-arg-cdylib={arg}");
    }
}

/// A hash of everything that the command and the library are made of: two builds with the same id were made of the same sources.
/// It tells a mistake, not an attack (FNV-1a, 128 bits).
fn build_id() -> String {
    let mut hash = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128;
    let mut feed = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    };
    let mut files = Vec::new();
    for top in ["Cargo.lock", "Cargo.toml", "build.rs", "src"] {
        println!("cargo::rerun-if-changed={top}");
        collect(Path::new(top), &mut files);
    }
    files.sort();
    for file in files {
        let content = fs::read(&file).unwrap_or_default();
        feed(file.as_os_str().as_encoded_bytes());
        // A file's end is part of it: "ab" + "c" is not "a" + "bc".
        feed(&(content.len() as u64).to_le_bytes());
        feed(&content);
    }
    format!("{hash:032x}")
}

/// The files at and below `path`, but none that an editor keeps there.
fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(path) else { return files.push(path.to_path_buf()) };
    let ours = |path: &PathBuf| path.is_dir() || path.extension().is_some_and(|kind| kind == "rs" || kind == "toml");
    for path in entries.flatten().map(|entry| entry.path()).filter(ours) {
        collect(&path, files);
    }
}
