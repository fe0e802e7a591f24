//! Every way in which a program waits for a socket, behind one face: what holds for one must hold for all.
//!
//! Each waits for something that does not come by itself. What a way may be late by is what its page says of it.

use crate::door::{Answer, Thread, World};
use crate::machine::{MS, S};
use crate::program::{FOREVER, IN, OUT};
use netdeadline_engine::op::{Operation, Ways};

/// How a program waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    Read,
    ReadAll,
    Write,
    Connect,
    Accept,
    /// For input, among so many sockets.
    Poll(usize),
    /// For room.
    PollOut,
    /// For a connection that is under way.
    PollConnect,
    Select,
    /// The modes it is registered with.
    Epoll(i32),
    /// epoll_wait, in whole milliseconds.
    EpollMs,
    /// A poll for an epoll set.
    Nested,
}

/// All of them.
pub const ALL: [How; 15] = [
    How::Read,
    How::ReadAll,
    How::Write,
    How::Connect,
    How::Accept,
    How::Poll(1),
    How::Poll(63),
    How::Poll(64),
    How::PollOut,
    How::PollConnect,
    How::Select,
    How::Epoll(0),
    How::Epoll(libc::EPOLLET),
    How::EpollMs,
    How::Nested,
];

type Goes = Box<dyn FnMut(&World, u64) -> Option<Answer>>;

/// A thread that waits.
pub struct Waiting {
    pub how: How,
    /// The socket that it waits for.
    pub fd: i32,
    /// How many sockets are reported when it expires.
    pub told: usize,
    goes: Goes,
}

impl How {
    /// The socket, such that this wait would wait.
    pub fn socket(self, world: &World) -> i32 {
        match self {
            How::Read | How::ReadAll => world.connected(),
            How::Write => full(world, false),
            How::PollOut => full(world, true),
            How::Connect => world.socket(),
            How::Accept => world.listener(),
            How::PollConnect => {
                let fd = world.socket();
                assert_eq!(world.deadlines(fd), Ok((0, 0)), "the program has called the API before");
                world.set_nonblocking(fd, true);
                assert_eq!(world.connect(fd, 9), Err(libc::EINPROGRESS), "nobody answers there");
                fd
            }
            How::Poll(_) | How::Select | How::Epoll(_) | How::EpollMs | How::Nested => world.connected_nonblocking(),
        }
    }

    /// Which deadline bounds it.
    pub fn ways(self) -> Ways {
        match self {
            How::Write | How::Connect | How::PollOut | How::PollConnect => Ways::Write,
            _ => Ways::Read,
        }
    }

    /// A thread begins to wait.
    pub fn begin(self, world: &World, fd: i32) -> Waiting {
        let epoll = |mode: i32| {
            let set = world.epoll_create();
            world.epoll_add(set, fd, libc::EPOLLIN | mode);
            set
        };
        let goes = match self {
            How::Read => goes(world.begin_read(fd, 10)),
            How::ReadAll => goes(world.begin_recv(fd, 10, libc::MSG_WAITALL)),
            How::Write => goes(world.begin_write(fd, 10)),
            How::Connect => goes(world.begin_connect(fd, 9)),
            How::Accept => goes(world.begin_accept(fd)),
            How::Poll(count) => {
                let others = (1..count).map(|_| (world.connected_nonblocking(), IN));
                let all: Vec<(i32, i16)> = others.chain([(fd, IN)]).collect();
                goes(world.begin_poll(&all, FOREVER))
            }
            How::PollOut | How::PollConnect => goes(world.begin_poll(&[(fd, OUT)], FOREVER)),
            How::Select => goes(world.begin_select(&[fd], &[], FOREVER)),
            How::Epoll(mode) => goes(world.begin_epoll(epoll(mode), 8, FOREVER)),
            How::EpollMs => goes(world.begin_epoll_ms(epoll(0), 8, -1)),
            How::Nested => nested(world, epoll(0)),
        };
        Waiting { how: self, fd, told: 1, goes }
    }

    /// How late it may be: what cannot be woken looks again every ten milliseconds.
    fn slack(self) -> u64 {
        match self {
            How::Poll(64) | How::Select => 10 * MS + 3000,
            _ => 3000,
        }
    }
}

