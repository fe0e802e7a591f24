//! A program that tries before it waits (Go's runtime): every socket is registered edge-triggered at its birth, and a wait begins
//! with the EAGAIN that a goroutine gets. Its own timers give waits up without a word to anybody.
//!
//! Real Go programs are in go-tests.

use crate::door::{Answer, World};
use crate::machine::{Fate, MS, S};
use crate::program::{FOREVER, IN};
use netdeadline_engine::op::{self, Call, Interest, Operation, Receive, Step};
use netdeadline_engine::policy::Origin;
use netdeadline_engine::sys::Kernel;
use netdeadline_engine::Engine;

const RULE: &str = "to * read=2s";
const EDGES: i32 = libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET;
const INPUT: u32 = libc::EPOLLIN as u32;
const OUTPUT: u32 = libc::EPOLLOUT as u32;
const AGAIN: Answer = Err(libc::EAGAIN);
const LATE: Answer = Err(libc::ETIMEDOUT);
/// An expiry is told four times, over 111 ms; and a little.
const TOLD_OUT: u64 = 120 * MS;

/// A read as Go's door makes it: where nothing is the matter it is the program's own call, and looked at afterwards.
struct GoRead {
    fd: i32,
    own: Call,
    at_once: bool,
    read: Receive,
}

impl Operation for GoRead {
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        self.at_once = op::reads_at_once(e, self.fd);
        if self.at_once {
            return Step::Call(self.own);
        }
        self.read.start(e)
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        if !std::mem::take(&mut self.at_once) {
            return self.read.resume(e, outcome);
        }
        if outcome > 0 {
            op::read_at_once(e, self.fd);
            return Step::Done(outcome);
        }
        self.read.answered(e, outcome)
    }
}

/// What a goroutine does.
impl World {
    /// The runtime's registration.
    fn go_register(&self, set: i32, fd: i32) {
        let answer = self.epoll_ctl_of(Interest::TriesFirst, set, libc::EPOLL_CTL_ADD, fd, EDGES, fd as u64);
        assert_eq!(answer, Ok(0));
    }

    /// A connection, as net.Dial leaves it: registered, and the event of its birth taken.
    fn go_connected(&self, set: i32) -> i32 {
        let fd = self.connected_nonblocking();
        self.go_register(set, fd);
        assert_eq!(self.epoll(set, 0), [(OUTPUT, fd as u64)], "there is room");
        fd
    }

    fn go_read(&self, fd: i32) -> Answer {
        let mut buffer = [0_u8; 64];
        let at = buffer.as_mut_ptr() as usize;
        let own = Call::new(libc::SYS_read, [fd as usize, at, buffer.len(), 0, 0, 0]);
        let read = Receive::read("read", fd, at, buffer.len());
        self.drive(GoRead { fd, own, at_once: false, read })
    }

    /// The next event of `fd` says `bits` and comes `timeout` after `began`.
    #[track_caller]
    fn assert_told(&self, set: i32, fd: i32, bits: u32, began: u64, timeout: u64) {
        let events = self.epoll(set, FOREVER);
        assert!(matches!(events[..], [(got, data)] if got & bits != 0 && data == fd as u64), "{events:x?}");
        self.assert_deadline(began, timeout);
    }

    /// The netpoller goes on for `time` and hears nothing.
    #[track_caller]
    fn assert_quiet(&self, set: i32, time: u64) {
        assert_eq!(self.epoll(set, time), []);
    }

    /// Nobody reacts to an expiry: the netpoller hears of it four times.
    #[track_caller]
    fn ignore_tellings(&self, set: i32) {
        assert_eq!(self.pollings(set, TOLD_OUT), 4);
    }

    /// How many events the netpoller hears of within `time`.
    fn pollings(&self, set: i32, time: u64) -> usize {
        let until = self.now() + time;
        let mut told = 0;
        while self.now() < until {
            told += self.epoll(set, until - self.now()).len();
        }
        told
    }
}

fn world(rules: &str) -> (World, i32, i32) {
    let world = World::new(rules);
    let set = world.epoll_create();
    let fd = world.go_connected(set);
    (world, set, fd)
}

fn observed(rules: &str) -> World {
    World::with(|settings| {
        settings.policy.parse(rules.as_bytes(), Origin::Rules).expect("rules");
        settings.observe = true;
    })
}

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

/// Fill the connection's window, as a goroutine's Write does.
fn fill(world: &World, fd: i32) {
    assert_eq!(world.write(fd, 5000), Ok(4096));
    assert_eq!(world.write(fd, 904), AGAIN);
}

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

/// connect to a port, then the runtime's registration: in this order (net/fd_unix.go, connect).
fn dial(world: &World, set: i32, port: u16) -> i32 {
    let fd = world.socket();
    world.set_nonblocking(fd, true);
    assert_eq!(world.connect(fd, port), Err(libc::EINPROGRESS));
    world.go_register(set, fd);
    fd
}

