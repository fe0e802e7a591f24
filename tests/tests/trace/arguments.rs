//! What is wrong on the command line, told in one line; and what a command's end does.

use netdeadline_tests::{command, Program};

use crate::stage::possible;

/// It says one line with these words, and ends with this code.
#[track_caller]
fn refused(arguments: &[&str], code: i32, words: &[&str]) {
    let finished = Program::new(command()).arg_list(arguments).run();
    assert_eq!(finished.code(), Some(code), "{finished:#?}");
    assert_eq!((finished.stdout.as_str(), finished.stderr.lines().count()), ("", 1), "{finished:#?}");
    assert!(finished.stderr.starts_with("netdeadline: "), "{finished:#?}");
    for word in words {
        assert!(finished.stderr.contains(word), "no {word:?}: {finished:#?}");
    }
}

trait Arguments {
    fn arg_list(self, arguments: &[&str]) -> Self;
}

impl Arguments for Program {
    fn arg_list(self, arguments: &[&str]) -> Program {
        self.args(["trace"]).args(arguments)
    }
}

#[test]
fn words_that_mean_nothing_are_told_with_what_was_expected() {
    refused(&["-p", "x"], 125, &["-p: read \"x\"", "a process"]);
    refused(&["-p", "-1"], 125, &["-p: read \"-1\""]);
    refused(&["-p", "0"], 125, &["-p: read \"0\"", "1 to"]);
    refused(&["-p", "99999999999"], 125, &["-p: read"]);
    refused(&["--pid"], 125, &["--pid"]);
    refused(&["--comm", ""], 125, &["--comm", "/proc/PID/comm"]);
    refused(&["-p", "1", "--comm", "x"], 125, &["exclude each other"]);
    refused(&["-p", "1", "--", "true"], 125, &["exclude each other"]);
    refused(&["--comm", "x", "true"], 125, &["exclude each other"]);
    refused(&["--slow", "fast"], 125, &["--slow", "\"fast\"", "duration"]);
    refused(&["--slow", "off"], 125, &["--slow", "\"off\"", "duration"]);
    refused(&["--slow", "-1s"], 125, &["--slow"]);
    refused(&["--buffer", "5000"], 125, &["--buffer: read \"5000\"", "power of two"]);
    refused(&["--buffer", "2k"], 125, &["--buffer", "4k to 1024m"]);
    refused(&["--buffer", "4096m"], 125, &["--buffer"]);
    refused(&["--connections", "0"], 125, &["--connections", "1 to 16777216"]);
    refused(&["--nonsense"], 125, &["--nonsense", "--help"]);
}

#[test]
fn a_process_that_is_not_there_is_told() {
    if !possible() {
        return;
    }
    // Above what pid_max allows anywhere.
    refused(&["-p", "4194999"], 125, &["-p 4194999: there is no such process"]);
    // A thread that leads no process.
    let (send, receive) = std::sync::mpsc::channel();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        // SAFETY: it takes nothing and cannot fail.
        let _ = send.send(unsafe { libc::gettid() });
        let _ = wait.recv();
    });
    let tid = receive.recv().expect("the thread tells").to_string();
    refused(&["-p", &tid], 125, &["is a thread", &std::process::id().to_string()]);
    let _ = done.send(());
    let _ = thread.join();
}

#[test]
fn a_command_that_cannot_be_started_ends_as_in_a_shell() {
    if !possible() {
        return;
    }
    let code = |words: &[&str]| {
        let finished = Program::new(command()).arg_list(&[&["-o", "/dev/null", "--"], words].concat()).run();
        (finished.code(), finished.stderr)
    };
    let (missing, words) = code(&["nd-no-such-command"]);
    assert!(missing == Some(127) && words.contains("no such command"), "{words}");
    let plain = crate::stage::file("plain");
    std::fs::write(&plain, "text").expect("the scratch directory is writable");
    let (forbidden, words) = code(&[plain.to_str().expect("a path in UTF-8")]);
    let _ = std::fs::remove_file(plain);
    assert!(forbidden == Some(126) && words.contains("Permission denied"), "{words}");
    let (text, words) = code(&["/nowhere/at/all"]);
    assert!(matches!(text, Some(126 | 127)) && words.contains("/nowhere/at/all"), "{words}");
}

#[test]
fn an_output_that_cannot_be_written_is_told() {
    if !possible() {
        return;
    }
    refused(&["-o", "/nowhere/file", "--", "true"], 125, &["--output /nowhere/file: No such file"]);
    refused(&["-o", "/dev/full", "--", "true"], 125, &["cannot write: No space left"]);
}

/// The rows go to a reader that is gone: a trace of everyone ends then, and a command is not disturbed.
#[test]
fn a_reader_that_went_away_is_no_failure() {
    if !possible() {
        return;
    }
    let script = format!(
        "{{ timeout 20 {nd} trace --json; echo $? >&2; }} | true & sleep 0.6
        python3 -c 'import socket
for _ in range(9): socket.socket().connect_ex((\"127.0.0.1\", 1))'; wait
        {{ {nd} trace -o /dev/stdout -- sh -c 'sleep 0.3; exit 7'; echo $? >&2; }} | true",
        nd = command().display()
    );
    let finished = Program::new("sh").args(["-c", &script]).run().succeeded();
    assert_eq!(finished.stderr, "0\n7\n", "{finished:#?}");
}

/// The help is the parser's and the manual's: no option is in one and not in the others.
#[test]
fn each_option_is_explained_in_the_help_and_in_the_manual() {
    let help = Program::new(command()).arg_list(&["--help"]).run().succeeded().stdout;
    let page =
        std::fs::read_to_string(netdeadline_tests::root().join("docs/man/netdeadline-trace.1")).expect("it is there");
    for option in ["pid", "comm", "slow", "json", "output", "tracefs", "buffer", "connections", "help"] {
        assert!(help.contains(&format!("--{option} ")), "--{option} is not in the help");
        assert!(page.contains(&format!("Fl Fl {option}")), "--{option} is not in the manual");
        let value = if matches!(option, "json" | "tracefs" | "help") { "" } else { "x" };
        let finished = Program::new(command()).arg_list(&[&format!("--{option}"), value, "--nonsense"]).run();
        assert!(!finished.stderr.contains(&format!("argument '--{option}'")), "{finished:#?}");
    }
    let long: Vec<&str> = help.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(long.is_empty(), "{long:#?}");
    assert!(help.lines().nth(2).is_some_and(|line| line.starts_with("  netdeadline ")), "{help}");
    // Each word that a row can end with.
    for word in [
        "closed by peer",
        "half-closed",
        "half-closed by peer",
        "reset by peer",
        "refused",
        "timed out",
        "given up",
        "still open",
    ] {
        assert!(page.contains(&format!(".It {word}\n")), "{word} is not in the manual");
    }
    for key in [
        "einprogress",
        "connect_returned",
        "connect_ms",
        "retransmits",
        "cookie",
        "netns",
        "duration_ms",
        "deadline",
        "rtt_ms",
    ] {
        assert!(page.contains(key), "{key} is not in the manual");
    }
}
