//! Waits for input: what begins one, what ends it, and what one that was given up leaves behind: nothing.

use super::*;

#[test]
fn registering_is_no_wait() {
    let (world, set, fd) = world(RULE);
    world.assert_quiet(set, 3600 * S);
    let began = world.now();
    assert_eq!(world.go_read(fd), AGAIN);
    world.assert_told(set, fd, INPUT, began, 2 * S);
    assert_eq!(world.go_read(fd), LATE);
    assert_eq!(world.records().len(), 1);
}

#[test]
fn a_program_that_computes_before_it_reads_has_the_whole_time() {
    for away in [S, 2 * S + MS, 30 * S] {
        let (world, set, fd) = world(RULE);
        world.pass(away);
        assert_eq!(world.write(fd, 10), Ok(10));
        world.acknowledge(fd, 10);
        world.pass(away);
        let began = world.now();
        assert_eq!(world.go_read(fd), AGAIN, "after {away} ns");
        world.assert_told(set, fd, INPUT, began, 2 * S);
        assert_eq!(world.go_read(fd), LATE);
    }
}

#[test]
fn each_try_that_finds_nothing_begins_a_wait_anew() {
    let (world, set, fd) = world(RULE);
    for _ in 0..10 {
        // SetReadDeadline a second from now, and again.
        assert_eq!(world.go_read(fd), AGAIN);
        world.assert_quiet(set, 1900 * MS);
    }
    let began = world.now();
    assert_eq!(world.go_read(fd), AGAIN);
    world.assert_told(set, fd, INPUT, began, 2 * S);
    assert_eq!(world.go_read(fd), LATE);
}

#[test]
fn a_wait_that_was_given_up_leaves_nothing_to_the_next() {
    for heard in [true, false] {
        let (world, set, fd) = world(RULE);
        assert_eq!(world.go_read(fd), AGAIN);
        world.assert_quiet(set, S);
        // The program's own timer ends the wait here, and it goes away. The netpoller may be listening, or not.
        if heard {
            world.assert_quiet(set, S - MS);
            world.ignore_tellings(set);
            world.assert_quiet(set, 60 * S);
        } else {
            world.pass(60 * S);
        }
        let began = world.now();
        assert_eq!(world.go_read(fd), AGAIN, "heard: {heard}");
        world.assert_told(set, fd, INPUT, began, 2 * S);
        assert_eq!(world.go_read(fd), LATE);
    }
}

#[test]
fn data_that_comes_to_a_wait_that_was_given_up_is_data() {
    let (world, set, fd) = world(RULE);
    assert_eq!(world.go_read(fd), AGAIN);
    world.pass(1999 * MS);
    world.ignore_tellings(set);
    world.arrive(fd, b"late");
    assert_eq!(world.epoll(set, 0).len(), 1);
    assert_eq!(world.go_read(fd), Ok(4));
    let began = world.now();
    assert_eq!(world.go_read(fd), AGAIN);
    world.assert_told(set, fd, INPUT, began, 2 * S);
}

#[test]
fn an_expiry_is_answered_once_and_the_next_try_waits_anew() {
    let (world, set, fd) = world(RULE);
    for turn in 1..=3 {
        let began = world.now();
        assert_eq!(world.go_read(fd), AGAIN);
        world.assert_told(set, fd, INPUT, began, 2 * S);
        assert_eq!(world.go_read(fd), LATE, "turn {turn}");
        assert_eq!(world.records().len(), turn);
    }
    // Nobody waits now.
    world.assert_quiet(set, 60 * S);
    assert_eq!(world.records().len(), 3);
}

#[test]
fn a_request_that_nobody_waits_for_an_answer_to_is_no_wait() {
    let (world, set, fd) = world(RULE);
    for timed_out in [true, false] {
        assert_eq!(world.go_read(fd), AGAIN);
        if !timed_out {
            world.machine.later(S, fd, |socket, now| socket.arrive(b"hello", now));
        }
        assert_eq!(world.epoll(set, FOREVER).len(), 1);
        assert_eq!(world.go_read(fd), if timed_out { LATE } else { Ok(5) });
        assert_eq!(world.write(fd, 10), Ok(10));
        world.acknowledge(fd, 10);
        world.assert_quiet(set, 60 * S);
    }
    assert_eq!(world.records().len(), 1);
}

