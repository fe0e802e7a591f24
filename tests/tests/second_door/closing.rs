//! Numbers and sockets: close wins over who waits, a reused number is a stranger, duplicates share, and what closes behind our
//! back is found out.

use crate::door::World;
use crate::machine::{Fate, File, MS, S};
use crate::program::{FOREVER, IN, OUT};
use netdeadline_engine::op;

const RULE: &str = "to * read=2s";

#[test]
fn a_read_that_waits_on_a_reused_number_answers_ebadf_and_takes_no_strangers_bytes() {
    let world = World::new(RULE);
    let fd = world.connected();
    let mut reader = world.begin_read(fd, 100);
    world.pass(S);
    assert_eq!(world.close(fd), Ok(0));
    let stranger = world.connected();
    assert_eq!(stranger, fd);
    world.arrive(stranger, b"not yours");
    // As in Linux, a close wakes nobody; the old wait ends at its deadline.
    assert_eq!(world.end(&mut reader), Err(libc::EBADF));
    assert_eq!(world.read_text(stranger, 100), Ok("not yours".into()));
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn a_read_that_wakes_by_its_own_socket_after_a_close_answers_ebadf() {
    let world = World::new(RULE);
    let fd = world.connected();
    let mut reader = world.begin_read(fd, 100);
    world.machine.later(S, fd, |socket, now| socket.arrive(b"old", now));
    assert_eq!(world.close(fd), Ok(0));
    let stranger = world.connected();
    world.arrive(stranger, b"new");
    assert_eq!((stranger, world.end(&mut reader)), (fd, Err(libc::EBADF)));
    assert_eq!(world.read_text(stranger, 100), Ok("new".into()));
}

#[test]
fn dup2_over_a_number_is_a_close_of_it() {
    let world = World::new("to * read=2s write=4s");
    let (fd, other) = (world.connected(), world.connected());
    let mut reader = world.begin_read(fd, 100);
    let mut writer = world.begin_write(fd, 9999);
    assert_eq!(world.dup2(other, fd), Ok(fd as usize));
    world.arrive(fd, b"new");
    assert_eq!(world.end(&mut reader), Err(libc::EBADF));
    assert_eq!(world.end(&mut writer), Ok(4096), "bytes so far, and not one to the stranger");
    assert_eq!(world.machine.socket(fd).outgoing.len(), 0);
    assert_eq!(world.read(fd, 100), Ok(3));
}

#[test]
fn dup2_that_fails_or_does_nothing_forgets_nothing() {
    let world = World::new(RULE);
    let fd = world.connected();
    let mut reader = world.begin_read(fd, 100);
    assert_eq!(world.dup2(900, fd), Err(libc::EBADF));
    assert_eq!(world.dup2(fd, fd), Ok(fd as usize));
    let began = world.now();
    assert_eq!(world.end(&mut reader), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 2 * S);
}

#[test]
fn a_connect_that_waits_on_a_reused_number_leaves_the_stranger_alone() {
    let world = World::new("to * connect=2s");
    let fd = world.socket();
    let mut connecter = world.begin_connect(fd, 80);
    assert_eq!(world.until(&mut connecter, world.now() + S), None);
    assert_eq!(world.close(fd), Ok(0));
    world.machine.change().ports.insert(81, Fate::Answers(0));
    let stranger = world.socket();
    assert_eq!((stranger, world.connect(stranger, 81)), (fd, Ok(0)));
    assert_eq!(world.end(&mut connecter), Err(libc::EBADF));
    assert_eq!(world.machine.socket(stranger).aborted, 0);
    assert_eq!(world.read(stranger, 0), Ok(0));
}

#[test]
fn a_duplicate_shares_the_deadline_and_outlives_the_original() {
    let world = World::new("to * lifetime=10s");
    let fd = world.connected();
    let born = world.now();
    world.pass(4 * S);
    let twin = world.dup(fd);
    assert_eq!(world.close(fd), Ok(0));
    let again = world.connected();
    assert_eq!(again, fd);
    assert_eq!(world.read(twin, 1), Err(libc::ETIMEDOUT));
    assert!(world.now() >= born + 10 * S - 1000 && world.now() <= born + 10 * S + 1000);
    assert_eq!(world.write(again, 1), Ok(1), "born later");
}

#[test]
fn every_close_of_a_duplicate_gives_up_one_reference() {
    let world = World::new(RULE);
    for _ in 0..300 {
        let fd = world.connected();
        let twins: Vec<i32> = (0..3).map(|_| world.dup(fd)).collect();
        assert_eq!(world.close(fd), Ok(0));
        for twin in twins {
            let began = world.now();
            assert_eq!(world.read(twin, 1), Err(libc::ETIMEDOUT));
            world.assert_deadline(began, 2 * S);
            assert_eq!(world.close(twin), Ok(0));
        }
    }
    assert!(!world.engine.anything_tracked() || world.engine.ruled());
    // One description and one slot chunk for them all.
    assert!(world.machine.state().bytes <= 8 * 4096, "{}", world.machine.state().bytes);
}

#[test]
fn what_was_closed_behind_our_back_is_no_socket_of_ours() {
    let world = World::new(RULE);
    let fd = world.connected();
    // stdio's fclose, then a file at the same number.
    world.machine.change().close(fd).expect("open");
    let file = world.machine.change().open(File::Plain(b"text".to_vec()));
    assert_eq!(file, fd);
    assert_eq!(world.read_text(file, 100), Ok("text".into()), "the real call");
    assert_eq!(world.write(file, 3), Ok(3));
    assert_eq!(world.read(file, 100), Ok(3));
}

#[test]
fn a_number_that_became_another_socket_behind_our_back_is_not_failed() {
    let world = World::new(RULE);
    let fd = world.connected_nonblocking();
    assert_eq!(world.read(fd, 1), Err(libc::EAGAIN));
    world.machine.change().close(fd).expect("open");
    let other = World::new(RULE);
    let stranger = other.connected();
    let id = other.machine.state().numbers[&stranger];
    let mut file = other.machine.change().files.remove(&id).expect("a connection");
    if let File::Socket(socket) = &mut file {
        socket.cookie = 77;
    }
    assert_eq!(world.machine.change().open(file), fd);
    let mut reader = world.begin_read(fd, 10);
    world.machine.later(3 * S, fd, |socket, now| socket.arrive(b"x", now));
    // Its first wait is judged by the cookie: whatever comes of it, it is no timeout.
    let answer = world.end(&mut reader);
    assert!(answer == Ok(1) || answer == Err(libc::EBADF), "{answer:?}");
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn a_received_descriptor_of_a_known_socket_shares_its_deadline() {
    let world = World::new("to * lifetime=10s read=2s");
    let fd = world.connected();
    let born = world.now();
    let file = world.machine.state().numbers[&fd];
    let received = world.machine.change().number(file, 0);
    op::passed_fds(&world.engine, [received].into_iter());
    assert_eq!(world.close(fd), Ok(0));
    let began = world.now();
    assert_eq!(world.read(received, 1), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 2 * S);
    world.machine.advance(born + 10 * S + 1000);
    assert_eq!(world.write(received, 1), Err(libc::ETIMEDOUT), "it is as old as it is");
}

#[test]
fn a_received_number_that_was_another_socket_is_a_new_one() {
    let world = World::new(RULE);
    let fd = world.connected();
    let mut reader = world.begin_read(fd, 10);
    world.machine.change().close(fd).expect("open");
    let received = world.machine.change().open(File::Plain(b"pipe".to_vec()));
    op::passed_fds(&world.engine, [received].into_iter());
    assert_eq!((received, world.end(&mut reader)), (fd, Err(libc::EBADF)));
    assert_eq!(world.read_text(received, 10), Ok("pipe".into()));
}

#[test]
fn a_range_that_is_closed_is_closed() {
    let world = World::new(RULE);
    let fds: Vec<i32> = (0..20).map(|_| world.connected()).collect();
    let mut readers: Vec<_> = fds.iter().map(|fd| world.begin_read(*fd, 10)).collect();
    let (first, last) = (fds[5], fds[15]);
    op::close_range(&world.engine, first as u32, last as u32);
    (first..=last).for_each(|fd| world.machine.change().close(fd).expect("open"));
    op::closed_range(&world.engine, first as u32, last as u32);
    let began = world.now();
    for (fd, reader) in fds.iter().zip(&mut readers) {
        let expected = if (first..=last).contains(fd) { libc::EBADF } else { libc::ETIMEDOUT };
        assert_eq!(world.end(reader), Err(expected), "fd {fd}");
    }
    world.assert_deadline(began, 2 * S);
}

#[test]
fn polls_survive_a_number_that_changes_hands() {
    let world = World::new(RULE);
    let (fd, other) = (world.connected_nonblocking(), world.connected_nonblocking());
    let began = world.now();
    let mut poller = world.begin_poll(&[(fd, IN), (other, IN)], FOREVER);
    world.pass(MS);
    assert_eq!(world.close(fd), Ok(0));
    let file = world.machine.change().open(File::Plain(Vec::new()));
    assert_eq!(file, fd);
    assert_eq!(world.end(&mut poller), Ok(1));
    assert_eq!((poller.memory.0[0].revents, poller.memory.0[1].revents), (0, IN), "the old file had nothing to say");
    world.assert_deadline(began, 2 * S);
    assert_eq!(world.poll_one(file, OUT, FOREVER), OUT);
}
