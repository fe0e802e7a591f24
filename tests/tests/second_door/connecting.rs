//! Class connect: an attempt ends at its deadline, is aborted in the kernel, and says so once.

use crate::door::World;
use crate::machine::{memory, Fate, Phase, GRAIN, MS, S};
use crate::program::{FOREVER, IN, OUT};
use netdeadline_engine::op::{Connect, Receive};

const RULE: &str = "to * connect=2s";
const HOLE: u16 = 80;
const GONE: i16 = libc::POLLERR | libc::POLLHUP;

/// A non-blocking attempt to reach the black hole.
fn attempt(world: &World) -> i32 {
    let fd = world.socket();
    world.set_nonblocking(fd, true);
    assert_eq!(world.connect(fd, HOLE), Err(libc::EINPROGRESS));
    fd
}

#[test]
fn a_blocking_connect_fails_at_its_deadline_and_is_aborted() {
    let world = World::new(RULE);
    let fd = world.socket();
    let began = world.now();
    let mut thread = world.begin_connect(fd, HOLE);
    assert_eq!(world.until(&mut thread, began + 2 * S - 1), None);
    assert_eq!(world.end(&mut thread), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 2 * S);
    let socket = world.machine.socket(fd);
    assert_eq!((socket.phase, socket.aborted, socket.error), (Phase::Closed, 1, 0), "nothing is left behind");
    drop(socket);
    let record = world.records().join("");
    assert!(record.contains(r#""class":"connect""#) && record.contains(r#""waited_ms":2000.000"#), "{record}");
}

#[test]
fn a_late_answer_connects_nobody() {
    let world = World::new(RULE);
    world.machine.change().ports.insert(81, Fate::Answers(2 * S + MS));
    let fd = world.socket();
    assert_eq!(world.connect(fd, 81), Err(libc::ETIMEDOUT));
    world.pass(S);
    assert_eq!(world.machine.socket(fd).phase, Phase::Closed);
    world.machine.change().ports.insert(82, Fate::Answers(MS));
    assert_eq!(world.connect(fd, 82), Ok(0), "and the socket can be used again");
}

#[test]
fn an_answer_in_time_connects_and_a_refusal_refuses() {
    let world = World::new(RULE);
    world.machine.change().ports.extend([(81, Fate::Answers(2 * S - 1)), (82, Fate::Refuses(S))]);
    let (one, two) = (world.socket(), world.socket());
    let began = world.now();
    assert_eq!(world.connect(one, 81), Ok(0));
    assert!((0..1000).contains(&(world.now() - (began + 2 * S - 1))), "at the answer, and the moment it takes to ask");
    assert_eq!(world.connect(two, 82), Err(libc::ECONNREFUSED));
    for fd in [one, two] {
        assert_eq!(world.machine.socket(fd).aborted, 0);
        assert_eq!(world.machine.socket(fd).send_timeout, 0, "what was lent was given back");
    }
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn the_sockets_own_timeout_is_given_back_and_kept() {
    let world = World::new(RULE);
    let fd = world.socket();
    world.set_send_timeout(fd, 500 * MS);
    let began = world.now();
    assert_eq!(world.connect(fd, HOLE), Err(libc::EINPROGRESS), "as the kernel has it");
    assert_eq!(world.now(), began + 500 * MS);
    assert_eq!(world.machine.socket(fd).send_timeout, 500 * MS);
    assert_eq!(world.machine.socket(fd).phase, Phase::Connecting, "and not aborted");
}

#[test]
fn where_a_rule_forbids_nothing_connect_is_the_plain_connect() {
    for rules in ["", "to 10.0.0.2 connect=2s", "to * read=2s", "to 10.0.0.1 connect=off; to * connect=2s"] {
        let world = World::new(rules);
        let fd = world.socket();
        assert!(world.hangs(&mut world.begin_connect(fd, HOLE)), "under {rules:?}");
        assert_eq!(world.machine.socket(fd).send_timeout, 0);
    }
}

#[test]
fn a_signal_does_not_postpone_the_end_of_an_attempt() {
    let world = World::new(RULE);
    let fd = world.socket();
    world.machine.change().handlers.insert(libc::SIGALRM, true);
    let began = world.now();
    for at in [500 * MS, 1000 * MS, 1500 * MS] {
        world.machine.change().at(began + at, |state| state.interrupted = true);
    }
    assert_eq!(world.connect(fd, HOLE), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 2 * S);
    world.machine.change().handlers.insert(libc::SIGALRM, false);
    let at = world.now() + MS;
    world.machine.change().at(at, |state| state.interrupted = true);
    assert_eq!(world.connect(fd, HOLE), Err(libc::EINTR));
    assert_eq!(world.machine.socket(fd).phase, Phase::Connecting, "the attempt goes on, as in the kernel");
}

#[test]
fn a_nonblocking_attempt_ends_in_the_wait_and_is_told_once_to_whoever_asks_first() {
    type Ask = fn(&World, i32) -> i32;
    let askers: [(&str, Ask); 4] = [
        ("SO_ERROR", |world, fd| world.socket_error(fd)),
        ("connect", |world, fd| world.connect(fd, HOLE).expect_err("no connection")),
        ("read", |world, fd| world.read(fd, 10).expect_err("nothing to read")),
        ("write", |world, fd| world.write(fd, 10).expect_err("nowhere to write")),
    ];
    for (name, ask) in askers {
        let world = World::new(RULE);
        let began = world.now();
        let fd = attempt(&world);
        let mut thread = world.begin_poll(&[(fd, OUT)], FOREVER);
        assert_eq!(world.until(&mut thread, began + 2 * S - 1), None);
        assert_eq!(world.end(&mut thread), Ok(1), "{name}");
        assert_eq!(thread.memory.0[0].revents, OUT | GONE, "never a bare error");
        world.assert_deadline(began, 2 * S);
        assert_eq!(world.machine.socket(fd).aborted, 1, "{name}");
        assert_eq!(ask(&world, fd), libc::ETIMEDOUT, "{name} is told");
        assert_eq!(world.socket_error(fd), 0, "{name} was told, and nobody else is");
        assert_eq!(world.records().len(), 1, "{name}");
    }
}

#[test]
fn select_and_epoll_bound_an_attempt_like_poll() {
    let world = World::new(RULE);
    let fd = attempt(&world);
    let began = world.now();
    let mut thread = world.begin_select(&[], &[fd], FOREVER);
    assert_eq!(world.end(&mut thread), Ok(1));
    assert_eq!(thread.memory.0[1][0], 1 << fd);
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.socket_error(fd), libc::ETIMEDOUT);

    let (fd, set) = (attempt(&world), world.epoll_create());
    let began = world.now();
    world.epoll_add(set, fd, libc::EPOLLOUT);
    assert_eq!(world.epoll(set, FOREVER), [((OUT | GONE) as u32, fd as u64)]);
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.socket_error(fd), libc::ETIMEDOUT);
}

#[test]
fn waits_do_not_restart_an_attempts_clock() {
    let world = World::new(RULE);
    let fd = attempt(&world);
    let began = world.now();
    let mut bits = 0;
    while bits == 0 {
        assert!(world.now() < began + 10 * S, "the attempt never ends");
        bits = world.poll_one(fd, OUT, 300 * MS);
        world.pass(200 * MS);
    }
    assert!(world.now() >= began + 2 * S && world.now() < began + 2 * S + 300 * MS + GRAIN, "{}", world.now() - began);
    assert_eq!(world.socket_error(fd), libc::ETIMEDOUT);
}

#[test]
fn a_program_that_asks_in_a_loop_instead_of_waiting_is_told() {
    for by_connect in [true, false] {
        let world = World::new(RULE);
        let fd = attempt(&world);
        let began = world.now();
        let ask = || match by_connect {
            true => world.connect(fd, HOLE).expect_err("no connection"),
            false => world.socket_error(fd),
        };
        while world.now() < began + 2 * S {
            assert_eq!(ask(), if by_connect { libc::EALREADY } else { 0 });
            world.pass(100 * MS);
        }
        world.pass(GRAIN);
        assert_eq!(ask(), libc::ETIMEDOUT, "by connect: {by_connect}");
    }
}

#[test]
fn a_program_that_writes_or_reads_in_a_loop_is_told_once() {
    for writes in [true, false] {
        let world = World::new(RULE);
        let fd = attempt(&world);
        let began = world.now();
        let ask = || match writes {
            true => world.write(fd, 10).expect_err("no connection"),
            false => world.read(fd, 10).expect_err("no connection"),
        };
        while world.now() < began + 2 * S {
            assert_eq!(ask(), libc::EAGAIN);
            world.pass(100 * MS);
        }
        world.pass(GRAIN);
        assert_eq!(ask(), libc::ETIMEDOUT);
        assert_eq!(world.machine.socket(fd).aborted, 1);
        assert_ne!(ask(), libc::ETIMEDOUT, "by write: {writes}");
        assert_eq!(world.socket_error(fd), 0);
    }
}

#[test]
fn a_blocking_call_on_an_attempt_tells_of_its_end_once() {
    for writes in [true, false] {
        let world = World::new(RULE);
        let fd = attempt(&world);
        world.set_nonblocking(fd, false);
        let began = world.now();
        let ask = || match writes {
            true => world.write(fd, 10).expect_err("no connection"),
            false => world.read(fd, 10).expect_err("no connection"),
        };
        assert_eq!(ask(), libc::ETIMEDOUT);
        world.assert_deadline(began, 2 * S);
        assert_ne!(ask(), libc::ETIMEDOUT, "by write: {writes}");
        assert_eq!(world.socket_error(fd), 0);
    }
}

#[test]
fn an_attempt_that_succeeds_is_never_disturbed() {
    let world = World::new("to * connect=2s read=5s");
    world.machine.change().ports.insert(81, Fate::Answers(1600 * MS));
    let fd = world.socket();
    world.set_nonblocking(fd, true);
    assert_eq!(world.connect(fd, 81), Err(libc::EINPROGRESS));
    assert_eq!(world.poll_one(fd, OUT, FOREVER), OUT);
    assert_eq!(world.socket_error(fd), 0);
    // The connect clock has ended: a wait that goes on past it belongs to class read.
    let began = world.now();
    assert_eq!(world.poll_one(fd, IN, FOREVER), IN);
    world.assert_deadline(began, 5 * S);
    assert_eq!(world.machine.socket(fd).aborted, 0);
}

#[test]
fn a_slow_program_finds_its_connection() {
    let world = World::new(RULE);
    world.machine.change().ports.insert(81, Fate::Answers(S));
    let fd = world.socket();
    world.set_nonblocking(fd, true);
    assert_eq!(world.connect(fd, 81), Err(libc::EINPROGRESS));
    world.pass(10 * S);
    assert_eq!(world.poll_one(fd, OUT, FOREVER), OUT);
    assert_eq!((world.socket_error(fd), world.machine.socket(fd).aborted), (0, 0));
}

#[test]
fn a_unix_connect_to_a_full_queue_ends_by_a_lent_timeout() {
    let world = World::new("to unix:/run/full connect=200ms");
    let path = memory::path("/run/full");
    let fd = world.unix();
    let began = world.now();
    assert_eq!(world.drive(Connect::new(fd, path.as_ptr() as usize, path.len())), Err(libc::ETIMEDOUT));
    assert_eq!(world.now(), began + 200 * MS);
    assert_eq!(world.machine.socket(fd).send_timeout, 0, "given back");
    let record = world.records().join("");
    assert!(record.contains("unix") || record.contains(r#""peer":null"#), "{record}");
    assert!(record.contains(r#""class":"connect""#), "{record}");
}

#[test]
fn a_fast_open_connects_clock_runs_on_into_the_first_write() {
    let world = World::new(RULE);
    let fd = world.socket();
    world.machine.socket(fd).fast_open = true;
    let began = world.now();
    assert_eq!(world.connect(fd, HOLE), Ok(0), "at once, even to a black hole");
    let mut thread = world.begin_write(fd, 100);
    assert_eq!(world.end(&mut thread), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.machine.socket(fd).aborted, 1);
}

#[test]
fn every_attempt_has_the_whole_time() {
    let world = World::new(RULE);
    let fd = world.socket();
    for _ in 0..3 {
        let began = world.now();
        assert_eq!(world.connect(fd, HOLE), Err(libc::ETIMEDOUT));
        world.assert_deadline(began, 2 * S);
    }
    let fd = attempt(&world);
    for _ in 0..2 {
        let began = world.now();
        assert_eq!(world.poll_one(fd, OUT, FOREVER), OUT | GONE);
        world.assert_deadline(began, 2 * S);
        assert_eq!(world.socket_error(fd), libc::ETIMEDOUT);
        assert_eq!(world.connect(fd, HOLE), Err(libc::EINPROGRESS), "the next one");
    }
}

#[test]
fn a_bad_address_is_the_kernels_to_refuse() {
    let world = World::new(RULE);
    let fd = world.socket();
    assert_eq!(world.drive(Connect::new(fd, 8, 16)), Err(libc::EFAULT));
    assert_eq!(world.drive(Connect::new(999, 8, 16)), Err(libc::EBADF));
    assert_eq!(world.drive(Receive::read("read", fd, 8, 16)), Err(libc::ENOTCONN));
}

#[test]
fn a_connection_whose_outcome_nobody_asked_for_has_its_read_clock() {
    for rules in ["to * read=3s", "to * connect=1s read=3s"] {
        let world = World::new(rules);
        world.machine.change().ports.insert(81, Fate::Answers(500 * MS));
        let fd = world.socket();
        world.set_nonblocking(fd, true);
        assert_eq!(world.connect(fd, 81), Err(libc::EINPROGRESS));
        assert_eq!(world.poll_one(fd, OUT, FOREVER), OUT);
        assert_eq!(world.read(fd, 10), Err(libc::EAGAIN));
        let began = world.now();
        assert!(!world.hangs(&mut world.begin_poll(&[(fd, IN)], FOREVER)), "{rules}");
        assert!(world.now() >= began + 3 * S && world.now() <= began + 4 * S, "{rules}: {}", world.now() - began);
    }
}
