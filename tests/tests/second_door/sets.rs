//! Epoll sets: what is registered expires as it was registered, whoever waits, on whichever set, in whichever mode.

use crate::door::World;
use crate::machine::{File, Timer, GRAIN, MS, S};
use crate::program::{FOREVER, IN};

pub const RULE: &str = "to * read=2s";
pub const INPUT: u32 = libc::EPOLLIN as u32;

/// A set that holds one silent connection.
pub fn one(world: &World, events: i32) -> (i32, i32) {
    let (fd, set) = (world.connected_nonblocking(), world.epoll_create());
    world.epoll_add(set, fd, events);
    (fd, set)
}

/// The hidden timers there are.
fn timers(world: &World) -> Vec<i32> {
    let state = world.machine.state();
    let is_timer = |fd: &i32| matches!(state.files[&state.numbers[fd]], File::Timer(_));
    state.numbers.keys().copied().filter(is_timer).collect()
}

#[test]
fn registering_is_waiting_and_ends_at_the_deadline() {
    for mode in [0, libc::EPOLLET, libc::EPOLLONESHOT, libc::EPOLLEXCLUSIVE] {
        let world = World::new(RULE);
        let began = world.now();
        let (fd, set) = one(&world, libc::EPOLLIN | mode);
        let mut thread = world.begin_epoll(set, 8, FOREVER);
        assert_eq!(world.until(&mut thread, began + 2 * S - 1), None);
        assert_eq!(world.events(&mut thread), [(INPUT, fd as u64)], "only what was asked for, mode {mode:#x}");
        world.assert_deadline(began, 2 * S);
        let told = world.now();
        assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
        assert_eq!(world.now(), told);
        assert_eq!(world.read(fd, 1), Err(libc::EAGAIN));
    }
}

