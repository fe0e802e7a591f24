//! What changes the meaning of an fd number: close, dup and their families. Bookkeeping around the plain call.

use super::epoll::{INHERITED, ONESHOT};
use crate::set::Set;
use crate::sys::{file, Kernel};
use crate::table::{Flag, Kind, SlotWord};
use crate::Engine;

/// What a close may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Close {
    /// Make the call.
    Call,
    /// Make the call, and then `closed` of this number.
    CallAndTell(u32),
    /// The number is ours; to the program it is not open.
    NotOpen,
}

/// The program is about to close this number.
pub fn close<K: Kernel>(e: &Engine<K>, fd: i32) -> Close {
    if e.process.borrowed(&e.kernel) {
        return Close::Call;
    }
    e.slots.undouble(fd);
    let word = e.slots.word(fd);
    match word.kind() {
        Kind::Unknown => Close::Call,
        Kind::Hidden | Kind::Waker => Close::NotOpen,
        _ => close_known(e, fd, word),
    }
}

#[inline(never)] // A pipe that was duplicated is closed often, and is none of these.
fn close_known<K: Kernel>(e: &Engine<K>, fd: i32, word: SlotWord) -> Close {
    if word.kind() == Kind::Socket {
        e.bequeath(fd, word);
        if e.movable() {
            // Who is woken before the kernel has freed the number, or begins now, would find it open and wait anew.
            let word = e.slots.retire_as(fd, Kind::Closing);
            e.give_up(word);
            return Close::CallAndTell(word.index());
        }
    }
    e.forget(fd);
    Close::Call
}

/// Is this number being closed? What `closed` wants to know.
pub fn closing<K: Kernel>(e: &Engine<K>, fd: i32) -> Option<u32> {
    let word = e.slots.word(fd);
    (word.kind() == Kind::Closing).then(|| word.index())
}

/// The number has been closed: whoever waits there finds that out now.
pub fn closed<K: Kernel>(e: &Engine<K>, fd: i32, index: u32) {
    let word = e.slots.word(fd);
    if word.kind() == Kind::Closing {
        // Unless it is another's by now.
        e.slots.settle(&e.kernel, fd, word, Kind::Unknown, 0);
    }
    e.wake(index, 0);
}

/// An epoll set has just come into being.
pub fn epoll_created<K: Kernel>(e: &Engine<K>, fd: i32) {
    created(e, fd);
    if !e.process.borrowed(&e.kernel) {
        // At once, so that a dup of it is the same set (mio dups before it registers).
        let _ = e.obtain_set(fd);
    }
}

/// A number has just come into being (socket, accept, a received descriptor): whatever was known of it is past.
#[inline]
pub fn created<K: Kernel>(e: &Engine<K>, fd: i32) {
    if e.closes(fd) {
        closed_unseen(e, fd);
    }
}

/// What was known of a number is of one that was closed behind our back.
#[cold]
#[inline(never)]
fn closed_unseen<K: Kernel>(e: &Engine<K>, fd: i32) {
    if !e.process.borrowed(&e.kernel) {
        e.slots.undouble(fd);
        e.forget(fd);
    }
}

/// A number has just come into being as a socket that has no other number.
#[inline(never)] // Its callers are jumps where it is not called.
pub fn socket_created<K: Kernel>(e: &Engine<K>, fd: i32) {
    created(e, fd);
    if e.movable() && !e.process.borrowed(&e.kernel) {
        e.describe_new(fd);
    }
}

/// `new` has just become a duplicate of `old`.
#[inline(never)] // Its callers are jumps where it is not called.
pub fn duplicated<K: Kernel>(e: &Engine<K>, old: i32, new: i32) {
    if old == new || e.process.borrowed(&e.kernel) {
        return;
    }
    created(e, new);
    if e.movable() {
        // Both numbers must find one description.
        e.known_from_now(old);
    }
    let word = e.slots.word(old);
    match word.kind() {
        // It may matter later, and both numbers then.
        Kind::Unknown | Kind::Plain => e.slots.double(&e.kernel, old, new),
        // Our own timerfd, duplicated by the program: that number is its own affair.
        Kind::Hidden | Kind::Waker | Kind::Closing => {}
        Kind::Socket | Kind::Set => e.share(word, new),
    }
}

