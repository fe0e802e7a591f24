//! The words of the command itself.

use crate::furniture::{nd, refused};
use netdeadline_tests::Program;

#[test]
fn every_help_text_fits_80_columns_and_begins_with_examples() {
    for command in [&[][..], &["run"], &["check"], &["policy"], &["trace"], &["stats"], &["top"]] {
        let finished = nd(&[command, &["--help"]].concat()).run().succeeded();
        assert_eq!(finished.stderr, "");
        let long: Vec<&str> = finished.stdout.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{long:#?}");
        assert!(
            finished.stdout.lines().nth(2).is_some_and(|line| line.starts_with("  netdeadline ")),
            "{}",
            finished.stdout
        );
    }
}

#[test]
fn the_examples_in_the_help_are_understood() {
    for command in ["run", "policy"] {
        let help = nd(&[command, "--help"]).run().succeeded().stdout;
        let examples = help.lines().skip(2).take_while(|line| !line.is_empty());
        for example in examples.filter(|line| !line.contains(".conf")) {
            // The policy of an example is what `policy` reads; the command behind it need not exist.
            let words = shell_words(example);
            let end = words
                .iter()
                .position(|word| word == "--" || word == "curl" || word.starts_with("./"))
                .unwrap_or(words.len());
            let options: Vec<&str> = words[2..end].iter().map(String::as_str).collect();
            nd(&[&["policy"], &options[..]].concat()).run().succeeded();
        }
    }
}

/// The words of an example, without the remark that is set off by spaces.
fn shell_words(line: &str) -> Vec<String> {
    let line = line.trim_start();
    let line = line.split("   ").next().unwrap_or(line);
    let finished = Program::new("sh").args(["-c", &format!("printf '%s\\n' {line}")]).run().succeeded();
    finished.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn each_option_that_is_understood_is_explained() {
    let help = nd(&["run", "--help"]).run().succeeded().stdout;
    for option in [
        "connect",
        "response",
        "read",
        "write",
        "lifetime",
        "resolve",
        "rule",
        "config",
        "observe",
        "log",
        "best-effort",
    ] {
        assert!(help.contains(&format!("\n  --{option} ")), "--{option} is not explained");
        let value: &[&str] = if matches!(option, "observe" | "best-effort") { &[] } else { &["2 bad"] };
        // An option that nobody knew would be answered otherwise.
        let finished = nd(&[&["run", &format!("--{option}")], value, &["nd-no-such-command"]].concat()).run();
        assert!(!finished.stderr.contains("unexpected argument"), "{finished:#?}");
    }
}

#[test]
fn the_version_is_told_with_the_library() {
    for flag in ["--version", "-V"] {
        let finished = nd(&[flag]).run().succeeded();
        let library = crate::furniture::installed_library();
        assert_eq!(finished.stdout, format!("netdeadline 0.1.0\nlibrary: {}\n", library.display()));
    }
}

#[test]
fn a_misused_command_line_is_told_in_one_line() {
    refused(&nd(&["runn"]).run(), 125, &["runn", "'run'"]);
    refused(&nd(&["curl", "http://host/"]).run(), 125, &["curl", "netdeadline run"]);
    refused(&nd(&["--connect", "2s"]).run(), 125, &["--connect", "behind a command"]);
    refused(&nd(&["run"]).run(), 125, &["COMMAND"]);
    refused(&nd(&["run", "--connect", "2s"]).run(), 125, &["COMMAND"]);
    refused(&nd(&["check"]).run(), 125, &["FILE"]);
    let finished = nd(&[]).run();
    assert_eq!(finished.code(), Some(125), "{finished:#?}");
    assert!(finished.stderr.contains("netdeadline run --connect"), "{finished:#?}");
}

/// The help goes to a reader that is gone: that is no failure, and no panic.
#[test]
fn a_reader_that_went_away_is_no_failure_of_ours() {
    let command = crate::furniture::installed_library().with_file_name("netdeadline");
    let shell = format!("trap '' PIPE; {{ sleep 0.2; {} run --help; echo $? >&2; }} | true", command.display());
    let finished = Program::new("sh").args(["-c", &shell]).run().succeeded();
    assert_eq!(finished.stderr, "0\n", "{finished:#?}");
}
