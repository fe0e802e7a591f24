//! Deadlines that the program sets and moves, and scopes that its main thread enters and leaves: unlike the classes' clocks they
//! are known to the nanosecond.

use super::Run;
use crate::machine::{Phase, MS};
use crate::model::{INPUT, OUTPUT, SLACK};
use netdeadline_engine::op::Ways;

impl Run {
    pub(super) fn move_deadline(&mut self) {
        let registered: Vec<i32> = self.registered.keys().map(|key| key.1).collect();
        let fd = match registered.is_empty() || self.chance.one_in(2) {
            true => self.any_fd(),
            false => Some(self.chance.of(&registered)),
        };
        let Some(fd) = fd else { return };
        let (conn, now) = (self.fds[&fd], self.now());
        let ahead = self.chance.of(&[0, 5, 5, 300, 300, 1200, 1200, 5000, 60_000]) * MS;
        let at = match self.chance.below(8) {
            0..=2 => 0,
            3 => 1,
            _ => now + ahead,
        };
        let ways = self.chance.of(&[Ways::Read, Ways::Write, Ways::Both]);
        self.note(format!("{ways:?} deadline of fd {fd}: {} us from now", at as i64 / 1000 - now as i64 / 1000));
        assert_eq!(self.world.set(fd, ways, at as i64), Ok(()));
        for direction in [INPUT, OUTPUT] {
            if ways == [Ways::Write, Ways::Read][direction] {
                continue;
            }
            (self.conns[conn].deadline[direction], self.conns[conn].moved[direction]) = (at, now);
        }
        let [input, output] = self.conns[conn].deadline.map(|at| at as i64);
        assert_eq!(self.world.deadlines(fd), Ok((input, output)));
    }

    /// Timeouts of a socket's own, which a thread that waits on it meanwhile has to hear of.
    pub(super) fn move_timeouts(&mut self) {
        let waited: Vec<i32> = self.waiters.iter_mut().map(|waiter| waiter.place().fd).collect();
        let waited: Vec<i32> = waited.into_iter().filter(|fd| self.fds.contains_key(fd)).collect();
        let fd = match waited.is_empty() || self.chance.one_in(2) {
            true => self.any_fd(),
            false => Some(self.chance.of(&waited)),
        };
        fd.into_iter().for_each(|fd| self.say_timeouts(fd));
    }

    pub(super) fn say_timeouts(&mut self, fd: i32) {
        let mut timeout = |choices: &[u64]| self.chance.of(choices) * MS;
        let connect = timeout(&[0, 0, 300, 1100]);
        let response = timeout(&[0, 0, 600, 2200]);
        let read = timeout(&[0, 0, 500, 1700, 4000]);
        let write = timeout(&[0, 0, 800, 2700]);
        let lifetime = timeout(&[0, 0, 0, 9000]);
        let own = [connect, response, read, write, lifetime];
        self.note(format!("timeouts of fd {fd}: {:?} ms", own.map(|ns| ns / MS)));
        self.world.set_timeouts(fd, own);
        let (conn, now) = (self.fds[&fd], self.now());
        (self.conns[conn].own, self.conns[conn].said) = (own, now);
    }

    pub(super) fn move_scope(&mut self) {
        match self.scopes.pop() {
            Some((token, _)) if self.scopes.len() == 2 || self.chance.one_in(2) => {
                self.note("a scope is left".into());
                assert_eq!(self.world.leave(token), Ok(()));
            }
            outer => {
                self.scopes.extend(outer);
                let at = self.now() + self.chance.of(&[0, 20, 700, 2500, 10_000]) * MS;
                let token = self.world.enter(at);
                let around = self.scopes.last().map_or(u64::MAX, |scope| scope.1);
                self.note(format!("a scope of {} ms", (at - self.now()) / MS));
                self.scopes.push((token, at.min(around)));
            }
        }
        self.scope = self.scopes.last().map_or(u64::MAX, |scope| scope.1);
    }

    /// Has what the program said itself ended this direction, by now?
    pub(super) fn is_cut(&self, fd: i32, direction: usize) -> bool {
        self.conns[self.fds[&fd]].passed(direction, self.now()) || self.scope <= self.now()
    }

    /// Had it, or its lifetime, when an operation begins that begins now? Then nothing is tried, whatever is ready.
    pub(super) fn is_too_late(&self, fd: i32, direction: usize) -> bool {
        let connected = self.world.machine.socket(fd).phase == Phase::Connected;
        let conn = &self.conns[self.fds[&fd]];
        let outlived = self.now() >= conn.dies(&self.rules).saturating_add(SLACK);
        connected && conn.attempt.is_none() && (outlived || self.is_cut(fd, direction))
    }

    /// When an operation of this direction that began at `began` must be over because of it.
    pub(super) fn ends(&self, fd: i32, direction: usize, began: u64) -> u64 {
        self.conns[self.fds[&fd]].ends(direction, began).min(self.scope_ends(began))
    }

    /// The same of anything that the thread does.
    pub(super) fn scope_ends(&self, began: u64) -> u64 {
        self.scope.max(began).saturating_add(SLACK)
    }

    /// What is level-triggered in a set ends a wait for as long as it is passed.
    pub(super) fn ends_in_set(&self, fd: i32, events: i32, began: u64) -> u64 {
        let conn = &self.conns[self.fds[&fd]];
        let asked = [(libc::EPOLLIN, INPUT), (libc::EPOLLOUT, OUTPUT)];
        let level = asked.into_iter().filter(|(bit, _)| events & libc::EPOLLET == 0 && events & bit != 0);
        level.map(|(_, direction)| conn.ends(direction, began)).min().unwrap_or(u64::MAX)
    }
}
