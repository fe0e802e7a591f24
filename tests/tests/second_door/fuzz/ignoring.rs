//! A program that ignores what it is told, and only asks again (telling.rs has the instants): it is told four times of one expiry.

use super::Run;
use crate::machine::{Phase, MS, S};
use crate::model::INPUT;
use crate::program::{FOREVER, IN};

/// The tellings of one expiry are over by then, and the shortest timeout that a run has is longer.
const TELLINGS: u64 = 250 * MS;

impl Run {
    pub(super) fn ignore(&mut self) {
        let Some(fd) = self.any_fd() else { return };
        let conn = self.fds[&fd];
        let alone = self.waiters.iter().all(|waiter| waiter.conn() != conn);
        if !alone || self.conns[conn].attempt.is_some() || self.world.machine.socket(fd).phase != Phase::Connected {
            return;
        }
        // Where another clock of its own ends the wait for input as well, there may be two expiries.
        let (model, rules) = (&self.conns[conn], self.conns[conn].rules(&self.rules));
        let sends = self.world.machine.socket(fd).unacknowledged > 0 && (rules.write, model.send_timeout) != (0, 0);
        let single = !(sends || model.awaiting && rules.response != 0);
        self.meet(fd);
        // A registration that is told of what another was told before is no ignored event; nor is one that outlives its number.
        let free = !self.conns[conn].shared && self.registered.keys().all(|key| key.1 != fd);
        let call = self.chance.of(if free { &["select", "poll", "epoll_wait"] } else { &["select", "poll"] });
        self.note(format!("{call} fd {fd} for input, and ignore what comes"));
        let set = self.world.epoll_create();
        if call == "epoll_wait" {
            self.world.epoll_add(set, fd, libc::EPOLLIN);
        }
        self.ask_again(fd, set, call, single);
        assert_eq!(self.world.close(set), Ok(0));
    }

    fn ask_again(&mut self, fd: i32, set: i32, call: &str, single: bool) {
        let conn = self.fds[&fd];
        let (mut limit, mut told) = (self.now() + 5 * S, 0);
        for _ in 0..8 {
            let bits = match call {
                "select" => {
                    let mut thread = self.world.begin_select(&[fd], &[], FOREVER);
                    self.drive(&mut thread, limit).map(|_| IN)
                }
                "poll" => {
                    let mut thread = self.world.begin_poll(&[(fd, IN)], FOREVER);
                    self.drive(&mut thread, limit).map(|_| thread.memory.0[0].revents)
                }
                _ => {
                    let mut thread = self.world.begin_epoll(set, 2, FOREVER);
                    self.drive(&mut thread, limit).map(|_| thread.memory.0[0].events as i16)
                }
            };
            self.settle(fd);
            let now = self.now();
            let Some(bits) = bits else { return self.note(format!("  told {told} times")) };
            self.note(format!("  {bits:#x}"));
            // What has passed for good is told for good; what the kernel has is no expiry.
            let ready = !self.ready_of(&[(fd, IN | libc::POLLERR | libc::POLLHUP)]).is_empty();
            if ready || self.is_cut(fd, INPUT) || now >= self.conns[conn].dies(&self.rules) {
                return self.reported(fd, IN as u32, bits as u32 & 0xffff);
            }
            self.reported(fd, IN as u32, bits as u32 & 0xffff);
            if told == 0 {
                limit = now + TELLINGS;
            }
            told += 1;
            assert!(told <= 4 || !single, "told of one expiry {told} times in {} us", (now + TELLINGS - limit) / 1000);
        }
    }
}
