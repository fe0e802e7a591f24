//! Writing, against what a program's descriptors really become.
//!
//! What touches fd 2, signals or limits of a process runs in a forked child that answers with its exit code.

extern crate std;
use super::*;
use crate::sys::{signal, testing::alone, Linux};
use core::sync::atomic::AtomicU32;
use std::boxed::Box;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{symlink, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{format, string::String, vec::Vec};

const LINE: &[u8] = b"netdeadline: a line\n";

/// A directory of the test's own.
struct Room(PathBuf);

impl Room {
    fn new() -> Room {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("netdeadline-log-{}-{}", std::process::id(), NEXT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("mkdir");
        Room(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn to_file(path: &Path) -> Box<Log> {
    let mut log = Box::new(Log::new());
    log.set_target(path.as_os_str().as_encoded_bytes()).expect("absolute");
    log
}

/// Run `body` in a child; its answer. A child that a signal killed, or that takes ten seconds, fails the test.
fn in_child(body: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child runs `body`, which makes system calls and does not allocate, and leaves at once.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        let code = body();
        // SAFETY: ends the child, runs nothing of the harness.
        unsafe { libc::_exit(code) };
    }
    let end = Instant::now() + Duration::from_secs(10);
    let mut status = 0;
    // SAFETY: our own child and our own place.
    while unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) } == 0 {
        if Instant::now() > end {
            // SAFETY: our own child, not yet waited for.
            unsafe { libc::kill(child, libc::SIGKILL) };
            // SAFETY: as above.
            unsafe { libc::waitpid(child, &mut status, 0) };
            panic!("the child blocked");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(libc::WIFEXITED(status), "killed by signal {}", libc::WTERMSIG(status));
    libc::WEXITSTATUS(status)
}

/// In a child: make `fd` its stderr, remember it, run `body` with a log on it.
fn with_stderr(log: &mut Log, fd: i32, body: impl FnOnce(&Log) -> i32) -> i32 {
    in_child(|| {
        default_signals();
        // SAFETY: no pointers.
        unsafe { libc::dup2(fd, 2) };
        log.set_target(b"stderr").expect("stderr");
        log.remember_stderr(&Linux);
        body(log)
    })
}

/// Rust's runtime ignores SIGPIPE; a C program does not.
fn default_signals() {
    // SAFETY: default dispositions.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::signal(libc::SIGXFSZ, libc::SIG_DFL);
    }
}

fn pipe() -> (File, OwnedFd) {
    let mut ends = [0; 2];
    // SAFETY: room for two.
    assert_eq!(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    // SAFETY: just made, owned once.
    unsafe { (File::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) }
}

fn code(result: Result<(), i32>) -> i32 {
    result.err().unwrap_or(0)
}

fn own_descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("/proc").count()
}

#[test]
fn a_file_is_made_for_its_owner_only_and_appended_to() {
    let room = Room::new();
    let path = room.path("log");
    let log = to_file(&path);
    log.write(&Linux, LINE).expect("write");
    log.write(&Linux, b"second\n").expect("write");
    assert_eq!(fs::read(&path).expect("read"), [LINE, b"second\n"].concat());
    let metadata = fs::metadata(&path).expect("stat");
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    // A rotated log starts anew: no copy was kept open.
    fs::rename(&path, room.path("old")).expect("rename");
    log.write(&Linux, LINE).expect("write");
    assert_eq!(fs::read(&path).expect("read"), LINE);
    assert_ne!(fs::metadata(&path).expect("stat").ino(), metadata.ino());
}

#[test]
fn only_a_regular_file_is_a_log() {
    let _alone = alone();
    let room = Room::new();
    let victim = room.path("victim");
    fs::write(&victim, "precious").expect("write");
    symlink(&victim, room.path("link")).expect("symlink");
    assert_eq!(to_file(&room.path("link")).write(&Linux, LINE), Err(libc::ELOOP));
    assert_eq!(fs::read(&victim).expect("read"), b"precious");
    assert_eq!(to_file(&room.0).write(&Linux, LINE), Err(libc::EISDIR));
    assert_eq!(to_file(&room.path("none/log")).write(&Linux, LINE), Err(libc::ENOENT));
    assert_eq!(to_file(Path::new("/dev/null")).write(&Linux, LINE), Err(libc::EINVAL));
    let fifo = room.path("fifo");
    let name = CString::new(fifo.as_os_str().as_encoded_bytes()).expect("no NUL");
    // SAFETY: a NUL-terminated path.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let started = Instant::now();
    assert_eq!(to_file(&fifo).write(&Linux, LINE), Err(libc::ENXIO), "nobody reads it, and we wait for nobody");
    let reader = fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(&fifo).expect("open");
    assert_eq!(to_file(&fifo).write(&Linux, LINE), Err(libc::EINVAL));
    drop(reader);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn no_descriptor_stays_open_whatever_happens() {
    let _alone = alone();
    let room = Room::new();
    let (good, bad) = (to_file(&room.path("log")), to_file(Path::new("/dev/null")));
    let (_reader, writer) = pipe();
    let mut log = Log::new();
    let left = with_stderr(&mut log, writer.as_raw_fd(), |log| {
        let next = || {
            // The lowest free number is the same before and after.
            // SAFETY: no pointers.
            let fd = unsafe { libc::dup(2) };
            // SAFETY: just made.
            unsafe { libc::close(fd) };
            fd
        };
        let before = next();
        let _ = (good.write(&Linux, LINE), bad.write(&Linux, LINE), log.write(&Linux, LINE));
        next() - before
    });
    assert_eq!(left, 0);
    assert!(own_descriptors() > 0);
}

#[test]
fn a_file_at_its_size_limit_kills_nobody() {
    let _alone = alone();
    let room = Room::new();
    let path = room.path("log");
    let log = to_file(&path);
    let answer = in_child(|| {
        default_signals();
        let limit = libc::rlimit { rlim_cur: 30, rlim_max: 30 };
        // SAFETY: a place of our own.
        unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) };
        let first = code(log.write(&Linux, LINE));
        let torn = code(log.write(&Linux, LINE));
        let full = code(log.write(&Linux, LINE));
        let waiting = signal::pending(&Linux) != Ok(signal::Signals(0));
        i32::from((first, torn, full, waiting) != (0, libc::EAGAIN, libc::EFBIG, false))
    });
    assert_eq!(answer, 0);
    assert_eq!(fs::read(&path).expect("read"), [LINE, &LINE[..10]].concat());
}

#[test]
fn a_line_after_a_torn_one_starts_on_its_own() {
    let room = Room::new();
    let path = room.path("log");
    let log = to_file(&path);
    log.torn.store(true, Relaxed);
    log.write(&Linux, LINE).expect("write");
    log.write(&Linux, LINE).expect("write");
    assert_eq!(fs::read(&path).expect("read"), [b"\n", LINE, LINE].concat());
}

#[test]
fn stderr_takes_lines_as_a_pipe_a_file_a_socket_and_a_device() {
    let _alone = alone();
    let room = Room::new();
    let mut log = Log::new();
    let write = |log: &Log| code(log.write(&Linux, LINE));
    let (mut reader, writer) = pipe();
    assert_eq!(with_stderr(&mut log, writer.as_raw_fd(), write), 0);
    drop(writer);
    let mut got = Vec::new();
    reader.read_to_end(&mut got).expect("read");
    assert_eq!(got, LINE, "the end of the pipe came: no copy stayed open");

    let path = room.path("stderr");
    let file = File::create(&path).expect("create");
    assert_eq!(with_stderr(&mut log, file.as_raw_fd(), write), 0);
    assert_eq!(with_stderr(&mut log, file.as_raw_fd(), write), 0);
    assert_eq!(fs::read(&path).expect("read"), [LINE, LINE].concat());

    let (mut left, right) = UnixStream::pair().expect("pair");
    assert_eq!(with_stderr(&mut log, right.as_raw_fd(), write), 0);
    drop(right);
    let mut got = Vec::new();
    left.read_to_end(&mut got).expect("read");
    assert_eq!(got, LINE, "journald's stderr is a socket from the start");

    let null = fs::OpenOptions::new().write(true).open("/dev/null").expect("open");
    assert_eq!(with_stderr(&mut log, null.as_raw_fd(), write), 0);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").expect("open");
    assert_eq!(with_stderr(&mut log, full.as_raw_fd(), write), libc::ENOSPC);
}

#[test]
fn a_dead_reader_kills_nobody_and_leaves_no_signal() {
    let _alone = alone();
    let mut log = Log::new();
    let write = |log: &Log| {
        let result = code(log.write(&Linux, LINE));
        let clean = signal::pending(&Linux) == Ok(signal::Signals(0)) && signal::mask(&Linux) == Ok(signal::Signals(0));
        if clean {
            result
        } else {
            255
        }
    };
    let (reader, writer) = pipe();
    drop(reader);
    assert_eq!(with_stderr(&mut log, writer.as_raw_fd(), write), libc::EPIPE);
    let (left, right) = UnixStream::pair().expect("pair");
    drop(left);
    assert_eq!(with_stderr(&mut log, right.as_raw_fd(), write), libc::EPIPE);
}

#[test]
fn the_programs_own_waiting_sigpipe_stays_its_own() {
    let _alone = alone();
    let mut log = Log::new();
    let (reader, writer) = pipe();
    drop(reader);
    let answer = with_stderr(&mut log, writer.as_raw_fd(), |log| {
        let pipe = signal::Signals::of(&[libc::SIGPIPE]);
        let _ = signal::block(&Linux, pipe);
        // SAFETY: to this thread; blocked.
        unsafe { libc::raise(libc::SIGPIPE) };
        let result = code(log.write(&Linux, LINE));
        if signal::pending(&Linux) == Ok(pipe) && signal::mask(&Linux) == Ok(pipe) {
            result
        } else {
            255
        }
    });
    assert_eq!(answer, libc::EPIPE);
}

#[test]
fn a_full_pipe_blocks_nobody_and_loses_whole_lines_only() {
    let _alone = alone();
    let mut log = Log::new();
    let (mut reader, writer) = pipe();
    let answer = with_stderr(&mut log, writer.as_raw_fd(), |log| {
        for _ in 0..100_000 {
            let result = code(log.write(&Linux, LINE));
            if result != 0 {
                return result;
            }
        }
        0
    });
    assert_eq!(answer, libc::EAGAIN);
    drop(writer);
    let mut got = String::new();
    reader.read_to_string(&mut got).expect("read");
    assert!(got.len() > 30_000 && got.lines().all(|line| line.as_bytes() == &LINE[..LINE.len() - 1]));
}

#[test]
fn a_full_socket_blocks_nobody() {
    let _alone = alone();
    let mut log = Log::new();
    let (_left, right) = UnixStream::pair().expect("pair");
    let answer = with_stderr(&mut log, right.as_raw_fd(), |log| {
        (0..100_000).map(|_| code(log.write(&Linux, LINE))).find(|&code| code != 0).unwrap_or(0)
    });
    assert_eq!(answer, libc::EAGAIN);
}

#[test]
fn a_stopped_terminal_blocks_nobody() {
    let _alone = alone();
    let (mut master, mut slave) = (-1, -1);
    let none = core::ptr::null_mut();
    // SAFETY: two places of our own, the rest may be null.
    assert_eq!(unsafe { libc::openpty(&mut master, &mut slave, none, none.cast(), none.cast()) }, 0);
    // SAFETY: just made, owned once.
    let (_master, slave) = unsafe { (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) };
    let mut log = Log::new();
    // Nobody reads the master: the terminal's buffer fills.
    let answer = with_stderr(&mut log, slave.as_raw_fd(), |log| {
        (0..100_000).map(|_| code(log.write(&Linux, LINE))).find(|&code| code != 0).unwrap_or(0)
    });
    assert_eq!(answer, libc::EAGAIN);
}

#[test]
fn stderr_that_became_something_else_is_not_written_to() {
    let _alone = alone();
    let mut log = Log::new();
    let (mut reader, writer) = pipe();
    let (mut left, right) = UnixStream::pair().expect("pair");
    let (mut other_reader, other_writer) = pipe();
    let replacements = [right.as_raw_fd(), other_writer.as_raw_fd()];
    for replacement in replacements {
        let answer = with_stderr(&mut log, writer.as_raw_fd(), |log| {
            // SAFETY: no pointers.
            unsafe { libc::dup2(replacement, 2) };
            code(log.write(&Linux, LINE))
        });
        assert_eq!(answer, libc::EBADF);
    }
    let answer = with_stderr(&mut log, writer.as_raw_fd(), |log| {
        // SAFETY: the child's own.
        unsafe { libc::close(2) };
        code(log.write(&Linux, LINE))
    });
    assert_eq!(answer, libc::EBADF);
    drop((writer, right, other_writer));
    let mut got = Vec::new();
    reader.read_to_end(&mut got).expect("read");
    left.read_to_end(&mut got).expect("read");
    other_reader.read_to_end(&mut got).expect("read");
    assert_eq!(got, b"");
}

#[test]
fn a_stderr_that_was_closed_at_load_stays_closed_for_us() {
    let _alone = alone();
    let mut log = Log::new();
    let (left, right) = UnixStream::pair().expect("pair");
    let answer = in_child(|| {
        // SAFETY: the child's own.
        unsafe { libc::close(2) };
        log.set_target(b"stderr").expect("stderr");
        log.remember_stderr(&Linux);
        // SAFETY: no pointers.
        unsafe { libc::dup2(right.as_raw_fd(), 2) };
        code(log.write(&Linux, LINE))
    });
    assert_eq!(answer, libc::EBADF);
    drop((left, right));
}

/// The real kernel, but for one call that it does not know.
struct Without(i64, i32);

impl Kernel for Without {
    fn call(&self, nr: i64, args: [usize; 6]) -> isize {
        if nr == self.0 {
            -(self.1 as isize)
        } else {
            Linux.call(nr, args)
        }
    }
    fn now(&self) -> u64 {
        Linux.now()
    }
    fn pages(&self, _: usize) -> Option<core::ptr::NonNull<u8>> {
        None
    }
}

#[test]
fn older_kernels_and_sandboxes_ask_for_room_first() {
    let _alone = alone();
    let kernels = [
        Without(libc::SYS_pwritev2, libc::ENOSYS),
        Without(libc::SYS_pwritev2, libc::EOPNOTSUPP),
        Without(libc::SYS_pwritev2, libc::EPERM),
    ];
    for kernel in kernels {
        let mut log = Log::new();
        let (mut reader, writer) = pipe();
        let answer = with_stderr(&mut log, writer.as_raw_fd(), |log| {
            (0..100_000).map(|_| code(log.write(&kernel, LINE))).find(|&code| code != 0).unwrap_or(0)
        });
        assert_eq!(answer, libc::EAGAIN);
        drop(writer);
        let mut got = Vec::new();
        reader.read_to_end(&mut got).expect("read");
        assert!(got.len() > 30_000 && got.len() % LINE.len() == 0);

        let (reader, writer) = pipe();
        drop(reader);
        assert_eq!(with_stderr(&mut log, writer.as_raw_fd(), |log| code(log.write(&kernel, LINE))), libc::EPIPE);
    }
}

#[test]
fn where_signals_cannot_be_blocked_nothing_is_written() {
    let _alone = alone();
    let mut log = Log::new();
    let (mut reader, writer) = pipe();
    let kernel = Without(libc::SYS_rt_sigprocmask, libc::EPERM);
    assert_eq!(with_stderr(&mut log, writer.as_raw_fd(), |log| code(log.write(&kernel, LINE))), libc::EPERM);
    drop(writer);
    let mut got = Vec::new();
    reader.read_to_end(&mut got).expect("read");
    assert_eq!(got, b"");
}

#[test]
fn targets_and_formats_are_what_the_manual_says() {
    let mut log = Log::new();
    assert!(log.is_off());
    for good in [&b"stderr"[..], b"/var/log/nd", b"off"] {
        assert_eq!(log.set_target(good), Ok(()));
        assert_eq!(log.is_off(), good == b"off");
    }
    for bad in [&b""[..], b"Stderr", b"nd.log", b"./nd.log", b"/a\0b", &[b'/'; 4096]] {
        assert_eq!(log.set_target(bad), Err(Log::TARGET), "{bad:?}");
    }
    assert_eq!((log.set_format(b"json"), log.set_format(b"plain")), (Ok(()), Ok(())));
    assert_eq!(log.set_format(b"JSON"), Err(Log::FORMAT));
}

#[test]
fn a_storm_is_ten_records_and_one_line_about_the_rest() {
    let room = Room::new();
    for (format, name, more) in
        [(&b"plain"[..], "plain", "5 more expiries not shown"), (b"json", "json", "\"suppressed\":5}")]
    {
        let path = room.path(name);
        let mut log = to_file(&path);
        log.set_format(format).expect("format");
        let record = Record::new(&Linux, 5, "read", crate::evidence::Cause::SoRcvtimeo);
        // All within one second of the limiter's clock.
        struct Still;
        impl Kernel for Still {
            fn call(&self, nr: i64, args: [usize; 6]) -> isize {
                Linux.call(nr, args)
            }
            fn now(&self) -> u64 {
                5_000_000_000
            }
            fn pages(&self, _: usize) -> Option<core::ptr::NonNull<u8>> {
                None
            }
        }
        (0..14).for_each(|_| log.report(&Still, &record));
        assert_eq!(log.admit(Still.now()), Verdict::Omit);
        log.settle(&Linux, 5_999_999_999);
        log.settle(&Linux, u64::MAX);
        log.settle(&Linux, u64::MAX);
        log.note(&Linux, "a warning");
        let text = fs::read_to_string(&path).expect("read");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 12, "{text}");
        assert!(lines[..10].iter().all(|line| line.contains("read") && line.contains("SO_RCVTIMEO")), "{text}");
        assert!(lines[10].ends_with(more) && lines[11].contains("a warning"), "{text}");
    }
}

#[test]
fn a_log_that_is_off_says_nothing_and_asks_nothing() {
    struct Silent;
    impl Kernel for Silent {
        fn call(&self, nr: i64, _: [usize; 6]) -> isize {
            panic!("call {nr}");
        }
        fn now(&self) -> u64 {
            panic!("now");
        }
        fn pages(&self, _: usize) -> Option<core::ptr::NonNull<u8>> {
            None
        }
    }
    let log = Log::new();
    assert_eq!(log.admit(1), Verdict::Omit);
    log.report(&Silent, &Record::new(&Linux, 5, "read", crate::evidence::Cause::Explicit));
    log.settle(&Silent, u64::MAX);
    log.note(&Silent, "a warning");
}
