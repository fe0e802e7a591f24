//! libpq against PostgreSQL that goes silent: while it is greeted, before it answers, in the midst of an answer.

use crate::postgres::postgres;
use crate::stage::{run, step, AMPLE, SCOPE};
use crate::web::silent;
use std::io::{copy, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread::spawn;

/// What becomes of a connection through the gate.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// Taken, and never answered.
    Silent,
    /// The server's answers are passed on up to this many bytes.
    Until(u64),
    /// To the server and back.
    Open,
}

/// A way to the server at `socket` that treats its first connections as told, and lets all others through.
fn gate(socket: PathBuf, fates: &'static [Fate]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    let mut fates = fates.iter().copied();
    spawn(move || {
        for client in listener.incoming().flatten() {
            let (fate, socket) = (fates.next().unwrap_or(Fate::Open), socket.clone());
            spawn(move || pass(client, &socket, fate));
        }
    });
    port
}

fn pass(mut client: TcpStream, socket: &Path, fate: Fate) {
    if fate == Fate::Silent {
        return silent(&mut client);
    }
    let (Ok(server), Ok(to_client)) = (UnixStream::connect(socket), client.try_clone()) else { return };
    let Ok(to_server) = server.try_clone() else { return };
    let limit = if let Fate::Until(bytes) = fate { bytes } else { u64::MAX };
    let answers = spawn(move || relay(server.take(limit), to_client));
    relay(&mut client, to_server);
    let _ = answers.join();
}

/// Until one of them ends.
fn relay(mut from: impl Read, mut to: impl Write) {
    let _ = copy(&mut from, &mut to);
}

/// How libpq reaches the gate. Without encryption it is PostgreSQL's own protocol that waits.
fn through(port: u16, more: &str) -> String {
    format!("host=127.0.0.1 port={port} user=postgres gssencmode=disable {more}")
}

const RECEIVING: &str = "could not receive data from server: Connection timed out";

#[test]
fn a_server_that_accepts_and_never_answers_is_left_and_the_same_connection_reconnects() {
    let Some(server) = postgres() else { return };
    // libpq asks for encryption first where it may, and waits for the answer in another place.
    for mode in ["sslmode=disable", "sslmode=prefer", "sslmode=require"] {
        let conninfo = through(gate(server.socket(), &[Fate::Silent]), mode);
        let steps =
            [step("connect", SCOPE, &conninfo), step("reset", AMPLE, ""), step("query", AMPLE, "select 41 + 1")];
        let told = run(&steps);
        told[0].ended_at(SCOPE);
        assert!(told[0].text.ends_with(RECEIVING), "{mode}: {told:#?}");
        if mode == "sslmode=require" {
            // Nobody here has a certificate: it is the server that says no, after the scope as ever.
            assert!(!told[1].good && told[1].text.contains("does not support SSL"), "{told:#?}");
        } else {
            told[1].answered("");
            told[2].answered("42");
        }
    }
}

#[test]
fn a_server_that_stops_amid_its_greeting_is_left_and_the_same_connection_reconnects() {
    let Some(server) = postgres() else { return };
    let conninfo = through(gate(server.socket(), &[Fate::Until(20)]), "sslmode=disable");
    let told =
        run(&[step("connect", SCOPE, &conninfo), step("reset", AMPLE, ""), step("query", AMPLE, "select 7 * 6")]);
    told[0].ended_at(SCOPE);
    assert!(told[0].text.ends_with(RECEIVING), "{told:#?}");
    told[1].answered("");
    told[2].answered("42");
}

#[test]
fn a_query_that_takes_longer_than_its_scope_ends_at_its_instant() {
    let Some(server) = postgres() else { return };
    for conninfo in [server.conninfo(), through(gate(server.socket(), &[]), "")] {
        let told = run(&[
            step("connect", AMPLE, &conninfo),
            step("query", AMPLE, "select 1"),
            step("query", SCOPE, "select pg_sleep(60)"),
            step("reset", AMPLE, ""),
            step("query", AMPLE, "select 2"),
            // Leaving restores: without a scope nothing ends.
            step("query", std::time::Duration::ZERO, "select pg_sleep(1.5)"),
        ]);
        told[0].answered("");
        told[1].answered("1");
        told[2].ended_at(SCOPE);
        assert!(told[2].text.ends_with(RECEIVING), "{told:#?}");
        told[3].answered("");
        told[4].answered("2");
        told[5].answered("");
    }
}

#[test]
fn a_backend_that_is_stopped_ends_nobody_but_the_query_in_a_scope() {
    let Some(server) = postgres() else { return };
    // The shell's parent is the backend that serves us.
    let stopping = "copy (select 1) to program 'kill -STOP $PPID'";
    for conninfo in [server.conninfo(), through(gate(server.socket(), &[]), "")] {
        let told = run(&[
            step("connect", AMPLE, &conninfo),
            step("query", SCOPE, stopping),
            step("query", AMPLE, "select 'on a broken connection'"),
            step("reset", AMPLE, ""),
            step("query", AMPLE, "select 3"),
        ]);
        told[0].answered("");
        told[1].ended_at(SCOPE);
        assert!(told[1].text.ends_with(RECEIVING), "{told:#?}");
        // libpq knows that its connection is gone, and says so without waiting.
        assert!(!told[2].good && told[2].took < SCOPE, "{told:#?}");
        told[3].answered("");
        told[4].answered("3");
    }
}

#[test]
fn an_answer_that_stops_half_way_is_left_at_the_scopes_instant() {
    let Some(server) = postgres() else { return };
    let conninfo = through(gate(server.socket(), &[Fate::Until(300_000)]), "");
    let long = "select repeat('x', 10000) from generate_series(1, 1000)";
    let told = run(&[
        step("connect", AMPLE, &conninfo),
        step("query", SCOPE, long),
        step("reset", AMPLE, ""),
        step("query", AMPLE, "select 4"),
    ]);
    told[0].answered("");
    told[1].ended_at(SCOPE);
    assert!(told[1].text.ends_with(RECEIVING), "{told:#?}");
    told[2].answered("");
    told[3].answered("4");
}
