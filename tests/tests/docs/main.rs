//! What the documents say of names, options, rules, files and output is what the program has. Prose that only a person can
//! judge is not judged here; what deadlines do is tested by the other tests.

mod go;
mod pages;
mod programs;
mod trust;

use netdeadline_tests::{command, library, root, scratch, Finished, Program};
use std::collections::BTreeSet;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

const README: &str = "README.md";
const MAN_1: &str = "docs/man/netdeadline.1";
const MAN_7: &str = "docs/man/netdeadline.7";
const CONTAINER: &str = "docs/container.md";
const DROP_IN: &str = "docs/systemd/netdeadline.conf";
/// Every document for users.
const DOCUMENTS: [&str; 7] = [README, "CHANGELOG.md", "docs/limits.md", CONTAINER, MAN_1, MAN_7, DROP_IN];
const COMMANDS: [&str; 4] = ["run", "check", "policy", "demo"];

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn netdeadline(args: &[&str]) -> Finished {
    Program::new(command()).args(args).run()
}

/// The lines between a line that is `open` and the next that is `close`, once for each `open`.
fn blocks(text: &str, open: &str, close: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while lines.by_ref().any(|line| line == open) {
        blocks.push(lines.by_ref().take_while(|line| *line != close).map(|line| format!("{line}\n")).collect());
    }
    blocks
}

/// The words of `text` that begin with `start` and go on with characters of a name.
fn words_with(text: &str, start: &str, of_name: fn(char) -> bool) -> BTreeSet<String> {
    let rests = text.match_indices(start).map(|(at, _)| &text[at + start.len()..]);
    rests
        .map(|rest| rest.chars().take_while(|c| of_name(*c)).collect())
        .filter(|name: &String| !name.is_empty())
        .collect()
}

fn variables(text: &str) -> BTreeSet<String> {
    words_with(text, "NETDEADLINE_", |c| c.is_ascii_uppercase() || c == '_')
}

fn policy_file(name: &str, rules: &str) -> PathBuf {
    let path = scratch("docs").join(name);
    fs::write(&path, rules).expect("the scratch directory is writable");
    path
}

#[test]
fn the_rules_in_the_documents_parse() {
    let mut all = blocks(&text(README), "```policy", "```");
    assert_eq!(all.len(), 2, "the blocks of rules in {README}");
    all.extend(blocks(&text(CONTAINER), "```policy", "```"));
    let manual = text(MAN_7);
    let rules = manual.split(".Sh RULES\n").nth(1).expect("a section RULES");
    all.push(blocks(rules, ".Bd -literal -offset indent", ".Ed").swap_remove(0));
    assert_eq!(all[0], all[3], "{README} and {MAN_7} show the same example");
    for (index, rules) in all.iter().enumerate() {
        let file = policy_file(&format!("{index}.conf"), rules);
        let finished = netdeadline(&["policy", "--config", file.to_str().expect("UTF-8")]).succeeded();
        let wanted = rules.lines().filter(|line| line.starts_with("to ") || line.starts_with("on ")).count();
        let printed = finished.stdout.lines().filter(|line| line.contains("to ") || line.contains("on ")).count();
        assert!(wanted >= 2 && printed >= wanted, "{rules}\n{}", finished.stdout);
    }
    let broken = policy_file("broken.conf", &all[0].replace("connect=", "conect="));
    assert_eq!(netdeadline(&["policy", "--config", broken.to_str().expect("UTF-8")]).code(), Some(125));
}

#[test]
fn the_first_rule_that_names_a_class_decides_as_the_readme_says() {
    let file = policy_file("first.conf", &blocks(&text(README), "```policy", "```")[0]);
    let finished = netdeadline(&["policy", "--config", file.to_str().expect("UTF-8"), "--explain", "10.1.2.3:5432"]);
    let finished = finished.succeeded();
    let line = |class: &str| {
        let mut lines = finished.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.find(|words| words.first() == Some(&class)).unwrap_or_else(|| panic!("no {class}: {finished:#?}"))
    };
    assert_eq!(line("connect")[1..4], ["500ms", "rule", "1,"]);
    assert_eq!(line("read")[1..4], ["off", "rule", "1,"]);
    assert_eq!(line("write")[1..4], ["30s", "rule", "5,"]);
}

