//! Way in 2: become a static program with the library mapped into it. (Way in 1, LD_PRELOAD, is an environment variable and
//! needs no file of its own.)
//!
//! Here is what happens in the process that becomes the program: fork the helper, let itself be traced by just that process,
//! and exec. Everything else is the helper's (helper.rs). Which programs go this way is judge.rs's to say.

pub mod child;
mod helper;
mod inject;
pub mod payload;
mod raw;
mod stub;
mod tracee;

#[path = "../../../go/request.rs"]
mod request;

use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use crate::text;
use payload::Payload;

pub use helper::Say;

/// This command's build, as build.rs made it.
pub const BUILD: &str = env!("ND_BUILD_ID");

/// What is done with a program that turns out to be out of reach when it is loaded already.
#[derive(Clone, Copy)]
pub enum Instead {
    /// Exit code 125, before its first instruction.
    Refuse,
    /// It starts as if we had never been there.
    StartIt,
}

/// What the helper is to do.
pub struct Plan<'a> {
    /// The library.
    pub payload: &'a Payload,
    /// The descriptor by which the program maps it; it stays open over exec and is closed before the program begins.
    pub inherited: RawFd,
    /// In case of failure.
    pub instead: Instead,
    /// How a failure is told, with what follows from it.
    pub say: Say<'a>,
}

/// A program about to be executed.
pub struct Program {
    file: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Program {
    /// `environment`: `NAME=value` entries, as they are to be.
    pub fn new(file: &OsStr, arguments: &[OsString], environment: Vec<CString>) -> io::Result<Program> {
        let c = |text: &OsStr| CString::new(text.as_bytes()).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL));
        let arguments = arguments.iter().map(|text| c(text)).collect::<Result<_, _>>()?;
        Ok(Program { file: c(file)?, arguments, environment })
    }

    /// execve, without a detour through any library's; returns only its error.
    pub fn execute(&self) -> io::Error {
        let pointers =
            |strings: &[CString]| strings.iter().map(|text| text.as_ptr()).chain([ptr::null()]).collect::<Vec<_>>();
        let (arguments, environment) = (pointers(&self.arguments), pointers(&self.environment));
        // SAFETY: C strings, in arrays that end with null.
        unsafe { raw::execute(&self.file, arguments.as_ptr(), environment.as_ptr()) }
    }
}

/// Why a program could not be started under the helper.
pub enum Failure {
    /// The helper could not be made, or may not trace us: in words. Nothing has happened.
    Forbidden(String),
    /// execve failed. The helper is gone.
    Exec(io::Error),
}

/// Become the program, with `payload` in it; returns only if that cannot be.
pub fn execute(program: &Program, payload: &Payload, instead: Instead, say: Say) -> Failure {
    match Helper::start(payload, instead, say) {
        Ok(helper) => {
            helper.hand_over();
            let error = program.execute();
            helper.recall();
            Failure::Exec(error)
        }
        Err(why) => Failure::Forbidden(why),
    }
}

/// The helper, as its parent sees it.
struct Helper {
    pid: libc::pid_t,
    inherited: OwnedFd,
}

impl Helper {
    /// Fork it and let it trace us.
    fn start(payload: &Payload, instead: Instead, say: Say) -> Result<Helper, String> {
        if children_are_elsewhere() {
            return Err(String::from("its children go to another pid namespace, where the helper could not see it"));
        }
        let failed = |what: &str, error: &io::Error| format!("{what}: {}", text::reason(error));
        // Not 0, 1 or 2: where one of them is closed, whoever writes there would write into the library.
        // SAFETY: takes no pointer; the descriptor is open.
        let inherited = unsafe { libc::fcntl(payload.file.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) };
        if inherited < 0 {
            return Err(failed("no descriptor for the library", &io::Error::last_os_error()));
        }
        // SAFETY: it was just made and is nobody else's.
        let inherited = unsafe { OwnedFd::from_raw_fd(inherited) };
        let pipes = || Ok((pipe()?, pipe()?));
        let ((go_read, mut go), (mut result, result_write)) =
            pipes().map_err(|error: io::Error| failed("no pipe to the helper", &error))?;
        let plan = Plan { payload, inherited: inherited.as_raw_fd(), instead, say };
        // The helper is born with every signal blocked: it ends when its work does.
        let mask = block_all();
        // SAFETY: this command has one thread (demo, which has more, does not come here).
        let forked = unsafe { raw::fork_unseen() };
        if let Ok(0) = forked {
            drop((go, result));
            helper::main(&plan, go_read, result_write)
        }
        set_mask(&mask);
        let pid = forked.map_err(|error| failed("no process for the helper", &error))?;
        // Not the end that the helper reads: writing to a helper that is gone must not end us by SIGPIPE.
        drop(result_write);
        // Where Yama lets a process be traced by its ancestors alone: by this one too, and for no longer than it takes to
        // begin. An exception would live on in the program. (EINVAL: there is no Yama. admin-guide/LSM/Yama)
        allow_tracing_by(pid);
        let mut errno = [0; 4];
        let answer = go.write_all(&[0]).and_then(|()| result.read_exact(&mut errno));
        allow_tracing_by(0);
        drop((go, go_read));
        let error = match (answer, i32::from_ne_bytes(errno)) {
            (Ok(()), 0) => return Ok(Helper { pid, inherited }),
            (Ok(()), errno) => forbidden(Some(errno)),
            (Err(_), _) => forbidden(None),
        };
        wait_for(pid);
        Err(error)
    }

