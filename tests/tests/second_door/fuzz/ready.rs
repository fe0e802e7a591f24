//! What the kernel has for the program, beside all deadlines: it ends a wait at once, and none of it is lost.

use super::Run;
use crate::model::{INPUT, OUTPUT, SLACK};

const ALWAYS: u32 = (libc::POLLERR | libc::POLLHUP) as u32;

impl Run {
    /// Which of these a poll has to report now.
    pub(super) fn ready_of(&self, entries: &[(i32, i16)]) -> Vec<i32> {
        let state = self.world.machine.state();
        let ready = |entry: &&(i32, i16)| state.ready(state.numbers[&entry.0]) & entry.1 as u32 != 0;
        entries.iter().filter(ready).map(|entry| entry.0).collect()
    }

    pub(super) fn registered_in(&self, set: i32) -> usize {
        self.registered.keys().filter(|key| key.0 == set).count()
    }

    /// Which of its registrations an epoll set has to report now: what was announced once and told is over where the program
    /// asked for edges.
    pub(super) fn ready_in_set(&self, set: i32) -> Vec<i32> {
        let state = self.world.machine.state();
        let here = self.registered.iter().filter(|entry| entry.0 .0 == set);
        let ready = here.filter(|(key, (events, _))| {
            let file = state.numbers[&key.1];
            let edge = events & libc::EPOLLET != 0 && self.announced.get(key) == Some(&state.edge(file));
            !edge && state.ready(file) & (*events as u32 & 0xffff | ALWAYS) != 0
        });
        ready.map(|(key, _)| key.1).collect()
    }

    /// The program was told of this registration.
    pub(super) fn announce(&mut self, set: i32, fd: i32) {
        let edge = {
            let state = self.world.machine.state();
            state.edge(state.numbers[&fd])
        };
        self.announced.insert((set, fd), edge);
    }

    /// A wait is over that began at `began`, when `ready` were. `room`: for all there are.
    pub(super) fn assert_told(&self, began: u64, ready: &[i32], told: &[i32], now: impl Fn() -> Vec<i32>, room: bool) {
        if ready.is_empty() {
            return;
        }
        assert!(self.now() <= began + SLACK, "fds {ready:?} were ready, and a wait went on");
        let still = now();
        // What has expired is told first, and may be told alone.
        let again = |fd: i32| self.conns[self.fds[&fd]].told != [false; 2];
        let expired = |fd: &i32| self.excuse(*fd, INPUT) || self.excuse(*fd, OUTPUT) || again(*fd);
        let room = room && !told.iter().any(expired);
        let lost = ready.iter().find(|fd| room && still.contains(fd) && !told.contains(fd));
        assert_eq!(lost, None, "what was ready was not told: only {told:?}");
    }
}
