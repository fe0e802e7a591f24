//! `netdeadline check`: one line for each kind of file, and an exit code that tells whether all are covered.

use std::path::Path;

use crate::furniture::{
    build, build_go, folder, is_root, mode, nd, patch, place, plain, refused, script, text, LIKE_GO, SAYS_GO, SYSCALL6,
};

/// The line for a file without its name, with the exit code as it must be.
#[track_caller]
fn verdict(file: &Path, covered: bool) -> String {
    let finished = nd(&["check", text(file)]).run();
    assert_eq!(finished.code(), Some(if covered { 0 } else { 1 }), "{finished:#?}");
    assert_eq!(finished.stderr, "");
    let (name, words) = finished.stdout.split_once(": ").expect("a name and words");
    assert_eq!(name, text(file));
    words.trim_end().to_owned()
}

#[test]
fn each_kind_of_program_is_named() {
    let folder = folder("check-kinds");
    let file = folder.join("program");
    let source = "int main(void) { return 0; }";
    plain(&file);
    assert_eq!(verdict(&file, true), "covered: dynamic, glibc");
    assert!(build("cc", &file, source, &["-no-pie"]));
    assert_eq!(verdict(&file, true), "covered: dynamic, glibc");
    for (flag, kind) in [("-static", "static"), ("-static-pie", "static-pie")] {
        assert!(build("cc", &file, source, &[flag]));
        assert_eq!(
            verdict(&file, false),
            format!("NOT covered: {kind}: no loader runs in it, so nothing can be preloaded")
        );
    }
    if build("musl-gcc", &file, source, &[]) {
        assert_eq!(verdict(&file, true), "covered: dynamic, musl");
        assert!(build("musl-gcc", &file, source, &["-static"]));
        assert!(verdict(&file, false).starts_with("NOT covered: static"));
    }
    assert!(build("cc", &file, LIKE_GO, &[]));
    assert!(verdict(&file, false).starts_with("NOT covered: Go 1.99.1, dynamic, glibc: Go's Syscall6 is not in it"));
    assert!(build("cc", &file, LIKE_GO, &["-static"]));
    assert!(verdict(&file, false).starts_with("NOT covered: Go 1.99.1, static: Go's Syscall6 is not in it"));
    assert!(build("cc", &file, LIKE_GO, &["-static-pie"]));
    assert!(verdict(&file, false).starts_with("NOT covered: Go 1.99.1, static-pie: "));
    assert!(build("cc", &file, LIKE_GO, &["-shared", "-fPIC"]));
    assert!(verdict(&file, false).starts_with("NOT covered: a shared library: "));
    plain(&file);
    patch(&file, 4, &[1]);
    assert!(verdict(&file, false).starts_with("NOT covered: 32-bit: "));
    plain(&file);
    patch(&file, 18, &[183, 0]);
    assert!(verdict(&file, false).starts_with("NOT covered: for aarch64: "));
    plain(&file);
    mode(&file, 0o4755);
    let privileged = verdict(&file, false);
    assert!(privileged.contains("setuid") && privileged.contains("ignores LD_PRELOAD"), "{privileged}");
    mode(&file, 0o2755);
    assert!(verdict(&file, false).contains("setgid"));
    mode(&file, 0o2745);
    assert_eq!(verdict(&file, true), "covered: dynamic, glibc", "without the group's x it is no setgid");
    mode(&file, 0o644);
    assert!(verdict(&file, false).contains("not executable"));
    assert_eq!(verdict(&folder.join("gone"), false), "NOT covered: there is no such file");
    assert!(verdict(&folder, false).contains("not a regular file"));
}

