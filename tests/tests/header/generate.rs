//! include/netdeadline.h, as cbindgen makes it of src/capi.rs and cbindgen.toml. Who compares or writes it is not said here.

use cbindgen::{Builder, Config};
use netdeadline_tests::{root, scratch};

/// The whole header.
pub fn header() -> String {
    header_of(&std::fs::read_to_string(root().join("src/capi.rs")).expect("src/capi.rs is there"))
}

/// The header of another capi.rs. Only that one file is read: no other's names can come in.
pub fn header_of(source: &str) -> String {
    // Tests run in parallel, each with a file of its own.
    let file = scratch("header").join(format!("capi.{:?}.rs", std::thread::current().id()));
    std::fs::write(&file, for_cbindgen(source)).expect("the target directory is writable");
    let config = Config::from_file(root().join("cbindgen.toml")).expect("cbindgen.toml is one of its files");
    let bindings = Builder::new().with_config(config).with_src(&file).generate();
    let mut header = Vec::new();
    bindings.unwrap_or_else(|error| panic!("cbindgen: {error}")).write(&mut header);
    compact(&String::from_utf8(header).expect("cbindgen writes UTF-8"))
}

/// Without the `# Safety` sections, which clippy wants: they say what every C function asks of its pointers.
fn for_cbindgen(source: &str) -> String {
    let mut kept: Vec<String> = Vec::new();
    let mut in_safety = false;
    for line in source.lines() {
        let comment = line.trim_start().strip_prefix("///").map(str::trim);
        in_safety = comment == Some("# Safety") || (in_safety && comment.is_some());
        if in_safety {
            // The empty line that led to it goes, too.
            if kept.last().is_some_and(|last| last.trim() == "///") {
                kept.pop();
            }
            continue;
        }
        // cbindgen knows C's ssize_t by its name only; of isize it makes ptrdiff_t.
        kept.push(line.replace("-> isize", "-> ssize_t"));
    }
    kept.join("\n")
}

/// Comments of one line on one line.
fn compact(header: &str) -> String {
    let lines: Vec<&str> = header.lines().collect();
    let mut text = String::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        let (indent, is_open) = (line.len() - line.trim_start().len(), line.trim() == "/**");
        match lines.get(at + 1..at + 3) {
            Some([only, close]) if is_open && close.trim() == "*/" => {
                let only = only.trim().trim_start_matches("* ");
                text += &format!("{}/** {only} */\n", " ".repeat(indent));
                at += 3;
            }
            _ => {
                text += &format!("{line}\n");
                at += 1;
            }
        }
    }
    text
}
