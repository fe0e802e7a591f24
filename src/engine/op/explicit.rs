//! What a program says of its sockets through the C API: deadlines that can be moved, timeouts, scopes, and why an operation
//! failed.
//!
//! A deadline set here is a bound on the operations themselves: it is asked before each call, bounds its wait and ends it,
//! whatever the clocks of the classes say (`clock`). Once passed it stays passed until it is set anew.

use super::clock::{Cause, Direction, Due};
use super::epoll::UNTOLD;
use super::scope::Scope;
use crate::atomic::{AtomicI64, Ordering::*};
use crate::policy::Class;
use crate::sys::{program, socket, Kernel, TcpInfo};
use crate::table::{Description, Expiry, Explicit, Flag, Kind, SlotWord, Source, State, FOREVER};
use crate::Engine;

/// Which operations a deadline is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ways {
    /// Those that wait for data or a connection to accept.
    Read,
    /// Those that wait for room or to be connected.
    Write,
    /// All.
    Both,
}

/// C's instant as it is kept: 0 = none, what is negative is long past, and 36 years are for ever.
pub(crate) fn instant(when: i64) -> u64 {
    match when {
        0 => 0,
        when => u64::try_from(when).map_or(1, |when| when.min(FOREVER)),
    }
}

/// As the program gave it, which is more than is kept of what is far away.
fn as_given(kept: u64, given: &AtomicI64) -> i64 {
    let given = given.load(Relaxed);
    if instant(given) == kept {
        given
    } else {
        kept as i64
    }
}

/// From now on every wait for a socket can be moved, and every socket is known. `seen`: the program's closes come by us.
///
/// # Errors
/// ENOTSUP when a sandbox forbids what is needed, and in a vfork child, whose memory is not its own.
#[inline]
pub fn begin_movable<K: Kernel>(e: &Engine<K>, seen: impl FnOnce() -> bool) -> Result<(), i32> {
    if e.movable() && !e.process.borrowed(&e.kernel) {
        return Ok(());
    }
    begin(e, seen())
}

#[cold]
fn begin<K: Kernel>(e: &Engine<K>, seen: bool) -> Result<(), i32> {
    if e.retired() || e.process.borrowed(&e.kernel) {
        return Err(libc::ENOTSUP);
    }
    e.start(|_| {});
    // Before there is anybody to lend our memory to (`Process::lend`).
    e.process.epoch(&e.kernel);
    e.become_movable(seen);
    // What was of no interest may be a socket.
    e.slots.each(0, u32::MAX, |fd, word| {
        if word.kind() == Kind::Plain {
            e.describe(fd);
        }
    });
    Ok(())
}

/// Where the program's closes do not come by us: is the number still the socket that it was?
#[inline]
pub fn refresh<K: Kernel>(e: &Engine<K>, fd: i32) {
    if e.sees_closes() {
        return;
    }
    let slot = e.slots.word(fd);
    let stale = match slot.kind() {
        // One that is being closed may be another's already, who was not seen to come.
        Kind::Socket | Kind::Closing => e.descriptions.at(slot.index()).is_some_and(|d| !e.is_same_socket(fd, d)),
        Kind::Plain => socket::domain(&e.kernel, fd).is_ok(),
        Kind::Unknown | Kind::Set | Kind::Hidden | Kind::Waker => false,
    };
    if stale {
        e.forget(fd);
    }
}

impl<K: Kernel> Engine<K> {
    /// After a wait: is the number still the socket that was waited for?
    #[inline]
    pub(crate) fn is_still(&self, fd: i32, slot: SlotWord, d: &Description) -> bool {
        self.slots.word(fd) == slot && (!self.movable() || self.sees_closes() || self.is_same_socket(fd, d))
    }
}

/// The same for every fd of a poll.
pub fn refresh_polled<K: Kernel>(e: &Engine<K>, fds: usize, count: usize) {
    if e.sees_closes() {
        return;
    }
    const ENTRY: usize = core::mem::size_of::<libc::pollfd>();
    // The kernel takes an unsigned int.
    for i in 0..count as u32 as usize {
        let mut bytes = [0; 4];
        if !program::copy_in(&e.kernel, &mut bytes, fds.wrapping_add(i.wrapping_mul(ENTRY))) {
            return;
        }
        refresh(e, i32::from_ne_bytes(bytes));
    }
}

