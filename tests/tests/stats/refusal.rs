//! What is no page, or nobody's: one line that says what was expected, and nothing on stdout.

use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::made::{self, start_of, Home, Made, NOBODY};
use netdeadline_tests::Program;

const SIZE: usize = 358_400;

fn page() -> Vec<u8> {
    Made::new(NOBODY, 1, "curl").busy().bytes()
}

/// A process that does nothing, and has its environment: `spawn` returns in the middle of exec, a moment before that is there.
fn sleeping(command: &mut Command) -> Child {
    let child = command.arg("20").spawn().expect("sleep");
    let environment = format!("/proc/{}/environ", child.id());
    let end = Instant::now() + Duration::from_secs(10);
    while fs::read(&environment).unwrap_or_default().is_empty() && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

/// Another user's.
fn as_nobody(command: &mut Command) -> Child {
    sleeping(command.uid(65_534).gid(65_534))
}

#[test]
fn a_process_that_is_not_there_has_left_no_page() {
    let home = Home::new("nobody");
    home.refused(
        &["stats", "5000000"],
        &["there is no process 5000000", "/nobody/netdeadline", "/dev/shm/netdeadline-"],
    );
    for word in ["0", "-1", "curl", "4711x", "99999999999"] {
        home.refused(&["stats", "--", word], &[&format!("read \"{word}\""), "expected the number of a process"]);
    }
}

#[test]
fn a_process_that_runs_without_the_library_has_none() {
    let home = Home::new("unprotected");
    let mut child = sleeping(Command::new("sleep").env_remove("NETDEADLINE_STATS"));
    let pid = child.id().to_string();
    let words =
        [&format!("process {pid} (sleep)"), "does not run under netdeadline", "run --stats", "NETDEADLINE_STATS=on"];
    home.refused(&["stats", &pid], &words);
    child.kill().and_then(|()| child.wait()).expect("it is ours");
}

#[test]
fn a_process_says_by_its_variable_why_it_has_none() {
    let home = Home::new("variable");
    for (value, words) in [
        ("off", &["runs with NETDEADLINE_STATS=off"][..]),
        ("on", &["NETDEADLINE_STATS is set, but the library is not in it"]),
        ("", &["does not run under netdeadline"]),
    ] {
        let mut child = sleeping(Command::new("sleep").env("NETDEADLINE_STATS", value));
        home.refused(&["stats", &child.id().to_string()], words);
        child.kill().and_then(|()| child.wait()).expect("it is ours");
    }
}

#[test]
fn the_page_of_an_earlier_process_of_the_same_number_is_not_taken_for_this_ones() {
    let home = Home::new("reused");
    let us = std::process::id() as i32;
    let path = Made::new(us, 1, "earlier").busy().put(&home);
    let pid = us.to_string();
    home.refused(
        &["stats", &pid],
        &[&format!("process {pid}"), "an earlier process of this number has left", "/reused/"],
    );
    // It is read where it is named; and the list has it as what it is.
    let path = path.to_str().expect("UTF-8");
    assert!(home.said(&["stats", path]).starts_with(&format!("earlier[{pid}] ended, ")), "{path}");
    assert!(home.list(&["stats"]).contains(&format!("{pid:>8} earlier          ended ")));
    // The present one's is found beside it.
    Made::of_us().put(&home);
    assert!(home.said(&["stats", &pid]).starts_with(&format!("tester[{pid}] running, ")));
}

#[test]
fn of_several_programs_in_one_process_the_last_is_shown() {
    let home = Home::new("executed");
    for (n, comm) in ["first", "second", "third"].iter().enumerate() {
        let made = Made::new(NOBODY, 7, comm);
        made.page.made[1].store(n as u64 + 1, std::sync::atomic::Ordering::Relaxed);
        home.put(&format!("5000000.7.{n}"), &made.bytes());
    }
    assert!(home.said(&["stats", "5000000"]).starts_with("third[5000000] ended, "));
    assert_eq!(home.list(&["stats"]).matches(" 5000000 ").count(), 1);
}

#[test]
fn a_page_of_another_version_says_which_and_which_is_read() {
    let home = Home::new("version");
    for length in [SIZE, SIZE + 8, 4_096] {
        let mut bytes = page();
        bytes.resize(length, 0);
        bytes[8..16].copy_from_slice(&2_u64.to_ne_bytes());
        home.put("5000000.1.0", &bytes);
        home.refused(&["stats", "5000000"], &["a page of version 2, expected version 1", "5000000.1.0"]);
    }
}

#[test]
fn what_is_too_short_or_too_long_is_truncated_or_damaged() {
    let home = Home::new("length");
    for length in [0, 1, 15, 16, 4_096, SIZE - 1, SIZE + 1] {
        let mut bytes = page();
        bytes.resize(length, 0);
        home.put("5000000.1.0", &bytes);
        home.refused(&["stats", "5000000"], &[&format!("it has {length} bytes, expected {SIZE}")]);
    }
    let mut bytes = page();
    bytes[16..24].copy_from_slice(&7_u64.to_ne_bytes());
    home.put("5000000.1.0", &bytes);
    home.refused(&["stats", "5000000"], &["it has 7 bytes"]);
}

#[test]
fn what_is_no_page_is_not_shown() {
    let home = Home::new("other");
    home.put("5000000.1.0", &vec![b'x'; SIZE]);
    home.refused(&["stats", "5000000"], &["it is no evidence page"]);
    home.put("5000000.1.0", &vec![0; SIZE]);
    home.refused(&["stats", "5000000"], &["it is not finished"]);
    // Names that the library does not give are not looked at.
    for name in ["5000000.1", "5000000.1.0.0", "x.1.0", "5000000.1.0~", ".5000000.1.0"] {
        fs::remove_file(home.pages().join("5000000.1.0")).expect("it is there");
        home.put(name, &page());
        home.refused(&["stats", "5000000"], &["there is no process"]);
        fs::rename(home.pages().join(name), home.pages().join("5000000.1.0")).expect("it is there");
    }
    // One process cannot speak for another.
    fs::rename(home.pages().join("5000000.1.0"), home.pages().join("5000001.1.0")).expect("it is there");
    home.refused(&["stats", "5000001"], &["named after another process than stands in it"]);
}

#[test]
fn links_pipes_and_directories_are_not_followed_nor_waited_for() {
    let home = Home::new("kinds");
    let path = home.pages().join("5000000.1.0");
    let elsewhere = home.top.join("page");
    fs::write(&elsewhere, page()).expect("the scratch directory is writable");
    let words = &["expected a regular file (links are not followed)"];
    symlink(&elsewhere, &path).expect("the scratch directory is writable");
    home.refused(&["stats", "5000000"], words);
    fs::remove_file(&path).expect("it was just made");
    Program::new("mkfifo").args([&path]).run().succeeded();
    home.refused(&["stats", "5000000"], words);
    home.refused(&["stats", path.to_str().expect("UTF-8")], words);
    fs::remove_file(&path).expect("it was just made");
    fs::create_dir(&path).expect("the scratch directory is writable");
    home.refused(&["stats", "5000000"], words);
    home.refused(&["stats", "./no/such/page"], &["./no/such/page: there is no such file"]);
    home.refused(&["stats", "/dev/zero"], words);
}

#[test]
fn a_directory_that_is_a_link_or_that_others_may_write_is_not_looked_into() {
    let home = Home::new("directory");
    Made::of_us().put(&home);
    let pid = std::process::id().to_string();
    fs::set_permissions(home.pages(), fs::Permissions::from_mode(0o770)).expect("it is ours");
    let said = home.nd(&["stats"]).run().succeeded().stderr;
    assert!(said.contains("/directory/netdeadline: others may write there (mode 770), expected mode 700\n"), "{said}");
    home.refused(&["stats", &pid], &[]);
    fs::set_permissions(home.pages(), fs::Permissions::from_mode(0o700)).expect("it is ours");
    fs::rename(home.pages(), home.top.join("real")).expect("it is ours");
    symlink(home.top.join("real"), home.pages()).expect("the scratch directory is writable");
    let said = home.nd(&["stats"]).run().succeeded().stderr;
    assert!(said.contains("/directory/netdeadline: expected a directory (links are not followed)\n"), "{said}");
    home.refused(&["stats", &pid], &[]);
}

/// Who is not root cannot give a file away.
#[test]
fn what_is_another_users_is_not_believed() {
    if !made::is_root() {
        return;
    }
    let home = Home::new("stranger");
    let path = Made::new(NOBODY, 1, "curl").put(&home);
    std::os::unix::fs::chown(&path, Some(4_711), None).expect("we are root");
    home.refused(&["stats", "5000000"], &["it is user 4711's, expected one of user 0"]);
    std::os::unix::fs::chown(home.pages(), Some(4_711), None).expect("we are root");
    let said = home.nd(&["stats"]).run().succeeded().stderr;
    assert!(said.contains("/stranger/netdeadline: it is user 4711's, expected a directory of user 0\n"), "{said}");
    // Named outright it is root's to say whose pages are looked at.
    let named = home.nd(&["stats", "5000000"]).env("NETDEADLINE_STATS", home.pages()).run().succeeded();
    assert!(named.stdout.starts_with("curl[5000000] ended, "), "{named:#?}");
}

/// A process may give up being root after it has made its page: that lies in root's directory and is root's.
#[test]
fn the_page_that_a_process_made_while_it_was_root_is_still_its_own() {
    if !made::is_root() {
        return;
    }
    let home = Home::new("dropped");
    let mut child = as_nobody(Command::new("sleep").env("NETDEADLINE_STATS", home.pages()));
    let pid = child.id() as i32;
    Made::new(pid, start_of(pid), "daemon").put(&home);
    let said = home.nd(&["stats", &pid.to_string()]).env("XDG_RUNTIME_DIR", "/nowhere").run();
    child.kill().and_then(|()| child.wait()).expect("it is ours");
    assert!(said.stdout.starts_with(&format!("daemon[{pid}] running, ")), "{said:#?}");
}

/// Root looks for the pages of all, each user's in that user's places and not in root's own.
#[test]
fn another_users_process_is_no_reason_to_complain_of_our_directory() {
    if !made::is_root() {
        return;
    }
    let home = Home::new("neighbour");
    let mut child = as_nobody(Command::new("sleep").env("NETDEADLINE_STATS", "on"));
    let list = home.nd(&["stats"]).run();
    let one = home.nd(&["stats", &child.id().to_string()]).run();
    child.kill().and_then(|()| child.wait()).expect("it is ours");
    for finished in [&list, &one] {
        assert!(!finished.stderr.contains("/neighbour/"), "{finished:#?}");
    }
    assert_eq!((list.code(), one.code()), (Some(0), Some(125)));
}

/// Another user asks: it is said whose the page is, and how he may read it.
#[test]
fn who_may_not_read_a_page_is_told_whose_it_is() {
    if !made::is_root() {
        return;
    }
    let home = Home::new("forbidden");
    let path = Made::of_us().put(&home);
    let pid = std::process::id().to_string();
    // The scratch directory may lie where only root comes to: the command is taken along.
    let top = std::env::temp_dir().join(format!("netdeadline-stats-{pid}"));
    fs::create_dir(&top).expect("it is writable");
    fs::set_permissions(&top, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let command = top.join("netdeadline");
    let copied = Command::new("cp").args([netdeadline_tests::command(), &command]).status();
    assert!(copied.is_ok_and(|status| status.success()), "cp");
    let page = top.join("page");
    fs::copy(&path, &page).expect("it is writable");
    fs::set_permissions(&page, fs::Permissions::from_mode(0o600)).expect("it is ours");
    let asked = |arguments: &[&str]| {
        let setpriv = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let command = command.to_str().expect("UTF-8");
        Program::new("setpriv").args([&setpriv[..], &[command], arguments].concat()).env("XDG_RUNTIME_DIR", &top).run()
    };
    let by_pid = asked(&["stats", &pid]);
    let by_path = asked(&["stats", page.to_str().expect("UTF-8")]);
    fs::remove_dir_all(&top).expect("it is ours");
    assert_eq!(by_pid.code(), Some(125), "{by_pid:#?}");
    let words = format!("is user 0's, and only they and root may read its page: sudo netdeadline stats {pid}\n");
    assert!(by_pid.stderr.ends_with(&words) && by_pid.stderr.lines().count() == 1, "{by_pid:#?}");
    assert_eq!(by_path.code(), Some(125), "{by_path:#?}");
    assert!(by_path.stderr.ends_with("Permission denied (only its owner and root may read it)\n"), "{by_path:#?}");
}
