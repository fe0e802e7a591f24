//! Ctrl-C and its like as something to be read, and the program's own share of them as the caller left it.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// The signals that end a trace, held back from their usual effect.
pub struct Signals {
    fd: OwnedFd,
    before: libc::sigset_t,
    /// What SIGPIPE did before: Rust sets it anew in the programs that it starts.
    pipe: libc::sighandler_t,
}

impl Signals {
    /// Hold them back. Those that the caller ignores (nohup, a shell's background job) stay ignored.
    pub fn hold() -> io::Result<Signals> {
        let (mut wanted, mut before) =
            (MaybeUninit::<libc::sigset_t>::zeroed(), MaybeUninit::<libc::sigset_t>::zeroed());
        // SAFETY: the sets are ours, and initialised by sigemptyset before they are used; sigprocmask is called in a process
        // that has one thread.
        unsafe {
            libc::sigemptyset(wanted.as_mut_ptr());
            for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
                if disposition(signal) != libc::SIG_IGN {
                    libc::sigaddset(wanted.as_mut_ptr(), signal);
                }
            }
            if libc::sigprocmask(libc::SIG_BLOCK, wanted.as_ptr(), before.as_mut_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            let fd = libc::signalfd(-1, wanted.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            // A reader that goes away is an error to us and no death: what we made in tracefs would outlive it.
            let pipe = libc::signal(libc::SIGPIPE, libc::SIG_IGN);
            Ok(Signals { fd: OwnedFd::from_raw_fd(fd), before: before.assume_init(), pipe })
        }
    }

    /// Readable when there is one.
    pub fn descriptor(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// The next one that came.
    pub fn next(&self) -> Option<i32> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: `info` has room for `size` bytes, and is plain integers.
        let read = unsafe { libc::read(self.fd.as_raw_fd(), info.as_mut_ptr().cast(), size) };
        // SAFETY: zeroes or what the kernel wrote.
        (read == size as isize).then(|| unsafe { info.assume_init() }.ssi_signo as i32)
    }

    /// What a program started here must do before it is executed, to have the caller's mask and SIGPIPE.
    pub fn restore(&self) -> impl FnMut() -> io::Result<()> + Send + Sync + 'static {
        let (before, pipe) = (self.before, self.pipe);
        move || {
            // SAFETY: both are allowed between fork and exec, with values that were the caller's.
            unsafe {
                libc::signal(libc::SIGPIPE, pipe);
                libc::sigprocmask(libc::SIG_SETMASK, &before, std::ptr::null_mut());
            }
            Ok(())
        }
    }
}

fn disposition(signal: i32) -> libc::sighandler_t {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `action` is ours to write; zeroes are SIG_DFL.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
        action.assume_init().sa_sigaction
    }
}
