//! The program's calls, each as a door makes it: the plain call where the engine is not concerned, its bookkeeping where it is.
//!
//! `begin_*` leaves the calling thread inside the call; the others go on until it returns.

use crate::door::{Answer, Thread, World};
use crate::machine::{memory, Epoll, Fate, File, Machine, Phase, Socket};
use netdeadline_engine::op::{
    self, Call, Clock, Close, Connect, EpollWait, Interest, Poll, Receive, Select, Send, MOVABLE,
};
use netdeadline_engine::Engine;

/// For ever, as a wait's timeout in ns.
pub const FOREVER: u64 = u64::MAX;

/// poll's bits, short.
pub const IN: i16 = libc::POLLIN;
/// Room.
pub const OUT: i16 = libc::POLLOUT;

/// What an epoll wait answered: events and data.
pub type Events = Vec<(u32, u64)>;

/// A thread in read.
pub type Reading = Thread<Receive, Vec<u8>>;
/// A thread in write.
pub type Writing = Thread<Send, Vec<u8>>;
/// A thread in poll.
pub type Polling = Thread<Poll, (Vec<libc::pollfd>, Box<libc::timespec>)>;
/// A thread in epoll_wait.
pub type EpollWaiting = Thread<EpollWait, (Vec<libc::epoll_event>, Box<libc::timespec>)>;
/// A thread in select: the sets, and the time.
pub type Selecting = Thread<Select, Box<([[u64; 16]; 3], libc::timeval)>>;

impl World {
    /// Tell the engine, where it is at work: a door asks that first.
    fn note(&self, tell: impl FnOnce(&Engine<Machine>)) {
        if self.engine.active() {
            tell(&self.engine);
        }
    }

    // ---- Coming and going ----

    fn socket_of(&self, domain: i32, kind: i32) -> i32 {
        let mut state = self.machine.change();
        let cookie = 1_000 + state.files.len() as u64;
        let fd = state.open(File::Socket(Socket::new(domain, kind, cookie)));
        drop(state);
        self.note(|engine| op::socket_created(engine, fd));
        fd
    }

    /// socket(AF_INET, SOCK_STREAM).
    pub fn socket(&self) -> i32 {
        self.socket_of(libc::AF_INET, libc::SOCK_STREAM)
    }

    /// socket(AF_UNIX, SOCK_STREAM).
    pub fn unix(&self) -> i32 {
        self.socket_of(libc::AF_UNIX, libc::SOCK_STREAM)
    }

    /// socket(AF_INET, SOCK_DGRAM), connected.
    pub fn datagram(&self) -> i32 {
        let fd = self.socket_of(libc::AF_INET, libc::SOCK_DGRAM);
        self.machine.socket(fd).phase = Phase::Connected;
        fd
    }

    /// A thread in connect to 10.0.0.1.
    pub fn begin_connect(&self, fd: i32, port: u16) -> Thread<Connect, Vec<u8>> {
        let address = memory::address([10, 0, 0, 1], port);
        self.begin(Connect::new(fd, address.as_ptr() as usize, address.len()), address)
    }

    /// connect to 10.0.0.1.
    pub fn connect(&self, fd: i32, port: u16) -> Answer {
        self.end(&mut self.begin_connect(fd, port))
    }

    /// A blocking socket that is connected to a peer, which does nothing by itself.
    pub fn connected(&self) -> i32 {
        let fd = self.socket();
        self.machine.change().ports.insert(7, Fate::Answers(0));
        assert_eq!(self.connect(fd, 7), Ok(0));
        fd
    }

    /// A non-blocking one.
    pub fn connected_nonblocking(&self) -> i32 {
        let fd = self.connected();
        self.set_nonblocking(fd, true);
        fd
    }

    /// accept: a connection to our port.
    pub fn accept(&self, port: u16) -> i32 {
        let mut state = self.machine.change();
        let cookie = 1_000 + state.files.len() as u64;
        let now = state.now;
        let mut socket = Socket::new(libc::AF_INET, libc::SOCK_STREAM, cookie);
        (socket.local, socket.peer) = (memory::address([10, 0, 0, 2], port), memory::address([10, 9, 9, 9], 50_000));
        socket.establish(now);
        let fd = state.open(File::Socket(socket));
        drop(state);
        self.note(|engine| op::accepted(engine, fd));
        fd
    }

