//! How a new program is started: what it is told, and by whom.
//!
//! A program that built an environment without our variables gets them back in it, and our LD_PRELOAD is taken out where ld.so
//! could only complain about it. A static Go program, in which a preload does nothing, is started by the launcher wherever a
//! dynamic one would load us; where that cannot be, it starts as if we were not there, and that is said. Which calls start
//! programs belongs in the doors' `exec`; how exec's arguments are laid out, in `handover`.
//!
//! Between fork and exec nothing may be allocated, and the stack may be that of a signal handler or the smallest a thread can
//! have: where nothing must be changed, next to nothing is taken.

use super::environment::{self, entries, value, Kept, KEPT};
use super::handover::{Change, Handover, Preload};
use super::launcher::{self, number_path, Path, Situation};
use super::program::{is_privileged, is_refused, kind, File, Kind};
use super::unprotected::{say, Reason};
use crate::ENGINE;
use core::ffi::{c_char, c_int, CStr};
use core::ptr::null;
use netdeadline_engine::sys::Kernel;

/// argv, envp: C strings, and a null at the end.
pub type Strings = *const *const c_char;

/// The program that is about to be started, so far as it is known here.
#[derive(Clone, Copy)]
pub enum Program {
    /// A path, from this directory; and AT_SYMLINK_NOFOLLOW, or 0.
    At(c_int, *const c_char, c_int),
    /// An open file.
    Open(c_int),
    /// A name that libc looks up in PATH.
    Named(*const c_char),
    /// By a flag that is not known here. Perhaps nothing is to be started at all (AT_EXECVE_CHECK).
    Unclear,
}

impl Program {
    /// As execveat names it.
    pub fn of_execveat(directory: c_int, path: *const c_char, flags: c_int) -> Program {
        if flags & !(libc::AT_EMPTY_PATH | libc::AT_SYMLINK_NOFOLLOW) != 0 {
            Program::Unclear
        } else if flags & libc::AT_EMPTY_PATH != 0 {
            Program::Open(directory)
        } else {
            Program::At(directory, path, flags)
        }
    }
}

/// What is needed of the door.
pub trait Door {
    /// Some room, at least this many words, while `then` runs. `None`: there is not so much.
    fn with_room(&self, words: usize, then: &mut dyn FnMut(&mut [usize]) -> c_int) -> Option<c_int>;
    /// Is this a child in its parent's memory, whose parent will call `unprotected::settle`?
    fn parent_says(&self) -> bool;
}

/// exec: the path of another program to execute instead, if it is not null; argv; envp. Not 0: it failed.
pub type Exec<'a> = &'a mut dyn FnMut(*const c_char, Strings, Strings) -> c_int;

/// Start a program in the way and with the environment that it is to have.
///
/// # Safety
/// `argv` and `envp` are the program's, as for execve, and `program` names as its exec does.
pub unsafe fn start(argv: Strings, envp: Strings, program: Program, door: &dyn Door, exec: Exec) -> c_int {
    // A sandbox in which we cannot work is one for our children too, and forbids who knows what.
    let kept = KEPT.peek().filter(|_| !ENGINE.retired() && !matches!(program, Program::Unclear));
    let Some((kept, library)) = kept.and_then(|kept| Some((kept, kept.library()?))) else {
        return exec(null(), argv, envp);
    };
    // SAFETY: the caller's word.
    let told = unsafe { Told::of(envp, kept, library) };
    if !told.is_carried_on() && !told.loads() {
        return exec(null(), argv, envp);
    }
    // SAFETY: the caller's word.
    let file = unsafe { open(program) };
    let kind = file.as_ref().map_or(Kind::Other, kind);
    let there = is_there(library);
    let change = told.change(there && kind != Kind::OtherClass);
    let handover = Handover { argv, envp, change, kept, library, door };
    if let Some(file) = file {
        let reason = match kind {
            Kind::OtherClass => Some(Reason::OtherClass),
            _ if !there => Some(Reason::NoLibrary),
            Kind::StaticGo => {
                // SAFETY: the caller's word.
                match unsafe { launch(&handover, program, &file, exec) } {
                    Ok(()) => return 0,
                    Err(reason) => reason,
                }
            }
            Kind::Other => Some(Reason::Privileged).filter(|reason| {
                let asked = ENGINE.ruled() && !reason.was_said();
                asked && is_privileged(&file, || Situation::now().is_some_and(|now| now.no_new_privileges))
            }),
        };
        // SAFETY: the caller's word.
        unsafe { remark(reason, program, &file, door) };
    }
    handover.exec(null(), null(), exec)
}

/// What a program says to its child in the environment, and what we would.
struct Told<'a> {
    kept: &'a Kept,
    /// Some of our variables.
    variables: bool,
    /// Our library, in LD_PRELOAD.
    preload: bool,
    /// NETDEADLINE_CHILDREN=off.
    off: bool,
}

impl Told<'_> {
    /// # Safety
    /// As of `start`.
    unsafe fn of<'a>(envp: Strings, kept: &'a Kept, library: &CStr) -> Told<'a> {
        // SAFETY: the caller's word.
        let strings = || unsafe { environment::strings(envp).map(CStr::to_bytes) };
        let list = strings().find_map(|string| value(string, b"LD_PRELOAD")).unwrap_or_default();
        Told {
            kept,
            variables: strings().any(|string| string.starts_with(b"NETDEADLINE_")),
            preload: entries(list).any(|entry| entry == library.to_bytes()),
            off: strings().any(|string| value(string, b"NETDEADLINE_CHILDREN") == Some(b"off")),
        }
    }

    /// Do we see to it that the child has what we have?
    fn is_carried_on(&self) -> bool {
        self.kept.strings().next().is_some() && !self.off
    }

    /// A dynamic program that finds this would load us, and have something to go by.
    fn loads(&self) -> bool {
        self.preload && self.variables
    }

    fn change(&self, loadable: bool) -> Change {
        let preload = match (self.preload, loadable) {
            (false, true) => Preload::With,
            (true, false) => Preload::Without,
            _ => Preload::Kept,
        };
        match self.is_carried_on() {
            true => Change { preload, variables: loadable && !self.variables },
            false => Change { preload: Preload::Kept, variables: false },
        }
    }
}

