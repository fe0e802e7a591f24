//! A Rust program that links to the library: std's own sockets obey deadlines that it never heard of.
//!
//! Declares by hand what it uses of include/netdeadline.h, as a program without bindings does. Exits 0, or panics.

use std::ffi::{c_char, c_int, CStr};
use std::io::{Error, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

#[repr(C)]
#[derive(Default, Debug, PartialEq, Clone, Copy)]
struct Timeouts {
    connect: i64,
    response: i64,
    read: i64,
    write: i64,
    lifetime: i64,
}

#[repr(C)]
#[derive(Default, Debug)]
struct Expiry {
    when: i64,
    waited: i64,
    bytes: u64,
    rtt: u32,
    retransmits: u32,
    which: u32,
    source: u32,
    reserved: [u64; 3],
}

#[link(name = "netdeadline")]
extern "C" {
    fn nd_version() -> *const c_char;
    fn nd_now() -> i64;
    fn nd_set_deadline(fd: c_int, when: i64) -> c_int;
    fn nd_set_read_deadline(fd: c_int, when: i64) -> c_int;
    fn nd_get_deadlines(fd: c_int, read: *mut i64, write: *mut i64) -> c_int;
    fn nd_set_timeouts(fd: c_int, timeouts: *const Timeouts) -> c_int;
    fn nd_get_timeouts(fd: c_int, timeouts: *mut Timeouts) -> c_int;
    fn nd_last_expiry(fd: c_int, expiry: *mut Expiry) -> c_int;
    fn nd_scope_enter(when: i64) -> i64;
    fn nd_scope_leave(token: i64) -> c_int;
}

const MS: i64 = 1_000_000;
const READ: u32 = 3;
const SOURCE_DEADLINE: u32 = 1;
const SOURCE_SCOPE: u32 = 2;

fn now() -> i64 {
    // SAFETY: it takes and touches nothing.
    unsafe { nd_now() }
}

fn set_read_deadline(stream: &TcpStream, when: i64) {
    // SAFETY: numbers alone.
    assert_eq!(unsafe { nd_set_read_deadline(stream.as_raw_fd(), when) }, 0, "{}", Error::last_os_error());
}

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let client = TcpStream::connect(listener.local_addr().expect("bound")).expect("somebody listens");
    (client, listener.accept().expect("somebody connects").0)
}

#[track_caller]
fn expired(result: std::io::Result<usize>, when: i64) {
    let ended = now();
    assert_eq!(result.expect_err("nothing came").kind(), ErrorKind::TimedOut);
    assert!(ended >= when && ended < when + 2000 * MS, "{} ns after the deadline", ended - when);
}

fn a_read_ends_at_its_deadline() {
    let ((mut client, mut server), mut byte) = (pair(), [0]);
    let when = now() + 150 * MS;
    set_read_deadline(&client, when);
    expired(client.read(&mut byte), when);
    let (mut read, mut write) = (7, 7);
    // SAFETY: both are written to before it returns, and not kept.
    assert_eq!(unsafe { nd_get_deadlines(client.as_raw_fd(), &mut read, &mut write) }, 0);
    assert_eq!((read, write), (when, 0));
    let mut expiry = Expiry::default();
    // SAFETY: as above.
    assert_eq!(unsafe { nd_last_expiry(client.as_raw_fd(), &mut expiry) }, 0);
    assert_eq!((expiry.which, expiry.source, expiry.reserved), (READ, SOURCE_DEADLINE, [0; 3]), "{expiry:?}");
    set_read_deadline(&client, 0);
    server.write_all(b"x").expect("there is room");
    assert_eq!(client.read(&mut byte).expect("a byte came"), 1);
}

fn a_waiting_read_is_woken_by_a_moved_deadline() {
    let ((client, _server), past) = (pair(), 1);
    // A wait that began before the process's first nd_ call would not be movable; this process has made some.
    let mut reading = client.try_clone().expect("a descriptor is free");
    let reader = thread::spawn(move || (reading.read(&mut [0]), now()));
    thread::sleep(Duration::from_millis(100));
    assert!(!reader.is_finished(), "nothing should have ended it");
    let moved = now();
    set_read_deadline(&client, past);
    let (result, ended) = reader.join().expect("it does not panic");
    assert_eq!(result.expect_err("nothing came").kind(), ErrorKind::TimedOut);
    assert!(ended >= moved && ended < moved + 2000 * MS, "{} ns", ended - moved);
}

fn timeouts_are_given_and_read_back() {
    let (mut client, _server) = pair();
    let (given, mut found) = (Timeouts { read: 150 * MS, ..Timeouts::default() }, Timeouts::default());
    // SAFETY: neither is kept.
    assert_eq!(unsafe { nd_set_timeouts(client.as_raw_fd(), &given) }, 0);
    // SAFETY: it is written to before this returns.
    assert_eq!(unsafe { nd_get_timeouts(client.as_raw_fd(), &mut found) }, 0);
    assert_eq!(found, given);
    let when = now() + given.read;
    expired(client.read(&mut [0]), when);
}

fn a_scope_bounds_std() {
    let ((mut client, mut server), when) = (pair(), now() + 150 * MS);
    // SAFETY: numbers alone.
    let scope = unsafe { nd_scope_enter(when) };
    assert!(scope >= 0, "{}", Error::last_os_error());
    expired(client.read(&mut [0]), when);
    expired(client.write(b"x"), when);
    let mut expiry = Expiry::default();
    // SAFETY: it is written to before this returns.
    assert_eq!(unsafe { nd_last_expiry(client.as_raw_fd(), &mut expiry) }, 0);
    assert_eq!(expiry.source, SOURCE_SCOPE, "{expiry:?}");
    // SAFETY: numbers alone.
    assert_eq!(unsafe { (nd_scope_leave(scope), nd_scope_leave(scope)) }, (0, -1));
    server.write_all(b"x").expect("there is room");
    assert_eq!(client.read(&mut [0]).expect("a byte came"), 1);
}

fn what_is_no_socket_is_told() {
    // SAFETY: numbers alone.
    assert_eq!(unsafe { nd_set_deadline(-1, 1) }, -1);
    assert_eq!(Error::last_os_error().raw_os_error(), Some(9), "EBADF");
    let file = std::fs::File::open("/dev/null").expect("every Linux has it");
    // SAFETY: numbers alone.
    assert_eq!(unsafe { nd_set_deadline(file.as_raw_fd(), 1) }, -1);
    assert_eq!(Error::last_os_error().raw_os_error(), Some(88), "ENOTSOCK");
}

fn main() {
    // SAFETY: a string that ends with a zero and lives as long as the library.
    let version = unsafe { CStr::from_ptr(nd_version()) };
    println!("{}", version.to_str().expect("digits and dots"));
    a_read_ends_at_its_deadline();
    a_waiting_read_is_woken_by_a_moved_deadline();
    timeouts_are_given_and_read_back();
    a_scope_bounds_std();
    what_is_no_socket_is_told();
}
