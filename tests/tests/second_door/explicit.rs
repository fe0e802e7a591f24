//! What a deadline of a socket means to its operations, as src/capi.rs promises it: Go's contract. Deadlines that are moved under
//! a wait are in moving.rs, what epoll reports of them in passed.rs.

use crate::any_wait::{How, ALL};
use crate::door::World;
use crate::machine::{Fate, Phase, MS, S};
use crate::program::{FOREVER, IN, OUT};
use netdeadline_engine::op::Ways;

/// Instants that are past, whatever the time.
const PAST: [i64; 4] = [-1, i64::MIN, 1, 86_400_000_000_000];

#[test]
fn a_past_deadline_fails_reads_at_once_and_consumes_nothing() {
    for when in PAST {
        for nonblocking in [false, true] {
            let world = World::new("");
            let fd = world.connected();
            world.set_nonblocking(fd, nonblocking);
            world.arrive(fd, b"data");
            assert_eq!(world.set(fd, Ways::Read, when), Ok(()));
            let began = world.now();
            for _ in 0..3 {
                assert_eq!(world.read(fd, 100), Err(libc::ETIMEDOUT));
                assert_eq!(world.recv(fd, 100, libc::MSG_PEEK), Err(libc::ETIMEDOUT));
                assert_eq!(world.recv(fd, 100, libc::MSG_DONTWAIT), Err(libc::ETIMEDOUT));
                assert_eq!(world.recv(fd, 100, libc::MSG_WAITALL), Err(libc::ETIMEDOUT));
            }
            assert_eq!(world.now(), began, "nothing was waited for");
            world.set_read(fd, 0);
            assert_eq!(world.read_text(fd, 100), Ok("data".to_owned()));
        }
    }
}

#[test]
fn a_past_deadline_fails_writes_at_once_and_sends_nothing() {
    for when in PAST {
        let world = World::new("");
        let fd = world.connected();
        assert_eq!(world.set(fd, Ways::Write, when), Ok(()));
        for _ in 0..3 {
            assert_eq!(world.write(fd, 100), Err(libc::ETIMEDOUT));
            assert_eq!(world.send(fd, 100, libc::MSG_DONTWAIT), Err(libc::ETIMEDOUT));
        }
        assert!(world.machine.socket(fd).outgoing.is_empty());
        world.set_write(fd, 0);
        assert_eq!(world.write(fd, 100), Ok(100));
    }
}

#[test]
fn a_past_deadline_fails_connect_before_a_packet_is_sent() {
    for nonblocking in [false, true] {
        let world = World::new("");
        world.machine.change().ports.insert(80, Fate::Answers(MS));
        let fd = world.socket();
        world.set_nonblocking(fd, nonblocking);
        world.set_write(fd, 1);
        assert_eq!(world.connect(fd, 80), Err(libc::ETIMEDOUT));
        assert_eq!(world.machine.socket(fd).phase, Phase::Closed);
        world.set_write(fd, 0);
        assert_eq!(world.connect(fd, 80), if nonblocking { Err(libc::EINPROGRESS) } else { Ok(0) });
    }
}

#[test]
fn a_past_deadline_leaves_connections_in_the_queue() {
    for nonblocking in [false, true] {
        let world = World::new("");
        let fd = world.listener();
        world.set_nonblocking(fd, nonblocking);
        world.machine.socket(fd).queue = 1;
        world.set_read(fd, 1);
        assert_eq!(world.accept_one(fd), Err(libc::ETIMEDOUT));
        assert_eq!(world.machine.socket(fd).queue, 1);
        world.set_read(fd, 0);
        assert!(world.accept_one(fd).is_ok());
    }
}

