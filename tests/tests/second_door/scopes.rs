//! Scopes: a thread's bound on everything that it waits for on sockets, through whichever call and in whichever library.

use crate::any_wait::{How, ALL};
use crate::api::{DEADLINE, READ, SCOPE};
use crate::door::World;
use crate::machine::{File, Phase, MS, S};
use crate::program::{FOREVER, IN, OUT};
use netdeadline_engine::op;

#[test]
fn every_wait_of_the_thread_ends_at_the_scopes_instant() {
    for how in ALL {
        let world = World::new("");
        let fd = how.socket(&world);
        let at = world.now() + 3 * S;
        let token = world.enter(at);
        let mut waiting = how.begin(&world, fd);
        if let How::Poll(count) = how {
            // All of them are bounded.
            waiting.told = count;
        }
        if how == How::Nested {
            // It reports sockets, and an epoll set is none.
            waiting.waits_until(&world, at - 1);
            assert_eq!(waiting.until(&world, at + S), Some(Ok(0)));
        } else {
            waiting.expires_at(&world, at);
        }
        assert_eq!(world.leave(token), Ok(()));
    }
}

#[test]
fn when_it_is_left_everything_is_as_it_was() {
    for how in ALL {
        let world = World::new("");
        let fd = how.socket(&world);
        let token = world.enter(world.now() + 3 * S);
        assert_eq!(world.leave(token), Ok(()));
        assert!(!world.engine.scopes.any());
        let mut waiting = how.begin(&world, fd);
        waiting.waits_until(&world, world.now() + 5 * S);
        waiting.ends_well(&world);
    }
}

#[test]
fn an_expired_scope_fails_operations_at_once_and_consumes_nothing() {
    for when in [1, 0_u64.wrapping_sub(5)] {
        let world = World::new("");
        let (fd, dials, listens) = (world.connected(), world.socket(), world.listener());
        world.arrive(fd, b"data");
        world.machine.socket(listens).queue = 1;
        let began = world.now();
        let token = world.enter(when);
        for _ in 0..5 {
            assert_eq!(world.read(fd, 9), Err(libc::ETIMEDOUT));
            assert_eq!(world.recv(fd, 9, libc::MSG_DONTWAIT), Err(libc::ETIMEDOUT));
            assert_eq!(world.write(fd, 9), Err(libc::ETIMEDOUT));
            assert_eq!(world.accept_one(listens), Err(libc::ETIMEDOUT));
            assert_eq!(world.connect(dials, 9), Err(libc::ETIMEDOUT));
        }
        assert_eq!(world.now(), began);
        assert_eq!(world.why(fd).1, SCOPE);
        assert_eq!(world.leave(token), Ok(()));
        assert_eq!(world.read_text(fd, 9), Ok("data".to_owned()));
        assert!(world.machine.socket(fd).outgoing.is_empty());
        assert_eq!(world.machine.socket(listens).queue, 1);
        assert_eq!(world.machine.socket(dials).phase, Phase::Closed);
    }
}

#[test]
fn a_write_answers_what_it_moved_before() {
    let world = World::new("");
    let fd = world.connected();
    world.machine.socket(fd).capacity = 40;
    let at = world.now() + S;
    let token = world.enter(at);
    assert_eq!(world.write(fd, 100), Ok(40));
    world.assert_deadline(at, 0);
    assert_eq!(world.write(fd, 60), Err(libc::ETIMEDOUT));
    assert_eq!(world.leave(token), Ok(()));
}

