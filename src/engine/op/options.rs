//! setsockopt and getsockopt, after the kernel has done them: the program's own timeouts, and the error of an aborted connect.

use super::clock::Direction;
use crate::sys::{program, socket, Kernel};
use crate::table::{Borrowed, Flag, Key, Kind, State};
use crate::Engine;

const SO_RCVTIMEO_NEW: i32 = 66;
const SO_SNDTIMEO_NEW: i32 = 67;

/// A `timeval` of this many ns, at least a microsecond.
fn timeval(ns: u64) -> [u8; 16] {
    let us = ns.saturating_add(999) / 1000;
    let mut bytes = [0; 16];
    let (seconds, rest) = bytes.split_at_mut(8);
    seconds.copy_from_slice(&(us / 1_000_000).to_ne_bytes());
    rest.copy_from_slice(&(us % 1_000_000).to_ne_bytes());
    bytes
}

/// ns of a `timeval` as getsockopt gives it; 0 = none.
fn of_timeval(bytes: &[u8; 16]) -> u64 {
    let (seconds, us) = bytes.split_at(8);
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, i64::from_ne_bytes).max(0) as u64;
    number(seconds).saturating_mul(1_000_000_000).saturating_add(number(us).saturating_mul(1000))
}

impl<K: Kernel> Engine<K> {
    /// The timeout by which the kernel bounds a blocking call (SO_RCVTIMEO, SO_SNDTIMEO: set here, inherited, or by another
    /// process); ns, 0 = none. Where we wait in the kernel's stead, we keep it. What we have lent is not it.
    pub(crate) fn kernel_timeout(&self, fd: i32, name: i32) -> u64 {
        let Some(key) = self.loan_key(fd, name) else { return timeout_of(self, fd, name).unwrap_or(0) };
        // Another thread may lend it while we ask the kernel: that is not the program's.
        for _ in 0..100 {
            let loans = self.loans.count();
            if let Some(value) = self.loans.value(key) {
                return value;
            }
            let asked = timeout_of(self, fd, name).unwrap_or(0);
            if self.loans.count() == loans {
                return asked;
            }
        }
        0
    }

    fn loan_key(&self, fd: i32, name: i32) -> Option<Key> {
        let slot = self.slots.word(fd);
        let d = self.descriptions.at(slot.index()).filter(|_| slot.kind() == Kind::Socket)?;
        Some(Key::new(slot.index(), d.generation(), name == libc::SO_RCVTIMEO))
    }
}

/// A socket's SO_RCVTIMEO or SO_SNDTIMEO, ns; 0 = none.
pub(crate) fn timeout_of<K: Kernel>(e: &Engine<K>, fd: i32, name: i32) -> Option<u64> {
    let mut value = [0; 16];
    let length = socket::option_bytes(&e.kernel, fd, libc::SOL_SOCKET, name, &mut value).ok()?;
    (length == 16).then(|| of_timeval(&value))
}

/// Set a socket's SO_RCVTIMEO or SO_SNDTIMEO.
pub(crate) fn set_timeout<K: Kernel>(e: &Engine<K>, fd: i32, name: i32, ns: u64) -> Option<()> {
    socket::set_option(&e.kernel, fd, libc::SOL_SOCKET, name, &timeval(ns)).ok()
}

/// A socket option that is lent for one call: the kernel bounds what we cannot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Loan {
    name: i32,
    had: u64,
    /// Where the loan is booked, should others borrow the same.
    entry: Option<(usize, Key)>,
}

impl Loan {
    /// Set SO_RCVTIMEO or SO_SNDTIMEO to `ns`; `None` if that cannot be done.
    pub fn take<K: Kernel>(e: &Engine<K>, fd: i32, name: i32, ns: u64) -> Option<Loan> {
        let key = e.loan_key(fd, name)?;
        let (entry, had) = match e.loans.borrow(&e.kernel, key) {
            Borrowed::First(entry) => match timeout_of(e, fd, name) {
                Some(had) => {
                    e.loans.lent(entry, key, had);
                    (Some((entry, key)), had)
                }
                None => {
                    e.loans.over(entry);
                    return None;
                }
            },
            Borrowed::Too(entry, had) => (Some((entry, key)), had),
            Borrowed::Busy => return None,
            Borrowed::Full => (None, timeout_of(e, fd, name)?),
        };
        let loan = Loan { name, had, entry };
        if set_timeout(e, fd, name, ns).is_none() {
            loan.give_back(e, fd);
            return None;
        }
        Some(loan)
    }

