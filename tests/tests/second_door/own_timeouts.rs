//! Source 2: the program's own SO_RCVTIMEO and SO_SNDTIMEO, kept where the kernel ignores them and left to it where it does not.

use crate::door::World;
use crate::machine::{MS, S};
use crate::program::{FOREVER, IN, OUT};

#[test]
fn on_a_nonblocking_socket_they_bound_poll_select_and_epoll() {
    let world = World::new("");
    let fd = world.connected_nonblocking();
    world.set_receive_timeout(fd, 3 * S);
    let began = world.now();
    assert_eq!(world.poll_one(fd, IN, FOREVER), IN);
    world.assert_deadline(began, 3 * S);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    assert_eq!(world.read(fd, 1), Err(libc::EAGAIN));
    let began = world.now();
    assert_eq!(world.select(&[fd], FOREVER), (Ok(1), vec![fd]));
    world.assert_deadline(began, 3 * S);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    let set = world.epoll_create();
    let began = world.now();
    world.epoll_add(set, fd, libc::EPOLLIN);
    assert_eq!(world.epoll(set, FOREVER), [(libc::EPOLLIN as u32, fd as u64)]);
    world.assert_deadline(began, 3 * S);
}

#[test]
fn a_send_timeout_bounds_room_and_a_connection() {
    let world = World::new("");
    let fd = world.connected_nonblocking();
    world.set_send_timeout(fd, 3 * S);
    assert_eq!(world.write(fd, 5000), Ok(4096));
    let began = world.now();
    assert_eq!(world.poll_one(fd, OUT, FOREVER), OUT);
    world.assert_deadline(began, 3 * S);
    assert_eq!(world.write(fd, 1), Err(libc::ETIMEDOUT));

    let fd = world.socket();
    world.set_nonblocking(fd, true);
    world.set_send_timeout(fd, 3 * S);
    assert_eq!(world.connect(fd, 80), Err(libc::EINPROGRESS));
    let began = world.now();
    assert_eq!(world.poll_one(fd, OUT, FOREVER), OUT | libc::POLLERR | libc::POLLHUP);
    world.assert_deadline(began, 3 * S);
    assert_eq!(world.socket_error(fd), libc::ETIMEDOUT);
}

#[test]
fn on_a_blocking_socket_they_are_the_kernels() {
    for rules in ["", "to * read=60s write=60s"] {
        let world = World::new(rules);
        let fd = world.connected();
        world.set_receive_timeout(fd, 3 * S);
        world.set_send_timeout(fd, 2 * S);
        let began = world.now();
        assert_eq!(world.read(fd, 1), Err(libc::EAGAIN), "as the kernel, under {rules:?}");
        world.assert_deadline(began, 3 * S);
        let began = world.now();
        assert_eq!(world.write(fd, 5000), Ok(4096));
        world.assert_deadline(began, 2 * S);
        assert_eq!(world.write(fd, 5000), Err(libc::EAGAIN));
        assert_eq!(world.records(), [""; 0]);
    }
}

#[test]
fn a_policy_that_is_shorter_comes_first() {
    let world = World::new("to * read=1s");
    let fd = world.connected();
    world.set_receive_timeout(fd, 3 * S);
    let began = world.now();
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, S);
}

