//! Which deadline ended a connection: the trace's verdict beside what the library recorded, joined by the socket's cookie.

use netdeadline_tests::{command, library};

use crate::stage::{file, possible, traced_by};

/// One response and one lifetime that expire, three connections that nothing happens to, and the cookies of all of them.
const CLIENT: &str = "import socket, struct, time
l = socket.create_server(('127.0.0.1', 0), backlog=16)
def one(how):
    s = socket.create_connection(l.getsockname()); a = l.accept()[0]
    cookie = struct.unpack('Q', s.getsockopt(socket.SOL_SOCKET, 57, 8))[0]
    try:
        if how == 'silent': s.sendall(b'request'); s.recv(1)
        elif how == 'long':
            time.sleep(0.45); s.sendall(b'x')
        else: s.sendall(b'x'); a.recv(1); a.sendall(b'y'); s.recv(1)
        end = 'none'
    except OSError as e: end = str(e.errno)
    print(how, cookie, end, flush=True)
    s.close(); a.close()
for how in ['fine', 'silent', 'fine', 'long', 'fine']: one(how)";

#[test]
fn a_connection_is_told_with_the_deadline_that_expired_on_it() {
    if !possible() {
        return;
    }
    let stats = file("stats");
    let _ = library();
    let before = ["env", &format!("NETDEADLINE_STATS={}", stats.display())].map(str::to_owned);
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let preload = format!("LD_PRELOAD={}", library().display());
    let words = [
        "env",
        &preload,
        "NETDEADLINE_RESPONSE=150ms",
        "NETDEADLINE_LIFETIME=400ms",
        "NETDEADLINE_LOG=off",
        "python3",
        "-c",
        CLIENT,
    ];
    let traced = traced_by(command(), &before, &[], &words);
    let _ = std::fs::remove_dir_all(stats);
    assert_eq!(traced.finished.code(), Some(0), "{:#?}", traced.finished);
    let mut seen = 0;
    for line in traced.finished.stdout.lines() {
        let [how, cookie, end] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let row = traced.row(cookie.parse().expect("a cookie")).unwrap_or_else(|| panic!("no row for {line}"));
        let deadline = &row["deadline"];
        let (class, allowed) = match how {
            "silent" => ("response", 150.0),
            "long" => ("lifetime", 400.0),
            _ => {
                assert!(deadline.is_null() && end == "none", "{row}");
                continue;
            }
        };
        assert_eq!(
            (end, &deadline["class"], &deadline["deadline_ms"]),
            ("110", &class.into(), &allowed.into()),
            "{row}"
        );
        assert!(deadline["waited_ms"].as_f64() >= Some(allowed), "{row}");
        assert_eq!(deadline["observed"], false);
        seen += 1;
    }
    assert_eq!(seen, 2, "{:#?}", traced.finished);
    assert_eq!(traced.summary["deadlines"], serde_json::json!({"lifetime=400ms": 1, "response=150ms": 1}));
}
