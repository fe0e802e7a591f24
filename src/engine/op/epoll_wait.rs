//! epoll_wait, epoll_pwait and epoll_pwait2.
//!
//! A set without a deadline costs a load, the plain call and a look for our timer's token among the events. With one, the
//! wait is cut to the set's next deadline, and what expired is reported as the program registered it: which events that makes of one
//! registration is `epoll_expired`'s.

use super::clock::Direction;
use super::epoll::{tracked, INPUT, OUTPUT};
use super::epoll_expired::{Looks, MILLISECOND};
use super::explicit::Tried;
use super::wake::SLICE;
use super::{Call, Mask, Operation, Scope, Step};
use crate::set::{is_token, Set};
use crate::sys::{program, Kernel};
use crate::table::Flag;
use crate::Engine;

const EVENT: usize = core::mem::size_of::<libc::epoll_event>();

/// The time argument of the call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// epoll_wait, epoll_pwait: milliseconds.
    Milliseconds,
    /// epoll_pwait2: a timespec.
    Timespec,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The program's own call.
    Own,
    /// The same, left to the set's timer, which ended it.
    ByTimer,
    /// A wait of ours.
    Cut,
}

/// epoll_wait, epoll_pwait, epoll_pwait2.
pub struct EpollWait {
    name: &'static str,
    own: Call,
    clock: Clock,
    /// How long the program waits, ns; `u64::MAX` for ever.
    timeout: u64,
    until: u64,
    stage: Stage,
    /// What the program's own call answered, where the door made it at once.
    answered: Option<isize>,
    held: Mask,
    time: libc::timespec,
    scope: Scope,
    began: u64,
}

/// Can this wait be the program's own call, made at once? Nothing is armed in the set then, and either the wait has no time that
/// would have to be counted, or nothing in the process can be armed at all. The answer must be looked through with [`has_token`].
#[inline]
pub fn waits_plainly<K: Kernel>(e: &Engine<K>, epfd: i32, timeout: u64) -> bool {
    if !e.anything_tracked() {
        return true;
    }
    if e.scopes.any() {
        return false;
    }
    // Where a deadline may be set while it waits, its timer must be there to wake it.
    let plain = |set: &Set| set.next() == u64::MAX && (!e.movable() || set.timer.number().is_some());
    (timeout == 0 || timeout == u64::MAX) && e.set(epfd).is_none_or(|(_, set)| plain(set))
}

/// A wait that is the program's own call although its time has to be counted, or something is armed in its set: the set's timer ends
/// it in time.
pub struct ByTimer<'a> {
    /// Where something is armed.
    set: Option<&'a Set>,
    /// When it began, where the program gave it a time.
    began: u64,
    /// How long to wait, in ms.
    ms: i32,
    cut: bool,
}

/// How much later than its set's next deadline a wait ends that the timer should have ended: the coarse clock may be 10 ms behind,
/// but is never ahead.
const SPARE_MS: u64 = 1;

/// Can this wait of `ms` be made at once, and left to the set's timer? The answer must be looked at with [`ByTimer::is_over`].
#[inline]
pub fn waits_by_timer<K: Kernel>(e: &Engine<K>, epfd: i32, ms: i32) -> Option<ByTimer<'_>> {
    if e.scopes.any() || e.process.lent() {
        return None;
    }
    let began = || if ms > 0 { e.kernel.now() } else { 0 };
    let set = e.set(epfd).map(|(_, set)| set);
    let Some(set) = set.filter(|set| set.next() != u64::MAX || e.movable()) else {
        return Some(ByTimer { set: None, began: began(), ms, cut: false });
    };
    let (next, now, epoch) = (set.next(), e.kernel.coarse(), e.process.epoch(&e.kernel));
    if next <= now || set.may_be_gap(now) || !set.timer.covers(epoch, next) {
        return None;
    }
    set.enter(now, epoch);
    let began = began();
    // Should the timer be gone (closed behind our back), the wait ends all the same.
    let most = ((next - now) / MILLISECOND).saturating_add(1 + SPARE_MS).min(i32::MAX as u64) as i32;
    let cut = ms < 0 || ms > most;
    Some(ByTimer { set: Some(set), began, ms: if cut { most } else { ms }, cut })
}