#[test]
fn every_variable_in_the_documents_exists_and_every_variable_is_documented() {
    let mut source = BTreeSet::new();
    let mut directories = vec![root().join("src")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory of the source").flatten() {
            match entry.path() {
                path if path.is_dir() && path.file_name().is_some_and(|name| name != "tests") => directories.push(path),
                path if path.extension().is_some_and(|extension| extension == "rs") => {
                    let code = fs::read_to_string(path).expect("source is UTF-8");
                    // A comment may speak of what is not ours.
                    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
                    source.extend(code.flat_map(variables));
                }
                _ => {}
            }
        }
    }
    for document in DOCUMENTS {
        let unknown: Vec<_> = variables(&text(document)).difference(&source).cloned().collect();
        assert!(unknown.is_empty(), "{document} names variables that the source does not: {unknown:?}");
    }
    for document in [README, MAN_7] {
        let missing: Vec<_> = source.difference(&variables(&text(document))).cloned().collect();
        assert!(missing.is_empty(), "{document} does not name {missing:?}");
    }
}

/// The options that a help text or a section of the manual defines, rather than merely mentions.
fn defined(text: &str, start: &str) -> BTreeSet<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(start));
    lines.map(|rest| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect()).collect()
}

#[test]
fn the_manual_and_the_help_have_the_same_options() {
    let manual = text(MAN_1);
    let usage = manual.split(".Sh DESCRIPTION").next().expect("split gives a first piece");
    for name in COMMANDS {
        let help = netdeadline(&[name, "--help"]).succeeded().stdout;
        let section = manual.split(&format!(".Ss netdeadline {name}\n")).nth(1).expect("a section for each command");
        let section = section.split("\n.S").next().expect("split gives a first piece");
        let mut helped = defined(&help, "  --");
        assert!(helped.remove("help"), "{help}");
        let documented = defined(section, ".It Fl Fl ");
        assert_eq!(documented, helped, "netdeadline {name}: {MAN_1} on the left, --help on the right");
        let shown = usage.split(&format!(".Cm {name}\n")).nth(1).expect("a line of the synopsis for each command");
        let shown = defined(shown.split("\n.Nm").next().expect("split gives a first piece"), ".Op Fl Fl ");
        assert_eq!(shown, documented, "netdeadline {name}: synopsis on the left, description on the right");
    }
    let top = netdeadline(&["--help"]).succeeded().stdout;
    assert!(COMMANDS.iter().all(|name| top.contains(&format!("netdeadline {name} "))), "{top}");
    assert!(netdeadline(&["--version"]).succeeded().stdout.contains(env!("CARGO_PKG_VERSION")));
}

/// Lines of a document that a reader would copy into a shell: indented by four, or literal in a manual page.
fn examples(document: &str) -> Vec<String> {
    let all = text(document);
    let lines: Vec<String> = match document.ends_with(".md") {
        true => all.lines().filter_map(|line| line.strip_prefix("    ")).map(str::to_owned).collect(),
        false => {
            let literal = blocks(&all, ".Bd -literal -offset indent", ".Ed").concat().replace("\\e\n", " ");
            literal.lines().map(str::to_owned).collect()
        }
    };
    lines.into_iter().filter(|line| line.contains("netdeadline ") || line.contains("LD_PRELOAD=")).collect()
}

/// PATH with the command in it.
fn path() -> String {
    format!(
        "{}:{}",
        command().parent().expect("a directory").display(),
        std::env::var("PATH").expect("there is a PATH")
    )
}

