//! Where the launcher may not trace, or the library is not of its build: said before anything starts.

use std::ffi::CString;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use netdeadline_tests::{library, Program};

use crate::furniture::{folder, install, nd, refused, text};
use crate::running::{before_exec, clean, Ended, Running};
use crate::stage::{build_id_at, dynamic_witness, timed_out, witness};

/// Refused with this word; started with one line under `--best-effort`. `filter` is in force for the command and the program.
#[track_caller]
fn forbidden(filter: fn() -> bool, word: &str) {
    let Some(witness) = witness() else { return };
    let command = crate::furniture::installed_library().with_file_name("netdeadline");
    let run = |options: &[&str]| {
        let mut command = clean(&command);
        command.args([&["run", "--read", "5s"], options, &["--", text(witness), "exit", "42"]].concat());
        Running::start(before_exec(&mut command, filter)).end()
    };
    let told = |ended: &Ended, code: i32, start: &str| {
        assert_eq!(ended.status.code(), Some(code), "{ended:#?}");
        assert!(ended.stderr.starts_with(start) && ended.stderr.contains(word), "{ended:#?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:#?}");
    };
    told(&run(&[]), 125, "netdeadline: ");
    told(&run(&["--best-effort"]), 42, "netdeadline: starting it unprotected: ");
}

#[test]
fn where_ptrace_is_forbidden_the_program_is_refused() {
    forbidden(
        || on_ptrace(libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        "ptrace is forbidden to this process (Operation not permitted)",
    );
    forbidden(
        || on_ptrace(libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
        "ptrace is forbidden to this process (Function not implemented)",
    );
}

#[test]
fn where_the_attempt_to_trace_is_deadly_the_program_is_refused() {
    forbidden(|| on_ptrace(libc::SECCOMP_RET_KILL_PROCESS), "a filter on system calls ended the helper");
    let copying = || on_call(libc::SYS_process_vm_writev, libc::SECCOMP_RET_KILL_PROCESS);
    forbidden(copying, "a filter on system calls ended the helper");
}

/// A filter that lets everything pass but ptrace.
fn on_ptrace(action: u32) -> bool {
    on_call(libc::SYS_ptrace, action)
}

fn on_call(number: libc::c_long, action: u32) -> bool {
    let instruction = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut code = [
        // seccomp_data.nr is the first word.
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, action),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: code.len() as u16, filter: code.as_mut_ptr() };
    // SAFETY: a filter of ours, which the kernel copies.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
    }
}

/// A filter that forbids what makes it quick forbids nothing that it needs.
#[test]
fn without_copies_in_bulk_the_words_are_written_one_by_one() {
    let Some(witness) = witness() else { return };
    let command = crate::furniture::installed_library().with_file_name("netdeadline");
    let mut command = clean(&command);
    command.args(["run", "--read", "300ms", "--", text(witness), "read"]);
    let ended = Running::start(before_exec(&mut command, || {
        on_call(libc::SYS_process_vm_writev, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32)
            && on_call(libc::SYS_close_range, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32)
    }));
    timed_out(&ended.end().stdout);
}

#[test]
fn a_process_that_is_traced_already_is_refused() {
    let Some(witness) = witness() else { return };
    let command = crate::furniture::installed_library().with_file_name("netdeadline");
    let run = |options: &[&str]| {
        let mut shell = clean(std::path::Path::new("sh"));
        shell.args(["-c", "read line; exec \"$@\"", "sh", text(&command), "run"]);
        let mut child = shell.args(options).args(["--", text(witness), "exit", "42"]).stdin(Stdio::piped()).spawn();
        let child = child.as_mut().expect("there is a shell");
        let pid = child.id() as i32;
        // SAFETY: no memory of ours is read or written.
        assert_eq!(unsafe { libc::ptrace(libc::PTRACE_SEIZE, pid, 0_usize, 0_usize) }, 0);
        child.stdin.take().expect("piped").write_all(b"\n").expect("it reads");
        let mut status = 0;
        loop {
            // SAFETY: the status is ours.
            assert_eq!(unsafe { libc::waitpid(pid, &mut status, libc::__WALL) }, pid);
            if !libc::WIFSTOPPED(status) {
                break;
            }
            let signal = if status >> 16 == 0 { libc::WSTOPSIG(status) } else { 0 };
            // SAFETY: as above.
            unsafe { libc::ptrace(libc::PTRACE_CONT, pid, 0_usize, signal as usize) };
        }
        let mut said = String::new();
        std::io::Read::read_to_string(&mut child.stderr.take().expect("piped"), &mut said).expect("it has ended");
        (libc::WEXITSTATUS(status), said)
    };
    let (code, said) = run(&[]);
    assert_eq!(code, 125, "{said}");
    assert!(said.contains("it is traced already, by process") && said.lines().count() == 1, "{said}");
    let (code, said) = run(&["--best-effort"]);
    assert_eq!(code, 42, "{said}");
    assert!(said.starts_with("netdeadline: starting it unprotected") && said.contains("traced already"), "{said}");
}

