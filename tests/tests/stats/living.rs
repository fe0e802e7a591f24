//! From a program's first connection to the page that it leaves when it is killed: run, counted, read.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread;

use netdeadline_tests::{command, compile, Libc};
use serde_json::{json, Value};

use crate::made::Home;

/// A server on loopback: does it answer? Its port; it ends with the test.
fn server(answers: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        let mut kept = Vec::new();
        for mut connection in listener.incoming().flatten() {
            if answers {
                let mut byte = [0];
                let _ = connection.read_exact(&mut byte).and_then(|()| connection.write_all(&byte));
            } else {
                kept.push(connection);
            }
        }
    });
    port
}

#[test]
fn what_a_program_waited_for_is_read_while_it_runs_and_after_it_was_killed() {
    let home = Home::new("living-end");
    let client = compile("stats/client.c", Libc::Glibc, &[]).expect("there is a cc");
    let ports = [server(true), server(false)].map(|port| port.to_string());
    let directory = format!("--stats={}", home.pages().display());
    let mut child = Command::new(command())
        .args(["run", &directory, "--connect", "20s", "--response", "50ms", "--log", "off", "--"])
        .arg(client)
        .args(&ports)
        .env_remove("NETDEADLINE_STATS")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command was built");
    let mut line = String::new();
    let read = BufReader::new(child.stdout.take().expect("it was piped")).read_line(&mut line);
    let pid = child.id().to_string();
    // Found by its own environment.
    let alive = home.nd(&["stats", "--json", &pid]).run();
    child.kill().and_then(|()| child.wait()).expect("it is ours");
    assert!(read.is_ok() && line == "done\n", "the client failed: {line:?}");
    let alive: Value = serde_json::from_str(&alive.succeeded().stdout).expect("JSON");
    // And now by ours.
    let dead = home.nd(&["stats", "--json", &pid]).env("NETDEADLINE_STATS", home.pages()).run().succeeded();
    let dead: Value = serde_json::from_str(&dead.stdout).expect("JSON");
    assert_eq!((&alive["running"], &dead["running"]), (&json!(true), &json!(false)));
    assert_eq!((&alive["destinations"], &alive["last"]), (&dead["destinations"], &dead["last"]));
    let destination = |port: &String| {
        let address = format!("127.0.0.1:{port}");
        let all = dead["destinations"].as_array().expect("an array");
        let found: Vec<&Value> = all.iter().filter(|one| one["address"] == address.as_str()).collect();
        assert_eq!(found.len(), 1, "{dead}");
        found[0].clone()
    };
    for (port, connections, expired) in [(&ports[0], 7, 0), (&ports[1], 5, 5)] {
        let one = destination(port);
        assert_eq!((&one["side"], &one["connections"]), (&json!("to"), &json!(connections)), "{one}");
        assert_eq!([&one["open"], &one["connecting"], &one["awaiting"]], [0, 0, 0], "{one}");
        let [connect, response] = [&one["classes"]["connect"], &one["classes"]["response"]];
        assert_eq!((&connect["waits"], &connect["expired"]), (&json!(connections), &json!(0)), "{one}");
        assert_eq!((&response["waits"], &response["expired"]), (&json!(connections), &json!(expired)), "{one}");
    }
    // Not early; and what a percentile says is never too little.
    let silent = &destination(&ports[1])["classes"]["response"];
    assert!(silent["p50_ms"].as_f64() >= Some(50.0) && silent["longest_ms"].as_f64() >= Some(50.0), "{silent}");
    assert_eq!((&dead["expiries"], &dead["lost"]), (&json!(5), &json!(0)));
    let last = dead["last"].as_array().expect("an array");
    assert_eq!(last.len(), 5, "{dead}");
    for expiry in last {
        assert_eq!(expiry["class"], "response", "{expiry}");
        assert_eq!(expiry["source"], "NETDEADLINE_RESPONSE", "{expiry}");
        assert_eq!(expiry["peer"], format!("127.0.0.1:{}", ports[1]), "{expiry}");
        assert!(expiry["waited_ms"].as_f64() >= Some(50.0), "{expiry}");
        assert_eq!(
            dead["destinations"][expiry["destination"].as_u64().expect("a number") as usize]["address"],
            expiry["peer"]
        );
    }
}

#[test]
fn without_the_option_there_is_no_page_and_it_is_said_why() {
    let home = Home::new("living-off");
    for (stats, words) in [("off", "runs with NETDEADLINE_STATS=off"), ("", "it runs without NETDEADLINE_STATS")] {
        let mut child = Command::new(command())
            .args(["run", "--connect", "20s", "--log", "off", "--", "sleep", "60"])
            .env("NETDEADLINE_STATS", stats)
            .stderr(Stdio::null())
            .spawn()
            .expect("the command was built");
        // It becomes the program some time.
        let name = format!("/proc/{}/comm", child.id());
        let end = std::time::Instant::now() + std::time::Duration::from_secs(15);
        while std::fs::read_to_string(&name).unwrap_or_default() != "sleep\n" && std::time::Instant::now() < end {
            thread::sleep(std::time::Duration::from_millis(5));
        }
        // And the loader then maps the library.
        let maps = format!("/proc/{}/maps", child.id());
        while !std::fs::read_to_string(&maps).unwrap_or_default().contains("netdeadline")
            && std::time::Instant::now() < end
        {
            thread::sleep(std::time::Duration::from_millis(5));
        }
        let finished = home.nd(&["stats", &child.id().to_string()]).run();
        child.kill().and_then(|()| child.wait()).expect("it is ours");
        assert_eq!(finished.code(), Some(125), "{finished:#?}");
        assert!(finished.stderr.contains(words), "{finished:#?}");
    }
}
