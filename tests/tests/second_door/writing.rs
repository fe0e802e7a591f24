//! Class write: room that does not come, progress that does, and the short writes in between.

use crate::door::World;
use crate::machine::{GRAIN, MS, S};
use crate::program::{FOREVER, IN, OUT};

const RULE: &str = "to * write=2s";

#[test]
fn a_full_window_ends_in_bytes_so_far_and_then_at_once_in_the_error() {
    let world = World::new(RULE);
    let fd = world.connected();
    let began = world.now();
    assert_eq!(world.write(fd, 10_000), Ok(4096), "the room there was");
    world.assert_write_deadline(began, 2 * S);
    let told = world.now();
    assert_eq!(world.write(fd, 10_000), Err(libc::ETIMEDOUT));
    assert_eq!(world.now(), told, "at once: a loop of writes must not double the wait");
    let began = world.now();
    assert_eq!(world.write(fd, 10_000), Err(libc::ETIMEDOUT), "once; then the clock starts anew");
    assert!(world.now() >= began + 2 * S);
    assert_eq!(world.machine.socket(fd).outgoing.len(), 4096);
}

#[test]
fn a_write_with_room_is_complete_and_undisturbed() {
    let world = World::new(RULE);
    let fd = world.connected();
    assert_eq!(world.write(fd, 4096), Ok(4096));
    world.machine.later(1500 * MS, fd, |socket, now| socket.acknowledge(4096, now));
    assert_eq!(world.write(fd, 4096), Ok(4096));
    assert_eq!(world.write(fd, 0), Ok(0));
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn every_acknowledged_byte_restarts_the_clock() {
    let world = World::new(RULE);
    let fd = world.connected();
    let began = world.now();
    // One byte each 1.5 s is less than poll calls room.
    for turn in 1..=4 {
        world.machine.later(turn * 1500 * MS, fd, |socket, now| socket.acknowledge(1, now));
    }
    assert_eq!(world.write(fd, 10_000), Ok(4096), "poll never said that there was room");
    assert!(world.now() >= began + 8 * S, "2 s after the last of them: {}", world.now() - began);
    assert!(world.now() <= began + 8 * S + 30 * MS);
}

#[test]
fn a_send_that_may_not_wait_never_waits() {
    let world = World::new(RULE);
    let fd = world.connected();
    let began = world.now();
    assert_eq!(world.send(fd, 5000, libc::MSG_DONTWAIT), Ok(4096));
    assert_eq!(world.send(fd, 5000, libc::MSG_DONTWAIT), Err(libc::EAGAIN));
    assert_eq!(world.now(), began);
    assert_eq!(world.send(fd, 0, 0), Ok(0));
}

#[test]
fn a_slow_but_living_reader_gets_everything() {
    let world = World::new(RULE);
    let fd = world.connected();
    for turn in 1..=20 {
        world.machine.later(turn * 1900 * MS, fd, |socket, now| socket.acknowledge(2000, now));
    }
    assert_eq!(world.write(fd, 30_000), Ok(30_000));
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn a_short_write_with_room_again_goes_on() {
    let world = World::new(RULE);
    let fd = world.connected();
    assert_eq!(world.write(fd, 5000), Ok(4096));
    world.machine.later(0, fd, |socket, now| socket.acknowledge(4096, now));
    world.pass(S);
    assert_eq!(world.write(fd, 904), Ok(904));
}

#[test]
fn a_nonblocking_write_is_armed_by_eagain_and_by_a_short_count() {
    for length in [4096, 5000] {
        let world = World::new(RULE);
        let fd = world.connected_nonblocking();
        assert_eq!(world.write(fd, length), Ok(4096));
        if length == 4096 {
            assert_eq!(world.write(fd, 10), Err(libc::EAGAIN));
        }
        let began = world.now();
        assert_eq!(world.poll_one(fd, OUT, FOREVER), OUT);
        assert!(world.now() >= began + 2 * S, "{} ns early", began + 2 * S - world.now());
        assert!(world.now() <= began + 2 * S + 26 * MS);
        let told = world.now();
        assert_eq!(world.write(fd, 10), Err(libc::ETIMEDOUT));
        assert_eq!(world.now(), told);
        assert_eq!(world.write(fd, 10), Err(libc::EAGAIN));
    }
}

#[test]
fn a_told_write_is_not_tried_first() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    assert_eq!(world.write(fd, 5000), Ok(4096));
    assert_eq!(world.poll_one(fd, OUT, FOREVER), OUT);
    // Room for a byte, which poll does not call room.
    world.machine.later(0, fd, |socket, now| socket.acknowledge(1, now));
    world.pass(GRAIN);
    assert_eq!(world.write(fd, 10), Err(libc::ETIMEDOUT));
    assert_eq!(world.machine.socket(fd).outgoing.len(), 4096);
}

#[test]
fn a_read_is_bounded_while_sent_bytes_stay_unacknowledged() {
    let world = World::new(RULE);
    let fd = world.connected();
    let began = world.now();
    assert_eq!(world.write(fd, 100), Ok(100));
    assert_eq!(world.read(fd, 100), Err(libc::ETIMEDOUT));
    assert!(world.now() >= began + 2 * S && world.now() <= began + 2 * S + 26 * MS, "{}", world.now() - began);
    assert!(world.records()[0].contains(r#""class":"write""#), "{:?}", world.records());
}

#[test]
fn an_acknowledged_request_does_not_bound_the_read_of_its_answer() {
    let world = World::new(RULE);
    let fd = world.connected();
    assert_eq!(world.write(fd, 100), Ok(100));
    world.machine.later(10 * MS, fd, |socket, now| socket.acknowledge(100, now));
    world.machine.later(100 * S, fd, |socket, now| socket.arrive(b"slow", now));
    assert_eq!(world.read(fd, 100), Ok(4));
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn poll_for_input_is_bounded_by_unacknowledged_bytes_too() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    let began = world.now();
    assert_eq!(world.write(fd, 100), Ok(100));
    assert_eq!(world.poll_one(fd, IN, FOREVER), IN);
    assert!(world.now() >= began + 2 * S && world.now() <= began + 2 * S + 26 * MS, "{}", world.now() - began);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
}

#[test]
fn auto_is_twice_the_round_trip_between_its_bounds() {
    let cases = [
        ("auto", 1_000, 200_000, 3 * S),
        ("auto", 5_000_000, 200_000, 10 * S),
        ("auto", 60_000_000, 200_000, 30 * S),
        ("auto:3:1s:100s", 5_000_000, 200_000, 15 * S),
        ("auto:rto:2:1s:100s", 1_000, 4_000_000, 8 * S),
    ];
    for (text, rtt, rto, timeout) in cases {
        let world = World::new(&format!("to * write={text}"));
        let fd = world.connected();
        (world.machine.socket(fd).rtt, world.machine.socket(fd).rto) = (rtt, rto);
        let began = world.now();
        assert_eq!(world.write(fd, 5000), Ok(4096), "{text}");
        let took = world.now() - began;
        assert!((timeout..=timeout + 30 * MS).contains(&took), "{text} with rtt {rtt}: {took}");
    }
}

#[test]
fn auto_alone_is_three_seconds_on_a_quick_connection() {
    let world = World::new("to * write=auto");
    let fd = world.connected();
    let began = world.now();
    assert_eq!(world.write(fd, 5000), Ok(4096));
    // TCP_INFO tells the last ACK in whole milliseconds.
    assert!((3 * S..=3 * S + MS).contains(&(world.now() - began)), "{}", world.now() - began);
}

#[test]
fn a_write_to_a_dead_peer_says_what_the_kernel_says() {
    let world = World::new(RULE);
    let fd = world.connected();
    world.machine.later(S, fd, |socket, _| socket.fail(libc::ECONNRESET));
    assert_eq!(world.write(fd, 10_000), Ok(4096), "bytes so far");
    assert_eq!(world.write(fd, 10), Err(libc::EPIPE));
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn after_shutdown_nothing_waits_for_room() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    assert_eq!(world.write(fd, 5000), Ok(4096));
    world.shut_down(fd);
    world.machine.later(10 * MS, fd, |socket, now| socket.acknowledge(4096, now));
    assert_eq!(world.poll_one(fd, OUT, FOREVER), OUT);
    assert_eq!(world.records(), [""; 0]);
}
