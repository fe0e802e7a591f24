//! Scripts are judged by what they hand over to.

use std::path::Path;
use std::time::Duration;

use crate::furniture::{build, folder, nd, plain, refused, script, text};

#[test]
fn a_script_runs_under_its_interpreter_through_several_levels() {
    let folder = folder("scripts-levels");
    let mut previous = String::from("/bin/sh");
    for level in 1..=5 {
        let file = folder.join(format!("level{level}"));
        let body = if level == 1 { "for last; do :; done; echo \"${last##*/}\"\n" } else { "" };
        script(&file, format!("#!{previous}\n{body}"));
        let finished = nd(&["run", text(&file), "end"]).run().succeeded();
        assert_eq!(finished.stdout, "end\n", "level {level}: {finished:#?}");
        previous = text(&file).to_owned();
    }
    let file = folder.join("level6");
    script(&file, format!("#!{previous}\n"));
    refused(&nd(&["run", text(&file)]).run(), 126, &["more than the kernel follows"]);
    // So it is: the kernel itself says ELOOP.
    refused(&nd(&["run", "--best-effort", text(&file)]).run(), 126, &["symbolic links"]);
}

#[test]
fn env_is_followed_to_what_it_starts() {
    let folder = folder("scripts-env");
    let fixed = folder.join("nd-fixed");
    assert!(build("cc", &fixed, "int main(void) { return 0; }", &["-static"]));
    let env = |line: &str, code: i32, words: &[&str]| {
        let file = folder.join("script");
        script(&file, format!("#!{line}\nexit 0\n"));
        let path = format!("{}:/usr/bin:/bin", text(&folder));
        let finished = nd(&["run", text(&file)]).env("PATH", path).run();
        match words {
            [] => assert_eq!(finished.code(), Some(code), "{line}: {finished:#?}"),
            _ => refused(&finished, code, words),
        }
    };
    env("/usr/bin/env sh", 0, &[]);
    env("/usr/bin/env -S sh -e", 0, &[]);
    env("/usr/bin/env -S FOO=1 BAR='a b' sh -e", 0, &[]);
    env("/usr/bin/env -S -u FOO -- sh", 0, &[]);
    env("/usr/bin/env -vS sh", 0, &[]);
    env("/usr/bin/env nd-fixed", 125, &["nd-fixed", "static", "through /usr/bin/env"]);
    env("/usr/bin/env -S A=b nd-fixed", 125, &["static"]);
    env(&format!("/usr/bin/env -S PATH={} nd-fixed -x", text(&folder)), 125, &["static"]);
    env("/usr/bin/env -S \"nd-fixed\" # comment", 125, &["static"]);
    env("/usr/bin/env -S -i sh", 125, &["env -i", "takes away the variables"]);
    env("/usr/bin/env -iS sh", 125, &["env -i"]);
    env("/usr/bin/env -S --unset=LD_PRELOAD sh", 125, &["env -u LD_PRELOAD"]);
    env("/usr/bin/env -S -uNETDEADLINE_CONNECT sh", 125, &["env -u NETDEADLINE_CONNECT"]);
    env("/usr/bin/env -S LD_PRELOAD= sh", 125, &["env LD_PRELOAD="]);
    env("/usr/bin/env nd-nowhere", 126, &["env finds no `nd-nowhere` in PATH"]);
    // Everything behind the interpreter is one word: env looks for a command of that name.
    env("/usr/bin/env sh -e", 126, &["env finds no `sh -e`"]);
}

/// env(1) itself hangs there, or takes all memory.
#[test]
fn options_of_env_that_stand_for_themselves_come_to_an_end() {
    let file = folder("scripts-endless").join("script");
    script(&file, "#!/usr/bin/env -S${X}\n");
    let many = "${X}".repeat(20_000);
    for x in ["-S${X}", "-S ${X}", "-S${X}${X}", "--split-string=${X}", "-S${X} ${X} ${X}", &format!("-S{many}")] {
        let check =
            nd(&["check", text(&file)]).env("X", x).limit(libc::RLIMIT_AS, 256 << 20).limit(libc::RLIMIT_CPU, 5);
        let finished = check.bound(Duration::from_secs(60)).run();
        assert_eq!(finished.code(), Some(1), "{x:.40}: {finished:#?}");
        assert!(finished.stdout.contains("-S options stand for more"), "{x:.40}: {finished:#?}");
    }
    refused(&nd(&["run", text(&file)]).env("X", "-S${X}").run(), 125, &["-S options stand for more"]);
}