/// The documents' own commands, run as they stand, with a program and files that exist here.
#[test]
fn the_commands_in_the_documents_run() {
    let file = policy_file("commands.conf", &blocks(&text(README), "```policy", "```")[0]);
    let mut run = 0;
    for document in [README, MAN_1, CONTAINER] {
        for example in examples(document).into_iter().filter(|line| !go::runs(line) && !programs::compiles(line)) {
            // These want a terminal, or a process that is counted.
            if ["netdeadline top", "netdeadline stats"].iter().any(|name| example.starts_with(name)) {
                continue;
            }
            let mut line = example.replace("/etc/netdeadline.conf", file.to_str().expect("UTF-8"));
            line = line.replace("/opt/netdeadline/libnetdeadline.so", library().to_str().expect("UTF-8"));
            if let Some((before, _)) = line.split_once(" -- ") {
                line = format!("{before} -- /bin/true");
            } else if let Some((before, _)) = line.split_once(" -p ") {
                // There is no such process, and it would be traced until its end.
                line = format!("{before} -- /bin/true");
            } else if let Some((before, _)) = line.split_once(" curl ") {
                line = format!("{before} /bin/true");
            } else if let Some((before, _)) = line.split_once("check ") {
                line = format!("{before}check /bin/true");
            }
            // Where it is in an empty image.
            if let Some(rest) = line.strip_prefix("/netdeadline ") {
                line = format!("{} {rest}", command().display());
            }
            // What it shows goes to stderr, beside what the command says.
            line = line.replace("netdeadline trace ", "netdeadline trace -o /dev/null ");
            let finished = Program::new("sh").args(["-c", &line]).env("PATH", path()).run();
            assert_eq!(finished.code(), Some(0), "{document}: {example}\nrun as {line}\n{finished:#?}");
            assert_eq!(finished.stderr, "", "{document}: {example}\nrun as {line}");
            run += 1;
        }
    }
    assert!(run >= 9, "only {run} examples were found");
    let x = Program::new(root().join("x")).args(["help"]).run().succeeded().stdout;
    let named = words_with(&text(README), "./x ", |c| c.is_ascii_lowercase() || c == '-');
    assert!(named.len() >= 4, "{named:?}");
    for name in named {
        assert!(x.lines().any(|line| line.split_whitespace().next() == Some(&name)), "./x has no {name}:\n{x}");
    }
}

/// What a manual page's checker says of it.
fn lint(page: &str) -> String {
    let path = root().join(page);
    let has = |program: &str| {
        ["/usr/bin", "/usr/local/bin"].iter().any(|directory| Path::new(directory).join(program).exists())
    };
    let program = match has("mandoc") {
        true => Program::new("mandoc").args(["-T", "lint", "-W", "warning"]),
        false if has("man") => Program::new("man").args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8"]),
        false => panic!("to check the manual pages: apt-get install mandoc"),
    };
    let finished = program.args([&path]).env("LC_ALL", "C.UTF-8").run();
    // mandoc says it on stdout, groff on stderr (and the page itself on stdout).
    let said = if has("mandoc") { finished.stdout } else { finished.stderr };
    // mdoc(7) has the examples before the errors, man-pages(7), which readers of section 3 know, behind them.
    let order = "WARNING: sections out of conventional order: Sh EXAMPLES";
    let said: Vec<_> = said.lines().filter(|line| !line.ends_with(order)).collect();
    said.join("\n")
}

#[test]
fn the_manual_pages_are_free_of_warnings() {
    for page in [MAN_1, MAN_7] {
        assert_eq!(lint(page), "", "{page}");
    }
    let broken = policy_file("broken.3", &text(MAN_7).replace(".El\n", ""));
    assert!(lint(broken.to_str().expect("UTF-8")).contains("WARNING"), "the check must see what is wrong");
}

#[test]
fn the_links_in_the_documents_lead_somewhere() {
    let mut followed = 0;
    for document in DOCUMENTS.iter().filter(|document| document.ends_with(".md")) {
        let all = text(document);
        for (at, _) in all.match_indices("](") {
            let target = all[at + 2..].split([')', '#']).next().expect("split gives a first piece");
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = root().join(document).parent().expect("a directory").join(target);
            assert!(path.exists(), "{document}: {target}");
            followed += 1;
        }
    }
    assert!(followed >= 8, "only {followed} links were found");
}

