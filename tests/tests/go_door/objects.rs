//! Libraries whose headers say what is not there: the loader takes them as they are, and so must we, in every program we are
//! preloaded into.

use netdeadline_tests::{library, scratch};
use std::path::Path;
use std::process::Command;

const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const PF_W: u32 = 2;

/// A program header, as it lies in the file.
#[derive(Clone, Copy, Debug)]
struct Header {
    kind: u32,
    flags: u32,
    vaddr: u64,
    filesz: u64,
    memsz: u64,
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
        let mut header = Header {
            kind,
            flags,
            vaddr: word(&image, at + 16),
            filesz: word(&image, at + 32),
            memsz: word(&image, at + 40),
        };
        change(&mut header);
        image[at + 4..at + 8].copy_from_slice(&header.flags.to_le_bytes());
        image[at + 16..at + 24].copy_from_slice(&header.vaddr.to_le_bytes());
        image[at + 32..at + 40].copy_from_slice(&header.filesz.to_le_bytes());
        image[at + 40..at + 48].copy_from_slice(&header.memsz.to_le_bytes());
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
    let (without, with) = faults(&directory.join("main"));
    assert!(with < without + 400, "{with} page faults, {without} without us");
}

#[test]
fn large_data_is_not_touched_in_search_of_gos_marks() {
    // A program of C's: natively it touches one page of its 8 MiB.
    let directory = scratch("go-door/large-data");
    let data = "__asm__(\".data\\n.fill 8388608, 1, 1\\n.text\");\nint main(void) { return 0; }\n";
    std::fs::write(directory.join("main.c"), data).expect("the target directory is writable");
    cc(&directory, &["-o", "main", "main.c"]);
    let (without, with) = faults(&directory.join("main"));
    // Our own data and text are some 40; the loader maps up to 16 pages with one fault.
    assert!(with < without + 100, "{with} page faults, {without} without us");
}

/// Pages that a program touches without us and with us, of files that are in the cache: minor faults, which no load on the
/// machine changes.
fn faults(program: &Path) -> (i64, i64) {
    let faults = |preload: bool| {
        let mut program = Command::new(program);
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
    (faults(false), faults(true))
}

#[test]
fn a_segment_that_is_longer_than_its_file_kills_nobody() {
    // Pages behind the end of a file are mapped, and touching them is SIGBUS: kernel and loader don't.
    const BEYOND: u64 = 0x40000;
    let beyond = |header: &mut Header| {
        // The last segment of all, so that nothing is in its way.
        if header.kind == PT_LOAD && header.flags & PF_W != 0 {
            let end = (header.vaddr + header.memsz).next_multiple_of(4096) + BEYOND;
            (header.filesz, header.memsz) = (end - header.vaddr, end - header.vaddr);
        }
    };
    // Go's marks are sought in the first program; the other has one, and is searched for Go's function and its table.
    for (name, head) in [("beyond", ""), ("beyond-go", GO_NOTE)] {
        let directory = scratch(&format!("go-door/{name}"));
        std::fs::write(directory.join("main.c"), format!("{head}\nint main(void) {{ return 0; }}\n"))
            .expect("as above");
        // Stripped: what lies behind the segments would fill some of those pages.
        cc(&directory, &["-s", "-Wl,-z,norelro", "-o", "main", "main.c"]);
        let main = directory.join("main");
        let image = std::fs::read(&main).expect("it was built");
        std::fs::write(&main, with_headers(&image, beyond)).expect("the target directory is writable");
        let (plain, ruled): (&[(&str, &str)], _) = (&[], [("NETDEADLINE_READ", "60s"), ("NETDEADLINE_LOG", "off")]);
        assert!(Command::new(&main).status().expect("it starts").success(), "{name}: the kernel does not take it");
        for variables in [plain, &ruled] {
            let mut program = Command::new(&main);
            program.env("LD_PRELOAD", library()).envs(variables.iter().copied());
            let status = program.status().expect("it starts");
            assert!(status.success(), "{name}, {variables:?}: {status:?}");
        }
    }
}
