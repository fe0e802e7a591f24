//! libcurl against http servers that go silent in every way, through its three ways to wait.

use crate::stage::{run, step, Step, AMPLE, SCOPE};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread::{sleep, spawn};
use std::time::Duration;

/// Every way in which libcurl can be driven to wait for its sockets here.
const WAYS: [&str; 3] = ["easy", "multi", "select"];

/// CURLE_RECV_ERROR
const RECEIVING: &str = "(56) Recv failure: Connection timed out";

pub trait Stream: Read + Write + Send + 'static {}
impl<S: Read + Write + Send + 'static> Stream for S {}

/// Answers one request after the other, as the request's path says, until the client leaves.
pub fn serve(mut stream: impl Stream) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ";
    while let Some(path) = request(&mut stream) {
        let said = match path.as_str() {
            "/good" => stream.write_all(format!("{head}4\r\n\r\ngood").as_bytes()),
            "/half" => stream.write_all(format!("{head}8\r\n\r\nhalf").as_bytes()).map(|()| silent(&mut stream)),
            "/drip" => drip(&mut stream, format!("{head}100000\r\n\r\n").as_bytes()),
            _ => {
                silent(&mut stream);
                Ok(())
            }
        };
        if said.is_err() {
            return;
        }
    }
}

/// The path of the next request; `None` when the client has left.
fn request(stream: &mut impl Read) -> Option<String> {
    let mut request = Vec::new();
    let mut block = [0; 4096];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut block) {
            Ok(length @ 1..) => request.extend_from_slice(&block[..length]),
            _ => return None,
        }
    }
    String::from_utf8_lossy(&request).split(' ').nth(1).map(String::from)
}

/// Reads for as long as the client stays, and never answers.
pub fn silent(stream: &mut impl Read) {
    let mut block = [0; 4096];
    while let Ok(1..) = stream.read(&mut block) {}
}

fn drip(stream: &mut impl Write, head: &[u8]) -> std::io::Result<()> {
    stream.write_all(head)?;
    loop {
        stream.write_all(b"x")?;
        sleep(Duration::from_millis(100));
    }
}

/// A server on loopback that gives each connection to `serve`, in a thread of its own. Its port.
pub fn server(serve: impl Fn(TcpStream) + Copy + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    spawn(move || listener.incoming().flatten().for_each(|stream| drop(spawn(move || serve(stream)))));
    port
}

/// The same on a path.
pub fn server_at(path: &Path) {
    // What an earlier run left.
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path).expect("the directory is writable");
    spawn(move || listener.incoming().flatten().for_each(|stream| drop(spawn(move || serve(stream)))));
}

/// A good transfer, one to `url` that must end at its scope, and a good one again: on the same thread with the same handle.
#[track_caller]
fn ends_and_goes_on(way: &str, url: &str) -> Step {
    let good = format!("http://127.0.0.1:{}/good", server(serve));
    let steps = [step(way, AMPLE, &good), step(way, SCOPE, url), step(way, AMPLE, &good), step(way, AMPLE, &good)];
    let mut told = run(&steps);
    told[0].answered("good");
    told[1].ended_at(SCOPE);
    told[2].answered("good");
    told[3].answered("good");
    told.swap_remove(1)
}

fn url(path: &str) -> String {
    format!("http://127.0.0.1:{}{path}", server(serve))
}

#[test]
fn a_server_that_never_answers_is_left_at_the_scopes_instant() {
    for way in WAYS {
        let said = ends_and_goes_on(way, &url("/silent")).text;
        assert_eq!(said, RECEIVING, "{way}");
    }
}

#[test]
fn a_body_that_stops_half_way_is_left_at_the_scopes_instant() {
    for way in WAYS {
        let said = ends_and_goes_on(way, &url("/half")).text;
        assert_eq!(said, RECEIVING, "{way}");
    }
}

#[test]
fn a_byte_every_100_ms_does_not_keep_a_transfer_alive() {
    for way in WAYS {
        let said = ends_and_goes_on(way, &url("/drip")).text;
        assert_eq!(said, RECEIVING, "{way}");
    }
}

#[test]
fn a_silent_tls_handshake_is_left_at_the_scopes_instant() {
    let port = server(|mut stream| silent(&mut stream));
    for way in WAYS {
        let step = ends_and_goes_on(way, &format!("https://127.0.0.1:{port}/"));
        // CURLE_SSL_CONNECT_ERROR
        assert!(step.text.starts_with("(35) "), "{way}: {step:?}");
    }
}

#[test]
fn the_scope_that_has_passed_fails_every_later_transfer_in_it_and_the_next_scope_none() {
    let url = url("/good");
    // A nanosecond before any transfer can begin.
    for way in WAYS {
        let told = run(&[step(way, Duration::from_millis(1), url.replace("good", "silent")), step(way, AMPLE, &url)]);
        told[0].ended_at(Duration::from_millis(1));
        told[1].answered("good");
    }
}

#[test]
fn a_wait_without_sockets_returns_at_the_scopes_instant() {
    let told = run(&[step("nap", SCOPE, ""), step("nap", SCOPE, "")]);
    for step in told {
        step.answered("0");
        assert!(step.took >= SCOPE && step.took < SCOPE + Duration::from_secs(2), "{step:?}");
    }
}
