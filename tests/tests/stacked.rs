//! Beside another interposer, above it and below it: deadlines hold, errors and bytes reach the program unchanged.
//!
//! The other one is `tests/fault-preload`, which also makes the calls go wrong in ways the kernel may: what our own code below
//! it, or above it, then does with a short answer or an interrupted call is what is tested here.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use netdeadline_tests::{cargo, compile, library, root, scratch, Finished, Libc, Program};

fn faults() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let target = scratch("fault-preload");
        cargo(&root().join("tests/fault-preload"), &target, "", &["build", "--release", "-q"]);
        target.join("release/libfault_preload.so")
    })
}

/// What is loaded, first to last: the first one sees the program's calls first.
fn orders() -> [(&'static str, [&'static Path; 2]); 2] {
    [("below the other", [faults(), library()]), ("above the other", [library(), faults()])]
}

/// How often the other one's hook of `name` was called, of the lines that the processes left in `path`.
fn calls(path: &Path, name: &str) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let words = text.split_whitespace().filter_map(|word| word.split_once('='));
    words.filter(|word| word.0 == name).map(|word| word.1.parse::<u64>().expect("a number")).sum()
}

/// A server on loopback that gives each connection to `serve`, in a thread of its own.
fn server(serve: fn(TcpStream)) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

fn echo(mut stream: TcpStream) {
    let mut block = [0; 16384];
    while let Ok(length @ 1..) = stream.read(&mut block) {
        if stream.write_all(&block[..length]).is_err() {
            break;
        }
    }
}

/// Reads for as long as the client stays, and never answers.
fn silent(mut stream: TcpStream) {
    let mut block = [0; 4096];
    while let Ok(1..) = stream.read(&mut block) {}
}

const BODY: usize = 700_000;

fn http(mut stream: TcpStream) {
    let mut request = Vec::new();
    let mut block = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut block) {
            Ok(length @ 1..) => request.extend_from_slice(&block[..length]),
            _ => return,
        }
    }
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BODY}\r\nConnection: close\r\n\r\n");
    let body: Vec<u8> = (0..BODY).map(|place| b'a' + (place * 7 % 26) as u8).collect();
    // A client that leaves early fails its own test.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
    let _ = stream.shutdown(Shutdown::Write);
    silent(stream);
}

/// Sum of the bytes as the client saw them, so that a lost or doubled one shows.
fn body_sum() -> u64 {
    (0..BODY as u64).map(|place| (u64::from(b'a') + place * 7 % 26) * (place % 1009 + 1)).sum()
}

#[track_caller]
fn timed_out(what: &str, finished: Finished, least: Duration) {
    let finished = finished.succeeded();
    let (error, took) = finished.stdout.trim().split_once(' ').expect("an error and a time");
    let took: f64 = took.parse().expect("a time");
    assert_eq!(error, "ETIMEDOUT", "{what}: {finished:#?}");
    assert!(took >= least.as_secs_f64() * 1e3, "{what}: early: {finished:#?}");
    assert!(took < least.as_secs_f64() * 1e3 + 5e3, "{what}: late: {finished:#?}");
}

#[test]
fn deadlines_hold_whatever_the_other_does() {
    let reader = compile("c/bounded_read.c", Libc::Glibc, &[]).expect("cc");
    for (order, libraries) in orders() {
        for how in ["read", "poll", "epoll"] {
            for (number, chances) in ["", "eintr=500 seed=1", "delay=500 delay_us=700", "short=900"].iter().enumerate()
            {
                let what = format!("{how} {order} with `{chances}`");
                let counts = scratch("stacked").join(format!("{how}-{number}-{}", order.len()));
                let _ = std::fs::remove_file(&counts);
                let program = Program::new(&reader).args([how]).preload(&libraries).env("FAULTS", chances);
                let program = program.env("FAULT_COUNTS", &counts).env("NETDEADLINE_READ", "300ms");
                timed_out(&what, program.run(), Duration::from_millis(300));
                // We call the next one, not the kernel past it.
                assert!(calls(&counts, "connect") > 0, "{what}: the other did not see the connect");
            }
        }
    }
}

