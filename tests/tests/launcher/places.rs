//! Where it works: an empty root file system, a process that may not make memory executable.

use std::path::Path;
use std::process::Command;

use netdeadline_tests::{library, Program};

use crate::furniture::{folder, is_root, on_path, place, refused, text};
use crate::running::{before_exec, clean, Running};
use crate::stage::{dynamic_witness, static_command, timed_out, witness};

/// Command, library and program, and nothing else: what is copied into a scratch container.
#[test]
fn an_empty_root_needs_the_command_the_library_and_the_program_alone() {
    let Some(witness) = witness() else { return };
    if !is_root() || !on_path("unshare") {
        println!("skipped: needs root and unshare");
        return;
    }
    let root = folder("launcher-root");
    place(&static_command(), &root.join("netdeadline"));
    place(library(), &root.join("libnetdeadline.so"));
    place(witness, &root.join("app"));
    std::fs::create_dir(root.join("proc")).expect("the scratch directory is writable");
    let chroot = |command: &str, what: &str| {
        Program::new("chroot").args([text(&root), command, "run", "--read", "300ms", "--", "/app", what]).run()
    };
    // Without /proc, by the path it was executed by.
    timed_out(&chroot("/netdeadline", "read").succeeded().stdout);
    refused(&chroot("./netdeadline", "exit"), 125, &["/proc/self/exe, which cannot be read", "not absolute"]);
    let script = format!(
        "mount -t proc proc {0}/proc && exec chroot {0} ./netdeadline run --read 300ms -- /app read",
        text(&root)
    );
    timed_out(&Program::new("unshare").args(["--mount", "sh", "-c", &script]).run().succeeded().stdout);
    // By the name of a child, as the library would call it.
    let child = ["/netdeadline", "launch-child", "/app", "app", "read"];
    let child = Program::new("chroot").args([text(&root)]).args(child).env("NETDEADLINE_READ", "300ms");
    timed_out(&child.run().succeeded().stdout);
}

/// PR_SET_MDWE (Linux 6.3), which systemd's MemoryDenyWriteExecute= sets: no page that was writable becomes executable.
fn deny_write_execute() -> bool {
    const PR_SET_MDWE: i32 = 65;
    const PR_MDWE_REFUSE_EXEC_GAIN: libc::c_ulong = 1;
    // SAFETY: takes no pointer.
    unsafe { libc::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0_usize, 0_usize, 0_usize) == 0 }
}

fn run(program: &Path, what: &str) -> Command {
    let mut command = clean(&crate::furniture::installed_library().with_file_name("netdeadline"));
    command.args(["run", "--read", "300ms", "--", text(program), what]);
    command
}

#[test]
fn memory_that_is_never_both_writable_and_executable_is_enough_for_both_ways() {
    let refused = {
        let mut probe = clean(Path::new("true"));
        before_exec(&mut probe, deny_write_execute).status().is_err()
    };
    if refused {
        println!("skipped: this kernel has no PR_SET_MDWE");
        return;
    }
    for program in [witness(), dynamic_witness()].into_iter().flatten() {
        let ended = Running::start(before_exec(&mut run(program, "read"), deny_write_execute)).end();
        timed_out(&ended.stdout);
    }
}

#[test]
fn no_page_of_the_program_is_writable_and_executable() {
    for program in [witness(), dynamic_witness()].into_iter().flatten() {
        let ended = Running::start(&mut run(program, "maps")).end();
        assert!(ended.stdout.contains("libnetdeadline.so"), "{ended:#?}");
        let both: Vec<_> = ended.stdout.lines().filter(|line| line.contains(" rwx") || line.contains(" -wx")).collect();
        assert!(both.is_empty(), "{both:#?}");
    }
}
