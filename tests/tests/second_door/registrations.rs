//! What is registered in epoll sets, from ADD to DEL and close: modes, interests, and what a registration outlives.

use crate::door::World;
use crate::machine::{Fate, File, MS, S};
use crate::program::FOREVER;
use crate::sets::{one, INPUT, RULE};

#[test]
fn a_oneshot_that_was_told_is_disarmed_for_real() {
    let world = World::new(RULE);
    let (fd, set) = one(&world, libc::EPOLLIN | libc::EPOLLONESHOT);
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    world.arrive(fd, b"x");
    assert_eq!(world.epoll(set, 60 * S), [], "also the kernel is silent until it is modified");
    world.epoll_modify(set, fd, libc::EPOLLIN | libc::EPOLLONESHOT);
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    assert_eq!(world.read(fd, 9), Ok(1));
    assert_eq!(world.epoll(set, 60 * S), [], "spent by the kernel: no longer a wait");
    let began = world.now();
    world.epoll_modify(set, fd, libc::EPOLLIN | libc::EPOLLONESHOT);
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    world.assert_deadline(began, 2 * S);
}

#[test]
fn other_registrations_are_never_modified() {
    let world = World::new(RULE);
    for mode in [0, libc::EPOLLET, libc::EPOLLEXCLUSIVE] {
        let (fd, set) = one(&world, libc::EPOLLIN | mode);
        assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    }
    assert_eq!(world.machine.state().modified, []);
}

#[test]
fn an_edge_after_the_telling_is_an_edge() {
    let world = World::new(RULE);
    let (fd, set) = one(&world, libc::EPOLLIN | libc::EPOLLET);
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    world.machine.later(S, fd, |socket, now| socket.arrive(b"x", now));
    let began = world.now();
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    world.assert_deadline(began, S);
    assert_eq!(world.read(fd, 9), Ok(1));
}

#[test]
fn lost_interest_is_no_wait() {
    let world = World::new(RULE);
    let (fd, set) = one(&world, libc::EPOLLIN);
    world.pass(1900 * MS);
    assert_eq!(world.epoll_ctl(set, libc::EPOLL_CTL_DEL, fd, 0), Ok(0));
    assert_eq!(world.epoll(set, 60 * S), []);
    let began = world.now();
    world.epoll_add(set, fd, libc::EPOLLIN);
    assert_eq!(world.epoll(set, S), []);
    world.epoll_modify(set, fd, libc::EPOLLIN);
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)], "a MOD that keeps the interest is the same wait");
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    world.epoll_modify(set, fd, libc::EPOLLRDHUP);
    assert_eq!(world.epoll(set, 60 * S), []);
    let began = world.now();
    world.epoll_modify(set, fd, libc::EPOLLIN);
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    world.assert_deadline(began, 2 * S);
}

#[test]
fn a_close_takes_the_registration_along_and_the_next_socket_begins_anew() {
    let world = World::new(RULE);
    let (fd, set) = one(&world, libc::EPOLLIN);
    world.pass(S);
    assert_eq!(world.close(fd), Ok(0));
    let pipe = world.machine.change().open(File::Plain(Vec::new()));
    assert_eq!(pipe, fd, "the number is used again");
    assert_eq!(world.epoll(set, 60 * S), []);
    assert_eq!(world.close(pipe), Ok(0));
    let again = world.connected_nonblocking();
    assert_eq!(again, fd);
    let began = world.now();
    world.epoll_add(set, again, libc::EPOLLIN);
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, again as u64)]);
    world.assert_deadline(began, 2 * S);
}

#[test]
fn registrations_with_the_same_data_each_have_their_event() {
    let world = World::new(RULE);
    let set = world.epoll_create();
    let fds = [world.connected_nonblocking(), world.connected_nonblocking(), world.connected_nonblocking()];
    for fd in fds {
        assert_eq!(world.epoll_ctl_data(set, libc::EPOLL_CTL_ADD, fd, libc::EPOLLIN, 7), Ok(0));
    }
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, 7); 3], "as the kernel would tell of three");
    assert!(fds.iter().all(|fd| world.read(*fd, 1) == Err(libc::ETIMEDOUT)));
}

