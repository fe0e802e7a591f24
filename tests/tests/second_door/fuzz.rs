//! Random programs against random peers, judged by the naive model: no expiry is early, none is missed, no byte goes astray.
//!
//! Deterministic: a run is its seed. `NETDEADLINE_SEEDS=FIRST..LAST` runs others than the usual ones; a failure names its seed
//! and prints what the program did.

use crate::door::{Answer, Thread, World};
use crate::machine::{Fate, Phase, MS, S};
use crate::model::{Connection, Rules, INPUT, OUTPUT, SLACK};
use crate::program::{Polling, Reading, FOREVER, IN, OUT};
use netdeadline_engine::op::Operation;
use std::collections::BTreeMap;

/// A generator of numbers that are the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// A thread of the program that was left waiting.
enum Waiter {
    Reading { thread: Reading, place: Place },
    Polling { thread: Polling, place: Place },
}

/// Where a thread waits.
#[derive(Clone, Copy)]
struct Place {
    fd: i32,
    conn: usize,
    began: u64,
    /// The number was closed meanwhile.
    closed: bool,
    /// Another thread waited on the same socket meanwhile: who is told first has the expiry, and then the clock begins anew.
    met: bool,
}

impl Waiter {
    fn conn(&self) -> usize {
        let (Waiter::Reading { place, .. } | Waiter::Polling { place, .. }) = self;
        place.conn
    }

    fn place(&mut self) -> &mut Place {
        let (Waiter::Reading { place, .. } | Waiter::Polling { place, .. }) = self;
        place
    }
}

struct Run {
    seed: u64,
    chance: Chance,
    rules: Rules,
    world: World,
    conns: Vec<Connection>,
    /// The program's numbers, and which connection each is.
    fds: BTreeMap<i32, usize>,
    sets: Vec<i32>,
    /// (set, fd) -> events, and when the interest in input began.
    registered: BTreeMap<(i32, i32), (i32, u64)>,
    waiters: Vec<Waiter>,
    trace: Vec<String>,
    expiries: usize,
}

impl Drop for Run {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let from = self.trace.len().saturating_sub(40);
            eprintln!("seed {}, rules {:?}:\n  {}", self.seed, self.rules.text(), self.trace[from..].join("\n  "));
        }
    }
}

const HOLE: u16 = 80;
const REFUSING: u16 = 81;
const ANSWERING: u16 = 82;