#[test]
fn the_drop_in_sets_what_exists_and_systemd_takes_it() {
    let drop_in = text(DROP_IN);
    let settings = drop_in.lines().map(|line| line.trim_start_matches('#'));
    let settings: Vec<_> = settings.filter_map(|line| line.strip_prefix("Environment=")?.split_once('=')).collect();
    assert!(settings.len() >= 5, "{settings:?}");
    let file = policy_file("drop-in.conf", "to * connect=1s\n");
    let mut policy = Program::new(command()).args(["policy"]);
    for (name, value) in settings {
        let value = value.replace("/etc/netdeadline/NAME.conf", file.to_str().expect("UTF-8"));
        policy = if name == "LD_PRELOAD" { policy } else { policy.env(name, value) };
    }
    policy.run().succeeded();
    if !Path::new("/usr/bin/systemd-analyze").exists() {
        println!("skip systemd-analyze verify: there is none here");
        return;
    }
    let units = scratch("docs").join("units");
    fs::create_dir_all(units.join("nd-test.service.d")).expect("the scratch directory is writable");
    fs::write(units.join("nd-test.service"), "[Service]\nExecStart=/bin/true\n").expect("writable");
    fs::write(units.join("nd-test.service.d/netdeadline.conf"), &drop_in).expect("writable");
    let verify = || {
        let unit = units.join("nd-test.service");
        let finished = Program::new("systemd-analyze").args(["verify".as_ref(), unit.as_os_str()]).run();
        finished.stderr.lines().filter(|line| line.contains("nd-test")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(verify(), "");
    let wrong = drop_in.replace("Environment=NETDEADLINE_MODE", "Enviroment=NETDEADLINE_MODE");
    fs::write(units.join("nd-test.service.d/netdeadline.conf"), wrong).expect("writable");
    assert!(verify().contains("Enviroment"), "the check must see the drop-in");
}

/// A listener whose queue is full: it answers no further connect.
fn black_hole() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    // SAFETY: listen takes no pointer.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let address = listener.local_addr().expect("it is bound");
    let fill = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
    let fillers: Vec<_> = std::iter::from_fn(fill).take(8).collect();
    assert!(fillers.len() < 8, "the queue does not fill");
    (address, listener, fillers)
}

/// What the library writes when the built-in client meets a black hole, with the variables of container.md.
fn record(format: &str) -> String {
    let (address, _listener, _fillers) = black_hole();
    // As the Dockerfile has it: another place, readable only.
    let copy = scratch("docs").join(format!("libnetdeadline.{format}.so"));
    let _ = fs::remove_file(&copy);
    fs::copy(library(), &copy).expect("the library can be copied");
    fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("ours");
    let client = Program::new(command()).args(["demo", "--client", "get", &address.to_string()]);
    let client = client.preload(&[&copy]).env("NETDEADLINE_CONNECT", "2s").env("NETDEADLINE_LOG_FORMAT", format);
    let finished = client.run();
    assert_eq!(finished.code(), Some(1), "{finished:#?}");
    assert!(finished.took >= Duration::from_secs(2), "early: {finished:#?}");
    let own = finished.stderr.lines().find(|line| line.contains(&address.to_string()) && line.contains("CONNECT"));
    own.unwrap_or_else(|| panic!("no record: {finished:#?}")).to_owned()
}

#[test]
fn a_json_record_has_the_keys_that_the_documents_explain() {
    let line = record("json");
    let pieces: Vec<&str> = line.split('"').collect();
    let keys = pieces.windows(2).filter(|pair| pair[1].trim_start().starts_with(':')).map(|pair| pair[0].to_owned());
    let keys: BTreeSet<String> = keys.collect();
    let readme = text(README);
    let table = readme.split("## Records, field by field").nth(1).expect("a section on records");
    let table = table.split("\n## ").next().expect("split gives a first piece");
    let rows = table.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    let explained: BTreeSet<String> =
        rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect();
    assert_eq!(explained, keys, "{README} on the left, {line} on the right");
    let manual = text(MAN_7);
    let list = manual.split(".Sh EVIDENCE").nth(1).and_then(|rest| rest.split(".Sh ").next()).expect("a section");
    let items = list.lines().filter_map(|line| line.strip_prefix(".It Cm "));
    let explained: BTreeSet<String> = items.flat_map(|items| items.split(" , ")).map(str::to_owned).collect();
    assert_eq!(explained, keys, "{MAN_7} on the left, {line} on the right");
}

/// A line without what differs from run to run: numbers, the program's name, plurals.
fn shape(line: &str) -> String {
    let mut shape = String::new();
    for word in line.split(' ') {
        let word = if word.contains('[') && word.ends_with(']') { "name[0]" } else { word };
        let word = word.replace("retransmits", "retransmit");
        let mut digits = false;
        for c in word.chars().filter(|c| *c != '\n') {
            if !(digits && c.is_ascii_digit()) {
                shape.push(if c.is_ascii_digit() { '0' } else { c });
            }
            digits = c.is_ascii_digit();
        }
        shape.push(' ');
    }
    shape
}

#[test]
fn the_plain_record_in_the_readme_is_one_that_the_library_writes() {
    let readme = text(README);
    let sample = readme.lines().find(|line| line.starts_with("netdeadline: ")).expect("a sample");
    assert_eq!(shape(sample), shape(&record("plain")));
}
