//! The programs that the manual pages of section 3 and the README show for the C library: compiled as their reader would do it,
//! run against servers on loopback, and what they print compared with what the page says that they print.
//!
//! What deadlines and scopes do beyond that is shown by c-tests and tests/scope.

use super::{blocks, text, README};
use netdeadline_tests::{command, library, root, scratch, Finished, Program};
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// What a busy machine may add.
const LATE: Duration = Duration::from_secs(8);

/// An example: a program, and what the page says that it prints.
struct Example {
    name: String,
    source: String,
    printed: String,
}

/// The examples of a page, in order.
fn examples<const N: usize>(page: &str) -> [Example; N] {
    let all = text(&format!("docs/man/{page}.3"));
    let all = all.split(".Sh EXAMPLES\n").nth(1).expect("a section EXAMPLES");
    let mut blocks = blocks(all, ".Bd -literal -offset indent", ".Ed").into_iter().map(|block| unescaped(&block));
    let example = |index| Example {
        name: format!("{page}.{index}"),
        source: blocks.next().unwrap_or_else(|| panic!("{page}(3) has no example {index}")),
        printed: blocks.next().unwrap_or_else(|| panic!("{page}(3) does not say what example {index} prints")),
    };
    let examples = std::array::from_fn(example);
    assert_eq!(blocks.next(), None, "{page}(3) has more examples, which nobody runs");
    examples
}

/// What a reader sees of a literal block.
fn unescaped(block: &str) -> String {
    let mut block = block.to_owned();
    for (from, to) in
        [("\\-", "-"), ("\\(aq", "'"), ("\\(ha", "^"), ("\\(ti", "~"), ("\\(ga", "`"), ("\\&", ""), ("\\e", "\\")]
    {
        block = block.replace(from, to);
    }
    block
}

/// A directory with the built library in it, under the names by which a program is linked and by which it is loaded.
fn installed() -> PathBuf {
    let directory = scratch("docs").join("lib");
    fs::create_dir_all(&directory).expect("the scratch directory is writable");
    for name in ["libnetdeadline.so", "libnetdeadline.so.0"] {
        // Tests run in parallel, and all want the same.
        let fresh = directory.join(format!("{name}.{:?}", thread::current().id()));
        let _ = fs::remove_file(&fresh);
        std::os::unix::fs::symlink(library(), &fresh).expect("the scratch directory is writable");
        fs::rename(&fresh, directory.join(name)).expect("both are in the same directory");
    }
    directory
}

/// Compile `sources` and link them as the README does it, together with these packages.
///
/// None, and said, where a package is not there.
fn compiled(name: &str, sources: &[&str], linked: bool, packages: &[&str]) -> Option<PathBuf> {
    let libraries = installed();
    let program = scratch("docs").join(name);
    let mut cc = Command::new("cc");
    // As strict as Ubuntu's compiler is by itself, and more.
    cc.args(["-Wall", "-Wextra", "-Werror", "-O2", "-D_FORTIFY_SOURCE=2"]).arg("-o").arg(&program);
    for (index, source) in sources.iter().enumerate() {
        let file = program.with_extension(format!("{index}.c"));
        fs::write(&file, source).expect("the scratch directory is writable");
        cc.arg(file);
    }
    cc.arg("-I").arg(root().join("include"));
    if linked {
        cc.arg("-L").arg(&libraries).arg("-lnetdeadline").arg(format!("-Wl,-rpath,{}", libraries.display()));
    }
    for package in packages {
        let said = Command::new("pkg-config").args(["--cflags", "--libs", package]).output();
        let Some(said) = said.ok().filter(|said| said.status.success()) else {
            println!("skip {name}: pkg-config knows no {package} (libpq-dev, libcurl4-openssl-dev)");
            return None;
        };
        cc.args(String::from_utf8(said.stdout).expect("UTF-8").split_whitespace());
    }
    let output = cc.output().expect("cc");
    assert!(output.status.success(), "{name}: {cc:?}\n{}", String::from_utf8_lossy(&output.stderr));
    Some(program)
}

/// Is this the line that the page shows? Seconds with a point in them may be more, for the machine may be busy, and never less.
fn same(line: &str, claimed: &str) -> bool {
    let (words, claimed) = (line.split(' '), claimed.split(' '));
    let seconds = |word: &str| word.contains('.').then(|| word.parse::<f64>().ok()).flatten();
    words.clone().count() == claimed.clone().count()
        && words.zip(claimed).all(|(word, claim)| match (seconds(word), seconds(claim)) {
            (Some(took), Some(claim)) => took >= claim && took < claim + LATE.as_secs_f64(),
            _ => word == claim,
        })
}

#[test]
fn a_line_that_is_early_or_another_is_not_the_one_that_a_page_shows() {
    let shown = "inner: poll 1 at 0.3 s";
    assert!(same(shown, shown) && same("inner: poll 1 at 0.9 s", shown));
    for other in
        ["inner: poll 1 at 0.2 s", "inner: poll 0 at 0.3 s", "inner: poll 1 at 0.3", "inner: poll 1 at 30.3 s", ""]
    {
        assert!(!same(other, shown), "{other}");
    }
}

