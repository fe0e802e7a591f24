//! What an ELF file's description means for a preload. Reads nothing itself.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use object::elf as format;

use crate::elf::{self, Elf};
use crate::report::Report;
use crate::text;

const NO_LOADER: &str = "no loader runs in it, so nothing can be preloaded";

/// Machine and byte order of the running command, which are the library's.
pub fn own_machine() -> (u16, u8) {
    let own = File::open("/proc/self/exe").ok().and_then(|file| elf::read(&file).ok());
    own.map_or((format::EM_X86_64, format::ELFDATA2LSB), |elf| elf.machine)
}

/// Write the verdict on a program into its report. `privilege` is what executing it gains.
pub fn judge(elf: &Elf, machine: (u16, u8), privilege: Option<String>, report: &mut Report) {
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
        let version = go.version.as_deref().map(|version| format!(" {}", version.trim_start_matches("go")));
        let linked = if elf.interpreter.is_some() { "dynamic" } else { "static" };
        report.go_version.clone_from(&go.version);
        return report.lost(
            "go",
            &format!("Go{}, {linked}", version.unwrap_or_default()),
            "Go makes its system calls without libc, and this version does not reach into Go",
        );
    }
    let Some(loader) = elf.interpreter.as_ref().map(Path::new) else {
        return unloaded(elf, report);
    };
    let name = loader.file_name().unwrap_or_default().as_bytes();
    let (kind, what) = if name.starts_with(b"ld-linux") || name.starts_with(b"ld64.so") {
        ("dynamic-glibc", "dynamic, glibc")
    } else if name.starts_with(b"ld-musl-") {
        ("dynamic-musl", "dynamic, musl")
    } else {
        ("dynamic-unknown", "dynamic, unknown libc")
    };
    if !loader.is_file() {
        return report.cannot(kind, what, &format!("its loader {} is missing", text::path(loader)));
    }
    if kind == "dynamic-unknown" {
        return report.lost(kind, what, &format!("its loader {} is neither glibc's nor musl's", text::path(loader)));
    }
    if elf.needed.is_empty() && elf.soname.is_none() {
        return report.lost("no-libc", what, "it loads no libc, so it makes its system calls itself");
    }
    if let Some(privilege) = privilege {
        let what = format!("{what}, {privilege}");
        return report.lost("privileged", &what, "its loader ignores LD_PRELOAD for whoever gains privileges by it");
    }
    report.covered(kind, what);
    if elf.io_uring {
        report.notes.push(String::from(
            "it names io_uring, which passes deadlines by: while any is set it is told there is none, unless NETDEADLINE_IO_URING=allow",
        ));
    }
}

/// A file that asks for no loader: a static program, a library, or the loader itself.
fn unloaded(elf: &Elf, report: &mut Report) {
    let is_loader = elf.soname.as_ref().is_some_and(|name| name.as_bytes().starts_with(b"ld-"));
    if is_loader && elf.entry {
        report.covered("loader", "a dynamic loader, which preloads into what it is told to start");
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
