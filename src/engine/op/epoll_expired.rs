//! What an epoll set reports of one registration whose instant has come: the events that the program asked for, once for each telling.
//! Which registrations those are, and the wait, belong in `epoll_wait`.

use super::clock::Direction;
use super::epoll::{tracked, INPUT, ONESHOT, OUTPUT};
use super::explicit::Tried;
use super::judge::Verdict;
use super::ready::Telling;
use super::Scope;
use crate::policy::Class;
use crate::set::{Registration, Set};
use crate::sys::Kernel;
use crate::table::{Description, Flag, State};
use crate::Engine;
use core::sync::atomic::Ordering::Relaxed;

pub(super) const MILLISECOND: u64 = 1_000_000;
// Tellings of a passed deadline: below `EDGES` `epoll::UNTOLD` and which of the two directions', then the millisecond.
const EDGES: u32 = 4;
const TELLINGS: u32 = 64;

/// What came of looking at the deadlines of a socket in a set.
enum Passed {
    /// A connect was aborted: ask the kernel again.
    Aborted,
    /// The bits to report, those whose deadline has passed, and when to look again.
    Bits { told: u32, passed: u32, look: u64 },
}

/// Who looks at a set, and since when.
#[derive(Clone, Copy)]
pub(super) struct Looks {
    pub(super) name: &'static str,
    pub(super) began: u64,
    pub(super) now: u64,
}

impl<K: Kernel> Engine<K> {
    /// What to report of one registration whose instant has come, and when to look again.
    pub(super) fn expired_in_set(
        &self,
        fd: i32,
        registration: &Registration,
        set: &Set,
        looks: Looks,
        again: &mut bool,
    ) -> (u32, u64) {
        let Looks { name, now, .. } = looks;
        let mut next = u64::MAX;
        let mut bits = 0;
        let Some((slot, d)) = tracked(self, fd) else { return (0, next) };
        let Some(events) = registration.events(slot.generation()) else { return (0, next) };
        let way = self.way_in_set(fd, d);
        let passed = match self.passed_in_set(fd, d, registration, events, looks) {
            Passed::Aborted => {
                *again = true;
                return (0, u64::MAX);
            }
            Passed::Bits { told, passed, look } => {
                bits |= told;
                next = next.min(look);
                passed
            }
        };
        // Writing first: what waits for room is told there, and not once more as "unacknowledged while reading".
        for (direction, wanted) in [(Direction::Write, events & OUTPUT), (Direction::Read, events & INPUT)] {
            if wanted & passed != 0 {
                continue;
            }
            let word = super::ready::word(d, direction);
            let state = word.load(d.generation());
            if wanted == 0 && !d.has(Flag::Connecting) {
                continue;
            }
            match state {
                State::Idle => {}
                // Told to another registration of this socket: each gets its own event. (Not where what was told last is the
                // passing of a deadline: the one would make the other new, for ever.)
                State::Expired(_) if passed == 0 && self.still_told(d) && registration.take(d.telling()) => {
                    bits |= wanted;
                    next = next.min(self.next_telling(d, direction));
                }
                // A one-shot registration is told once; modified, it is new.
                State::Expired(_) if events & ONESHOT != 0 => {}
                State::Expired(_) => match self.tell_again(d, direction, now) {
                    Telling::Now => {
                        if passed == 0 {
                            registration.take(d.telling());
                        }
                        bits |= wanted;
                        next = next.min(self.next_telling(d, direction));
                    }
                    Telling::At(at) => next = next.min(at),
                    Telling::Never => {}
                },
                State::Armed(at) if at > now => next = next.min(at),
                State::Armed(_) => {
                    if direction == Direction::Read {
                        let start = d.read_start.load(Relaxed);
                        let moved = set.start_after_gap(start, self.read_timeout(d, way));
                        d.read_start.fetch_max(moved, Relaxed);
                    }
                    match self.judge(fd, d, direction, way, now) {
                        Verdict::Until(at) => next = next.min(at),
                        Verdict::Idle => {}
                        Verdict::Gone => {
                            self.forget(fd);
                            return (0, u64::MAX);
                        }
                        // Another thread is at it: looked at once more, when that has told.
                        Verdict::Due(_) if !self.claim(d, direction, now) => next = next.min(now),
                        Verdict::Due(due) => {
                            let connecting = d.has(Flag::Connecting);
                            if !self.expire(fd, d, direction, due, name, now) {
                                // Observed only; what the program itself said goes on.
                                if let State::Armed(at) = word.load(d.generation()) {
                                    next = next.min(at);
                                }
                                continue;
                            }
                            if connecting && !d.has(Flag::Connecting) {
                                // The kernel has the event now.
                                *again = true;
                                return (0, u64::MAX);
                            }
                            if direction == Direction::Write && events & INPUT != 0 && due.class() == Some(Class::Write)
                            {
                                self.expire_input_with_output(d, now);
                            }
                            // Another thread that found it expired may have told this registration already.
                            if passed != 0 || registration.take(d.telling()) {
                                bits |= wanted;
                            }
                            next = next.min(self.next_telling(d, direction));
                            // Its other registrations are due as well: they find it expired.
                            self.lower_sets(fd, slot, d, now);
                        }
                    }
                }
            }
        }
        if bits != 0 && !d.has(Flag::Connecting) {
            // What the kernel would report of it besides goes into the same event.
            let ready = crate::sys::poll_now(&self.kernel, fd, (events & 0xffff) as i16);
            if ready > 0 {
                bits |= ready as u32 & (events | (libc::EPOLLERR | libc::EPOLLHUP) as u32);
            }
        }
        (bits, next)
    }