#[test]
fn a_past_deadline_makes_polls_report_at_once_what_they_ask_for() {
    for timeout in [0, S, FOREVER] {
        let world = World::new("");
        let (fd, other) = (world.connected_nonblocking(), world.connected_nonblocking());
        world.machine.socket(fd).capacity = 0;
        world.set_deadline(fd, 1);
        let began = world.now();
        assert_eq!(world.poll(&[(other, IN), (fd, IN)], timeout), (Ok(1), vec![0, IN]));
        assert_eq!(world.poll(&[(fd, OUT), (fd, IN | OUT)], timeout), (Ok(2), vec![OUT, IN | OUT]));
        assert_eq!(world.select(&[other, fd], timeout.min(1000 * S)), (Ok(1), vec![fd]));
        assert!(world.now() - began < 3000, "{} ns", world.now() - began);
        assert_eq!(world.poll_one(fd, libc::POLLPRI, 0), 0, "and nothing else");
    }
}

#[test]
fn an_instant_is_past_when_it_has_come_and_not_a_nanosecond_before() {
    let world = World::new("");
    let fd = world.connected();
    world.arrive(fd, b"data");
    world.set_read(fd, world.now() + 1);
    assert_eq!(world.read(fd, 1), Ok(1));
    world.set_read(fd, world.now());
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    world.set_read(fd, world.now() + 100);
    world.pass(99);
    assert_eq!(world.read(fd, 1), Ok(1));
    world.pass(1);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
}

#[test]
fn a_deadline_to_come_lets_everything_through() {
    for ahead in [1 << 20, S, 1 << 62] {
        let world = World::new("");
        let fd = world.connected();
        assert_eq!(world.set(fd, Ways::Both, (world.now() + ahead) as i64), Ok(()));
        world.arrive(fd, b"data");
        assert_eq!(world.poll_one(fd, IN | OUT, 0), IN | OUT);
        assert_eq!(world.read_text(fd, 100), Ok("data".to_owned()));
        assert_eq!(world.write(fd, 100), Ok(100));
    }
}

#[test]
fn the_two_directions_are_independent() {
    let world = World::new("");
    let fd = world.connected();
    world.arrive(fd, b"data");
    world.set_read(fd, 1);
    assert_eq!(world.write(fd, 3), Ok(3));
    assert_eq!(world.read(fd, 3), Err(libc::ETIMEDOUT));
    world.set_read(fd, 0);
    world.set_write(fd, 1);
    assert_eq!(world.read(fd, 3), Ok(3));
    assert_eq!(world.write(fd, 3), Err(libc::ETIMEDOUT));
    assert_eq!(world.deadlines(fd), Ok((0, 1)));
    world.set_deadline(fd, 0);
    assert_eq!(world.deadlines(fd), Ok((0, 0)));
    assert_eq!(world.write(fd, 3), Ok(3));
}

#[test]
fn a_passed_deadline_stays_passed_until_it_is_set_anew() {
    for how in ALL {
        let world = World::new("");
        let fd = how.socket(&world);
        if matches!(how, How::Connect | How::PollConnect) {
            // An attempt that was aborted cannot wait again.
            continue;
        }
        world.set_deadline(fd, world.now() + S);
        world.pass(2 * S);
        for _ in 0..3 {
            let mut waiting = how.begin(&world, fd);
            let now = world.now();
            waiting.expires_at(&world, now);
            world.pass(S);
        }
        let at = world.now() + S;
        world.set_deadline(fd, at);
        how.begin(&world, fd).expires_at(&world, at);
        world.set_deadline(fd, 0);
        how.begin(&world, fd).ends_well(&world);
    }
}

#[test]
fn what_was_moved_before_the_deadline_is_answered_and_the_rest_fails() {
    let world = World::new("");
    let fd = world.connected();
    world.machine.socket(fd).capacity = 40;
    let at = world.now() + S;
    world.set_deadline(fd, at);
    assert_eq!(world.write(fd, 100), Ok(40), "bytes so far");
    world.assert_deadline(at, 0);
    assert_eq!(world.last_expiry(fd).map(|last| last.bytes), Ok(40));
    assert_eq!(world.write(fd, 60), Err(libc::ETIMEDOUT));
    let at = world.now() + S;
    world.set_deadline(fd, at);
    world.arrive(fd, b"abc");
    assert_eq!(world.recv(fd, 10, libc::MSG_WAITALL), Ok(3), "they would be lost otherwise");
    world.assert_deadline(at, 0);
    assert_eq!(world.recv(fd, 10, libc::MSG_WAITALL), Err(libc::ETIMEDOUT));
}

