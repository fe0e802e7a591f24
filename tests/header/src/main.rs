//! `header CBINDGEN.TOML CAPI.RS`: prints the C header that cbindgen makes of a Rust file. Who compares or writes it is not said
//! here: that are `./x` and tests/tests/header.
//!
//! Only that one file is read: no other's names can come in.

use cbindgen::{Builder, Config};
use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, process};

fn main() -> ExitCode {
    let files: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [config, source] = &files[..] else {
        eprintln!("usage: header CBINDGEN.TOML CAPI.RS");
        return ExitCode::from(2);
    };
    match header(config, source) {
        Ok(header) => {
            print!("{header}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("header: {}: {error}", source.display());
            ExitCode::FAILURE
        }
    }
}

fn header(config: &PathBuf, source: &PathBuf) -> Result<String, String> {
    let config = Config::from_file(config)?;
    let text = fs::read_to_string(source).map_err(|error| error.to_string())?;
    let prepared = env::temp_dir().join(format!("netdeadline-capi.{}.rs", process::id()));
    fs::write(&prepared, for_cbindgen(&text)).map_err(|error| format!("{}: {error}", prepared.display()))?;
    let bindings = Builder::new().with_config(config).with_src(&prepared).generate();
    // What cannot be removed lies in a directory for such files.
    let _ = fs::remove_file(&prepared);
    let mut header = Vec::new();
    bindings.map_err(|error| error.to_string())?.write(&mut header);
    String::from_utf8(header).map(|header| compact(&header)).map_err(|error| error.to_string())
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
