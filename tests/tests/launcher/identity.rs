//! The process that called `run` becomes the program, and neither it nor anybody else can tell that somebody was there.

use std::path::Path;

use netdeadline_tests::Program;

use crate::furniture::{build, folder, is_root, nd, on_path, text};
use crate::running::{clean, Running};
use crate::stage::{dynamic_witness, marked, stub, timed_out, witness};

/// The static witness's words when it is executed plainly, and when it is launched.
fn both(path: &Path, launched: &[&str], arguments: &[&str]) -> (String, String) {
    // A shell that becomes the program, as a supervisor's child would; fd 9 is open, the pid is told first.
    let run = |prefix: &[&str]| {
        let script = ["-c", "echo \"shell $$\"; exec 9</dev/null; exec \"$@\"", "sh"];
        let program = Program::new("sh").args(script).args(prefix).args([text(path)]).args(arguments);
        program.env("NETDEADLINE_READ", "300ms").run()
    };
    let (plain, launched) = (run(&[]), run(launched));
    assert_eq!(plain.code(), launched.code(), "{launched:#?}");
    assert_eq!(plain.signal(), launched.signal(), "{launched:#?}");
    assert_eq!(launched.stderr, plain.stderr);
    (plain.stdout, launched.stdout)
}

/// With what differs from run to run made the same: pids, the parent of them all.
fn without_pids(state: &str) -> String {
    let shell = state.lines().next().and_then(|line| line.strip_prefix("shell ")).expect("the shell's pid");
    let pid = format!("pid {shell}, parent ");
    assert!(state.contains(&pid), "the program is another process than the shell: {state}");
    let parents = |line: &str| line.starts_with("pid ") || line.starts_with("shell ");
    // The pipes to the test have other numbers.
    let pipes = |line: &str| line.split("pipe:[").next().unwrap_or_default().to_owned();
    state.lines().filter(|line| !parents(line)).map(|line| pipes(line) + "\n").collect()
}

#[test]
fn the_program_is_the_same_process_with_the_same_name_arguments_environment_and_descriptors() {
    let Some(witness) = witness() else { return };
    let command = crate::furniture::installed_library().with_file_name("netdeadline");
    let (plain, launched) = both(witness, &[text(&command), "run", "--"], &["state", "an argument", ""]);
    let preload = format!("environment {:?}\n", format!("LD_PRELOAD={}", text(&crate::furniture::installed_library())));
    assert!(launched.contains(&preload), "{launched}");
    assert!(launched.contains("fd 9 /dev/null 0"), "{launched}");
    assert!(launched.contains("TracerPid:\t0\n") && launched.contains("children: no child processes\n"), "{launched}");
    assert_eq!(without_pids(&plain), without_pids(&launched).replace(&preload, ""));
}

#[test]
fn a_deadline_reaches_it_by_both_ways() {
    for witness in [witness(), dynamic_witness()].into_iter().flatten() {
        let run = |arguments: &[&str]| nd(&[&["run"], arguments, &["--", text(witness), "read"]].concat());
        timed_out(&run(&["--read", "300ms"]).run().succeeded().stdout);
        assert!(run(&[]).bound(std::time::Duration::from_secs(1)).run().hung(), "it ended without a deadline");
    }
}

#[test]
fn its_exit_code_its_signal_and_its_panic_are_its_own() {
    let Some(witness) = witness() else { return };
    let run = |arguments: &[&str]| nd(&[&["run", "--read", "5s", "--", text(witness)], arguments].concat()).run();
    for code in [0, 1, 42, 125, 255] {
        let finished = run(&["exit", &code.to_string()]);
        assert_eq!(finished.code(), Some(code), "{finished:#?}");
        assert_eq!(finished.stderr, "");
    }
    for signal in [libc::SIGTERM, libc::SIGKILL, libc::SIGHUP] {
        assert_eq!(run(&["kill", &signal.to_string()]).signal(), Some(signal));
    }
    let panicked = run(&["panic"]);
    assert_eq!(panicked.code(), Some(2), "{panicked:#?}");
    assert!(panicked.stderr.starts_with("panic: on purpose") && panicked.stderr.contains("main.main"), "{panicked:#?}");
}

/// In assembly and C, since Go changes much before the first line of a program: registers, flags, vector registers.
#[test]
fn every_register_is_as_the_kernel_leaves_it() {
    let folder = folder("launcher-registers");
    let program = folder.join("registers");
    let flags = ["-static", "-no-pie", "-nostdlib", "-O1", "-fno-stack-protector"];
    assert!(build("cc", &program, include_str!("registers.c"), &flags), "there is no cc");
    let command = stub(&folder, "SILENT");
    let plain = Program::new(&program).run();
    let launched = Program::new(&command).args(["run", "--", text(&program)]).run();
    assert_eq!((plain.code(), plain.stdout.lines().count()), (Some(7), 2), "{plain:#?}");
    assert_eq!(launched.stdout, plain.stdout, "{launched:#?}");
    assert_eq!(launched.code(), Some(7));
}