#[test]
fn the_kernels_own_events_pass_untouched() {
    let world = World::new(RULE);
    let (fd, set) = one(&world, libc::EPOLLIN | libc::EPOLLRDHUP);
    world.machine.later(S, fd, |socket, now| socket.arrive(b"x", now));
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    assert_eq!(world.read(fd, 9), Ok(1));
    world.machine.later(S, fd, |socket, _| socket.end());
    assert_eq!(world.epoll(set, FOREVER), [(INPUT | libc::EPOLLRDHUP as u32, fd as u64)]);
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn a_wait_that_runs_is_woken_for_what_is_armed_later() {
    let world = World::new(RULE);
    let set = world.epoll_create();
    let mut waiter = world.begin_epoll(set, 8, FOREVER);
    let mut other = world.begin_epoll_ms(set, 8, -1);
    world.pass(10 * S);
    assert_eq!((waiter.run(&world), other.run(&world)), (None, None));
    let fd = world.connected_nonblocking();
    let began = world.now();
    world.epoll_add(set, fd, libc::EPOLLIN);
    assert_eq!(world.events(&mut waiter), [(INPUT, fd as u64)]);
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    // The other thread's wait goes on, and hears of the next expiry.
    let began = world.now();
    assert_eq!(world.events(&mut other), [(INPUT, fd as u64)]);
    world.assert_deadline(began, 2 * S);
}

#[test]
fn room_for_one_event_starves_nobody() {
    let world = World::new(RULE);
    let (silent, set) = one(&world, libc::EPOLLIN);
    let also = world.connected_nonblocking();
    world.epoll_add(set, also, libc::EPOLLIN);
    let busy = world.connected_nonblocking();
    world.epoll_add(set, busy, libc::EPOLLOUT);
    let began = world.now();
    let mut told = Vec::new();
    for _ in 0..4000 {
        for (_, data) in world.events(&mut world.begin_epoll(set, 1, FOREVER)) {
            if data != busy as u64 {
                told.push(data);
                assert_eq!(world.read(data as i32, 1), Err(libc::ETIMEDOUT));
            }
        }
        world.pass(MS);
        if told.len() == 2 {
            break;
        }
    }
    told.sort();
    assert_eq!(told, [silent as u64, also as u64]);
    assert!(world.now() >= began + 2 * S && world.now() < began + 2 * S + 10 * MS, "{}", world.now() - began);
}

#[test]
fn every_set_that_holds_a_socket_gets_its_event() {
    (1..=6).for_each(event_in_each_set);
}

/// One socket in one set and `more` others.
fn event_in_each_set(more: usize) {
    let world = World::new(RULE);
    let (fd, first) = one(&world, libc::EPOLLIN);
    let sets: Vec<i32> = (0..more).map(|_| world.epoll_create()).collect();
    for (i, set) in sets.iter().enumerate() {
        assert_eq!(world.epoll_ctl_data(*set, libc::EPOLL_CTL_ADD, fd, libc::EPOLLIN, 100 + i as u64), Ok(0));
    }
    let mut threads: Vec<_> = sets.iter().map(|set| world.begin_epoll(*set, 8, FOREVER)).collect();
    assert_eq!(world.epoll(first, FOREVER), [(INPUT, fd as u64)]);
    let told = world.now();
    for (i, thread) in threads.iter_mut().enumerate() {
        assert_eq!(world.events(thread), [(INPUT, 100 + i as u64)]);
    }
    assert!(world.now() <= told + MS, "{}", world.now() - told);
    assert_eq!(world.records().len(), 1, "one expiry");
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    assert_eq!(world.read(fd, 1), Err(libc::EAGAIN));
}

#[test]
fn a_dup_of_a_set_is_the_set() {
    let world = World::new(RULE);
    let set = world.epoll_create();
    let twin = world.dup(set);
    let fd = world.connected_nonblocking();
    let began = world.now();
    world.epoll_add(twin, fd, libc::EPOLLIN);
    assert_eq!(world.close(twin), Ok(0));
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    world.assert_deadline(began, 2 * S);
    let third = world.dup(set);
    assert_eq!(world.close(set), Ok(0));
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    let began = world.now();
    assert_eq!(world.epoll(third, FOREVER), [(INPUT, fd as u64)]);
    world.assert_deadline(began, 2 * S);
}

#[test]
fn the_hidden_timer_is_not_the_programs() {
    let world = World::new(RULE);
    let (fd, set) = one(&world, libc::EPOLLIN);
    let hidden = timers(&world);
    assert_eq!(hidden.len(), 1);
    assert!(hidden[0] > 100, "out of the way: {hidden:?}");
    assert_eq!(world.close(hidden[0]), Err(libc::EBADF));
    assert_eq!(timers(&world), hidden);
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    assert_eq!(world.close(set), Ok(0));
    assert_eq!(timers(&world), [0; 0], "it goes with its set");
    // A timerfd of the program's own is.
    let theirs = world.machine.change().open(File::Timer(Timer::default()));
    assert_eq!(world.close(theirs), Ok(0));
}

#[test]
fn a_set_without_a_deadline_is_the_plain_call() {
    for rules in ["", RULE] {
        let world = World::new(rules);
        let (set, fd) = (world.epoll_create(), world.unix());
        world.machine.socket(fd).phase = crate::machine::Phase::Connected;
        world.epoll_add(set, fd, libc::EPOLLIN);
        world.machine.later(S, fd, |socket, now| socket.arrive(b"x", now));
        let mut thread = world.begin_epoll(set, 8, FOREVER);
        assert_eq!(world.events(&mut thread), [(INPUT, fd as u64)]);
        assert_eq!(thread.steps(), 1);
        assert_eq!(timers(&world), [0; 0], "and no timer was made");
    }
}

#[test]
fn sets_in_sets_and_in_poll_wake_up() {
    let world = World::new(RULE);
    let (fd, inner) = one(&world, libc::EPOLLIN);
    let outer = world.epoll_create();
    world.epoll_add(outer, inner, libc::EPOLLIN);
    let began = world.now();
    let mut poller = world.begin_poll(&[(inner, IN)], FOREVER);
    assert_eq!(world.epoll(outer, FOREVER), [(INPUT, inner as u64)]);
    world.assert_deadline(began - 100, 2 * S);
    assert_eq!(world.end(&mut poller), Ok(1));
    assert_eq!(world.epoll(inner, 0), [(INPUT, fd as u64)]);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
}

#[test]
fn room_that_does_not_come_is_told_as_room() {
    let world = World::new("to * write=2s");
    let (fd, set) = one(&world, libc::EPOLLOUT);
    assert_eq!(world.write(fd, 5000), Ok(4096));
    let began = world.now();
    let events = world.epoll(set, FOREVER);
    assert_eq!(events, [(libc::EPOLLOUT as u32, fd as u64)]);
    assert!(world.now() >= began + 2 * S && world.now() <= began + 2 * S + 26 * MS);
    assert_eq!(world.write(fd, 1), Err(libc::ETIMEDOUT));
}

#[test]
fn without_a_timer_the_waits_are_cut_and_never_early() {
    for refuse in [true, false] {
        for shift in [0, 123_456, 999_999] {
            let world = World::new(RULE);
            world.machine.change().no_timers = refuse;
            world.machine.change().limit = if refuse { 1024 } else { 200 };
            world.pass(shift);
            let began = world.now();
            let (fd, set) = one(&world, libc::EPOLLIN);
            assert_eq!(timers(&world), [0; 0]);
            world.pass(333_333);
            let mut thread = world.begin_epoll_ms(set, 8, -1);
            assert_eq!(world.until(&mut thread, began + 2 * S - 1), None);
            assert_eq!(world.events(&mut thread), [(INPUT, fd as u64)]);
            assert!(world.now() <= began + 2 * S + MS + 1000, "{}", world.now() - began);
            assert!(thread.steps() < 6, "no spinning through the last millisecond: {}", thread.steps());
        }
    }
}

#[test]
fn the_programs_own_timeout_is_kept() {
    let world = World::new(RULE);
    let (_, set) = one(&world, libc::EPOLLIN);
    let began = world.now();
    assert_eq!(world.epoll(set, 500 * MS), []);
    world.assert_deadline(began, 500 * MS);
    let mut thread = world.begin_epoll_ms(set, 8, 7);
    assert_eq!(world.events(&mut thread), []);
    assert!(world.now() >= began + 507 * MS && world.now() <= began + 508 * MS);
    assert_eq!(world.epoll(set, 0), []);
    assert!(world.now() <= began + 509 * MS);
}

#[test]
fn a_lost_timer_is_replaced() {
    let world = World::new(RULE);
    let (fd, set) = one(&world, libc::EPOLLIN);
    let lost = timers(&world)[0];
    // close_range(100, ~0): the door tells before, and after.
    netdeadline_engine::op::close_range(&world.engine, 100, u32::MAX);
    world.machine.change().close(lost).expect("open");
    netdeadline_engine::op::closed_range(&world.engine, 100, u32::MAX);
    assert_eq!(timers(&world).len(), 1);
    let mut waiter = world.begin_epoll(set, 8, FOREVER);
    assert_eq!(world.events(&mut waiter), [(INPUT, fd as u64)]);
    // Behind our back: found out at the next arming, and nothing is lost.
    let lost = timers(&world)[0];
    world.machine.change().close(lost).expect("open");
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    let began = world.now();
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    assert!(world.now() >= began + 2 * S && world.now() <= began + 2 * S + MS);
}

#[test]
fn each_of_two_hundred_is_told_at_its_own_instant() {
    let world = World::new(RULE);
    let set = world.epoll_create();
    let mut deadlines = std::collections::BTreeMap::new();
    for i in 0..200_u64 {
        let fd = world.connected_nonblocking();
        world.epoll_add(set, fd, libc::EPOLLIN);
        deadlines.insert(fd as u64, world.now() + 2 * S);
        world.pass(i % 7 * 3 * MS);
    }
    while !deadlines.is_empty() {
        for (events, data) in world.epoll(set, FOREVER) {
            assert_eq!(events, INPUT);
            let deadline = deadlines.remove(&data).expect("told once");
            let now = world.now();
            assert!(now >= deadline && now <= deadline + 100 * GRAIN, "fd {data}: {}", now as i64 - deadline as i64);
            assert_eq!(world.read(data as i32, 1), Err(libc::ETIMEDOUT));
            assert_eq!(world.close(data as i32), Ok(0));
        }
    }
    assert_eq!(world.epoll(set, 60 * S), []);
}

#[test]
fn rearming_is_no_system_call() {
    let world = World::new(RULE);
    let (fd, set) = one(&world, libc::EPOLLIN);
    let asked = |nr| world.machine.state().asked.get(&nr).copied().unwrap_or(0);
    let before = asked(libc::SYS_timerfd_settime);
    for _ in 0..1000 {
        world.machine.later(MS, fd, |socket, now| socket.arrive(b"x", now));
        assert_eq!(world.epoll(set, FOREVER).len(), 1);
        assert_eq!(world.read(fd, 9), Ok(1));
        assert_eq!(world.write(fd, 1), Ok(1));
        world.acknowledge(fd, 1);
    }
    assert!(asked(libc::SYS_timerfd_settime) - before <= 3, "{}", asked(libc::SYS_timerfd_settime) - before);
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn a_program_that_was_away_gets_the_whole_time() {
    let world = World::new(RULE);
    let (fd, set) = one(&world, libc::EPOLLIN);
    assert_eq!(world.epoll(set, 500 * MS), []);
    // A garbage collection.
    world.pass(5 * S);
    let began = world.now();
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    world.assert_deadline(began, 2 * S);
    // A short absence is none.
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    let began = world.now();
    assert_eq!(world.epoll(set, 1500 * MS), []);
    world.pass(50 * MS);
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    world.assert_deadline(began, 2 * S);
}

#[test]
fn data_that_is_there_is_told_by_the_kernel_alone() {
    let world = World::new(RULE);
    let (fd, set) = one(&world, libc::EPOLLIN);
    world.machine.later(S, fd, |socket, now| socket.arrive(b"x", now));
    world.pass(60 * S);
    assert_eq!(world.epoll(set, FOREVER), [(INPUT, fd as u64)]);
    assert_eq!(world.read(fd, 1), Ok(1));
    assert_eq!(world.records(), [""; 0]);
}
