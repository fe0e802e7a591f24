//! `launch-child`, which the library executes in place of a static Go child: the child comes out as its parent meant it,
//! protected where that is possible.

use netdeadline_tests::Program;

use crate::furniture::{folder, installed_library, is_root, mode, nd, place, refused, text};
use crate::running::{before_exec, clean, Running};
use crate::stage::{marked, stub, timed_out, witness, SAYS};

#[test]
fn a_child_has_the_name_arguments_environment_and_exit_code_it_was_given() {
    use std::os::unix::process::CommandExt;
    let Some(witness) = witness() else { return };
    let command = installed_library().with_file_name("netdeadline");
    let state = |launched: bool| {
        let mut child = clean(if launched { &command } else { witness });
        if launched {
            child.args(["launch-child", text(witness), "another name"]);
        } else {
            child.arg0("another name");
        }
        let child =
            child.args(["state", "--", "-x", ""]).env_clear().env("B", "2").env("A", "").env("NETDEADLINE_READ", "5s");
        let running = Running::start(child);
        let pid = format!("pid {}, parent {},", running.pid(), std::process::id());
        let ended = running.end();
        assert_eq!((ended.status.code(), ended.stderr.as_str()), (Some(0), ""), "{ended:#?}");
        assert!(ended.stdout.starts_with(&pid), "{ended:#?}");
        let same = |line: &&str| !line.contains("pipe:[") && !line.starts_with("pid ");
        ended.stdout.lines().filter(same).map(|line| line.to_owned() + "\n").collect::<String>()
    };
    let launched = state(true);
    assert!(launched.contains("arguments [\"another name\" \"state\" \"--\" \"-x\" \"\"]\n"), "{launched}");
    assert!(launched.contains(&format!("I am {}\n", text(witness))), "{launched}");
    assert_eq!(state(false), launched);
    assert_eq!(nd(&["launch-child", text(witness), "w", "exit", "42"]).run().code(), Some(42));
    assert_eq!(nd(&["launch-child", text(witness), "w", "kill", "9"]).run().signal(), Some(libc::SIGKILL));
}

#[test]
fn a_child_has_its_deadlines() {
    let Some(witness) = witness() else { return };
    let child = nd(&["launch-child", text(witness), "w", "read"]).env("NETDEADLINE_READ", "300ms");
    timed_out(&child.run().succeeded().stdout);
}

/// It runs, and one line says why it has no deadline; none where no log is wanted.
#[track_caller]
fn untouched(arguments: &[&str], word: &str) {
    let run = |log: &str| nd(&[&["launch-child"], arguments].concat()).env("NETDEADLINE_LOG", log).run();
    let finished = run("stderr").succeeded();
    assert_eq!(finished.stdout, "ran\n", "{finished:#?}");
    assert!(finished.stderr.starts_with("netdeadline: ") && finished.stderr.contains(word), "{finished:#?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:#?}");
    let finished = run("off").succeeded();
    assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("ran\n", ""));
}

#[test]
fn what_cannot_be_protected_is_executed_as_it_is() {
    let folder = folder("launcher-children");
    let program = folder.join("program");
    assert!(crate::furniture::build("cc", &program, SAYS, &["-static"]));
    untouched(&[text(&program), "name"], "starts without deadlines: it is no static Go program");
    untouched(&["/bin/sh", "sh", "-c", "echo ran"], "it is no static Go program");
    // The library finds out that it is no Go program after all, and leaves it as it was.
    marked(&program, SAYS);
    untouched(&[text(&program), "name"], "Go's Syscall6 is not in it");
    if is_root() {
        std::os::unix::fs::chown(&program, Some(65534), None).expect("root may");
        mode(&program, 0o4755);
        untouched(&[text(&program), "name"], "setuid (user 65534)");
    }
}

#[test]
fn a_child_that_may_not_be_traced_is_executed_as_it_is() {
    let Some(witness) = witness() else { return };
    let command = installed_library().with_file_name("netdeadline");
    let mut child = clean(&command);
    child.args(["launch-child", text(witness), "w", "exit", "42"]);
    // A process that cannot be dumped cannot be traced but by root; a limit of no processes cannot fork. Both need a user
    // without rights, so: no descriptor is left for the conversation.
    let ended = Running::start(before_exec(&mut child, || {
        let limit = libc::rlimit { rlim_cur: 5, rlim_max: 5 };
        // SAFETY: the limit is read from memory of ours.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) == 0 }
    }));
    let ended = ended.end();
    assert_eq!(ended.status.code(), Some(42), "{ended:#?}");
    assert!(
        ended.stderr.contains("starts without deadlines: no pipe to the helper: Too many open files"),
        "{ended:#?}"
    );
}

#[test]
fn a_library_that_fails_costs_a_child_nothing_but_its_deadlines() {
    let folder = folder("launcher-child-stub");
    let program = folder.join("program");
    marked(&program, SAYS);
    for how in ["CRASH", "HALF", "WRONG"] {
        let finished = Program::new(stub(&folder, how)).args(["launch-child", text(&program), "p"]).run().succeeded();
        assert_eq!(finished.stdout, "ran\n", "{finished:#?}");
        assert!(finished.stderr.contains("starts without deadlines: "), "{finished:#?}");
    }
    std::fs::remove_file(folder.join("libnetdeadline.so")).expect("it was just built");
    let finished =
        Program::new(folder.join("netdeadline")).args(["launch-child", text(&program), "p"]).run().succeeded();
    assert_eq!(finished.stdout, "ran\n", "{finished:#?}");
    assert!(finished.stderr.contains("libnetdeadline.so is in none of"), "{finished:#?}");
}

#[test]
fn what_cannot_be_executed_ends_with_126_or_127() {
    let folder = folder("launcher-child-codes");
    let child = |file: &str| nd(&["launch-child", file, "name"]).env("NETDEADLINE_LOG", "off").run();
    refused(&child("/no/such"), 127, &["/no/such cannot be executed: No such file"]);
    refused(&child(text(&folder)), 126, &["cannot be executed: Permission denied"]);
    if let Some(witness) = witness() {
        let file = folder.join("locked");
        place(witness, &file);
        mode(&file, 0o644);
        refused(&child(text(&file)), 126, &["Permission denied"]);
    }
    refused(&nd(&["launch-child"]).run(), 125, &["launch-child wants"]);
}
