//! The program's own calls, as the door makes them: these may block, and then say until when.

use super::memory;
use super::{Fate, File, FileId, Phase, State, GRAIN};
use netdeadline_engine::op::{Call, Step};

/// What became of a call so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
    /// It is over: a negated errno is an error.
    Done(isize),
    /// It waits; at this instant it ends by itself, or a timer that it waits for expires (`u64::MAX`: neither).
    Blocks(u64),
}

/// A call in the kernel.
pub struct Pending {
    what: What,
    /// When it was made.
    began: u64,
    /// When it ends by its own time or the socket's, as they were then: options set later do not touch it.
    until: u64,
    /// The files it waits on: a wait holds them, also when their numbers are closed meanwhile.
    watched: Vec<(i32, u32, Option<FileId>)>,
    /// Messages done, and bytes of the present one.
    pub(super) done: (usize, usize),
}

impl Pending {
    /// When the call was made.
    pub fn began(&self) -> u64 {
        self.began
    }
}

#[derive(Clone, Copy)]
enum What {
    Call(Call),
    Wait { until: u64 },
}

/// How a call ends, or `None` when it has to wait.
pub(super) type Answer = Option<Result<usize, i32>>;

const ALWAYS: u32 = (libc::POLLERR | libc::POLLHUP) as u32;
const WORD: usize = 64;

/// Calls that SO_RCVTIMEO bounds.
const READS: [i64; 8] = [
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
    libc::SYS_splice,
    libc::SYS_accept,
    libc::SYS_accept4,
];

/// Timers of the pretended kernel expire at whole grains, as Linux's are never early and a little late.
pub(super) fn whole(instant: u64) -> u64 {
    instant.checked_next_multiple_of(GRAIN).unwrap_or(u64::MAX)
}

fn milliseconds(ms: usize) -> Option<u64> {
    u64::try_from(ms as i32).ok().map(|ms| ms * 1_000_000)
}

impl State {
    /// Enter the kernel with a step.
    pub fn enter(&self, step: &Step) -> Pending {
        let mut watched = Vec::new();
        let what = match *step {
            Step::Done(_) => unreachable!("nothing to make"),
            Step::Call(call) => {
                self.watch(&call, &mut watched);
                What::Call(call)
            }
            Step::Wait { fd, events, until, waker } => {
                watched.push((fd, events as u16 as u32, self.numbers.get(&fd).copied()));
                if waker >= 0 {
                    watched.push((waker, libc::POLLIN as u32, self.numbers.get(&waker).copied()));
                }
                What::Wait { until }
            }
        };
        let mut pending = Pending { what, began: self.now, until: u64::MAX, watched, done: (0, 0) };
        pending.until = self.ends(&pending);
        pending
    }

    fn watch(&self, call: &Call, watched: &mut Vec<(i32, u32, Option<FileId>)>) {
        let [a, b, c, d, ..] = call.args;
        let mut add = |fd: i32, events: u32| watched.push((fd, events, self.numbers.get(&fd).copied()));
        match call.nr {
            libc::SYS_poll | libc::SYS_ppoll => {
                for i in 0..b {
                    let entry: libc::pollfd = memory::load_as(a + 8 * i).expect("entries");
                    add(entry.fd, entry.events as u16 as u32);
                }
            }
            libc::SYS_select | libc::SYS_pselect6 => {
                for (at, bits) in [(b, libc::POLLIN | libc::POLLHUP | libc::POLLERR), (c, libc::POLLOUT), (d, 0)] {
                    let word = |i: usize| memory::load_as::<u64>(at + i / WORD * 8).unwrap_or(0);
                    (0..a).filter(|i| word(*i) >> (i % WORD) & 1 != 0).for_each(|i| add(i as i32, bits as u32));
                }
            }
            libc::SYS_splice => [a, c].into_iter().for_each(|fd| add(fd as i32, 0)),
            _ => add(a as i32, 0),
        }
    }

    /// Go on with a call: has it ended?
    pub fn attempt(&mut self, pending: &mut Pending) -> Attempt {
        let until = pending.until;
        let expired = self.now >= until;
        let answer = match pending.what {
            What::Wait { .. } => self.wait(pending, expired),
            What::Call(call) => self.make(&call, pending, expired),
        };
        match answer {
            Some(answer) => Attempt::Done(answer.map_or_else(|errno| -(errno as isize), |n| n as isize)),
            None if self.interrupted && !self.restarts(pending) => {
                self.interrupted = false;
                let done = pending.done.1;
                Attempt::Done(if done > 0 { done as isize } else { -(libc::EINTR as isize) })
            }
            None => {
                let ripe = pending.watched.iter().filter_map(|w| w.2).map(|file| self.ripens(file)).min();
                Attempt::Blocks(until.min(ripe.unwrap_or(u64::MAX)))
            }
        }
    }

