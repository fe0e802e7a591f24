//! The pretended machine: files behind numbers, a clock that only the tests move, and what the peers do when.
//!
//! Calls come in two ways, as in a real process: the engine's own through `Kernel` (kernel.rs), where nothing may block, and
//! the program's, which the door makes (calls.rs). How a socket behaves is in socket.rs; nothing here knows of deadlines.

mod calls;
mod epoll;
mod kernel;
pub mod memory;
mod messages;
mod options;
mod page;
mod socket;

use std::cell::{Ref, RefCell, RefMut};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

pub use calls::{Attempt, Pending};
pub use epoll::Epoll;
pub use page::DIRECTORY;
pub use socket::{Phase, Socket};

/// A millisecond of the virtual clock.
pub const MS: u64 = 1_000_000;
/// A second.
pub const S: u64 = 1_000_000_000;

/// The state words count in units of this, rounded up.
pub const GRAIN: u64 = 256;

/// When the machine "booted": a day ago, a multiple of the engine's 256 ns.
pub const BOOT: u64 = 86_400 * S;

/// A file's own number; never used again.
pub type FileId = u64;

/// What is behind a number.
#[allow(clippy::large_enum_variant)] // A test has a dozen files.
pub enum File {
    /// A socket.
    Socket(Socket),
    /// An epoll set.
    Epoll(Epoll),
    /// A timerfd.
    Timer(Timer),
    /// An eventfd that counts something: it can be read.
    Event,
    /// A pipe or a regular file: readable bytes.
    Plain(Vec<u8>),
    /// The log.
    Log,
    /// The directory of evidence pages, or a page.
    Pages,
}

/// A timerfd.
#[derive(Default)]
pub struct Timer {
    /// When it expires; 0: stopped.
    pub at: u64,
    /// How often it was set: an edge each.
    pub set: u64,
}

/// What the peer does with a connection attempt.
#[derive(Clone, Copy)]
pub enum Fate {
    /// Accept it after this long.
    Answers(u64),
    /// Refuse it after this long.
    Refuses(u64),
}

/// What happens at an instant.
pub type Event = Box<dyn FnOnce(&mut State)>;

/// Everything there is.
pub struct State {
    /// CLOCK_MONOTONIC.
    pub now: u64,
    /// The open numbers.
    pub numbers: BTreeMap<i32, FileId>,
    /// All files that ever were.
    pub files: BTreeMap<FileId, File>,
    events: BTreeMap<(u64, u64), Event>,
    serial: u64,
    /// What answers a TCP port; a port that is not listed is a black hole.
    pub ports: BTreeMap<u16, Fate>,
    /// Numbers that the engine opened: only these may it close.
    pub ours: BTreeSet<i32>,
    /// How often the engine made each call.
    pub asked: BTreeMap<i64, u64>,
    /// getpid's answer.
    pub pid: i32,
    /// Signals that have a handler, and whether with SA_RESTART.
    pub handlers: BTreeMap<i32, bool>,
    /// Blocked signals.
    pub mask: u64,
    /// A signal has come: what waits answers EINTR.
    pub interrupted: bool,
    /// RLIMIT_NOFILE.
    pub limit: u64,
    /// What the engine wrote to its log.
    pub log: String,
    /// Bytes of memory that the engine asked for.
    pub bytes: usize,
    /// Memory that a fork wipes.
    pub wiped: Vec<(usize, usize)>,
    /// timerfd_create fails.
    pub no_timers: bool,
    /// eventfd2 and the engine's epoll_create1 fail.
    pub no_wakers: bool,
    /// Registrations that the engine itself modified: the fd, and its new events.
    pub modified: Vec<(i32, u32)>,
    /// gettid's answer, where it is not the pid.
    pub tid: Option<i32>,
    /// Threads that have ended: tgkill does not find them.
    pub dead: BTreeSet<i32>,
    /// Where the process's evidence page is mapped; 0: there is none.
    page: usize,
    /// What another thread does just before the engine makes a call of this number.
    hooks: Vec<(i64, Box<dyn FnOnce()>)>,
}

/// The machine, shared by the engine (as its kernel), the door and the test.
#[derive(Clone)]
pub struct Machine(Rc<RefCell<State>>);

impl Machine {
    /// A machine where nothing is open but the three standard numbers.
    pub fn new() -> Machine {
        let mut state = State {
            now: BOOT,
            numbers: BTreeMap::new(),
            files: BTreeMap::new(),
            events: BTreeMap::new(),
            serial: 0,
            ports: BTreeMap::new(),
            ours: BTreeSet::new(),
            asked: BTreeMap::new(),
            pid: 4711,
            handlers: BTreeMap::new(),
            mask: 0,
            interrupted: false,
            limit: 1024,
            log: String::new(),
            bytes: 0,
            wiped: Vec::new(),
            no_timers: false,
            no_wakers: false,
            modified: Vec::new(),
            tid: None,
            dead: BTreeSet::new(),
            page: 0,
            hooks: Vec::new(),
        };
        for _ in 0..3 {
            state.open(File::Plain(Vec::new()));
        }
        Machine(Rc::new(RefCell::new(state)))
    }

