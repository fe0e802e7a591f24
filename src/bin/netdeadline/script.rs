//! What a script's first line starts, read as the kernel reads it, and what env(1) starts then. Opens no file.
//!
//! Source: fs/binfmt_script.c (Linux 6.18): the first 256 bytes count, the interpreter ends at a blank, all the rest of
//! the line is one argument. env's options: GNU coreutils 9, env(1).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// How many interpreters in a row the kernel follows before ELOOP.
pub const MOST_LEVELS: usize = 5;
/// How much of a file the kernel looks at (BINPRM_BUF_SIZE).
pub const HEAD: u64 = 256;

/// The `#!` line of a script.
pub struct Shebang {
    /// As written; a relative one counts from the current directory.
    pub interpreter: PathBuf,
    /// Everything after it, in one piece.
    pub argument: Option<OsString>,
}

/// Read the first bytes of a file that begins with `#!`; None where the kernel would not take the line.
pub fn shebang(head: &[u8]) -> Option<Shebang> {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let rest = head.strip_prefix(b"#!")?;
    let line = match rest.iter().position(|&byte| byte == b'\n') {
        Some(end) => rest.get(..end)?,
        // A line that is longer than the kernel reads must at least hold the whole interpreter.
        None if head.len() as u64 >= HEAD => {
            let start = rest.iter().position(|byte| !blank(byte))?;
            rest.get(start..)?.iter().position(|byte| blank(byte) || *byte == 0)?;
            rest.get(..rest.len().checked_sub(1)?)?
        }
        None => rest,
    };
    let line = line.trim_ascii_blanks();
    let end = line.iter().position(|byte| blank(byte) || *byte == 0).unwrap_or(line.len());
    let (interpreter, rest) = line.split_at_checked(end)?;
    if interpreter.is_empty() {
        return None;
    }
    let argument = match rest.first() {
        None | Some(0) => None,
        Some(_) => rest.trim_ascii_blanks().split(|&byte| byte == 0).next().filter(|argument| !argument.is_empty()),
    };
    Some(Shebang {
        interpreter: PathBuf::from(OsString::from_vec(interpreter.to_vec())),
        argument: argument.map(|argument| OsString::from_vec(argument.to_vec())),
    })
}

/// The kernel's blanks are space and tab alone: a carriage return is part of the name (and the usual mistake).
trait Blanks {
    fn trim_ascii_blanks(&self) -> &[u8];
}

impl Blanks for [u8] {
    fn trim_ascii_blanks(&self) -> &[u8] {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let start = self.iter().position(|byte| !blank(byte)).unwrap_or(self.len());
        let end = self.iter().rposition(|byte| !blank(byte)).map_or(start, |last| last + 1);
        self.get(start..end).unwrap_or_default()
    }
}

/// How much the -S options of one call may come to: what the kernel takes for a program's arguments, where the stack has its
/// usual size.
const MOST_TEXT: usize = 2 << 20;
/// What each -S option is counted for at least, so that the last comes soon.
const EACH_TEXT: usize = 1 << 10;

/// What a call of env(1) comes to.
pub enum EnvCall {
    /// It starts this command; `path` is the PATH it sets for it.
    Starts { command: OsString, arguments: Vec<OsString>, path: Option<OsString> },
    /// Its -S options stand for more -S options, without end: env itself does not come to one.
    Endless,
    /// It removes what carries the deadlines: the option that does.
    Removes(String),
    /// It starts nothing, or is called in a way that is not understood.
    Nothing,
}

