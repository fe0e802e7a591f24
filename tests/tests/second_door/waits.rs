//! poll, ppoll and select: bounded by the first deadline among their fds, and transparent otherwise.

use crate::door::World;
use crate::machine::{memory, File, MS, S};
use crate::program::{FOREVER, IN, OUT};
use netdeadline_engine::op::{Call, Poll, MOVABLE};

const RULE: &str = "to * read=2s";

#[test]
fn a_poll_that_has_to_look_again_keeps_its_clock() {
    for rules in ["to * read=5s response=1s", "to * read=5s write=2s"] {
        let world = World::new(rules);
        let fd = world.connected_nonblocking();
        let began = world.now();
        assert!(!world.hangs(&mut world.begin_poll(&[(fd, IN)], FOREVER)), "{rules}");
        world.assert_deadline(began, 5 * S);
    }
}

#[test]
fn poll_reports_input_at_the_deadline_and_the_next_read_says_why() {
    for nonblocking in [true, false] {
        let world = World::new(RULE);
        let fd = world.connected();
        world.set_nonblocking(fd, nonblocking);
        let began = world.now();
        let mut thread = world.begin_poll(&[(fd, IN)], FOREVER);
        assert_eq!(world.until(&mut thread, began + 2 * S - 1), None);
        assert_eq!(world.end(&mut thread), Ok(1));
        assert_eq!(thread.memory.0[0].revents, IN, "only what was asked for");
        world.assert_deadline(began, 2 * S);
        let told = world.now();
        assert_eq!(world.read(fd, 100), Err(libc::ETIMEDOUT), "at once");
        assert_eq!(world.now(), told);
        let began = world.now();
        match world.read(fd, 100) {
            Err(libc::EAGAIN) => assert!(nonblocking),
            answer => {
                assert_eq!((answer, nonblocking), (Err(libc::ETIMEDOUT), false), "once; then the clock starts anew");
                world.assert_deadline(began, 2 * S);
            }
        }
        assert!(world.records()[0].contains(r#""operation":"ppoll""#));
    }
}

#[test]
fn select_does_as_poll_does() {
    let world = World::new(RULE);
    let (fd, other) = (world.connected_nonblocking(), world.connected_nonblocking());
    let began = world.now();
    world.machine.later(S, other, |socket, now| socket.arrive(b"x", now));
    assert_eq!(world.select(&[fd, other], FOREVER), (Ok(1), vec![other]));
    assert_eq!(world.read(other, 9), Ok(1));
    assert_eq!(world.select(&[fd], FOREVER), (Ok(1), vec![fd]));
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.read(fd, 9), Err(libc::ETIMEDOUT));
}

#[test]
fn select_leaves_what_remains_of_its_time() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    world.machine.later(250 * MS, fd, |socket, now| socket.arrive(b"x", now));
    let mut thread = world.begin_select(&[fd], &[], 1500 * MS);
    assert_eq!(world.end(&mut thread), Ok(1));
    let left = &thread.memory.1;
    assert_eq!((left.tv_sec, left.tv_usec), (1, 250_000));
    assert_eq!(world.read(fd, 9), Ok(1));
    let began = world.now();
    let mut thread = world.begin_select(&[fd], &[], 1500 * MS);
    assert_eq!(world.end(&mut thread), Ok(0));
    assert_eq!((thread.memory.0[0], thread.memory.1.tv_sec, thread.memory.1.tv_usec), ([0; 16], 0, 0));
    world.assert_deadline(began, 1500 * MS);
}

#[test]
fn a_wait_that_ends_before_the_deadline_is_the_programs_own() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    let began = world.now();
    assert_eq!(world.poll(&[(fd, IN)], 500 * MS), (Ok(0), vec![0]));
    world.assert_deadline(began, 500 * MS);
    assert_eq!(world.poll(&[(fd, IN), (-1, IN)], 0), (Ok(0), vec![0, 0]));
    world.machine.later(S, fd, |socket, now| socket.arrive(b"x", now));
    assert_eq!(world.poll(&[(fd, IN | OUT), (fd, IN)], 0), (Ok(1), vec![OUT, 0]));
    assert_eq!(world.poll(&[(fd, IN)], FOREVER), (Ok(1), vec![IN]));
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn short_polls_in_a_row_are_one_wait() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    let began = world.now();
    let mut polls = 0;
    while world.poll_one(fd, IN, 300 * MS) == 0 {
        assert!(polls < 20, "each of them is a wait of its own");
        // Not longer than max(100 ms, 2 s / 10).
        world.pass(150 * MS);
        polls += 1;
    }
    assert_eq!(polls, 4, "4 x 450 ms, and 200 ms of the fifth");
    world.assert_deadline(began, 2 * S);
}

#[test]
fn a_gap_between_two_polls_starts_the_clock_anew() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    assert_eq!(world.poll_one(fd, IN, 1900 * MS), 0);
    world.pass(250 * MS);
    let began = world.now();
    assert_eq!(world.poll_one(fd, IN, FOREVER), IN);
    world.assert_deadline(began, 2 * S);
}

