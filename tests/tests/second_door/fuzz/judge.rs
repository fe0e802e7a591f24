//! What the model is asked of each answer.

use super::Run;
use crate::machine::{Phase, MS};
use crate::model::{INPUT, OUTPUT};
use crate::program::{IN, OUT};

impl Run {
    pub(super) fn excuse(&self, fd: i32, direction: usize) -> bool {
        self.is_cut(fd, direction) || self.clock_ran_out(fd, direction)
    }

    /// Has one of the classes' clocks?
    pub(super) fn clock_ran_out(&self, fd: i32, direction: usize) -> bool {
        let (conn, now) = (&self.conns[self.fds[&fd]], self.now());
        let socket = self.world.machine.socket(fd);
        match direction {
            INPUT => conn.excuse_input(&self.rules, &socket, now),
            _ => conn.excuse_output(&self.rules, &socket, now),
        }
    }

    /// The connection's attempt: is it over, and was it aborted?
    pub(super) fn settle(&mut self, fd: i32) {
        let conn = self.fds[&fd];
        let now = self.now();
        let (phase, aborted) = {
            let socket = self.world.machine.socket(fd);
            (socket.phase, socket.aborted)
        };
        let (late, dies) = (self.conns[conn].gave_up(&self.rules, now), self.conns[conn].dies(&self.rules));
        let cut = self.is_cut(fd, OUTPUT);
        let model = &mut self.conns[conn];
        if aborted > model.aborted {
            assert!(now >= dies || late || cut, "aborted early: {model:?}");
            model.aborted = aborted;
            (model.told, model.attempt) = ([true; 2], None);
        }
        if phase != Phase::Connecting && model.attempt.take().is_some() {
            (model.last_in, model.last_out) = (model.last_in.max(model.born), model.last_out.max(model.born));
        }
    }

    /// An ETIMEDOUT that a call answered: is there an excuse?
    pub(super) fn timed_out(&mut self, fd: i32, direction: usize, what: &str) {
        self.expiries += 1;
        let (cut, excuse) = (self.is_cut(fd, direction), self.excuse(fd, direction));
        let conn = self.fds[&fd];
        let model = &mut self.conns[conn];
        if cut {
            self.cut += 1;
            return;
        }
        // How often an aborted attempt is told is tested in connecting.rs.
        let told =
            model.told[direction] || model.aborted > 0 || direction == OUTPUT && std::mem::take(&mut model.short);
        assert!(excuse || told, "{what} on fd {fd} timed out without an excuse: {model:?}");
        model.told[direction] = false;
    }

    /// What a wait reported of an fd, and what the kernel says of it.
    pub(super) fn reported(&mut self, fd: i32, asked: u32, bits: u32) {
        self.settle(fd);
        let file = self.world.machine.state().numbers[&fd];
        let kernel = self.world.machine.state().ready(file);
        let always = (libc::POLLERR | libc::POLLHUP) as u32;
        assert_eq!(bits & !(asked | always), 0, "bits nobody asked for on fd {fd}");
        for (direction, bit) in [(INPUT, IN as u32), (OUTPUT, OUT as u32)] {
            if bits & bit & !kernel != 0 {
                self.expiries += 1;
                if self.is_cut(fd, direction) {
                    // It stands as long as it is passed: nothing of it is left to be told. Of a clock there may be.
                    self.cut += 1;
                    let (conn, clock) = (self.fds[&fd], self.clock_ran_out(fd, direction));
                    self.conns[conn].told[direction] |= clock;
                    continue;
                }
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

    pub(super) fn bound(&self, fd: i32, began: u64) -> u64 {
        let conn = &self.conns[self.fds[&fd]];
        let ends = self.ends(fd, INPUT, began);
        // Told again after 1, 10 and 100 ms.
        let over = self.now() >= conn.dies(&self.rules);
        let again = if conn.told[INPUT] || over { 100 * MS } else { 0 };
        conn.bound_input(&self.rules, &self.world.machine.socket(fd), began).saturating_add(again).min(ends)
    }
}
