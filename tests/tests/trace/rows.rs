//! The rows for a person: the columns, the words, and that no name can do anything to a terminal.

use netdeadline_tests::{command, Program};

use crate::stage::{file, possible, traced_by, workload};

#[test]
fn a_row_has_the_columns_that_its_head_names_and_the_summary_adds_up() {
    if !possible() {
        return;
    }
    let out = file("text");
    let words = [
        "trace",
        "-o",
        out.to_str().expect("UTF-8"),
        "--",
        workload().to_str().expect("UTF-8"),
        "half/4/1",
        "refused/6/2",
    ];
    Program::new(command()).args(words).run().succeeded();
    let text = std::fs::read_to_string(&out).expect("it was written");
    let _ = std::fs::remove_file(out);
    let lines: Vec<&str> = text.lines().collect();
    let head: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(
        head,
        [
            "TIME", "PID", "COMM", "LOCAL", "REMOTE", "EINPROG", "CONN_MS", "STATES", "RETR", "SENT", "RECEIVED", "MS",
            "END"
        ]
    );
    let row = |end: &str| lines.iter().find(|line| line.ends_with(end)).unwrap_or_else(|| panic!("no {end}: {text}"));
    let half: Vec<&str> = row(" half-closed").split_whitespace().collect();
    assert_eq!(half.len(), 13, "{half:?}");
    assert_eq!((half[2], half[5], half[7], half[9], half[10]), ("workload.cc", "yes", "SYN>EST>FW1>FW2", "5", "13"));
    let refused: Vec<&str> = row(" refused").split_whitespace().collect();
    assert_eq!((refused[6], refused[7], &refused[3][..6]), ("-", "SYN", "[::1]:"));
    let words = [
        "4 connections in",
        "3 connected, 1 accepted; 18 bytes sent, 18 received, 0 retransmits",
        "ended: 1 half-closed, 1 half-closed by peer, 2 refused",
        "connect answered EINPROGRESS: 2 of 3",
        "connect latency in ms of 1 that stood: p50",
        "nothing was lost",
    ];
    for words in words {
        assert!(text.contains(words), "no {words:?}: {text}");
    }
}

/// A thread can give itself any name of 15 bytes.
#[test]
fn no_name_of_a_thread_reaches_the_terminal_as_it_is() {
    if !possible() {
        return;
    }
    let script = "import ctypes, socket
for name in [b'\\x1b]0;own\\x07\\x1b[2J', b'a\\nTIME 1 x', b'\\xe2\\x80\\xae\\xff\"\\\\']:
    ctypes.CDLL(None).prctl(15, name, 0, 0, 0); socket.socket().connect_ex(('127.0.0.1', 1))";
    for options in [&[][..], &["--tracefs"]] {
        let out = file("text");
        let all = [&["trace", "-o", out.to_str().expect("UTF-8")], options, &["--", "python3", "-c", script]].concat();
        Program::new(command()).args(all).run().succeeded();
        let text = std::fs::read_to_string(&out).expect("it is UTF-8");
        let _ = std::fs::remove_file(out);
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
        let rows = text
            .lines()
            .filter(|line| line.ends_with("refused") && line.split(' ').next().is_some_and(|time| time.ends_with('Z')));
        assert_eq!(rows.count(), 3, "{text}");
        let traced = traced_by(command(), &[], options, &["python3", "-c", script]);
        let names: Vec<_> = traced.rows.iter().filter_map(|row| row["comm"].as_str()).collect();
        assert_eq!(names.len(), 3, "{:?}", traced.rows);
        assert!(!names.iter().any(|name| name.chars().any(|c| c.is_control() || c == '\u{202e}')), "{names:?}");
    }
}
