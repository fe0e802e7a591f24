//! Waits for room, lifetimes, and the timeouts that the program set itself.

use super::*;

#[test]
fn a_write_to_a_full_window_ends_at_its_deadline() {
    let (world, set, fd) = world("to * write=2s");
    let began = world.now();
    fill(&world, fd);
    let events = world.epoll(set, FOREVER);
    assert!(matches!(events[..], [(bits, _)] if bits & OUTPUT != 0), "{events:?}");
    assert!(world.now() >= began + 2 * S && world.now() <= began + 2 * S + 200 * MS, "{}", world.now() - began);
    assert_eq!(world.write(fd, 904), LATE);
    assert_eq!(world.records().len(), 1);
}

#[test]
fn room_that_comes_restarts_the_write_clock() {
    let (world, set, fd) = world("to * write=2s");
    fill(&world, fd);
    for turn in 0..5 {
        world.machine.later(1900 * MS, fd, |socket, now| socket.acknowledge(4096, now));
        let events = world.epoll(set, FOREVER);
        assert!(matches!(events[..], [(bits, _)] if bits & OUTPUT != 0), "turn {turn}: {events:?}");
        fill(&world, fd);
    }
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn a_write_that_was_given_up_leaves_nothing_to_the_next() {
    for (room, heard) in [(true, true), (false, true), (true, false), (false, false)] {
        let (world, set, fd) = world("to * write=2s");
        fill(&world, fd);
        if heard {
            assert_eq!(world.epoll(set, FOREVER).len(), 1);
            let again = world.pollings(set, TOLD_OUT);
            assert!((1..=3).contains(&again), "{again}");
            world.assert_quiet(set, 60 * S);
        } else {
            world.pass(60 * S);
        }
        if room {
            world.acknowledge(fd, 4096);
            assert_eq!(world.write(fd, 904), Ok(904), "heard: {heard}");
            continue;
        }
        let began = world.now();
        assert_eq!(world.write(fd, 904), AGAIN, "heard: {heard}");
        let events = world.epoll(set, FOREVER);
        assert!(matches!(events[..], [(bits, _)] if bits & OUTPUT != 0), "{events:?}");
        assert!(world.now() >= began + 2 * S && world.now() <= began + 2 * S + 200 * MS, "{}", world.now() - began);
        assert_eq!(world.write(fd, 904), LATE, "heard: {heard}");
    }
}

#[test]
fn a_lifetime_ends_a_wait_and_is_sticky() {
    let (world, set, fd) = world("to * lifetime=10s");
    let born = world.now() - 1000;
    world.pass(3 * S);
    assert_eq!(world.go_read(fd), AGAIN);
    let events = world.epoll(set, FOREVER);
    assert!(matches!(events[..], [(bits, _)] if bits & INPUT != 0), "{events:?}");
    assert!(world.now() >= born + 10 * S - MS && world.now() <= born + 10 * S + MS, "{}", world.now() - born);
    for _ in 0..3 {
        world.arrive(fd, b"more");
        assert_eq!(world.go_read(fd), LATE);
        assert_eq!(world.write(fd, 10), LATE);
        world.pass(S);
    }
    assert_eq!(world.records().len(), 1, "{:?}", world.records());
}

#[test]
fn a_lifetime_that_ends_while_nobody_waits_is_found_by_the_next_call() {
    let (world, _, fd) = world("to * lifetime=10s");
    world.pass(60 * S);
    world.arrive(fd, b"data");
    assert_eq!(world.go_read(fd), LATE);
    assert_eq!(world.write(fd, 10), LATE);
}

#[test]
fn the_programs_own_receive_timeout_holds_for_each_wait() {
    let (world, set, fd) = world("");
    world.set_receive_timeout(fd, 3 * S);
    world.assert_quiet(set, 60 * S);
    for _ in 0..2 {
        let began = world.now();
        assert_eq!(world.go_read(fd), AGAIN);
        world.assert_told(set, fd, INPUT, began, 3 * S);
        assert_eq!(world.go_read(fd), LATE);
    }
    assert!(world.records().is_empty() || world.records()[0].contains("so_rcvtimeo"), "{:?}", world.records());
}

#[test]
fn a_receive_timeout_set_while_a_goroutine_waits_counts_at_once() {
    // Where a rule has made the wait known; without one it holds from the next wait on, as in the kernel.
    let (world, set, fd) = world("to * write=60s");
    assert_eq!(world.go_read(fd), AGAIN);
    world.assert_quiet(set, 60 * S);
    let began = world.now();
    world.set_receive_timeout(fd, 3 * S);
    world.assert_told(set, fd, INPUT, began, 3 * S);
    assert_eq!(world.go_read(fd), LATE);
}

#[test]
fn the_programs_own_send_timeout_holds_for_room() {
    let (world, set, fd) = world("");
    world.set_send_timeout(fd, 3 * S);
    let began = world.now();
    fill(&world, fd);
    world.assert_told(set, fd, OUTPUT, began, 3 * S);
    assert_eq!(world.write(fd, 904), LATE);
    assert_eq!(world.write(fd, 904), AGAIN, "once");
}