    /// Does the kernel itself take the call up again after the present signal (man 7 signal)?
    fn restarts(&mut self, pending: &Pending) -> bool {
        let What::Call(call) = pending.what else { return false };
        let waits = [libc::SYS_poll, libc::SYS_ppoll, libc::SYS_select, libc::SYS_pselect6];
        let sets = [libc::SYS_epoll_wait, libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2];
        let restart = self.handlers.values().all(|restart| *restart);
        restart && !waits.contains(&call.nr) && !sets.contains(&call.nr) && pending.until == u64::MAX
    }

    /// When the call ends by its own time, or by the socket's.
    fn ends(&self, pending: &Pending) -> u64 {
        let What::Call(call) = pending.what else {
            let What::Wait { until } = pending.what else { unreachable!() };
            return until;
        };
        let [_, _, c, d, e, _] = call.args;
        let time = match call.nr {
            libc::SYS_poll => milliseconds(c),
            libc::SYS_ppoll => memory::time(c),
            libc::SYS_select => memory::load_as::<[u64; 2]>(e).map(|t| t[0] * 1_000_000_000 + t[1] * 1000),
            libc::SYS_pselect6 => memory::time(e),
            libc::SYS_epoll_wait | libc::SYS_epoll_pwait => milliseconds(d),
            libc::SYS_epoll_pwait2 => memory::time(d),
            _ => pending.watched.iter().enumerate().find_map(|(i, watched)| {
                let File::Socket(socket) = self.files.get(&watched.2?)? else { return None };
                let reading = i == 0 && READS.contains(&call.nr);
                let timeout = if reading { socket.receive_timeout } else { socket.send_timeout };
                (timeout != 0).then_some(timeout)
            }),
        };
        match time {
            None => u64::MAX,
            // "Do not wait" is no time.
            Some(0) => pending.began,
            Some(time) => whole(pending.began.saturating_add(time)),
        }
    }

    fn wait(&mut self, pending: &Pending, expired: bool) -> Answer {
        let bits = self.bits(&pending.watched[0]);
        // Woken is like expired: the engine looks again.
        let woken = pending.watched.get(1).is_some_and(|waker| self.bits(waker) != 0);
        (bits != 0 || woken || expired).then_some(Ok(bits as usize))
    }

    fn bits(&self, watched: &(i32, u32, Option<FileId>)) -> u32 {
        match watched.2 {
            Some(file) => self.ready(file) & (watched.1 | ALWAYS),
            None => libc::POLLNVAL as u32,
        }
    }

    /// What poll says of a number now.
    pub(super) fn poll_bits(&self, fd: i32, events: i16) -> i16 {
        if fd < 0 {
            return 0;
        }
        self.bits(&(fd, events as u16 as u32, self.numbers.get(&fd).copied())) as i16
    }

    fn make(&mut self, call: &Call, pending: &mut Pending, expired: bool) -> Answer {
        let [a, b, c, d, ..] = call.args;
        let file = pending.watched.first().and_then(|w| w.2);
        match call.nr {
            libc::SYS_poll | libc::SYS_ppoll => self.poll(a, pending, expired),
            libc::SYS_select | libc::SYS_pselect6 => self.select(call, pending, expired),
            libc::SYS_epoll_wait | libc::SYS_epoll_pwait | libc::SYS_epoll_pwait2 => {
                let Some(file) = file else { return Some(Err(libc::EBADF)) };
                let events = self.epoll_take(file, c);
                if events.is_empty() {
                    return expired.then_some(Ok(0));
                }
                for (i, event) in events.iter().enumerate() {
                    memory::store_as(b + i * size_of::<libc::epoll_event>(), *event);
                }
                Some(Ok(events.len()))
            }
            _ => {
                let Some(file) = file else { return Some(Err(libc::EBADF)) };
                match call.nr {
                    libc::SYS_connect => self.connect(file, b, c, expired),
                    libc::SYS_accept | libc::SYS_accept4 => self.accept(file, expired),
                    libc::SYS_splice => self.splice(file, [b, c, d, call.args[4], call.args[5]], pending, expired),
                    _ => self.move_bytes(file, call, pending, expired),
                }
            }
        }
    }

    fn poll(&mut self, entries: usize, pending: &Pending, expired: bool) -> Answer {
        let bits: Vec<u32> = pending.watched.iter().map(|w| if w.0 < 0 { 0 } else { self.bits(w) }).collect();
        let count = bits.iter().filter(|bits| **bits != 0).count();
        if count == 0 && !expired {
            return None;
        }
        for (i, bits) in bits.iter().enumerate() {
            let entry: libc::pollfd = memory::load_as(entries + 8 * i)?;
            memory::store_as(entries + 8 * i, libc::pollfd { revents: *bits as i16, ..entry });
        }
        Some(Ok(count))
    }

