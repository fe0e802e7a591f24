//! Timeouts of a socket through the C API (`nd_set_timeouts`), alone, and beside deadlines, rules, the program's own options and
//! the operator who only observes: whichever ends first holds.

use crate::any_wait::{How, Waiting};
use crate::api::{CONNECT, DEADLINE, OPTION, READ, RULE, TIMEOUTS, WRITE};
use crate::door::World;
use crate::machine::{MS, S};
use crate::program::{FOREVER, IN};
use netdeadline_engine::op;

const RESPONSE: u32 = 2;
const LIFETIME: u32 = 5;

#[test]
fn they_come_back_as_they_were_set() {
    let world = World::new("to * read=7s");
    let fd = world.connected();
    let all = |fd| op::timeouts(&world.engine, fd);
    assert_eq!(world.deadlines(fd), Ok((0, 0)));
    assert_eq!(all(fd), Ok([0; 5]), "a rule's are not the program's");
    world.set_timeouts(fd, [1, 2, 3, 4, 5]);
    assert_eq!(all(world.dup(fd)), Ok([1, 2, 3, 4, 5]));
    world.set_timeouts(fd, [0, 0, 9, 0, 0]);
    assert_eq!(all(fd), Ok([0, 0, 9, 0, 0]));
    assert_eq!(all(world.connected()), Ok([0; 5]));
    assert_eq!(all(world.file()), Err(libc::ENOTSOCK));
    assert_eq!(all(999), Err(libc::EBADF));
    assert_eq!(world.close(fd), Ok(0));
    assert_eq!(world.close(world.connected()), Ok(0), "the dup holds the description: another socket has another");
    assert_eq!(all(world.connected()), Ok([0; 5]));
}

#[test]
fn a_read_timeout_bounds_each_wait_for_input_however_it_is_made() {
    for how in
        [How::Read, How::Poll(1), How::Poll(64), How::Select, How::Epoll(0), How::Epoll(libc::EPOLLET), How::Accept]
    {
        let world = World::new("");
        let fd = how.socket(&world);
        world.set_timeouts(fd, [0, 0, 2 * S, 0, 0]);
        let mut waiting = how.begin(&world, fd);
        let at = world.now() + 2 * S;
        waiting.waits_until(&world, at - 1000);
        assert!(waiting.until(&world, at + S).is_some());
        assert!(
            world.now() >= at - 1000 && world.now() < at + 11 * MS,
            "{how:?}: {} us late",
            (world.now() - at) / 1000
        );
        assert_eq!(world.why(fd), (READ, TIMEOUTS), "{how:?}");
    }
}

#[test]
fn set_while_a_thread_waits_it_counts_from_then() {
    for how in [How::Read, How::Poll(1), How::Poll(63), How::Select, How::Epoll(0), How::Epoll(libc::EPOLLET)] {
        let world = World::new("");
        let fd = how.socket(&world);
        world.set_deadline(fd, 0);
        let mut waiting = how.begin(&world, fd);
        waiting.waits_until(&world, world.now() + 10 * S);
        world.set_timeouts(fd, [0, 0, 2 * S, 0, 0]);
        let at = world.now() + 2 * S;
        waiting.waits_until(&world, at - 1);
        assert!(waiting.until(&world, at + S).is_some(), "{how:?}");
        assert!(world.now() < at + 11 * MS, "{how:?}: {} us late", (world.now() - at) / 1000);
    }
}

#[test]
fn a_read_timeout_begins_anew_with_every_byte_and_a_deadline_does_not() {
    let world = World::new("");
    let fd = world.connected();
    world.set_timeouts(fd, [0, 0, 2 * S, 0, 0]);
    let began = world.now();
    world.set_read(fd, began + 5 * S);
    (1..20).for_each(|i| world.machine.later(i * S, fd, |socket, now| socket.arrive(b"x", now)));
    let mut bytes = 0;
    while world.read(fd, 1).is_ok() {
        bytes += 1;
    }
    assert!(bytes == 4 || bytes == 5, "{bytes}");
    world.assert_deadline(began, 5 * S);
    assert_eq!(world.why(fd), (READ, DEADLINE));
}

#[test]
fn each_class_has_its_own() {
    let world = World::new("");
    let fd = world.socket();
    world.set_timeouts(fd, [S, 0, 0, 0, 0]);
    let began = world.now();
    assert_eq!(world.connect(fd, 9), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, S);
    assert_eq!(world.why(fd), (CONNECT, TIMEOUTS));

    let fd = world.connected();
    world.set_timeouts(fd, [S, 2 * S, 0, 0, 0]);
    let mut idle = world.begin_read(fd, 1);
    assert_eq!(world.until(&mut idle, world.now() + 60 * S), None, "nothing was asked: an idle connection");
    world.arrive(fd, b"x");
    assert_eq!(world.end(&mut idle), Ok(1));
    assert_eq!(world.write(fd, 1), Ok(1));
    world.acknowledge(fd, 1);
    let began = world.now();
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.why(fd), (RESPONSE, TIMEOUTS));

    let fd = How::Write.socket(&world);
    world.set_timeouts(fd, [0, 0, 0, 2 * S, 0]);
    let began = world.now();
    assert_eq!(world.write(fd, 1), Err(libc::ETIMEDOUT));
    world.assert_write_deadline(began, 2 * S);
    assert_eq!(world.why(fd), (WRITE, TIMEOUTS));
    assert!(world.last_expiry(fd).is_ok_and(|last| last.waited >= 2 * S));

    let fd = world.connected();
    let began = world.now();
    world.set_timeouts(fd, [0, 0, 0, 0, 2 * S]);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.why(fd), (LIFETIME, TIMEOUTS));
    assert_eq!(world.write(fd, 1), Err(libc::ETIMEDOUT), "sticky, both ways");
    world.set_timeouts(fd, [0; 5]);
    assert_eq!(world.write(fd, 1), Ok(1), "and taken away");
}

