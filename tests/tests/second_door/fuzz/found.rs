//! What the random programs found, or a reading of why they found nothing: each as short as it became.

use crate::door::World;
use crate::machine::{Fate, DIRECTORY, MS, S};
use crate::program::{FOREVER, IN};
use netdeadline_engine::policy::{Class, Origin};
use std::sync::atomic::Ordering::Relaxed;

#[test]
fn a_lifetime_that_is_taken_away_leaves_the_operators() {
    let world = World::new("to * lifetime=60s");
    let fd = world.connected();
    let born = world.now();
    world.set_timeouts(fd, [0, 0, 0, 0, 2 * S]);
    world.set_timeouts(fd, [0; 5]);
    let mut thread = world.begin_read(fd, 1);
    assert_eq!(
        world.until(&mut thread, born + 59 * S),
        None,
        "ended {} ms after its connect",
        (world.now() - born) / MS
    );
    assert_eq!(world.until(&mut thread, born + 61 * S), Some(Err(libc::ETIMEDOUT)));
}

#[test]
fn a_program_cannot_lengthen_the_operators_lifetime() {
    let world = World::new("to * lifetime=10s");
    let fd = world.connected();
    let born = world.now();
    for _ in 0..4 {
        world.pass(5 * S);
        world.set_timeouts(fd, [0, 0, 0, 0, 3600 * S]);
    }
    let mut thread = world.begin_read(fd, 1);
    assert_eq!(world.until(&mut thread, born + 21 * S), Some(Err(libc::ETIMEDOUT)), "it is over since 10 s");
}

#[test]
fn a_lifetime_said_before_connect_does_not_lengthen_the_operators() {
    let world = World::new("to * lifetime=10s");
    let fd = world.socket();
    world.set_timeouts(fd, [0, 0, 0, 0, 3600 * S]);
    world.machine.change().ports.insert(7, Fate::Answers(0));
    assert_eq!(world.connect(fd, 7), Ok(0));
    let born = world.now();
    world.set_timeouts(fd, [0, 0, 0, 0, 3600 * S]);
    let mut thread = world.begin_read(fd, 1);
    assert_eq!(world.until(&mut thread, born + 11 * S), Some(Err(libc::ETIMEDOUT)), "it is over since 10 s");
}

#[test]
fn a_lifetime_that_is_only_observed_ends_nothing_beside_the_programs_own() {
    let world = World::with(|settings| {
        settings.policy.parse(b"to * lifetime=15s", Origin::Rules).expect("rules");
        settings.observe = true;
    });
    let fd = world.connected();
    world.pass(20 * S);
    world.set_timeouts(fd, [0, 0, 0, 0, 9 * S]);
    assert_eq!(world.write(fd, 1), Ok(1), "its own lifetime ends in 9 s, and the operator's ends nothing");
}

#[test]
fn a_lifetime_that_select_told_of_is_no_more_when_it_is_taken_away() {
    let world = World::new("");
    let fd = world.connected();
    world.set_timeouts(fd, [0, 0, 0, 0, 2 * S]);
    world.pass(3 * S);
    let mut select = world.begin_select(&[], &[fd], FOREVER);
    assert_eq!(world.end(&mut select), Ok(1));
    world.set_timeouts(fd, [0; 5]);
    assert_eq!(world.write(fd, 1), Ok(1));
}

#[test]
fn an_operators_rule_takes_no_timeout_from_the_program() {
    for rules in ["", "on :8080 write=60s", "on :8080 read=60s"] {
        let world = World::new(rules);
        let fd = world.accept(8080);
        world.set_timeouts(fd, [0, 0, 500 * MS, 0, 0]);
        world.arrive(fd, b"x");
        assert_eq!(world.read(fd, 1), Ok(1));
        let began = world.now();
        assert!(!world.hangs(&mut world.begin_read(fd, 1)), "{rules:?}");
        world.assert_deadline(began, 500 * MS);
    }
}

#[test]
fn what_is_only_observed_leaves_the_programs_own_timeouts_as_they_are() {
    let world = World::with(|settings| {
        settings.policy.parse(b"to * write=2500ms", Origin::Rules).expect("rules");
        settings.observe = true;
    });
    let fd = world.connected();
    world.set_timeouts(fd, [0, 0, 0, 2700 * MS, 0]);
    let began = world.now();
    assert_eq!(world.write(fd, 9000), Ok(4096));
    world.assert_write_deadline(began, 2700 * MS);
}

/// Nothing was wrong with it; tests/miri shows by it that the program's array is not written past its end.
#[test]
fn two_that_end_together_are_told_one_by_one_where_there_is_room_for_one() {
    let world = World::new("to * read=2s");
    let (set, fds) = (world.epoll_create(), [world.connected_nonblocking(), world.connected_nonblocking()]);
    fds.iter().for_each(|fd| world.epoll_add(set, *fd, libc::EPOLLIN));
    for fd in fds {
        assert_eq!(world.events(&mut world.begin_epoll(set, 1, FOREVER)), [(libc::EPOLLIN as u32, fd as u64)]);
        assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    }
}

