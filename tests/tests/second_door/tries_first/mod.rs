//! A program that tries before it waits (Go's runtime): every socket is registered edge-triggered at its birth, and a wait begins
//! with the EAGAIN that a goroutine gets. Its own timers give waits up without a word to anybody.
//!
//! Real Go programs are in go-tests.

mod connecting;
mod reading;
mod sharing;
mod writing;

use crate::door::{Answer, World};
use crate::machine::{MS, S};
use crate::program::FOREVER;
use netdeadline_engine::op::{self, Call, Interest, Operation, Receive, Scope, Step};
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

    fn within(&mut self, scope: Scope) {
        self.read.within(scope);
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

/// Fill the connection's window, as a goroutine's Write does.
fn fill(world: &World, fd: i32) {
    assert_eq!(world.write(fd, 5000), Ok(4096));
    assert_eq!(world.write(fd, 904), AGAIN);
}
