//! What the kernel must have and permit for `trace`: looked at before anything is tried, and said so that it can be mended.

use std::error::Error;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::bpf::one_line;
use crate::text;

const BTF: &str = "/sys/kernel/btf/vmlinux";

/// What is left where BPF cannot work.
pub const TRACEFS: &str = "`netdeadline trace --tracefs` needs no BPF, and shows no bytes";

/// linux/capability.h
const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;
const CAP_BPF: u32 = 39;

/// The kernel describes its types: CONFIG_DEBUG_INFO_BTF.
pub fn btf() -> Result<(), String> {
    match File::open(BTF).and_then(|mut file| file.read_exact(&mut [0; 16])) {
        Ok(()) => Ok(()),
        Err(error) => {
            let why =
                if error.kind() == io::ErrorKind::UnexpectedEof { "it is empty".into() } else { text::reason(&error) };
            Err(format!("this kernel has no BTF, or hides it ({BTF}: {why}); BPF needs it; {TRACEFS}"))
        }
    }
}

/// CAP_BPF and CAP_PERFMON, or the one that was for all of it before.
pub fn capabilities() -> Result<(), String> {
    let Some(effective) = effective() else { return Ok(()) };
    let has = |capability: u32| effective & (1 << capability) != 0;
    if has(CAP_SYS_ADMIN) {
        return Ok(());
    }
    let missing: Vec<&str> = [(CAP_BPF, "CAP_BPF"), (CAP_PERFMON, "CAP_PERFMON")]
        .into_iter()
        .filter_map(|(capability, name)| (!has(capability)).then_some(name))
        .collect();
    match missing.as_slice() {
        [] => Ok(()),
        missing => Err(format!("it takes {}, which this process has not: {}", missing.join(" and "), how())),
    }
}

/// How to get what is missing.
fn how() -> String {
    let command = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("netdeadline"));
    format!(
        "run it with sudo, or once `sudo setcap cap_bpf,cap_perfmon,cap_dac_read_search+ep {}` (on a copy that only \
         those can execute who may see every connection)",
        text::path(&command)
    )
}

/// CapEff of this process. None where /proc does not tell.
fn effective() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let word = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(word.trim(), 16).ok()
}

/// The tracefs that is mounted, if any.
pub fn tracefs() -> Option<&'static Path> {
    ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"].map(Path::new).into_iter().find(|place| {
        // Without the right to search it, it is there all the same.
        match std::fs::symlink_metadata(place.join("events")) {
            Ok(_) => true,
            Err(error) => error.kind() == io::ErrorKind::PermissionDenied && place.is_dir(),
        }
    })
}

/// The system calls' tracepoints, whose numbers stand in tracefs.
pub fn calls() -> Result<(), String> {
    let Some(place) = tracefs() else {
        return Err(without_calls(
            "tracefs is not mounted on /sys/kernel/tracing (`sudo mount -t tracefs tracefs /sys/kernel/tracing`)",
        ));
    };
    let file = place.join("events/syscalls/sys_exit_connect/id");
    match std::fs::read(&file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(without_calls(&format!(
            "cannot read {}: {}; it takes CAP_DAC_READ_SEARCH as well: {}",
            file.display(),
            text::reason(&error),
            how()
        ))),
        Err(error) => Err(without_calls(&format!("cannot read {}: {}", file.display(), text::reason(&error)))),
    }
}

/// What follows from it that calls cannot be seen.
pub fn without_calls(why: &str) -> String {
    format!("no EINPROGRESS column, and an accepted connection is told to be of the process that closes it: {why}")
}

/// The kernel said no to what should have been permitted.
pub fn refused(error: &(dyn Error + 'static)) -> String {
    let words = chain(error);
    let denied = words.contains("os error 1)") || words.contains("os error 13)");
    let hint = if denied && !of_the_machine() {
        "; a user namespace's root has no right to this: run it outside of the container"
    } else if denied {
        "; a container's seccomp filter, or the kernel's lockdown, forbids it"
    } else if words.contains("os error 12)") {
        "; give it less: --buffer, --connections"
    } else {
        "; it takes Linux 5.12"
    };
    format!("the kernel refuses: {words}{hint}; {TRACEFS}")
}

/// An error and its causes. The verifier's log, which may be long, is cut to its end.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let line = one_line(&error.to_string());
        if !words.last().is_some_and(|last| last.contains(&line)) {
            words.push(line);
        }
        next = error.source();
    }
    let words = words.join(": ");
    match words.char_indices().rev().nth(600) {
        Some((cut, _)) if words.len() > 1000 => {
            let head: String = words.chars().take(200).collect();
            format!("{head} ... {}", &words[cut..])
        }
        _ => words,
    }
}

/// Are our ids those of the machine itself, and not of a user namespace?
fn of_the_machine() -> bool {
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// Device (as the kernel numbers it) and inode of our pid namespace; zeroes where it is the machine's own.
pub fn pid_namespace() -> (u64, u64) {
    /// PROC_PID_INIT_INO, include/linux/proc_ns.h
    const INITIAL: u64 = 0xEFFF_FFFC;
    match std::fs::metadata("/proc/self/ns/pid") {
        Ok(file) if file.ino() != INITIAL => {
            // Inside of the kernel a device is its major number above 20 bits of minor (linux/kdev_t.h).
            let (major, minor) = (libc::major(file.dev()), libc::minor(file.dev()));
            (u64::from(major) << 20 | u64::from(minor), file.ino())
        }
        _ => (0, 0),
    }
}
