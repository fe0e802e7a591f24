//! sendfile, splice and sendmmsg: no form of them can be made without blocking, so a timeout is lent, and given back.

use crate::door::World;
use crate::machine::{File, MS, S};
use netdeadline_engine::op::{SendMany, Transfer};

fn file(world: &World, bytes: usize) -> i32 {
    world.machine.change().open(File::Plain(vec![b'f'; bytes]))
}

#[test]
fn sendfile_sends_what_there_is_room_for_and_fails_at_once_next_time() {
    let world = World::new("to * write=2s");
    let (fd, from) = (world.connected(), file(&world, 9999));
    let began = world.now();
    let sendfile = || world.drive(Transfer::sendfile(fd, from, 0, 9999));
    assert_eq!(sendfile(), Ok(4096));
    assert!(world.now() >= began + 2 * S && world.now() <= began + 2 * S + 30 * MS, "{}", world.now() - began);
    let told = world.now();
    assert_eq!(sendfile(), Err(libc::ETIMEDOUT));
    assert!(world.now() <= told + 2000);
    assert_eq!(world.machine.socket(fd).send_timeout, 0, "given back");
}

#[test]
fn sendfile_to_a_slow_reader_sends_everything() {
    let world = World::new("to * write=2s");
    let (fd, from) = (world.connected(), file(&world, 30_000));
    for turn in 1..=20 {
        world.machine.later(turn * 1900 * MS, fd, |socket, now| socket.acknowledge(2000, now));
    }
    assert_eq!(world.drive(Transfer::sendfile(fd, from, 0, 30_000)), Ok(30_000));
    assert_eq!((world.records().len(), world.machine.socket(fd).send_timeout), (0, 0));
}

#[test]
fn a_timeout_of_the_programs_own_is_kept_and_given_back() {
    let world = World::new("to * write=2s");
    let (fd, from) = (world.connected(), file(&world, 9999));
    world.set_send_timeout(fd, 500 * MS);
    let began = world.now();
    assert_eq!(world.drive(Transfer::sendfile(fd, from, 0, 9999)), Ok(4096));
    assert!(world.now() >= began + 500 * MS && world.now() <= began + 501 * MS, "{}", world.now() - began);
    assert_eq!(world.drive(Transfer::sendfile(fd, from, 0, 9999)), Err(libc::EAGAIN), "as the kernel");
    assert_eq!(world.machine.socket(fd).send_timeout, 500 * MS);
    assert_eq!(world.records(), [""; 0]);
}

#[test]
fn splice_is_bounded_in_both_directions() {
    let world = World::new("to * read=2s write=3s");
    let (fd, pipe) = (world.connected(), file(&world, 9999));
    let began = world.now();
    assert_eq!(world.drive(Transfer::splice([pipe as usize, 0, fd as usize, 0, 9999, 0])), Ok(4096));
    assert!(world.now() >= began + 3 * S && world.now() <= began + 3 * S + 30 * MS, "{}", world.now() - began);

    let world = World::new("to * read=2s");
    let (fd, pipe) = (world.connected(), file(&world, 0));
    let splice = || world.drive(Transfer::splice([fd as usize, 0, pipe as usize, 0, 100, 0]));
    let began = world.now();
    assert_eq!(splice(), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 2 * S);
    world.machine.later(1900 * MS, fd, |socket, now| socket.arrive(b"data", now));
    assert_eq!(splice(), Ok(4));
    assert_eq!(world.machine.socket(fd).receive_timeout, 0, "given back");
}

#[test]
fn sendmmsg_counts_whole_messages_and_is_bounded() {
    let world = World::new("to * write=2s");
    let fd = world.connected();
    let bytes = vec![b'm'; 3000];
    let vector = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: 3000 };
    // SAFETY: a C struct for which zeroes are no name, no control data.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    (header.msg_iov, header.msg_iovlen) = ((&raw const vector).cast_mut(), 1);
    let mut messages = [libc::mmsghdr { msg_hdr: header, msg_len: 0 }; 3];
    let began = world.now();
    let answer = world.drive(SendMany::new(fd, messages.as_mut_ptr() as usize, 3, 0));
    assert_eq!(answer, Ok(2), "the kernel counts the one it cut short");
    assert_eq!([messages[0].msg_len, messages[1].msg_len], [3000, 1096]);
    assert!(world.now() >= began + 2 * S && world.now() <= began + 4 * S + MS, "{}", world.now() - began);
    assert_eq!(world.machine.socket(fd).send_timeout, 0, "given back");
}

#[test]
fn a_nonblocking_transfer_never_waits() {
    let world = World::new("to * write=2s");
    let (fd, from) = (world.connected_nonblocking(), file(&world, 9999));
    let began = world.now();
    assert_eq!(world.drive(Transfer::sendfile(fd, from, 0, 9999)), Ok(4096));
    assert_eq!(world.drive(Transfer::sendfile(fd, from, 0, 9999)), Err(libc::EAGAIN));
    assert_eq!(world.now(), began);
    assert_eq!(world.poll_one(fd, libc::POLLOUT, u64::MAX), libc::POLLOUT);
    assert!(world.now() >= began + 2 * S);
    assert_eq!(world.drive(Transfer::sendfile(fd, from, 0, 9999)), Err(libc::ETIMEDOUT));
}

#[test]
fn files_among_themselves_are_the_kernels() {
    let world = World::new("to * write=2s read=2s");
    let (from, to) = (file(&world, 100), file(&world, 0));
    assert_eq!(world.drive(Transfer::splice([from as usize, 0, to as usize, 0, 100, 0])), Ok(100));
}

#[test]
fn two_loans_at_once_leave_the_option_as_it_was() {
    let world = World::new("to * write=2s read=2s");
    let (fd, pipe) = (world.connected(), file(&world, 0));
    let splice = || Transfer::splice([fd as usize, 0, pipe as usize, 0, 100, 0]);
    let mut first = world.begin(splice(), ());
    world.pass(S);
    let mut second = world.begin(splice(), ());
    assert_eq!(world.end(&mut first), Err(libc::ETIMEDOUT));
    let _ = world.end(&mut second);
    assert_eq!(world.machine.socket(fd).receive_timeout, 0, "a loan was taken for the program's own");
}

#[test]
fn a_loan_of_one_thread_is_no_timeout_of_anothers_read() {
    let world = World::new("to * write=2s read=2s");
    let (fd, pipe) = (world.connected(), file(&world, 0));
    let mut splice = world.begin(Transfer::splice([fd as usize, 0, pipe as usize, 0, 100, 0]), ());
    assert_ne!(world.machine.socket(fd).receive_timeout, 0, "the option is lent");
    let began = world.now();
    assert_eq!(world.read(fd, 100), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 2 * S);
    let _ = world.end(&mut splice);
    assert_eq!(world.machine.socket(fd).receive_timeout, 0);
}
