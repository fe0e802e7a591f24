//! A program that ignores what it is told: 0, +1, +10, +100 ms, then left alone until it waits again.

use crate::door::World;
use crate::machine::{GRAIN, MS, S};
use crate::program::{FOREVER, IN, OUT};

const RULE: &str = "to * read=2s";
const AFTER: [u64; 4] = [0, MS, 10 * MS, 100 * MS];

/// Wait again and again with `wait`, which answers whether it was told; when, counted from the first telling. It stops after
/// the fifth.
fn tellings(world: &World, mut wait: impl FnMut() -> bool) -> Vec<u64> {
    let mut instants = Vec::new();
    while instants.len() < 5 {
        assert!(wait(), "a wait for ever ended with nothing");
        instants.push(world.now());
    }
    instants.iter().map(|instant| instant - instants[0]).collect()
}

fn assert_told(tellings: &[u64]) {
    for (telling, expected) in tellings.iter().zip(AFTER) {
        let late = telling.checked_sub(expected);
        assert!(late.is_some_and(|late| late <= 20 * GRAIN), "{tellings:?}");
    }
    // Then it counts as a new wait.
    assert!(tellings[4] >= 100 * MS + 2 * S, "{tellings:?}");
}

#[test]
fn poll_tells_four_times_and_then_waits_anew() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    let told = tellings(&world, || world.poll_one(fd, IN, FOREVER) == IN);
    assert_told(&told);
    assert_eq!(world.records().len(), 2, "an expiry, and the next");
}

#[test]
fn select_tells_four_times_and_then_waits_anew() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    let told = tellings(&world, || world.select(&[fd], FOREVER) == (Ok(1), vec![fd]));
    assert_told(&told);
}

#[test]
fn epoll_tells_four_times_and_then_leaves_it_alone() {
    for mode in [0, libc::EPOLLET] {
        let world = World::new(RULE);
        let (fd, set) = (world.connected_nonblocking(), world.epoll_create());
        world.epoll_add(set, fd, libc::EPOLLIN | mode);
        let mut instants = Vec::new();
        for _ in 0..4 {
            assert_eq!(world.epoll(set, FOREVER), [(libc::EPOLLIN as u32, fd as u64)]);
            instants.push(world.now());
        }
        for (instant, expected) in instants.iter().zip(AFTER) {
            let late = (instant - instants[0]).checked_sub(expected);
            assert!(late.is_some_and(|late| late <= 20 * GRAIN), "{instants:?}");
        }
        assert!(world.hangs(&mut world.begin_epoll(set, 8, FOREVER)));
        assert_eq!(world.records().len(), 1);
        // It asks after all: that is the error, and a new wait.
        assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
        let began = world.now();
        assert_eq!(world.epoll(set, FOREVER), [(libc::EPOLLIN as u32, fd as u64)]);
        world.assert_deadline(began, 2 * S);
    }
}

#[test]
fn a_look_without_waiting_answers_the_same_and_uses_nothing_up() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    assert_eq!(world.poll_one(fd, IN, FOREVER), IN);
    for _ in 0..10 {
        // libcurl looks once more before it reads.
        assert_eq!(world.poll_one(fd, IN, 0), IN);
    }
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    assert_eq!(world.poll_one(fd, IN, 0), 0, "it was told");
}

#[test]
fn a_synthetic_event_is_answered_once() {
    let world = World::new("to * read=2s write=2s");
    let (fd, set) = (world.connected_nonblocking(), world.epoll_create());
    world.epoll_add(set, fd, libc::EPOLLIN);
    assert_eq!(world.epoll(set, FOREVER).len(), 1);
    assert_eq!(world.write(fd, 10), Ok(10), "writing was not what expired");
    world.acknowledge(fd, 10);
    let began = world.now();
    assert_eq!(world.read(fd, 1), Err(libc::EAGAIN), "and the write began a new wait for its answer");
    assert_eq!(world.epoll(set, FOREVER).len(), 1);
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    assert_eq!(world.read(fd, 1), Err(libc::EAGAIN));
}

#[test]
fn data_that_comes_after_the_telling_is_data() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    assert_eq!(world.poll_one(fd, IN, FOREVER), IN);
    world.arrive(fd, b"late");
    assert_eq!(world.read_text(fd, 9), Ok("late".into()), "nothing is lost");
    assert_eq!(world.read(fd, 9), Err(libc::EAGAIN));
}

#[test]
fn both_directions_are_told_apart() {
    let world = World::new("to * read=4s write=2s");
    let fd = world.connected_nonblocking();
    assert_eq!(world.write(fd, 5000), Ok(4096));
    world.machine.later(MS, fd, |socket, now| socket.acknowledge(4000, now));
    world.machine.later(2 * MS, fd, |socket, now| socket.acknowledge(96, now));
    let began = world.now();
    assert_eq!(world.poll_one(fd, IN | OUT, FOREVER), OUT, "room came");
    assert_eq!(world.poll_one(fd, IN, FOREVER), IN);
    assert!(world.now() >= began + 4 * S, "{}", world.now() - began);
    assert_eq!(world.write(fd, 10), Ok(10));
}
