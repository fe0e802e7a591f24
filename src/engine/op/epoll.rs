//! epoll_ctl, and what a set's registrations mean: which sockets are waited for in it, and what becomes of one-shot ones. The waits
//! are in `epoll_wait`, what they report at expiry in `epoll_expired`.

use super::clock::Direction;
use super::Scope;
use crate::atomic::fence;
use crate::set::{Registration, Set, GAP};
use crate::sys::{event, file, program, Kernel};
use crate::table::{Description, Flag, Kind, SlotWord, State};
use crate::Engine;
use core::sync::atomic::Ordering::SeqCst;

/// Bits that mean an interest in input.
pub(crate) const INPUT: u32 = (libc::EPOLLIN | libc::EPOLLRDNORM) as u32;
pub(crate) const OUTPUT: u32 = (libc::EPOLLOUT | libc::EPOLLWRNORM) as u32;
pub(crate) const ONESHOT: u32 = libc::EPOLLONESHOT as u32;
/// Kept with a registration's events: its program tries first. (A bit that no program can ask for: the kernel keeps it for
/// io_uring, EPOLL_URING_WAKE in include/uapi/linux/eventpoll.h.)
pub(crate) const TRIES: u32 = 1 << 27;
/// Kept with a registration's events: it is another number's, which is closed (`bequeath`). (A bit that means nothing to the
/// kernel.)
pub(crate) const INHERITED: u32 = 1 << 26;
/// Ours, whatever the program puts there.
const OURS: u32 = TRIES | INHERITED;
/// What a registration was told last of a deadline that the program set: nothing since it was set; its passing, which of the two
/// directions' being 1 to 3 (edge-triggered); or in which millisecond.
pub(crate) const UNTOLD: u32 = 0;

impl<K: Kernel> Engine<K> {
    /// The set behind an epoll fd, if it was ever registered with.
    pub(super) fn set(&self, epfd: i32) -> Option<(u32, &Set)> {
        let word = self.slots.word(epfd);
        if word.kind() != Kind::Set {
            return None;
        }
        Some((word.index(), self.sets.at(word.index())?))
    }

    /// A registration of this number is gone.
    pub(crate) fn interest_lost(&self, fd: i32) {
        if let Some((_, d)) = tracked(self, fd) {
            lost_interest(self, fd, d);
        }
    }

    /// The kernel knew of this number in this set. If the program did not register it itself, it was closed, and is a number of the
    /// same socket again, whose registration has been there all the time: so that is nobody else's any more.
    #[inline]
    fn came_back(&self, set: &Set, socket: Option<(SlotWord, &Description)>, registration: Option<&Registration>) {
        let Some((slot, _)) = socket.filter(|(_, d)| d.has(Flag::Bequeathed)) else { return };
        let events = registration.and_then(|r| r.events(slot.generation()));
        if events.is_none_or(|events| events & INHERITED != 0) {
            self.take_back(set, slot);
        }
    }

    /// Nobody else has registrations of this socket here.
    #[cold]
    fn take_back(&self, set: &Set, slot: SlotWord) {
        self.slots.each(0, u32::MAX, |other, word| {
            let same = word.kind() == Kind::Socket && word.index() == slot.index();
            let Some(registration) = set.registration(other).filter(|_| same) else { return };
            if registration.events(word.generation()).is_some_and(|events| events & INHERITED != 0) {
                registration.remove();
            }
        });
    }

    /// Does the program wait by itself for this socket, and not in a set? What its sets say is looked up where it would have been away
    /// for long (a registration may have gone with its number, or with its set).
    pub(crate) fn waits_alone(&self, fd: i32, d: &Description, now: u64) -> bool {
        if d.in_sets() && d.last_wait_gap(now) > GAP {
            wants_input(self, fd, d);
        }
        !d.in_sets()
    }

    /// The number's slot, fit for a registration (the kernel keeps one by number and file, and a generation is what we have for that),
    /// and its socket's description, where a deadline may concern it.
    #[inline(always)]
    fn registrable(&self, fd: i32) -> Option<(SlotWord, Option<&Description>)> {
        let slot = self.slots.word(fd);
        match slot.kind() {
            Kind::Plain => Some((slot, None)),
            _ => self.looked_at(fd),
        }
    }

    #[inline(never)] // What is registered where nothing can be armed is short.
    fn looked_at(&self, fd: i32) -> Option<(SlotWord, Option<&Description>)> {
        if let Some((slot, d)) = self.socket(fd) {
            return Some((slot, Some(d)));
        }
        let slot = self.slots.word(fd);
        if slot.kind() == Kind::Unknown {
            // So that its close is noticed: a registration must not outlive its number, or the next owner of the number would be
            // told of with a stranger's data.
            self.slots.settle(&self.kernel, fd, slot, Kind::Plain, 0);
        }
        Some(self.slots.word(fd)).filter(|slot| slot.kind() != Kind::Unknown).map(|slot| (slot, None))
    }