    /// close.
    pub fn close(&self, fd: i32) -> Answer {
        match op::close(&self.engine, fd) {
            Close::NotOpen => Err(libc::EBADF),
            Close::Call => self.machine.change().close(fd).map(|()| 0),
            Close::CallAndTell(index) => {
                let answer = self.machine.change().close(fd).map(|()| 0);
                op::closed(&self.engine, fd, index);
                answer
            }
        }
    }

    /// dup.
    pub fn dup(&self, fd: i32) -> i32 {
        let mut state = self.machine.change();
        let file = state.numbers[&fd];
        let new = state.number(file, 0);
        drop(state);
        self.note(|engine| op::duplicated(engine, fd, new));
        new
    }

    /// dup2.
    pub fn dup2(&self, old: i32, new: i32) -> Answer {
        self.note(|engine| op::replacing(engine, old, new));
        let mut state = self.machine.change();
        let file = *state.numbers.get(&old).ok_or(libc::EBADF)?;
        if old != new {
            let _ = state.close(new);
            state.numbers.insert(new, file);
        }
        drop(state);
        self.note(|engine| op::replaced(engine, old, new));
        Ok(new as usize)
    }

    /// F_SETFL.
    pub fn set_nonblocking(&self, fd: i32, nonblocking: bool) {
        self.machine.socket(fd).nonblocking = nonblocking;
        self.note(|engine| op::mode_changed(engine, fd));
    }

    /// shutdown(SHUT_WR).
    pub fn shut_down(&self, fd: i32) {
        self.machine.socket(fd).shut = true;
        self.note(|engine| op::shut_down(engine, fd, libc::SHUT_WR));
    }

    /// The peer's bytes come, now.
    pub fn arrive(&self, fd: i32, bytes: &[u8]) {
        let now = self.now();
        self.machine.socket(fd).arrive(bytes, now);
    }

    /// The peer acknowledges, now.
    pub fn acknowledge(&self, fd: i32, count: usize) {
        let now = self.now();
        self.machine.socket(fd).acknowledge(count, now);
    }

    // ---- Options ----

    fn set_timeout(&self, fd: i32, name: i32, ns: u64) {
        let value = [ns as i64 / 1_000_000_000, ns as i64 % 1_000_000_000 / 1000];
        let (at, size) = (&raw const value as usize, size_of_val(&value));
        let args = [fd as usize, libc::SOL_SOCKET as usize, name as usize, at, size, 0];
        self.machine.change().setsockopt(args).expect("an option");
        self.note(|engine| op::set_option(engine, fd, libc::SOL_SOCKET, name, at, size));
    }

    /// SO_RCVTIMEO.
    pub fn set_receive_timeout(&self, fd: i32, ns: u64) {
        self.set_timeout(fd, libc::SO_RCVTIMEO, ns);
    }

    /// SO_SNDTIMEO.
    pub fn set_send_timeout(&self, fd: i32, ns: u64) {
        self.set_timeout(fd, libc::SO_SNDTIMEO, ns);
    }

    /// SO_RCVLOWAT.
    pub fn set_low_water(&self, fd: i32, bytes: i32) {
        let at = &raw const bytes as usize;
        let args = [fd as usize, libc::SOL_SOCKET as usize, libc::SO_RCVLOWAT as usize, at, 4, 0];
        self.machine.change().setsockopt(args).expect("an option");
        self.note(|engine| op::set_option(engine, fd, libc::SOL_SOCKET, libc::SO_RCVLOWAT, at, 4));
    }

    /// getsockopt(SO_ERROR).
    pub fn socket_error(&self, fd: i32) -> i32 {
        let (value, length) = (0_i32, 4_u32);
        let (at, length_at) = (&raw const value as usize, &raw const length as usize);
        let (level, name) = (libc::SOL_SOCKET, libc::SO_ERROR);
        let args = [fd as usize, level as usize, name as usize, at, length_at, 0];
        self.machine.change().getsockopt(args).expect("SO_ERROR");
        self.note(|engine| op::fetched_option(engine, fd, level, name, at));
        memory::load_as(at).expect("a place")
    }

    // ---- Reading and writing ----

    /// A thread in read.
    pub fn begin_read(&self, fd: i32, length: usize) -> Reading {
        let mut buffer = vec![0; length];
        let operation = Receive::read("read", fd, buffer.as_mut_ptr() as usize, length);
        self.begin(operation, buffer)
    }

