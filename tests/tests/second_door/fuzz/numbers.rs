//! close, dup, options, and what the peers do.

use super::Run;
use crate::machine::{Phase, MS};

impl Run {
    pub(super) fn close(&mut self) {
        let Some(fd) = self.any_fd() else { return };
        self.note(format!("close fd {fd}"));
        assert_eq!(self.world.close(fd), Ok(0));
        self.gone(fd);
    }

    pub(super) fn gone(&mut self, number: i32) {
        self.fds.remove(&number);
        self.registered.retain(|key, _| key.1 != number);
        for waiter in &mut self.waiters {
            let place = waiter.place();
            place.closed |= place.fd == number;
        }
    }

    /// The program waits on this fd while other threads may.
    pub(super) fn meet(&mut self, fd: i32) {
        let conn = self.fds[&fd];
        for waiter in &mut self.waiters {
            let place = waiter.place();
            place.met |= place.conn == conn;
        }
    }

    pub(super) fn duplicate(&mut self) {
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

    pub(super) fn toggle(&mut self) {
        let Some(fd) = self.any_fd() else { return };
        let nonblocking = !self.is_nonblocking(fd);
        self.note(format!("fd {fd} nonblocking {nonblocking}"));
        self.world.set_nonblocking(fd, nonblocking);
    }

    pub(super) fn own_timeout(&mut self) {
        let Some(fd) = self.any_fd() else { return };
        let (timeout, sends) = (self.chance.of(&[0, 800 * MS]), self.chance.one_in(2));
        self.say_own_timeout(fd, timeout, sends);
    }

    /// SO_RCVTIMEO or SO_SNDTIMEO.
    pub(super) fn say_own_timeout(&mut self, fd: i32, timeout: u64, sends: bool) {
        let conn = self.fds[&fd];
        self.note(format!("SO_{}TIMEO of fd {fd}: {timeout} ns", if sends { "SND" } else { "RCV" }));
        if sends {
            self.world.set_send_timeout(fd, timeout);
            self.conns[conn].send_timeout = timeout;
        } else {
            self.world.set_receive_timeout(fd, timeout);
            self.conns[conn].receive_timeout = timeout;
        }
    }

    /// Something that a peer will do.
    pub(super) fn peer(&mut self) {
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
}