/// dup2 and dup3 are about to close `new`. What was known of it is forgotten before the kernel frees it, and only if the call
/// is going to succeed.
pub fn replacing<K: Kernel>(e: &Engine<K>, old: i32, new: i32) {
    if old == new || !e.closes(new) || e.process.borrowed(&e.kernel) {
        return;
    }
    if file::flags(&e.kernel, old).is_ok() {
        e.slots.undouble(new);
        e.forget(new);
    }
}

/// dup2 or dup3 succeeded.
pub fn replaced<K: Kernel>(e: &Engine<K>, old: i32, new: i32) {
    duplicated(e, old, new);
}

/// Every number from `first` to `last` is about to be closed.
pub fn close_range<K: Kernel>(e: &Engine<K>, first: u32, last: u32) {
    if e.process.borrowed(&e.kernel) {
        return;
    }
    e.slots.undouble_range(first, last);
    e.slots.each(first, last, |fd, word| {
        if word.kind() != Kind::Unknown {
            e.forget(fd);
        }
    });
}

/// Numbers from `first` to `last` are closed: sets that lost their timer and have something armed get another.
pub fn closed_range<K: Kernel>(e: &Engine<K>, _first: u32, _last: u32) {
    if e.process.borrowed(&e.kernel) {
        return;
    }
    e.sets.each(|number, set| {
        if set.next() != u64::MAX {
            e.program(number, set, set.next());
        }
    });
}

/// O_NONBLOCK may have changed (F_SETFL, FIONBIO): the program's own timeouts are ours to keep only where it is set.
#[inline(never)] // Its callers are jumps where it is not called.
pub fn mode_changed<K: Kernel>(e: &Engine<K>, fd: i32) {
    if e.slots.word(fd).kind() != Kind::Socket {
        return;
    }
    let Some((slot, d)) = e.socket(fd) else { return };
    e.note_mode(fd, d);
    if d.receive_timeout() != 0 && d.has(Flag::WantsInput) {
        e.rearm_input(fd, slot, d);
    }
}

/// shutdown of the sending side: nothing more waits for room.
pub fn shut_down<K: Kernel>(e: &Engine<K>, fd: i32, how: i32) {
    if how == libc::SHUT_RD {
        return;
    }
    if let Some((_, d)) = e.socket(fd) {
        d.write.store(crate::table::State::Idle, d.generation());
    }
}

impl<K: Kernel> Engine<K> {
    /// If nothing is known of this number, find out whether it is a socket.
    #[inline(never)] // What duplicates where nothing can be armed is short.
    fn known_from_now(&self, fd: i32) {
        if self.slots.word(fd).kind() == Kind::Unknown {
            self.socket(fd);
        }
    }

    /// `new` is a number of the same socket or set.
    #[inline(never)]
    fn share(&self, word: SlotWord, new: i32) {
        match word.kind() {
            Kind::Socket if !self.descriptions.share(word.index()) => return,
            Kind::Set => self.sets.share(word.index()),
            _ => {}
        }
        if !self.slots.settle(&self.kernel, new, self.slots.word(new), word.kind(), word.index()) {
            self.give_up_index(word);
        }
    }

    /// A number that was passed to us: if it is a socket that we know under another number, it shares that one's description.
    pub(crate) fn adopt(&self, fd: i32) {
        let seen = self.slots.word(fd);
        let known = !matches!(seen.kind(), Kind::Unknown | Kind::Plain);
        if known || self.descriptions.used() == 0 || self.process.borrowed(&self.kernel) {
            return;
        }
        let Ok(cookie) = crate::sys::socket::cookie(&self.kernel, fd) else { return };
        if !self.descriptions.may_have(cookie as u32) {
            return;
        }
        let mut twin = None;
        self.slots.each(0, u32::MAX, |other, word| {
            let same = word.kind() == Kind::Socket
                && self.descriptions.at(word.index()).is_some_and(|d| d.cookie() == cookie as u32);
            if same && other != fd {
                twin = Some((other, word));
            }
        });
        let Some((other, word)) = twin else { return };
        if crate::sys::socket::cookie(&self.kernel, other) != Ok(cookie) || !self.descriptions.share(word.index()) {
            return;
        }
        // From the word that was seen: another thread may be at the same, and what it has settled holds.
        if self.slots.word(other) != word || !self.slots.settle(&self.kernel, fd, seen, Kind::Socket, word.index()) {
            self.give_up_index(word);
        }
    }

