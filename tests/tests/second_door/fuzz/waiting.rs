//! poll, select and epoll, and what may come of them.

use super::Run;
use crate::machine::{MS, S};
use crate::model::{INPUT, OUTPUT, SLACK};
use crate::program::{FOREVER, IN, OUT};

impl Run {
    pub(super) fn wait_time(&mut self) -> u64 {
        self.chance.of(&[0, 50 * MS, 400 * MS, 1500 * MS, FOREVER, FOREVER])
    }

    pub(super) fn poll(&mut self) {
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
        let ends = |(fd, events): &(i32, i16)| {
            let of = |bit, direction| if events & bit != 0 { self.ends(*fd, direction, began) } else { u64::MAX };
            of(IN, INPUT).min(of(OUT, OUTPUT))
        };
        let bound = bound.min(entries.iter().map(ends).min().unwrap_or(u64::MAX));
        self.note(format!("{} {entries:?} for {timeout} ns", if select { "select" } else { "poll" }));
        let ready = self.ready_of(&entries);
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
        let told: Vec<i32> = entries.iter().zip(&bits).filter(|(_, bits)| **bits != 0).map(|(e, _)| e.0).collect();
        self.assert_told(began, &ready, &told, || self.ready_of(&entries), true);
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

    pub(super) fn register(&mut self) {
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
        self.announced.remove(&(set, fd));
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

    pub(super) fn epoll(&mut self) {
        let (set, timeout, began) = (self.chance.of(&self.sets.clone()), self.wait_time(), self.now());
        let room = self.chance.of(&[1, 2, 8]) as usize;
        let mut bound = u64::MAX;
        for ((_, fd), (events, since)) in self.registered.iter().filter(|entry| entry.0 .0 == set) {
            bound = bound.min(self.ends_in_set(*fd, *events, began));
            let conn = &self.conns[self.fds[fd]];
            let socket = self.world.machine.socket(*fd);
            // What waits unread, or was told and ignored, may be left alone; so may what came before its connection.
            // And where the program's own deadline has passed an edge was reported, and no clock is beside it.
            let passed = conn.passed(INPUT, began);
            // One whose life is over is told of it again and again, ever more rarely.
            let passed = passed || conn.dies(&self.rules) <= began;
            let sure = events & libc::EPOLLIN != 0 && !conn.shared && conn.told == [false; 2] && !passed;
            if sure && socket.incoming.is_empty() && !socket.ended && conn.rules(&self.rules).read != 0 {
                bound = bound.min(conn.bound_input(&self.rules, &socket, began.max(*since)));
            }
        }
        bound = bound.min(self.scope_ends(began));
        // After a pause it starts their clocks anew, also for who waits on them meanwhile (docs/limits.md, two threads on one socket).
        let here: Vec<i32> = self.registered.keys().filter(|key| key.0 == set).map(|key| key.1).collect();
        here.into_iter().for_each(|fd| self.meet(fd));
        let empty = self.registered_in(set) == 0;
        let ready = self.ready_in_set(set);
        self.note(format!("epoll_wait set {set} room {room} for {timeout} ns"));
        let mut thread = self.world.begin_epoll(set, room, timeout);
        let answer = self.drive(&mut thread, began + 20 * S);
        let now = self.now();
        let Some(answer) = answer else {
            assert!(bound > now, "an epoll wait missed a deadline");
            assert_eq!(self.ready_in_set(set), [], "an epoll wait missed what was ready");
            return self.note("  left for ever".into());
        };
        let count = answer.expect("events");
        let events: Vec<(u32, u64)> = thread.memory.0[..count].iter().map(|event| (event.events, event.u64)).collect();
        self.note(format!("  {events:x?}"));
        // Also an attempt that is not reported yet may have been ended.
        let here: Vec<i32> = self.registered.keys().filter(|key| key.0 == set).map(|key| key.1).collect();
        here.into_iter().for_each(|fd| self.settle(fd));
        let own = began.saturating_add(timeout);
        assert!(now <= bound.max(began).min(own).saturating_add(SLACK), "{} ns late", now - bound.min(own));
        let told: Vec<i32> = events.iter().map(|event| event.1 as i32).collect();
        self.assert_told(began, &ready, &told, || self.ready_in_set(set), room > self.registered_in(set));
        let over = empty && self.scope <= now;
        assert!(count != 0 || now >= own || over, "nothing was reported, {} ns early", own - now);
        for (bits, data) in events {
            let fd = data as i32;
            let asked = self.registered.get(&(set, fd)).unwrap_or_else(|| panic!("an event of a stranger: {fd}"));
            let asked = asked.0 as u32 & 0xffff;
            self.announce(set, fd);
            self.reported(fd, asked, bits);
        }
    }
}
