//! connect, read and write, and what may come of them.

use super::counting::{ATTEMPTS, REQUESTS};
use super::{Run, ANSWERING, HOLE, REFUSING};
use crate::door::Answer;
use crate::machine::{Fate, Phase, MS, S};
use crate::model::{Connection, INPUT, OUTPUT, SERVED, SLACK};
use crate::program::OUT;

impl Run {
    /// A client comes to our port, of which the operator's `on` speaks, or to another.
    pub(super) fn accept(&mut self) {
        if self.fds.len() >= 6 {
            return;
        }
        let (served, nonblocking) = (!self.chance.one_in(4), self.chance.one_in(2));
        let fd = self.world.accept(if served { SERVED } else { 9090 });
        let (tag, now) = (b'a' + (self.conns.len() % 26) as u8, self.now());
        // Of others than the served the rules do not speak.
        let rules = served.then(|| Connection::accepted(tag, now));
        self.conns.push(rules.unwrap_or_else(|| Connection { unruled: true, ..Connection::accepted(tag, now) }));
        self.fds.insert(fd, self.conns.len() - 1);
        if nonblocking {
            self.world.set_nonblocking(fd, true);
        }
        self.note(format!("accept fd {fd} served {served} nonblocking {nonblocking}"));
    }

    pub(super) fn connect(&mut self) {
        if self.fds.len() >= 6 {
            return;
        }
        let (after, nonblocking) = (self.chance.of(&[0, 0, 10, 500, 1500]) * MS, self.chance.one_in(2));
        let port = self.chance.of(&[ANSWERING, ANSWERING, ANSWERING, HOLE, REFUSING]);
        // Its timeouts may be taken away again by then.
        let ends = self.rules.connect != 0 && !self.rules.observed || self.scope != u64::MAX;
        if port == HOLE && !nonblocking && !ends {
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
        if self.calls && self.chance.one_in(4) {
            self.say_timeouts(fd);
        }
        if self.chance.one_in(8) {
            self.say_own_timeout(fd, 800 * MS, true);
        }
        self.note(format!("connect fd {fd} port {port} ({after} ns) nonblocking {nonblocking}"));
        self.begun[ATTEMPTS] += 1;
        let mut thread = self.world.begin_connect(fd, port);
        let answer = self.drive(&mut thread, began + 20 * S).expect("an attempt that has an end");
        let (connect, took) = (self.conns[self.fds[&fd]].rules(&self.rules).connect, self.now() - began);
        assert!(self.now() <= self.scope_ends(began), "a connect past its scope");
        match answer {
            Err(libc::ETIMEDOUT) if self.scope <= self.now() => {
                // It gives up.
                (self.cut, self.expiries) = (self.cut + 1, self.expiries + 1);
                self.settle(fd);
                assert_eq!(self.world.close(fd), Ok(0));
                return self.gone(fd);
            }
            Ok(_) | Err(libc::ECONNREFUSED) => assert!(connect == 0 || took <= connect + SLACK, "{took} of {connect}"),
            Err(libc::EINPROGRESS) if !nonblocking => {
                // As the kernel answers at SO_SNDTIMEO; the attempt goes on.
                let own = self.conns[self.fds[&fd]].send_timeout;
                assert!(own != 0 && (own..=own + SLACK).contains(&took), "{took} of {own}");
            }
            Err(libc::EINPROGRESS) => assert!(took <= SLACK),
            Err(libc::ETIMEDOUT) => {
                let dies = self.conns[self.fds[&fd]].dies(&self.rules);
                let ends = if connect == 0 { dies } else { dies.min(began + connect) };
                assert!(!nonblocking && (ends..=ends + SLACK).contains(&self.now()), "{took} of {connect}");
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

    pub(super) fn read_done(&mut self, fd: i32, answer: Answer, bytes: &[u8], began: u64) {
        self.settle(fd);
        let (conn, now) = (self.fds[&fd], self.now());
        let nonblocking = self.is_nonblocking(fd);
        match answer {
            Ok(0) => assert!(self.world.machine.socket(fd).ended || bytes.is_empty()),
            Ok(count) => {
                let model = &mut self.conns[conn];
                assert!(bytes[..count].iter().all(|byte| *byte == model.tag), "a stranger's bytes");
                (model.last_in, model.awaiting, model.told[INPUT], model.attempt) = (now, false, false, None);
                model.taken += count;
            }
            Err(libc::ETIMEDOUT) => {
                let life = now >= self.conns[conn].dies(&self.rules);
                let life = life || self.is_cut(fd, INPUT);
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
        self.assert_nothing_lost(fd);
    }

    /// What came and was not read is still there.
    fn assert_nothing_lost(&self, fd: i32) {
        let (socket, taken) = (self.world.machine.socket(fd), self.conns[self.fds[&fd]].taken);
        if socket.phase == Phase::Connected {
            assert_eq!(socket.incoming.len() + taken, socket.received as usize, "bytes were lost on fd {fd}");
        }
    }

    pub(super) fn read(&mut self) {
        let Some(fd) = self.any_fd() else { return };
        let (began, length) = (self.now(), self.chance.of(&[1, 10, 1000]) as usize);
        let alone = self.waiters.iter().all(|waiter| waiter.conn() != self.fds[&fd]);
        let bound = if alone { self.bound(fd, began) } else { u64::MAX };
        self.note(format!("read fd {fd} of {length}"));
        self.meet(fd);
        let late = self.is_too_late(fd, INPUT);
        let mut thread = self.world.begin_read(fd, length);
        let Some(answer) = self.drive(&mut thread, began + 20 * S) else {
            assert!(bound > self.now(), "read on fd {fd} missed its deadline: {:?}", self.conns[self.fds[&fd]]);
            return self.note("  left for ever".into());
        };
        self.note(format!("  {answer:?}"));
        assert!(!late || answer == Err(libc::ETIMEDOUT), "a read was tried when its deadline had passed");
        assert!(self.now() <= bound.max(began + SLACK), "read {} ns late", self.now() - bound);
        self.read_done(fd, answer, &thread.memory, began);
    }

    pub(super) fn write(&mut self) {
        let Some(fd) = self.any_fd() else { return };
        let (began, length) = (self.now(), self.chance.of(&[1, 100, 3000, 9000]) as usize);
        self.note(format!("write {length} to fd {fd}"));
        self.meet(fd);
        let connecting = self.conns[self.fds[&fd]].attempt.is_some();
        let late = self.is_too_late(fd, OUTPUT);
        let room = !self.ready_of(&[(fd, OUT | libc::POLLERR | libc::POLLHUP)]).is_empty();
        let late = late || self.conns[self.fds[&fd]].full && !room;
        self.begun[REQUESTS] += 1;
        let conn = self.fds[&fd];
        self.conns[conn].writing = true;
        let mut thread = self.world.begin_write(fd, length);
        let answer = self.drive(&mut thread, began + 20 * S);
        self.conns[conn].writing = false;
        self.settle(fd);
        let now = self.now();
        let bound = match connecting {
            true => u64::MAX,
            false => self.conns[conn].bound_output(&self.rules, &self.world.machine.socket(fd), began),
        };
        let bound = bound.min(self.ends(fd, OUTPUT, began));
        let Some(answer) = answer else {
            assert!(bound > now, "write to fd {fd} missed its deadline: {:?}", self.conns[conn]);
            self.conns[conn].written = self.world.machine.socket(fd).outgoing.len();
            self.conns[conn].wrote(began, now);
            return self.note("  left for ever".into());
        };
        self.note(format!("  {answer:?}"));
        assert!(!late || answer == Err(libc::ETIMEDOUT), "a write was tried when its deadline had passed");
        self.conns[conn].full = false;
        assert!(now <= bound.max(began + SLACK), "write {} ns late", now - bound);
        match answer {
            Ok(count) => {
                let connected = self.world.machine.socket(fd).phase == Phase::Connected;
                let short = count < length && !self.is_nonblocking(fd) && connected;
                // Its own timeout is left to the kernel, and remembered nowhere.
                let own = self.conns[conn].send_timeout;
                let excused = self.is_cut(fd, OUTPUT) || self.clock_ran_out(fd, OUTPUT);
                if short {
                    assert!(excused || own != 0 && now >= began + own, "short at {count}: {:?}", self.conns[conn]);
                    self.expiries += 1;
                }
                let cut = self.is_cut(fd, OUTPUT);
                let model = &mut self.conns[conn];
                model.wrote(if short { began } else { now }, now);
                (model.short, model.written) = (short, model.written + count);
                model.full = short && own == 0 && !cut;
            }
            Err(libc::ETIMEDOUT) => self.timed_out(fd, OUTPUT, "write"),
            Err(libc::EAGAIN) => {
                let own = self.conns[conn].send_timeout;
                assert!(self.is_nonblocking(fd) || own != 0 && now >= began + own, "EAGAIN from a blocking write");
            }
            Err(libc::ECONNRESET | libc::ECONNREFUSED | libc::EPIPE) => {
                assert_ne!(self.world.machine.socket(fd).phase, Phase::Connected);
            }
            other => panic!("write to fd {fd} answered {other:?}"),
        }
        let written = self.world.machine.socket(fd).outgoing.len();
        assert_eq!(written, self.conns[conn].written, "bytes went elsewhere, or were counted wrongly");
    }
}