    /// read.
    pub fn read(&self, fd: i32, length: usize) -> Answer {
        self.end(&mut self.begin_read(fd, length))
    }

    /// What read brings, as text.
    pub fn read_text(&self, fd: i32, length: usize) -> Result<String, i32> {
        let mut thread = self.begin_read(fd, length);
        let count = self.end(&mut thread)?;
        Ok(String::from_utf8_lossy(&thread.memory[..count]).into_owned())
    }

    /// A thread in recv.
    pub fn begin_recv(&self, fd: i32, length: usize, flags: i32) -> Reading {
        let mut buffer = vec![0; length];
        let args = [fd as usize, buffer.as_mut_ptr() as usize, length, flags as usize, 0, 0];
        self.begin(Receive::recvfrom("recv", args), buffer)
    }

    /// recv.
    pub fn recv(&self, fd: i32, length: usize, flags: i32) -> Answer {
        self.end(&mut self.begin_recv(fd, length, flags))
    }

    /// A thread in write.
    pub fn begin_write(&self, fd: i32, length: usize) -> Writing {
        let buffer = vec![b'w'; length];
        self.begin(Send::write(fd, buffer.as_ptr() as usize, length), buffer)
    }

    /// write.
    pub fn write(&self, fd: i32, length: usize) -> Answer {
        self.end(&mut self.begin_write(fd, length))
    }

    /// send.
    pub fn send(&self, fd: i32, length: usize, flags: i32) -> Answer {
        let buffer = vec![b's'; length];
        let args = [fd as usize, buffer.as_ptr() as usize, length, flags as usize, 0, 0];
        self.end(&mut self.begin(Send::sendto("send", args), buffer))
    }

    // ---- Waiting ----

    /// A thread in ppoll.
    pub fn begin_poll(&self, entries: &[(i32, i16)], timeout: u64) -> Polling {
        let entry = |&(fd, events)| libc::pollfd { fd, events, revents: 0x7777 };
        let mut memory: (Vec<_>, _) = (entries.iter().map(entry).collect(), Box::new(timespec(timeout)));
        let time = if timeout == FOREVER { 0 } else { &raw const *memory.1 as usize };
        let (at, count) = (memory.0.as_mut_ptr() as usize, entries.len());
        let own = Call::new(libc::SYS_ppoll, [at, count, time, 0, 8, 0]);
        self.begin(Poll::<MOVABLE>::new("ppoll", own, at, count, timeout, (0, 8)), memory)
    }

    /// poll; the answer's bits for each entry.
    pub fn poll(&self, entries: &[(i32, i16)], timeout: u64) -> (Answer, Vec<i16>) {
        let mut thread = self.begin_poll(entries, timeout);
        let answer = self.end(&mut thread);
        (answer, thread.memory.0.iter().map(|entry| entry.revents).collect())
    }

    /// poll on one fd: its bits, 0 at the timeout.
    pub fn poll_one(&self, fd: i32, events: i16, timeout: u64) -> i16 {
        let (answer, bits) = self.poll(&[(fd, events)], timeout);
        assert_eq!(answer, Ok((bits[0] != 0) as usize));
        bits[0]
    }

    /// A thread in select, on numbers below 1024.
    pub fn begin_select(&self, input: &[i32], output: &[i32], timeout: u64) -> Selecting {
        let mut sets = [[0_u64; 16]; 3];
        for (set, fds) in [input, output].iter().enumerate() {
            fds.iter().for_each(|fd| sets[set][*fd as usize / 64] |= 1 << (*fd % 64));
        }
        let us = timeout / 1000;
        let time = libc::timeval { tv_sec: us as i64 / 1_000_000, tv_usec: us as i64 % 1_000_000 };
        let mut memory = Box::new((sets, time));
        let [a, b, c] = memory.0.each_mut().map(|set| set.as_mut_ptr() as usize);
        let time_at = if timeout == FOREVER { 0 } else { &raw mut memory.1 as usize };
        let own = Call::new(libc::SYS_select, [1024, a, b, c, time_at, 0]);
        self.begin(Select::new("select", own, timeout), memory)
    }

