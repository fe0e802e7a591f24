//! What another thread does between two steps of an operation that waits, or of one that sets a deadline: nothing is lost,
//! nothing spins, nobody meets a stranger's deadline.
//!
//! The machine runs the other thread just before a chosen call of the engine's. Races without a call in between are raced for
//! real in src/engine/table.

use crate::api::Accepting;
use crate::door::World;
use crate::machine::{MS, S};
use crate::program::{Reading, FOREVER, IN};
use netdeadline_engine::op::Ways;
use std::cell::RefCell;
use std::rc::Rc;

fn world() -> Rc<World> {
    Rc::new(World::new(""))
}

#[test]
fn a_waiter_that_ends_while_it_is_woken_leaves_no_wake_up_behind() {
    let world = world();
    let fd = world.connected();
    world.set_deadline(fd, world.now() + 60 * S);
    let reader: Rc<RefCell<Reading>> = Rc::new(RefCell::new(world.begin_read(fd, 10)));
    let (other, thread) = (Rc::clone(&world), Rc::clone(&reader));
    // The setter has found the waiter, and is about to set its waker off; now the waiter gets its data.
    world.machine.before(libc::SYS_epoll_ctl, move || {
        other.arrive(fd, b"data");
        assert_eq!(thread.borrow_mut().run(&other), Some(Ok(4)));
    });
    world.set_deadline(fd, world.now() + 30 * S);
    let began = world.now();
    let mut next = world.begin_read(fd, 10);
    world.machine.later(S, fd, |socket, now| socket.arrive(b"more", now));
    assert_eq!(world.end(&mut next), Ok(4));
    assert_eq!(world.now() / MS, (began + S) / MS);
    assert!(next.steps() < 10, "{} steps of a read that waits once: the waker stays set", next.steps());
}

#[test]
fn a_number_that_is_closed_and_taken_before_the_wait_begins_is_not_waited_for() {
    let world = world();
    let fd = world.connected();
    world.set_deadline(fd, world.now() + 60 * S);
    let other = Rc::clone(&world);
    // The read has found nothing; before it is announced as a wait another thread closes the number and dials anew.
    world.machine.before(libc::SYS_gettid, move || {
        assert_eq!(other.close(fd), Ok(0));
        assert_eq!(other.connected(), fd, "the number is taken again");
    });
    let mut reader = world.begin_read(fd, 10);
    assert_eq!(world.until(&mut reader, world.now() + 10 * S), Some(Err(libc::EBADF)));
}

#[test]
fn a_deadline_that_is_set_before_the_wait_begins_is_seen() {
    for hook in [libc::SYS_gettid, libc::SYS_epoll_create1, libc::SYS_epoll_ctl, libc::SYS_getsockopt, libc::SYS_fcntl]
    {
        let world = world();
        let fd = world.connected();
        world.set_deadline(fd, world.now() + 60 * S);
        let (other, at) = (Rc::clone(&world), world.now() + S);
        world.machine.before(hook, move || other.set_deadline(fd, at));
        let mut reader = world.begin_read(fd, 10);
        assert_eq!(world.end(&mut reader), Err(libc::ETIMEDOUT), "before call {hook}");
        world.assert_deadline(at, 0);
    }
}

#[test]
fn who_accepts_while_another_borrows_the_same_option_does_not_block() {
    let world = world();
    let fd = world.listener();
    let at = world.now() + 10 * S;
    world.set_deadline(fd, at);
    let first: Rc<RefCell<Accepting>> = Rc::new(RefCell::new(world.begin_accept(fd)));
    let second: Rc<RefCell<Accepting>> = Rc::new(RefCell::new(world.begin_accept(fd)));
    world.client(fd, S);
    world.pass(S);
    // The first is about to take its loan; the second, woken by the same connection, comes in between.
    let (other, thread) = (Rc::clone(&world), Rc::clone(&second));
    world.machine.before(libc::SYS_getsockopt, move || {
        let _ = thread.borrow_mut().run(&other);
    });
    let one = first.borrow_mut().run(&world);
    let two = second.borrow_mut().run(&world);
    assert!(one.is_some() != two.is_some(), "one of them has the connection: {one:?} {two:?}");
    let rest = if one.is_some() { second } else { first };
    assert_eq!(world.until(&mut rest.borrow_mut(), at + S), Some(Err(libc::ETIMEDOUT)), "the other's deadline holds");
}

#[test]
fn a_signal_that_restarts_does_not_end_an_accept_that_lost_its_connection() {
    let world = world();
    let fd = world.listener();
    let at = world.now() + 10 * S;
    world.set_deadline(fd, at);
    let mut accept = world.begin_accept(fd);
    world.client(fd, S);
    world.pass(S);
    let other = Rc::clone(&world);
    world.machine.before(libc::SYS_setsockopt, move || {
        // Another process is faster.
        other.machine.socket(fd).queue = 0;
    });
    assert_eq!(accept.run(&world), None);
    world.machine.change().handlers.insert(libc::SIGUSR1, true);
    world.machine.change().interrupted = true;
    assert_eq!(world.end(&mut accept), Err(libc::ETIMEDOUT), "SA_RESTART");
    world.assert_deadline(at, 0);
}

#[test]
fn a_poll_sees_what_is_set_while_it_begins() {
    let world = world();
    let fd = world.connected();
    world.set_deadline(fd, world.now() + 60 * S);
    let (other, at) = (Rc::clone(&world), world.now() + S);
    world.machine.before(libc::SYS_gettid, move || other.set_deadline(fd, at));
    let mut poller = world.begin_poll(&[(fd, IN)], FOREVER);
    assert_eq!(world.end(&mut poller), Ok(1));
    world.assert_deadline(at, 0);
    assert_eq!(world.set(fd, Ways::Both, 0), Ok(()));
}