#[test]
fn waits_of_an_expired_scope_report_their_sockets_and_are_paced() {
    let world = World::new("");
    let (fd, set) = (world.connected_nonblocking(), world.epoll_create());
    world.epoll_add(set, fd, libc::EPOLLIN);
    let many: Vec<(i32, i16)> = (0..64).map(|_| (world.connected(), IN)).collect();
    for round in 0..4 {
        let wait = || match round {
            0 => assert_eq!(world.poll_one(fd, IN, FOREVER), IN),
            1 => assert_eq!(world.poll(&many, FOREVER), (Ok(64), vec![IN; 64])),
            2 => assert_eq!(world.select(&[fd], FOREVER), (Ok(1), vec![fd])),
            _ => assert_eq!(world.epoll(set, FOREVER), [(libc::EPOLLIN as u32, fd as u64)]),
        };
        for _ in 0..2 {
            let token = world.enter(world.now());
            let began = world.now();
            (0..4).for_each(|_| wait());
            assert!(world.now() - began < 100_000, "{round}: the first four at once: {} ns", world.now() - began);
            let began = world.now();
            (0..20).for_each(|_| wait());
            let took = world.now() - began;
            assert!((20 * MS..21 * MS).contains(&took), "{round}: then each a millisecond: {} us", took / 1000);
            assert_eq!(world.leave(token), Ok(()));
        }
    }
}

#[test]
fn who_only_asks_is_not_paced() {
    let world = World::new("");
    let fd = world.connected_nonblocking();
    let set = world.epoll_create();
    world.epoll_add(set, fd, libc::EPOLLIN);
    let _token = world.enter(1);
    let began = world.now();
    for _ in 0..100 {
        assert_eq!(world.poll_one(fd, IN, 0), IN);
        assert_eq!(world.select(&[fd], 0).0, Ok(1));
        assert_eq!(world.epoll(set, 0), [(libc::EPOLLIN as u32, fd as u64)]);
    }
    assert!(world.now() - began < MS, "{} ns", world.now() - began);
}

#[test]
fn a_wait_without_sockets_returns_nothing_at_the_instant() {
    let world = World::new("");
    let file = world.machine.change().open(File::Timer(Default::default()));
    let set = world.epoll_create();
    for round in 1..=3 {
        let at = world.now() + S;
        let token = world.enter(at);
        let answer = match round {
            1 => world.poll(&[], FOREVER).0,
            2 => world.poll(&[(file, IN), (-1, IN)], FOREVER).0,
            _ => world.select(&[], FOREVER).0,
        };
        assert_eq!(answer, Ok(0));
        world.assert_deadline(at, 0);
        assert_eq!(world.leave(token), Ok(()));
        let at = world.now() + S;
        let token = world.enter(at);
        assert_eq!(world.epoll(set, FOREVER), []);
        world.assert_deadline(at, 0);
        assert_eq!(world.leave(token), Ok(()));
    }
}

#[test]
fn what_is_ready_is_reported_whatever_the_scope() {
    let world = World::new("");
    let (file, fd) = (world.file(), world.connected());
    let _token = world.enter(1);
    assert_eq!(world.poll_one(file, IN, FOREVER), IN, "a file");
    world.arrive(fd, b"x");
    assert_eq!(world.poll_one(fd, IN | OUT, FOREVER), IN | OUT);
    assert_eq!(world.poll_one(fd, libc::POLLPRI, 5 * MS), 0, "what was not asked for is not");
}

#[test]
fn a_programs_own_time_that_ends_sooner_holds() {
    let world = World::new("");
    let (fd, set) = (world.connected(), world.epoll_create());
    world.epoll_add(set, fd, libc::EPOLLIN);
    let _token = world.enter(world.now() + 10 * S);
    let began = world.now();
    assert_eq!(world.poll_one(fd, IN, S), 0);
    assert_eq!(world.select(&[fd], S).0, Ok(0));
    assert_eq!(world.epoll(set, S), []);
    world.assert_deadline(began, 3 * S);
    world.set_read(fd, began + 4 * S);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 4 * S);
    assert_eq!(world.why(fd), (READ, DEADLINE));
}

#[test]
fn of_nested_scopes_the_earliest_instant_holds() {
    let world = World::new("");
    let fd = world.connected();
    let began = world.now();
    let outer = world.enter(began + 5 * S);
    let none = world.enter(0);
    let shorter = world.enter(began + S);
    let longer = world.enter(began + 60 * S);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, S);
    assert_eq!(world.leave(longer), Ok(()));
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT), "still in the shorter");
    assert_eq!(world.leave(shorter), Ok(()));
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 5 * S);
    assert_eq!(world.leave(none), Ok(()));
    assert_eq!(world.leave(outer), Ok(()));
    assert_eq!(world.until(&mut world.begin_read(fd, 1), world.now() + 60 * S), None);
}

