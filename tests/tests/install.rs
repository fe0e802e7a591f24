//! `./x install`, and what an installed netdeadline is good for: a C program that pkg-config helps to build, the manual pages,
//! the command.
//!
//! What the header declares is in tests/header, what the calls do in c-tests, where the command looks for its library in
//! tests/command.

use netdeadline_tests::{command, library, root, scratch, Finished, Libc, Program};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

const LIBDIRS: [&str; 3] = ["lib", "lib64", "lib/x86_64-linux-gnu"];

/// A target directory with what the tests are of: NETDEADLINE_LIB may be anywhere.
fn target() -> &'static Path {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    TARGET.get_or_init(|| {
        let target = empty("target");
        fs::create_dir(target.join("release")).expect("it is empty");
        for (file, name) in [(library(), "libnetdeadline.so"), (command(), "netdeadline")] {
            // By cp: were the copy open for writing here, a child forked just then would hold it, and executing it would fail.
            let copied = Command::new("cp").arg(file).arg(target.join("release").join(name)).status();
            assert!(copied.is_ok_and(|status| status.success()), "{file:?}");
        }
        target
    })
}

/// A directory of this name with nothing in it.
fn empty(name: &str) -> PathBuf {
    let path = scratch("install").canonicalize().expect("it was just made").join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("the scratch directory is writable");
    path
}

fn x_install(target: &Path, words: &[String]) -> Program {
    let mut program = Program::new(root().join("x")).args(["install"]).args(words).env("CARGO_TARGET_DIR", target);
    // What a packager's shell may have set is not the test's.
    for name in ["PREFIX", "LIBDIR", "DESTDIR"] {
        program = program.env(name, "");
    }
    program
}

/// Install below a new directory, as PREFIX.
fn installed(name: &str, libdir: &str) -> PathBuf {
    let prefix = empty(name);
    let words = [format!("PREFIX={}", prefix.display()), format!("LIBDIR={libdir}")];
    let finished = x_install(target(), &words).run().succeeded();
    assert!(finished.stdout.contains(&format!("installed netdeadline {}", version())), "{finished:#?}");
    prefix
}

fn version() -> String {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml is there");
    let line = manifest.lines().find_map(|line| line.strip_prefix("version = ")).expect("the package has a version");
    line.trim_matches('"').to_owned()
}

/// Run a shell's line in a directory, with pkg-config looking into `library` first and below `sysroot`.
fn shell(directory: &Path, line: &str, library: &Path, sysroot: &str) -> Program {
    let script = format!("cd '{}' && {line}", directory.display());
    let path = library.join("pkgconfig").display().to_string();
    Program::new("sh").args(["-c", &script]).env("PKG_CONFIG_PATH", path).env("PKG_CONFIG_SYSROOT_DIR", sysroot)
}

/// The program that the documents' line makes, as C or as C++.
fn build(name: &str, compiler: &str, library: &Path, sysroot: &str) -> PathBuf {
    let directory = empty(name);
    let source = root().join("tests/tests/c/installed.c");
    let line = format!("{compiler} '{}' $(pkg-config --cflags --libs netdeadline) -o app", source.display());
    shell(&directory, &line, library, sysroot).run().succeeded();
    directory.join("app")
}

/// It ran with the installed library, and its read ended at its deadline.
#[track_caller]
fn worked(app: &Path, library: &Path) {
    let finished = Program::new(app).env("LD_LIBRARY_PATH", library).run().succeeded();
    assert_eq!(finished.stdout, format!("{} ETIMEDOUT\n", version()), "{finished:#?}");
    assert!(finished.took >= Duration::from_millis(100) && finished.took < Duration::from_secs(5), "{finished:#?}");
}

fn needed(app: &Path) -> String {
    let readelf = Program::new("readelf").args(["--dynamic", "--wide"]).args([app]).run().succeeded().stdout;
    readelf.lines().filter(|line| line.contains("(NEEDED)")).collect::<Vec<_>>().join("\n")
}

/// Everything below a directory: mode and path, and where links lead.
fn tree(top: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![top.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("readable").flatten() {
            let path = entry.path();
            let name = path.strip_prefix(top).expect("it is below").display().to_string();
            let metadata = fs::symlink_metadata(&path).expect("it is there");
            if metadata.is_dir() {
                assert_eq!(metadata.permissions().mode() & 0o777, 0o755, "{name}");
                folders.push(path);
            } else if let Ok(to) = fs::read_link(&path) {
                found.insert(format!("{name} -> {}", to.display()));
            } else {
                found.insert(format!("{:o} {name}", metadata.permissions().mode() & 0o7777));
            }
        }
    }
    found
}

#[test]
fn a_c_program_is_built_as_the_documents_say_and_runs() {
    for libdir in LIBDIRS {
        let name = format!("prefix-{}", libdir.replace('/', "-"));
        let library = installed(&name, libdir).join(libdir);
        let app = build(&format!("{name}-app"), "cc -Wall -Wextra -Wpedantic -Werror", &library, "");
        assert!(needed(&app).contains("[libnetdeadline.so.0]"), "{}", needed(&app));
        worked(&app, &library);
    }
}

