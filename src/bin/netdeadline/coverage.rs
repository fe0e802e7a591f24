//! Whether the library reaches what a file starts, and if not, why: the file, and what a script hands over to.
//!
//! Finds out; check.rs shows it and run.rs acts on it. What an ELF file means is judge.rs's.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::elf::{self, Elf};
use crate::golang;
use crate::image::Image;
use crate::judge::{self, Known};
use crate::lookup::{self, Found};
use crate::privilege::{self, Whom};
use crate::report::{Report, Verdict, Way};
use crate::script::{self, EnvCall, Shebang};
use crate::text;

/// How many calls of env in a row are followed.
const MOST_CALLS: usize = 8;

/// What the answer depends on.
pub struct Asker<'a> {
    /// For whom.
    pub whom: Whom,
    /// Machine and byte order of the library, which are this command's own.
    pub machine: (u16, u8),
    /// Look at all of a program's code, also where the library will do that before it starts.
    pub thoroughly: bool,
    /// Where commands are sought.
    pub path: Option<&'a OsStr>,
}

/// How far a chain of scripts has been followed.
#[derive(Clone, Copy)]
struct Depth<'a> {
    /// Steps the kernel makes itself, from script to interpreter.
    levels: usize,
    /// Steps through env.
    calls: usize,
    /// PATH as it is there.
    path: Option<&'a OsStr>,
}

impl Asker<'_> {
    /// Report on `file` when it is executed with these arguments (its own name is not among them).
    pub fn report(&self, file: &Path, arguments: &[OsString]) -> Report {
        self.follow(file, arguments, Depth { levels: 0, calls: 0, path: self.path })
    }

    fn follow(&self, file: &Path, arguments: &[OsString], depth: Depth) -> Report {
        let mut report = Report::new(file);
        let opened = match open(file) {
            Ok(opened) => opened,
            Err(error) => {
                unopened(file, &error, &mut report);
                return report;
            }
        };
        match elf::read(&opened) {
            Ok(elf) => {
                let known =
                    Known { privilege: privilege::gained(&opened, self.whom), doubt: self.doubt(&elf, &opened) };
                judge::judge(&elf, self.machine, known, &mut report);
            }
            Err(elf::Error::Damaged(why)) => report.cannot("damaged", "no sound ELF program", why),
            Err(elf::Error::NotElf) => {
                let head = Image::new(&opened).map(|image| image.up_to(0, script::HEAD)).unwrap_or_default();
                self.script(&head, arguments, depth, &mut report);
            }
        }
        if !lookup::executable(file) {
            report.verdict = Verdict::CannotExecute(String::from("it is not executable (its mode, or a noexec mount)"));
            report.way = None;
        // A static env passes the variables on as well as any.
        } else if file.file_name() == Some(OsStr::new("env"))
            && (report.verdict == Verdict::Covered || report.kind.starts_with("static"))
        {
            self.env(arguments, depth, &mut report);
        }
        report
    }

    /// Would the library be able to patch a program of Go's? In a static one it says so itself, while it can still be refused; in
    /// a dynamic one it would be loaded by then.
    fn doubt(&self, elf: &Elf, file: &File) -> Option<golang::Doubt> {
        let look = elf.go.is_some() && elf.is_64 && (self.thoroughly || elf.interpreter.is_some());
        look.then(|| golang::doubt(file)).flatten()
    }

    /// Anything that is not ELF: a script, or what execvp hands to /bin/sh.
    fn script(&self, head: &[u8], arguments: &[OsString], depth: Depth, report: &mut Report) {
        let marked = head.starts_with(b"#!");
        if !marked && head.contains(&0) {
            return report.cannot("unknown", "neither ELF nor a script", "it is neither an ELF file nor a script");
        }
        let shebang = match script::shebang(head) {
            Some(shebang) => shebang,
            // As shells and execvp do with what the kernel does not know; the kernel does not for an interpreter.
            None if depth.levels == 0 => Shebang { interpreter: PathBuf::from("/bin/sh"), argument: None },
            None => return report.cannot("script", "a script", "the kernel does not take its first line"),
        };
        if depth.levels >= script::MOST_LEVELS {
            return report.cannot("script", "a script", "its interpreters are scripts, more than the kernel follows");
        }
        let mut passed: Vec<OsString> = shebang.argument.into_iter().collect();
        passed.push(report.file.clone().into_os_string());
        passed.extend_from_slice(arguments);
        let next = self.follow(&shebang.interpreter, &passed, Depth { levels: depth.levels + 1, ..depth });
        let hint = match shebang.interpreter.as_os_str().as_bytes().last() {
            Some(b'\r') => " (the script has Windows line ends)",
            _ => "",
        };
        report.hand_over("script", next, hint);
    }

    /// env(1) is only the way to another program.
    fn env(&self, arguments: &[OsString], depth: Depth, report: &mut Report) {
        match script::env_call(arguments) {
            EnvCall::Nothing => {}
            EnvCall::Endless => report.lost(
                "env",
                "env",
                "its -S options stand for more -S options, without end: env itself hangs there",
            ),
            EnvCall::Removes(option) => {
                let option = text::printable(option.as_bytes());
                report.lost("env", "env", &format!("`{option}` takes away the variables that carry the deadlines"));
            }
            EnvCall::Starts { .. } if depth.calls >= MOST_CALLS => {
                report.lost("env", "env", "it starts env again and again")
            }
            EnvCall::Starts { command, arguments, path } => {
                let path = path.as_deref().or(depth.path);
                match lookup::find(&command, path) {
                    Found::At(file) | Found::Forbidden(file) => {
                        let next = self.follow(&file, &arguments, Depth { levels: 0, calls: depth.calls + 1, path });
                        let alone = report.way.is_none() && next.way == Some(Way::Launcher);
                        report.hand_over("env", next, "");
                        if alone {
                            let why = "its env is static: the library is not in it, and cannot see to what it starts";
                            report.lost("env", &report.what.clone(), why);
                        }
                    }
                    Found::Nowhere => {
                        let command = text::printable(command.as_bytes());
                        report.what = String::from("missing");
                        report.verdict = Verdict::Missing(format!("env finds no `{command}` in PATH"));
                    }
                }
            }
        }
    }
}

/// Open a regular file for reading. Devices are not even opened: some act on it.
fn open(file: &Path) -> io::Result<File> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::from(ErrorKind::InvalidInput));
    }
    // It may have become a FIFO meanwhile: never wait for its writer.
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(file)
}

/// Why it could not be opened.
fn unopened(file: &Path, error: &io::Error, report: &mut Report) {
    match error.kind() {
        ErrorKind::NotFound => {}
        ErrorKind::InvalidInput => report.cannot("not-a-file", "no program", "it is not a regular file"),
        ErrorKind::PermissionDenied if lookup::executable(file) => {
            report.lost("unreadable", "unreadable", "it may be executed but not read, so nobody can tell what it is");
        }
        ErrorKind::PermissionDenied => report.cannot("forbidden", "forbidden", "permission denied"),
        _ => report.cannot("error", "unreadable", &text::reason(error)),
    }
}