impl ByTimer<'_> {
    /// The time to give the call.
    pub fn ms(&self) -> i32 {
        self.ms
    }

    /// The call has answered `count`, with these events: is that the program's answer? If not, [`EpollWait::by_timer`] goes on.
    #[inline]
    pub fn is_over<K: Kernel>(&self, e: &Engine<K>, events: usize, count: isize) -> bool {
        if let Some(set) = self.set {
            set.leave(e.kernel.coarse());
        }
        match usize::try_from(count) {
            Ok(0) => !self.cut,
            Ok(count) => !has_token(events, count),
            Err(_) => true,
        }
    }
}

/// Is the event of a hidden timer among these?
#[inline]
pub fn has_token(events: usize, count: usize) -> bool {
    (0..count).any(|i| {
        let event: libc::epoll_event = program::peek(events.wrapping_add(i.wrapping_mul(EVENT)));
        is_token(event.u64)
    })
}

impl EpollWait {
    /// `own` is the program's call: epfd, events, maxevents, time, mask, mask size.
    pub fn new(name: &'static str, own: Call, clock: Clock, timeout: u64) -> EpollWait {
        let time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        EpollWait {
            name,
            own,
            clock,
            timeout,
            until: u64::MAX,
            stage: Stage::Own,
            answered: None,
            held: Mask::default(),
            time,
            scope: Scope::NONE,
            began: 0,
        }
    }

    /// Go on from what the program's own call answered.
    pub fn begun(self, answer: isize) -> EpollWait {
        EpollWait { answered: Some(answer), ..self }
    }

    /// Go on where the timer, or the end of the time that was given it, ended the call.
    pub fn by_timer(self, answer: isize, wait: &ByTimer) -> EpollWait {
        EpollWait { answered: Some(answer), began: wait.began, stage: Stage::ByTimer, ..self }
    }

    fn epfd(&self) -> i32 {
        self.own.args.first().map_or(-1, |fd| *fd as i32)
    }

    fn room(&self) -> usize {
        self.own.args.get(2).map_or(0, |max| (*max as i32).max(0) as usize)
    }

    fn event_at(&self, i: usize) -> usize {
        self.own.args.get(1).copied().unwrap_or(0).wrapping_add(i.wrapping_mul(EVENT))
    }

    fn call(&mut self, wait: u64) -> Step {
        let [epfd, events, max, _, mask, size] = self.own.args;
        let time = match self.clock {
            Clock::Milliseconds if wait == u64::MAX => -1_isize as usize,
            // Rounded up: 0 means "do not wait", and rounding 400 us down would spin through the last moment.
            Clock::Milliseconds => wait.div_ceil(1_000_000).min(i32::MAX as u64) as usize,
            Clock::Timespec if wait == u64::MAX => 0,
            Clock::Timespec => {
                let (tv_sec, tv_nsec) = ((wait / 1_000_000_000) as i64, (wait % 1_000_000_000) as i64);
                self.time = libc::timespec { tv_sec, tv_nsec };
                &raw const self.time as usize
            }
        };
        self.stage = Stage::Cut;
        Step::Call(Call::new(self.own.nr, [epfd, events, max, time, mask, size]))
    }

    /// Take our tokens out of the events. How many events remain, and whether there was a token.
    fn without_tokens(&self, count: usize) -> (usize, bool) {
        let mut kept = 0;
        for i in 0..count {
            let event: libc::epoll_event = program::peek(self.event_at(i));
            if is_token(event.u64) {
                continue;
            }
            if kept != i {
                program::poke(self.event_at(kept), event);
            }
            kept += 1;
        }
        (kept, kept != count)
    }

    fn finish<K: Kernel>(&mut self, e: &Engine<K>, set: &Set, now: u64, outcome: isize) -> Step {
        set.leave(now);
        self.held.release(e);
        Step::Done(outcome)
    }