#[test]
fn a_cpp_program_is_built_as_well() {
    let library = installed("prefix-cpp", "lib").join("lib");
    let app = build("cpp-app", "g++ -x c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror", &library, "");
    worked(&app, &library);
}

#[test]
fn what_lies_below_destdir_is_for_the_prefix() {
    let packed = empty("destdir");
    let libdir = LIBDIRS[2];
    let words = [format!("DESTDIR={}", packed.display()), "PREFIX=/usr".to_owned(), format!("LIBDIR={libdir}")];
    let finished = x_install(target(), &words).run().succeeded();
    assert!(!finished.stdout.contains("LD_LIBRARY_PATH"), "it is not there yet: {finished:#?}");
    // pkg-config finds it as if the package's tree were a root file system.
    let library = packed.join("usr").join(libdir);
    let said = |what: &str| {
        let line = format!("pkg-config {what} netdeadline");
        shell(&packed, &line, &library, "").run().succeeded().stdout.trim().to_owned()
    };
    assert_eq!(said("--modversion"), version());
    assert_eq!(said("--variable=libdir"), format!("/usr/{libdir}"));
    assert_eq!(said("--variable=includedir"), "/usr/include");
    let app = build("destdir-app", "cc", &library, packed.to_str().expect("UTF-8"));
    assert!(needed(&app).contains("[libnetdeadline.so.0]"), "{}", needed(&app));
    worked(&app, &library);
    // A package's files must not name the place where it was packed.
    let named = Command::new("grep").arg("-rIl").arg(&packed).arg(packed.join("usr")).output().expect("there is grep");
    assert_eq!(String::from_utf8_lossy(&named.stdout), "", "these name {}", packed.display());
    let unit = fs::read_to_string(packed.join("usr/share/doc/netdeadline/docs/systemd/netdeadline.conf"));
    let unit = unit.expect("the example for systemd is installed");
    assert!(unit.contains(&format!("LD_PRELOAD=/usr/{libdir}/libnetdeadline.so.0\n")), "{unit}");
    assert!(unit.contains("ExecStart=/usr/bin/netdeadline run") && !unit.contains("/opt/"), "{unit}");
}

#[test]
fn every_file_is_where_a_distribution_has_it_and_nothing_else_is() {
    let prefix = installed("prefix-tree", "lib");
    let version = version();
    let mut expected: BTreeSet<String> = [
        "755 bin/netdeadline".to_owned(),
        "644 include/netdeadline.h".to_owned(),
        format!("644 lib/libnetdeadline.so.{version}"),
        format!("lib/libnetdeadline.so.0 -> libnetdeadline.so.{version}"),
        "lib/libnetdeadline.so -> libnetdeadline.so.0".to_owned(),
        "644 lib/pkgconfig/netdeadline.pc".to_owned(),
    ]
    .into();
    let (found, rest): (BTreeSet<_>, BTreeSet<_>) =
        tree(&prefix).into_iter().partition(|line| !line.contains(" share/"));
    assert_eq!(found, expected);
    // Of the documents and pages there will be more, all of them plain files.
    expected = ["man1/netdeadline.1", "man7/netdeadline.7", "man3/nd_set_deadline.3"]
        .map(|page| format!("644 share/man/{page}"))
        .into();
    let documents = ["README.md", "CHANGELOG.md", "docs/limits.md", "docs/container.md", "examples/scope.c"];
    for name in documents.into_iter().chain(["LICENSE-MIT", "LICENSE-APACHE"]) {
        expected.insert(format!("644 share/doc/netdeadline/{name}"));
    }
    assert!(expected.is_subset(&rest), "missing: {:?}", expected.difference(&rest));
    assert!(rest.iter().all(|line| line.starts_with("644 share/")), "{rest:?}");
}

#[test]
fn installing_twice_changes_nothing_and_leaves_running_programs_their_library() {
    let prefix = installed("prefix-twice", "lib");
    let before = tree(&prefix);
    let file = prefix.join("lib/libnetdeadline.so.0");
    let held = fs::File::open(&file).expect("it was installed");
    let words = [format!("PREFIX={}//", prefix.display()), format!("LIBDIR={}/lib", prefix.display())];
    x_install(target(), &words).run().succeeded();
    assert_eq!(tree(&prefix), before);
    // A file that was written over would change under whoever has it mapped.
    let inode = |metadata: std::io::Result<fs::Metadata>| metadata.expect("it is there").ino();
    assert_ne!(inode(held.metadata()), inode(fs::metadata(&file)));
    assert_eq!(held.metadata().expect("it is open").len(), fs::metadata(&file).expect("it is there").len());
}