#[test]
fn a_registration_lives_on_under_a_duplicate() {
    let world = World::new(RULE);
    let (fd, set) = one(&world, libc::EPOLLIN);
    let began = world.now();
    let twin = world.dup(fd);
    assert_eq!(world.close(fd), Ok(0));
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)], "with the data it was registered with");
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.read(twin, 1), Err(libc::ETIMEDOUT));
}

#[test]
fn a_socket_registered_before_it_connects_is_covered() {
    let world = World::new("to * connect=2s read=3s");
    let set = world.epoll_create();
    let fd = world.socket();
    world.set_nonblocking(fd, true);
    world.epoll_add(set, fd, libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLET);
    // Linux reports the unconnected socket at once.
    assert_eq!(world.epoll(set, FOREVER), [((libc::EPOLLOUT | libc::EPOLLHUP) as u32, fd as u64)]);
    world.machine.change().ports.insert(81, Fate::Answers(S));
    assert_eq!(world.connect(fd, 81), Err(libc::EINPROGRESS));
    assert_eq!(world.epoll(set, FOREVER), [(libc::EPOLLOUT as u32, fd as u64)]);
    assert_eq!(world.socket_error(fd), 0);
    assert_eq!(world.read(fd, 1), Err(libc::EAGAIN));
    let began = world.now();
    assert_eq!(world.epoll(set, FOREVER), [(INPUT | libc::EPOLLOUT as u32, fd as u64)]);
    world.assert_deadline(began, 3 * S);
}

/// A greeting that does not come, to a level-triggered loop which registered once: before connect, or after it.
fn silent_greeting(before: bool) {
    let world = World::new("to * connect=2s read=3s");
    let (fd, set) = (world.socket(), world.epoll_create());
    world.set_nonblocking(fd, true);
    world.machine.change().ports.insert(81, Fate::Answers(S));
    if before {
        world.epoll_add(set, fd, libc::EPOLLIN);
    }
    assert_eq!(world.connect(fd, 81), Err(libc::EINPROGRESS));
    if !before {
        world.epoll_add(set, fd, libc::EPOLLIN);
    }
    assert_eq!(world.poll_one(fd, libc::POLLOUT, FOREVER), libc::POLLOUT);
    assert_eq!(world.socket_error(fd), 0);
    let began = world.now();
    assert!(!world.hangs(&mut world.begin_epoll(set, 8, FOREVER)));
    world.assert_deadline(began, 3 * S);
}

#[test]
fn an_interest_registered_while_connecting_is_a_wait_once_connected() {
    silent_greeting(false);
}

#[test]
fn an_interest_registered_before_connecting_is_a_wait_once_connected() {
    silent_greeting(true);
}

#[test]
fn an_interest_in_input_alone_is_a_wait_once_connected() {
    for rules in ["to * connect=2s read=3s", "to * read=3s"] {
        let world = World::new(rules);
        let (fd, set) = (world.socket(), world.epoll_create());
        world.set_nonblocking(fd, true);
        world.machine.change().ports.insert(81, Fate::Answers(S));
        assert_eq!(world.connect(fd, 81), Err(libc::EINPROGRESS));
        world.epoll_add(set, fd, libc::EPOLLIN);
        let began = world.now();
        assert!(!world.hangs(&mut world.begin_epoll(set, 8, FOREVER)), "{rules}");
        assert!((began + 4 * S..began + 7 * S).contains(&world.now()), "{rules}: {}", world.now() - began);
    }
}

#[test]
fn a_read_that_timed_out_leaves_the_registration_waiting() {
    let world = World::new(RULE);
    let (fd, set) = one(&world, libc::EPOLLIN);
    world.set_nonblocking(fd, false);
    world.arrive(fd, b"x");
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    assert_eq!(world.read(fd, 1), Ok(1));
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    let began = world.now();
    assert!(!world.hangs(&mut world.begin_epoll(set, 8, FOREVER)));
    world.assert_deadline(began, 2 * S);
}

#[test]
fn a_lifetime_that_a_call_was_told_of_still_ends_the_wait() {
    let world = World::new("to * lifetime=2s");
    let (fd, set) = one(&world, libc::EPOLLIN);
    world.pass(3 * S);
    assert_eq!(world.write(fd, 1), Err(libc::ETIMEDOUT));
    let began = world.now();
    assert!(!world.hangs(&mut world.begin_epoll(set, 8, FOREVER)), "it is over for good");
    world.assert_deadline(began, 0);
}
