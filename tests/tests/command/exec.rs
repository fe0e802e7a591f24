//! `run` becomes the program: same process, nothing of its surroundings changed, its exit its own.

use crate::furniture::{folder, nd, on_path, refused, script, text, witness};
use netdeadline_tests::Program;

/// The witness's state before, and after it has gone through `netdeadline run`.
fn before_and_after(name: &str, options: &[&str]) -> (String, String) {
    let folder = folder(name);
    let witness = witness(&folder);
    let command = folder.join("netdeadline");
    crate::furniture::install(&command, Some(&folder.join("libnetdeadline.so")));
    let mut arguments = options.to_vec();
    arguments.extend([text(&command), "run", "--connect", "2s", "--", text(&witness)]);
    let finished = Program::new(&witness).args(arguments).run();
    assert_eq!(finished.code(), Some(7), "{finished:#?}");
    let (before, after) = finished.stdout.split_once("---\n").expect("the witness printed twice");
    let after = after.split("I am").next().unwrap_or_default();
    (before.to_owned(), after.to_owned())
}

fn signals(state: &str, name: &str) -> u64 {
    let line = state.lines().find_map(|line| line.strip_prefix(name)).expect("the witness tells its signals");
    u64::from_str_radix(line.trim_start_matches(':').trim(), 16).expect("a set of signals in hexadecimal")
}

#[test]
fn the_process_signals_descriptors_and_limits_stay_as_they_are() {
    let (before, after) = before_and_after("exec-plain", &[]);
    assert!(before.contains("pid ") && before.contains("fd 1 pipe"), "{before}");
    assert!(signals(&before, "SigIgn") & (1 << (libc::SIGPIPE - 1)) == 0, "SIGPIPE was ignored before: {before}");
    assert_eq!(before, after);
}

#[test]
fn an_ignored_sigpipe_a_mask_a_umask_and_an_odd_environment_stay_as_they_are() {
    let (before, after) = before_and_after("exec-odd", &["-p", "-b", "-u", "-e", "-o", "9"]);
    assert!(signals(&before, "SigIgn") & (1 << (libc::SIGPIPE - 1)) != 0, "SIGPIPE is not ignored: {before}");
    assert!(signals(&before, "SigBlk") & (1 << (libc::SIGUSR1 - 1)) != 0, "SIGUSR1 is not blocked: {before}");
    assert!(before.contains("odd entry") && before.contains("fd 9 /dev/null"), "{before}");
    assert_eq!(before, after);
}

#[test]
fn closed_standard_descriptors_stay_closed() {
    let (before, after) = before_and_after("exec-closed", &["-c", "0", "-c", "2"]);
    assert!(!before.contains("fd 0 ") && !before.contains("fd 2 "), "{before}");
    assert_eq!(before, after);
}

#[test]
fn the_program_sees_the_name_it_was_called_by() {
    let folder = folder("exec-name");
    witness(&folder);
    let path = format!("{}:{}", text(&folder), std::env::var("PATH").unwrap_or_default());
    let finished = nd(&["run", "witness"]).env("PATH", path).run();
    assert_eq!(finished.code(), Some(7), "{finished:#?}");
    assert!(finished.stdout.ends_with("I am witness\n"), "{finished:#?}");
}

#[test]
fn the_exit_code_is_the_programs_own() {
    for code in [0, 1, 42, 125, 255] {
        let finished = nd(&["run", "sh", "-c", &format!("exit {code}")]).run();
        assert_eq!(finished.code(), Some(code), "{finished:#?}");
        assert_eq!(finished.stderr, "");
    }
    assert_eq!(nd(&["run", "sh", "-c", "kill -TERM $$"]).run().signal(), Some(libc::SIGTERM));
}

#[test]
fn arguments_go_through_untouched_with_and_without_two_dashes() {
    for words in [&["run", "--connect", "1s", "--"][..], &["run", "--connect", "1s"]] {
        let arguments = [words, &["printf", "[%s]", "--connect", "-x", "", "--", "a b", "--help"]].concat();
        let finished = nd(&arguments).run().succeeded();
        assert_eq!(finished.stdout, "[--connect][-x][][--][a b][--help]");
    }
}