    /// Add an event behind the `count` that are there, or its bits to one of the `kernels` first, the kernel's own, that has the
    /// same data: one registration has one event in one answer. (Of ours each has one anyway; to look through those as well would
    /// make a wait with room for thousands slow when thousands expire.) The new count, or `None` if the program's array cannot be
    /// written.
    fn add<K: Kernel>(&self, e: &Engine<K>, kernels: usize, count: usize, bits: u32, data: u64) -> Option<usize> {
        for i in 0..kernels {
            let event: libc::epoll_event = program::peek(self.event_at(i));
            if event.u64 == data {
                program::poke(self.event_at(i), libc::epoll_event { events: event.events | bits, u64: data });
                return Some(count);
            }
        }
        let mut bytes = [0; EVENT];
        let (events, rest) = bytes.split_at_mut(4);
        events.copy_from_slice(&bits.to_ne_bytes());
        // The data are the last 8 bytes, packed (x86-64) or not.
        let at = rest.len() - 8;
        if let Some(place) = rest.get_mut(at..) {
            place.copy_from_slice(&data.to_ne_bytes());
        }
        // The kernel has written nothing there if it had no event: it may be any address.
        program::copy_out(&e.kernel, self.event_at(count), &bytes).then_some(count + 1)
    }

    /// Wait for the kernel's events or the set's next deadline.
    fn wait<K: Kernel>(&mut self, e: &Engine<K>, set: &Set, now: u64) -> Step {
        let mut until = self.until.min(set.next()).min(self.scope.until);
        if e.movable() && set.timer.refused(e.process.epoch(&e.kernel)) {
            until = until.min(now.saturating_add(SLICE));
        }
        self.call(if until == u64::MAX { u64::MAX } else { until.saturating_sub(now) })
    }

    /// Report what has expired behind the `count` events that are there. The new count, negative for an array that cannot be
    /// written; and whether a connect was aborted, so that the kernel has an event now.
    fn report<K: Kernel>(&self, e: &Engine<K>, number: u32, set: &Set, now: u64, count: usize) -> (isize, bool) {
        let (kernels, mut count, mut again, mut bad) = (count, count, false, false);
        set.timer.fired(now);
        if set.next() <= now {
            let room = self.room();
            set.sweep(now, |fd, registration| {
                if count >= room || bad {
                    return None;
                }
                let looks = Looks { name: self.name, began: self.began, now };
                let (mut bits, next) = e.expired_in_set(fd, registration, set, looks, &mut again);
                if bits != 0 && e.is_disarmed(set, fd, registration) {
                    bits = 0;
                }
                if bits != 0 {
                    match self.add(e, kernels, count, bits, registration.data()) {
                        Some(more) => count = more,
                        None => bad = true,
                    }
                    e.disarm_oneshot(set, fd, registration);
                }
                Some(next)
            });
        }
        let next = set.next();
        if next != u64::MAX {
            e.program(number, set, next.max(now));
        }
        if count == 0 && self.scope.until <= now {
            (count, bad) = self.report_all(e, set, now, &mut again);
        }
        if bad && count == 0 {
            return (super::error(libc::EFAULT), false);
        }
        (count as isize, again)
    }
}