    #[inline]
    pub(crate) fn obtain_set(&self, epfd: i32) -> Option<(u32, &Set)> {
        self.set(epfd).or_else(|| self.make_set(epfd))
    }

    #[cold]
    fn make_set(&self, epfd: i32) -> Option<(u32, &Set)> {
        let word = self.slots.word(epfd);
        let number = self.sets.create(&self.kernel, epfd)?;
        if let Some(set) = self.sets.at(number) {
            // Who armed something in the set that had this number, just as that was closed, may have made it a timer since.
            self.close_timer(number, set);
        }
        if !self.slots.settle(&self.kernel, epfd, word, Kind::Set, number) {
            if self.sets.release(number) {
                self.sets.free(number);
            }
            return self.set(epfd);
        }
        Some((number, self.sets.at(number)?))
    }
}

/// What it means that a program asks for events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Interest {
    /// It waits: level-triggered loops register without trying, and so do some edge-triggered ones (tokio).
    Waits,
    /// Edge-triggered, it has yet to try: Go registers every socket at its birth and reads when a goroutine asks.
    TriesFirst,
}

/// The kernel has taken an epoll_ctl. `event` is the program's event (read by the kernel for ADD and MOD only).
pub fn epoll_ctl<K: Kernel>(e: &Engine<K>, epfd: i32, operation: i32, fd: i32, event: usize, interest: Interest) {
    if !e.active() || e.process.borrowed(&e.kernel) {
        return;
    }
    if operation == libc::EPOLL_CTL_DEL {
        return deleted(e, epfd, fd);
    }
    let Some((number, set)) = e.obtain_set(epfd) else { return };
    let Some((slot, socket)) = e.registrable(fd) else { return };
    let Some(registration) = set.obtain(&e.kernel, fd) else { return };
    let event: libc::epoll_event = program::peek(event);
    let edge = event.events & (libc::EPOLLET as u32 | ONESHOT) == libc::EPOLLET as u32;
    let tries = if edge && interest == Interest::TriesFirst { TRIES } else { 0 };
    let kept = event.events & !OURS | tries;
    let Some(d) = socket else { return registration.put(kept, event.u64, slot.generation()) };
    if operation == libc::EPOLL_CTL_MOD {
        e.came_back(set, Some((slot, d)), Some(registration));
    }
    let before = registration.events(slot.generation()).unwrap_or(0);
    registration.put(kept, event.u64, slot.generation());
    registered(e, fd, slot, d, number, Change { events: event.events, before, tries: tries != 0 });
}

/// EPOLL_CTL_DEL.
fn deleted<K: Kernel>(e: &Engine<K>, epfd: i32, fd: i32) {
    let Some((_, set)) = e.set(epfd) else { return };
    let registration = set.registration(fd);
    e.came_back(set, e.socket(fd), registration);
    if let Some(registration) = registration {
        registration.remove();
    }
    e.interest_lost(fd);
}

/// What an epoll_ctl changed.
struct Change {
    events: u32,
    /// What they were; 0 where the number was not registered.
    before: u32,
    /// Its program tries before it waits.
    tries: bool,
}

/// A socket that a deadline may concern is in this set, as of now.
#[inline(never)]
fn registered<K: Kernel>(e: &Engine<K>, fd: i32, slot: SlotWord, d: &Description, set: u32, change: Change) {
    let Change { events, before, tries } = change;
    d.join(set);
    if events & ONESHOT != 0 {
        d.set(Flag::OneShot);
    }
    if tries {
        e.tries_first(fd, d);
    } else {
        d.clear(Flag::TriesFirst);
        now_wanted(e, fd, slot, d, events, before);
    }
    // What waits already: Go registers a socket after its connect.
    for word in [&d.read, &d.write] {
        if let State::Armed(at) = word.load(d.generation()) {
            e.lower_sets(fd, slot, d, at);
        }
    }
    for (direction, wanted) in [(Direction::Read, INPUT), (Direction::Write, OUTPUT)] {
        let at = e.bound(d, direction, Scope::NONE).at;
        if events & wanted != 0 && at != u64::MAX {
            e.lower_sets(fd, slot, d, at);
        }
    }
}

/// The program's interest, which was `before`, is a wait.
fn now_wanted<K: Kernel>(e: &Engine<K>, fd: i32, slot: SlotWord, d: &Description, events: u32, before: u32) {
    if events & INPUT != 0 {
        // Level-triggered loops register without trying: interest is a wait. So is a MOD that keeps it, but that is the
        // same wait.
        d.set(Flag::WantsInput);
        let way = e.way_in_set(fd, d);
        let now = e.kernel.now();
        if before & INPUT == 0 && !matches!(d.read.load(d.generation()), State::Expired(_)) {
            d.read.store(State::Idle, d.generation());
        }
        if d.has(Flag::Connecting) && !d.has(Flag::FastOpen) && before != 0 && e.is_established(fd) {
            e.connected(fd, d, now);
        }
        e.arm(fd, slot, d, Direction::Read, way, now);
    } else {
        lost_interest(e, fd, d);
    }
    if events & OUTPUT != 0 && events & libc::EPOLLET as u32 == 0 {
        d.set(Flag::WantsOutput);
    } else {
        d.clear(Flag::WantsOutput);
    }
}