/// A socket that something is said of: slot, description, and which life of it is meant.
struct Known<'a> {
    slot: SlotWord,
    d: &'a Description,
    generation: u32,
}

/// The socket of this number, for the API: EBADF, ENOTSOCK or ENOMEM if there is none.
fn known<K: Kernel>(e: &Engine<K>, fd: i32) -> Result<Known<'_>, i32> {
    refresh(e, fd);
    loop {
        let slot = e.slots.word(fd);
        match slot.kind() {
            Kind::Socket => {}
            Kind::Hidden | Kind::Waker | Kind::Closing => return Err(libc::EBADF),
            Kind::Unknown | Kind::Plain | Kind::Set => {
                // The kernel says what it is.
                socket::kind(&e.kernel, fd)?;
                if e.describe(fd).is_none() && e.slots.word(fd) == slot {
                    // Closed meanwhile, unseen; if not, there is no memory.
                    socket::kind(&e.kernel, fd)?;
                    return Err(libc::ENOMEM);
                }
                continue;
            }
        }
        let d = e.descriptions.at(slot.index()).ok_or(libc::ENOMEM)?;
        let generation = d.generation();
        // Closed, and the description another's, between the two: the life that we read would be the other's.
        if e.slots.word(fd) == slot {
            return Ok(Known { slot, d, generation });
        }
    }
}

fn entry<'a, K: Kernel>(e: &'a Engine<K>, d: &Description) -> Result<&'a Explicit, i32> {
    e.descriptions.explicit.obtain(&e.kernel, d.index()).ok_or(libc::ENOMEM)
}

/// Set the instant after which operations on this socket fail; 0 for none.
///
/// # Errors
/// EBADF, ENOTSOCK, ENOMEM.
pub fn set_deadline<K: Kernel>(e: &Engine<K>, fd: i32, ways: Ways, when: i64) -> Result<(), i32> {
    let Known { slot, d, generation } = known(e, fd)?;
    let said = entry(e, d)?;
    let at = instant(when);
    d.set(Flag::Explicit);
    let [given_reads, given_writes] = &said.given;
    let [noted_reads, noted_writes] = &said.noted;
    let reads = (ways != Ways::Write).then_some((&said.read, given_reads, noted_reads));
    let writes = (ways != Ways::Read).then_some((&said.write, given_writes, noted_writes));
    for (word, given, noted) in [reads, writes].into_iter().flatten() {
        noted.store(0, Relaxed);
        given.store(when, Relaxed);
        word.store(at, d, generation);
    }
    if at != 0 {
        // Whoever waits for longer hears of it; whoever waits for less looks again by himself.
        if d.in_sets() {
            e.each_registration(fd, slot, d, |_, registration| registration.take(UNTOLD));
            e.lower_sets(fd, slot, d, at);
        }
        e.wake(d.index(), at);
    }
    Ok(())
}

/// The deadlines of this socket, for reads and for writes.
///
/// # Errors
/// EBADF, ENOTSOCK, ENOMEM.
pub fn deadlines<K: Kernel>(e: &Engine<K>, fd: i32) -> Result<(i64, i64), i32> {
    let Known { d, generation, .. } = known(e, fd)?;
    let Some(said) = e.descriptions.explicit.at(d.index()) else { return Ok((0, 0)) };
    let [reads, writes] = &said.given;
    Ok((as_given(said.read.load(generation), reads), as_given(said.write.load(generation), writes)))
}