#[test]
fn a_library_of_another_build_is_refused_by_both_ways() {
    let folder = folder("launcher-build");
    let command = folder.join("netdeadline");
    install(&command, None);
    let mut image = std::fs::read(library()).expect("it was built");
    let at = build_id_at(&image);
    image[at] = if image[at] == b'0' { b'1' } else { b'0' };
    std::fs::write(folder.join("libnetdeadline.so"), image).expect("the scratch directory is writable");
    for program in [witness(), dynamic_witness()].into_iter().flatten() {
        let run = |options: &[&str]| {
            Program::new(&command).args([&["run"], options, &["--", text(program), "exit", "42"]].concat()).run()
        };
        refused(&run(&[]), 125, &["libnetdeadline.so is of another build than this command"]);
        let finished = run(&["--best-effort"]);
        assert_eq!(finished.code(), Some(42), "{finished:#?}");
        assert!(finished.stderr.starts_with("netdeadline: starting it unprotected: "), "{finished:#?}");
    }
}

/// The kernel finds out last of all. The helper has been recalled by then, and the exit code is exec's.
#[test]
fn an_exec_that_fails_ends_as_ever() {
    let Some(witness) = witness() else { return };
    let program = folder("launcher-busy").join("busy");
    crate::furniture::place(witness, &program);
    let held = std::fs::OpenOptions::new().append(true).open(&program).expect("it is ours");
    for options in [&[][..], &["--best-effort"]] {
        let finished = nd(&[&["run"], options, &["--", text(&program), "exit", "0"]].concat()).run();
        refused(&finished, 126, &["busy cannot be executed: Text file busy"]);
    }
    drop(held);
    nd(&["run", "--", text(&program), "exit", "0"]).run().succeeded();
}

#[test]
fn a_static_program_with_file_capabilities_or_setuid_is_refused() {
    let Some(witness) = witness() else { return };
    if !crate::furniture::is_root() || !crate::furniture::on_path("setpriv") {
        println!("skipped: needs root and setpriv");
        return;
    }
    // A place that everyone can reach.
    let folder = std::env::temp_dir().join(format!("netdeadline-launched-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("there is a /tmp");
    crate::furniture::mode(&folder, 0o755);
    let (command, program) = (folder.join("netdeadline"), folder.join("program"));
    install(&command, Some(&folder.join("libnetdeadline.so")));
    crate::furniture::place(witness, &program);
    let run = |options: &[&str]| {
        let user = ["--reuid", "65534", "--regid", "65534", "--clear-groups", text(&command), "run"];
        Program::new("setpriv").args(user).args(options).args(["--", text(&program), "exit", "42"]).run()
    };
    // An ordinary user may trace what is his own.
    assert_eq!(run(&[]).code(), Some(42), "{:#?}", run(&[]));
    crate::furniture::mode(&program, 0o4755);
    refused(&run(&[]), 125, &["Go 1.", "static, setuid root", "gains privileges"]);
    assert_eq!(run(&["--best-effort"]).code(), Some(42));
    crate::furniture::mode(&program, 0o755);
    // struct vfs_cap_data, revision 2, effective: CAP_NET_BIND_SERVICE.
    let mut value = [0u8; 20];
    value[..4].copy_from_slice(&0x0200_0001u32.to_le_bytes());
    value[4..8].copy_from_slice(&(1u32 << 10).to_le_bytes());
    let name = CString::new(program.as_os_str().as_bytes()).expect("no NUL");
    // SAFETY: two C strings, and a buffer with its size.
    let set = unsafe { libc::setxattr(name.as_ptr(), c"security.capability".as_ptr(), value.as_ptr().cast(), 20, 0) };
    match set {
        0 => refused(&run(&[]), 125, &["static, a file with capabilities", "gains privileges"]),
        _ => println!("skipped in part: this file system or container allows no file capabilities"),
    }
    std::fs::remove_dir_all(&folder).expect("it is ours");
}