#[test]
fn a_connection_attempt_ends_at_its_deadline() {
    for own in [false, true] {
        let world = World::new(if own { "" } else { "to * connect=2s" });
        let set = world.epoll_create();
        let began = world.now();
        let fd = world.socket();
        world.set_nonblocking(fd, true);
        if own {
            // Dialer.Control.
            world.set_send_timeout(fd, 2 * S);
        }
        assert_eq!(world.connect(fd, 80), Err(libc::EINPROGRESS));
        world.go_register(set, fd);
        let events = world.epoll(set, FOREVER);
        let gone = (libc::EPOLLERR | libc::EPOLLHUP) as u32;
        assert!(matches!(events[..], [(bits, _)] if bits & (OUTPUT | gone) == OUTPUT | gone), "{events:x?}");
        assert!(world.now() >= began + 2 * S && world.now() <= began + 2 * S + MS, "{}", world.now() - began);
        assert_eq!(world.socket_error(fd), libc::ETIMEDOUT, "own: {own}");
        assert_eq!(world.machine.socket(fd).aborted, 1);
        assert_eq!(world.records().len(), 1);
    }
}

#[test]
fn an_attempt_that_the_netpoller_was_waiting_for_ends_at_its_deadline() {
    let world = World::new("to * connect=2s");
    let set = world.epoll_create();
    let mut netpoller = world.begin_epoll_ms(set, 128, -1);
    world.pass(10 * S);
    assert_eq!(netpoller.run(&world), None);
    let began = world.now();
    let fd = dial(&world, set, 80);
    let events = world.events(&mut netpoller);
    assert!(matches!(events[..], [(bits, data)] if bits & OUTPUT != 0 && data == fd as u64), "{events:x?}");
    assert!(world.now() >= began + 2 * S && world.now() <= began + 2 * S + MS, "{}", world.now() - began);
    assert_eq!(world.socket_error(fd), libc::ETIMEDOUT);
}

#[test]
fn an_attempt_that_succeeds_is_no_wait_for_input() {
    let world = World::new("to * connect=2s read=2s");
    let set = world.epoll_create();
    world.machine.change().ports.insert(81, Fate::Answers(S));
    let fd = dial(&world, set, 81);
    assert_eq!(world.epoll(set, FOREVER), [(OUTPUT, fd as u64)]);
    assert_eq!(world.socket_error(fd), 0);
    world.assert_quiet(set, 60 * S);
    let began = world.now();
    assert_eq!(world.go_read(fd), AGAIN);
    world.assert_told(set, fd, INPUT, began, 2 * S);
    assert_eq!(world.go_read(fd), LATE);
    assert_eq!(world.records().len(), 1);
}

