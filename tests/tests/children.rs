//! Which programs a protected process has the launcher start, and where it looks for the launcher: with a stand-in for it, which
//! prints what it was asked for, and with programs that only look like Go's. What becomes of real ones is tested by
//! go-tests/children.

use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};

use netdeadline_tests::{library, scratch, Finished, Program};

const WORD: &str = "launch-child";

/// A directory with the library in `lib`, and no launcher yet.
struct Place {
    root: PathBuf,
    library: PathBuf,
}

impl Place {
    fn new(name: &str, library_at: &str) -> Place {
        let root = scratch("children").join(name);
        // What an earlier run left.
        let _ = fs::remove_dir_all(&root);
        let place = Place { library: root.join(library_at), root };
        place.put(library_at, &fs::read(library()).expect("the library was built"), 0o755);
        place
    }

    fn put(&self, name: &str, content: &[u8], mode: u32) -> PathBuf {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("scratch is writable");
        fs::write(&path, content).expect("scratch is writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
        path
    }

    /// A stand-in for the launcher, which prints its arguments and that it has the variable.
    fn launcher(&self, name: &str) -> PathBuf {
        self.put(name, b"#!/bin/sh\nprintf '%s\\n' \"$@\" \"read=$NETDEADLINE_READ\"\n", 0o755)
    }

    /// Have a protected shell execute `program` with the arguments a and b c.
    fn start(&self, preload: &Path, program: &Path) -> Finished {
        let script = r#"exec "$0" a "b c""#;
        Program::new("/bin/sh")
            .args([Path::new("-c"), Path::new(script), program])
            .preload(&[preload])
            .env("NETDEADLINE_READ", "1s")
            .run()
    }

    /// What `start` prints when the launcher is asked for `program`.
    fn asked(program: &Path) -> String {
        let path = program.display();
        format!("{WORD}\n{path}\n{path}\na\nb c\nread=1s\n")
    }
}

/// One program header's worth.
#[derive(Clone)]
struct Segment {
    kind: u32,
    flags: u32,
    content: Vec<u8>,
}

const LOAD: u32 = 1;
const INTERP: u32 = 3;
const NOTE: u32 = 4;

fn note(owner: &[u8], kind: u32, description: &[u8]) -> Vec<u8> {
    let mut note = Vec::new();
    for word in [owner.len() as u32, description.len() as u32, kind] {
        note.extend(word.to_le_bytes());
    }
    for part in [owner, description] {
        note.extend(part);
        note.resize(note.len().next_multiple_of(4), 0);
    }
    note
}

fn go_note() -> Segment {
    Segment { kind: NOTE, flags: 4, content: note(b"Go\0\0", 4, b"build/id") }
}

fn build_information() -> Segment {
    Segment { kind: LOAD, flags: 6, content: b"\xff Go buildinf:\x08\x02 and so on".to_vec() }
}

/// The head of a 64-bit program for x86-64, and its segments' content.
fn image(segments: &[Segment]) -> Vec<u8> {
    let mut file = vec![0; 64 + 56 * segments.len()];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    file[16..20].copy_from_slice(&[2, 0, 62, 0]); // ET_EXEC, x86-64
    file[20] = 1;
    file[32] = 64; // program headers
    file[52..58].copy_from_slice(&[64, 0, 56, 0, segments.len() as u8, 0]);
    for (i, segment) in segments.iter().enumerate() {
        let (at, offset, size) = (64 + 56 * i, file.len() as u64, segment.content.len() as u64);
        file[at..at + 4].copy_from_slice(&segment.kind.to_le_bytes());
        file[at + 4..at + 8].copy_from_slice(&segment.flags.to_le_bytes());
        file[at + 8..at + 16].copy_from_slice(&offset.to_le_bytes());
        file[at + 32..at + 40].copy_from_slice(&size.to_le_bytes());
        file[at + 40..at + 48].copy_from_slice(&size.to_le_bytes());
        file.extend(&segment.content);
    }
    file
}

#[test]
fn a_static_go_program_goes_to_the_launcher_with_its_name_and_arguments() {
    let place = Place::new("asked", "libnetdeadline.so");
    place.launcher("netdeadline");
    let linkers = Segment { content: [note(b"GNU\0", 3, b"12345"), go_note().content].concat(), ..go_note() };
    let other = Segment { content: note(b"GNU\0", 3, b"12345"), ..go_note() };
    for (name, segments) in [
        ("note", vec![go_note()]),
        ("note-behind-another", vec![linkers]),
        ("note-in-another-segment", vec![other, go_note()]),
        ("build-information", vec![build_information()]),
        ("name with blanks", vec![go_note()]),
    ] {
        let program = place.put(name, &image(&segments), 0o755);
        let done = place.start(&place.library, &program).succeeded();
        assert_eq!(done.stdout, Place::asked(&program), "{name}: {done:#?}");
    }
}

#[test]
fn what_is_not_certainly_static_go_is_left_alone() {
    let place = Place::new("doubt", "libnetdeadline.so");
    place.launcher("netdeadline");
    let plain = image(&[go_note()]);
    let with = |at: usize, bytes: &[u8]| {
        let mut file = plain.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    let interpreter = Segment { kind: INTERP, flags: 4, content: b"/nonexistent/ld.so\0".to_vec() };
    let read_only = Segment { flags: 4, ..build_information() };
    let of = |content: Vec<u8>| image(&[Segment { content, ..go_note() }]);
    for (name, file) in [
        ("empty", Vec::new()),
        ("short", plain[..63].to_vec()),
        ("without-its-headers", plain[..64].to_vec()),
        ("no-segments", image(&[])),
        ("dynamic", image(&[go_note(), interpreter])),
        ("another-owner", of(note(b"Og\0\0", 4, b"build/id"))),
        ("another-type", of(note(b"Go\0\0", 3, b"build/id"))),
        ("endless-note", of(note(b"GNU\0", 3, b"")).into_iter().chain([0xff; 64]).collect()),
        ("constant-data", image(&[read_only])),
        ("another-machine", with(18, &[183])),
        ("big-endian", with(5, &[2])),
        ("wide-headers", with(54, &[57])),
        ("headers-far-away", with(32, &[0xff; 8])),
        ("many-headers", with(56, &[0xff, 0xff])),
    ] {
        let program = place.put(name, &file, 0o755);
        let done = place.start(&place.library, &program);
        // The kernel may load nothing of it and let it run at address 0.
        let natively = Program::new("/bin/sh").args(["-c", r#"exec "$0""#]).args([&program]).run();
        assert_eq!((done.status, done.stdout.as_str()), (natively.status, ""), "{name}: {done:#?}");
    }
    let closed = place.put("not-executable", &plain, 0o644);
    let done = place.start(&place.library, &closed);
    assert_eq!((done.code(), done.stdout.as_str()), (Some(126), ""), "{done:#?}");
}

#[test]
fn no_file_harms_who_looks_at_it() {
    let place = Place::new("mutants", "libnetdeadline.so");
    place.launcher("netdeadline");
    let sound = image(&[go_note(), build_information()]);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let programs: Vec<_> = (0..200)
        .map(|i| {
            let mut file = sound.clone();
            for _ in 0..=random(4) {
                let at = random(file.len());
                file[at] = [0, 1, 0x7f, 0x80, 0xff][random(5)];
            }
            file.truncate(file.len() - random(2) * random(64));
            place.put(&format!("mutant-{i}"), &file, 0o755)
        })
        .collect();
    // Each in a child, whose end by a signal would be a status above 128. (A real exec may be killed half way: so may be a
    // program that is none, natively. None of these has anything to load at address 0.)
    let script = r#"for p; do (exec "$p") </dev/null >/dev/null 2>&1; s=$?; [ $s -lt 128 ] || echo "$p $s"; done"#;
    let done = Program::new("/bin/sh")
        .args(["-c", script, "sh"])
        .args(&programs)
        .preload(&[&place.library])
        .env("NETDEADLINE_READ", "1s")
        .run()
        .succeeded();
    let natively = Program::new("/bin/sh").args(["-c", script, "sh"]).args(&programs).run().succeeded();
    for line in done.stdout.lines() {
        assert!(natively.stdout.contains(line), "{line}, not so natively: {natively:#?}");
    }
}

#[test]
fn the_launcher_is_found_where_it_is_installed() {
    for (library_at, launcher_at) in [
        ("opt/libnetdeadline.so", "opt/netdeadline"),
        ("usr/lib/libnetdeadline.so.0", "usr/bin/netdeadline"),
        ("usr/lib/x86_64-linux-gnu/libnetdeadline.so.0", "usr/bin/netdeadline"),
    ] {
        let place = Place::new("found", library_at);
        place.launcher(launcher_at);
        let program = place.put("program", &image(&[go_note()]), 0o755);
        let done = place.start(&place.library, &program).succeeded();
        assert_eq!(done.stdout, Place::asked(&program), "{library_at}: {done:#?}");
        // LD_PRELOAD names a link elsewhere: the launcher is where the library really is.
        let link = place.root.join("libnetdeadline.so");
        symlink(&place.library, &link).expect("scratch is writable");
        let done = place.start(&link, &program).succeeded();
        assert_eq!(done.stdout, Place::asked(&program), "{library_at} by a link: {done:#?}");
    }
}

/// A static program that carries Go's note, and says itself what it was given.
fn impostor(place: &Place) -> PathBuf {
    let source = place.put(
        "impostor.c",
        br#"#include <stdio.h>
__asm__(".pushsection .note.go.buildid,\"a\",@note\n.long 4, 8, 4\n.ascii \"Go\\0\\0build/id\"\n.popsection");
int main(int count, char **arguments) {
    printf("itself");
    for (int i = 1; i < count; i++) printf(" %s", arguments[i]);
    return 0;
}
"#,
        0o644,
    );
    let program = place.root.join("impostor");
    let compiled = Program::new("cc").args(["-static", "-o"]).args([&program, &source]).run();
    assert_eq!(compiled.code(), Some(0), "{compiled:#?}");
    program
}

#[test]
fn without_a_launcher_a_program_starts_as_ever_and_that_is_said() {
    let place = Place::new("without", "lib/libnetdeadline.so");
    let program = impostor(&place);
    let said = |launcher: &str| {
        let done = place.start(&place.library, &program).succeeded();
        assert_eq!(done.stdout, "itself a b c", "{launcher}: {done:#?}");
        let words =
            format!("{} starts without deadlines: it is a static Go program, and netdeadline ", shown(&program));
        assert!(done.stderr.contains(&words) && done.stderr.lines().count() == 1, "{launcher}: {done:#?}");
    };
    said("none");
    fs::create_dir_all(place.root.join("lib/netdeadline")).expect("scratch is writable");
    said("a directory");
    fs::remove_dir(place.root.join("lib/netdeadline")).expect("it is empty");
    place.put("lib/netdeadline", b"#!/bin/sh\n", 0o644);
    said("not executable");
    place.put("bin/netdeadline", b"no program", 0o755);
    said("no program");
    place.put("bin/netdeadline", b"#!/nonexistent\n", 0o755);
    said("without its interpreter");
}

/// A path as the log shows it: its first 64 bytes.
fn shown(path: &Path) -> String {
    path.to_str().expect("UTF-8").chars().take(64).collect()
}

#[test]
fn what_is_said_is_said_once_for_each_reason() {
    let place = Place::new("once", "lib/libnetdeadline.so");
    let program = impostor(&place);
    // posix_spawn and vfork of a process that goes on: the shell's own children are copies, each with its own first time.
    let script = "import os, sys\nfor i in range(3): os.waitpid(os.posix_spawn(sys.argv[1], [sys.argv[1]], {}), 0)";
    let run = |variable: &str, value: &str| {
        let run = Program::new("/usr/bin/python3").args(["-c", script]).args([&program]).preload(&[&place.library]);
        run.env(variable, value).run().succeeded()
    };
    let done = run("NETDEADLINE_READ", "1s");
    assert_eq!(done.stdout, "itself".repeat(3), "{done:#?}");
    assert_eq!(done.stderr.matches("starts without deadlines").count(), 1, "{done:#?}");
    // Without a policy nothing is missing.
    let done = run("NETDEADLINE_MODE", "observe");
    assert_eq!((done.stdout, done.stderr), ("itself".repeat(3), String::new()));
}

#[test]
fn children_off_leaves_static_programs_alone() {
    let place = Place::new("off", "libnetdeadline.so");
    place.launcher("netdeadline");
    let program = impostor(&place);
    let done = Program::new("/bin/sh")
        .args(["-c", r#"exec "$0""#])
        .args([&program])
        .preload(&[&place.library])
        .env("NETDEADLINE_READ", "1s")
        .env("NETDEADLINE_CHILDREN", "off")
        .run()
        .succeeded();
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("itself", ""));
}
