//! Words as they may be shown. What is said does not belong here.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use netdeadline_engine::policy::Escaped;

/// Bytes for a terminal: a file's name cannot move the cursor or forge a second line.
pub fn printable(bytes: &[u8]) -> String {
    Escaped { bytes, special: b"" }.to_string()
}

/// A path for a terminal.
pub fn path(path: &Path) -> String {
    printable(path.as_os_str().as_bytes())
}

/// What the system says of an error, without its number: `Permission denied`.
pub fn reason(error: &io::Error) -> String {
    let words = error.to_string();
    words.split(" (os error").next().unwrap_or_default().to_owned()
}

/// A JSON string with its quotes. JSON is Unicode: bytes that are not have become U+FFFD before.
pub fn json(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