#[test]
fn an_attempt_that_was_given_up_leaves_nothing_to_the_numbers_next_owner() {
    let world = World::new("to * connect=2s read=2s");
    let set = world.epoll_create();
    let fd = dial(&world, set, 80);
    // The dialer's own timeout.
    world.pass(S);
    assert_eq!(world.close(fd), Ok(0));
    assert_eq!(world.go_connected(set), fd, "the number is used again");
    world.assert_quiet(set, 60 * S);
    assert_eq!(world.records(), [""; 0]);
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

#[test]
fn accepted_connections_obey_on_rules_from_their_first_try() {
    let world = World::new("to * read=1s; on :8080 read=2s");
    let set = world.epoll_create();
    let (ruled, free) = (world.accept(8080), world.accept(9090));
    for fd in [ruled, free] {
        world.set_nonblocking(fd, true);
        world.go_register(set, fd);
    }
    assert_eq!(world.epoll(set, 0).len(), 2);
    world.assert_quiet(set, 60 * S);
    assert_eq!(world.go_read(free), AGAIN);
    let began = world.now();
    assert_eq!(world.go_read(ruled), AGAIN);
    world.assert_told(set, ruled, INPUT, began, 2 * S);
    assert_eq!(world.go_read(ruled), LATE);
    world.assert_quiet(set, 60 * S);
}

#[test]
fn between_request_and_answer_an_accepted_connection_does_not_expire() {
    let world = World::new("on :8080 read=2s");
    let (set, fd) = (world.epoll_create(), world.accept(8080));
    world.set_nonblocking(fd, true);
    world.go_register(set, fd);
    assert_eq!(world.epoll(set, 0).len(), 1);
    for turn in 0..3 {
        assert_eq!(world.go_read(fd), AGAIN);
        world.machine.later(S, fd, |socket, now| socket.arrive(b"GET /", now));
        assert_eq!(world.epoll(set, FOREVER).len(), 1);
        assert_eq!(world.go_read(fd), Ok(5));
        // net/http's background read, while the handler works for a minute.
        assert_eq!(world.go_read(fd), AGAIN);
        world.assert_quiet(set, 60 * S);
        assert_eq!(world.write(fd, 100), Ok(100), "turn {turn}");
        world.acknowledge(fd, 100);
    }
    // The answer is out, and the background read waits for the next request.
    let wrote = world.now();
    world.assert_told(set, fd, INPUT, wrote - 1000, 2 * S);
    assert_eq!(world.go_read(fd), LATE);
    assert_eq!(world.records().len(), 1);
}

#[test]
fn two_sets_that_hold_a_socket_are_both_told() {
    let (world, set, fd) = world(RULE);
    let other = world.epoll_create();
    world.go_register(other, fd);
    assert_eq!(world.epoll(other, 0).len(), 1);
    let began = world.now();
    assert_eq!(world.go_read(fd), AGAIN);
    let mut waiter = world.begin_epoll(other, 8, FOREVER);
    world.assert_told(set, fd, INPUT, began, 2 * S);
    assert_eq!(world.events(&mut waiter).len(), 1);
    assert!(world.now() <= began + 2 * S + MS);
    assert_eq!(world.go_read(fd), LATE);
    assert_eq!(world.go_read(fd), AGAIN);
    assert_eq!(world.records().len(), 1);
}

#[test]
fn a_dup_is_the_same_connection() {
    // TCPConn.File: another number, registered as well.
    let (world, set, fd) = world(RULE);
    let twin = world.dup(fd);
    world.go_register(set, twin);
    assert_eq!(world.epoll(set, 0).len(), 1);
    let began = world.now();
    assert_eq!(world.go_read(twin), AGAIN);
    let events = world.epoll(set, FOREVER);
    assert!(events.iter().any(|event| event.1 == twin as u64 && event.0 & INPUT != 0), "{events:?}");
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.go_read(twin), LATE);
    assert_eq!(world.close(fd), Ok(0));
    let began = world.now();
    assert_eq!(world.go_read(twin), AGAIN);
    let events = world.epoll(set, FOREVER);
    assert!(events.iter().any(|event| event.1 == twin as u64 && event.0 & INPUT != 0), "{events:?}");
    world.assert_deadline(began, 2 * S);
}

#[test]
fn a_socket_made_blocking_is_bounded_in_the_call() {
    // os.File's Fd() takes O_NONBLOCK away, also of the connection that it was made from.
    let (world, set, fd) = world(RULE);
    let twin = world.dup(fd);
    world.set_nonblocking(twin, false);
    for number in [twin, fd] {
        let began = world.now();
        assert_eq!(world.go_read(number), LATE);
        world.assert_deadline(began, 2 * S);
    }
    world.set_nonblocking(twin, true);
    let began = world.now();
    assert_eq!(world.go_read(fd), AGAIN);
    world.assert_told(set, fd, INPUT, began, 2 * S);
}

#[test]
fn observed_waits_are_recorded_once_each_and_cut_nothing_short() {
    let world = observed("to * read=2s write=2s connect=2s");
    let set = world.epoll_create();
    let fd = world.go_connected(set);
    for wait in 1..=3 {
        assert_eq!(world.go_read(fd), AGAIN);
        world.assert_quiet(set, 60 * S);
        assert_eq!(world.records().len(), wait, "{:?}", world.records());
        world.arrive(fd, b"late");
        assert_eq!(world.epoll(set, 0).len(), 1);
        assert_eq!(world.go_read(fd), Ok(4));
    }
    world.assert_quiet(set, 60 * S);
    fill(&world, fd);
    world.assert_quiet(set, 60 * S);
    assert_eq!(world.records().len(), 4, "{:?}", world.records());
    world.acknowledge(fd, 4096);
    assert_eq!(world.write(fd, 904), Ok(904));
}

#[test]
fn a_program_that_polls_what_it_registered_waits_in_poll() {
    // cgo: C code may poll a socket of Go's.
    let (world, _, fd) = world(RULE);
    let began = world.now();
    assert_eq!(world.poll_one(fd, IN, FOREVER), IN);
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.read(fd, 1), LATE);
}

#[test]
fn level_triggered_and_oneshot_interests_are_waits() {
    for mode in [0, libc::EPOLLET | libc::EPOLLONESHOT] {
        let world = World::new(RULE);
        let (set, fd) = (world.epoll_create(), world.connected_nonblocking());
        let began = world.now();
        let add = libc::EPOLL_CTL_ADD;
        assert_eq!(world.epoll_ctl_of(Interest::TriesFirst, set, add, fd, libc::EPOLLIN | mode, 1), Ok(0));
        assert_eq!(world.epoll(set, FOREVER), [(INPUT, 1)]);
        world.assert_deadline(began, 2 * S);
    }
}
