//! The environment: what is there, what the program will get. Which value a variable may have is settings.rs's.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::error::Failure;
use crate::text;

/// Every variable of netdeadline, as SEMANTICS.md lists them.
pub const VARIABLES: [&str; 14] = [
    "NETDEADLINE_CONNECT",
    "NETDEADLINE_RESPONSE",
    "NETDEADLINE_READ",
    "NETDEADLINE_WRITE",
    "NETDEADLINE_LIFETIME",
    "NETDEADLINE_RULES",
    "NETDEADLINE_CONFIG",
    "NETDEADLINE_MODE",
    "NETDEADLINE_LOG",
    "NETDEADLINE_LOG_FORMAT",
    "NETDEADLINE_STATS",
    "NETDEADLINE_SO_TIMEO",
    "NETDEADLINE_IO_URING",
    "NETDEADLINE_CHILDREN",
];

extern "C" {
    static environ: *const *const libc::c_char;
}

/// A variable that is set to something; an empty one is as good as none.
pub fn ambient(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// A variable that is meant for us and misspelt would silently be no deadline.
pub fn refuse_misspelt() -> Result<(), Failure> {
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with("NETDEADLINE") && !VARIABLES.contains(name))
        else {
            continue;
        };
        // One letter in three may be wrong: NETDEADLINE_LIB, say, is another's and not a bad NETDEADLINE_LOG.
        let near = |known: &&str| distance(name, known) <= (known.len() - "NETDEADLINE_".len()) / 3;
        if let Some(meant) = VARIABLES.into_iter().find(near) {
            let name = text::printable(name.as_bytes());
            return Err(Failure::own(format!("{name} is no variable of netdeadline, expected {meant}")));
        }
    }
    Ok(())
}

/// How many letters must be put in, left out or replaced to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut before = i + 1;
        for (cell, right) in row.iter_mut().skip(1).zip(b.bytes()) {
            let best = (diagonal + usize::from(left != right)).min(before + 1).min(*cell + 1);
            (diagonal, before) = (*cell, best);
            *cell = best;
        }
        row[0] = i + 1;
    }
    row.last().copied().unwrap_or_default()
}

/// The environment as bytes, entry by entry: what is odd in it (no `=`, a name twice) goes through untouched.
pub struct Environment(Vec<CString>);

impl Environment {
    /// A copy of our own.
    pub fn own() -> Self {
        let mut entries = Vec::new();
        // SAFETY: nothing in this program changes the environment, and it ends with a null pointer.
        unsafe {
            let mut next = environ;
            while !next.is_null() && !(*next).is_null() {
                entries.push(CStr::from_ptr(*next).to_owned());
                next = next.add(1);
            }
        }
        Environment(entries)
    }

    /// Give a variable a value, in its old place where it has one.
    pub fn set(&mut self, name: &str, value: &OsStr) -> Result<(), Failure> {
        let entry = CString::new([name.as_bytes(), b"=", value.as_bytes()].concat())
            .map_err(|_| Failure::own(format!("{name} cannot hold a NUL byte")))?;
        let ours =
            |entry: &CString| entry.as_bytes().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="));
        match self.0.iter_mut().find(|entry| ours(entry)) {
            Some(place) => *place = entry,
            None => self.0.push(entry),
        }
        Ok(())
    }

    /// The entries, for execve.
    pub fn into_entries(self) -> Vec<CString> {
        self.0
    }
}
