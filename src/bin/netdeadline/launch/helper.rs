//! The short-lived helper: a child of the process that is about to become the program, which traces it through execve, injects,
//! lets go and ends. The other side of the conversation is in mod.rs.
//!
//! A child and not a daemon: the program waits for it before its first instruction (stub.rs), so no zombie is left to anybody,
//! neither to the program nor to a container's first process. Until it has let go, its death is the program's
//! (PTRACE_O_EXITKILL): half-patched code never runs.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, RawFd};

use super::inject::{Outcome, Stopped};
use super::payload::Payload;
use super::tracee::{copies_in_bulk, Reached, Tracee, Trouble};
use super::{Instead, Plan};

/// The one line of a failure, in the words of whoever started us.
pub type Say<'a> = &'a dyn Fn(&str);

/// Do it all, and end.
pub fn main(plan: &Plan, go: File, result: File) -> ! {
    close_others(&[libc::STDERR_FILENO, go.as_raw_fd(), result.as_raw_fd()]);
    // A sandbox may kill us for what comes: no core of that. And nobody looks into us meanwhile.
    // SAFETY: takes no pointer.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
    work(plan, go, result);
    // SAFETY: ends this process at once: what it has of its parent's buffers is the parent's to write.
    unsafe { libc::_exit(0) }
}

fn work(plan: &Plan, mut go: File, mut result: File) {
    if go.read_exact(&mut [0]).is_err() {
        return;
    }
    // What a sandbox may end us for is tried while that is our end alone.
    let bulk = copies_in_bulk();
    // SAFETY: no status is asked for. We have no child: it answers ECHILD.
    unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG | libc::__WALL) };
    // SAFETY: takes nothing and cannot fail. 0: our parent is outside of our pid namespace.
    let parent = unsafe { libc::getppid() };
    let seized = match parent {
        0 => Err(std::io::Error::from_raw_os_error(libc::ESRCH)),
        parent => Tracee::seize(parent, bulk),
    };
    let errno = seized.as_ref().err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
    let told = result.write_all(&errno.to_ne_bytes());
    drop((go, result));
    let (Ok(mut tracee), Ok(())) = (seized, told) else { return };
    match tracee.wait_for_exec() {
        Ok(Reached::Exec) => {}
        // It goes on as what it was.
        Ok(Reached::Recalled) => return drop(tracee.detach()),
        Err(_) => return,
    }
    if let Err(Trouble::Said(why)) = at_exec(&mut tracee, plan) {
        // It is traced, in a state that nobody knows, and dies with us.
        (plan.say)(&format!("{why}; it was not started"));
    }
}

fn at_exec(tracee: &mut Tracee, plan: &Plan) -> Result<(), Trouble> {
    let mut stopped = Stopped::find(tracee)?;
    let done = stopped.enter(plan.inherited).and_then(|()| protect(&mut stopped, plan.payload, plan.inherited));
    match (done, plan.instead) {
        (Err(Trouble::Gone), _) => Err(Trouble::Gone),
        (Ok(Outcome::Protected), _) => stopped.start(),
        (Ok(Outcome::Inert), Instead::StartIt) => stopped.start(),
        (Ok(Outcome::Inert), Instead::Refuse) => {
            (plan.say)(
                "the library does nothing in it: it has privileges, or a sandbox that forbids what deadlines need",
            );
            stopped.end(crate::error::OWN)
        }
        (Err(Trouble::Said(why)), instead) => {
            (plan.say)(&why);
            match instead {
                Instead::StartIt => stopped.start(),
                Instead::Refuse => stopped.end(crate::error::OWN),
            }
        }
    }
}

/// The descriptor is closed whatever the outcome: it is not the program's.
fn protect(stopped: &mut Stopped, payload: &Payload, file: RawFd) -> Result<Outcome, Trouble> {
    let outcome = stopped.protect(payload, file);
    let closed = stopped.close(file);
    outcome.and_then(|outcome| closed.map(|()| outcome))
}

/// Close every descriptor but these: a pipe's other end must not stay open for our sake.
fn close_others(kept: &[RawFd]) {
    let mut kept = kept.to_vec();
    kept.sort_unstable();
    kept.push(RawFd::MAX);
    let mut from: u32 = 0;
    for keep in kept {
        let keep = keep as u32;
        if from < keep {
            close_from_to(from, keep - 1);
        }
        from = keep.saturating_add(1);
    }
}

fn close_from_to(first: u32, last: u32) {
    // SAFETY: takes no pointer; nothing in this process owns these descriptors any more.
    if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0 {
        return;
    }
    // Before Linux 5.9, or where a sandbox does not know it.
    // SAFETY: takes no pointer.
    let limit = unsafe { libc::sysconf(libc::_SC_OPEN_MAX) }.clamp(0, 1 << 16) as u32;
    for fd in first..=last.min(limit) {
        // SAFETY: as above.
        unsafe { libc::close(fd as RawFd) };
    }
}