    fn select(&mut self, call: &Call, pending: &Pending, expired: bool) -> Answer {
        let [n, sets @ .., _, _] = call.args;
        if pending.watched.iter().any(|w| w.2.is_none()) {
            return Some(Err(libc::EBADF));
        }
        let mut count = 0;
        let mut answers = [[0_u64; 16]; 3];
        let input = (libc::POLLIN | libc::POLLHUP | libc::POLLERR) as u32;
        for watched in &pending.watched {
            let file = watched.2.expect("open");
            let set = if watched.1 == input { 0 } else { 1 };
            let wanted = if set == 0 { input } else { (libc::POLLOUT | libc::POLLERR) as u32 };
            if watched.1 != 0 && self.ready(file) & wanted != 0 {
                answers[set][watched.0 as usize / WORD] |= 1 << (watched.0 as usize % WORD);
                count += 1;
            }
        }
        if count == 0 && !expired {
            return None;
        }
        for (at, answer) in sets.iter().zip(answers).filter(|(at, _)| **at != 0) {
            for (i, word) in answer.iter().enumerate().take(n.div_ceil(WORD)) {
                memory::store_as(at + 8 * i, *word);
            }
        }
        Some(Ok(count))
    }

    /// Let the fate of an attempt to reach `port` come to the socket.
    pub(super) fn dial(&mut self, file: FileId, port: u16) {
        if let Some(fate) = self.ports.get(&port).copied() {
            let (Fate::Answers(after) | Fate::Refuses(after)) = fate;
            self.at(self.now + after, move |state| {
                let now = state.now;
                match state.files.get_mut(&file) {
                    Some(File::Socket(socket)) if socket.phase == Phase::Connecting => match fate {
                        Fate::Answers(_) => socket.establish(now),
                        Fate::Refuses(_) => socket.fail(libc::ECONNREFUSED),
                    },
                    _ => {}
                }
            });
        }
    }

    /// accept(2): the new socket inherits the listener's timeouts, as sk_clone_lock has it.
    fn accept(&mut self, file: FileId, expired: bool) -> Answer {
        let (now, cookie) = (self.now, 1_000 + self.files.len() as u64);
        let Some(File::Socket(listener)) = self.files.get_mut(&file) else { return Some(Err(libc::ENOTSOCK)) };
        if listener.phase != Phase::Listening {
            return Some(Err(libc::EINVAL));
        }
        if listener.queue == 0 {
            return (expired || listener.nonblocking).then_some(Err(libc::EAGAIN));
        }
        listener.queue -= 1;
        let mut socket = super::Socket::new(listener.domain, listener.kind, cookie);
        (socket.receive_timeout, socket.send_timeout) = (listener.receive_timeout, listener.send_timeout);
        (socket.local, socket.peer) = (listener.local.clone(), memory::address([10, 9, 9, 9], 50_000));
        socket.establish(now);
        Some(Ok(self.open(File::Socket(socket)) as usize))
    }

    /// connect(2), of net/ipv4/af_inet.c and net/unix/af_unix.c.
    fn connect(&mut self, file: FileId, at: usize, length: usize, expired: bool) -> Answer {
        let Some(address) = memory::load(at, length) else { return Some(Err(libc::EFAULT)) };
        let Some(File::Socket(socket)) = self.files.get_mut(&file) else { return Some(Err(libc::ENOTSOCK)) };
        if socket.domain == libc::AF_UNIX {
            let full = address.ends_with(b"full\0");
            if full && !expired {
                return socket.nonblocking.then_some(Err(libc::EAGAIN));
            }
            if full {
                return Some(Err(libc::EAGAIN));
            }
            (socket.phase, socket.peer) = (Phase::Connected, address);
            return Some(Ok(0));
        }
        match socket.phase {
            Phase::Connected if socket.attempted => {
                socket.attempted = false;
                Some(Ok(0))
            }
            Phase::Connected => Some(Err(libc::EISCONN)),
            Phase::Closed if socket.attempted => {
                socket.attempted = false;
                Some(Err(match socket.take_error() {
                    0 => libc::ECONNABORTED,
                    error => error,
                }))
            }
            Phase::Closed if socket.fast_open => {
                (socket.phase, socket.peer) = (Phase::Deferred, address);
                Some(Ok(0))
            }
            Phase::Closed => {
                (socket.phase, socket.attempted) = (Phase::Connecting, true);
                let port = memory::port(&address);
                socket.peer = address;
                socket.edge += 1;
                let nonblocking = socket.nonblocking;
                self.dial(file, port);
                (nonblocking || expired).then_some(Err(libc::EINPROGRESS))
            }
            Phase::Connecting if socket.nonblocking => Some(Err(libc::EALREADY)),
            Phase::Connecting => expired.then_some(Err(libc::EINPROGRESS)),
            Phase::Deferred | Phase::Listening => Some(Err(libc::EINVAL)),
        }
    }
}
