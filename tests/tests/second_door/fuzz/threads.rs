//! Threads of the program that wait while it goes on, and the passing of time for all of them.

use super::counting::REQUESTS;
use super::Run;
use crate::door::{Answer, Thread};
use crate::machine::Phase;
use crate::program::{Polling, Reading, FOREVER, IN};
use netdeadline_engine::op::Operation;

/// A thread of the program that was left waiting.
pub(super) enum Waiter {
    Reading { thread: Reading, place: Place },
    Polling { thread: Polling, place: Place },
}

/// Where a thread waits.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub fd: i32,
    pub conn: usize,
    pub began: u64,
    /// The number was closed meanwhile.
    pub closed: bool,
    /// Another thread waited on the same socket meanwhile: who is told first has the expiry, and then the clock begins anew.
    pub met: bool,
}

impl Waiter {
    pub(super) fn conn(&self) -> usize {
        let (Waiter::Reading { place, .. } | Waiter::Polling { place, .. }) = self;
        place.conn
    }

    pub(super) fn place(&mut self) -> &mut Place {
        let (Waiter::Reading { place, .. } | Waiter::Polling { place, .. }) = self;
        place
    }
}

impl Run {
    pub(super) fn leave_waiting(&mut self) {
        let Some(fd) = self.any_fd().filter(|_| self.waiters.len() < 2) else { return };
        let (conn, began) = (self.fds[&fd], self.now());
        let met = self.waiters.iter_mut().any(|waiter| waiter.place().conn == conn);
        let place = Place { fd, conn, began, closed: false, met };
        if self.world.machine.socket(fd).phase != Phase::Connected || self.is_nonblocking(fd) {
            return;
        }
        self.meet(fd);
        self.conns[conn].shared = true;
        let scope = self.another_thread();
        if self.chance.one_in(2) && self.conns[conn].receive_timeout == 0 {
            self.note(format!("a thread reads fd {fd}"));
            let mut thread = self.world.begin_read(fd, 10);
            if let Some(answer) = thread.run(&self.world) {
                self.read_done(fd, answer, &thread.memory, began);
                return self.main_thread(scope);
            }
            self.waiters.push(Waiter::Reading { thread, place });
        } else {
            self.note(format!("a thread polls fd {fd}"));
            let mut thread = self.world.begin_poll(&[(fd, IN)], FOREVER);
            if thread.run(&self.world).is_some() {
                self.reported(fd, IN as u32, thread.memory.0[0].revents as u32);
                return self.main_thread(scope);
            }
            self.waiters.push(Waiter::Polling { thread, place });
        }
        self.main_thread(scope);
    }

    /// What follows is done by another thread of the program, which is in no scope. What bounds the main one.
    fn another_thread(&mut self) -> u64 {
        self.world.as_thread(1);
        std::mem::replace(&mut self.scope, u64::MAX)
    }

    fn main_thread(&mut self, scope: u64) {
        self.world.as_thread(0);
        self.scope = scope;
    }

    /// Let the threads that wait run; what they answered is judged at that instant.
    pub(super) fn attend(&mut self) {
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
                None => {
                    self.still_waits(i);
                    i += 1;
                }
            }
        }
    }

    fn still_waits(&mut self, i: usize) {
        let (Place { fd, conn, began, .. }, now) = (*self.waiters[i].place(), self.now());
        let ends = self.conns[conn].ends(crate::model::INPUT, began);
        let here = self.fds.get(&fd) == Some(&conn);
        assert!(
            !here || now <= ends,
            "the deadline of fd {fd} ended {} us ago, and a thread waits on",
            (now - ends) / 1000
        );
        let Place { closed, met, .. } = *self.waiters[i].place();
        if here && !closed && !met {
            // The scope that is in force is another thread's.
            let scope = std::mem::replace(&mut self.scope, u64::MAX);
            let bound = self.bound(fd, began);
            self.scope = scope;
            assert!(
                now <= bound,
                "a thread's wait on fd {fd} was over {} us ago, and it waits on",
                (now - bound) / 1000
            );
        }
    }

    pub(super) fn ended(&mut self, mut waiter: Waiter, answer: Answer) {
        let Place { fd, conn, began, closed, met } = *waiter.place();
        self.note(format!("the thread that waited on fd {fd}: {answer:?}"));
        // What a write goes on to send behind an answer is another request.
        self.begun[REQUESTS] += 1;
        let scope = self.another_thread();
        let here = !closed && self.fds.get(&fd) == Some(&conn);
        if here && !met {
            let bound = self.bound(fd, began);
            assert!(self.now() <= bound, "a thread's wait is {} ns late", self.now() - bound);
        }
        match waiter {
            Waiter::Reading { thread, .. } if here => self.read_done(fd, answer, &thread.memory, began),
            Waiter::Reading { thread, .. } => {
                let known = [Err(libc::EBADF), Err(libc::ETIMEDOUT), Err(libc::EAGAIN), Err(libc::ECONNRESET)];
                self.conns[conn].taken += answer.unwrap_or(0);
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
        self.main_thread(scope);
    }

    pub(super) fn next(&self) -> u64 {
        let until = |waiter: &Waiter| match waiter {
            Waiter::Reading { thread, .. } => thread.until,
            Waiter::Polling { thread, .. } => thread.until,
        };
        self.waiters.iter().map(until).min().unwrap_or(u64::MAX).min(self.world.machine.next_event())
    }

    /// Let time pass until `limit`, or until the operation is over; the other threads go on meanwhile.
    pub(super) fn drive<O: Operation, M>(&mut self, thread: &mut Thread<O, M>, limit: u64) -> Option<Answer> {
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
    pub(super) fn pass(&mut self, time: u64) {
        let limit = self.now() + time;
        self.attend();
        while self.next() <= limit {
            self.world.machine.advance(self.next());
            self.attend();
        }
        self.world.machine.advance(limit);
    }
}