impl Example {
    fn compiled(&self) -> Program {
        Program::new(compiled(&self.name, &[&self.source], true, &[]).expect("it asks for no package"))
    }

    /// It printed what the page says, on either stream, and took at least `least`.
    #[track_caller]
    fn as_claimed(&self, finished: Finished, least: Duration) {
        let printed = format!("{}{}", finished.stdout, finished.stderr);
        let mut lines: Vec<_> = printed.lines().collect();
        let mut claimed: Vec<_> = self.printed.lines().collect();
        // Two streams: each in its order, and which comes first is not for a pipe to say.
        lines.sort_unstable();
        claimed.sort_unstable();
        let same = lines.len() == claimed.len() && lines.iter().zip(&claimed).all(|(line, claim)| same(line, claim));
        assert!(same, "{} printed {lines:#?}, and is said to print {claimed:#?}", self.name);
        assert!(finished.took >= least, "{} was early: {finished:#?}", self.name);
        assert!(finished.took < least + LATE, "{} was late: {finished:#?}", self.name);
    }
}

/// A server that does this with each of its clients, in a thread for each. Its port.
fn server(serve: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(thread::spawn(move || serve(stream)))));
    port.to_string()
}

/// Until the client is gone, or for longer than any test lasts.
fn hold(mut stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let mut bytes = [0; 512];
    while matches!(stream.read(&mut bytes), Ok(1..)) {}
}

fn says_hello_only(mut stream: TcpStream) {
    let _ = stream.write_all(b"hello\n");
    hold(stream);
}

fn says_hello_and_ends(mut stream: TcpStream) {
    let _ = stream.write_all(b"hello\n");
    // Closed with something unread it would be reset.
    let _ = stream.shutdown(Shutdown::Write);
    hold(stream);
}

