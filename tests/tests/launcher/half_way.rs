//! What happens to a program while the helper is at it: it dies, signals come, the library fails.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use netdeadline_tests::Program;

use crate::furniture::{folder, refused, text};
use crate::running::{before_exec, clean, kill, status, Ended, Running};
use crate::stage::{marked, stub, SAYS};

/// A program under a library that takes a second and a half for its first steps, stopped there; and the helper's pid.
fn slow(name: &str) -> (Running, PathBuf, i32) {
    let folder = folder(name);
    let program = folder.join("program");
    marked(&program, SAYS);
    let command = stub(&folder, "SLOW");
    let running = Running::start(clean(&command).args(["run", "--", text(&program)]));
    let helper = running.in_the_hands_of_the_helper(&program);
    (running, program, helper)
}

#[track_caller]
fn ran(ended: &Ended) {
    assert_eq!(
        (ended.status.code(), ended.stdout.as_str(), ended.stderr.as_str()),
        (Some(0), "ran\n", ""),
        "{ended:#?}"
    );
}

#[test]
fn a_helper_that_is_killed_takes_the_program_with_it() {
    let (running, _, helper) = slow("launcher-killed");
    assert_eq!(status(helper, "PPid"), running.pid().to_string(), "the helper is the program's own child");
    kill(helper, libc::SIGKILL);
    let ended = running.end();
    assert_eq!((ended.status.signal(), ended.stdout.as_str()), (Some(libc::SIGKILL), ""), "{ended:#?}");
}