#[test]
fn only_the_innermost_scope_of_the_thread_can_be_left() {
    let world = World::new("");
    let token = |when| op::enter_scope(&world.engine, world.key.get(), when);
    assert_eq!(world.leave(0), Err(libc::EINVAL), "before there was any");
    assert_eq!(world.deadlines(world.socket()), Ok((0, 0)));
    let outer = token(5).expect("a scope");
    let inner = token(-7).expect("a scope");
    assert!(outer != inner && (outer as i64) >= 0);
    for wrong in [outer, inner + 1, 0, u64::MAX] {
        assert_eq!(world.leave(wrong), Err(libc::EINVAL));
    }
    world.as_thread(2);
    assert_eq!(world.leave(inner), Err(libc::EINVAL), "another thread's");
    world.as_thread(0);
    world.machine.change().tid = None;
    assert_eq!(world.leave(inner), Ok(()));
    assert_eq!(world.leave(inner), Err(libc::EINVAL), "twice");
    assert_eq!(world.leave(outer), Ok(()));
    assert_eq!(world.leave(outer), Err(libc::EINVAL));
}

#[test]
fn sixty_four_scopes_nest_and_no_more() {
    let world = World::new("");
    let fd = world.connected();
    let began = world.now();
    let mut tokens: Vec<u64> = (0..64).map(|i| world.enter(began + (100 - i) * S)).collect();
    assert_eq!(op::enter_scope(&world.engine, world.key.get(), 1), Err(libc::EAGAIN));
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 37 * S);
    while let Some(token) = tokens.pop() {
        assert_eq!(world.leave(token), Ok(()));
    }
    assert!(!world.engine.scopes.any());
}

#[test]
fn other_threads_are_in_scopes_of_their_own() {
    let world = World::new("");
    let fd = world.connected();
    let began = world.now();
    world.as_thread(1);
    let first = world.enter(began + S);
    world.as_thread(2);
    let second = world.enter(began + 2 * S);
    world.as_thread(3);
    let mut third = world.begin_read(fd, 1);
    world.as_thread(2);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 2 * S);
    assert_eq!(third.run(&world), None, "in none");
    assert_eq!(world.leave(first), Err(libc::EINVAL));
    assert_eq!(world.leave(second), Ok(()));
    world.as_thread(1);
    assert_eq!(world.leave(first), Ok(()));
    assert!(!world.engine.scopes.any());
}

#[test]
fn a_thread_that_ended_inside_its_scopes_leaves_them_to_nobody() {
    let world = World::new("");
    let fd = world.connected();
    for round in 0..3000 {
        // Addresses are used again, numbers are not, for a while.
        world.key.set(0x1000 + 8 * (round as usize % 1500));
        world.machine.change().tid = Some(10_000 + round);
        let mut thread = world.begin_read(fd, 1);
        assert_eq!(thread.run(&world), None, "thread {round} begins in no scope");
        drop(thread);
        world.enter(1);
        world.machine.change().dead.insert(10_000 + round);
    }
}

#[test]
fn a_forked_child_begins_without_scopes() {
    let world = World::new("");
    let fd = world.connected();
    let token = world.enter(1);
    world.machine.fork();
    let mut thread = world.begin_read(fd, 1);
    assert_eq!(world.until(&mut thread, world.now() + S), None);
    assert_eq!(world.leave(token), Err(libc::EINVAL));
    let at = world.now() + S;
    let token = world.enter(at);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    world.assert_deadline(at, 0);
    assert_eq!(world.leave(token), Ok(()));
    assert!(!world.engine.scopes.any());
}

#[test]
fn a_oneshot_in_an_expired_scope_is_told_once() {
    let world = World::new("");
    let (fd, set) = (world.connected_nonblocking(), world.epoll_create());
    world.epoll_add(set, fd, libc::EPOLLIN | libc::EPOLLONESHOT);
    let token = world.enter(1);
    assert_eq!(world.epoll(set, FOREVER), [(libc::EPOLLIN as u32, fd as u64)]);
    assert_eq!(world.epoll(set, FOREVER), []);
    assert_eq!(world.leave(token), Ok(()));
}