#[test]
fn env_as_the_command_is_followed_too() {
    refused(&nd(&["run", "env", "-i", "true"]).run(), 125, &["env -i"]);
    refused(&nd(&["run", "env", "A=b", "nd-nowhere"]).run(), 127, &["nd-nowhere"]);
    assert_eq!(nd(&["run", "env", "A=b", "sh", "-c", "echo $A"]).run().succeeded().stdout, "b\n");
    let finished = nd(&["run", "--best-effort", "env", "-i", "echo", "ran"]).run().succeeded();
    assert_eq!(finished.stdout, "ran\n");
}

/// What env executes counts as its child: nothing would carry the deadlines over.
#[test]
fn env_hands_nothing_on_where_children_are_left_alone() {
    let file = folder("scripts-children").join("script");
    script(&file, "#!/usr/bin/env sh\necho ran\n");
    for command in [&["env", "echo", "ran"][..], &[text(&file)]] {
        let run = |options: &[&str], children: &str| {
            nd(&[&["run"], options, &["--"], command].concat()).env("NETDEADLINE_CHILDREN", children).run()
        };
        refused(&run(&[], "off"), 125, &["cannot be protected", "NETDEADLINE_CHILDREN=off keeps the deadlines"]);
        assert_eq!(run(&["--best-effort"], "off").succeeded().stdout, "ran\n");
        assert_eq!(run(&[], "on").succeeded().stdout, "ran\n");
    }
    assert_eq!(nd(&["run", "echo", "ran"]).env("NETDEADLINE_CHILDREN", "off").run().succeeded().stdout, "ran\n");
}

#[test]
fn the_first_line_is_read_as_the_kernel_reads_it() {
    let folder = folder("scripts-line");
    let file = folder.join("script");
    let run = |text: &[u8]| {
        script(&file, text);
        nd(&["run", file.to_str().expect("UTF-8")]).run()
    };
    assert_eq!(run(b"#!  \t/bin/sh  \necho ran").succeeded().stdout, "ran\n");
    assert_eq!(run(b"#!/bin/sh").succeeded().stdout, "");
    // Nothing behind the mark: not the kernel's, so the shell's.
    assert_eq!(run(b"#! \necho ran").succeeded().stdout, "ran\n");
    refused(&run(b"#!/bin/sh\r\nexit 0\r\n"), 126, &["/bin/sh\\x0d", "Windows line ends"]);
    refused(&run(b"#!/no/such/interpreter -x\n"), 126, &["its interpreter /no/such/interpreter"]);
    let long = [b"#!/bin/sh ", &[b'x'; 300][..], b"\necho ran\n"].concat();
    script(&file, &long);
    // The kernel cuts the argument and goes on; so the answer is about sh.
    let checked = nd(&["check", text(&file)]).run().succeeded();
    assert!(checked.stdout.contains("script of /bin/sh"), "{checked:#?}");
}

#[test]
fn a_relative_interpreter_counts_from_the_current_directory() {
    let folder = folder("scripts-relative");
    plain(&folder.join("tool"));
    script(&folder.join("script"), "#!./tool\n");
    let away = nd(&["run", text(&folder.join("script"))]).run();
    refused(&away, 126, &["./tool"]);
    let shell = format!("cd {} && exec \"$0\" run ./script", text(&folder));
    let here = netdeadline_tests::Program::new("sh").args(["-c", &shell]).args([nd_path()]).run();
    assert_eq!(here.code(), Some(0), "{here:#?}");
}

fn nd_path() -> std::path::PathBuf {
    let library = crate::furniture::installed_library();
    library.parent().unwrap_or(Path::new("/")).join("netdeadline")
}