/// Where Yama asks who may trace whom, the helper alone may, and only until it does. (This says what is asked of the kernel; what
/// Yama makes of it is Yama's.)
#[test]
fn tracing_is_allowed_to_just_the_helper_and_to_nobody_afterwards() {
    let folder = folder("launcher-ptracer");
    let program = folder.join("program");
    marked(&program, SAYS);
    let command = stub(&folder, "SLOW");
    let spy = folder.join("spy.so");
    let source = "#include <stdarg.h>\n#include <stdio.h>\n#include <sys/prctl.h>\n#include <sys/syscall.h>\n#include <unistd.h>
        int prctl(int what, ...) { va_list more; va_start(more, what); long a = va_arg(more, long), b = va_arg(more, long);
            va_end(more); if (what == PR_SET_PTRACER) dprintf(2, \"%ld\\n\", a); return syscall(SYS_prctl, what, a, b, 0, 0); }";
    assert!(crate::furniture::build("cc", &spy, source, &["-shared", "-fPIC"]), "there is no cc");
    let running = Running::start(clean(&command).args(["run", "--", text(&program)]).env("LD_PRELOAD", &spy));
    let helper = running.in_the_hands_of_the_helper(&program);
    let ended = running.end();
    if ended.stderr.is_empty() {
        println!("skipped: the command is static, and takes no spy");
        return;
    }
    assert_eq!((ended.stdout.as_str(), ended.stderr), ("ran\n", format!("{helper}\n0\n")));
}

#[test]
fn a_helper_holds_no_descriptor_but_stderr_and_blocks_every_signal() {
    let (running, _, helper) = slow("launcher-bare");
    // The pipes to its parent go as soon as they have served.
    running.until("it holds stderr alone", || {
        let files = std::fs::read_dir(format!("/proc/{helper}/fd")).expect("it runs").flatten();
        let files: Vec<_> = files.map(|entry| entry.file_name()).collect();
        (files == ["2"]).then_some(())
    });
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGPIPE, libc::SIGTSTP] {
        kill(helper, signal);
    }
    ran(&running.end());
}

#[test]
fn a_signal_that_comes_meanwhile_is_delivered_when_the_program_begins() {
    let (running, ..) = slow("launcher-sigterm");
    running.kill(libc::SIGTERM);
    let ended = running.end();
    assert_eq!((ended.status.signal(), ended.stdout.as_str()), (Some(libc::SIGTERM), ""), "{ended:#?}");
}

#[test]
fn a_stop_that_comes_meanwhile_stops_the_program_before_it_begins() {
    let (running, ..) = slow("launcher-sigstop");
    running.kill(libc::SIGSTOP);
    running.until("it is stopped, and nobody's", || {
        (running.status("State").starts_with('T') && running.status("TracerPid") == "0").then_some(())
    });
    // It stays so.
    std::thread::sleep(Duration::from_millis(200));
    assert!(running.status("State").starts_with('T'));
    running.kill(libc::SIGCONT);
    ran(&running.end());
}

#[test]
fn a_stop_that_is_taken_back_meanwhile_does_not_stop_it() {
    let (running, ..) = slow("launcher-sigcont");
    running.kill(libc::SIGSTOP);
    std::thread::sleep(Duration::from_millis(100));
    running.kill(libc::SIGCONT);
    ran(&running.end());
}

#[test]
fn a_kill_that_comes_meanwhile_ends_both() {
    let (running, _, helper) = slow("launcher-sigkill");
    running.kill(libc::SIGKILL);
    let ended = running.end();
    assert_eq!((ended.status.signal(), ended.stdout.as_str()), (Some(libc::SIGKILL), ""), "{ended:#?}");
    for _ in 0..1000 {
        if !Path::new(&format!("/proc/{helper}")).exists() || status(helper, "State").starts_with('Z') {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the helper {helper} outlives the program");
}

/// Blocked and pending before any of it began: execve keeps it, and so do we.
#[test]
fn a_signal_that_was_pending_before_stays_pending() {
    let folder = folder("launcher-pending");
    let program = folder.join("program");
    let source = "#include <signal.h>\n#include <stdio.h>\nint main(void) { sigset_t set, mask; sigpending(&set); sigprocmask(0, NULL, &mask);
        for (int i = 1; i < 65; i++) if (sigismember(&set, i) == 1 || sigismember(&mask, i) == 1)
            printf(\"%d %d %d\\n\", i, sigismember(&set, i), sigismember(&mask, i)); return 0; }";
    marked(&program, source);
    let command = stub(&folder, "SILENT");
    let run = |program: &Path, arguments: &[&str]| {
        let mut command = clean(program);
        before_exec(command.args(arguments), block_and_raise);
        Running::start(&mut command).end()
    };
    let plain = run(&program, &[]);
    let expected = format!("{} 1 1\n{} 0 1\n", libc::SIGUSR1, libc::SIGCHLD);
    assert_eq!(plain.stdout, expected);
    assert_eq!(run(&command, &["run", "--", text(&program)]).stdout, expected);
    // The same where nothing is launched after all.
    let best = run(&stub(&folder, "HALF"), &["run", "--best-effort", "--", text(&program)]);
    assert_eq!(best.stdout, expected, "{best:#?}");
}

fn block_and_raise() -> bool {
    // SAFETY: sets of ours; a signal to this very process, which blocks it.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGUSR1);
        libc::sigaddset(&mut set, libc::SIGCHLD);
        libc::sigprocmask(libc::SIG_SETMASK, &set, std::ptr::null_mut()) == 0 && libc::raise(libc::SIGUSR1) == 0
    }
}

/// The library fails: the program is refused before its first instruction, or runs as if nobody had been there.
#[test]
fn a_library_that_fails_leaves_the_program_as_it_was() {
    for (how, words) in [
        ("CRASH", "met signal 4 at 0x"),
        ("HALF", "the library did not come to an end"),
        ("WRONG", "the program's code is not what the library saw"),
    ] {
        let folder = folder(&format!("launcher-{how}"));
        let program = folder.join("program");
        let source = SAYS.replace(
            "puts(\"ran\");",
            "char line[999]; FILE *f = fopen(\"/proc/self/maps\", \"r\"); int seen = 0;
            while (fgets(line, sizeof line, f)) if (__builtin_strstr(line, \"libnetdeadline\")) seen++;
            if (seen > 1) return 9; puts(\"ran\");",
        );
        marked(&program, &source);
        let command = stub(&folder, how);
        let run =
            |options: &[&str]| Program::new(&command).args([&["run"], options, &["--", text(&program)]].concat()).run();
        refused(&run(&[]), 125, &[text(&program), "cannot be protected: Go 1.99.1, static: ", words, "--best-effort"]);
        let finished = run(&["--best-effort"]).succeeded();
        assert_eq!(finished.stdout, "ran\n", "{finished:#?}");
        assert!(finished.stderr.starts_with("netdeadline: starting it unprotected: "), "{finished:#?}");
        assert!(finished.stderr.contains(words) && finished.stderr.lines().count() == 1, "{finished:#?}");
    }
}