#[test]
fn a_poll_on_a_blocking_socket_is_not_bounded_by_them() {
    let world = World::new("");
    let fd = world.connected();
    world.set_receive_timeout(fd, 5 * S);
    assert_eq!(world.poll_one(fd, IN, 60 * S), 0, "read timeout 5 s, keep-alive poll 60 s");
    assert_eq!(world.select(&[fd], 60 * S), (Ok(0), vec![]));
    let set = world.epoll_create();
    world.epoll_add(set, fd, libc::EPOLLIN);
    assert_eq!(world.epoll(set, 60 * S), []);
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn o_nonblock_is_looked_at_afresh() {
    let world = World::new("");
    let fd = world.connected();
    world.set_receive_timeout(fd, 3 * S);
    assert_eq!(world.poll_one(fd, IN, 10 * S), 0);
    world.set_nonblocking(fd, true);
    let began = world.now();
    assert_eq!(world.poll_one(fd, IN, 10 * S), IN);
    world.assert_deadline(began, 3 * S);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    world.set_nonblocking(fd, false);
    assert_eq!(world.poll_one(fd, IN, 10 * S), 0);
    let set = world.epoll_create();
    world.epoll_add(set, fd, libc::EPOLLIN);
    assert_eq!(world.epoll(set, 10 * S), []);
    let began = world.now();
    world.set_nonblocking(fd, true);
    assert_eq!(world.epoll(set, 10 * S), [(libc::EPOLLIN as u32, fd as u64)]);
    world.assert_deadline(began, 3 * S);
}

#[test]
fn a_listeners_timeout_is_not_its_clients() {
    let world = World::new("on :8080 write=60s");
    // The kernel hands SO_RCVTIMEO down; it was not set on this very socket.
    let fd = world.accept(8080);
    world.machine.socket(fd).receive_timeout = S;
    world.set_nonblocking(fd, true);
    assert_eq!(world.poll_one(fd, IN, 60 * S), 0);
    let set = world.epoll_create();
    world.epoll_add(set, fd, libc::EPOLLIN);
    assert_eq!(world.epoll(set, 60 * S), []);
}

#[test]
fn zero_takes_a_timeout_away_and_one_direction_leaves_the_other() {
    let world = World::new("");
    let fd = world.connected_nonblocking();
    world.set_receive_timeout(fd, 3 * S);
    world.set_send_timeout(fd, 2 * S);
    world.set_receive_timeout(fd, 0);
    assert_eq!(world.poll_one(fd, IN, 60 * S), 0);
    assert_eq!(world.write(fd, 5000), Ok(4096));
    let began = world.now();
    assert_eq!(world.poll_one(fd, OUT, FOREVER), OUT);
    world.assert_deadline(began, 2 * S);
}

#[test]
fn a_timeout_set_on_a_registered_socket_counts_at_once() {
    let world = World::new("");
    let (fd, set) = (world.connected_nonblocking(), world.epoll_create());
    world.epoll_add(set, fd, libc::EPOLLIN);
    let mut thread = world.begin_epoll(set, 8, FOREVER);
    world.pass(10 * S);
    assert_eq!(thread.run(&world), None);
    let began = world.now();
    world.set_receive_timeout(fd, 3 * S);
    assert_eq!(world.events(&mut thread), [(libc::EPOLLIN as u32, fd as u64)]);
    world.assert_deadline(began, 3 * S);
    let record = world.records().join("");
    assert!(record.contains(r#""class":"so_rcvtimeo","source":"SO_RCVTIMEO""#), "{record}");
}

#[test]
fn left_to_the_kernel_they_bound_nothing() {
    let world = World::with(|settings| settings.timeouts_by_kernel = true);
    let fd = world.connected_nonblocking();
    world.set_receive_timeout(fd, 3 * S);
    assert_eq!(world.poll_one(fd, IN, 60 * S), 0);
}

#[test]
fn datagram_sockets_obey_them_too() {
    let world = World::new("to * read=1s");
    let fd = world.datagram();
    world.set_nonblocking(fd, true);
    world.set_receive_timeout(fd, 300 * MS);
    let began = world.now();
    assert_eq!(world.poll_one(fd, IN, FOREVER), IN);
    world.assert_deadline(began, 300 * MS);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
}

#[test]
fn a_dup_shares_them() {
    let world = World::new("");
    let fd = world.connected_nonblocking();
    world.set_receive_timeout(fd, 3 * S);
    let twin = world.dup(fd);
    assert_eq!(world.close(fd), Ok(0));
    let began = world.now();
    assert_eq!(world.poll_one(twin, IN, FOREVER), IN);
    world.assert_deadline(began, 3 * S);
}