impl Run {
    fn new(seed: u64) -> Run {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            chance.below(2);
        }
        let mut timeout = |choices: &[u64]| chance.of(choices) * MS;
        let rules = Rules {
            connect: timeout(&[0, 700, 2000]),
            response: timeout(&[0, 0, 1500, 4000]),
            read: timeout(&[0, 1000, 3000, 3000]),
            write: timeout(&[0, 0, 900, 2500]),
            lifetime: timeout(&[0, 0, 0, 15_000]),
        };
        let world = World::new(&rules.text());
        world.machine.change().ports.insert(REFUSING, Fate::Refuses(300 * MS));
        let (sets, trace) = (vec![world.epoll_create(), world.epoll_create()], Vec::new());
        let (conns, fds, registered) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Run { seed, chance, rules, world, conns, fds, sets, registered, waiters: Vec::new(), trace, expiries: 0 }
    }

    fn now(&self) -> u64 {
        self.world.now()
    }

    fn note(&mut self, what: String) {
        let ms = (self.now() - crate::machine::BOOT) as f64 / MS as f64;
        self.trace.push(format!("{ms:12.4} ms  {what}"));
    }

    fn any_fd(&mut self) -> Option<i32> {
        let fds: Vec<i32> = self.fds.keys().copied().collect();
        if fds.is_empty() {
            return None;
        }
        Some(self.chance.of(&fds))
    }

    fn is_nonblocking(&self, fd: i32) -> bool {
        self.world.machine.socket(fd).nonblocking
    }

    // ---- What the model is asked ----

    fn excuse(&self, fd: i32, direction: usize) -> bool {
        let (conn, now) = (&self.conns[self.fds[&fd]], self.now());
        let socket = self.world.machine.socket(fd);
        match direction {
            INPUT => conn.excuse_input(&self.rules, &socket, now),
            _ => conn.excuse_output(&self.rules, &socket, now),
        }
    }

    /// The connection's attempt: is it over, and was it aborted?
    fn settle(&mut self, fd: i32) {
        let conn = self.fds[&fd];
        let now = self.now();
        let (phase, aborted) = {
            let socket = self.world.machine.socket(fd);
            (socket.phase, socket.aborted)
        };
        let Rules { connect, lifetime, .. } = self.rules;
        let model = &mut self.conns[conn];
        if aborted > model.aborted {
            let life = lifetime != 0 && now >= model.born + lifetime;
            let late = model.attempt.is_some_and(|began| connect != 0 && now >= began + connect);
            assert!(life || late, "aborted early: {model:?}");
            model.aborted = aborted;
            (model.told, model.attempt) = ([true; 2], None);
        }
        if phase != Phase::Connecting && model.attempt.take().is_some() {
            (model.last_in, model.last_out) = (model.last_in.max(model.born), model.last_out.max(model.born));
        }
    }

    /// An ETIMEDOUT that a call answered: is there an excuse?
    fn timed_out(&mut self, fd: i32, direction: usize, what: &str) {
        self.expiries += 1;
        let (excuse, now, conn) = (self.excuse(fd, direction), self.now(), self.fds[&fd]);
        let model = &mut self.conns[conn];
        // How often an aborted attempt is told is tested in connecting.rs.
        let told =
            model.told[direction] || model.aborted > 0 || direction == OUTPUT && std::mem::take(&mut model.short);
        assert!(excuse || told, "{what} on fd {fd} timed out without an excuse: {model:?}");
        model.told[direction] = false;
        // See sets.rs, a_lifetime_that_a_call_was_told_of_still_ends_the_wait.
        model.shared |= self.rules.lifetime != 0 && now >= model.born + self.rules.lifetime;
    }

    /// What a wait reported of an fd, and what the kernel says of it.
    fn reported(&mut self, fd: i32, asked: u32, bits: u32) {
        self.settle(fd);
        let file = self.world.machine.state().numbers[&fd];
        let kernel = self.world.machine.state().ready(file);
        let always = (libc::POLLERR | libc::POLLHUP) as u32;
        assert_eq!(bits & !(asked | always), 0, "bits nobody asked for on fd {fd}");
        for (direction, bit) in [(INPUT, IN as u32), (OUTPUT, OUT as u32)] {
            if bits & bit & !kernel != 0 {
                self.expiries += 1;
                let told = self.conns[self.fds[&fd]].told;
                // Where both are waited for, unacknowledged bytes end both waits at once.
                let both = told[OUTPUT] && direction == INPUT;
                assert!(
                    told[direction] || both || self.excuse(fd, direction),
                    "fd {fd} was told of {direction} early: {:?}",
                    self.conns[self.fds[&fd]]
                );
                let conn = self.fds[&fd];
                self.conns[conn].told[direction] = true;
                if direction == OUTPUT && asked & IN as u32 != 0 {
                    self.conns[conn].told[INPUT] = true;
                }
            }
        }
    }

    fn bound(&self, fd: i32, began: u64) -> u64 {
        let conn = &self.conns[self.fds[&fd]];
        // Told again after 1, 10 and 100 ms.
        let over = self.rules.lifetime != 0 && self.now() >= conn.born + self.rules.lifetime;
        let again = if conn.told[INPUT] || over { 100 * MS } else { 0 };
        conn.bound_input(&self.rules, &self.world.machine.socket(fd), began).saturating_add(again)
    }

    // ---- What the program does ----

    fn connect(&mut self) {
        if self.fds.len() >= 6 {
            return;
        }
        let (after, nonblocking) = (self.chance.of(&[0, 0, 10, 500, 1500]) * MS, self.chance.one_in(2));
        let port = self.chance.of(&[ANSWERING, ANSWERING, ANSWERING, HOLE, REFUSING]);
        if port == HOLE && !nonblocking && self.rules.connect == 0 {
            return;
        }
        self.world.machine.change().ports.insert(ANSWERING, Fate::Answers(after));
        let fd = self.world.socket();
        let began = self.now();
        self.conns.push(Connection::new(b'a' + (self.conns.len() % 26) as u8, began));
        self.fds.insert(fd, self.conns.len() - 1);
        if nonblocking {
            self.world.set_nonblocking(fd, true);
        }
        self.note(format!("connect fd {fd} port {port} ({after} ns) nonblocking {nonblocking}"));
        let mut thread = self.world.begin_connect(fd, port);
        let answer = self.drive(&mut thread, began + 20 * S).expect("an attempt that has an end");
        let (connect, took) = (self.rules.connect, self.now() - began);
        match answer {
            Ok(_) | Err(libc::ECONNREFUSED) => assert!(connect == 0 || took <= connect + SLACK),
            Err(libc::EINPROGRESS) => assert!(nonblocking && took <= SLACK),
            Err(libc::ETIMEDOUT) => {
                assert!(!nonblocking && took >= connect && took <= connect + SLACK, "{took} of {connect}");
                // The call itself told it.
                self.settle(fd);
                let last = self.conns.len() - 1;
                self.conns[last].told = [false; 2];
                self.expiries += 1;
            }
            other => panic!("connect answered {other:?}"),
        }
        self.settle(fd);
    }

    fn read_done(&mut self, fd: i32, answer: Answer, bytes: &[u8], began: u64) {
        self.settle(fd);
        let (conn, now) = (self.fds[&fd], self.now());
        let nonblocking = self.is_nonblocking(fd);
        match answer {
            Ok(0) => assert!(self.world.machine.socket(fd).ended || bytes.is_empty()),
            Ok(count) => {
                let model = &mut self.conns[conn];
                assert!(bytes[..count].iter().all(|byte| *byte == model.tag), "a stranger's bytes");
                (model.last_in, model.awaiting, model.told[INPUT], model.attempt) = (now, false, false, None);
            }
            Err(libc::ETIMEDOUT) => {
                let life = self.rules.lifetime != 0 && now >= self.conns[conn].born + self.rules.lifetime;
                assert!(life || self.world.machine.socket(fd).incoming.is_empty(), "timed out beside its data");
                self.timed_out(fd, INPUT, "read");
            }
            Err(libc::EAGAIN) => {
                let own = self.conns[conn].receive_timeout;
                assert!(nonblocking || own != 0 && now >= began + own, "EAGAIN from a blocking read");
            }
            Err(libc::ECONNRESET | libc::ECONNREFUSED | libc::ENOTCONN) => {
                assert_ne!(self.world.machine.socket(fd).phase, Phase::Connected);
            }
            other => panic!("read on fd {fd} answered {other:?}"),
        }
    }

    fn read(&mut self) {
        let Some(fd) = self.any_fd() else { return };
        let (began, length) = (self.now(), self.chance.of(&[1, 10, 1000]) as usize);
        let alone = self.waiters.iter().all(|waiter| waiter.conn() != self.fds[&fd]);
        let bound = if alone { self.bound(fd, began) } else { u64::MAX };
        self.note(format!("read fd {fd} of {length}"));
        self.meet(fd);
        let mut thread = self.world.begin_read(fd, length);
        let Some(answer) = self.drive(&mut thread, began + 20 * S) else {
            assert!(bound > self.now(), "read on fd {fd} missed its deadline: {:?}", self.conns[self.fds[&fd]]);
            return self.note("  left for ever".into());
        };
        self.note(format!("  {answer:?}"));
        assert!(self.now() <= bound.max(began + SLACK), "read {} ns late", self.now() - bound);
        self.read_done(fd, answer, &thread.memory, began);
    }

    fn write(&mut self) {
        let Some(fd) = self.any_fd() else { return };
        let (began, length) = (self.now(), self.chance.of(&[1, 100, 3000, 9000]) as usize);
        self.note(format!("write {length} to fd {fd}"));
        self.meet(fd);
        let connecting = self.conns[self.fds[&fd]].attempt.is_some();
        let mut thread = self.world.begin_write(fd, length);
        let answer = self.drive(&mut thread, began + 20 * S);
        self.settle(fd);
        let (now, conn) = (self.now(), self.fds[&fd]);
        let bound = match connecting {
            true => u64::MAX,
            false => self.conns[conn].bound_output(&self.rules, &self.world.machine.socket(fd), began),
        };
        let Some(answer) = answer else {
            assert!(bound > now, "write to fd {fd} missed its deadline: {:?}", self.conns[conn]);
            self.conns[conn].written = self.world.machine.socket(fd).outgoing.len();
            self.conns[conn].wrote(began, now);
            return self.note("  left for ever".into());
        };
        self.note(format!("  {answer:?}"));
        assert!(now <= bound.max(began + SLACK), "write {} ns late", now - bound);
        match answer {
            Ok(count) => {
                let connected = self.world.machine.socket(fd).phase == Phase::Connected;
                let short = count < length && !self.is_nonblocking(fd) && connected;
                if short {
                    assert!(self.excuse(fd, OUTPUT), "short at {count} without an excuse: {:?}", self.conns[conn]);
                    self.expiries += 1;
                }
                let model = &mut self.conns[conn];
                model.wrote(if short { began } else { now }, now);
                (model.short, model.written) = (short, model.written + count);
            }
            Err(libc::ETIMEDOUT) => self.timed_out(fd, OUTPUT, "write"),
            Err(libc::EAGAIN) => assert!(self.is_nonblocking(fd), "EAGAIN from a blocking write"),
            Err(libc::ECONNRESET | libc::ECONNREFUSED | libc::EPIPE) => {
                assert_ne!(self.world.machine.socket(fd).phase, Phase::Connected);
            }
            other => panic!("write to fd {fd} answered {other:?}"),
        }
        let written = self.world.machine.socket(fd).outgoing.len();
        assert_eq!(written, self.conns[conn].written, "bytes went elsewhere, or were counted wrongly");
    }

    fn wait_time(&mut self) -> u64 {
        self.chance.of(&[0, 50 * MS, 400 * MS, 1500 * MS, FOREVER, FOREVER])
    }

    fn poll(&mut self) {
        let mut entries = Vec::new();
        for fd in self.fds.keys() {
            let events = self.chance.of(&[0, IN, OUT, IN | OUT, IN]);
            if events != 0 {
                entries.push((*fd, events));
            }
        }
        if entries.is_empty() {
            return;
        }
        entries.iter().for_each(|entry| self.meet(entry.0));
        let (timeout, began, select) = (self.wait_time(), self.now(), self.chance.one_in(3));
        let alone = |fd: &i32| self.waiters.iter().all(|waiter| waiter.conn() != self.fds[fd]);
        let waits = entries.iter().filter(|entry| entry.1 & IN != 0 && alone(&entry.0));
        let bound = waits.map(|entry| self.bound(entry.0, began)).min().unwrap_or(u64::MAX);
        self.note(format!("{} {entries:?} for {timeout} ns", if select { "select" } else { "poll" }));
        let (answer, bits) = if select {
            let of = |bit| entries.iter().filter(|e| e.1 & bit != 0).map(|e| e.0).collect::<Vec<i32>>();
            let mut thread = self.world.begin_select(&of(IN), &of(OUT), timeout);
            let answer = self.drive(&mut thread, began + 20 * S);
            let sets = &thread.memory.0;
            let has = |set: usize, fd: i32| sets[set][fd as usize / 64] >> (fd % 64) & 1 != 0;
            let bits = |fd| if has(0, fd) { IN } else { 0 } | if has(1, fd) { OUT } else { 0 };
            (answer, entries.iter().map(|entry| bits(entry.0)).collect::<Vec<i16>>())
        } else {
            let mut thread = self.world.begin_poll(&entries, timeout);
            let answer = self.drive(&mut thread, began + 20 * S);
            (answer, thread.memory.0.iter().map(|entry| entry.revents).collect())
        };
        let now = self.now();
        let Some(answer) = answer else {
            assert!(bound > now, "a wait missed a deadline");
            return self.note("  left for ever".into());
        };
        self.note(format!("  {answer:?} {bits:?}"));
        let own = began.saturating_add(timeout);
        assert!(now <= bound.max(began).min(own).saturating_add(SLACK), "a wait is {} ns late", now - bound.min(own));
        if answer == Ok(0) {
            return assert!(now >= own, "nothing was reported, {} ns early", own - now);
        }
        for ((fd, asked), bits) in entries.into_iter().zip(bits) {
            if select {
                // select folds errors into both sets.
                let file = self.world.machine.state().numbers[&fd];
                if self.world.machine.state().ready(file) & (libc::POLLERR | libc::POLLHUP) as u32 == 0 {
                    self.reported(fd, asked as u32, bits as u32);
                }
            } else {
                self.reported(fd, asked as u32, bits as u32 & 0xffff);
            }
            self.settle(fd);
        }
    }

    fn register(&mut self) {
        let Some(fd) = self.any_fd() else { return };
        if self.conns[self.fds[&fd]].shared {
            // Linux keeps a registration of a closed number alive under its duplicates: not what is tested here.
            return;
        }
        let set = self.chance.of(&self.sets.clone());
        let events = self.chance.of(&[libc::EPOLLIN, libc::EPOLLIN | libc::EPOLLOUT, libc::EPOLLIN | libc::EPOLLET, 0]);
        let known = self.registered.get(&(set, fd)).copied();
        let operation = match (known, events) {
            (None, 0) => return,
            (None, _) => libc::EPOLL_CTL_ADD,
            (Some(_), 0) => libc::EPOLL_CTL_DEL,
            (Some(_), _) => libc::EPOLL_CTL_MOD,
        };
        self.note(format!("epoll_ctl set {set} operation {operation} fd {fd} events {events:#x}"));
        let answer = self.world.epoll_ctl(set, operation, fd, events);
        assert_eq!(answer, Ok(0));
        let began = match known {
            Some((before, began)) if before & libc::EPOLLIN != 0 => began,
            _ => self.now(),
        };
        if events == 0 {
            self.registered.remove(&(set, fd));
        } else {
            self.registered.insert((set, fd), (events, began));
        }
    }

    fn epoll(&mut self) {
        let (set, timeout, began) = (self.chance.of(&self.sets.clone()), self.wait_time(), self.now());
        let room = self.chance.of(&[1, 2, 8]) as usize;
        let mut bound = u64::MAX;
        for ((_, fd), (events, since)) in self.registered.iter().filter(|entry| entry.0 .0 == set) {
            let conn = &self.conns[self.fds[fd]];
            let socket = self.world.machine.socket(*fd);
            // What waits unread, or was told and ignored, may be left alone; so may what came before its connection.
            let sure = events & libc::EPOLLIN != 0 && !conn.shared && conn.told == [false; 2];
            if sure && socket.incoming.is_empty() && !socket.ended && self.rules.read != 0 {
                bound = bound.min(conn.bound_input(&self.rules, &socket, began.max(*since)));
            }
        }
        self.note(format!("epoll_wait set {set} room {room} for {timeout} ns"));
        let mut thread = self.world.begin_epoll(set, room, timeout);
        let answer = self.drive(&mut thread, began + 20 * S);
        let now = self.now();
        let Some(answer) = answer else {
            assert!(bound > now, "an epoll wait missed a deadline");
            return self.note("  left for ever".into());
        };
        let count = answer.expect("events");
        let events: Vec<(u32, u64)> = thread.memory.0[..count].iter().map(|event| (event.events, event.u64)).collect();
        self.note(format!("  {events:x?}"));
        let own = began.saturating_add(timeout);
        assert!(now <= bound.max(began).min(own).saturating_add(SLACK), "{} ns late", now - bound.min(own));
        assert!(count != 0 || now >= own, "nothing was reported, {} ns early", own - now);
        for (bits, data) in events {
            let fd = data as i32;
            let asked = self.registered.get(&(set, fd)).unwrap_or_else(|| panic!("an event of a stranger: {fd}"));
            let asked = asked.0 as u32 & 0xffff;
            self.reported(fd, asked, bits);
        }
    }

    fn close(&mut self) {
        let Some(fd) = self.any_fd() else { return };
        self.note(format!("close fd {fd}"));
        assert_eq!(self.world.close(fd), Ok(0));
        self.gone(fd);
    }

    fn gone(&mut self, number: i32) {
        self.fds.remove(&number);
        self.registered.retain(|key, _| key.1 != number);
        for waiter in &mut self.waiters {
            let place = waiter.place();
            place.closed |= place.fd == number;
        }
    }

    /// The program waits on this fd while other threads may.
    fn meet(&mut self, fd: i32) {
        let conn = self.fds[&fd];
        for waiter in &mut self.waiters {
            let place = waiter.place();
            place.met |= place.conn == conn;
        }
    }

    fn duplicate(&mut self) {
        let Some(fd) = self.any_fd() else { return };
        let conn = self.fds[&fd];
        if self.registered.keys().any(|key| self.fds.get(&key.1) == Some(&conn)) || self.fds.len() >= 8 {
            return;
        }
        let over = self.any_fd().filter(|over| *over != fd && self.chance.one_in(2));
        let over = over.filter(|over| !self.registered.keys().any(|key| key.1 == *over));
        let new = match over {
            Some(over) => {
                self.note(format!("dup2 {fd} over {over}"));
                assert_eq!(self.world.dup2(fd, over), Ok(over as usize));
                self.gone(over);
                over
            }
            None => {
                self.note(format!("dup {fd}"));
                self.world.dup(fd)
            }
        };
        self.conns[conn].shared = true;
        self.fds.insert(new, conn);
    }

    fn toggle(&mut self) {
        let Some(fd) = self.any_fd() else { return };
        let nonblocking = !self.is_nonblocking(fd);
        self.note(format!("fd {fd} nonblocking {nonblocking}"));
        self.world.set_nonblocking(fd, nonblocking);
    }

    fn own_timeout(&mut self) {
        let Some(fd) = self.any_fd() else { return };
        let timeout = self.chance.of(&[0, 800 * MS]);
        self.note(format!("SO_RCVTIMEO of fd {fd}: {timeout} ns"));
        self.world.set_receive_timeout(fd, timeout);
        let conn = self.fds[&fd];
        self.conns[conn].receive_timeout = timeout;
    }

    /// Something that a peer will do.
    fn peer(&mut self) {
        let Some(fd) = self.any_fd() else { return };
        let (after, tag) = (self.chance.below(4000) * MS / 2, self.conns[self.fds[&fd]].tag);
        let what = self.chance.below(12);
        let count = self.chance.of(&[1, 50, 5000]) as usize;
        self.note(format!("the peer of fd {fd} does {what} ({count}) in {} ms", after / MS));
        self.world.machine.later(after, fd, move |socket, now| match what {
            0..=4 => socket.arrive(&vec![tag; count], now),
            5..=9 if socket.unacknowledged > 0 => socket.acknowledge(count, now),
            10 if socket.phase == Phase::Connected => socket.end(),
            11 if socket.phase == Phase::Connected => socket.fail(libc::ECONNRESET),
            _ => {}
        });
    }

    // ---- Threads ----

    fn leave_waiting(&mut self) {
        let Some(fd) = self.any_fd().filter(|_| self.waiters.len() < 2) else { return };
        let (conn, began) = (self.fds[&fd], self.now());
        let met = self.waiters.iter_mut().any(|waiter| waiter.place().conn == conn);
        let place = Place { fd, conn, began, closed: false, met };
        if self.world.machine.socket(fd).phase != Phase::Connected || self.is_nonblocking(fd) {
            return;
        }
        self.meet(fd);
        self.conns[conn].shared = true;
        if self.chance.one_in(2) && self.conns[conn].receive_timeout == 0 {
            self.note(format!("a thread reads fd {fd}"));
            let mut thread = self.world.begin_read(fd, 10);
            if let Some(answer) = thread.run(&self.world) {
                return self.read_done(fd, answer, &thread.memory, began);
            }
            self.waiters.push(Waiter::Reading { thread, place });
        } else {
            self.note(format!("a thread polls fd {fd}"));
            let mut thread = self.world.begin_poll(&[(fd, IN)], FOREVER);
            if thread.run(&self.world).is_some() {
                return self.reported(fd, IN as u32, thread.memory.0[0].revents as u32);
            }
            self.waiters.push(Waiter::Polling { thread, place });
        }
    }

    /// Let the threads that wait run; what they answered is judged at that instant.
    fn attend(&mut self) {
        let mut i = 0;
        while i < self.waiters.len() {
            let answer = match &mut self.waiters[i] {
                Waiter::Reading { thread, .. } => thread.run(&self.world),
                Waiter::Polling { thread, .. } => thread.run(&self.world),
            };
            match answer {
                Some(answer) => {
                    let waiter = self.waiters.remove(i);
                    self.ended(waiter, answer);
                }
                None => i += 1,
            }
        }
    }

    fn ended(&mut self, mut waiter: Waiter, answer: Answer) {
        let Place { fd, conn, began, closed, met } = *waiter.place();
        self.note(format!("the thread that waited on fd {fd}: {answer:?}"));
        let here = !closed && self.fds.get(&fd) == Some(&conn);
        if here && !met {
            let bound = self.bound(fd, began);
            assert!(self.now() <= bound, "a thread's wait is {} ns late", self.now() - bound);
        }
        match waiter {
            Waiter::Reading { thread, .. } if here => self.read_done(fd, answer, &thread.memory, began),
            Waiter::Reading { thread, .. } => {
                let known = [Err(libc::EBADF), Err(libc::ETIMEDOUT), Err(libc::EAGAIN), Err(libc::ECONNRESET)];
                let early = answer.is_ok_and(|n| n == 0 || thread.memory[0] == self.conns[conn].tag);
                assert!(early || known.contains(&answer), "a read of a closed number answered {answer:?}");
            }
            Waiter::Polling { thread, .. } => {
                assert_eq!(answer, Ok(1), "for ever ended with nothing");
                if here {
                    self.reported(fd, IN as u32, thread.memory.0[0].revents as u32);
                }
            }
        }
    }

    fn next(&self) -> u64 {
        let until = |waiter: &Waiter| match waiter {
            Waiter::Reading { thread, .. } => thread.until,
            Waiter::Polling { thread, .. } => thread.until,
        };
        self.waiters.iter().map(until).min().unwrap_or(u64::MAX).min(self.world.machine.next_event())
    }

    /// Let time pass until `limit`, or until the operation is over; the other threads go on meanwhile.
    fn drive<O: Operation, M>(&mut self, thread: &mut Thread<O, M>, limit: u64) -> Option<Answer> {
        loop {
            let answer = thread.run(&self.world);
            if answer.is_some() {
                return answer;
            }
            self.attend();
            let next = self.next().min(thread.until);
            if next > limit {
                self.world.machine.advance(limit);
                self.attend();
                return thread.run(&self.world);
            }
            self.world.machine.advance(next);
        }
    }

    /// Nothing is called, but the other threads go on.
    fn pass(&mut self, time: u64) {
        let limit = self.now() + time;
        self.attend();
        while self.next() <= limit {
            self.world.machine.advance(self.next());
            self.attend();
        }
        self.world.machine.advance(limit);
    }

    fn step(&mut self) {
        match self.chance.below(24) {
            0..=2 => self.connect(),
            3..=5 => self.write(),
            6..=8 => self.read(),
            9..=10 => self.poll(),
            11..=12 => self.register(),
            13..=15 => self.epoll(),
            16 => self.close(),
            17 => self.duplicate(),
            18 => self.toggle(),
            19 if self.chance.one_in(3) => self.own_timeout(),
            20 => self.leave_waiting(),
            21 => self.pass(2 * S),
            22 => {
                let time = self.chance.of(&[1, 40, 150, 700, 5000]) * MS;
                self.note(format!("away for {} ms", time / MS));
                self.pass(time);
            }
            _ => self.peer(),
        }
    }
}

#[test]
fn random_programs_are_never_cut_early_and_never_left_waiting() {
    let seeds = std::env::var("NETDEADLINE_SEEDS").ok();
    let seeds = seeds.and_then(|text| {
        let (first, last) = text.split_once("..")?;
        Some(first.parse::<u64>().ok()?..last.parse::<u64>().ok()?)
    });
    let (mut steps, mut expiries) = (0, 0);
    for seed in seeds.unwrap_or(1..400) {
        let mut run = Run::new(seed);
        for _ in 0..80 {
            run.peer();
            run.attend();
            run.step();
            steps += 1;
        }
        expiries += run.expiries;
    }
    assert!(expiries > steps / 40, "hardly anything expired: {expiries} in {steps} steps");
}
