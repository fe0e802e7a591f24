//! Executables and libraries, as `netdeadline check` and `run`, the launcher and exec look at them.
//!
//! Whatever is in them costs little memory and little time (libFuzzer's limits, set by `run`), and what is said of them is fit to
//! be shown.

use super::{is_harmless, Taken};
use crate::host::program;
use crate::pretended::Bytes;
use crate::{elf, golang, payload};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::path::Path;

thread_local! {
    static FILE: File = {
        // SAFETY: a constant name.
        let fd = unsafe { libc::memfd_create(c"fuzzed".as_ptr(), libc::MFD_CLOEXEC) };
        assert!(fd >= 0);
        // SAFETY: it is ours.
        unsafe { File::from_raw_fd(fd) }
    };
}

/// What may follow the fuzzer's bytes, which are few: headers can claim more than there is, and also more than is good.
const BEHIND: usize = 2 << 20;

pub fn run(bytes: &[u8]) {
    let mut taken = Taken(bytes);
    let behind = taken.byte();
    let bytes = taken.0;
    FILE.with(|file| {
        let mut file = file;
        file.set_len(0).expect("a memory file");
        file.seek(SeekFrom::Start(0)).expect("a memory file");
        file.write_all(bytes).expect("a memory file");
        match behind {
            // A hole costs its maker nothing.
            0xfe => file.set_len((bytes.len() + BEHIND) as u64).expect("a memory file"),
            0xff => file.write_all(&[b'A'; BEHIND]).expect("a memory file"),
            _ => {}
        }
        read(file);
    });
    Bytes::hold(bytes);
    let held = std::mem::ManuallyDrop::new(program::File(3));
    let _ = program::kind(&held);
}

fn read(file: &File) {
    if let Ok(elf) = elf::read(file) {
        let names = elf.interpreter.iter().chain(&elf.soname).chain(&elf.needed);
        for name in names {
            assert!(name.len() < 4096 && !name.as_encoded_bytes().contains(&0));
        }
        if let Some(version) = elf.go.and_then(|go| go.version) {
            assert!(version.len() < 128 && version.chars().all(is_harmless), "{version:?}");
        }
    }
    let _ = (golang::is_static_go(file), golang::doubt(file));
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let build = payload::build(file);
    let build = build.as_deref().and_then(|build| std::str::from_utf8(build).ok()).unwrap_or_default();
    if let Ok(payload) = payload::Payload::read(Path::new(&path), build) {
        assert!(payload.entry < payload.span && payload.span % payload::PAGE == 0);
        for segment in &payload.segments {
            assert!(segment.address + segment.in_memory <= payload.span && segment.in_file <= segment.in_memory);
            for fix in &segment.fixes {
                assert!(
                    fix.at >= segment.address
                        && fix.at + 8 <= (segment.address + segment.in_memory).next_multiple_of(4096)
                );
            }
        }
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    Vec::new()
}
