//! fork and vfork: a forked child keeps the deadlines and makes its own timers; a vfork child reads and never writes.

use crate::door::World;
use crate::machine::{File, MS, S};
use crate::program::{FOREVER, IN};
use netdeadline_engine::set::token;

const RULE: &str = "to * read=2s";
const INPUT: u32 = libc::EPOLLIN as u32;

fn settings(world: &World, nr: i64) -> u64 {
    world.machine.state().asked.get(&nr).copied().unwrap_or(0)
}

#[test]
fn a_forked_child_keeps_the_deadlines_and_makes_its_own_timer() {
    let world = World::new(RULE);
    let (fd, set) = (world.connected_nonblocking(), world.epoll_create());
    let began = world.now();
    world.epoll_add(set, fd, libc::EPOLLIN);
    assert_eq!(settings(&world, libc::SYS_timerfd_create), 1);
    world.pass(S);
    world.machine.fork();
    // The machine is the child now; the parent's timer is still in the set that both hold.
    let mut waiter = world.begin_epoll(set, 8, FOREVER);
    assert_eq!(world.events(&mut waiter), [(INPUT, fd as u64)]);
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    assert_eq!(settings(&world, libc::SYS_timerfd_create), 2, "its own");
    let began = world.now();
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    world.assert_deadline(began, 2 * S);
}

#[test]
fn another_processs_token_is_filtered_and_makes_the_waiter_look() {
    let world = World::new(RULE);
    let (fd, set) = (world.connected_nonblocking(), world.epoll_create());
    // A timer of another process in the shared set.
    let mut state = world.machine.change();
    let at = state.now + S;
    let theirs = state.open(File::Timer(crate::machine::Timer { at, set: 1 }));
    let event = libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLET) as u32, u64: token(99) };
    state.epoll_ctl(set, libc::EPOLL_CTL_ADD, theirs, &raw const event as usize).expect("added");
    drop(state);
    let mut waiter = world.begin_epoll(set, 1, FOREVER);
    world.pass(S + MS);
    assert_eq!(waiter.run(&world), None, "not the program's event");
    let began = world.now();
    world.epoll_add(set, fd, libc::EPOLLIN);
    assert_eq!(world.events(&mut waiter), [(INPUT, fd as u64)]);
    world.assert_deadline(began, 2 * S);
}

#[test]
fn a_token_in_a_set_that_nobody_here_knows_is_filtered_too() {
    let world = World::new("");
    let set = world.machine.change().open(File::Epoll(crate::machine::Epoll::default()));
    let mut state = world.machine.change();
    let at = state.now + S;
    let theirs = state.open(File::Timer(crate::machine::Timer { at, set: 1 }));
    let event = libc::epoll_event { events: (libc::EPOLLIN | libc::EPOLLET) as u32, u64: token(99) };
    state.epoll_ctl(set, libc::EPOLL_CTL_ADD, theirs, &raw const event as usize).expect("added");
    drop(state);
    let began = world.now();
    assert_eq!(world.epoll(set, 3 * S), []);
    world.assert_deadline(began, 3 * S);
}

#[test]
fn a_vfork_child_makes_plain_calls_and_writes_nothing() {
    let world = World::new(RULE);
    let (fd, set, other) = (world.connected(), world.epoll_create(), world.connected());
    world.epoll_add(set, other, libc::EPOLLIN);
    let mut parent = world.begin_read(fd, 10);
    world.engine.process.lend(&world.engine.kernel, 1);
    world.machine.change().pid += 1;
    assert!(world.engine.process.borrowed(&world.engine.kernel));
    // What a child does before exec, in memory that is the parent's. The closes are of its own copies of the numbers.
    for number in [fd, set, other] {
        assert_eq!(netdeadline_engine::op::close(&world.engine, number), netdeadline_engine::op::Close::Call);
    }
    netdeadline_engine::op::close_range(&world.engine, 3, u32::MAX);
    netdeadline_engine::op::closed_range(&world.engine, 3, u32::MAX);
    netdeadline_engine::op::duplicated(&world.engine, 0, fd);
    netdeadline_engine::op::created(&world.engine, fd);
    assert!(world.hangs(&mut world.begin_read(fd, 10)), "without a deadline: it would have to be stored");
    world.machine.change().pid -= 1;
    world.engine.process.lend(&world.engine.kernel, -1);
    assert!(!world.engine.process.borrowed(&world.engine.kernel));
    assert_eq!(world.end(&mut parent), Err(libc::ETIMEDOUT), "the parent's slot is as it was");
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, other as u64)], "and its set");
}

#[test]
fn the_epoch_is_another_one_after_a_fork_and_never_zero() {
    let world = World::new(RULE);
    let epoch = || world.engine.process.epoch(&world.engine.kernel);
    let first = epoch();
    world.pass(S);
    assert_eq!((epoch(), first == 0), (first, false));
    world.machine.fork();
    world.pass(MS);
    let second = epoch();
    assert_ne!(first, second);
    world.machine.change().pid = 4711;
    world.machine.fork();
    world.machine.change().pid = 4711;
    world.pass(MS);
    assert_ne!(epoch(), second, "also where the pid is the same, in another namespace");
}

#[test]
fn a_fork_inside_a_wait_leaves_the_parent_waiting() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    let began = world.now();
    let mut poller = world.begin_poll(&[(fd, IN)], FOREVER);
    world.pass(S);
    world.machine.fork();
    assert_eq!(world.end(&mut poller), Ok(1));
    world.assert_deadline(began, 2 * S);
}
