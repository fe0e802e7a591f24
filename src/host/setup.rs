//! The start: read what the operator said, once, and start the engine.
//!
//! It may run before any other constructor, before libc has set up anything, and in a process without libc, so it uses
//! nothing of libc's but getauxval. In a privileged program (AT_SECURE) it reads, opens and prints nothing (SECURITY.md 1).

use super::environment::{self, value, Kept, KEPT};
use super::sandbox;
use crate::ENGINE;
use core::ffi::{c_char, c_int, CStr};
use core::fmt::Display;
use netdeadline_engine::evidence::Log;
use netdeadline_engine::policy::{Class, Origin};
use netdeadline_engine::settings::Settings;
use netdeadline_engine::sys::{file, Kernel, Linux};

const SHORTHANDS: [(&[u8], Class); 5] = [
    (b"NETDEADLINE_CONNECT", Class::Connect),
    (b"NETDEADLINE_RESPONSE", Class::Response),
    (b"NETDEADLINE_READ", Class::Read),
    (b"NETDEADLINE_WRITE", Class::Write),
    (b"NETDEADLINE_LIFETIME", Class::Lifetime),
];

/// At most this much of a policy file (SECURITY.md 2).
const FILE_LIMIT: usize = 1 << 20;

/// Start, with the process's environment as it is at the start. True: the engine is at work.
pub fn start(environment: *const *const c_char) -> bool {
    if environment::auxiliary(environment, libc::AT_SECURE as usize) != 0 {
        return false;
    }
    // SAFETY: the kernel's own answer: the vDSO's address or 0.
    unsafe { Linux::init(environment::auxiliary(environment, libc::AT_SYSINFO_EHDR as usize)) };
    keep(environment);
    let mut inert = false;
    ENGINE.start(|settings| {
        settings.log.remember_stderr(&ENGINE.kernel);
        inert = !configure(settings, environment);
    });
    if inert {
        ENGINE.stand_by();
    } else if ENGINE.ruled() || ENGINE.settings.peek().is_some_and(|settings| settings.pages.is_on()) {
        sandbox::started_under_filter();
        if !ENGINE.retired() {
            // Now, before there is anybody to lend our memory to (`Process::lend`), and after a filter was tried.
            ENGINE.process.epoch(&ENGINE.kernel);
        }
    }
    !inert && !ENGINE.retired()
}

/// The process ends: say what was left out of the log in its last second.
pub extern "C" fn finish() {
    if let Some(settings) = ENGINE.settings.peek() {
        settings.log.settle(&ENGINE.kernel, u64::MAX);
    }
}

/// Copy our variables for our children.
fn keep(environment: *const *const c_char) {
    KEPT.publish(|kept| {
        // SAFETY: the process's environment, before the program runs.
        for string in unsafe { environment::strings(environment) } {
            let bytes = string.to_bytes();
            if value(bytes, b"NETDEADLINE_CHILDREN") == Some(b"off") {
                kept.turn_off();
            }
            if bytes.starts_with(b"NETDEADLINE_") {
                kept.keep(bytes);
            } else if let Some(list) = value(bytes, b"LD_PRELOAD") {
                kept.keep_library(list);
            }
        }
    });
    if KEPT.peek().is_some_and(Kept::is_off) {
        // SAFETY: as above; the strings lie on the process's own stack, where execve put them.
        unsafe { environment::leave_out_library(environment) };
    }
}

/// The value of a variable; the first of that name, as libc's getenv has it.
fn variable<'a>(environment: *const *const c_char, name: &[u8]) -> Option<&'a CStr> {
    // SAFETY: as in `keep`. The strings are the process's own and outlive the constructor.
    let mut strings = unsafe { environment::strings(environment) };
    let string: &CStr = strings.find(|string| value(string.to_bytes(), name).is_some())?;
    string.to_bytes_with_nul().get(name.len() + 1..).and_then(|rest| CStr::from_bytes_with_nul(rest).ok())
}

/// Say what is wrong, in the one line that a bare preload says. Always false.
fn complain(settings: &mut Settings, what: impl Display) -> bool {
    let mut log = Log::new();
    log.remember_stderr(&ENGINE.kernel);
    if log.set_target(b"stderr").is_ok() {
        log.note(&ENGINE.kernel, format_args!("{what}; no deadline is enforced"));
    }
    *settings = Settings::new();
    false
}

