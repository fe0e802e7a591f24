//! Where the library is found, and what becomes of LD_PRELOAD.

use std::fs;

use crate::furniture::{folder, install, installed_library, nd, place, refused, text};
use netdeadline_tests::{library, Program};

#[test]
fn the_library_is_found_by_the_commands_own_place() {
    let top = folder("library-places");
    for place in [
        "bin/libnetdeadline.so",
        "bin/libnetdeadline.so.0",
        "lib/libnetdeadline.so",
        "lib/libnetdeadline.so.0",
        "lib64/libnetdeadline.so.0",
        &format!("lib/{}-linux-gnu/libnetdeadline.so.0", std::env::consts::ARCH),
    ] {
        let _ = fs::remove_dir_all(&top);
        let command = top.join("bin/netdeadline");
        install(&command, Some(&top.join(place)));
        let finished = Program::new(&command).args(["run", "sh", "-c", "echo $LD_PRELOAD"]).run().succeeded();
        assert_eq!(finished.stdout, format!("{}/{place}\n", text(&top)));
        let finished = Program::new(&command).args(["--version"]).run().succeeded();
        assert_eq!(finished.stdout, format!("netdeadline 0.1.0\nlibrary: {}/{place}\n", text(&top)));
    }
}

#[test]
fn the_library_is_never_taken_from_the_current_directory_or_the_environment() {
    let top = folder("library-missing");
    let command = top.join("bin/netdeadline");
    install(&command, None);
    let elsewhere = top.join("elsewhere");
    place(library(), &elsewhere.join("libnetdeadline.so"));
    let shell = format!("cd {} && exec {} run echo ran", text(&elsewhere), text(&command));
    let run = |shell: &str| Program::new("sh").args(["-c", shell]).env("LD_LIBRARY_PATH", &elsewhere).run();
    refused(&run(&shell), 125, &["libnetdeadline.so is in none of", &format!("{}/lib", text(&top))]);
    let finished = run(&shell.replace("run", "run --best-effort")).succeeded();
    assert_eq!(finished.stdout, "ran\n");
    assert!(finished.stderr.contains("starting it unprotected: libnetdeadline.so is in none of"), "{finished:#?}");
    let finished = Program::new(&command).args(["--version"]).run().succeeded();
    assert!(finished.stdout.contains("library: none"), "{finished:#?}");
}

#[test]
fn a_file_that_is_not_the_library_is_not_preloaded() {
    let top = folder("library-wrong");
    let command = top.join("netdeadline");
    install(&command, None);
    let beside = top.join("libnetdeadline.so");
    let whole = fs::read(library()).expect("it was built");
    for wrong in [&b""[..], b"not ELF", &whole[..200], &fs::read("/bin/sh").expect("there is a shell")] {
        fs::write(&beside, wrong).expect("the scratch directory is writable");
        refused(&Program::new(&command).args(["run", "true"]).run(), 125, &["is not the library that belongs"]);
    }
}

#[test]
fn a_place_that_ld_preload_cannot_name_is_told() {
    for name in ["library with space", "library:colon", "library$ORIGIN"] {
        let top = folder(name);
        let command = top.join("netdeadline");
        install(&command, Some(&top.join("libnetdeadline.so")));
        let finished = Program::new(&command).args(["run", "true"]).run();
        refused(&finished, 125, &["LD_PRELOAD cannot hold a path with a space, a colon or a dollar sign", name]);
    }
}

#[test]
fn what_is_preloaded_already_is_kept_and_the_library_is_added_once() {
    let ours = text(&installed_library()).to_owned();
    let other = folder("library-other").join("other.so");
    place(library(), &other);
    let show = ["run", "sh", "-c", "echo $LD_PRELOAD"];
    let preload = |value: &str| nd(&show).env("LD_PRELOAD", value).run().succeeded().stdout;
    assert_eq!(nd(&show).run().succeeded().stdout, format!("{ours}\n"));
    assert_eq!(preload(""), format!("{ours}\n"));
    assert_eq!(preload(text(&other)), format!("{ours}:{}\n", text(&other)));
    assert_eq!(preload(&ours), format!("{ours}\n"));
    assert_eq!(preload(&format!("{}:{ours}", text(&other))), format!("{}:{ours}\n", text(&other)));
    assert_eq!(preload(&format!("{} {ours}", text(&other))), format!("{} {ours}\n", text(&other)));
    // The same file by another name.
    let link = folder("library-link").join("link.so");
    std::os::unix::fs::symlink(&ours, &link).expect("the scratch directory is writable");
    assert_eq!(preload(text(&link)), format!("{}\n", text(&link)));
}
