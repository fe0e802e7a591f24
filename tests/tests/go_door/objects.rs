//! Libraries whose headers say what is not there: the loader takes them as they are, and so must we, in every program we are
//! preloaded into.

use netdeadline_tests::{library, scratch};
use std::path::Path;
use std::process::Command;

const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;

/// A program header, as it lies in the file.
#[derive(Clone, Copy, Debug)]
struct Header {
    kind: u32,
    flags: u32,
    vaddr: u64,
    filesz: u64,
}

/// The library with its program headers changed.
fn with_headers(image: &[u8], change: fn(&mut Header)) -> Vec<u8> {
    let mut image = image.to_vec();
    let word = |image: &[u8], at: usize| u64::from_le_bytes(image[at..at + 8].try_into().expect("eight bytes"));
    let half = |image: &[u8], at: usize| u32::from_le_bytes(image[at..at + 4].try_into().expect("four bytes"));
    let (table, count) = (word(&image, 32) as usize, u16::from_le_bytes([image[56], image[57]]));
    for i in 0..usize::from(count) {
        let at = table + 56 * i;
        let (kind, flags) = (half(&image, at), half(&image, at + 4));
        let mut header = Header { kind, flags, vaddr: word(&image, at + 16), filesz: word(&image, at + 32) };
        change(&mut header);
        image[at + 4..at + 8].copy_from_slice(&header.flags.to_le_bytes());
        image[at + 16..at + 24].copy_from_slice(&header.vaddr.to_le_bytes());
        image[at + 32..at + 40].copy_from_slice(&header.filesz.to_le_bytes());
    }
    image
}

fn cc(directory: &Path, args: &[&str]) {
    let output = Command::new("cc").current_dir(directory).args(args).output().expect("a C compiler");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A note as Go leaves it, in a library that has nothing else of Go's.
const GO_NOTE: &str =
    r#"__asm__(".section .note.go.buildid,\"a\",@note\n.long 4, 4, 4\n.asciz \"Go\\0\"\n.long 0\n.previous");"#;

fn run_with(name: &str, go: bool, change: fn(&mut Header)) {
    let directory = scratch(&format!("go-door/objects/{name}"));
    let source = format!("{}\nint answer(void) {{ return 42; }}\n", if go { GO_NOTE } else { "" });
    std::fs::write(directory.join("odd.c"), source).expect("the target directory is writable");
    let main = "int answer(void); int main(void) { return answer() != 42; }\n";
    std::fs::write(directory.join("main.c"), main).expect("the target directory is writable");
    cc(&directory, &["-shared", "-fPIC", "-o", "libodd.so", "odd.c"]);
    cc(&directory, &["-o", "main", "main.c", "-L.", "-lodd", "-Wl,-rpath,$ORIGIN"]);
    let odd = directory.join("libodd.so");
    let image = std::fs::read(&odd).expect("it was built");
    std::fs::write(&odd, with_headers(&image, change)).expect("the target directory is writable");
    let run = |preload: bool| {
        let mut program = Command::new(directory.join("main"));
        if preload {
            program.env("LD_PRELOAD", library()).env("NETDEADLINE_READ", "60s").env("NETDEADLINE_LOG", "stderr");
        }
        program.output().expect("it can be started")
    };
    assert!(run(false).status.success(), "{name}: the loader itself does not take it");
    let output = run(true);
    assert!(output.status.success(), "{name}: {:?} {}", output.status, String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_note_that_is_nowhere_is_not_read() {
    run_with("note-nowhere", false, |header| {
        if header.kind == PT_NOTE {
            header.vaddr = 0x4000_0000;
        }
    });
}

#[test]
fn a_note_without_end_is_not_read_beyond_its_segment() {
    run_with("note-without-end", false, |header| {
        if header.kind == PT_NOTE {
            header.filesz = 1 << 40;
        }
    });
}

#[test]
fn an_empty_note_and_one_at_the_end_of_the_address_space_are_none() {
    run_with("note-empty", false, |header| {
        if header.kind == PT_NOTE {
            header.filesz = 0;
        }
    });
    run_with("note-at-the-end", false, |header| {
        if header.kind == PT_NOTE {
            (header.vaddr, header.filesz) = (u64::MAX - 8, 64);
        }
    });
}

#[test]
fn text_that_may_only_be_executed_is_not_read() {
    run_with("execute-only", true, |header| {
        if header.kind == PT_LOAD && header.flags & 1 != 0 {
            header.flags = 1;
        }
    });
}

#[test]
fn a_library_that_only_claims_to_be_gos_is_let_alone() {
    run_with("claims", true, |_| {});
}

#[test]
fn huge_libraries_do_not_delay_a_start() {
    // 256 MiB of code that is not Go's. Read, it would take a tenth of a second; from a cold disk, seconds.
    let directory = scratch("go-door/huge");
    let source = "__asm__(\".section .text.huge,\\\"ax\\\",@progbits\\n.fill 268435456, 1, 0xcc\\n.previous\");\nint answer(void) { return 42; }\n";
    std::fs::write(directory.join("huge.c"), source).expect("the target directory is writable");
    std::fs::write(directory.join("main.c"), "int answer(void); int main(void) { return answer() != 42; }\n")
        .expect("as above");
    cc(&directory, &["-shared", "-fPIC", "-o", "libhuge.so", "huge.c"]);
    cc(&directory, &["-o", "main", "main.c", "-L.", "-lhuge", "-Wl,-rpath,$ORIGIN"]);
    // Pages that were touched, of a file that is in the cache: minor faults, which no load on the machine changes.
    let faults = |preload: bool| {
        let mut program = Command::new(directory.join("main"));
        if preload {
            program.env("LD_PRELOAD", library());
        }
        let mut child = program.spawn().expect("it can be started");
        // SAFETY: a C structure of numbers.
        let (mut status, mut usage) = (0, unsafe { std::mem::zeroed::<libc::rusage>() });
        // SAFETY: our own child, and places for what is known of it.
        let pid = unsafe { libc::wait4(child.id() as i32, &raw mut status, 0, &raw mut usage) };
        assert_eq!((pid, status), (child.id() as i32, 0));
        drop(child.wait());
        usage.ru_minflt + usage.ru_majflt
    };
    let (without, with) = (faults(false), faults(true));
    assert!(with < without + 400, "{with} page faults, {without} without us");
}