    /// Put back what was there, unless others still have it on loan.
    pub fn give_back<K: Kernel>(&self, e: &Engine<K>, fd: i32) {
        match self.entry {
            Some((entry, key)) if e.loans.give_back(entry, key) => {
                // Only to the socket that it was lent by: the number may be another's by now.
                if e.loan_key(fd, self.name) == Some(key) {
                    set_timeout(e, fd, self.name, self.had);
                }
                e.loans.over(entry);
            }
            Some(_) => {}
            None => {
                set_timeout(e, fd, self.name, self.had);
            }
        }
    }

    /// The timeout that was there, ns; 0 = none.
    pub fn had(&self) -> u64 {
        self.had
    }
}

/// The program set an option and the kernel took it.
#[inline(never)] // Its callers are jumps where it is not called.
pub fn set_option<K: Kernel>(e: &Engine<K>, fd: i32, level: i32, name: i32, value: usize, length: usize) {
    if level != libc::SOL_SOCKET || !e.active() || e.process.borrowed(&e.kernel) {
        return;
    }
    let receive = match name {
        libc::SO_RCVTIMEO | SO_RCVTIMEO_NEW => true,
        libc::SO_SNDTIMEO | SO_SNDTIMEO_NEW => false,
        libc::SO_RCVLOWAT if e.slots.word(fd).kind() == Kind::Socket => {
            if let Some((_, d)) = e.describe(fd) {
                let bytes: i32 = if length >= 4 { program::peek(value) } else { 1 };
                if bytes > 1 {
                    d.set(Flag::LowWater);
                } else {
                    d.clear(Flag::LowWater);
                }
            }
            return;
        }
        _ => return,
    };
    if length < 16 || e.settings.peek().is_some_and(|s| s.timeouts_by_kernel) {
        return;
    }
    let [seconds, us]: [i64; 2] = program::peek(value);
    // The kernel takes a negative time for "at once" (net/core/sock.c, sock_set_timeout stores 0: no wait): its own affair.
    let ms = (seconds.max(0) as u64).saturating_mul(1000).saturating_add((us.max(0) as u64).div_ceil(1000));
    let ms = if ms > u32::MAX as u64 { 0 } else { ms as u32 };
    if ms == 0 && e.slots.word(fd).kind() != Kind::Socket {
        return;
    }
    let Some((slot, d)) = e.describe(fd) else { return };
    let (word, before) = if receive { (&d.read, d.receive_timeout()) } else { (&d.write, d.send_timeout()) };
    d.set_timeout(receive, ms);
    let told = matches!(word.load(d.generation()), State::Expired(_));
    let changed = before != 0 && before != ms as u64 * 1_000_000;
    if told && !changed && e.still_told(d) {
        // A program that sets what was set, perhaps before each call, would never come to that end.
        return;
    }
    // What it was told may have been the end of the timeout as it was: what it asks for from now on is another wait.
    if receive && (told || d.has(Flag::WantsInput)) {
        e.rearm_input(fd, slot, d);
    }
    if !receive && told {
        word.store(State::Idle, d.generation());
    }
    if !receive && (d.has(Flag::Connecting) || told && d.has(Flag::WantsOutput) && d.in_sets()) {
        let way = e.way_in_set(fd, d);
        e.arm(fd, slot, d, Direction::Write, way, e.kernel.now());
    }
}

/// The program asked for an option and the kernel answered, at `value`.
#[inline(never)] // Its callers are jumps where it is not called.
pub fn fetched_option<K: Kernel>(e: &Engine<K>, fd: i32, level: i32, name: i32, value: usize) {
    if level != libc::SOL_SOCKET || name != libc::SO_ERROR || e.slots.word(fd).kind() != Kind::Socket {
        return;
    }
    let Some((slot, d)) = e.socket(fd) else { return };
    if d.has(Flag::Connecting) && program::peek::<i32>(value) == 0 {
        // A program that asks in a loop instead of waiting.
        let (now, way) = (e.kernel.now(), e.way_in_set(fd, d));
        e.overdue(fd, slot, d, Direction::Write, way, "getsockopt", now);
    }
    if d.clear(Flag::Aborted) {
        let _ = socket::take_error(&e.kernel, fd);
        program::poke(value, libc::ETIMEDOUT);
        d.write.store(State::Idle, d.generation());
        return;
    }
    if d.has(Flag::Connecting) && program::peek::<i32>(value) != 0 {
        e.attempt_ended(d);
        return;
    }
    // The usual end of a non-blocking connect: writable, and no error.
    if d.has(Flag::Connecting) && !d.has(Flag::FastOpen) && program::peek::<i32>(value) == 0 && e.is_established(fd) {
        e.connected(fd, d, e.kernel.now());
    }
}