fn drips(mut stream: TcpStream) {
    while stream.write_all(b".").is_ok() {
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_deadline_bounds_a_whole_answer_as_its_page_says() {
    let [example, _] = examples("nd_set_deadline");
    let program = || example.compiled();
    let finished = program().args([server(says_hello_only)]).run();
    assert_eq!(finished.code(), Some(1), "{finished:#?}");
    example.as_claimed(finished, SECOND);
    let finished = program().args([server(drips)]).run();
    assert!(finished.took >= SECOND && finished.took < SECOND + LATE, "{finished:#?}");
    assert!(
        finished.stdout.starts_with("....") && finished.stdout.ends_with(".Connection timed out\n"),
        "{finished:#?}"
    );
    let finished = program().args([server(says_hello_and_ends)]).run().succeeded();
    assert_eq!(finished.stdout, "hello\ncomplete\n");
}

#[test]
fn a_thread_is_told_to_stop_and_nothing_is_lost_as_the_page_says() {
    let [_, example] = examples("nd_set_deadline");
    example.as_claimed(example.compiled().run().succeeded(), SECOND);
}

#[test]
fn timeouts_end_a_client_of_a_silent_server_as_their_page_says() {
    let [example] = examples("nd_set_timeouts");
    let finished = example.compiled().args([server(hold)]).run();
    assert_eq!(finished.code(), Some(1), "{finished:#?}");
    example.as_claimed(finished, SECOND / 2);
    let finished = example.compiled().args([server(says_hello_only)]).run();
    assert_eq!(finished.stdout, "hello\nConnection timed out\n");
    assert!(finished.took >= SECOND, "early: {finished:#?}");
    let finished = example.compiled().args([server(says_hello_and_ends)]).run().succeeded();
    assert_eq!(finished.stdout, "hello\ncomplete\n");
}

#[test]
fn an_opened_library_obeys_in_its_own_calls_as_the_page_says() {
    let [example, _] = examples("nd_read");
    let program = compiled(&example.name, &[&example.source], false, &[]).expect("no package");
    let program = Program::new(program).env("LD_LIBRARY_PATH", installed());
    example.as_claimed(program.run().succeeded(), SECOND / 2);
}

#[test]
fn nd_close_wakes_a_reader_as_its_page_says() {
    let [_, example] = examples("nd_read");
    example.as_claimed(example.compiled().run().succeeded(), SECOND);
}

#[test]
fn python_needs_no_compiler_as_the_overview_says() {
    let [example] = examples("libnetdeadline");
    let python = Program::new("python3").args(["-c", &example.source]).env("LD_LIBRARY_PATH", installed());
    example.as_claimed(python.run().succeeded(), SECOND / 2);
}

#[test]
fn an_expiry_is_explained_as_its_page_says() {
    let [example] = examples("nd_last_expiry");
    example.as_claimed(example.compiled().run().succeeded(), SECOND / 2);
}

#[test]
fn the_log_calls_what_a_program_set_as_the_documents_do() {
    let [example] = examples("nd_last_expiry");
    let logged = |format| {
        let program = example.compiled().env("NETDEADLINE_LOG", "stderr").env("NETDEADLINE_LOG_FORMAT", format);
        program.run().succeeded().stderr
    };
    let (json, plain) = (logged("json"), logged("plain"));
    let classes = ["read", "explicit"];
    assert!(json.lines().count() == 2 && plain.lines().count() == 2, "{json}{plain}");
    for (class, (json, plain)) in classes.into_iter().zip(json.lines().zip(plain.lines())) {
        assert!(json.contains(&format!(r#""class":"{class}","source":"api""#)), "{json}");
        assert!(plain.ends_with("set by the program itself"), "{plain}");
    }
}

#[test]
fn the_clock_goes_on_as_its_page_says() {
    let [example] = examples("nd_now");
    example.as_claimed(example.compiled().run().succeeded(), SECOND / 5);
}

#[test]
fn a_scope_ends_libcurl_as_its_page_says() {
    let [example, _] = examples("nd_scope_enter");
    let Some(program) = compiled(&example.name, &[&example.source], true, &["libcurl"]) else { return };
    let url = format!("http://127.0.0.1:{}/", server(hold));
    let finished = Program::new(program).args([&url, &url]).run().succeeded();
    example.as_claimed(finished, SECOND);
}

#[test]
fn scopes_nest_as_their_page_says() {
    let [_, example] = examples("nd_scope_enter");
    let log = scratch("docs").join("scopes.log");
    let _ = fs::remove_file(&log);
    let program = example.compiled().env("NETDEADLINE_LOG", &log).env("NETDEADLINE_LOG_FORMAT", "json");
    example.as_claimed(program.run().succeeded(), 3 * SECOND);
    let log = fs::read_to_string(log).expect("a log");
    assert!(log.lines().count() >= 2, "{log}");
    assert!(log.lines().all(|line| line.contains(r#""class":"scope","source":"api""#)), "{log}");
}

/// The README's block of C that contains this.
fn of_readme(part: &str) -> String {
    let blocks = blocks(&text(README), "```c", "```");
    assert_eq!(blocks.len(), 2, "the blocks of C in {README}");
    blocks.into_iter().find(|block| block.contains(part)).unwrap_or_else(|| panic!("{README} shows no {part}"))
}

#[test]
fn the_readmes_function_bounds_an_answer_that_drips() {
    let sources = [&of_readme("int answer("), include_str!("answer.c")];
    let program = compiled("answer", &sources, true, &[]).expect("it asks for no package");
    let run = |serve, size| Program::new(&program).args([server(serve), size]).run().succeeded();
    let finished = run(drips, "63".to_owned());
    assert_eq!(finished.stdout, "Connection timed out\n");
    assert!(finished.took >= 2 * SECOND && finished.took < 2 * SECOND + LATE, "{finished:#?}");
    assert_eq!(run(says_hello_only, "5".to_owned()).stdout, "hello\n");
}

/// Is this line of the documents a compiler's? It needs a source, and an installed library.
pub fn compiles(line: &str) -> bool {
    line.starts_with("cc ")
}

/// As the README has it: installed, compiled by its line, run.
#[test]
fn the_readmes_scope_bounds_libpq() {
    let line = super::examples(README).into_iter().find(|line| compiles(line)).expect("a compiler's line");
    if Program::new("pkg-config").args(["--exists", "libpq"]).run().code() != Some(0) {
        println!("skip: pkg-config knows no libpq (libpq-dev)");
        return;
    }
    let directory = scratch("docs").canonicalize().expect("it was just made").join("installed");
    let (target, prefix) = (directory.join("target"), directory.join("usr"));
    for (built, name) in [(library(), "libnetdeadline.so"), (command(), "netdeadline")] {
        fs::create_dir_all(target.join("release")).expect("the scratch directory is writable");
        // By cp: were the copy open for writing here, a child forked just then would hold it.
        Program::new("cp").args([built]).args([target.join("release").join(name)]).run().succeeded();
    }
    let install = Program::new(root().join("x")).args(["install"]).env("CARGO_TARGET_DIR", target);
    install.env("PREFIX", &prefix).env("LIBDIR", "lib").env("DESTDIR", "").run().succeeded();
    fs::write(directory.join("count.c"), of_readme("PQexec")).expect("the scratch directory is writable");
    let script = format!("cd '{}' && {line} -Wall -Wextra -Werror && ./count", directory.display());
    let libraries = prefix.join("lib");
    let program = Program::new("sh").args(["-c", &script]).env("PKG_CONFIG_PATH", libraries.join("pkgconfig"));
    let program = program.env("LD_LIBRARY_PATH", libraries).env("PGHOST", "127.0.0.1").env("PGPORT", server(hold));
    let finished = program.env("PGUSER", "nobody").run().succeeded();
    assert!(finished.took >= 2 * SECOND && finished.took < 2 * SECOND + LATE, "{finished:#?}");
    assert!(finished.stderr.contains("timed out"), "{finished:#?}");
    assert_eq!(finished.stdout, "");
}
