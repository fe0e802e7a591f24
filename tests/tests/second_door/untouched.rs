//! A program that never calls the C API: it makes the calls that it made before there was one, and the engine asks no more.

use crate::door::{Thread, World};
use crate::machine::{Fate, MS, S};
use crate::program::{FOREVER, IN, OUT};
use netdeadline_engine::op::Operation;

/// What a program does under a rule and without one, as far as the kernel sees it: for each call its answer, how many calls the
/// door made for it, and how many the engine. The texts were written by this code beside the engine of commit 7136b29, the last
/// one without the API.
struct Diary {
    world: World,
    text: String,
}

impl Diary {
    fn end<O: Operation, M>(&mut self, what: &str, thread: &mut Thread<O, M>) {
        let answer = self.world.end(thread);
        let asked: u64 = std::mem::take(&mut self.world.machine.change().asked).values().sum();
        self.text += &format!("{what}: {answer:?} after {} and {asked}\n", thread.steps());
    }
}

fn diary(rules: &str) -> String {
    let world = World::new(rules);
    world.machine.change().ports.insert(80, Fate::Answers(5 * MS));
    let (fd, idle) = (world.connected(), world.connected_nonblocking());
    let set = world.epoll_create();
    world.epoll_add(set, idle, libc::EPOLLIN);
    world.machine.change().asked.clear();
    let mut diary = Diary { world, text: String::new() };
    let at = |world: &World, fd| world.machine.later(S, fd, |socket, now| socket.arrive(b"some data", now));
    for round in 0..2 {
        at(&diary.world, fd);
        let mut thread = diary.world.begin_read(fd, 3);
        diary.end("a read that waits", &mut thread);
        let mut thread = diary.world.begin_read(fd, 3);
        diary.end("a read that finds data", &mut thread);
        let mut thread = diary.world.begin_recv(fd, 3, libc::MSG_DONTWAIT);
        diary.end("a recv that does not wait", &mut thread);
        let mut thread = diary.world.begin_write(fd, 3);
        diary.end("a write", &mut thread);
        let mut thread = diary.world.begin_write(idle, 9000);
        diary.end("a write without room", &mut thread);
        diary.world.acknowledge(idle, 9000);
        at(&diary.world, fd);
        let mut thread = diary.world.begin_poll(&[(fd, IN), (idle, IN)], FOREVER);
        diary.end("a poll that waits", &mut thread);
        let mut thread = diary.world.begin_poll(&[(fd, IN | OUT)], 0);
        diary.end("a poll that asks", &mut thread);
        let mut thread = diary.world.begin_recv(fd, 9, libc::MSG_WAITALL);
        diary.end("a recv of all", &mut thread);
        at(&diary.world, fd);
        let mut thread = diary.world.begin_select(&[fd], &[], FOREVER);
        diary.end("a select", &mut thread);
        let mut thread = diary.world.begin_read(fd, 9);
        diary.end("a read", &mut thread);
        at(&diary.world, idle);
        let mut thread = diary.world.begin_epoll(set, 8, FOREVER);
        diary.end("an epoll wait", &mut thread);
        let mut thread = diary.world.begin_read(idle, 9);
        diary.end("a read of all there is", &mut thread);
        let mut thread = diary.world.begin_epoll(set, 8, 0);
        diary.end("an epoll wait that asks", &mut thread);
        let dials = diary.world.socket();
        let mut thread = diary.world.begin_connect(dials, 80);
        diary.end("a connect", &mut thread);
        if round == 1 && !rules.is_empty() {
            let mut thread = diary.world.begin_read(fd, 9);
            diary.end("a read that expires", &mut thread);
        }
        assert_eq!(diary.world.close(dials), Ok(0));
        diary.text += "close\n";
    }
    diary.text
}

/// Line by line the same answers after the same calls, for which the engine asked no more than it did.
fn assert_no_more(rules: &str, before: &str) {
    let now = diary(rules);
    assert_eq!(now.lines().count(), before.lines().count());
    for (now, before) in now.lines().zip(before.lines()) {
        let split =
            |line: &str| line.rsplit_once(" and ").map(|(what, asked)| (what.to_owned(), asked.parse::<u64>().ok()));
        let (Some((what, asked)), Some((then, most))) = (split(now), split(before)) else {
            assert_eq!(now, before);
            continue;
        };
        assert_eq!(what, then);
        assert!(asked.is_some() && asked <= most, "{now}, and before: {before}");
    }
}

#[test]
fn a_program_that_never_calls_the_api_makes_the_calls_that_it_made_before_there_was_one() {
    assert_no_more("", include_str!("untouched/plain.txt"));
    assert_no_more("to * read=3s", include_str!("untouched/ruled.txt"));
}
