//! Accepted connections, duplicates, several sets, other ways to wait, and observe mode.

use super::*;
use crate::program::IN;
use netdeadline_engine::policy::Origin;

fn observed(rules: &str) -> World {
    World::with(|settings| {
        settings.policy.parse(rules.as_bytes(), Origin::Rules).expect("rules");
        settings.observe = true;
    })
}

#[test]
fn accepted_connections_obey_on_rules_from_their_first_try() {
    let world = World::new("to * read=1s; on :8080 read=2s");
    let set = world.epoll_create();
    let (ruled, free) = (world.accept(8080), world.accept(9090));
    for fd in [ruled, free] {
        world.set_nonblocking(fd, true);
        world.go_register(set, fd);
    }
    assert_eq!(world.epoll(set, 0).len(), 2);
    world.assert_quiet(set, 60 * S);
    assert_eq!(world.go_read(free), AGAIN);
    let began = world.now();
    assert_eq!(world.go_read(ruled), AGAIN);
    world.assert_told(set, ruled, INPUT, began, 2 * S);
    assert_eq!(world.go_read(ruled), LATE);
    world.assert_quiet(set, 60 * S);
}

#[test]
fn between_request_and_answer_an_accepted_connection_does_not_expire() {
    let world = World::new("on :8080 read=2s");
    let (set, fd) = (world.epoll_create(), world.accept(8080));
    world.set_nonblocking(fd, true);
    world.go_register(set, fd);
    assert_eq!(world.epoll(set, 0).len(), 1);
    for turn in 0..3 {
        assert_eq!(world.go_read(fd), AGAIN);
        world.machine.later(S, fd, |socket, now| socket.arrive(b"GET /", now));
        assert_eq!(world.epoll(set, FOREVER).len(), 1);
        assert_eq!(world.go_read(fd), Ok(5));
        // net/http's background read, while the handler works for a minute.
        assert_eq!(world.go_read(fd), AGAIN);
        world.assert_quiet(set, 60 * S);
        assert_eq!(world.write(fd, 100), Ok(100), "turn {turn}");
        world.acknowledge(fd, 100);
    }
    // The answer is out, and the background read waits for the next request.
    let wrote = world.now();
    world.assert_told(set, fd, INPUT, wrote - 1000, 2 * S);
    assert_eq!(world.go_read(fd), LATE);
    assert_eq!(world.records().len(), 1);
}

#[test]
fn two_sets_that_hold_a_socket_are_both_told() {
    let (world, set, fd) = world(RULE);
    let other = world.epoll_create();
    world.go_register(other, fd);
    assert_eq!(world.epoll(other, 0).len(), 1);
    let began = world.now();
    assert_eq!(world.go_read(fd), AGAIN);
    let mut waiter = world.begin_epoll(other, 8, FOREVER);
    world.assert_told(set, fd, INPUT, began, 2 * S);
    assert_eq!(world.events(&mut waiter).len(), 1);
    assert!(world.now() <= began + 2 * S + MS);
    assert_eq!(world.go_read(fd), LATE);
    assert_eq!(world.go_read(fd), AGAIN);
    assert_eq!(world.records().len(), 1);
}

#[test]
fn a_dup_is_the_same_connection() {
    // TCPConn.File: another number, registered as well.
    let (world, set, fd) = world(RULE);
    let twin = world.dup(fd);
    world.go_register(set, twin);
    assert_eq!(world.epoll(set, 0).len(), 1);
    let began = world.now();
    assert_eq!(world.go_read(twin), AGAIN);
    let events = world.epoll(set, FOREVER);
    assert!(events.iter().any(|event| event.1 == twin as u64 && event.0 & INPUT != 0), "{events:?}");
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.go_read(twin), LATE);
    assert_eq!(world.close(fd), Ok(0));
    let began = world.now();
    assert_eq!(world.go_read(twin), AGAIN);
    let events = world.epoll(set, FOREVER);
    assert!(events.iter().any(|event| event.1 == twin as u64 && event.0 & INPUT != 0), "{events:?}");
    world.assert_deadline(began, 2 * S);
}

#[test]
fn a_socket_made_blocking_is_bounded_in_the_call() {
    // os.File's Fd() takes O_NONBLOCK away, also of the connection that it was made from.
    let (world, set, fd) = world(RULE);
    let twin = world.dup(fd);
    world.set_nonblocking(twin, false);
    for number in [twin, fd] {
        let began = world.now();
        assert_eq!(world.go_read(number), LATE);
        world.assert_deadline(began, 2 * S);
    }
    world.set_nonblocking(twin, true);
    let began = world.now();
    assert_eq!(world.go_read(fd), AGAIN);
    world.assert_told(set, fd, INPUT, began, 2 * S);
}

#[test]
fn observed_waits_are_recorded_once_each_and_cut_nothing_short() {
    let world = observed("to * read=2s write=2s connect=2s");
    let set = world.epoll_create();
    let fd = world.go_connected(set);
    for wait in 1..=3 {
        assert_eq!(world.go_read(fd), AGAIN);
        world.assert_quiet(set, 60 * S);
        assert_eq!(world.records().len(), wait, "{:?}", world.records());
        world.arrive(fd, b"late");
        assert_eq!(world.epoll(set, 0).len(), 1);
        assert_eq!(world.go_read(fd), Ok(4));
    }
    world.assert_quiet(set, 60 * S);
    fill(&world, fd);
    world.assert_quiet(set, 60 * S);
    assert_eq!(world.records().len(), 4, "{:?}", world.records());
    world.acknowledge(fd, 4096);
    assert_eq!(world.write(fd, 904), Ok(904));
}

#[test]
fn a_program_that_polls_what_it_registered_waits_in_poll() {
    // cgo: C code may poll a socket of Go's.
    let (world, _, fd) = world(RULE);
    let began = world.now();
    assert_eq!(world.poll_one(fd, IN, FOREVER), IN);
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.read(fd, 1), LATE);
}

#[test]
fn level_triggered_and_oneshot_interests_are_waits() {
    for mode in [0, libc::EPOLLET | libc::EPOLLONESHOT] {
        let world = World::new(RULE);
        let (set, fd) = (world.epoll_create(), world.connected_nonblocking());
        let began = world.now();
        let add = libc::EPOLL_CTL_ADD;
        assert_eq!(world.epoll_ctl_of(Interest::TriesFirst, set, add, fd, libc::EPOLLIN | mode, 1), Ok(0));
        assert_eq!(world.epoll(set, FOREVER), [(INPUT, 1)]);
        world.assert_deadline(began, 2 * S);
    }
}