/// Read every variable. False: something is wrong and was said; nothing is to be enforced.
fn configure(settings: &mut Settings, environment: *const *const c_char) -> bool {
    let text = |name: &[u8]| variable(environment, name).map(CStr::to_bytes).filter(|text| !text.is_empty());
    if let Some(rules) = text(b"NETDEADLINE_RULES") {
        if let Err(error) = settings.policy.parse(rules, Origin::Rules) {
            return complain(settings, error);
        }
    }
    if let Some(path) = variable(environment, b"NETDEADLINE_CONFIG").filter(|path| !path.is_empty()) {
        if let Err(why) = read_file(settings, path) {
            return match why {
                FileError::Policy(error) => complain(settings, error.naming(path.to_bytes())),
                FileError::Other(why) => {
                    complain(settings, format_args!("NETDEADLINE_CONFIG: {}: {why}", Printable(path.to_bytes())))
                }
            };
        }
    }
    for (name, class) in SHORTHANDS {
        if let Some(duration) = text(name) {
            if let Err(error) = settings.policy.parse_shorthand(class, duration) {
                return complain(settings, error);
            }
        }
    }
    if let Some(pages) = text(b"NETDEADLINE_STATS") {
        let runtime = text(b"XDG_RUNTIME_DIR").unwrap_or_default();
        if let Err(expected) = settings.pages.set(pages, runtime) {
            let said = Printable(pages);
            return complain(settings, format_args!("NETDEADLINE_STATS: \"{said}\": expected {expected}"));
        }
    }
    let choices = [
        ("NETDEADLINE_MODE", "enforce", "observe"),
        ("NETDEADLINE_SO_TIMEO", "enforce", "kernel"),
        ("NETDEADLINE_IO_URING", "deny", "allow"),
        ("NETDEADLINE_CHILDREN", "on", "off"),
    ];
    for (name, usual, other) in choices {
        let Some(said) = text(name.as_bytes()) else { continue };
        if said != usual.as_bytes() && said != other.as_bytes() {
            return complain(settings, format_args!("{name}: \"{}\": expected {usual} or {other}", Printable(said)));
        }
        let other = said == other.as_bytes();
        match name {
            "NETDEADLINE_MODE" => settings.observe = other,
            "NETDEADLINE_SO_TIMEO" => settings.timeouts_by_kernel = other,
            "NETDEADLINE_IO_URING" => settings.io_uring = other,
            _ => {}
        }
    }
    let log = text(b"NETDEADLINE_LOG").unwrap_or(if settings.policy.is_empty() { b"off" } else { b"stderr" });
    if let Err(expected) = settings.log.set_target(log) {
        let said = Printable(log);
        return complain(settings, format_args!("NETDEADLINE_LOG: \"{said}\": expected {expected}"));
    }
    if let Some(format) = text(b"NETDEADLINE_LOG_FORMAT") {
        if let Err(expected) = settings.log.set_format(format) {
            let said = Printable(format);
            return complain(settings, format_args!("NETDEADLINE_LOG_FORMAT: \"{said}\": expected {expected}"));
        }
    }
    true
}

/// Bytes of the operator's, for a line on a terminal.
pub struct Printable<'a>(pub &'a [u8]);

impl Display for Printable<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for byte in self.0.iter().take(64) {
            let c = if byte.is_ascii_graphic() || *byte == b' ' { *byte as char } else { '?' };
            core::fmt::Write::write_char(f, c)?;
        }
        Ok(())
    }
}

/// Why a policy file was not taken.
enum FileError {
    Policy(netdeadline_engine::policy::Error),
    Other(&'static str),
}

/// Read and parse the file (SECURITY.md 2).
fn read_file(settings: &mut Settings, path: &CStr) -> Result<(), FileError> {
    let k = &ENGINE.kernel;
    if path.to_bytes().first() != Some(&b'/') {
        return Err(FileError::Other("expected an absolute path"));
    }
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_CLOEXEC;
    let fd = file::open(k, path, flags, 0).map_err(|error| {
        FileError::Other(match error {
            libc::ENOENT => "no such file",
            libc::EACCES => "permission denied",
            _ => "cannot be opened",
        })
    })?;
    let result = read_open_file(settings, fd);
    let _ = file::close(k, fd);
    let bytes = settings.config_path.iter_mut().zip(path.to_bytes());
    bytes.for_each(|(to, from)| *to = *from);
    result
}

fn read_open_file(settings: &mut Settings, fd: c_int) -> Result<(), FileError> {
    let k = &ENGINE.kernel;
    if file::identity(k, fd).map(|found| found.kind()) != Ok(libc::S_IFREG) {
        return Err(FileError::Other("expected a regular file"));
    }
    let memory = k.pages(FILE_LIMIT + 4096).ok_or(FileError::Other("no memory to read it"))?;
    let mut used = 0;
    loop {
        let args = [fd as usize, memory.as_ptr() as usize + used, FILE_LIMIT + 1 - used, 0, 0, 0];
        match k.call(libc::SYS_read, args) {
            0 => break,
            n if n > 0 => used += n as usize,
            _ => return Err(FileError::Other("cannot be read")),
        }
        if used > FILE_LIMIT {
            return Err(FileError::Other("expected at most 1 MiB"));
        }
    }
    // SAFETY: `used` bytes of pages that are ours alone were just written by the kernel.
    let text = unsafe { core::slice::from_raw_parts(memory.as_ptr(), used) };
    settings.policy.parse(text, Origin::File).map_err(FileError::Policy)
}
