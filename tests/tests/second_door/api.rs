//! The C API, as src/capi.rs hands it to the engine, and the calls that only its tests make.

use crate::door::{Answer, Thread, World};
use crate::machine::{memory, File, Phase, Socket};
use netdeadline_engine::op::{self, Accept, Ways};
use netdeadline_engine::table::Expiry;

/// Class connect, as `nd_expiry` numbers it.
pub const CONNECT: u32 = 1;
/// Class read.
pub const READ: u32 = 3;
/// Class write.
pub const WRITE: u32 = 4;

/// Source: a deadline of the socket.
pub const DEADLINE: u32 = 1;
/// Source: a scope.
pub const SCOPE: u32 = 2;
/// Source: `nd_set_timeouts`.
pub const TIMEOUTS: u32 = 3;
/// Source: SO_RCVTIMEO or SO_SNDTIMEO.
pub const OPTION: u32 = 4;
/// Source: a rule.
pub const RULE: u32 = 5;

/// A thread in accept.
pub type Accepting = Thread<Accept, ()>;

impl World {
    fn movable(&self) -> Result<(), i32> {
        op::begin_movable(&self.engine, || true)
    }

    /// nd_set_deadline and its like, instants as C has them.
    pub fn set(&self, fd: i32, ways: Ways, when: i64) -> Result<(), i32> {
        self.movable().and_then(|()| op::set_deadline(&self.engine, fd, ways, when))
    }

    /// nd_set_deadline.
    pub fn set_deadline(&self, fd: i32, when: u64) {
        assert_eq!(self.set(fd, Ways::Both, when as i64), Ok(()));
    }

    /// nd_set_read_deadline.
    pub fn set_read(&self, fd: i32, when: u64) {
        assert_eq!(self.set(fd, Ways::Read, when as i64), Ok(()));
    }

    /// nd_set_write_deadline.
    pub fn set_write(&self, fd: i32, when: u64) {
        assert_eq!(self.set(fd, Ways::Write, when as i64), Ok(()));
    }

    /// nd_get_deadlines.
    pub fn deadlines(&self, fd: i32) -> Result<(i64, i64), i32> {
        self.movable().and_then(|()| op::deadlines(&self.engine, fd))
    }

    /// nd_set_timeouts: connect, response, read, write, lifetime.
    pub fn set_timeouts(&self, fd: i32, all: [u64; 5]) {
        assert_eq!(self.movable().and_then(|()| op::set_timeouts(&self.engine, fd, all)), Ok(()));
    }

    /// nd_last_expiry.
    pub fn last_expiry(&self, fd: i32) -> Result<Expiry, i32> {
        self.movable().and_then(|()| op::last_expiry(&self.engine, fd))
    }

    /// Why the last operation failed: class and source.
    #[track_caller]
    pub fn why(&self, fd: i32) -> (u32, u32) {
        let last = self.last_expiry(fd).expect("an expiry");
        (last.which, last.source)
    }

    /// nd_scope_enter.
    pub fn enter(&self, when: u64) -> u64 {
        self.movable().and_then(|()| op::enter_scope(&self.engine, self.key.get(), when as i64)).expect("a scope")
    }

    /// nd_scope_leave.
    pub fn leave(&self, token: u64) -> Result<(), i32> {
        op::leave_scope(&self.engine, self.key.get(), token)
    }

    /// What follows is done by another thread.
    pub fn as_thread(&self, number: i32) {
        self.key.set(0x1000 + 8 * number as usize);
        self.machine.change().tid = Some(5000 + number);
    }

    /// A socket that listens.
    pub fn listener(&self) -> i32 {
        let fd = self.socket();
        self.machine.socket(fd).phase = Phase::Listening;
        fd
    }

    /// A client connects to a listener, `after` from now.
    pub fn client(&self, fd: i32, after: u64) {
        self.machine.later(after, fd, |socket, _| socket.queue += 1);
    }

    /// A thread in accept.
    pub fn begin_accept(&self, fd: i32) -> Accepting {
        self.begin(Accept::new(fd, 0, 0, None), ())
    }

    /// accept, from beginning to end; what it answers is known to the engine.
    pub fn accept_one(&self, fd: i32) -> Answer {
        let answer = self.end(&mut self.begin_accept(fd));
        if let Ok(new) = answer {
            op::accepted(&self.engine, new as i32);
        }
        answer
    }

    /// A pipe or a file.
    pub fn file(&self) -> i32 {
        self.machine.change().open(File::Plain(Vec::new()))
    }

    /// A socket that came to be without our seeing it, at this number.
    pub fn appears(&self, fd: i32) {
        let mut state = self.machine.change();
        let mut socket = Socket::new(libc::AF_INET, libc::SOCK_STREAM, 900_000 + state.files.len() as u64);
        (socket.phase, socket.peer) = (Phase::Connected, memory::address([10, 0, 0, 1], 7));
        let new = state.open(File::Socket(socket));
        let file = state.numbers[&new];
        if new != fd {
            state.numbers.remove(&new);
            assert!(state.numbers.insert(fd, file).is_none(), "the number is taken");
        }
    }
}