fn only_observed(rules: &str) -> World {
    World::with(|settings| {
        settings.policy.parse(rules.as_bytes(), Origin::Rules).expect("rules");
        settings.observe = true;
    })
}

#[test]
fn so_sndtimeo_before_an_own_connect_timeout_makes_no_observed_wait_spin() {
    let world = only_observed("");
    let (set, fd) = (world.epoll_create(), world.socket());
    world.set_send_timeout(fd, 800 * MS);
    world.set_nonblocking(fd, true);
    assert_eq!(world.connect(fd, 80), Err(libc::EINPROGRESS));
    world.set_timeouts(fd, [1100 * MS, 0, 0, 0, 0]);
    world.epoll_add(set, fd, libc::EPOLLIN);
    let began = world.now();
    assert_eq!(world.epoll(set, FOREVER).len(), 1);
    world.assert_deadline(began, 1100 * MS);
}

#[test]
#[ignore = "after an observed end of its attempt it counts as connected: its own read timeout ends it, and a write says so"]
fn what_is_only_observed_of_an_attempt_leaves_it_an_attempt() {
    for rules in ["", "to * connect=2s"] {
        let world = only_observed(rules);
        let (set, fd) = (world.epoll_create(), world.socket());
        world.set_nonblocking(fd, true);
        assert_eq!(world.connect(fd, 80), Err(libc::EINPROGRESS));
        world.set_timeouts(fd, [0, 0, 4 * S, 0, 0]);
        world.epoll_add(set, fd, libc::EPOLLIN);
        assert_eq!(world.epoll(set, 10 * S), [], "{rules:?}");
        assert_eq!(world.write(fd, 1), Err(libc::EAGAIN), "{rules:?}");
    }
}

#[test]
fn so_rcvtimeo_before_an_own_read_timeout_makes_no_observed_wait_spin() {
    let world = only_observed("");
    let (set, fd) = (world.epoll_create(), world.connected_nonblocking());
    world.set_receive_timeout(fd, 800 * MS);
    world.set_timeouts(fd, [0, 0, 1100 * MS, 0, 0]);
    world.epoll_add(set, fd, libc::EPOLLIN);
    let began = world.now();
    assert_eq!(world.epoll(set, FOREVER).len(), 1);
    world.assert_deadline(began, 1100 * MS);
}

#[test]
fn a_request_that_was_long_on_its_way_is_waited_for_from_its_end() {
    let world = World::new("to * response=600ms");
    let fd = world.connected();
    assert_eq!(world.write(fd, 100), Ok(100));
    let began = world.now();
    world.machine.later(740 * MS, fd, |socket, now| socket.acknowledge(100, now));
    let mut thread = world.begin_read(fd, 1);
    assert_eq!(world.end(&mut thread), Err(libc::ETIMEDOUT));
    assert!(world.now() >= began + (740 + 600 - 1) * MS, "{} ms after its end", (world.now() - began) / MS - 740);
}

#[test]
fn a_lifetime_that_is_only_observed_leaves_the_programs_own_read_timeout_to_end_the_wait() {
    for rules in ["to * lifetime=15s", "to * lifetime=15s read=17s"] {
        let world = only_observed(rules);
        let fd = world.connected();
        world.set_timeouts(fd, [0, 0, 20 * S, 0, 0]);
        let began = world.now();
        let answer = world.until(&mut world.begin_read(fd, 1), began + 60 * S);
        assert_eq!(answer, Some(Err(libc::ETIMEDOUT)), "{rules}");
        world.assert_deadline(began, 20 * S);
    }
}

#[test]
fn a_scope_that_ends_beside_a_connection_counts_no_second_attempt() {
    let world = World::with(|settings| settings.pages.set(DIRECTORY.as_bytes(), b"").expect("a directory"));
    let fd = world.socket();
    world.set_nonblocking(fd, true);
    world.machine.change().ports.insert(7, Fate::Answers(500 * MS));
    world.enter(world.now() + 700 * MS);
    assert_eq!(world.connect(fd, 7), Err(libc::EINPROGRESS));
    assert_eq!(world.poll_one(fd, IN, FOREVER), IN);
    let page = world.machine.page().expect("a page");
    let ended = |class| page.destinations.iter().map(|d| d.class(class).ended.load(Relaxed)).sum::<u64>();
    assert_eq!(ended(Class::Connect), 1);
}

#[test]
#[ignore = "it waits for ever: where nobody spoke of an answer before the write, none is awaited"]
fn a_response_timeout_that_is_said_after_the_request_ends_the_wait_for_its_answer() {
    let world = World::new("");
    let fd = world.connected();
    assert_eq!(world.write(fd, 1), Ok(1));
    world.acknowledge(fd, 1);
    world.set_timeouts(fd, [0, 600 * MS, 0, 0, 0]);
    let began = world.now();
    let answer = world.until(&mut world.begin_read(fd, 1), began + 60 * S);
    assert_eq!(answer, Some(Err(libc::ETIMEDOUT)));
}