/// The marks of Go survive what strip takes away, and older forms are read.
#[test]
fn go_is_known_without_sections_and_in_its_old_form() {
    let folder = folder("check-go");
    let file = folder.join("program");
    assert!(build("cc", &file, LIKE_GO, &[]));
    // e_shoff, e_shnum and e_shstrndx to nothing: as if the section table had been cut off.
    patch(&file, 40, &[0; 8]);
    patch(&file, 60, &[0; 4]);
    assert!(verdict(&file, false).starts_with("NOT covered: Go 1.99.1, dynamic"));
    let old = "#include <stdint.h>\nstruct text { const char *at; uint64_t size; } version = { \"go1.17.9\", 8 };
        __attribute__((section(\".go.buildinfo\"), used, aligned(16)))
        struct { char magic[14]; unsigned char size, flags; struct text *version; } mark = { \"\\377 Go buildinf:\", 8, 0, &version };
        int main(void) { return 0; }";
    assert!(build("cc", &file, old, &["-no-pie"]));
    assert!(verdict(&file, false)
        .starts_with("NOT covered: Go 1.17.9, dynamic, glibc: Go before 1.20 has no single function"));
    let note = "__attribute__((section(\".note.go.buildid\"), used, aligned(4)))
        const struct { int owner, size, type; char name[4], id[4]; } mark = { 4, 4, 4, \"Go\\0\", \"abcd\" };
        int main(void) { return 0; }";
    assert!(build("cc", &file, note, &[]));
    assert!(verdict(&file, false).starts_with("NOT covered: Go, dynamic"));
}

/// What a compiler of Go makes, not what only bears its marks.
#[test]
fn a_program_made_by_go_is_covered_and_the_way_is_told() {
    let folder = folder("check-made-by-go");
    for (name, cgo, flags, what) in [
        ("static", "0", &[][..], "by the launcher: Go 1."),
        ("stripped", "0", &["-ldflags=-s -w"], "by the launcher: Go 1."),
        ("nameless", "0", &["-ldflags=-s -w -buildid="], "by the launcher: Go 1."),
        ("pie", "0", &["-buildmode=pie"], "by the preload: Go 1."),
        ("dynamic", "1", &[], "by the preload: Go 1."),
    ] {
        let file = folder.join(name);
        if !build_go(&file, SAYS_GO, cgo, flags) {
            return;
        }
        let words = verdict(&file, true);
        assert!(words.starts_with("covered ") && words.contains(what), "{name}: {words}");
        let end = ["static", "dynamic, no libc", "dynamic, glibc"].into_iter().find(|end| words.ends_with(end));
        let expected = match name {
            "pie" => "dynamic, no libc",
            "dynamic" => "dynamic, glibc",
            _ => "static",
        };
        assert_eq!(end, Some(expected), "{name}: {words}");
        let json = nd(&["check", "--json", text(&file)]).run().succeeded().stdout;
        let way = if what.contains("launcher") { "launcher" } else { "preload" };
        assert!(
            json.contains(&format!(r#""way":"{way}","kind":"go""#)) && json.contains(r#""go_version":"go1."#),
            "{json}"
        );
        assert_eq!(nd(&["run", "--read", "5s", text(&file)]).run().succeeded().stdout, "ran\n");
    }
    // A second place that looks like Syscall6, in the padding behind the code: nobody can tell which is the one.
    let file = folder.join("static");
    let code = std::fs::read(&file).expect("it was just built");
    let at = code.windows(SYSCALL6.len()).position(|window| window == SYSCALL6).expect("Go has a Syscall6");
    let free = code.chunks(16).enumerate().skip(at / 16 + 8).find(|(_, chunk)| chunk.iter().all(|byte| *byte == 0xcc));
    match free.map(|(index, _)| index * 16) {
        Some(free) if code[free..free + 32].iter().all(|byte| *byte == 0xcc) => {
            patch(&file, free, &SYSCALL6);
            assert!(verdict(&file, false).contains("more than one place"), "at {free:#x}");
            refused(&nd(&["run", text(&file)]).run(), 125, &["more than one place"]);
        }
        _ => println!("skipped in part: no room for a second Syscall6"),
    }
    // And none at all, as after an obfuscator.
    assert!(build_go(&file, SAYS_GO, "0", &[]));
    patch(&file, at, &[0x90]);
    assert!(verdict(&file, false).contains("Go's Syscall6 is not in it"));
    refused(&nd(&["run", text(&file)]).run(), 125, &["cannot be protected: Go 1.", "Go's Syscall6 is not in it"]);
}

#[test]
fn scripts_are_named_with_what_they_hand_over_to() {
    let folder = folder("check-scripts");
    let file = folder.join("script");
    script(&file, "#!/bin/sh\n");
    assert_eq!(verdict(&file, true), "covered: script of /bin/sh (dynamic, glibc)");
    script(&file, "#!/usr/bin/env -S A=b sh -e\n");
    let words = verdict(&file, true);
    assert!(words.ends_with("/sh through /usr/bin/env (dynamic, glibc)"), "{words}");
    assert!(build("cc", &folder.join("fixed"), "int main(void) { return 0; }", &["-static"]));
    script(&file, format!("#!{}/fixed\n", text(&folder)));
    assert!(verdict(&file, false).starts_with(&format!("NOT covered: script of {}/fixed (static): ", text(&folder))));
    script(&file, "#!/no/such\n");
    assert!(verdict(&file, false).ends_with("its interpreter /no/such: there is no such file"));
}

#[test]
fn io_uring_is_noted() {
    let folder = folder("check-uring");
    let library = folder.join("liburing.so.2");
    assert!(build(
        "cc",
        &library,
        "int io_uring_queue_init(void) { return 0; }",
        &["-shared", "-fPIC", "-Wl,-soname,liburing.so.2"]
    ));
    let program = folder.join("program");
    let source = "int io_uring_queue_init(void); int main(void) { return io_uring_queue_init(); }";
    assert!(build("cc", &program, source, &[text(&library)]));
    let finished = nd(&["check", text(&program)]).run().succeeded();
    assert!(finished.stdout.contains("covered: dynamic, glibc\n    note: it names io_uring"), "{finished:#?}");
}

#[test]
fn names_are_looked_up_in_path_and_then_here() {
    let finished = nd(&["check", "sh", "env"]).run().succeeded();
    assert_eq!(
        finished.stdout.lines().filter(|line| line.contains("/sh: covered") || line.contains("/env: covered")).count(),
        2
    );
    let finished = nd(&["check", "sh", "nd-no-such"]).run();
    assert_eq!(finished.code(), Some(1));
    assert!(finished.stdout.ends_with("nd-no-such: NOT covered: no such file, here or in PATH\n"), "{finished:#?}");
    let folder = folder("check-here");
    plain(&folder.join("nd-here"));
    let command = crate::furniture::installed_library().with_file_name("netdeadline");
    let shell = format!("cd {} && {} check nd-here", text(&folder), text(&command));
    let finished = netdeadline_tests::Program::new("sh").args(["-c", &shell]).run().succeeded();
    assert_eq!(finished.stdout, "./nd-here: covered: dynamic, glibc\n");
}

#[test]
fn the_loader_itself_is_covered_and_a_library_is_no_program() {
    let sh = std::fs::read("/bin/sh").expect("there is a shell");
    let at = sh.windows(4).position(|word| word == b"/lib").expect("the shell is dynamic");
    let name: Vec<u8> = sh[at..].iter().copied().take_while(|byte| *byte != 0).collect();
    let loader = String::from_utf8(name).expect("a loader's name is ASCII");
    assert!(verdict(Path::new(&loader), true).contains("a dynamic loader"));
    assert!(verdict(&crate::furniture::installed_library(), false).contains("a shared library"));
}

#[test]
fn json_escapes_what_a_terminal_or_javascript_would_obey() {
    let file = folder("check-json-escapes").join("a\u{202e}b\u{2028}c\u{feff}d\u{e0041}e\u{9b}\u{fc}\u{1f980}");
    plain(&file);
    let json = nd(&["check", "--json", text(&file)]).run().succeeded().stdout;
    assert!(json.contains("/a\\u202eb\\u2028c\\ufeffd\\udb40\\udc41e\\u009b\u{fc}\u{1f980}\","), "{json}");
}

#[test]
fn json_is_one_object_a_line_whatever_the_names() {
    let folder = folder("check-json");
    let odd = folder.join("a \"quoted\"\n\u{1b}[31mname\\");
    plain(&odd);
    let go = folder.join("like-go");
    assert!(build("cc", &go, LIKE_GO, &[]));
    let finished = nd(&["check", "--json", text(&odd), text(&go), "/no/such"]).run();
    assert_eq!(finished.code(), Some(1));
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{finished:#?}");
    assert!(
        lines[0]
            .contains(r#"a \"quoted\"\u000a\u001b[31mname\\","covered":true,"way":"preload","kind":"dynamic-glibc""#),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].contains(r#""covered":false,"way":null,"kind":"go""#)
            && lines[1].contains(r#""go_version":"go1.99.1""#),
        "{}",
        lines[1]
    );
    assert!(
        lines[2].contains(r#""kind":"missing""#) && lines[2].contains(r#""reason":"there is no such file""#),
        "{}",
        lines[2]
    );
    // A reader of JSON agrees.
    let parse = "import json,sys\nfor l in sys.stdin: assert set(json.loads(l)) == {'name','file','covered','way','kind','description','reason','through','go_version','notes'}";
    let file = folder.join("out");
    std::fs::write(&file, &finished.stdout).expect("the scratch directory is writable");
    let shell = format!("python3 -c \"$0\" <{}", text(&file));
    netdeadline_tests::Program::new("sh").args(["-c", &shell, parse]).run().succeeded();
    let finished = nd(&["check", text(&odd)]).run().succeeded();
    assert_eq!(finished.stdout.lines().count(), 1);
    assert!(!finished.stdout.contains('\u{1b}') && finished.stdout.contains("\\x1b"), "{finished:#?}");
}

#[test]
fn a_real_setuid_program_is_named() {
    let Some(file) = ["/usr/bin/passwd", "/usr/bin/su", "/bin/su"].iter().map(Path::new).find(|file| file.is_file())
    else {
        println!("skipped: no setuid program here");
        return;
    };
    assert!(verdict(file, false).contains("setuid root"));
    if is_root() {
        // check answers for everybody; run for whoever asks, and root gains nothing.
        nd(&["run", text(file), "--help"]).run();
    }
    let folder = folder("check-copy");
    place(file, &folder.join("copy"));
    mode(&folder.join("copy"), 0o755);
    assert_eq!(verdict(&folder.join("copy"), true), "covered: dynamic, glibc");
}
