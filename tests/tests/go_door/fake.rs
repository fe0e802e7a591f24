//! A program that has Go's Syscall6 and nothing else of Go's (fake/): what the door does to registers, flags and stack, call by
//! call, and that what it lets through is answered as if it were not there.

use netdeadline_tests::{library, root, scratch};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| build("fake", &[]))
}

fn build(name: &str, flags: &[&str]) -> PathBuf {
    let sources = root().join("tests/tests/go_door/fake");
    let program = scratch(&format!("go-door/{name}")).join(name);
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"]).arg(&program).args(flags);
    let output = cc.args([sources.join("main.c"), sources.join("go.S")]).output().expect("a C compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    program
}

fn command(what: &str, variables: &[(&str, &str)]) -> Command {
    command_of(program(), what, variables)
}

fn command_of(program: &Path, what: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new("timeout");
    command.arg("60").arg(program).arg(what);
    command.env("LD_PRELOAD", library()).envs(variables.iter().copied());
    command
}

/// What the program printed, and how deep it went on the caller's stack.
fn outcome(output: &Output) -> (String, i32) {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{:?}: {stderr}\n{stdout}", output.status);
    let deepest = stderr.lines().find_map(|line| line.strip_prefix("deepest ")?.parse().ok());
    (stdout.into_owned(), deepest.unwrap_or_else(|| panic!("no depth in {stderr}")))
}

fn run(what: &str, variables: &[(&str, &str)]) -> (String, i32) {
    outcome(&command(what, variables).output().expect("timeout, of coreutils"))
}

fn natively(what: &str) -> (String, i32) {
    outcome(&Command::new("timeout").arg("60").arg(program()).arg(what).output().expect("timeout, of coreutils"))
}

const ROOM: i32 = 150;

#[test]
fn what_no_deadline_concerns_is_answered_as_without_us() {
    let (expected, depth) = natively("plain");
    assert_eq!(depth, 8, "Syscall6 itself needs its return address");
    let rules = "to * connect=60s read=60s write=60s response=60s lifetime=1h; on * read=60s";
    let settings: [&[(&str, &str)]; 4] = [
        &[],
        &[("NETDEADLINE_READ", "60s"), ("NETDEADLINE_LOG", "off")],
        &[("NETDEADLINE_RULES", rules), ("NETDEADLINE_LOG", "off")],
        &[("NETDEADLINE_RULES", rules), ("NETDEADLINE_LOG", "off"), ("NETDEADLINE_MODE", "observe")],
    ];
    for variables in settings {
        let (answered, depth) = run("plain", variables);
        assert_eq!(answered, expected, "{variables:?}");
        assert!(depth > 8, "{variables:?}: Syscall6 was not patched");
        assert!(depth <= ROOM, "{variables:?}: {depth} bytes of the caller's stack");
    }
}

/// What `deadlines` prints: each wait ends with ETIMEDOUT, not early and not late, and a program that tries first waits from
/// its try on.
const DEADLINES: &str = "\
connect 0 0
close 0 0
a blocking read -1 110
early 0 late 0
a blocking readv -1 110
early 0 late 0
a poll 1 0
early 0 late 0
and its read -1 110
epoll_ctl 0 0
its birth 1 0
no wait 0 0
a try -1 11
a wait 1 0
early 0 late 0 event 78
the answer -1 110
and no other -1 11
write 1 0
data 1 0
";

const READ: [(&str, &str); 2] = [("NETDEADLINE_READ", "300ms"), ("NETDEADLINE_LOG", "off")];

#[test]
fn waits_end_at_their_deadlines_and_leave_registers_and_stack_alone() {
    let (answered, depth) = run("deadlines", &READ);
    assert_eq!(answered, DEADLINES);
    assert!(depth <= ROOM, "{depth} bytes of the caller's stack");
}

#[test]
fn without_a_build_id_it_is_known_by_what_cgo_exports() {
    // Another linker than Go's puts the build information behind all other data, megabytes away.
    let program = build("fake-bare", &["-DBARE", "-rdynamic"]);
    let output = command_of(&program, "deadlines", &READ).output().expect("timeout, of coreutils");
    assert_eq!(outcome(&output).0, DEADLINES);
}

#[test]
fn it_is_patched_where_no_page_may_become_executable() {
    const PR_SET_MDWE: i32 = 65;
    let mut command = command("deadlines", &READ);
    let deny = || {
        // SAFETY: a system call of numbers. Kept over exec. Linux 6.3; before, this test repeats the one above.
        unsafe { libc::prctl(PR_SET_MDWE, 1_usize, 0_usize, 0_usize, 0_usize) };
        Ok(())
    };
    // SAFETY: the closure makes one system call.
    let output = unsafe { command.pre_exec(deny) }.output().expect("timeout, of coreutils");
    assert_eq!(outcome(&output).0, DEADLINES);
}

#[test]
fn it_is_patched_where_there_is_no_proc() {
    let mut command = Command::new("unshare");
    let without = r#"mount -t tmpfs none /proc && ! [ -e /proc/self ] && exec "$@""#;
    command.args(["-rm", "sh", "-c", without, "sh", "timeout", "60"]).arg(program()).arg("deadlines");
    command.envs(READ);
    let output = command.env("LD_PRELOAD", library()).output().expect("unshare, of util-linux");
    assert_eq!(outcome(&output).0, DEADLINES);
}

#[test]
fn many_threads_and_signals_find_their_registers_again() {
    let (answered, depth) = run("strain", &[("NETDEADLINE_READ", "60s"), ("NETDEADLINE_LOG", "off")]);
    assert_eq!(answered, "strained\n");
    assert!((9..=ROOM).contains(&depth), "{depth} bytes of the caller's stack");
}