#[test]
fn deadlines_come_back_as_they_were_given() {
    let world = World::new("");
    let fd = world.connected();
    assert_eq!(world.deadlines(fd), Ok((0, 0)));
    let now = world.now() as i64;
    for when in [0, 1, now - 1, now, now + 1, now + 3_600_000_000_007, 1 << 60, (1 << 60) - 1, i64::MAX, -1, i64::MIN] {
        assert_eq!(world.set(fd, Ways::Read, when), Ok(()));
        assert_eq!(world.set(fd, Ways::Write, now + 5), Ok(()));
        assert_eq!(world.deadlines(fd), Ok((when, now + 5)));
        assert_eq!(world.set(fd, Ways::Both, when), Ok(()));
        assert_eq!(world.deadlines(world.dup(fd)), Ok((when, when)), "a dup is the same socket");
    }
}

#[test]
fn an_accepted_socket_inherits_no_deadline() {
    let world = World::new("");
    let fd = world.listener();
    let at = world.now() + S;
    world.set_deadline(fd, at);
    world.client(fd, 0);
    world.pass(1);
    let new = world.accept_one(fd).expect("a connection") as i32;
    assert_eq!(world.deadlines(new), Ok((0, 0)));
    assert_eq!(world.machine.socket(new).receive_timeout, 0, "nor what was lent to its listener");
    let mut thread = world.begin_read(new, 1);
    assert_eq!(world.until(&mut thread, at + 10 * S), None);
    world.arrive(new, b"x");
    assert_eq!(world.end(&mut thread), Ok(1));
}

#[test]
fn only_open_sockets_have_deadlines() {
    let world = World::new("");
    let (file, set, closed) = (world.file(), world.epoll_create(), world.connected());
    assert_eq!(world.close(closed), Ok(0));
    for (fd, errno) in [(file, libc::ENOTSOCK), (set, libc::ENOTSOCK), (closed, libc::EBADF), (-1, libc::EBADF)] {
        assert_eq!(world.set(fd, Ways::Both, 1), Err(errno));
        assert_eq!(world.deadlines(fd), Err(errno));
        assert_eq!(world.last_expiry(fd), Err(errno));
    }
    assert_eq!(world.set(i32::MAX, Ways::Both, 1), Err(libc::EBADF));
    for fd in [world.unix(), world.datagram()] {
        world.set_deadline(fd, 1);
        assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT), "sockets of every kind");
    }
}

#[test]
fn the_engines_own_numbers_are_not_open_to_the_program() {
    let world = World::new("");
    let (fd, set) = (world.connected(), world.epoll_create());
    world.epoll_add(set, fd, libc::EPOLLIN);
    world.set_deadline(fd, world.now() + S);
    assert_eq!(world.until(&mut world.begin_read(fd, 1), 1), None);
    let ours: Vec<i32> = world.machine.state().ours.iter().copied().collect();
    // The log, the set's timer, what every waker holds, and a waker.
    assert!(ours.len() >= 3, "{ours:?}");
    for number in ours {
        assert_eq!(world.set(number, Ways::Both, 1), Err(libc::EBADF), "{number}");
        assert_eq!(world.close(number), Err(libc::EBADF), "{number}");
    }
    assert_eq!(world.end(&mut world.begin_read(fd, 1)), Err(libc::ETIMEDOUT));
}

#[test]
fn a_number_that_another_took_behind_our_back_is_not_failed() {
    let world = World::new("");
    let fd = world.connected();
    world.set_deadline(fd, 1);
    // Closed by a system call of the program's own, and the number a pipe's.
    assert_eq!(world.machine.change().close(fd), Ok(()));
    assert_eq!(world.file(), fd);
    assert_ne!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    let fd = world.connected();
    world.set_deadline(fd, 1);
    assert_eq!(world.machine.change().close(fd), Ok(()));
    world.appears(fd);
    world.arrive(fd, b"x");
    assert_eq!(world.read(fd, 1), Ok(1), "another socket's");
}
