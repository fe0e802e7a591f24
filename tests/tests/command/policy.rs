//! `netdeadline policy`, and every bad text with the place where it is bad.

use std::fs;

use crate::furniture::{folder, nd, refused, text};

#[test]
fn the_rules_are_printed_in_order_with_where_each_came_from() {
    let file = folder("policy-order").join("nd.conf");
    fs::write(
        &file,
        "# ours\nto 10.0.0.0/8:5432  connect=500ms read=off\n\non :8080 read=60s; to unix:/run/*.sock read=5s\n",
    )
    .expect("the scratch directory is writable");
    let file = text(&file);
    let options = ["policy", "--rule", "to [fd00::/8]:6379 read=2s", "--config", file, "--connect", "2s", "--observe"];
    let finished = nd(&options)
        .env("NETDEADLINE_RULES", "to 10.1.1.1 read=1s\nto 10.1.1.2 write=auto")
        .env("NETDEADLINE_READ", "5m");
    let finished = finished.run().succeeded();
    let expected = format!(
        "for each class the first rule decides that matches and names it:
   1  to [fd00::/8]:6379 read=2s                 --rule
   2  to 10.1.1.1 read=1s                        NETDEADLINE_RULES:1
   3  to 10.1.1.2 write=auto                     NETDEADLINE_RULES:2
   4  to 10.0.0.0/8:5432 connect=500ms read=off  {file}:2
   5  on :8080 read=1m                           {file}:4
   6  to unix:/run/*.sock read=5s                {file}:4
   7  to * connect=2s                            --connect
   8  to * read=5m                               NETDEADLINE_READ
mode: observe
"
    );
    assert_eq!(finished.stdout, expected);
    assert_eq!(finished.stderr, "");
    assert_eq!(nd(&["policy"]).run().succeeded().stdout, "no rules: no deadline but the program's own\n");
}

#[test]
fn explain_names_the_rule_that_decides_each_class() {
    let rules = "to 10.0.0.0/8:5432 connect=500ms read=off; on :8080 read=60s; to unix:/run/*.sock read=5s\n\
        to [fe80::1%7] lifetime=1h; to * connect=2s read=5m write=auto";
    let explain = |words: &[&str]| nd(&[&["policy", "--rule", rules], words].concat()).run().succeeded().stdout;
    let expected = "a connection to 10.1.2.3:5432
  connect   500ms   rule 1, --rule:1: to 10.0.0.0/8:5432 connect=500ms read=off
  response  -       no rule for it names this class
  read      off     rule 1, --rule:1: to 10.0.0.0/8:5432 connect=500ms read=off
  write     auto    rule 5, --rule:2: to * connect=2s read=5m write=auto
  lifetime  -       no rule for it names this class
";
    assert_eq!(explain(&["--explain", "10.1.2.3:5432"]), expected);
    assert_eq!(explain(&["--explain", "[::ffff:10.1.2.3]:5432"]), expected, "as the library sees a mapped address");
    assert_eq!(explain(&["--explain", "to", "10.1.2.3:5432"]), expected);
    let on = explain(&["--explain", "on", "0.0.0.0:8080"]);
    assert!(
        on.starts_with("a connection accepted on 0.0.0.0:8080\n") && on.contains("  read      1m      rule 2"),
        "{on}"
    );
    assert_eq!(explain(&["--on", "--explain", "0.0.0.0:8080"]), on);
    assert!(explain(&["--explain", "unix:/run/a.sock"]).contains("  read      5s      rule 3"));
    assert!(!explain(&["--explain", "unix:/tmp/a.sock"]).contains("rule 5"), "to * leaves unix sockets alone");
    assert!(explain(&["--explain", "[fe80::1%7]:80"]).contains("  lifetime  1h      rule 4"));
    assert!(!explain(&["--explain", "[fe80::1%8]:80"]).contains("rule 4"));
    let both = explain(&["--explain", "10.1.2.3:5432", "--explain", "on", "0.0.0.0:8080"]);
    assert_eq!(both, [expected, &on].concat());
}

#[test]
fn a_bad_address_is_told() {
    for bad in [
        "10.0.0.1",
        "host:80",
        "10.0.0.1:65536",
        "[::1]",
        "::1:80",
        "unix:",
        "unix:relative",
        "[fe80::1%nosuchif]:1",
        "",
    ] {
        refused(&nd(&["policy", "--explain", bad]).run(), 125, &["--explain", "expected an address with its port"]);
    }
    refused(&nd(&["policy", "--explain", "from", "10.0.0.1:80"]).run(), 125, &["`to` or `on`"]);
}

#[test]
fn a_bad_option_is_told_by_its_name_and_place_and_nothing_is_started() {
    let refuse = |options: &[&str], words: &[&str]| {
        for command in [&["run"][..], &["policy"]] {
            let tail: &[&str] = if command == ["run"] { &["echo", "ran"] } else { &[] };
            refused(&nd(&[command, options, tail].concat()).run(), 125, words);
        }
    };
    refuse(&["--connect", "2x"], &["--connect, line 1, column 1: read \"2x\", expected a number and one of the units"]);
    refuse(&["--connect", "-1s"], &["--connect", "above zero"]);
    refuse(&["--connect", ""], &["--connect: read nothing"]);
    refuse(&["--response", "soon"], &["--response", "read \"soon\""]);
    refuse(&["--read", "auto"], &["--read", "auto is for write only"]);
    refuse(&["--write", "auto:2"], &["--write", "auto:MULT:MIN:MAX"]);
    refuse(&["--lifetime", "99999999999h"], &["--lifetime", "at most"]);
    refuse(&["--rule", "to * conect=3s"], &["--rule, line 1, column 6: read \"conect\""]);
    refuse(&["--rule", "to * read=1s", "--rule", "at * read=1s"], &["--rule 2, line 1, column 1: read \"at\""]);
    refuse(&["--rule", "to 10.0.0.0/33 read=1s"], &["--rule", "read \"33\""]);
    refuse(&["--rule", "to *"], &["--rule"]);
    refuse(&["--connect", "1s\u{1b}[31m"], &["\\x1b"]);
    refuse(&["--log", "/dev/null"], &["--log: /dev/null", "not a regular file"]);
    refuse(&["--log", "/no/such/folder/log"], &["--log", "folder"]);
    refuse(&["--config", "/no/such/file"], &["--config: /no/such/file: No such file"]);
    refuse(&["--config", ""], &["--config", "empty"]);
    refuse(&["--conect", "1s"], &["--conect", "'--connect'"]);
    refuse(&["--connect", "1s", "--connect", "2s"], &["--connect", "multiple times"]);
}

#[test]
fn the_library_would_never_see_more_rules_than_it_holds() {
    let many = vec!["to 10.0.0.1 read=1s"; 200].join("\n");
    nd(&["policy", "--rule", &many]).run().succeeded();
    let finished = nd(&["policy", "--rule", &many]).env("NETDEADLINE_RULES", &many).run();
    refused(&finished, 125, &["--rule and NETDEADLINE_RULES together", "at most 255 rules"]);
}

/// SECURITY.md 2.
#[test]
fn a_policy_file_is_a_small_regular_file_and_only_the_bad_word_of_it_is_shown() {
    let folder = folder("policy-file");
    let file = folder.join("nd.conf");
    let refuse = |words: &[&str]| refused(&nd(&["run", "--config", text(&file), "echo", "ran"]).run(), 125, words);
    fs::write(&file, "to * read=1s\n  to 10.0.0.1 read=5 # password hunter2\n")
        .expect("the scratch directory is writable");
    refuse(&[&format!("{}, line 2, column 20: read \"5\", expected", text(&file))]);
    let finished = nd(&["policy", "--config", text(&file)]).run();
    assert!(!finished.stderr.contains("hunter2") && !finished.stderr.contains("10.0.0.1"), "{finished:#?}");
    fs::write(&file, vec![b'#'; (1 << 20) + 1]).expect("the scratch directory is writable");
    refuse(&["larger than 1 MiB"]);
    fs::write(&file, vec![b'#'; 1 << 20]).expect("the scratch directory is writable");
    nd(&["policy", "--config", text(&file)]).run().succeeded();
    fs::remove_file(&file).expect("it is ours");
    let made = std::process::Command::new("mkfifo").arg(&file).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    // Nobody writes to it: one that waited for a writer would not end.
    refuse(&["not a regular file"]);
    refused(&nd(&["run", "--config", "/dev/zero", "true"]).run(), 125, &["not a regular file"]);
    refused(&nd(&["run", "--config", text(&folder), "true"]).run(), 125, &["not a regular file"]);
}
