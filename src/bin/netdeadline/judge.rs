//! What an ELF file's description means for its coverage. Reads nothing itself.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use object::elf as format;

use crate::elf::{self, Elf};
use crate::golang::{Doubt, Go};
use crate::report::{Report, Way};
use crate::text;

const NO_LOADER: &str = "no loader runs in it, so nothing can be preloaded";
/// The first version in which all system calls of the net package go through one function.
const OLDEST_GO: u32 = 20;

/// Machine and byte order of the running command, which are the library's.
pub fn own_machine() -> (u16, u8) {
    let own = File::open("/proc/self/exe").ok().and_then(|file| elf::read(&file).ok());
    own.map_or((format::EM_X86_64, format::ELFDATA2LSB), |elf| elf.machine)
}

/// What is known of a program beside its headers.
pub struct Known {
    /// What executing it gains.
    pub privilege: Option<String>,
    /// What would keep the library from patching it, where it is Go and somebody has looked.
    pub doubt: Option<Doubt>,
}

/// Write the verdict on a program into its report.
pub fn judge(elf: &Elf, machine: (u16, u8), known: Known, report: &mut Report) {
    if !elf.is_64 {
        report.repels = true;
        return report.lost("32-bit", "32-bit", "the library is 64-bit and cannot be loaded into it");
    }
    if elf.machine != machine {
        report.repels = true;
        let what = format!("for {}", machine_name(elf.machine.0));
        return report.lost("foreign", &what, "the library is for this machine's processor");
    }
    if elf.packed {
        return report.lost("packed", "packed by UPX", "it unpacks itself without a loader (`upx -d` undoes it)");
    }
    if let Some(go) = &elf.go {
        return made_by_go(elf, go, known, report);
    }
    let Some(loader) = elf.interpreter.as_ref().map(Path::new) else {
        return unloaded(elf, report);
    };
    let Some((kind, what)) = loaded_by(loader, "", report) else { return };
    if elf.needed.is_empty() && elf.soname.is_none() {
        return report.lost("no-libc", what, "it loads no libc, so it makes its system calls itself");
    }
    if let Some(privilege) = known.privilege {
        let what = format!("{what}, {privilege}");
        return report.lost("privileged", &what, "its loader ignores LD_PRELOAD for whoever gains privileges by it");
    }
    report.covered(Way::Preload, kind, what);
    if elf.io_uring {
        report.notes.push(String::from(
            "it names io_uring, which passes deadlines by: while any is set it is told there is none, unless NETDEADLINE_IO_URING=allow",
        ));
    }
}

/// Which libc's loader it asks for: a kind and words. None: it was judged, for there is no such loader.
fn loaded_by(loader: &Path, before: &str, report: &mut Report) -> Option<(&'static str, &'static str)> {
    let name = loader.file_name().unwrap_or_default().as_bytes();
    let (kind, what) = if name.starts_with(b"ld-linux") || name.starts_with(b"ld64.so") {
        ("dynamic-glibc", "dynamic, glibc")
    } else if name.starts_with(b"ld-musl-") {
        ("dynamic-musl", "dynamic, musl")
    } else {
        ("dynamic-unknown", "dynamic, unknown libc")
    };
    if !loader.is_file() {
        report.cannot(kind, &format!("{before}{what}"), &format!("its loader {} is missing", text::path(loader)));
        return None;
    }
    if kind == "dynamic-unknown" {
        let why = format!("its loader {} is neither glibc's nor musl's", text::path(loader));
        report.lost(kind, &format!("{before}{what}"), &why);
        return None;
    }
    Some((kind, what))
}

/// A program whose system calls do not go through libc, and which has one function for them.
fn made_by_go(elf: &Elf, go: &Go, known: Known, report: &mut Report) {
    report.go_version.clone_from(&go.version);
    let version = go.version.as_deref().map(|version| format!(" {}", version.trim_start_matches("go")));
    let go_and = format!("Go{}, ", version.unwrap_or_default());
    let (way, what) = match elf.interpreter.as_ref().map(Path::new) {
        Some(loader) => match loaded_by(loader, &go_and, report) {
            // Without any libc where it was built with CGO_ENABLED=0 and -buildmode=pie: its loader preloads all the same.
            Some(_) if elf.needed.is_empty() => (Way::Preload, format!("{go_and}dynamic, no libc")),
            Some((_, what)) => (Way::Preload, format!("{go_and}{what}")),
            None => return,
        },
        None if elf.kind == format::ET_EXEC => (Way::Launcher, format!("{go_and}static")),
        None if elf.pie => (Way::Launcher, format!("{go_and}static-pie")),
        None => return report.cannot("library", "a shared library", "it is a library, not a program"),
    };
    if go.version.as_deref().and_then(minor).is_some_and(|minor| minor < OLDEST_GO) {
        let why =
            format!("Go before 1.{OLDEST_GO} has no single function for its system calls, so none can be patched");
        return report.lost("go", &what, &why);
    }
    if let Some(privilege) = known.privilege {
        let why = "the library does nothing in the service of whoever gains privileges by a program";
        return report.lost("privileged", &format!("{what}, {privilege}"), why);
    }
    match known.doubt {
        Some(doubt) => report.lost("go", &what, &doubt.to_string()),
        None => report.covered(way, "go", &what),
    }
}

/// The 26 of `go1.26.8`, also of `devel go1.27-abcdef`.
fn minor(version: &str) -> Option<u32> {
    let (_, rest) = version.split_once("go1.")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

/// A file that asks for no loader: a static program, a library, or the loader itself.
fn unloaded(elf: &Elf, report: &mut Report) {
    let is_loader = elf.soname.as_ref().is_some_and(|name| name.as_bytes().starts_with(b"ld-"));
    if is_loader && elf.entry {
        report.covered(Way::Preload, "loader", "a dynamic loader, which preloads into what it is told to start");
    } else if elf.kind == format::ET_EXEC {
        report.lost("static", "static", NO_LOADER);
    } else if elf.pie || (elf.entry && elf.soname.is_none()) {
        report.lost("static-pie", "static-pie", NO_LOADER);
    } else {
        report.cannot("library", "a shared library", "it is a library, not a program");
    }
}

fn machine_name(machine: u16) -> String {
    let name = match machine {
        format::EM_X86_64 => "x86-64",
        format::EM_AARCH64 => "aarch64",
        format::EM_RISCV => "riscv64",
        format::EM_PPC64 => "ppc64",
        format::EM_S390 => "s390x",
        format::EM_LOONGARCH => "loongarch64",
        other => return format!("another machine (ELF number {other})"),
    };
    name.to_owned()
}
