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

/// A JSON string with its quotes. JSON is Unicode: bytes that are not have become U+FFFD before. It is read on terminals too: what
/// they would obey (U+202E turns a line around) and what ends a line in JavaScript (U+2028) is escaped, as in the evidence.
pub fn json(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() || !shows(c) => {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Is it shown as it is?
fn shows(c: char) -> bool {
    let mut bytes = [0; 4];
    let text = &*c.encode_utf8(&mut bytes);
    c.is_ascii() || printable(text.as_bytes()) == text
}