/// Set the timeouts of this socket: ns for connect, response, read, write and lifetime, 0 for none.
///
/// # Errors
/// EBADF, ENOTSOCK, ENOMEM.
pub fn set_timeouts<K: Kernel>(e: &Engine<K>, fd: i32, all: [u64; 5]) -> Result<(), i32> {
    let Known { slot, d, generation } = known(e, fd)?;
    let said = entry(e, d)?;
    d.set(Flag::Explicit);
    if let (0, State::Armed(end)) = (e.own_timeout(d, Class::Lifetime), d.lifetime.load(generation)) {
        // The operator's, which the program can only shorten.
        said.ruled_until.store(end, Relaxed);
    }
    for (class, ns) in Class::ALL.into_iter().zip(all) {
        if let Some(timeout) = said.timeout(class) {
            timeout.store(ns, d, generation);
        }
    }
    let now = e.kernel.now();
    // Whatever waits is bounded by them from now on.
    d.read_start.store(now, Relaxed);
    d.last_write.fetch_max(now, Relaxed);
    if !d.has(Flag::Connecting) {
        d.write_start.store(now, Relaxed);
    }
    let own = e.own_timeout(d, Class::Lifetime);
    e.live_until(d, said.ruled_until.load(Relaxed), if own == 0 { 0 } else { now.saturating_add(own) });
    d.clear(Flag::Outlived);
    if d.has(Flag::WantsInput) {
        e.rearm_input(fd, slot, d);
    }
    if d.in_sets() && d.has(Flag::Connecting) {
        let way = e.way_in_set(fd, d);
        e.arm(fd, slot, d, Direction::Write, way, now);
    }
    // What was told, or only observed, is over.
    for word in [&d.read, &d.write] {
        if matches!(word.load(generation), State::Expired(_)) {
            word.store(State::Idle, generation);
        }
    }
    // Who waits arms anew.
    e.wake(d.index(), 0);
    Ok(())
}

/// The timeouts of this socket, as they were set.
///
/// # Errors
/// EBADF, ENOTSOCK, ENOMEM.
pub fn timeouts<K: Kernel>(e: &Engine<K>, fd: i32) -> Result<[u64; 5], i32> {
    let Known { d, .. } = known(e, fd)?;
    Ok(Class::ALL.map(|class| e.own_timeout(d, class)).map(|ns| if ns == FOREVER { i64::MAX as u64 } else { ns }))
}

/// Why the last operation on this socket failed with ETIMEDOUT.
///
/// # Errors
/// ENODATA when none has; EBADF, ENOTSOCK, ENOMEM.
pub fn last_expiry<K: Kernel>(e: &Engine<K>, fd: i32) -> Result<Expiry, i32> {
    let Known { d, .. } = known(e, fd)?;
    e.descriptions.explicit.at(d.index()).and_then(Explicit::last).ok_or(libc::ENODATA)
}

/// What an operation must not wait past, whatever the clocks say: the deadline that the program set, or the scope it is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bound {
    /// The instant; `u64::MAX` when there is none.
    pub at: u64,
    /// The instant that the program gave.
    said: u64,
    cause: Cause,
}

/// How sure the coarse clock makes us that an instant is still to come: it lags by a tick, and by as much as a hypervisor keeps
/// the processor that counts ticks from running.
const COARSE: u64 = 100_000_000;

impl<K: Kernel> Engine<K> {
    /// The timeout that the program set for a class, ns; 0 = none.
    pub(crate) fn own_timeout(&self, d: &Description, class: Class) -> u64 {
        if !d.has(Flag::Explicit) {
            return 0;
        }
        let said = self.descriptions.explicit.at(d.index());
        said.and_then(|said| said.timeout(class)).map_or(0, |timeout| timeout.load(d.generation()))
    }

    /// The connection lives until the operator's rules end it or what the program itself said, whichever comes first; 0 = never.
    pub(crate) fn live_until(&self, d: &Description, ruled: u64, own: u64) {
        if let Some(said) = self.descriptions.explicit.at(d.index()).filter(|_| d.has(Flag::Explicit)) {
            // The program may change its mind later; the operator's stays.
            said.ruled_until.store(ruled, Relaxed);
        }
        // What is only observed must not stand in for what holds.
        let ruled = if own != 0 && self.observing() { 0 } else { ruled };
        let end = [ruled, own].into_iter().filter(|end| *end != 0).min();
        d.lifetime.store(end.map_or(State::Idle, State::Armed), d.generation());
    }

    /// What bounds an operation of this direction.
    #[inline]
    pub(crate) fn bound(&self, d: &Description, direction: Direction, scope: Scope) -> Bound {
        let explicit = if d.has(Flag::Explicit) { self.deadline(d, direction) } else { u64::MAX };
        if scope.until < explicit {
            Bound { at: scope.until, said: scope.said(), cause: Cause::Scope }
        } else {
            Bound { at: explicit, said: explicit, cause: Cause::Explicit }
        }
    }