fn full(world: &World, nonblocking: bool) -> i32 {
    let fd = world.connected();
    world.machine.socket(fd).capacity = 10;
    assert_eq!(world.write(fd, 10), Ok(10));
    world.set_nonblocking(fd, nonblocking);
    fd
}

fn goes<O: Operation + 'static, M: 'static>(mut thread: Thread<O, M>) -> Goes {
    Box::new(move |world, instant| world.until(&mut thread, instant))
}

/// A poll for a set, and a look into the set whenever that is reported: it may be for nothing, where its timer was set for a
/// deadline that was moved meanwhile.
fn nested(world: &World, set: i32) -> Goes {
    let mut thread = world.begin_poll(&[(set, IN)], FOREVER);
    let mut looks = 0;
    Box::new(move |world, instant| loop {
        let answer = world.until(&mut thread, instant);
        if answer != Some(Ok(1)) || !world.epoll(set, 0).is_empty() {
            return answer;
        }
        looks += 1;
        assert!(looks < 10, "the set is ready for ever, with nothing in it");
        thread = world.begin_poll(&[(set, IN)], FOREVER);
    })
}

impl Waiting {
    /// Let time pass until `instant`, or until the wait is over.
    pub fn until(&mut self, world: &World, instant: u64) -> Option<Answer> {
        (self.goes)(world, instant)
    }

    /// It waits still, and goes on to do so until `instant`.
    #[track_caller]
    pub fn waits_until(&mut self, world: &World, instant: u64) {
        assert_eq!(self.until(world, instant), None, "{:?} ended at {} ms", self.how, world.now() / MS);
    }

    /// It ends at this instant because a deadline has passed; and the program's next call says so.
    #[track_caller]
    pub fn expires_at(&mut self, world: &World, instant: u64) {
        if instant > world.now() {
            self.waits_until(world, instant - 1);
        }
        let (how, fd) = (self.how, self.fd);
        let answer = self.until(world, world.now().max(instant) + S);
        let late = world.now().saturating_sub(instant);
        assert!(late <= how.slack(), "{how:?} is {late} ns late: {answer:?}");
        match how {
            How::Read | How::ReadAll | How::Write | How::Accept => {
                assert_eq!(answer, Some(Err(libc::ETIMEDOUT)), "{how:?}")
            }
            How::Connect => {
                assert_eq!(answer, Some(Err(libc::ETIMEDOUT)));
                assert_eq!(world.machine.socket(fd).aborted, 1, "it cannot succeed any more");
            }
            How::PollConnect => {
                assert_eq!(answer, Some(Ok(1)));
                assert_eq!(world.machine.socket(fd).aborted, 1, "it cannot succeed any more");
                assert_eq!(world.socket_error(fd), libc::ETIMEDOUT);
            }
            How::PollOut => {
                assert_eq!(answer, Some(Ok(1)));
                assert_eq!(world.write(fd, 1), Err(libc::ETIMEDOUT));
            }
            _ => {
                assert_eq!(answer, Some(Ok(self.told)), "{how:?}");
                assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT), "{how:?}");
            }
        }
    }

    /// What it waits for comes, a second from now, and ends it.
    #[track_caller]
    pub fn ends_well(&mut self, world: &World) {
        let (how, fd, at) = (self.how, self.fd, world.now() + S);
        match how {
            How::Write | How::PollOut => world.machine.later(S, fd, |socket, now| socket.acknowledge(10, now)),
            How::Connect | How::PollConnect => world.machine.later(S, fd, |socket, now| socket.establish(now)),
            How::Accept => world.client(fd, S),
            _ => world.machine.later(S, fd, |socket, now| socket.arrive(b"0123456789", now)),
        }
        self.waits_until(world, at - 1);
        let answer = self.until(world, at + S);
        assert!(world.now() - at <= how.slack(), "{how:?}");
        assert!(matches!(answer, Some(Ok(_))), "{how:?}: {answer:?}");
        if !matches!(how, How::Connect | How::Write | How::Accept | How::Read | How::ReadAll) {
            assert_eq!(answer, Some(Ok(1)), "{how:?}");
        }
    }
}
