//! The search for Syscall6 in what Go's own linker made, by every version that is promised, and what becomes of it when the
//! program was obfuscated.

use crate::find::{self, function_table, syscall6, Doubt, Text, LENGTH, SYSCALL6};
use netdeadline_tests::{root, scratch};
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{elf, Endianness, Object, ObjectSymbol};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How a program is built: a name, whether with cgo, flags.
const BUILDS: [(&str, bool, &[&str]); 5] = [
    ("static", false, &[]),
    ("stripped", false, &["-trimpath", "-ldflags=-s -w -buildid="]),
    ("pie", false, &["-buildmode=pie"]),
    ("external", true, &["-ldflags=-linkmode=external"]),
    ("race", true, &["-race"]),
];

const SOURCE: &str = "package main

import (\"net\"; \"os\"; \"os/exec\")

func main() {
	if len(os.Args) > 1 {
		net.Dial(\"tcp\", os.Args[1])
		exec.Command(os.Args[1]).Run()
	}
}
";

/// The toolchains: version and root.
fn toolchains() -> Vec<(String, PathBuf)> {
    let output = Command::new(root().join("go-tests/toolchains")).output().expect("the script that fetches them");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("paths in UTF-8");
    let of = |line: &str| line.split_once(' ').map(|(version, root)| (version.to_owned(), PathBuf::from(root)));
    text.lines().filter_map(of).collect()
}

fn build(goroot: &Path, version: &str, cgo: bool, name: &str, flags: &[&str]) -> Vec<u8> {
    let directory = scratch(&format!("go-door/{version}"));
    std::fs::write(directory.join("main.go"), SOURCE).expect("the target directory is writable");
    std::fs::write(directory.join("go.mod"), "module door\n\ngo 1.20\n").expect("the target directory is writable");
    let program = directory.join(name);
    let mut go = Command::new(goroot.join("bin/go"));
    go.current_dir(&directory).arg("build").args(flags).arg("-o").arg(&program).arg(".");
    for (variable, value) in [("GOTOOLCHAIN", "local"), ("GOFLAGS", "-mod=mod"), ("GOPROXY", "off"), ("GOWORK", "off")]
    {
        go.env(variable, value);
    }
    go.env("GOROOT", goroot).env("CGO_ENABLED", if cgo { "1" } else { "0" });
    let output = go.output().expect("a toolchain that runs");
    assert!(output.status.success(), "{version} {name}: {}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(program).expect("it was built")
}

/// A program's segments, as they will lie in memory.
struct Image {
    texts: Vec<(u64, Vec<u8>)>,
    data: Vec<Vec<u8>>,
    symbol: Option<u64>,
}

impl Image {
    fn of(file: &[u8]) -> Image {
        let parsed = ElfFile64::<Endianness>::parse(file).expect("an ELF file");
        let endian = parsed.endian();
        let (mut texts, mut data) = (Vec::new(), Vec::new());
        for header in parsed.elf_program_headers() {
            let readable = header.p_flags(endian) & elf::PF_R != 0;
            if header.p_type(endian) != elf::PT_LOAD || !readable {
                continue;
            }
            let bytes = header.data(endian, file).expect("within the file").to_vec();
            match header.p_flags(endian) & elf::PF_X != 0 {
                true => texts.push((header.p_vaddr(endian), bytes)),
                false => data.push(bytes),
            }
        }
        let is_it = |name: &str| {
            name.ends_with("internal/runtime/syscall/linux.Syscall6")
                || name.ends_with("internal/syscall.Syscall6")
                || name.ends_with("internal/runtime/syscall.Syscall6")
        };
        let symbol = parsed.symbols().find(|symbol| symbol.name().is_ok_and(is_it)).map(|symbol| symbol.address());
        Image { texts, data, symbol }
    }

    fn search(&self) -> Result<u64, Doubt> {
        let table = self.data.iter().find_map(|bytes| function_table(bytes));
        let mut found = Err(Doubt::NoFunction);
        for (address, bytes) in &self.texts {
            match syscall6(Text { bytes, address: *address }, table) {
                Err(Doubt::NoFunction) => {}
                Ok(_) if found.is_ok() => return Err(Doubt::Several),
                other => found = other,
            }
        }
        found
    }

    fn at(&self, address: u64, length: usize) -> &[u8] {
        let within = |text: &&(u64, Vec<u8>)| (text.0..text.0 + text.1.len() as u64).contains(&address);
        let (start, bytes) = self.texts.iter().find(within).expect("an address in the text");
        &bytes[(address - start) as usize..][..length]
    }

    /// Replace in whatever holds the function table.
    fn replace(&mut self, from: &[u8], to: &[u8]) -> usize {
        let mut count = 0;
        for bytes in &mut self.data {
            let mut at = 0;
            while let Some(next) = bytes[at..].windows(from.len()).position(|window| window == from) {
                bytes[at + next..][..from.len()].copy_from_slice(to);
                at += next + from.len();
                count += 1;
            }
        }
        count
    }
}

#[test]
fn syscall6_is_found_in_what_every_version_makes_and_nowhere_else() {
    let toolchains = toolchains();
    assert!(toolchains.len() >= 4, "{toolchains:?}");
    for (i, (version, goroot)) in toolchains.iter().enumerate() {
        // The oldest and the newest in every way; those between in the two that differ most.
        let some = i != 0 && i + 1 != toolchains.len();
        for (name, cgo, flags) in BUILDS.iter().filter(|build| !some || ["stripped", "pie"].contains(&build.0)) {
            let what = format!("{version} {name}");
            let mut image = Image::of(&build(goroot, version, *cgo, name, flags));
            let found = image.search().unwrap_or_else(|doubt| panic!("{what}: {doubt}"));
            match image.symbol {
                Some(symbol) => assert_eq!(found, symbol, "{what}: the symbol table says otherwise"),
                None => assert_eq!(*name, "stripped", "{what}: no such symbol"),
            }
            assert_eq!(image.at(found, SYSCALL6.len()), SYSCALL6, "{what}");
            // What is rewritten is this function's alone: behind it comes padding, or the end of its slot of 64.
            let slot = image.at(found, 64);
            let length = slot.iter().rposition(|byte| *byte != 0xcc).map_or(0, |last| last + 1);
            assert!(length >= LENGTH, "{what}: only {length} bytes");
            let forks: Vec<_> = image
                .texts
                .iter()
                .filter_map(|(address, bytes)| find::vfork(Text { bytes, address: *address }))
                .collect();
            assert_eq!(forks.len(), 1, "{what}: rawVforkSyscall");
            // As an obfuscator would have it.
            let renamed = image.replace(b"syscall.Syscall6\0", b"qWx31mz.Pq7Ytr3b\0")
                + image.replace(b"linux.Syscall6\0", b"Zx1fk.Pq7Ytr3b\0");
            assert!(renamed > 0, "{what}");
            assert_eq!(image.search(), Err(Doubt::AnotherName), "{what}, renamed");
            assert!(image.replace(&[0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8], &[0xf2, 0xff, 0xff, 0xfe, 0, 0, 1, 8]) > 0);
            assert_eq!(image.search(), Err(Doubt::NoTable), "{what}, with another magic");
        }
    }
}

#[test]
fn programs_that_go_did_not_make_have_none() {
    let mut looked = 0;
    for program in ["/bin/sh", "/usr/bin/env", "/usr/bin/objdump", "/proc/self/exe"] {
        let Ok(file) = std::fs::read(program) else { continue };
        assert_eq!(Image::of(&file).search(), Err(Doubt::NoFunction), "{program}");
        looked += 1;
    }
    assert!(looked >= 3);
}