#[test]
fn whichever_ends_first_holds() {
    const FAR: u64 = 50;
    for first in 0..3 {
        // Seconds of the rule, of the program's own, of its deadline.
        let times: Vec<u64> = (0..3).map(|i| if i == first { 2 } else { FAR + i }).collect();
        let world = World::new(&format!("to * read={}s", times[0]));
        let fd = world.connected();
        world.set_timeouts(fd, [0, 0, times[1] * S, 0, 0]);
        let began = world.now();
        world.set_read(fd, began + times[2] * S);
        assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
        world.assert_deadline(began, 2 * S);
        assert_eq!(world.why(fd), (READ, [RULE, TIMEOUTS, DEADLINE][first as usize]));
    }
}

#[test]
fn the_programs_receive_timeout_holds_beside_a_deadline_as_ever() {
    for (option, deadline, nonblocking) in [(1, 5, false), (5, 1, false), (1, 5, true), (5, 1, true)] {
        let world = World::new("");
        let fd = world.connected();
        world.set_nonblocking(fd, nonblocking);
        world.set_receive_timeout(fd, option * S);
        let began = world.now();
        world.set_read(fd, began + deadline * S);
        if nonblocking {
            assert_eq!(world.poll_one(fd, IN, FOREVER), IN);
        }
        let answer = world.read(fd, 1);
        world.assert_deadline(began, S);
        if deadline < option {
            assert_eq!(answer, Err(libc::ETIMEDOUT));
            assert_eq!(world.why(fd), (READ, DEADLINE));
        } else if nonblocking {
            assert_eq!(answer, Err(libc::ETIMEDOUT));
            assert_eq!(world.why(fd), (READ, OPTION));
        } else {
            assert_eq!(answer, Err(libc::EAGAIN), "as the kernel answers");
        }
    }
}

#[test]
fn the_programs_send_timeout_holds_beside_a_deadline_as_ever() {
    for (option, deadline) in [(1, 5), (5, 1)] {
        let world = World::new("");
        let fd = How::Write.socket(&world);
        world.set_send_timeout(fd, option * S);
        let began = world.now();
        world.set_write(fd, began + deadline * S);
        assert_eq!(world.write(fd, 1), Err(if deadline < option { libc::ETIMEDOUT } else { libc::EAGAIN }));
        world.assert_deadline(began, S);
    }
}

/// A process whose operator observes a rule, and a thread that has waited past that.
fn observed(how: How) -> (World, Waiting) {
    let world = World::with(|settings| {
        settings.observe = true;
        settings.policy.parse(b"to * read=1s", netdeadline_engine::policy::Origin::Rules).expect("rules");
    });
    let fd = how.socket(&world);
    world.set_deadline(fd, 0);
    let mut waiting = how.begin(&world, fd);
    waiting.waits_until(&world, world.now() + 5 * S);
    assert_eq!(world.records().len(), 1, "{how:?}");
    (world, waiting)
}

const SEVERAL: [How; 4] = [How::Read, How::Poll(1), How::Select, How::Epoll(0)];

#[test]
fn where_the_operator_only_observes_a_deadline_is_obeyed() {
    for how in SEVERAL {
        let (world, mut waiting) = observed(how);
        let at = world.now() + 2 * S;
        world.set_read(waiting.fd, at);
        waiting.expires_at(&world, at);
    }
}

#[test]
fn where_the_operator_only_observes_a_timeout_bounds_a_read() {
    obeys_a_timeout(How::Read);
}

#[test]
fn where_the_operator_only_observes_a_timeout_bounds_waits_on_many() {
    SEVERAL.into_iter().for_each(obeys_a_timeout);
}

fn obeys_a_timeout(how: How) {
    let (world, mut waiting) = observed(how);
    let at = world.now() + 2 * S;
    world.set_timeouts(waiting.fd, [0, 0, 2 * S, 0, 0]);
    waiting.waits_until(&world, at - 1);
    assert!(waiting.until(&world, at + S).is_some(), "{how:?}");
    assert!(world.now() < at + 11 * MS, "{how:?}");
    assert_eq!(world.why(waiting.fd), (READ, TIMEOUTS), "{how:?}: what is observed is not what ended it");
    let mut next = how.begin(&world, waiting.fd);
    if how != How::Read {
        assert_eq!(world.read(waiting.fd, 1), Err(libc::ETIMEDOUT));
    }
    assert!(next.until(&world, world.now() + 3 * S).is_some(), "{how:?}, and the next");
}

#[test]
fn a_timeout_of_an_attempt_in_poll_counts_from_the_connect() {
    let world = World::new("");
    let fd = world.socket();
    world.set_nonblocking(fd, true);
    world.set_timeouts(fd, [2 * S, 0, 0, 0, 0]);
    let began = world.now();
    assert_eq!(world.connect(fd, 9), Err(libc::EINPROGRESS));
    world.pass(S);
    let mut waiting = How::PollOut.begin(&world, fd);
    assert_eq!(waiting.until(&world, began + 3 * S), Some(Ok(1)));
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.socket_error(fd), libc::ETIMEDOUT);
}