    /// From here on the library's descriptor goes into the program. The helper closes it there.
    fn hand_over(&self) {
        // SAFETY: takes no pointer; the descriptor is open.
        unsafe { libc::fcntl(self.inherited.as_raw_fd(), libc::F_SETFD, 0) };
    }

    /// Not a program after all: tell the helper to let go, and see it end. A signal that we send ourselves stops us for it.
    fn recall(self) {
        let mask = block_all();
        let mut trap = mask;
        // SAFETY: a set of ours, changed and installed; then a signal to this very thread, which the helper takes away.
        unsafe {
            libc::sigdelset(&mut trap, libc::SIGTRAP);
            set_mask(&trap);
            libc::syscall(libc::SYS_tgkill, libc::getpid(), libc::syscall(libc::SYS_gettid), libc::SIGTRAP);
        }
        set_mask(&mask);
        wait_for(self.pid);
    }
}

/// Why the helper could not trace us. `None`: it died of trying.
fn forbidden(errno: Option<i32>) -> String {
    let field = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
    };
    let tracer = field("/proc/self/status", "TracerPid:");
    if !matches!(tracer.as_str(), "" | "0") {
        return format!("it is traced already, by process {tracer}, and can have only one tracer");
    }
    let scope = field("/proc/sys/kernel/yama/ptrace_scope", "");
    match errno {
        _ if matches!(scope.as_str(), "2" | "3") => {
            format!("ptrace is forbidden on this machine (kernel.yama.ptrace_scope is {scope})")
        }
        Some(errno) => {
            let error = io::Error::from_raw_os_error(errno);
            format!("ptrace is forbidden to this process ({})", text::reason(&error))
        }
        None => String::from("ptrace is forbidden to this process (a filter on system calls ended the helper)"),
    }
}

/// Has somebody called unshare(CLONE_NEWPID)? Our first child would be the new namespace's init, and take it down as it ends.
fn children_are_elsewhere() -> bool {
    let namespace = |name: &str| fs::read_link(Path::new("/proc/self/ns").join(name)).ok();
    let children = namespace("pid_for_children");
    // It has no name yet where nobody has been born in it.
    match fs::symlink_metadata("/proc/self/ns/pid_for_children") {
        Ok(_) => children != namespace("pid"),
        Err(_) => false,
    }
}

fn allow_tracing_by(pid: libc::pid_t) {
    // SAFETY: takes no pointer.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, pid as libc::c_ulong, 0, 0, 0) };
}

/// The end to read from, and the end to write to.
fn pipe() -> io::Result<(File, File)> {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    match unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } {
        // SAFETY: both were just made and are nobody else's.
        0 => Ok(unsafe { (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])) }),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Block every signal; what was blocked before.
fn block_all() -> libc::sigset_t {
    // SAFETY: sets of ours, which sigfillset and sigprocmask write.
    unsafe {
        let (mut all, mut before) = (std::mem::zeroed(), std::mem::zeroed());
        libc::sigfillset(&mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &all, &mut before);
        before
    }
}

fn set_mask(mask: &libc::sigset_t) {
    // SAFETY: a set that is whole.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, mask, ptr::null_mut()) };
}

fn wait_for(pid: libc::pid_t) {
    // SAFETY: no status is asked for.
    while unsafe { libc::waitpid(pid, ptr::null_mut(), libc::__WALL) } < 0
        && io::Error::last_os_error().raw_os_error() == Some(libc::EINTR)
    {}
}
