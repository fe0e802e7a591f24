//! Options become variables; they come before what the environment says, and nothing else in it changes.

use std::collections::BTreeMap;

use crate::furniture::{folder, installed_library, nd, refused, text};
use netdeadline_tests::{Finished, Program};

fn variables(finished: &Finished) -> BTreeMap<String, String> {
    let entries = finished.stdout.split('\0').filter_map(|entry| entry.split_once('='));
    entries.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What the program sees, without what it would have seen anyway.
#[track_caller]
fn added(options: &[&str], ambient: &[(&str, &str)]) -> BTreeMap<String, String> {
    let with = |program: Program| ambient.iter().fold(program, |program, (name, value)| program.env(name, value));
    let plain = variables(&with(Program::new("env").args(["-0"])).run().succeeded());
    let mut seen = variables(&with(nd(&[&["run"], options, &["--", "env", "-0"]].concat())).run().succeeded());
    for (name, value) in &plain {
        assert!(seen.contains_key(name), "{name} is gone");
        if seen.get(name) == Some(value) {
            seen.remove(name);
        }
    }
    assert_eq!(seen.remove("LD_PRELOAD").as_deref(), installed_library().to_str());
    seen
}

fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn without_options_only_the_preload_is_added() {
    assert_eq!(added(&[], &[]), map(&[]));
    assert_eq!(added(&[], &[("NETDEADLINE_READ", "5m"), ("NETDEADLINE_CONNECT", "")]), map(&[]));
}

#[test]
fn every_option_becomes_its_variable() {
    let folder = folder("environment-options");
    std::fs::write(folder.join("rules"), "to * read=1m\n").expect("the scratch directory is writable");
    let config = text(&folder).to_owned() + "/rules";
    let log = text(&folder).to_owned() + "/log";
    let options = [
        &["--connect", "2s", "--response=250us", "--read", "1.5s", "--write", "auto:2:3s:30s", "--lifetime", "off"][..],
        &["--rule", "to 10.0.0.0/8:5432 connect=500ms", "--config", &config, "--observe", "--log", &log],
    ];
    let expected = map(&[
        ("NETDEADLINE_CONNECT", "2s"),
        ("NETDEADLINE_RESPONSE", "250us"),
        ("NETDEADLINE_READ", "1.5s"),
        ("NETDEADLINE_WRITE", "auto:2:3s:30s"),
        ("NETDEADLINE_LIFETIME", "off"),
        ("NETDEADLINE_RULES", "to 10.0.0.0/8:5432 connect=500ms"),
        ("NETDEADLINE_CONFIG", &config),
        ("NETDEADLINE_MODE", "observe"),
        ("NETDEADLINE_LOG", &log),
    ]);
    assert_eq!(added(&options.concat(), &[]), expected);
    assert!(!std::path::Path::new(&log).exists(), "a log that has no record yet was made");
}

#[test]
fn options_come_before_the_environment() {
    let ambient = [
        ("NETDEADLINE_CONNECT", "9s"),
        ("NETDEADLINE_READ", "8s"),
        ("NETDEADLINE_RULES", "to 10.0.0.1 read=1s"),
        ("NETDEADLINE_MODE", "enforce"),
        ("NETDEADLINE_LOG", "off"),
    ];
    let options =
        ["--connect", "1s", "--rule", "to 10.0.0.2 read=2s", "--rule", "to 10.0.0.3 read=3s # third", "--observe"];
    let expected = map(&[
        ("NETDEADLINE_CONNECT", "1s"),
        ("NETDEADLINE_RULES", "to 10.0.0.2 read=2s\nto 10.0.0.3 read=3s # third\nto 10.0.0.1 read=1s"),
        ("NETDEADLINE_MODE", "observe"),
    ]);
    assert_eq!(added(&options, &ambient), expected);
    assert_eq!(added(&["--log", "stderr"], &ambient), map(&[("NETDEADLINE_LOG", "stderr")]));
}

#[test]
fn relative_files_become_absolute() {
    let folder = folder("environment-relative");
    std::fs::write(folder.join("rules"), "to * read=1m\n").expect("the scratch directory is writable");
    let command = installed_library().with_file_name("netdeadline");
    let shell =
        format!("cd {} && {} run --config ./rules --log log env | grep ^NETDEADLINE_", text(&folder), text(&command));
    let finished = Program::new("sh").args(["-c", &shell]).run().succeeded();
    let top = text(&folder);
    assert_eq!(finished.stdout, format!("NETDEADLINE_CONFIG={top}/rules\nNETDEADLINE_LOG={top}/log\n"));
}

#[test]
fn a_bad_variable_stops_the_start() {
    let refuse = |name: &str, value: &str, words: &[&str]| {
        let finished = nd(&["run", "echo", "ran"]).env(name, value).run();
        refused(&finished, 125, &[&[name], words].concat());
    };
    refuse("NETDEADLINE_CONNECT", "2", &["line 1, column 1", "read \"2\"", "expected a number and one of the units"]);
    refuse("NETDEADLINE_READ", "auto", &["auto is for write only"]);
    refuse(
        "NETDEADLINE_RULES",
        "to * connect=1s\nto * conect=1s",
        &["line 2, column 6", "read \"conect\"", "expected connect"],
    );
    refuse("NETDEADLINE_MODE", "observ", &["read \"observ\"", "expected enforce or observe"]);
    refuse("NETDEADLINE_LOG", "log.txt", &["read \"log.txt\"", "absolute path"]);
    refuse("NETDEADLINE_LOG_FORMAT", "xml", &["expected plain or json"]);
    refuse("NETDEADLINE_SO_TIMEO", "kernle", &["expected enforce or kernel"]);
    refuse("NETDEADLINE_IO_URING", "yes", &["expected deny or allow"]);
    refuse("NETDEADLINE_CHILDREN", "none", &["expected on or off"]);
    refuse("NETDEADLINE_CONFIG", "rules", &["absolute"]);
    refuse("NETDEADLINE_CONFIG", "/no/such/rules", &["/no/such/rules", "No such file"]);
    refuse("NETDEADLINE_CONECT", "2s", &["no variable of netdeadline", "expected NETDEADLINE_CONNECT"]);
    refuse("NETDEADLINE_RED", "2s", &["expected NETDEADLINE_READ"]);
    // Someone else's.
    for other in ["NETDEADLINE_OF_THE_BUILD", "NETDEADLINE_LIB"] {
        assert_eq!(nd(&["run", "echo", "ran"]).env(other, "x").run().succeeded().stdout, "ran\n");
    }
    // What an option replaces need not be right.
    nd(&["run", "--connect", "1s", "true"]).env("NETDEADLINE_CONNECT", "bad").run().succeeded();
    nd(&["run", "--observe", "true"]).env("NETDEADLINE_MODE", "bad").run().succeeded();
}
