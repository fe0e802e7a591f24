//! Link arguments of the shared object; nothing else.

fn main() {
    // No libc, no start files, no libgcc: what is undefined is found in whichever libc the process already has.
    for arg in [
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
    println!("cargo::rerun-if-changed=build.rs");
}