#[test]
fn every_byte_arrives_under_short_and_interrupted_calls() {
    let port = server(echo).to_string();
    let transfer = compile("c/transfer.c", Libc::Glibc, &[]).expect("cc");
    let policies: [&[(&str, &str)]; 3] = [
        &[],
        &[("NETDEADLINE_READ", "1h"), ("NETDEADLINE_WRITE", "1h"), ("NETDEADLINE_CONNECT", "1h")],
        &[("NETDEADLINE_READ", "5s"), ("NETDEADLINE_WRITE", "auto"), ("NETDEADLINE_RESPONSE", "5s")],
    ];
    for how in ["threads", "poll", "epoll", "select"] {
        let run = |libraries: &[&Path], policy: &[(&str, &str)], seed: &str| {
            let chances = format!("eintr=100 short=500 delay=2 delay_us=300 seed={seed}");
            let program =
                Program::new(&transfer).args([&port, "600000", how]).preload(libraries).env("FAULTS", chances);
            let finished = policy.iter().fold(program, |program, (name, value)| program.env(name, value)).run();
            assert_eq!(
                finished.stdout, "all 600000 bytes\n",
                "{how} {policy:?} {libraries:?} seed {seed}: {finished:#?}"
            );
        };
        run(&[faults()], &[], "1");
        for (_, libraries) in orders() {
            for policy in policies {
                for seed in ["1", "2"] {
                    run(&libraries, policy, seed);
                }
            }
        }
    }
}

#[test]
fn an_error_from_the_other_reaches_the_program_as_it_is() {
    let port = server(echo).to_string();
    let transfer = compile("c/transfer.c", Libc::Glibc, &[]).expect("cc");
    for (order, libraries) in orders() {
        for deadline in ["", "1h"] {
            for how in ["threads", "epoll"] {
                for (chances, said) in [("reset=1000", "read: ECONNRESET\n"), ("nobufs=1000", "write: ENOBUFS\n")] {
                    let program = Program::new(&transfer).args([&port, "100000", how]).preload(&libraries);
                    let program = match deadline {
                        "" => program,
                        deadline => program.env("NETDEADLINE_READ", deadline).env("NETDEADLINE_WRITE", deadline),
                    };
                    let finished = program.env("FAULTS", chances).run();
                    assert_eq!(finished.stdout, said, "{how} {order} {deadline}: {finished:#?}");
                }
            }
        }
    }
}

/// A client's arguments for a URL, and what it says when it took the end for a timeout.
fn clients() -> [(&'static str, Vec<&'static str>, &'static str); 3] {
    let sum = "sum(c * (i % 1009 + 1) for i, c in enumerate(b))";
    let urllib = format!("import sys, urllib.request as u\nb = u.urlopen(sys.argv[1]).read()\nprint({sum})");
    let asyncio = format!(
        "import asyncio, sys\n\
         from urllib.parse import urlsplit\n\
         async def main(url):\n\
         \x20   reader, writer = await asyncio.open_connection(url.hostname, url.port)\n\
         \x20   writer.write(b'GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')\n\
         \x20   b = (await reader.read()).partition(b'\\r\\n\\r\\n')[2]\n\
         \x20   print({sum})\n\
         asyncio.run(main(urlsplit(sys.argv[1])))"
    );
    [
        ("curl", vec!["-sS"], "imed out"),
        ("python3", vec!["-c", urllib.leak()], "TimeoutError"),
        ("python3", vec!["-c", asyncio.leak()], "TimeoutError"),
    ]
}

#[test]
fn real_clients_end_at_the_deadline_beside_the_other() {
    let url = format!("http://127.0.0.1:{}/", server(silent));
    for (order, libraries) in orders() {
        for (name, args, said) in clients() {
            let program =
                Program::new(name).args(&args).args([&url]).preload(&libraries).env("NETDEADLINE_READ", "500ms");
            let finished = program.env("FAULTS", "eintr=200 short=500 seed=3").run();
            assert!(finished.code().is_some_and(|code| code != 0), "{name} {order}: {finished:#?}");
            assert!(finished.stderr.contains(said), "{name} {order}: {finished:#?}");
            assert!(finished.took >= Duration::from_millis(500), "{name} {order}: early: {finished:#?}");
        }
    }
}

#[test]
fn real_clients_get_every_byte_beside_the_other() {
    let url = format!("http://127.0.0.1:{}/", server(http));
    for (order, libraries) in orders() {
        for deadline in ["", "1h"] {
            for (name, args, _) in clients() {
                let program = Program::new(name).args(&args).args([&url]).preload(&libraries);
                let program = if deadline.is_empty() { program } else { program.env("NETDEADLINE_READ", deadline) };
                let finished = program.env("FAULTS", "eintr=100 short=500 seed=5").run().succeeded();
                let body = finished.stdout.as_bytes();
                let sum: u64 = match name {
                    "curl" => body.iter().zip(0..).map(|(&byte, place)| u64::from(byte) * (place % 1009 + 1)).sum(),
                    _ => finished.stdout.trim().parse().expect("the sum"),
                };
                assert_eq!(sum, body_sum(), "{name} {order} {deadline}: {} bytes", body.len());
            }
        }
    }
}
