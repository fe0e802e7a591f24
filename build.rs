//! Link arguments of the shared object; nothing else.

use std::{env, fs, path::PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
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
        // Symbols are bound when we are loaded, never inside a signal handler.
        "-Wl,-z,now",
        "-Wl,-z,relro",
        "-Wl,-z,noexecstack",
        "-Wl,--build-id=sha1",
    ] {
        println!("cargo::rustc-link-arg-cdylib={arg}");
    }
}
