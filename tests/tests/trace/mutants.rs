//! Do these tests see faults? Faults are sown into a copy of the BPF source, and the tests that guard against them have to fail.
//!
//! The object is a part of the command's file as it is: a mutant's takes its place in a copy, and nothing is built but that.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use netdeadline_tests::{command, root};

use crate::stage::{file, possible, traced_by, workload};
use crate::{latencies, object, outcomes};

/// A fault: what it takes away, what is put there, and which arguments of the workload show it.
const FAULTS: [(&str, &str, &str, &str); 6] = [
    (
        "a record waits for connect() to return",
        "if (!(before & IN_CONNECT) || before & RETURNED)",
        "if (1)",
        "refused/4/5",
    ),
    ("who comes second tells", "if (__sync_fetch_and_or(&c->flags, RETURNED) & ENDED)", "if (0)", "refused/4/5"),
    ("the latency is the kernel's", "c->established = bpf_ktime_get_ns();", "c->established = 1;", "slow/4/5"),
    ("shutdown is told from close", "if (!(sk->sk_shutdown & RCV_SHUTDOWN))", "if (0)", "half/4/3"),
    ("a connect is known by its cookie", "*call = cookie;", "*call = 1;", "close/4/3"),
    ("the owner is who accepted", "if (c && !c->pid) {", "if (0) {", "resetpeer/4/3"),
];

/// The command with the object of the mutated source; None where there is no clang for it.
fn mutant(number: usize, text: &str, instead: &str) -> Option<PathBuf> {
    let bpf = file("mutant");
    let copied = Command::new("cp").arg("-r").arg(root().join("src/bpf")).arg(&bpf).status();
    assert!(copied.is_ok_and(|status| status.success()));
    let source = std::fs::read_to_string(bpf.join("trace.bpf.c")).expect("it was just copied");
    assert_eq!(source.matches(text).count(), 1, "{text:?} is not there once");
    std::fs::write(bpf.join("trace.bpf.c"), source.replace(text, instead)).expect("it is ours");
    let mutated = object::build(&bpf);
    let _ = std::fs::remove_dir_all(&bpf);
    let mutated = mutated?;
    let committed = std::fs::read(root().join("src/bpf/trace.bpf.o")).expect("it is committed");
    let mut whole = std::fs::read(command()).expect("it is built");
    let at = whole.windows(64).position(|part| part == &committed[..64]).expect("the command has the object's head");
    assert!(whole[at..].starts_with(&committed), "the command is not of this checkout");
    assert!(mutated.len() <= committed.len(), "mutant {number} is larger than what it replaces");
    whole[at..at + mutated.len()].copy_from_slice(&mutated);
    let path = file("command");
    std::fs::write(&path, whole).expect("the scratch directory is writable");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    // By cp, as a child of another test may hold this one open for writing.
    let done = path.with_extension("mutant");
    assert!(Command::new("cp").args([&path, &done]).status().is_ok_and(|status| status.success()));
    let _ = std::fs::remove_file(path);
    Some(done)
}

#[test]
fn each_fault_that_is_sown_is_found() {
    if !possible() {
        return;
    }
    let mut missed = Vec::new();
    for (number, (rule, text, instead, argument)) in FAULTS.into_iter().enumerate() {
        let Some(mutant) = mutant(number, text, instead) else { return };
        let workload = workload().to_str().expect("a path in UTF-8");
        let traced = traced_by(&mutant, &[], &[], &[workload, argument]);
        let _ = std::fs::remove_file(mutant);
        assert_eq!(traced.finished.code(), Some(0), "the mutant is no program: {:#?}", traced.finished);
        let found = outcomes::faults(&traced, &[argument]).and_then(|()| latencies::faults(&traced).map(|_| ()));
        match found {
            Err(why) => println!("found: {rule}: {why}"),
            Ok(()) => missed.push(rule),
        }
    }
    assert!(missed.is_empty(), "not found: {missed:?}");
}