#[test]
fn the_gap_is_at_least_100_ms_and_at_least_a_tenth() {
    // The clock of waits is kept in whole milliseconds.
    for (rules, timeout, gap) in [("to * read=500ms", 500 * MS, 100 * MS), ("to * read=8s", 8 * S, 800 * MS)] {
        for (away, restarts) in [(gap - 2 * MS, false), (gap + 2 * MS, true)] {
            let world = World::new(rules);
            let fd = world.connected_nonblocking();
            let first = world.now();
            assert_eq!(world.poll_one(fd, IN, 300 * MS), 0);
            world.pass(away);
            let second = world.now();
            assert_eq!(world.poll_one(fd, IN, FOREVER), IN);
            world.assert_deadline(if restarts { second } else { first }, timeout);
        }
    }
}

#[test]
fn the_first_of_several_deadlines_ends_the_wait() {
    let world = World::new("to *:81 read=3s; to *:82 read=2s; to *:83 read=2.5s");
    let fds = [81, 82, 83].map(|port| {
        let fd = world.socket();
        world.machine.change().ports.insert(port, crate::machine::Fate::Answers(0));
        assert_eq!(world.connect(fd, port), Ok(0));
        world.set_nonblocking(fd, true);
        fd
    });
    let began = world.now();
    for (timeout, who) in [(2 * S, fds[1]), (2500 * MS, fds[2]), (3 * S, fds[0])] {
        let entries = fds.map(|fd| (fd, IN));
        let (answer, bits) = world.poll(&entries, FOREVER);
        let told: Vec<_> = entries.iter().zip(bits).filter(|(_, bits)| *bits != 0).map(|(entry, _)| entry.0).collect();
        assert_eq!((answer, told), (Ok(1), vec![who]));
        world.assert_deadline(began, timeout);
        assert_eq!(world.read(who, 1), Err(libc::ETIMEDOUT));
    }
}

#[test]
fn both_entries_of_one_socket_are_told() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    let twin = world.dup(fd);
    let (answer, bits) = world.poll(&[(fd, IN), (twin, IN), (fd, IN)], FOREVER);
    assert_eq!((answer, bits), (Ok(3), vec![IN; 3]));
    assert_eq!(world.records().len(), 1, "one expiry");
}

#[test]
fn ready_data_is_reported_however_late_the_program_comes() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    let mut thread = world.begin_poll(&[(fd, IN)], FOREVER);
    world.machine.later(S, fd, |socket, now| socket.arrive(b"x", now));
    world.pass(60 * S);
    assert_eq!(thread.run(&world), Some(Ok(1)));
    assert_eq!(world.read(fd, 9), Ok(1));
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn a_busy_neighbour_does_not_keep_a_deadline_away() {
    let world = World::new(RULE);
    let (silent, busy) = (world.connected_nonblocking(), world.connected_nonblocking());
    let began = world.now();
    loop {
        // The busy one has always room.
        let (answer, bits) = world.poll(&[(silent, IN), (busy, OUT)], FOREVER);
        assert_eq!(bits[1], OUT);
        if bits[0] != 0 {
            assert_eq!(answer, Ok(2));
            break;
        }
        world.pass(10 * MS);
    }
    assert!(world.now() >= began + 2 * S && world.now() < began + 2 * S + 11 * MS);
    assert_eq!(world.read(silent, 1), Err(libc::ETIMEDOUT));
}

#[test]
fn what_is_not_managed_is_left_to_the_kernel_as_it_came() {
    let world = World::new(RULE);
    let pipe = world.machine.change().open(File::Plain(vec![1]));
    assert_eq!(world.poll(&[(pipe, IN), (-1, IN), (900, IN)], FOREVER), (Ok(2), vec![IN, 0, libc::POLLNVAL]));
    // No memory there: the kernel says so, and we do not look.
    let own = Call::new(libc::SYS_ppoll, [64, 0, 0, 0, 8, 0]);
    assert!(
        world.hangs(&mut world.begin(Poll::<MOVABLE>::new("ppoll", own, 64, 0, FOREVER, (0, 8)), ())),
        "no fd, no end"
    );
    let world = World::new("");
    let fd = world.connected_nonblocking();
    assert!(world.hangs(&mut world.begin_poll(&[(fd, IN)], FOREVER)));
    assert!(world.hangs(&mut world.begin_select(&[fd], &[], FOREVER)));
}

#[test]
fn a_signal_ends_a_poll() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    world.machine.change().handlers.insert(libc::SIGCHLD, true);
    let at = world.now() + S;
    world.machine.change().at(at, |state| state.interrupted = true);
    assert_eq!(world.poll(&[(fd, IN)], FOREVER).0, Err(libc::EINTR), "SA_RESTART or not");
    assert_eq!(world.now(), at);
}

#[test]
fn a_mask_is_held_over_the_pieces_of_a_wait_and_given_back() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    world.machine.change().mask = 0b1;
    let mask = Box::new(0b10_u64);
    let mut entries = vec![libc::pollfd { fd, events: IN, revents: 0 }];
    let (at, mask_at) = (entries.as_mut_ptr() as usize, &raw const *mask as usize);
    let own = Call::new(libc::SYS_ppoll, [at, 1, 0, mask_at, 8, 0]);
    let mut thread = world.begin(Poll::<MOVABLE>::new("ppoll", own, at, 1, FOREVER, (mask_at, 8)), (entries, mask));
    world.pass(S);
    assert_eq!(thread.run(&world), None);
    assert_eq!(world.machine.state().mask, 0b11, "blocked in between as well");
    assert_eq!(world.end(&mut thread), Ok(1));
    assert_eq!(world.machine.state().mask, 0b1);
    assert!(memory::load_as::<u64>(mask_at).is_some_and(|mask| mask == 0b10), "the program's own is untouched");
}