pub(super) fn tracked<K: Kernel>(e: &Engine<K>, fd: i32) -> Option<(SlotWord, &Description)> {
    let slot = e.slots.word(fd);
    if slot.kind() != Kind::Socket {
        return None;
    }
    Some((slot, e.descriptions.at(slot.index())?))
}

/// Is this socket in the set, under this number or another, and if so, is its input waited for there?
fn interest_in<K: Kernel>(e: &Engine<K>, set: &Set, fd: i32, slot: SlotWord, d: &Description) -> Option<bool> {
    let of = |fd: i32, slot: SlotWord| Some(set.registration(fd)?.events(slot.generation())? & INPUT != 0);
    let mut found = of(fd, slot);
    if found != Some(true) && d.is_shared() {
        // Some register one number for input, and a dup of it for room.
        e.slots.each(0, u32::MAX, |other, word| {
            if other != fd && word.kind() == Kind::Socket && word.index() == slot.index() {
                if let Some(wanted) = of(other, word) {
                    found = Some(wanted || found == Some(true));
                }
            }
        });
    }
    found
}

/// Is input of this socket waited for in some set? Sets that it is not in any more are left.
fn wants_input<K: Kernel>(e: &Engine<K>, fd: i32, d: &Description) -> bool {
    let slot = e.slots.word(fd);
    let mut wanted = false;
    d.each_set(|number| match number.and_then(|n| Some((n, e.sets.at(n)?))) {
        Some((number, set)) => match interest_in(e, set, fd, slot, d) {
            Some(input) => wanted |= input,
            None => {
                // A program that waits in no set waits by itself: what it does not wait for does not add up.
                d.leave(number);
                if interest_in(e, set, fd, slot, d).is_some() {
                    // Registered anew by another thread meanwhile.
                    d.join(number);
                }
            }
        },
        // More than four sets: not worth a walk through all; what expires in vain is judged then.
        None => wanted = true,
    });
    wanted
}

/// No more input wanted here; in another set, perhaps.
fn lost_interest<K: Kernel>(e: &Engine<K>, fd: i32, d: &Description) {
    if wants_input(e, fd, d) {
        return;
    }
    d.clear(Flag::WantsInput);
    d.read.store(State::Idle, d.generation());
    // Pairs with `Registration::put`: another thread that has registered it meanwhile finds what we stored, and arms it; or we find
    // the registration.
    fence(SeqCst);
    if wants_input(e, fd, d) {
        d.set(Flag::WantsInput);
        e.rearm_input(fd, e.slots.word(fd), d);
    }
}

impl<K: Kernel> Engine<K> {
    /// The program has read (`bits` INPUT) or written (OUTPUT): a one-shot registration that was waiting for that was reported
    /// before, and hears no more until it is modified. (The kernel's events carry only data; which registration they belong to
    /// cannot be told from them.)
    pub(crate) fn spend_oneshots(&self, fd: i32, slot: SlotWord, d: &Description, bits: u32) {
        let mut spent = false;
        d.each_set(|number| {
            let Some(set) = number.and_then(|n| self.sets.at(n)) else { return };
            let Some(registration) = set.registration(fd) else { return };
            match registration.events(slot.generation()) {
                Some(events) if events & ONESHOT != 0 && events & bits != 0 => {
                    registration.put(events & !(INPUT | OUTPUT), registration.data(), slot.generation());
                    spent = true;
                }
                _ => {}
            }
        });
        if spent {
            lost_interest(self, fd, d);
        }
    }

    /// Has the kernel disarmed this one-shot registration, by an event that we cannot tell from others? A synthetic one on top
    /// would put a second thread of the program on a connection that a first is working on.
    pub(super) fn is_disarmed(&self, set: &Set, fd: i32, registration: &Registration) -> bool {
        let events = registration.events(self.slots.word(fd).generation()).unwrap_or(0);
        let kernels = if events & ONESHOT != 0 { file::registered_events(&self.kernel, set.epfd(), fd) } else { None };
        kernels.is_some_and(|kernels| kernels & (INPUT | OUTPUT) == 0)
    }

    /// A one-shot registration that was reported is disarmed for real. EXCLUSIVE cannot be modified and is left alone.
    pub(super) fn disarm_oneshot(&self, set: &Set, fd: i32, registration: &Registration) {
        let slot = self.slots.word(fd);
        let Some(events) = registration.events(slot.generation()) else { return };
        if events & ONESHOT == 0 {
            return;
        }
        let keep = events & (ONESHOT | libc::EPOLLET as u32);
        if event::epoll_modify(&self.kernel, set.epfd(), fd, keep, registration.data()).is_ok() {
            registration.put(keep, registration.data(), slot.generation());
        }
    }
}
