//! examples/scope.c, run as its first lines say.

use crate::postgres::postgres;
use crate::stage::{build, SCOPE};
use crate::web::{serve, server, silent};
use netdeadline_tests::{Finished, Program};
use std::time::Duration;

fn example(seconds: &str, conninfo: &str, question: &str, url: &str) -> Finished {
    Program::new(build("../../examples/scope.c")).args([seconds, conninfo, question, url]).run()
}

/// The seconds that a line of the example says.
#[track_caller]
fn seconds(line: &str) -> f64 {
    let (before, _) = line.split_once(" s").unwrap_or_else(|| panic!("no time in {line}"));
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no time in {line}"))
}

#[test]
fn the_example_answers_where_servers_do() {
    let Some(database) = postgres() else { return };
    let url = format!("http://127.0.0.1:{}/good", server(serve));
    let finished = example("10", &database.conninfo(), "select * from generate_series(1, 7)", &url).succeeded();
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert!(lines[0].starts_with("query: 7 rows in "), "{finished:#?}");
    assert!(lines[1].starts_with("transfer: 4 bytes in "), "{finished:#?}");
}

#[test]
fn the_example_ends_both_at_their_instants_with_the_libraries_own_errors() {
    let port = server(|mut stream| silent(&mut stream));
    let conninfo = format!("host=127.0.0.1 port={port} user=postgres");
    let finished = example("0.7", &conninfo, "select 1", &format!("http://127.0.0.1:{port}/"));
    assert_eq!(finished.code(), Some(1), "{finished:#?}");
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert!(lines[0].starts_with("query: failed after "), "{finished:#?}");
    assert!(lines[0].ends_with("could not receive data from server: Connection timed out"), "{finished:#?}");
    assert!(lines[1].starts_with("transfer: failed after "), "{finished:#?}");
    assert!(lines[1].ends_with("Recv failure: Connection timed out"), "{finished:#?}");
    let least = SCOPE.as_secs_f64();
    for line in lines {
        assert!(seconds(line) >= least && seconds(line) < least + 2.0, "{line}");
    }
    assert!(finished.took >= 2 * SCOPE && finished.took < 2 * SCOPE + Duration::from_secs(4), "{finished:#?}");
}

#[test]
fn the_example_bounds_connecting_asking_and_the_answer_together() {
    let Some(database) = postgres() else { return };
    let url = format!("http://127.0.0.1:{}/drip", server(serve));
    let finished = example("0.7", &database.conninfo(), "select pg_sleep(60)", &url);
    assert_eq!(finished.code(), Some(1), "{finished:#?}");
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert!(lines.len() == 2 && lines.iter().all(|line| line.contains("failed after") && line.contains("imed out")));
    assert!(lines.iter().all(|line| seconds(line) >= SCOPE.as_secs_f64()), "{finished:#?}");
}

#[test]
fn the_example_says_how_it_is_used() {
    for (seconds, url) in [("0", "http://127.0.0.1:1/"), ("-1", ""), ("nonsense", ""), ("1e18", ""), ("nan", "")] {
        let finished = example(seconds, "", "", url);
        assert_eq!(finished.code(), Some(2), "{seconds}: {finished:#?}");
        assert!(finished.stderr.starts_with("usage: "), "{seconds}: {finished:#?}");
    }
}
