//! `netdeadline demo` keeps its promise, shows it in 80 columns, and does not claim it when the library does nothing.
//!
//! What the deadlines themselves must do is tested elsewhere; here the demo is run as a user runs it.

use netdeadline_tests::{command, library, scratch, Finished, Program};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const FAULTS: [(&str, &str); 4] =
    [("black hole", "CONNECT"), ("silent server", "RESPONSE"), ("half an answer", "READ"), ("zero window", "WRITE")];

/// The demo from a directory that holds a copy of the command and, where one is named, this library.
fn demo(name: &str, library: Option<&Path>, args: &[&str]) -> Finished {
    let directory = scratch("demo").join(name);
    std::fs::create_dir_all(&directory).expect("the scratch directory is writable");
    let copy = directory.join("netdeadline");
    std::fs::copy(command(), &copy).expect("the command can be copied");
    let beside = directory.join("libnetdeadline.so");
    match library {
        Some(library) => drop(std::fs::copy(library, beside).expect("the library can be copied")),
        None => drop(std::fs::remove_file(beside)),
    }
    Program::new(copy).args(["demo"]).args(args).bound(Duration::from_secs(30)).run()
}

/// A shared object that bears our name and our build's note (src/note.rs), and does nothing at all.
fn inert() -> std::path::PathBuf {
    const START: &[u8] = b"\x0c\0\0\0\x20\0\0\0\x01\0\0\0netdeadline\0";
    let image = std::fs::read(library()).expect("the library was built");
    let at = image.windows(START.len()).position(|window| window == START).expect("it bears a note");
    let note: Vec<String> = image[at..at + START.len() + 32].iter().map(u8::to_string).collect();
    let source = scratch("demo").join("inert.c");
    let text = "__attribute__((section(\".note.netdeadline\"), used, aligned(4))) static const unsigned char note[]";
    std::fs::write(&source, format!("{text} = {{ {} }};\n", note.join(", ")))
        .expect("the scratch directory is writable");
    let path = scratch("demo").join("inert.so");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wl,-soname,libnetdeadline.so.0", "-o"])
        .args([&path, &source])
        .status();
    assert!(built.expect("cc runs").success());
    path
}

/// The value of a key in one row of the JSON form, without its quotes.
fn value<'a>(row: &'a str, key: &str) -> &'a str {
    let (_, rest) = row.split_once(&format!("\"{key}\": ")).unwrap_or_else(|| panic!("no {key} in {row}"));
    match rest.strip_prefix('"') {
        Some(text) => text.split_once('"').expect("a string ends").0,
        None => rest.split([',', '}']).next().expect("split gives a first piece"),
    }
}

fn seconds(row: &str, key: &str) -> f64 {
    value(row, key).parse().unwrap_or_else(|_| panic!("{key} is not a number in {row}"))
}

#[test]
fn each_client_hangs_alone_and_ends_at_its_deadline_not_before() {
    let finished = demo("json", Some(library()), &["--json"]).succeeded();
    let rows: Vec<&str> = finished.stdout.lines().filter(|line| line.contains("\"fault\"")).collect();
    for (fault, class) in FAULTS {
        let of_fault: Vec<&&str> = rows.iter().filter(|row| value(row, "fault") == fault).collect();
        assert!(of_fault.iter().any(|row| value(row, "client") == "built-in"), "{fault}: {finished:#?}");
        for row in of_fault {
            assert_eq!(value(row, "alone_hangs"), "true", "{row}");
            assert!(seconds(row, "alone_s") >= 4.0, "{row}");
            assert_eq!(value(row, "ended"), "true", "{row}");
            assert!(seconds(row, "ended_s") >= 2.0, "early: {row}");
            assert!(seconds(row, "ended_s") < 6.0, "late: {row}");
            assert!(seconds(row, "waited_s") >= 2.0, "early: {row}");
            assert!(seconds(row, "waited_s") < 3.5, "it went on after its deadline: {row}");
            // curl has a number for it (28, man 1 curl) and not always the words.
            let error = value(row, "error").to_lowercase();
            assert!(error.contains("timed out") || error.contains("curl: (28)"), "{row}");
            assert!(value(row, "record").contains(&format!("NETDEADLINE_{class}")), "{row}");
        }
    }
    let clients = rows.len() / FAULTS.len();
    assert_eq!(rows.len(), clients * FAULTS.len(), "each client meets each fault: {finished:#?}");
    assert!(finished.took < Duration::from_secs(15), "{:?}", finished.took);
}

#[test]
fn the_table_fits_80_columns_and_carries_no_colour() {
    let finished = demo("table", Some(library()), &[]).succeeded();
    for line in finished.stdout.lines().filter(|line| !line.contains("LD_PRELOAD=")) {
        assert!(line.len() <= 80, "{} columns: {line}", line.len());
        assert!(line.chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{line:?}");
    }
    for (fault, _) in FAULTS {
        let row = finished.stdout.lines().find(|line| line.starts_with(fault) && line.contains("built-in"));
        let row = row.unwrap_or_else(|| panic!("no row for {fault}: {finished:#?}"));
        assert!(row.contains("still hanging after 4."), "{row}");
        assert!(row.contains("ended after 2.") || row.contains("ended after 3."), "{row}");
    }
    assert!(!finished.stdout.contains("FAILED"), "{}", finished.stdout);
}

#[test]
fn a_library_that_does_nothing_fails_every_row() {
    let finished = demo("inert", Some(&inert()), &["--json"]);
    assert_eq!(finished.code(), Some(1), "{finished:#?}");
    let rows: Vec<&str> = finished.stdout.lines().filter(|line| line.contains("\"fault\"")).collect();
    assert!(rows.len() >= FAULTS.len(), "{finished:#?}");
    for row in rows {
        assert_eq!(value(row, "ended"), "false", "{row}");
        assert_eq!(value(row, "kept"), "false", "{row}");
    }
}

#[test]
fn without_the_library_the_demo_says_what_is_missing() {
    let finished = demo("alone", None, &[]);
    assert_eq!(finished.code(), Some(125), "{finished:#?}");
    assert!(finished.stderr.contains("libnetdeadline.so"), "{finished:#?}");
}

#[test]
fn an_unknown_argument_is_named() {
    let finished = demo("argument", Some(library()), &["--jsno"]);
    assert_eq!(finished.code(), Some(125), "{finished:#?}");
    assert!(finished.stderr.contains("--jsno"), "{finished:#?}");
}