/// man-db, also where a container's image has put a word of its own in its place.
fn man() -> &'static str {
    ["/usr/bin/man.REAL", "/usr/bin/man"].into_iter().find(|path| Path::new(path).exists()).expect("package man-db")
}

#[test]
fn man_finds_a_page_of_each_call_of_the_command_and_of_the_library() {
    let prefix = installed("prefix-man", "lib");
    let pages = prefix.join("share/man");
    let exported = fs::read_to_string(root().join("tests/exports.txt")).expect("it is there");
    let calls: Vec<_> = exported.lines().filter(|name| name.starts_with("nd_")).map(|name| ("3", name)).collect();
    assert!(calls.len() > 10, "{calls:?}");
    for (section, name) in calls.into_iter().chain([("1", "netdeadline"), ("7", "netdeadline")]) {
        let found = Program::new(man()).args(["-w", "-M"]).args([&pages]).args([section, name]).run().succeeded();
        let page = PathBuf::from(found.stdout.trim());
        assert!(page.starts_with(&pages), "{name}: {found:#?}");
        // The page says so itself, and is not one that leads to a page that is not there.
        let shown = Program::new(man()).args(["-M"]).args([&pages]).args([section, name]).env("MANPAGER", "cat");
        let shown = shown.env("MANWIDTH", "200").run().succeeded().stdout;
        assert!(shown.contains(name) && shown.contains("DESCRIPTION"), "{name}: {shown}");
    }
}

#[test]
fn the_installed_command_finds_the_installed_library() {
    let reader = netdeadline_tests::compile("c/bounded_read.c", Libc::Glibc, &[]).expect("there is gcc");
    for libdir in LIBDIRS {
        let prefix = installed(&format!("prefix-run-{}", libdir.replace('/', "-")), libdir);
        let command = prefix.join("bin/netdeadline");
        let said = Program::new(&command).args(["--version"]).run().succeeded().stdout;
        let library = prefix.join(libdir).join("libnetdeadline.so.0");
        assert!(said.contains(&format!("library: {}\n", library.display())), "{said}");
        let run = ["run", "--read", "300ms", "--"];
        let finished = Program::new(&command).args(run).args([&reader]).args(["read"]).run().succeeded();
        assert!(finished.stdout.starts_with("ETIMEDOUT "), "{finished:#?}");
        assert!(finished.took >= Duration::from_millis(300), "early: {finished:#?}");
    }
}

#[test]
fn a_linked_program_that_is_run_by_the_command_has_the_library_once() {
    let prefix = installed("prefix-once", "lib");
    let library = prefix.join("lib");
    let app = build("once-app", "cc", &library, "");
    let maps = |program: Program| {
        let finished = program.env("LD_LIBRARY_PATH", &library).run().succeeded();
        finished.stdout.lines().filter(|line| line.contains("r-xp") && line.contains("libnetdeadline.so")).count()
    };
    assert_eq!(maps(Program::new(&app).args(["maps"])), 1);
    let run = Program::new(prefix.join("bin/netdeadline")).args(["run", "--read", "1h", "--"]).args([&app]);
    assert_eq!(maps(run.args(["maps"])), 1);
}

#[track_caller]
fn refused(finished: &Finished, words: &[&str]) {
    assert_eq!(finished.code(), Some(1), "{finished:#?}");
    assert!(finished.stderr.starts_with("x: ") && finished.stderr.lines().count() == 1, "{finished:#?}");
    for word in words {
        assert!(finished.stderr.contains(word), "{word}: {finished:#?}");
    }
}

#[test]
fn what_cannot_be_installed_is_said_in_one_line() {
    let top = empty("refused");
    let into = |words: &[&str]| {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        x_install(target(), &words).run()
    };
    let destdir = format!("DESTDIR={}", top.display());
    let unbuilt = x_install(&top, std::slice::from_ref(&destdir)).run();
    refused(&unbuilt, &["release/libnetdeadline.so is not there", "./x build"]);
    refused(&into(&[&destdir, "PREFIX=usr"]), &["PREFIX must be an absolute path", "usr"]);
    refused(&into(&[&destdir, "PREFIX=/a b"]), &["PREFIX must be an absolute path without blanks"]);
    refused(&into(&[&destdir, "LIBDIR=elsewhere"]), &["LIBDIR must be lib, lib64 or lib/", "elsewhere"]);
    refused(&into(&["DESTDIR=here"]), &["DESTDIR must be an absolute path", "here"]);
    refused(&into(&[&destdir, "--prefix=/usr"]), &["--prefix=/usr?", "PREFIX=, LIBDIR= and DESTDIR="]);
    // None of these wrote anything.
    assert_eq!(fs::read_dir(&top).expect("it is there").count(), 0);
    fs::write(top.join("file"), "").expect("writable");
    let below = format!("DESTDIR={}/file", top.display());
    refused(&into(&[&below]), &["/usr/local/bin/netdeadline: cannot create directory", "file"]);
}
