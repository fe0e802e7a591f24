//! Connection attempts: Go connects first and registers then.

use super::*;
use crate::machine::Fate;

/// connect to a port, then the runtime's registration: in this order (net/fd_unix.go, connect).
fn dial(world: &World, set: i32, port: u16) -> i32 {
    let fd = world.socket();
    world.set_nonblocking(fd, true);
    assert_eq!(world.connect(fd, port), Err(libc::EINPROGRESS));
    world.go_register(set, fd);
    fd
}

#[test]
fn a_connection_attempt_ends_at_its_deadline() {
    for own in [false, true] {
        let world = World::new(if own { "" } else { "to * connect=2s" });
        let set = world.epoll_create();
        let began = world.now();
        let fd = world.socket();
        world.set_nonblocking(fd, true);
        if own {
            // Dialer.Control.
            world.set_send_timeout(fd, 2 * S);
        }
        assert_eq!(world.connect(fd, 80), Err(libc::EINPROGRESS));
        world.go_register(set, fd);
        let events = world.epoll(set, FOREVER);
        let gone = (libc::EPOLLERR | libc::EPOLLHUP) as u32;
        assert!(matches!(events[..], [(bits, _)] if bits & (OUTPUT | gone) == OUTPUT | gone), "{events:x?}");
        assert!(world.now() >= began + 2 * S && world.now() <= began + 2 * S + MS, "{}", world.now() - began);
        assert_eq!(world.socket_error(fd), libc::ETIMEDOUT, "own: {own}");
        assert_eq!(world.machine.socket(fd).aborted, 1);
        assert_eq!(world.records().len(), 1);
    }
}

#[test]
fn an_attempt_that_ended_is_told_to_a_read_that_comes_first() {
    let world = World::new("to * connect=2s");
    let set = world.epoll_create();
    let fd = dial(&world, set, 80);
    assert_eq!(world.epoll(set, FOREVER).len(), 1);
    assert_eq!(world.go_read(fd), LATE);
    assert_eq!(world.socket_error(fd), 0, "once");
}

#[test]
fn an_attempt_that_the_netpoller_was_waiting_for_ends_at_its_deadline() {
    let world = World::new("to * connect=2s");
    let set = world.epoll_create();
    let mut netpoller = world.begin_epoll_ms(set, 128, -1);
    world.pass(10 * S);
    assert_eq!(netpoller.run(&world), None);
    let began = world.now();
    let fd = dial(&world, set, 80);
    let events = world.events(&mut netpoller);
    assert!(matches!(events[..], [(bits, data)] if bits & OUTPUT != 0 && data == fd as u64), "{events:x?}");
    assert!(world.now() >= began + 2 * S && world.now() <= began + 2 * S + MS, "{}", world.now() - began);
    assert_eq!(world.socket_error(fd), libc::ETIMEDOUT);
}

#[test]
fn an_attempt_that_succeeds_is_no_wait_for_input() {
    let world = World::new("to * connect=2s read=2s");
    let set = world.epoll_create();
    world.machine.change().ports.insert(81, Fate::Answers(S));
    let fd = dial(&world, set, 81);
    assert_eq!(world.epoll(set, FOREVER), [(OUTPUT, fd as u64)]);
    assert_eq!(world.socket_error(fd), 0);
    world.assert_quiet(set, 60 * S);
    let began = world.now();
    assert_eq!(world.go_read(fd), AGAIN);
    world.assert_told(set, fd, INPUT, began, 2 * S);
    assert_eq!(world.go_read(fd), LATE);
    assert_eq!(world.records().len(), 1);
}

#[test]
fn an_attempt_that_was_given_up_leaves_nothing_to_the_numbers_next_owner() {
    let world = World::new("to * connect=2s read=2s");
    let set = world.epoll_create();
    let fd = dial(&world, set, 80);
    // The dialer's own timeout.
    world.pass(S);
    assert_eq!(world.close(fd), Ok(0));
    assert_eq!(world.go_connected(set), fd, "the number is used again");
    world.assert_quiet(set, 60 * S);
    assert_eq!(world.records(), [""; 0]);
}