#[test]
fn what_is_not_there_gives_127_and_what_cannot_run_126() {
    let folder = folder("exec-codes");
    refused(&nd(&["run", "no-such-command"]).run(), 127, &["no-such-command", "PATH"]);
    refused(&nd(&["run", "./no/such/file"]).run(), 127, &["./no/such/file", "no such file"]);
    refused(&nd(&["run", ""]).run(), 127, &["no such command"]);
    refused(&nd(&["run", text(&folder)]).run(), 126, &["not a regular file"]);
    let file = folder.join("text");
    std::fs::write(&file, "#!/bin/sh\nexit 0\n").expect("the scratch directory is writable");
    refused(&nd(&["run", text(&file)]).run(), 126, &["not executable"]);
    let junk = folder.join("junk");
    script(&junk, b"\0\x01\x02 neither one nor the other");
    refused(&nd(&["run", text(&junk)]).run(), 126, &["neither an ELF file nor a script"]);
    // Best effort does not make a program of it.
    refused(&nd(&["run", "--best-effort", text(&junk)]).run(), 126, &["cannot be executed: Exec format error"]);
    refused(&nd(&["run", "--best-effort", "no-such-command"]).run(), 127, &["no-such-command"]);
}

#[test]
fn the_path_is_searched_as_execvp_does() {
    let folder = folder("exec-path");
    let (first, second) = (folder.join("first"), folder.join("second"));
    for (directory, word) in [(&first, "first"), (&second, "second")] {
        std::fs::create_dir_all(directory).expect("the scratch directory is writable");
        script(&directory.join("nd-say"), format!("#!/bin/sh\necho {word}\n"));
    }
    std::fs::create_dir_all(first.join("nd-dir")).expect("the scratch directory is writable");
    let path = format!("/no/such:{}:{}:/usr/bin:/bin", text(&first), text(&second));
    let say = || nd(&["run", "nd-say"]).env("PATH", &path).run();
    assert_eq!(say().succeeded().stdout, "first\n");
    refused(&nd(&["run", "nd-dir"]).env("PATH", &path).run(), 127, &["nd-dir"]);
    // A file that may not be executed is passed over, and told of if there is no other.
    crate::furniture::mode(&first.join("nd-say"), 0o644);
    assert_eq!(say().succeeded().stdout, "second\n");
    crate::furniture::mode(&second.join("nd-say"), 0o644);
    refused(&say(), 126, &["first/nd-say", "not executable"]);
}

#[test]
fn a_text_without_a_first_line_is_the_shells() {
    let folder = folder("exec-shell");
    let file = folder.join("naked");
    script(&file, "echo \"$0 $1\"; exit 3\n");
    let finished = nd(&["run", text(&file), "one"]).run();
    assert_eq!(finished.code(), Some(3), "{finished:#?}");
    assert_eq!(finished.stdout, format!("{} one\n", text(&file)));
}

#[test]
fn the_library_is_loaded_into_the_program_and_its_children() {
    let maps = nd(&["run", "cat", "/proc/self/maps"]).run().succeeded();
    assert!(maps.stdout.contains("libnetdeadline.so"), "{}", maps.stdout);
    let maps = nd(&["run", "sh", "-c", "true; exec cat /proc/self/maps"]).run().succeeded();
    assert!(maps.stdout.contains("libnetdeadline.so"), "{}", maps.stdout);
    if on_path("musl-gcc") {
        let program = folder("exec-musl").join("maps");
        let source = "#include <stdio.h>\nint main(void) { FILE *f = fopen(\"/proc/self/maps\", \"r\"); int c;
            while ((c = getc(f)) != EOF) putchar(c); return 0; }";
        crate::furniture::build("musl-gcc", &program, source, &[]);
        let maps = nd(&["run", text(&program)]).run().succeeded();
        assert!(maps.stdout.contains("libnetdeadline.so"), "{}", maps.stdout);
    } else {
        println!("skipped: no musl-gcc here");
    }
}