/// The witness of the command's tests, which prints signals, limits, umask and descriptors, as a static program.
#[test]
fn signal_masks_dispositions_and_what_else_is_inherited_stay_as_they_are() {
    let folder = folder("launcher-inherited");
    let program = folder.join("witness");
    marked(&program, include_str!("../command/witness.c"));
    let command = stub(&folder, "SILENT");
    for options in [&[][..], &["-p", "-b", "-u", "-e", "-o", "9"], &["-c", "0"], &["-c", "2"], &["-c", "0", "-c", "2"]]
    {
        let launch = [text(&command), "run", "--", text(&program)];
        let finished = Program::new(&program).args(options.iter().chain(&launch)).run();
        assert_eq!(finished.code(), Some(7), "{finished:#?}");
        let (before, after) = finished.stdout.split_once("---\n").expect("the witness printed twice");
        assert_eq!(before, after.split("I am").next().unwrap_or_default(), "{options:?}");
    }
}

/// The witness, launched, when it has threads and nobody is at it.
fn sleeping(witness: &Path) -> Running {
    let command = crate::furniture::installed_library().with_file_name("netdeadline");
    let running = Running::start(clean(&command).args(["run", "--read", "5s", "--", text(witness), "sleep"]));
    running.until("it sleeps", || {
        let there = std::fs::read_link(format!("/proc/{}/exe", running.pid())).is_ok_and(|exe| exe == witness);
        let threads = running.status("Threads").parse::<u32>().is_ok_and(|threads| threads > 2);
        (there && threads && running.status("TracerPid") == "0").then_some(())
    });
    running
}

#[test]
fn it_can_be_traced_again() {
    let Some(witness) = witness() else { return };
    let running = sleeping(witness);
    let ptrace = |request: libc::c_uint, data: libc::c_long| {
        // SAFETY: none of the requests below reads or writes memory of ours.
        unsafe { libc::ptrace(request, running.pid(), 0_usize, data) }
    };
    assert_eq!(ptrace(libc::PTRACE_SEIZE, 0), 0, "{}", std::io::Error::last_os_error());
    assert_eq!(ptrace(libc::PTRACE_INTERRUPT, 0), 0, "{}", std::io::Error::last_os_error());
    let mut status = 0;
    // SAFETY: the status is ours. It stops within moments, or the test's harness is what ends it.
    assert_eq!(unsafe { libc::waitpid(running.pid(), &mut status, libc::__WALL) }, running.pid());
    assert!(libc::WIFSTOPPED(status), "{status:#x}");
    assert_eq!(ptrace(libc::PTRACE_DETACH, 0), 0, "{}", std::io::Error::last_os_error());
    running.kill(libc::SIGTERM);
    let ended = running.end();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.status), Some(libc::SIGTERM), "{ended:#?}");
}

#[test]
fn strace_can_follow_it() {
    let Some(witness) = witness() else { return };
    if !on_path("strace") {
        println!("skipped: no strace here");
        return;
    }
    let running = sleeping(witness);
    let strace = Running::start(clean(Path::new("strace")).args(["-f", "-p", &running.pid().to_string()]));
    running.until("strace is at it", || (running.status("TracerPid") == strace.pid().to_string()).then_some(()));
    running.kill(libc::SIGTERM);
    assert!(strace.end().stderr.contains("killed by SIGTERM"));
}

#[test]
fn it_may_be_the_first_process_of_a_pid_namespace() {
    let Some(witness) = witness() else { return };
    if !is_root() || !on_path("unshare") {
        println!("skipped: needs root and unshare");
        return;
    }
    let command = crate::furniture::installed_library().with_file_name("netdeadline");
    let first = |what: &str| {
        let unshare = ["--pid", "--fork", "--mount-proc", "--kill-child"];
        let run = [text(&command), "run", "--read", "300ms", "--", text(witness), what];
        Program::new("unshare").args(unshare).args(run).run().succeeded().stdout
    };
    let state = first("state");
    assert!(state.starts_with("pid 1, parent 0,"), "{state}");
    assert!(state.contains("TracerPid:\t0\n") && state.contains("children: no child processes\n"), "{state}");
    timed_out(&first("read"));
}

/// unshare(1) without --fork: whoever is forked first is the new namespace's init, and all of it ends with that one.
#[test]
fn a_helper_that_would_be_another_namespaces_init_is_not_forked() {
    if !is_root() || !on_path("unshare") {
        println!("skipped: needs root and unshare");
        return;
    }
    let folder = folder("launcher-unshared");
    let program = folder.join("program");
    let source = "#include <stdio.h>\n#include <sys/wait.h>\n#include <unistd.h>\nint main(void) {
        if (!fork()) { printf(\"born as %d\\n\", (int)getpid()); return 0; } return wait(NULL) < 0; }";
    marked(&program, source);
    let command = stub(&folder, "SILENT");
    let run = |options: &[&str]| {
        let run = [&["--pid", text(&command), "run"], options, &["--", text(&program)]].concat();
        Program::new("unshare").args(run).run()
    };
    crate::furniture::refused(&run(&[]), 125, &["another pid namespace", "--best-effort"]);
    assert_eq!(run(&["--best-effort"]).succeeded().stdout, "born as 1\n");
}