impl Operation for EpollWait {
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        let set = e.set(self.epfd());
        if self.timeout != u64::MAX && self.timeout != 0 {
            let began = if self.stage == Stage::ByTimer { self.began } else { e.kernel.now() };
            self.until = began.saturating_add(self.timeout);
        }
        if self.scope.until != u64::MAX && self.room() != 0 && !e.process.borrowed(&e.kernel) {
            return self.start_within(e, set.map(|(_, set)| set));
        }
        if let Some(answer) = self.answered.take() {
            // From here on it is several waits.
            let [.., mask, _] = self.own.args;
            self.held.hold(e, mask);
            return self.resume(e, answer);
        }
        let Some((number, set)) = set else { return Step::Call(self.own) };
        let mut plain = set.next() == u64::MAX;
        if plain && e.movable() && self.timeout != 0 && !e.process.borrowed(&e.kernel) {
            e.program(number, set, u64::MAX / 2);
            plain = !set.timer.refused(e.process.epoch(&e.kernel));
        }
        if plain || e.process.borrowed(&e.kernel) || self.room() == 0 {
            // Armed by another thread meanwhile, it is several waits all the same.
            let [.., mask, _] = self.own.args;
            self.held.hold(e, mask);
            return Step::Call(self.own);
        }
        let now = e.kernel.now();
        self.began = now;
        set.enter(now, e.process.epoch(&e.kernel));
        if self.timeout == 0 {
            self.until = now;
        }
        if set.next() <= now {
            // Expired ones first: a set that is always busy, or asked for one event at a time, would never come to them.
            let (count, _) = self.report(e, number, set, now, 0);
            if count != 0 {
                return self.finish(e, set, now, count);
            }
        }
        let [.., mask, _] = self.own.args;
        self.held.hold(e, mask);
        self.wait(e, set, now)
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        if outcome < 0 || self.room() == 0 {
            if self.stage == Stage::Cut {
                if let Some((_, set)) = e.set(self.epfd()) {
                    return self.finish(e, set, e.kernel.now(), outcome);
                }
            }
            self.held.release(e);
            return Step::Done(outcome);
        }
        let (count, token) = self.without_tokens(outcome as usize);
        // Our timer's event has taken the room of another's.
        let crowded = token && outcome as usize == self.room();
        if self.stage == Stage::Own && !token {
            self.held.release(e);
            return Step::Done(outcome);
        }
        let now = e.kernel.now();
        if self.timeout == 0 {
            self.until = now;
        }
        let Some((number, set)) = e.set(self.epfd()).filter(|_| e.active()) else {
            // Another process's timer, in a set that we know nothing of, or in a sandbox where we may ask for nothing.
            let until = self.until.min(self.scope.until);
            if count > 0 || now >= until && !crowded {
                self.held.release(e);
                return Step::Done(count as isize);
            }
            return self.call(if until == u64::MAX { u64::MAX } else { until.saturating_sub(now) });
        };
        if self.stage != Stage::Cut {
            set.present(now);
            set.enter(now, e.process.epoch(&e.kernel));
        }
        let (count, again) = self.report(e, number, set, now, count);
        let again = again || crowded;
        if count != 0 || now >= self.until.min(self.scope.until) && !again {
            return self.finish(e, set, now, count);
        }
        if again {
            return self.call(0);
        }
        self.wait(e, set, now)
    }

    fn within(&mut self, scope: Scope) {
        self.scope = scope;
    }
}

impl EpollWait {
    /// The wait of a thread in a scope: bounded whatever the set holds.
    fn start_within<K: Kernel>(&mut self, e: &Engine<K>, set: Option<&Set>) -> Step {
        let now = e.kernel.now();
        self.began = now;
        if self.timeout == 0 {
            self.until = now;
        } else {
            self.scope = self.scope.paced(e, now);
        }
        let [.., mask, _] = self.own.args;
        self.held.hold(e, mask);
        match set {
            Some(set) => {
                set.enter(now, e.process.epoch(&e.kernel));
                self.wait(e, set, now)
            }
            None => {
                let until = self.until.min(self.scope.until);
                self.call(until.saturating_sub(now))
            }
        }
    }

    /// The thread's scope is over: whatever sockets the set holds are reported as the program registered them. How many, and
    /// whether the program's array could not be written.
    fn report_all<K: Kernel>(&self, e: &Engine<K>, set: &Set, now: u64, again: &mut bool) -> (usize, bool) {
        let (mut count, mut bad, room) = (0, false, self.room());
        set.each(|fd, registration| {
            let Some((slot, d)) = tracked(e, fd) else { return };
            let Some(events) = registration.events(slot.generation()) else { return };
            if count >= room || bad || events & (INPUT | OUTPUT) == 0 || e.is_disarmed(set, fd, registration) {
                return;
            }
            let way = if events & INPUT != 0 { Direction::Read } else { Direction::Write };
            let connecting = d.has(Flag::Connecting);
            let tried = Tried { began: self.began, bytes: 0 };
            if !e.cut(fd, d, way, e.bound(d, way, self.scope), self.name, tried, now) {
                return;
            }
            if connecting && !d.has(Flag::Connecting) {
                // The kernel has the event now.
                *again = true;
                return;
            }
            match self.add(e, 0, count, events & (INPUT | OUTPUT), registration.data()) {
                Some(more) => count = more,
                None => bad = true,
            }
            e.disarm_oneshot(set, fd, registration);
        });
        (count, bad)
    }
}
