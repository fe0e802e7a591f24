//! What is said where something is not permitted, or not there; and that what can be done without it is done.

use std::path::PathBuf;
use std::sync::OnceLock;

use netdeadline_tests::{command, Finished, Program};

use crate::stage::{file, objects, possible, workload};

/// A directory into which an ordinary user can see.
fn common() -> &'static PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let path = PathBuf::from(format!("/tmp/nd-trace-{}", std::process::id()));
        let script = format!(
            "mkdir -m 0755 {0} && cp {1} {0}/netdeadline && cp {2} {0}/workload && mkdir -m 0777 {0}/out",
            path.display(),
            command().display(),
            workload().display()
        );
        Program::new("sh").args(["-c", &script]).run().succeeded();
        path
    })
}

/// Run a trace of two connections in this shell command, with $nd and $workload for the files, and $out for the output.
fn shell(before: &str, options: &str) -> (Finished, Vec<serde_json::Value>) {
    let out = common().join("out").join(file("json").file_name().expect("it has a name"));
    let script = format!(
        "{before} {}/netdeadline trace --json -o {} {options} -- {}/workload close/4/2",
        common().display(),
        out.display(),
        common().display()
    );
    let finished = Program::new("sh").args(["-c", &script]).run();
    let rows = objects(&out).0;
    let _ = std::fs::remove_file(out);
    (finished, rows)
}

fn nobody(capabilities: &str) -> String {
    let list: Vec<String> = capabilities.split_whitespace().map(|name| format!("+{name}")).collect();
    let raise =
        if list.is_empty() { String::new() } else { format!("--inh-caps {0} --ambient-caps {0}", list.join(",")) };
    format!("setpriv --reuid 65534 --regid 65534 --clear-groups {raise}")
}

#[track_caller]
fn says(finished: &Finished, words: &[&str]) {
    for word in words {
        assert!(finished.stderr.contains(word), "no {word:?}: {finished:#?}");
    }
}

/// All in one test: the directory is removed at its end.
#[test]
fn what_is_missing_is_named_with_the_way_to_get_it() {
    if !possible() {
        return;
    }
    for (has, missing, not) in [
        ("", "CAP_BPF and CAP_PERFMON", "\u{0}"),
        ("bpf", "CAP_PERFMON", "CAP_BPF and"),
        ("perfmon", "CAP_BPF", "CAP_PERFMON"),
    ] {
        let (finished, rows) = shell(&nobody(has), "");
        assert_eq!((finished.code(), rows.len()), (Some(125), 0), "{finished:#?}");
        let setcap =
            format!("sudo setcap cap_bpf,cap_perfmon,cap_dac_read_search+ep {}/netdeadline", common().display());
        says(&finished, &[&format!("it takes {missing}, which"), "sudo", &setcap]);
        assert_eq!(finished.stderr.lines().count(), 1, "{finished:#?}");
        let told = finished.stderr.split("which this process").next().unwrap_or_default();
        assert!(!told.contains(not), "{finished:#?}");
    }
    // Enough for the states; the calls' numbers stand in tracefs, which is root's.
    let (finished, rows) = shell(&nobody("bpf perfmon"), "");
    assert_eq!((finished.code(), rows.len()), (Some(0), 4), "{finished:#?}");
    says(&finished, &["no EINPROGRESS column", "CAP_DAC_READ_SEARCH", "setcap"]);
    assert!(rows.iter().all(|row| row["einprogress"].is_null() && row["sent"].is_u64()), "{rows:#?}");
    // The accepting thread closes its own end: it is known all the same.
    assert_eq!(rows.iter().filter(|row| row["side"] == "accept" && row["comm"] == "workload").count(), 2);
    let (finished, rows) = shell(&nobody("bpf perfmon dac_read_search"), "");
    assert_eq!((finished.code(), rows.len()), (Some(0), 4), "{finished:#?}");
    assert!(!finished.stderr.contains("EINPROGRESS"), "{finished:#?}");
    assert_eq!(rows.iter().filter(|row| row["einprogress"].is_boolean()).count(), 2, "{rows:#?}");
    // As the line says to do it, by file capabilities.
    let set = format!("setcap cap_bpf,cap_perfmon,cap_dac_read_search+ep {}/netdeadline", common().display());
    if Program::new("sh").args(["-c", &format!("PATH=$PATH:/sbin:/usr/sbin; {set}")]).run().code() == Some(0) {
        let (finished, rows) = shell(&nobody(""), "");
        assert_eq!((finished.code(), rows.len()), (Some(0), 4), "{finished:#?}");
        Program::new("sh")
            .args(["-c", &format!("PATH=$PATH:/sbin:/usr/sbin; setcap -r {}/netdeadline", common().display())])
            .run()
            .succeeded();
    } else {
        println!("skipped: no setcap here");
    }
    // An ordinary user, by trace events.
    let (finished, rows) = shell(&nobody(""), "--tracefs");
    assert_eq!((finished.code(), rows.len()), (Some(125), 0), "{finished:#?}");
    says(&finished, &["/sys/kernel/tracing/instances", "Permission denied", "sudo"]);
    // A user namespace's root is told that he is not the machine's.
    let (finished, _) = shell("unshare -Ur", "");
    assert_eq!(finished.code(), Some(125), "{finished:#?}");
    says(&finished, &["user namespace", "outside of the container"]);
    hidden();
    let _ = std::fs::remove_dir_all(common());
}

/// File systems that are not there, for a process with a mount namespace of its own.
fn hidden() {
    let without = |what: &str| format!("unshare -m sh -c 'mount -t tmpfs none {what} && exec \"$@\"' sh");
    let (finished, rows) = shell(&without("/sys/kernel/tracing"), "");
    assert_eq!((finished.code(), rows.len()), (Some(0), 4), "{finished:#?}");
    says(&finished, &["no EINPROGRESS column", "tracefs is not mounted", "sudo mount -t tracefs"]);
    assert!(rows.iter().all(|row| row["einprogress"].is_null()), "{rows:#?}");
    let (finished, rows) = shell(&without("/sys/kernel/tracing"), "--tracefs");
    assert_eq!((finished.code(), rows.len()), (Some(125), 0), "{finished:#?}");
    says(&finished, &["tracefs is not mounted"]);
    let (finished, rows) = shell(&without("/sys/kernel/btf"), "");
    assert_eq!((finished.code(), rows.len()), (Some(125), 0), "{finished:#?}");
    says(&finished, &["no BTF", "/sys/kernel/btf/vmlinux: No such file", "netdeadline trace --tracefs"]);
    let (finished, rows) = shell(&without("/sys/kernel/btf"), "--tracefs");
    assert_eq!((finished.code(), rows.len()), (Some(0), 4), "{finished:#?}");
    assert_eq!(rows.iter().filter(|row| row["einprogress"].is_boolean()).count(), 2, "{rows:#?}");
    // In a pid namespace of its own (a container that was given the capabilities), numbers are those that hold there.
    let (finished, rows) = shell("unshare -pf --mount-proc", "");
    assert_eq!((finished.code(), rows.len()), (Some(0), 4), "{finished:#?}");
    assert!(rows.iter().all(|row| row["pid"].as_u64().is_some_and(|pid| pid < 50)), "{rows:#?}");
}