    /// The number turned out to be a socket that matters: those that were duplicated from it, or it from them, when nothing was known
    /// of it share its description.
    pub(crate) fn share_with_doubles(&self, fd: i32, index: u32, cookie: u64) {
        self.slots.each_double(fd, |other| {
            let word = self.slots.word(other);
            let unknown = matches!(word.kind(), Kind::Unknown | Kind::Plain);
            if !unknown || crate::sys::socket::cookie(&self.kernel, other) != Ok(cookie) {
                return;
            }
            if self.descriptions.share(index) && !self.slots.settle(&self.kernel, other, word, Kind::Socket, index) {
                self.descriptions.release(index);
            }
        });
    }

    /// A number that is registered in epoll sets is closed while a duplicate lives: the kernel keeps the registration (man 7
    /// epoll, Q6), so it is kept here under the duplicate's number. Not a one-shot registration: nobody could take its shot from the
    /// kernel, nor see there whether it is used up.
    fn bequeath(&self, fd: i32, slot: SlotWord) {
        let Some(d) = self.descriptions.at(slot.index()) else { return };
        if !d.is_shared() || !d.in_sets() {
            return;
        }
        let mut heir = None;
        self.slots.each(0, u32::MAX, |other, word| {
            if other != fd && word.kind() == Kind::Socket && word.index() == slot.index() {
                heir = Some((other, word));
            }
        });
        let Some((heir, word)) = heir else { return };
        d.each_set(|number| {
            let Some(set) = number.and_then(|n| self.sets.at(n)) else { return };
            let Some(old) = set.registration(fd) else { return };
            let Some(events) = old.events(slot.generation()).filter(|events| events & ONESHOT == 0) else { return };
            let Some(new) = set.obtain(&self.kernel, heir) else { return };
            if new.events(word.generation()).is_none() {
                d.set(Flag::Bequeathed);
                new.put(events | INHERITED, old.data(), word.generation());
                set.lower(heir, self.kernel.now());
            }
        });
    }

    /// A slot was retired: give up what it pointed to.
    pub(crate) fn give_up(&self, word: SlotWord) {
        match word.kind() {
            Kind::Hidden => {
                if let Some(set) = self.sets.at(word.index()) {
                    let _ = set.timer.forget();
                }
            }
            _ => self.give_up_index(word),
        }
    }

    fn give_up_index(&self, word: SlotWord) {
        match word.kind() {
            Kind::Socket => {
                // Whoever waits on this number finds that it is another's now (the generation has moved).
                self.wake(word.index(), 0);
                self.descriptions.release_with(word.index(), |d| {
                    if d.has(Flag::Measured) {
                        self.measure_closed(d);
                    }
                });
            }
            Kind::Set if self.sets.release(word.index()) => self.close_set(word.index()),
            Kind::Set => self.stand_in(word.index()),
            _ => {}
        }
    }

    /// The last number of a set is going: its hidden timer goes with it.
    fn close_set(&self, number: u32) {
        let Some(set) = self.sets.at(number) else { return };
        self.close_timer(number, set);
        // What was in it is waited for no more. (Not who has the number of one that was closed in it.)
        set.each(|fd, registration| {
            let registered = registration.events(self.slots.word(fd).generation()).is_some();
            registration.remove();
            if registered {
                self.interest_lost(fd);
            }
        });
        self.sets.free(number);
    }

    /// The hidden timer of this set goes.
    pub(super) fn close_timer(&self, number: u32, set: &Set) {
        let Some(timer) = set.timer.forget() else { return };
        let word = self.slots.word(timer);
        if word.kind() == Kind::Hidden && word.index() == number {
            self.slots.retire(timer);
            let _ = file::close(&self.kernel, timer);
        }
    }

    /// One number of a set is going and another remains: let that one stand for it.
    fn stand_in(&self, number: u32) {
        let Some(set) = self.sets.at(number) else { return };
        self.slots.each(0, u32::MAX, |fd, word| {
            if word.kind() == Kind::Set && word.index() == number {
                Set::stand_for(set, fd);
            }
        });
    }
}
