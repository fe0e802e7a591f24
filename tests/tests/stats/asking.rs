//! Asking for pages: `--stats` and NETDEADLINE_STATS, as the command reads them.

use crate::made::Home;

#[test]
fn the_option_sets_the_variable() {
    let home = Home::new("option");
    let directory = home.pages().display().to_string();
    for (option, value) in [("--stats", "on"), ("--stats=on", "on"), ("--stats=off", "off"), ("--stats=", "")] {
        let finished = home.nd(&["run", option, "env"]).run();
        match value {
            "" => assert!(finished.code() == Some(125) && finished.stderr.contains("--stats"), "{finished:#?}"),
            value => assert!(finished.stdout.contains(&format!("\nNETDEADLINE_STATS={value}\n")), "{finished:#?}"),
        }
    }
    let shell = format!("cd {} && exec \"$0\" run --stats=netdeadline env", home.top.display());
    let command = netdeadline_tests::command();
    let finished = netdeadline_tests::Program::new("sh").args(["-c", &shell]).args([command]).run().succeeded();
    assert!(finished.stdout.contains(&format!("\nNETDEADLINE_STATS={directory}\n")), "{finished:#?}");
    // Before a command it never takes a word that stands alone.
    assert_eq!(home.said(&["run", "--stats", "echo", "on"]), "on\n");
    assert!(home.said(&["policy", "--stats"]).contains("\nstats: on\n"));
}

#[test]
fn what_the_library_would_not_take_stops_the_start() {
    let home = Home::new("variable-read");
    for value in ["x", "On", "./pages", "yes"] {
        let finished = home.nd(&["run", "echo", "ran"]).env("NETDEADLINE_STATS", value).run();
        assert_eq!((finished.code(), finished.stdout.as_str()), (Some(125), ""), "{finished:#?}");
        let expected =
            format!("netdeadline: NETDEADLINE_STATS: read \"{value}\", expected off, on or an absolute path\n");
        assert_eq!(finished.stderr, expected);
    }
    for value in ["off", "on", "/no/such/directory", ""] {
        let finished = home.nd(&["run", "echo", "ran"]).env("NETDEADLINE_STATS", value).run().succeeded();
        assert_eq!((finished.stdout.as_str(), finished.stderr.as_str()), ("ran\n", ""));
    }
    let misspelt = home.nd(&["run", "echo", "ran"]).env("NETDEADLINE_STAT", "on").run();
    assert!(misspelt.stderr.contains("expected NETDEADLINE_STATS"), "{misspelt:#?}");
    let file = home.put("file", b"");
    home.refused(&["run", &format!("--stats={}", file.display()), "echo"], &["--stats: ", "it is not a directory"]);
    // What an option replaces need not be right.
    home.nd(&["run", "--stats", "true"]).env("NETDEADLINE_STATS", "bad").run().succeeded();
}

/// Help texts of the commands that read pages: they fit a terminal and name each option that there is.
#[test]
fn the_help_fits_and_is_whole() {
    let home = Home::new("help");
    for (command, options) in [("stats", &["--json", "--openmetrics", "--textfile FILE"][..]), ("top", &["-d SECONDS"])]
    {
        let help = home.said(&[command, "--help"]);
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        options.iter().for_each(|option| assert!(help.contains(&format!("\n  {option} ")), "no {option} in {help}"));
        let page = format!("docs/man/netdeadline-{command}.1");
        let page = std::fs::read_to_string(netdeadline_tests::root().join(page)).expect("there is a page");
        for option in options {
            let (dashes, rest) = option.split_at(option.len() - option.trim_start_matches('-').len());
            let mut macros = vec!["Fl"; dashes.len()].join(" ");
            macros = format!("{macros} {}", rest.replace(' ', " Ar "));
            assert!(page.contains(&format!(".It {macros}\n")), "no {macros} in the page of {command}");
        }
        let shell = format!("mandoc -T lint -W warning docs/man/netdeadline-{command}.1");
        let shell =
            format!("cd {} && if command -v mandoc >/dev/null; then {shell}; fi", netdeadline_tests::root().display());
        let lint = netdeadline_tests::Program::new("sh").args(["-c", &shell]).run();
        assert_eq!(lint.stdout, "", "mandoc");
    }
}