    /// The deadlines that the program set through the C API. One that has passed is a level, like data that can be read: it is
    /// reported as long as it stands, but once a millisecond, so that a program which passes over it neither spins nor comes to
    /// nothing else. Edge-triggered it is reported once.
    fn passed_in_set(
        &self,
        fd: i32,
        d: &Description,
        registration: &Registration,
        events: u32,
        looks: Looks,
    ) -> Passed {
        let Looks { name, began, now } = looks;
        let (mut passed, mut look) = (0, u64::MAX);
        if !d.has(Flag::Explicit) {
            return Passed::Bits { told: 0, passed, look };
        }
        for (direction, wanted) in [(Direction::Write, events & OUTPUT), (Direction::Read, events & INPUT)] {
            let bound = self.bound(d, direction, Scope::NONE);
            let connecting = d.has(Flag::Connecting) && direction == Direction::Write;
            if bound.at > now {
                look = look.min(if wanted != 0 || connecting { bound.at } else { u64::MAX });
                continue;
            }
            if wanted == 0 && !connecting {
                continue;
            }
            if !self.cut(fd, d, direction, bound, name, Tried { began, bytes: 0 }, now) {
                return Passed::Bits { told: 0, passed: 0, look: u64::MAX };
            }
            if connecting && !d.has(Flag::Connecting) {
                // The kernel has the event now.
                return Passed::Aborted;
            }
            passed |= wanted;
        }
        if passed == 0 {
            return Passed::Bits { told: 0, passed, look };
        }
        let edge = events & libc::EPOLLET as u32 != 0;
        let telling = if edge {
            (passed & INPUT != 0) as u32 | ((passed & OUTPUT != 0) as u32) << 1
        } else {
            EDGES + (now / MILLISECOND % (TELLINGS - EDGES) as u64) as u32
        };
        let told = if registration.take(telling) { passed } else { 0 };
        if !edge {
            look = look.min(now.saturating_add(MILLISECOND));
        }
        Passed::Bits { told, passed, look }
    }

    fn next_telling(&self, d: &Description, direction: Direction) -> u64 {
        match super::ready::word(d, direction).load(d.generation()) {
            State::Expired(at) if at < u64::MAX / 8 && self.still_told(d) => at,
            _ => u64::MAX,
        }
    }
}