    /// select; which of `fds` it reports as readable.
    pub fn select(&self, fds: &[i32], timeout: u64) -> (Answer, Vec<i32>) {
        let mut thread = self.begin_select(fds, &[], timeout);
        let answer = self.end(&mut thread);
        let input = thread.memory.0[0];
        (answer, fds.iter().copied().filter(|fd| input[*fd as usize / 64] >> (fd % 64) & 1 != 0).collect())
    }

    /// epoll_create1.
    pub fn epoll_create(&self) -> i32 {
        let fd = self.machine.change().open(File::Epoll(Epoll::default()));
        self.note(|engine| op::epoll_created(engine, fd));
        fd
    }

    /// epoll_ctl; the data are the number.
    pub fn epoll_ctl(&self, set: i32, operation: i32, fd: i32, events: i32) -> Answer {
        self.epoll_ctl_data(set, operation, fd, events, fd as u64)
    }

    /// epoll_ctl of a program that waits for what it registers.
    pub fn epoll_ctl_data(&self, set: i32, operation: i32, fd: i32, events: i32, data: u64) -> Answer {
        self.epoll_ctl_of(Interest::Waits, set, operation, fd, events, data)
    }

    /// epoll_ctl.
    pub fn epoll_ctl_of(
        &self,
        interest: Interest,
        set: i32,
        operation: i32,
        fd: i32,
        events: i32,
        data: u64,
    ) -> Answer {
        let event = libc::epoll_event { events: events as u32, u64: data };
        let at = if operation == libc::EPOLL_CTL_DEL { 0 } else { &raw const event as usize };
        let answer = self.machine.change().epoll_ctl(set, operation, fd, at);
        if answer.is_ok() {
            self.note(|engine| op::epoll_ctl(engine, set, operation, fd, at, interest));
        }
        answer
    }

    /// EPOLL_CTL_ADD that succeeds.
    pub fn epoll_add(&self, set: i32, fd: i32, events: i32) {
        assert_eq!(self.epoll_ctl(set, libc::EPOLL_CTL_ADD, fd, events), Ok(0));
    }

    /// EPOLL_CTL_MOD that succeeds.
    pub fn epoll_modify(&self, set: i32, fd: i32, events: i32) {
        assert_eq!(self.epoll_ctl(set, libc::EPOLL_CTL_MOD, fd, events), Ok(0));
    }

    /// A thread in epoll_pwait2.
    pub fn begin_epoll(&self, set: i32, room: usize, timeout: u64) -> EpollWaiting {
        let mut memory = (vec![libc::epoll_event { events: 0, u64: 0 }; room], Box::new(timespec(timeout)));
        let time = if timeout == FOREVER { 0 } else { &raw const *memory.1 as usize };
        let own = Call::new(libc::SYS_epoll_pwait2, [set as usize, memory.0.as_mut_ptr() as usize, room, time, 0, 8]);
        self.begin(EpollWait::new("epoll_pwait2", own, Clock::Timespec, timeout), memory)
    }

    /// A thread in epoll_wait, in milliseconds; negative: for ever.
    pub fn begin_epoll_ms(&self, set: i32, room: usize, ms: i32) -> EpollWaiting {
        let mut memory = (vec![libc::epoll_event { events: 0, u64: 0 }; room], Box::new(timespec(0)));
        let args = [set as usize, memory.0.as_mut_ptr() as usize, room, ms as usize, 0, 0];
        let timeout = u64::try_from(ms).map_or(FOREVER, |ms| ms * 1_000_000);
        let own = Call::new(libc::SYS_epoll_wait, args);
        self.begin(EpollWait::new("epoll_wait", own, Clock::Milliseconds, timeout), memory)
    }

    /// What a thread that was in an epoll wait brings.
    pub fn events(&self, thread: &mut EpollWaiting) -> Events {
        let count = self.end(thread).expect("events");
        thread.memory.0[..count].iter().map(|event| (event.events, event.u64)).collect()
    }

    /// epoll_pwait2 with room for eight.
    pub fn epoll(&self, set: i32, timeout: u64) -> Events {
        self.events(&mut self.begin_epoll(set, 8, timeout))
    }
}

fn timespec(ns: u64) -> libc::timespec {
    let ns = if ns == FOREVER { 0 } else { ns };
    libc::timespec { tv_sec: (ns / 1_000_000_000) as i64, tv_nsec: (ns % 1_000_000_000) as i64 }
}
