//! Signals, turned into something to look at between two keys. What follows from them is mod.rs's.
//!
//! # Safety
//! The handler stores one number. The calls of signal(7) get pointers to values of the very type that they take, of ours.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering::SeqCst};
use std::time::Duration;

static ENDED_BY: AtomicI32 = AtomicI32::new(0);

extern "C" fn note(signal: libc::c_int) {
    if signal != libc::SIGWINCH {
        ENDED_BY.store(signal, SeqCst);
    }
}

/// What waiting came to.
pub enum Event {
    /// There is something to read.
    Input,
    /// The time is over, or the terminal has another size.
    Time,
    /// Such a signal came, by which a program ends.
    Ended(i32),
}

/// From now on these signals come only while we wait.
pub struct Signals {
    /// What was blocked before.
    mask: libc::sigset_t,
}

const SIGNALS: [libc::c_int; 5] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGWINCH];

impl Signals {
    /// Block them, and handle them.
    pub fn take() -> Signals {
        let mut mask = MaybeUninit::<libc::sigset_t>::zeroed();
        let mut ours = MaybeUninit::<libc::sigset_t>::zeroed();
        // SAFETY: see the top; the calls initialize the sets.
        unsafe {
            libc::sigemptyset(ours.as_mut_ptr());
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            action.sa_sigaction = note as *const () as libc::sighandler_t;
            for signal in SIGNALS {
                libc::sigaddset(ours.as_mut_ptr(), signal);
                libc::sigaction(signal, &action, ptr::null_mut());
            }
            libc::sigprocmask(libc::SIG_BLOCK, ours.as_ptr(), mask.as_mut_ptr());
            let mut mask = mask.assume_init();
            // Whatever the parent had blocked: these must be able to end us.
            for signal in SIGNALS {
                libc::sigdelset(&mut mask, signal);
            }
            Signals { mask }
        }
    }

    /// Wait for a key, a signal or the time.
    pub fn wait(&self, time: Duration) -> io::Result<Event> {
        let mut keys = libc::pollfd { fd: libc::STDIN_FILENO, events: libc::POLLIN, revents: 0 };
        let time =
            libc::timespec { tv_sec: time.as_secs().min(86_400) as libc::time_t, tv_nsec: time.subsec_nanos().into() };
        // SAFETY: see the top. Atomically with the wait: a signal between a look and a wait would be noticed only after it.
        let ready = unsafe { libc::ppoll(&mut keys, 1, &time, &self.mask) };
        let error = io::Error::last_os_error();
        match ENDED_BY.load(SeqCst) {
            0 => {}
            signal => return Ok(Event::Ended(signal)),
        }
        match ready {
            0 => Ok(Event::Time),
            1.. => Ok(Event::Input),
            _ if error.kind() == io::ErrorKind::Interrupted => Ok(Event::Time),
            _ => Err(error),
        }
    }
}

/// End by this signal, as a program does that knows of none. Returns only if it is ignored.
pub fn end(signal: i32) {
    // SAFETY: see the top.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        libc::raise(signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, set.as_ptr(), ptr::null_mut());
    }
}

/// Stop as Ctrl-Z stops a program; returns when it goes on.
pub fn stop() {
    // SAFETY: it takes numbers. 0: the whole job, as the terminal would have done it.
    unsafe { libc::kill(0, libc::SIGTSTP) };
}
