//! Answers that another thread reads before the write of their question has come back from its call.

use crate::door::World;
use crate::machine::{Attempt, S};
use netdeadline_engine::op::{Operation, Send, Step};

/// Write ten bytes; `between` happens after the kernel has taken them and before the caller knows.
fn write_and(world: &World, fd: i32, between: impl FnOnce()) {
    let bytes = [b'q'; 10];
    let mut write = Send::write(fd, bytes.as_ptr() as usize, bytes.len());
    let step = write.start(&world.engine);
    assert!(matches!(step, Step::Call(_)), "a write is a call: {step:?}");
    let mut pending = world.machine.state().enter(&step);
    let Attempt::Done(outcome) = world.machine.change().attempt(&mut pending) else { panic!("there is room") };
    between();
    assert_eq!(write.resume(&world.engine, outcome), Step::Done(10));
}

#[test]
fn an_answer_that_is_read_before_its_write_has_come_back_is_the_answer() {
    let world = World::new("to * response=2s");
    let fd = world.connected();
    write_and(&world, fd, || {
        world.arrive(fd, b"answer");
        assert_eq!(world.read(fd, 100), Ok(6));
    });
    world.acknowledge(fd, 10);
    assert!(world.hangs(&mut world.begin_read(fd, 100)), "no question is open");
    assert_eq!(world.records(), Vec::<String>::new());
}

#[test]
fn a_write_without_an_answer_is_a_question() {
    let world = World::new("to * response=2s");
    let fd = world.connected();
    write_and(&world, fd, || {});
    world.acknowledge(fd, 10);
    let began = world.now();
    assert_eq!(world.read(fd, 100), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 2 * S);
}

#[test]
fn an_old_answer_does_not_stand_for_a_new_one() {
    let world = World::new("to * response=2s");
    let fd = world.connected();
    world.arrive(fd, b"greeting");
    assert_eq!(world.read(fd, 100), Ok(8));
    write_and(&world, fd, || {});
    world.acknowledge(fd, 10);
    let began = world.now();
    assert_eq!(world.read(fd, 100), Err(libc::ETIMEDOUT));
    world.assert_deadline(began, 2 * S);
}

#[test]
fn a_request_that_is_read_before_the_last_answers_write_has_come_back_is_worked_on() {
    let world = World::new("on :8080 read=2s");
    let fd = world.accept(8080);
    world.arrive(fd, b"one");
    assert_eq!(world.read(fd, 100), Ok(3));
    write_and(&world, fd, || {
        world.arrive(fd, b"two");
        assert_eq!(world.read(fd, 100), Ok(3));
    });
    world.acknowledge(fd, 10);
    assert!(world.hangs(&mut world.begin_read(fd, 100)), "the second is worked on: the clock pauses");
}

#[test]
fn each_wait_on_the_same_unacknowledged_bytes_expires() {
    let world = World::new("to * write=2s");
    let fd = world.connected();
    assert_eq!(world.write(fd, 10), Ok(10));
    for _ in 0..3 {
        let began = world.now();
        assert_eq!(world.read(fd, 100), Err(libc::ETIMEDOUT), "pgx takes the first for nothing and reads again");
        world.assert_write_deadline(began, 2 * S);
    }
}