    /// Look.
    pub fn state(&self) -> Ref<'_, State> {
        self.0.borrow()
    }

    /// Change.
    pub fn change(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }

    /// The socket behind a number.
    pub fn socket(&self, fd: i32) -> RefMut<'_, Socket> {
        RefMut::map(self.0.borrow_mut(), |state| state.socket(fd).expect("a socket"))
    }

    /// Something that happens `after` from now to the socket which is behind this number now.
    pub fn later(&self, after: u64, fd: i32, what: impl FnOnce(&mut Socket, u64) + 'static) {
        let mut state = self.change();
        let (file, at) = (state.numbers[&fd], state.now + after);
        state.at(at, move |state| {
            let now = state.now;
            if let Some(File::Socket(socket)) = state.files.get_mut(&file) {
                what(socket, now);
            }
        });
    }

    /// Another thread gets the processor just before the engine makes its next call of this number, and does this.
    pub fn before(&self, nr: i64, what: impl FnOnce() + 'static) {
        self.change().hooks.push((nr, Box::new(what)));
    }

    /// Whoever was to run before a call of this number runs now.
    fn run_hook(&self, nr: i64) {
        let hook = {
            let mut state = self.change();
            let found = state.hooks.iter().position(|hook| hook.0 == nr);
            found.map(|i| state.hooks.remove(i))
        };
        if let Some((_, what)) = hook {
            what();
        }
    }

    /// Become a forked child: the memory is a copy, but for what fork wipes, and the files are shared.
    pub fn fork(&self) {
        let mut state = self.change();
        state.pid += 1;
        state.tid = None;
        for (at, bytes) in &state.wiped {
            // SAFETY: `wiped_pages` allocated them, of that length, and the atomics in them are not used meanwhile.
            unsafe { std::ptr::write_bytes(*at as *mut u8, 0, *bytes) };
        }
    }

    /// The instant of the next thing that happens by itself.
    pub fn next_event(&self) -> u64 {
        self.state().events.keys().next().map_or(u64::MAX, |key| key.0)
    }

    /// Move the clock to `to`; whatever happens until then happens.
    pub fn advance(&self, to: u64) {
        loop {
            let mut state = self.change();
            let Some(entry) = state.events.first_entry().filter(|entry| entry.key().0 <= to) else {
                state.now = state.now.max(to);
                return;
            };
            let ((at, _), event) = entry.remove_entry();
            state.now = state.now.max(at);
            event(&mut state);
        }
    }
}

impl State {
    /// Let something happen at an instant.
    pub fn at(&mut self, at: u64, what: impl FnOnce(&mut State) + 'static) {
        self.serial += 1;
        self.events.insert((at, self.serial), Box::new(what));
    }

    /// Open a file at the lowest free number.
    pub fn open(&mut self, file: File) -> i32 {
        self.serial += 1;
        let id = self.serial;
        self.files.insert(id, file);
        self.number(id, 0)
    }

    /// Another number for a file: the lowest free one that is not below `least`.
    pub fn number(&mut self, file: FileId, least: i32) -> i32 {
        let fd = (least..).find(|fd| !self.numbers.contains_key(fd)).expect("a free number");
        self.numbers.insert(fd, file);
        fd
    }

    /// The file behind a number.
    pub fn file(&mut self, fd: i32) -> Result<(FileId, &mut File), i32> {
        let id = *self.numbers.get(&fd).ok_or(libc::EBADF)?;
        Ok((id, self.files.get_mut(&id).expect("numbers lead to files")))
    }

    /// The socket behind a number.
    pub fn socket(&mut self, fd: i32) -> Result<&mut Socket, i32> {
        match self.file(fd)?.1 {
            File::Socket(socket) => Ok(socket),
            _ => Err(libc::ENOTSOCK),
        }
    }

    /// close(2): the file ends with its last number, and leaves the epoll sets then.
    pub fn close(&mut self, fd: i32) -> Result<(), i32> {
        let id = self.numbers.remove(&fd).ok_or(libc::EBADF)?;
        self.ours.remove(&fd);
        if !self.numbers.values().any(|other| *other == id) {
            for file in self.files.values_mut() {
                if let File::Epoll(epoll) = file {
                    epoll.entries.retain(|key, _| key.1 != id);
                }
            }
        }
        Ok(())
    }

    /// What poll reports of a file.
    pub fn ready(&self, id: FileId) -> u32 {
        match self.files.get(&id) {
            Some(File::Socket(socket)) => socket.ready(),
            Some(File::Epoll(epoll)) => self.epoll_ready(epoll),
            Some(File::Timer(timer)) => {
                if timer.at != 0 && timer.at <= self.now {
                    libc::POLLIN as u32
                } else {
                    0
                }
            }
            Some(File::Event | File::Plain(_) | File::Log | File::Pages) => (libc::POLLIN | libc::POLLOUT) as u32,
            None => libc::POLLNVAL as u32,
        }
    }

    /// A number that is another one whenever a file's readiness was announced anew.
    pub fn edge(&self, id: FileId) -> u64 {
        match self.files.get(&id) {
            Some(File::Socket(socket)) => socket.edge,
            Some(File::Timer(timer)) => timer.set,
            _ => 0,
        }
    }

    /// When a file may become ready by the passing of time.
    pub fn ripens(&self, id: FileId) -> u64 {
        match self.files.get(&id) {
            Some(File::Timer(timer)) if timer.at > self.now => timer.at,
            Some(File::Epoll(epoll)) => epoll.entries.keys().map(|key| self.ripens(key.1)).min().unwrap_or(u64::MAX),
            _ => u64::MAX,
        }
    }
}
