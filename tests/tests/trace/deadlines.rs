//! Which deadline ended a connection: the trace's verdict beside what the library recorded, joined by the socket's cookie.

use netdeadline_tests::{command, library};

use crate::stage::{file, possible, traced_by, Traced};

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

/// Before that, files in its own directory that have the names of its pages: a pipe, a link, a directory, room without a page, another
/// layout, another process's, a short one, one of numbers that are all too large, and one whose expiries are those of sockets that
/// there are not.
const PLANTED: &str = "import os, struct
where, me, size = os.environ['NETDEADLINE_STATS'], os.getpid(), 358400
os.makedirs(where, 0o700, exist_ok=True)
name = lambda start: f'{where}/{me}.{start}.0'
magic = struct.unpack('Q', b'NDSTATS\\n')[0]
def put(start, *words, rest=b'\\0', length=size):
    head = struct.pack(f'{len(words)}Q', *words)
    open(name(start), 'wb').write(head + rest * (length - len(head)))
os.mkfifo(name(1)); os.symlink('/dev/zero', name(2)); os.mkdir(name(3)); put(4); put(5, magic, 2, size, me, 5)
put(6, magic, 1, size, me + 1, 6); put(7, magic, 1, size, me, 7, length=4096)
put(8, magic, 1, size, me, 8, rest=b'\\xff')
put(9, magic, 1, size, me, 9, 0, 0, 0, 0, 0, 64)
with open(name(9), 'r+b') as page:
    for number in range(64):
        page.seek(size - 64 * 256 + number * 256)
        page.write(struct.pack('32Q', 2 * number + 2, *[number] * 31))
";

/// A trace of the client under the library, started by way of `within` and with these variables more.
fn traced(before: &[&str], within: &[&str], more: &[&str], client: &str) -> Traced {
    let preload = format!("LD_PRELOAD={}", library().display());
    let protected =
        ["env", &preload, "NETDEADLINE_RESPONSE=150ms", "NETDEADLINE_LIFETIME=400ms", "NETDEADLINE_LOG=off"];
    traced_by(command(), before, &[], &[within, &protected, more, &["python3", "-c", client]].concat())
}

#[test]
fn a_connection_is_told_with_the_deadline_that_expired_on_it() {
    if !possible() {
        return;
    }
    let stats = file("stats");
    let variable = format!("NETDEADLINE_STATS={}", stats.display());
    let traced = traced(&["env", &variable], &[], &[], CLIENT);
    let _ = std::fs::remove_dir_all(stats);
    two_expired(&traced);
}

#[test]
fn files_that_only_look_like_its_pages_do_not_hide_it_nor_hold_the_trace() {
    if !possible() {
        return;
    }
    let stats = file("planted");
    let variable = format!("NETDEADLINE_STATS={}", stats.display());
    let traced = traced(&[], &[], &[&variable], &format!("{PLANTED}{CLIENT}"));
    let _ = std::fs::remove_dir_all(stats);
    two_expired(&traced);
}

/// A container has a /dev/shm of its own, and its processes have other numbers there.
#[test]
fn a_deadline_in_a_container_is_told_as_any_other() {
    if !possible() {
        return;
    }
    let script = "mount -t tmpfs none /dev/shm; unset XDG_RUNTIME_DIR; exec \"$@\"";
    let container = ["unshare", "--mount", "--pid", "--fork", "sh", "-ec", script, "sh"];
    two_expired(&traced(&[], &container, &["NETDEADLINE_STATS=on"], CLIENT));
}

/// Of the client's connections one had a response that expired and one a lifetime, and the trace says so of these and no others.
#[track_caller]
fn two_expired(traced: &Traced) {
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