    fn deadline(&self, d: &Description, direction: Direction) -> u64 {
        let Some(said) = self.descriptions.explicit.at(d.index()) else { return u64::MAX };
        let word = if direction == Direction::Read { &said.read } else { &said.write };
        match word.load(d.generation()) {
            0 => u64::MAX,
            at => at,
        }
    }

    /// Has this instant come? The coarse clock, a fifth of the price, answers where it is far away.
    #[inline]
    pub(crate) fn is_past(&self, at: u64) -> bool {
        at != u64::MAX && {
            let coarse = self.kernel.coarse();
            at <= coarse || at <= coarse.saturating_add(COARSE) && at <= self.kernel.now()
        }
    }

    /// Before an operation: is it too late for it? True if it is to fail with ETIMEDOUT, nothing having been tried.
    #[inline]
    pub(crate) fn too_late(
        &self,
        fd: i32,
        d: &Description,
        direction: Direction,
        scope: Scope,
        name: &'static str,
    ) -> bool {
        let bound = self.bound(d, direction, scope);
        let tried = Tried { began: 0, bytes: 0 };
        self.is_past(bound.at) && self.cut(fd, d, direction, bound, name, tried, self.kernel.now())
    }

    /// The bound of an operation has passed: leave the record, and abort an attempt to connect. False if the number is not this
    /// socket any more (closed behind our back, and a pipe's by now), which is forgotten then.
    #[cold]
    #[allow(clippy::too_many_arguments)] // The caller's whole state; a struct for one call would only rename it.
    pub(crate) fn cut(
        &self,
        fd: i32,
        d: &Description,
        direction: Direction,
        bound: Bound,
        name: &'static str,
        tried: Tried,
        now: u64,
    ) -> bool {
        if !self.is_same_socket(fd, d) {
            self.forget(fd);
            return false;
        }
        let timeout = if tried.began == 0 { 0 } else { bound.said.saturating_sub(tried.began) };
        let due = Due { at: bound.said, timeout, cause: bound.cause, sample: false };
        self.expire(fd, d, direction, due, name, now);
        self.moved(d, tried.bytes);
        true
    }

    /// One record for each deadline that passes, not one for each call that meets it. True if this is the one.
    pub(crate) fn note_bound(&self, d: &Description, direction: Direction, at: u64, waited: bool) -> bool {
        let said = self.descriptions.explicit.obtain(&self.kernel, d.index());
        let noted = said.map(|said| {
            let [reads, writes] = &said.noted;
            if direction == Direction::Read {
                reads
            } else {
                writes
            }
        });
        noted.is_none_or(|noted| noted.swap(at, Relaxed) != at) || waited
    }

    /// Remember why, for `last_expiry`.
    pub(crate) fn remember(&self, d: &Description, due: &Due, direction: Direction, info: Option<&TcpInfo>, now: u64) {
        if !self.movable() {
            return;
        }
        let Some(said) = self.descriptions.explicit.obtain(&self.kernel, d.index()) else { return };
        let class = match due.cause {
            Cause::Rule(class) | Cause::Own(class) => class,
            _ if d.has(Flag::Connecting) => Class::Connect,
            _ if direction == Direction::Read => Class::Read,
            _ => Class::Write,
        };
        let source = match due.cause {
            Cause::Explicit => Source::Deadline,
            Cause::Scope => Source::Scope,
            Cause::Own(_) => Source::Timeouts,
            Cause::ReceiveTimeout | Cause::SendTimeout => Source::Option,
            Cause::Rule(_) => Source::Rule,
        };
        said.remember(&Expiry {
            when: now,
            waited: due.waited(now),
            bytes: 0,
            rtt: info.map_or(0, |info| info.rtt),
            retransmits: info.map_or(0, |info| u32::from(info.retransmits)),
            which: class as u32 + 1,
            source: source as u32,
        });
    }

    /// The operation that failed had moved this much.
    pub(crate) fn moved(&self, d: &Description, bytes: usize) {
        if bytes == 0 || !self.movable() {
            return;
        }
        let said = self.descriptions.explicit.at(d.index());
        if let Some((said, last)) = said.and_then(|said| Some((said, said.last()?))) {
            said.remember(&Expiry { bytes: bytes as u64, ..last });
        }
    }
}

/// How far an operation came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tried {
    /// When it began to wait; 0 if it did not.
    pub began: u64,
    /// What it had moved.
    pub bytes: usize,
}