/// Is our library here for the loader to find? Not in another root directory: ld.so would print an error at every exec.
fn is_there(library: &CStr) -> bool {
    let path = library.to_bytes();
    // A name without a slash is looked up by the loader, which alone knows what $LIB and its like stand for.
    let looked_up = !path.contains(&b'/') || path.contains(&b'$');
    looked_up || File::open(libc::AT_FDCWD, library.as_ptr(), 0).is_some()
}

/// The program's file, to look inside. `None`: unreadable, or not there, and exec itself will say.
///
/// # Safety
/// As of `start`.
unsafe fn open(program: Program) -> Option<File> {
    match program {
        Program::At(directory, path, flags) => {
            let more = if flags & libc::AT_SYMLINK_NOFOLLOW != 0 { libc::O_NOFOLLOW } else { 0 };
            File::open(directory, path, more)
        }
        Program::Open(fd) => File::open(libc::AT_FDCWD, number_path(fd)?.as_ptr(), 0),
        // SAFETY: the caller's word.
        Program::Named(name) => File::open(libc::AT_FDCWD, find(unsafe { CStr::from_ptr(name) })?.as_ptr(), 0),
        Program::Unclear => None,
    }
}

/// The file that execvp will find for this name: the first that may be executed.
fn find(name: &CStr) -> Option<Path> {
    if name.to_bytes().contains(&b'/') {
        return Path::join(&[name.to_bytes()]);
    }
    // SAFETY: libc's own variable, which execvp reads next.
    let path = unsafe { environment::strings(environment::now()) }.find_map(|string| value(string.to_bytes(), b"PATH"));
    path.unwrap_or(b"/bin:/usr/bin").split(|byte| *byte == b':').find_map(|directory| {
        let directory = if directory.is_empty() { b"." } else { directory };
        Path::join(&[directory, b"/", name.to_bytes()]).filter(Path::is_program)
    })
}

/// Have the launcher start it. Otherwise the reason why it cannot be started so, if there is one but that it cannot be started
/// at all.
///
/// # Safety
/// As of `start`.
#[inline(never)] // its paths need room that no other program's start does
unsafe fn launch(handover: &Handover, program: Program, file: &File, exec: Exec) -> Result<(), Option<Reason>> {
    let Some(now) = Situation::now() else { return Err(Some(Reason::NoLauncher)) };
    if is_refused(file, now.filtered) {
        return Err(None);
    }
    if now.traced {
        return Err(Some(Reason::Traced));
    }
    if is_privileged(file, || now.no_new_privileges) {
        return Err(Some(Reason::Privileged));
    }
    let found;
    let path = match program {
        // SAFETY: the caller's word.
        Program::At(libc::AT_FDCWD, path, _) if !unsafe { means_another(path) } => path,
        // SAFETY: the caller's word.
        Program::Named(name) => match find(unsafe { CStr::from_ptr(name) }) {
            Some(path) => {
                found = path;
                found.as_ptr()
            }
            None => return Err(None),
        },
        _ => match Path::of(file).or_else(|| inherited(program)) {
            Some(path) => {
                found = path;
                found.as_ptr()
            }
            None => return Err(Some(Reason::NoPath)),
        },
    };
    let Some(launcher) = launcher::find() else { return Err(Some(Reason::NoLauncher)) };
    match handover.exec(launcher.as_ptr(), path, exec) {
        0 => Ok(()),
        _ => Err(Some(Reason::NoExec)),
    }
}

/// May this path mean another file once the launcher looks at it? /proc/self/exe would be the launcher itself.
///
/// # Safety
/// As of `start`.
unsafe fn means_another(path: *const c_char) -> bool {
    // SAFETY: the caller's word, and openat could read it.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes();
    path.starts_with(b"/proc/") || path.starts_with(b"/dev/fd/")
}

/// An open file that has no name, by its number, if that outlives exec.
fn inherited(program: Program) -> Option<Path> {
    let Program::Open(fd) = program else { return None };
    let flags = ENGINE.kernel.call(libc::SYS_fcntl, [fd as usize, libc::F_GETFD as usize, 0, 0, 0, 0]);
    number_path(fd).filter(|_| flags == 0)
}

/// Say that this program starts without deadlines, unless it does not start at all, or there are none.
///
/// # Safety
/// As of `start`.
unsafe fn remark(reason: Option<Reason>, program: Program, file: &File, door: &dyn Door) {
    let Some(reason) = reason.filter(|reason| ENGINE.ruled() && !reason.was_said()) else { return };
    if is_refused(file, Situation::now().is_some_and(|now| now.filtered)) {
        return;
    }
    let name = Path::of(file);
    let given = match program {
        // SAFETY: the caller's word, and openat could read it.
        Program::At(_, path, _) | Program::Named(path) => unsafe { CStr::from_ptr(path) },
        _ => c"a program",
    };
    say(reason, name.as_ref().map_or(given, Path::as_c_str).to_bytes(), door.parent_says());
}