/// Read env's arguments (without its own name).
pub fn env_call(arguments: &[OsString]) -> EnvCall {
    let mut left: Vec<OsString> = arguments.iter().rev().cloned().collect();
    let mut path = None;
    let mut options = true;
    let mut room = MOST_TEXT;
    let removes = |name: &[u8]| name == b"LD_PRELOAD" || name.starts_with(b"NETDEADLINE_");
    while let Some(argument) = left.pop() {
        let bytes = argument.as_bytes().to_vec();
        if options && bytes == b"--" {
            options = false;
        } else if options && (bytes == b"-" || bytes == b"-i" || bytes == b"--ignore-environment") {
            return EnvCall::Removes(String::from("env -i"));
        } else if let Some(long) = bytes.strip_prefix(b"--").filter(|_| options) {
            let (name, mut value) = match long.iter().position(|&byte| byte == b'=') {
                Some(at) => (&long[..at], Some(OsString::from_vec(long[at + 1..].to_vec()))),
                None => (long, None),
            };
            match name {
                b"unset" | b"chdir" | b"argv0" | b"split-string" if value.is_none() => value = left.pop(),
                _ => {}
            }
            match (name, value) {
                (b"unset", Some(name)) if removes(name.as_bytes()) => return unsets(&name),
                (b"split-string", Some(text)) => match split(&text, &mut room) {
                    Some(words) => left.extend(words.into_iter().rev()),
                    None => return EnvCall::Endless,
                },
                // What it names is then sought from another directory: not followed.
                (b"chdir", _) | (b"help" | b"version", _) => return EnvCall::Nothing,
                _ => {}
            }
        } else if options && bytes.len() > 1 && bytes.starts_with(b"-") {
            // A group of short options; u, C, a and S take what is left of it or the next argument.
            let mut group = bytes.get(1..).unwrap_or_default();
            while let Some((&letter, rest)) = group.split_first() {
                group = rest;
                if letter == b'i' {
                    return EnvCall::Removes(String::from("env -i"));
                }
                if !matches!(letter, b'u' | b'C' | b'a' | b'S') {
                    continue;
                }
                let value = match rest {
                    [] => left.pop(),
                    rest => Some(OsString::from_vec(rest.to_vec())),
                };
                group = &[];
                match (letter, value) {
                    (b'u', Some(name)) if removes(name.as_bytes()) => return unsets(&name),
                    (b'S', Some(text)) => match split(&text, &mut room) {
                        Some(words) => left.extend(words.into_iter().rev()),
                        None => return EnvCall::Endless,
                    },
                    (b'C', _) | (_, None) => return EnvCall::Nothing,
                    _ => {}
                }
            }
        } else if let Some(at) = bytes.iter().position(|&byte| byte == b'=') {
            options = false;
            let (name, value) = (&bytes[..at], &bytes[at + 1..]);
            if removes(name) {
                return EnvCall::Removes(format!("env {}=", String::from_utf8_lossy(name)));
            }
            if name == b"PATH" {
                path = Some(OsString::from_vec(value.to_vec()));
            }
        } else {
            left.reverse();
            return EnvCall::Starts { command: argument, arguments: left, path };
        }
    }
    EnvCall::Nothing
}

fn unsets(name: &OsStr) -> EnvCall {
    EnvCall::Removes(format!("env -u {}", name.to_string_lossy()))
}

/// Split as `env -S` does: blanks, quotes, backslashes, `#` comments, `${NAME}`. None where that is more than there is room for:
/// a variable may be named often, and its value name more of them for the next -S.
fn split(text: &OsStr, room: &mut usize) -> Option<Vec<OsString>> {
    *room = room.checked_sub(text.len().max(EACH_TEXT))?;
    let mut words: Vec<OsString> = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = 0u8;
    let mut bytes = text.as_bytes().iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\'' | b'"' if quote == 0 => {
                quote = byte;
                word.get_or_insert_default();
            }
            byte if byte == quote && quote != 0 => quote = 0,
            b'\\' if quote != b'\'' => match bytes.next() {
                Some(b'c') | None => break,
                Some(b'_') if quote == 0 => words.extend(word.take().map(OsString::from_vec)),
                Some(escape) => word.get_or_insert_default().push(match escape {
                    b'_' => b' ',
                    b'n' => b'\n',
                    b't' => b'\t',
                    b'r' => b'\r',
                    b'f' => 12,
                    b'v' => 11,
                    other => other,
                }),
            },
            b'$' if quote != b'\'' && bytes.peek() == Some(&b'{') => {
                bytes.next();
                let name: Vec<u8> = bytes.by_ref().take_while(|&byte| byte != b'}').collect();
                // A name that is not set is empty.
                let value = std::env::var_os(OsString::from_vec(name)).unwrap_or_default();
                *room = room.checked_sub(value.len())?;
                word.get_or_insert_default().extend_from_slice(value.as_bytes());
            }
            b' ' | b'\t' | b'\n' | b'\r' | 11 | 12 if quote == 0 => words.extend(word.take().map(OsString::from_vec)),
            b'#' if quote == 0 && word.is_none() => break,
            byte => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word.map(OsString::from_vec));
    Some(words)
}