#[test]
fn a_goroutine_that_is_slow_to_react_is_still_told() {
    for late in [MS / 2, 5 * MS, 50 * MS] {
        let (world, set, fd) = world(RULE);
        let began = world.now();
        assert_eq!(world.go_read(fd), AGAIN);
        world.assert_told(set, fd, INPUT, began, 2 * S);
        world.pass(late);
        assert_eq!(world.go_read(fd), LATE, "{late} ns after the event");
    }
}

#[test]
fn bytes_restart_the_clock_and_end_the_wait() {
    let (world, set, fd) = world(RULE);
    for turn in 0..5 {
        assert_eq!(world.go_read(fd), AGAIN);
        world.machine.later(1900 * MS, fd, |socket, now| socket.arrive(b"drip", now));
        let events = world.epoll(set, FOREVER);
        assert!(matches!(events[..], [(bits, _)] if bits & INPUT != 0), "turn {turn}: {events:?}");
        assert_eq!(world.go_read(fd), Ok(4), "turn {turn}");
    }
    // The program works on what it got: it does not wait.
    world.assert_quiet(set, 60 * S);
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn the_end_of_the_stream_ends_the_wait() {
    let (world, set, fd) = world(RULE);
    assert_eq!(world.go_read(fd), AGAIN);
    world.machine.later(S, fd, |socket, _| socket.end());
    assert_eq!(world.epoll(set, FOREVER).len(), 1);
    assert_eq!(world.go_read(fd), Ok(0));
    world.assert_quiet(set, 60 * S);
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn an_answer_is_bounded_whoever_waits_for_it() {
    // net/http: a goroutine reads from the start, another writes the request, much later.
    for rules in ["to * response=2s", "to * read=2s"] {
        let (world, set, fd) = world(rules);
        assert_eq!(world.go_read(fd), AGAIN);
        world.assert_quiet(set, 1500 * MS);
        assert_eq!(world.write(fd, 10), Ok(10));
        world.acknowledge(fd, 10);
        let wrote = world.now();
        world.assert_told(set, fd, INPUT, wrote - 1000, 2 * S);
        assert_eq!(world.go_read(fd), LATE, "{rules}");
    }
}

#[test]
fn response_leaves_an_idle_connection_of_a_pool_alone() {
    let (world, set, fd) = world("to * response=2s");
    for _ in 0..3 {
        assert_eq!(world.go_read(fd), AGAIN);
        world.assert_quiet(set, 3600 * S);
        assert_eq!(world.write(fd, 10), Ok(10));
        world.acknowledge(fd, 10);
        world.machine.later(1900 * MS, fd, |socket, now| socket.arrive(b"200", now));
        assert!(matches!(world.epoll(set, FOREVER)[..], [(bits, _)] if bits & INPUT != 0));
        assert_eq!(world.go_read(fd), Ok(3));
    }
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn an_answer_of_which_a_byte_came_may_take_its_time() {
    let (world, set, fd) = world("to * response=2s");
    assert_eq!(world.write(fd, 10), Ok(10));
    world.acknowledge(fd, 10);
    world.arrive(fd, b"H");
    assert_eq!(world.epoll(set, 0).len(), 1);
    assert_eq!(world.go_read(fd), Ok(1));
    assert_eq!(world.go_read(fd), AGAIN);
    world.assert_quiet(set, 60 * S);
}

#[test]
fn half_a_second_after_an_expiry_that_nobody_came_for_a_read_is_another_wait() {
    let (world, set, fd) = world(RULE);
    assert_eq!(world.go_read(fd), AGAIN);
    // The program's own timer ended that wait; ours passes in a pause.
    world.pass(1999 * MS);
    world.ignore_tellings(set);
    world.pass(500 * MS);
    let began = world.now();
    assert_eq!(world.go_read(fd), AGAIN, "a wait of its own");
    world.assert_told(set, fd, INPUT, began, 2 * S);
}
