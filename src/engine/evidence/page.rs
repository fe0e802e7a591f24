//! The evidence page: what a protected process has waited for, in memory that others may read while it runs and after it died.
//!
//! Layout and counting only: where the file is, is `place`'s; when something is counted, `op::measure`'s. Each field is a native
//! 64-bit word, so that the file is the same for every reader on the machine. A reader copies it (pread); it must expect any
//! bytes, for another program may have written them.
//!
//! Writers never wait for each other. A place for a destination is claimed and then filled; two threads that meet the same
//! new one at the same moment may fill two places, and a reader adds those up. An expiry's place has a sequence number (odd while
//! it is written); who finds it being written leaves his out and counts it as lost.

use super::histogram::{bucket, BUCKETS};
use crate::atomic::{AtomicU64, Ordering::*};
use crate::policy::{Addr, Class};

/// The first word: `NDSTATS` and a newline, as they stand in memory.
pub const MAGIC: u64 = u64::from_ne_bytes(*b"NDSTATS\n");
/// The layout's number. Another number is another layout.
pub const VERSION: u64 = 1;
/// Places for destinations. The last is for the rest.
pub const DESTINATIONS: usize = 32;
/// The place of whatever has none of its own.
pub const OTHER: usize = DESTINATIONS - 1;
/// So many expiries are kept.
pub const EXPIRIES: usize = 64;
/// The classes, in the order of [`Class`].
pub const CLASSES: usize = 5;

const WRITTEN: u64 = 2;
const BEING_WRITTEN: u64 = 1;

crate::zeroed! {
    /// One class of one destination.
    #[repr(C)]
    pub struct Waits {
        /// Waits that are over, however they ended, but for those that the program gave up.
        pub ended: AtomicU64,
        /// Of these, those that a deadline ended.
        pub expired: AtomicU64,
        /// Expiries in observe mode, in which the wait goes on.
        pub observed: AtomicU64,
        /// Waits whose socket was closed before they were over.
        pub abandoned: AtomicU64,
        /// How long they lasted in all, ns.
        pub total: AtomicU64,
        /// The longest, ns.
        pub longest: AtomicU64,
        /// How many lasted how long: see `histogram`.
        pub buckets: [AtomicU64; BUCKETS],
    }
}

crate::zeroed! {
    /// The place of an address, in words that can be compared: see [`Key`].
    #[repr(C)]
    pub struct Name {
        /// 0: free; 1: being filled; 2: in use.
        state: AtomicU64,
        words: [AtomicU64; KEY],
    }
}

crate::zeroed! {
    /// Where connections lead, or come in.
    #[repr(C)]
    pub struct Destination {
        /// The other end of those that connect; this end of those that are accepted.
        pub name: Name,
        /// 0: the program connects there; 1: it accepts there.
        pub accepts: AtomicU64,
        /// Connections that ever were counted here.
        pub connections: AtomicU64,
        /// Connections that are open.
        pub open: AtomicU64,
        /// Connects under way.
        pub connecting: AtomicU64,
        /// Requests that wait for the first byte of their answer.
        pub awaiting: AtomicU64,
        /// Expiries of what the program itself said: see [`Own`].
        pub own: [AtomicU64; 4],
        /// By class.
        pub classes: [Waits; CLASSES],
    }
}

crate::zeroed! {
    /// One expiry.
    #[repr(C)]
    pub struct Expiry {
        /// 2n + 2 when it is the n-th (from 0) and whole; odd while it is written.
        sequence: AtomicU64,
        words: [AtomicU64; EXPIRY],
    }
}

crate::zeroed! {
    /// The whole page.
    #[repr(C)]
    pub struct Page {
        /// [`MAGIC`].
        pub magic: AtomicU64,
        /// [`VERSION`], written last.
        pub version: AtomicU64,
        /// Bytes.
        pub size: AtomicU64,
        /// The process, as it sees itself.
        pub pid: AtomicU64,
        /// When it began, in clock ticks after the boot (/proc/PID/stat, field 22).
        pub start: AtomicU64,
        /// CLOCK_REALTIME and CLOCK_MONOTONIC when the page was made, ns.
        pub made: [AtomicU64; 2],
        /// The process's name, padded with NULs.
        pub comm: [AtomicU64; 2],
        /// 1: observe mode.
        pub observes: AtomicU64,
        /// How many expiries there were.
        pub expiries: AtomicU64,
        /// Those of which no record could be kept.
        pub lost: AtomicU64,
        reserved: [AtomicU64; 20],
        /// The destinations; [`OTHER`] has no name.
        pub destinations: [Destination; DESTINATIONS],
        /// The last expiries: the n-th is at n modulo [`EXPIRIES`].
        pub last: [Expiry; EXPIRIES],
    }
}

/// What the program itself had said, where that expired.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Own {
    /// A deadline (nd_set_deadline).
    Explicit,
    /// A scope (nd_scope_enter).
    Scope,
    /// SO_RCVTIMEO.
    ReceiveTimeout,
    /// SO_SNDTIMEO.
    SendTimeout,
}

/// How many words an address takes: one for what it is, fourteen for a unix path of 108 bytes.
const KEY: usize = 15;

/// An address in words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key([u64; KEY]);

const V4: u64 = 1;
const V6: u64 = 2;
const UNIX: u64 = 3;

impl Key {
    /// No address.
    pub const NONE: Key = Key([0; KEY]);

    /// The kind in the low byte of the first word, the port (or a name's length) in the next two, a scope in its upper half; then the bytes.
    pub fn of(address: &Addr<'_>) -> Key {
        let mut words = [0; KEY];
        let (first, bytes): (u64, &[u8]) = match address {
            Addr::V4 { ip, port } => (V4 | u64::from(*port) << 8, ip),
            Addr::V6 { ip, port, scope } => (V6 | u64::from(*port) << 8 | u64::from(*scope) << 32, ip),
            Addr::Unix(name) => (UNIX | (name.len() as u64) << 8, name),
        };
        let [head, rest @ ..] = &mut words;
        *head = first;
        for (word, chunk) in rest.iter_mut().zip(bytes.chunks(8)) {
            let mut whole = [0; 8];
            whole.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            *word = u64::from_ne_bytes(whole);
        }
        Key(words)
    }

    /// The bytes of the address, to be read by [`Key::address`].
    pub fn bytes(&self) -> [u8; 8 * (KEY - 1)] {
        let mut bytes = [0; 8 * (KEY - 1)];
        let [_, rest @ ..] = &self.0;
        for (to, word) in bytes.chunks_mut(8).zip(rest) {
            to.iter_mut().zip(word.to_ne_bytes()).for_each(|(to, from)| *to = from);
        }
        bytes
    }

    /// The address whose bytes are these; `None` if it is none.
    pub fn address<'a>(&self, bytes: &'a [u8]) -> Option<Addr<'a>> {
        let [first, ..] = self.0;
        let port = (first >> 8) as u16;
        match first & 0xff {
            V4 => Some(Addr::V4 { ip: *bytes.first_chunk()?, port }),
            V6 => Some(Addr::V6 { ip: *bytes.first_chunk()?, port, scope: (first >> 32) as u32 }),
            UNIX => Some(Addr::Unix(bytes.get(..usize::from(port))?)),
            _ => None,
        }
    }
}

impl Name {
    /// What is written there.
    pub fn key(&self) -> Key {
        let mut words = [0; KEY];
        words.iter_mut().zip(&self.words).for_each(|(to, from)| *to = from.load(Relaxed));
        Key(words)
    }

    /// Is it in use, and all of it there?
    pub fn is_whole(&self) -> bool {
        // Acquire pairs with the Release in `fill`.
        self.state.load(Acquire) == WRITTEN
    }

    /// Is it free, and from now on the caller's to fill? For one of those who ask.
    pub fn claim(&self) -> bool {
        // Relaxed: nothing is read but what this very thread writes.
        self.state.load(Relaxed) == 0 && self.state.compare_exchange(0, BEING_WRITTEN, Relaxed, Relaxed).is_ok()
    }

    /// Fill what was claimed.
    pub fn fill(&self, key: &Key) {
        self.words.iter().zip(key.0).for_each(|(to, from)| to.store(from, Relaxed));
        // Release pairs with the Acquire in `is_whole`: whoever finds it in use finds all of it.
        self.state.store(WRITTEN, Release);
    }
}

impl Waits {
    /// One that lasted so long, ns.
    pub fn count(&self, ns: u64) {
        self.ended.fetch_add(1, Relaxed);
        self.total.fetch_add(ns, Relaxed);
        if self.longest.load(Relaxed) < ns {
            self.longest.fetch_max(ns, Relaxed);
        }
        if let Some(count) = self.buckets.get(bucket(ns)) {
            count.fetch_add(1, Relaxed);
        }
    }
}

impl Destination {
    /// Is it in use, and all of its name there?
    pub fn is_named(&self) -> bool {
        self.name.is_whole()
    }

    fn is(&self, key: &Key, accepts: bool) -> bool {
        self.is_named() && self.accepts.load(Relaxed) == u64::from(accepts) && self.name.key() == *key
    }

    /// One class of it.
    pub fn class(&self, class: Class) -> &Waits {
        let [connect, response, read, write, lifetime] = &self.classes;
        match class {
            Class::Connect => connect,
            Class::Response => response,
            Class::Read => read,
            Class::Write => write,
            Class::Lifetime => lifetime,
        }
    }

    /// Expiries of what the program said.
    pub fn own(&self, own: Own) -> &AtomicU64 {
        let [explicit, scope, receive, send] = &self.own;
        match own {
            Own::Explicit => explicit,
            Own::Scope => scope,
            Own::ReceiveTimeout => receive,
            Own::SendTimeout => send,
        }
    }
}

impl Page {
    /// A page of zeroes becomes that of a process: its number and its beginning, the clocks' readings, its name.
    pub fn begin(&self, who: [u64; 2], made: [u64; 2], comm: [u8; 16], observes: bool) {
        let [pid, start] = who;
        self.size.store(core::mem::size_of::<Page>() as u64, Relaxed);
        self.pid.store(pid, Relaxed);
        self.start.store(start, Relaxed);
        self.made.iter().zip(made).for_each(|(to, from)| to.store(from, Relaxed));
        self.comm.iter().zip(text_words(comm)).for_each(|(to, from)| to.store(from, Relaxed));
        self.observes.store(u64::from(observes), Relaxed);
        self.magic.store(MAGIC, Relaxed);
        // Last: who copies the file while it is made finds no version.
        self.version.store(VERSION, Release);
    }

    /// The process's name, padded with NULs.
    pub fn name(&self) -> [u8; 16] {
        let [a, b] = &self.comm;
        text_bytes(a.load(Relaxed), b.load(Relaxed))
    }

    /// The place of this destination: its own, one that is now its own, or the one of the rest.
    pub fn destination(&self, key: &Key, accepts: bool) -> usize {
        for (index, place) in self.destinations.iter().take(OTHER).enumerate() {
            if place.is(key, accepts) {
                return index;
            }
            if place.name.claim() {
                // Before it is filled: with the name it is there.
                place.accepts.store(u64::from(accepts), Relaxed);
                place.name.fill(key);
                return index;
            }
        }
        OTHER
    }

    /// The place of this number.
    pub fn place(&self, index: usize) -> &Destination {
        let [.., other] = &self.destinations;
        self.destinations.get(index).unwrap_or(other)
    }

    /// Keep what is known of an expiry.
    pub fn keep(&self, expiry: &Kept) {
        let number = self.expiries.fetch_add(1, Relaxed);
        let place = self.last.get((number % EXPIRIES as u64) as usize);
        if !place.is_some_and(|place| place.write(number, expiry)) {
            self.lost.fetch_add(1, Relaxed);
        }
    }
}

/// How many words are kept of an expiry.
const EXPIRY: usize = 16 + KEY;

/// What is kept of an expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// CLOCK_REALTIME, ns.
    pub realtime: u64,
    /// The thread, and the descriptor.
    pub tid: i32,
    /// As the program numbers it.
    pub fd: i32,
    /// The thread's name, padded with NULs.
    pub comm: [u8; 16],
    /// libc's name of the call, padded with NULs.
    pub operation: [u8; 16],
    /// Which deadline: 0 to 4, a rule's of that class; 8 to 12, the program's own timeout of that class (nd_set_timeouts); 16 to 19:
    /// see [`Own`].
    pub cause: u8,
    /// Nothing was cut short: observe mode.
    pub observed: bool,
    /// Which text the rule stands in: 0 none, 1 the shorthand, 2 NETDEADLINE_RULES, 3 the file.
    pub origin: u8,
    /// The rule's line there, from 1.
    pub line: u32,
    /// How long it allowed, ns.
    pub timeout: u64,
    /// How long the wait lasted, ns.
    pub waited: u64,
    /// SO_COOKIE: the socket's own number; 0 where the kernel does not tell.
    pub cookie: u64,
    /// The destination's place in the page.
    pub destination: usize,
    /// Bytes received and sent so far; `u64::MAX`: not known.
    pub bytes: [u64; 2],
    /// The smoothed round trip, us; `u32::MAX`: not known.
    pub rtt_us: u32,
    /// Retransmissions of what is not acknowledged; `u32::MAX`: not known.
    pub retransmits: u32,
    /// The other end.
    pub peer: Key,
}

impl Kept {
    fn words(&self) -> [u64; EXPIRY] {
        let halves = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let [comm, comm2] = text_words(self.comm);
        let [operation, operation2] = text_words(self.operation);
        let [received, sent] = self.bytes;
        let kinds = u32::from_ne_bytes([self.cause, u8::from(self.observed), self.origin, 0]);
        let first = [
            self.realtime,
            halves(self.tid as u32, self.fd as u32),
            comm,
            comm2,
            operation,
            operation2,
            halves(kinds, self.line),
            self.timeout,
            self.waited,
            self.cookie,
            self.destination as u64,
            received,
            sent,
            halves(self.rtt_us, self.retransmits),
            0,
            0,
        ];
        let mut words = [0; EXPIRY];
        words.iter_mut().zip(first.into_iter().chain(self.peer.0)).for_each(|(to, from)| *to = from);
        words
    }

    fn of(words: [u64; EXPIRY]) -> Kept {
        let low = |word: u64| word as u32;
        let high = |word: u64| (word >> 32) as u32;
        let [realtime, who, comm, comm2, operation, operation2, kinds, timeout, waited, cookie, destination, received, sent, trip, _, _, peer @ ..] =
            words;
        let [cause, observed, origin, _] = low(kinds).to_ne_bytes();
        Kept {
            realtime,
            tid: low(who) as i32,
            fd: high(who) as i32,
            comm: text_bytes(comm, comm2),
            operation: text_bytes(operation, operation2),
            cause,
            observed: observed != 0,
            origin,
            line: high(kinds),
            timeout,
            waited,
            cookie,
            destination: destination as usize,
            bytes: [received, sent],
            rtt_us: low(trip),
            retransmits: high(trip),
            peer: Key(peer),
        }
    }
}

fn text_words(bytes: [u8; 16]) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, rest @ ..] = bytes;
    [u64::from_ne_bytes([a, b, c, d, e, f, g, h]), u64::from_ne_bytes(rest)]
}

fn text_bytes(first: u64, second: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    let both = first.to_ne_bytes().into_iter().chain(second.to_ne_bytes());
    bytes.iter_mut().zip(both).for_each(|(to, from)| *to = from);
    bytes
}

impl Expiry {
    /// Write the n-th expiry (from 0) here. False if another thread is at it, or a later one is here.
    pub fn write(&self, number: u64, expiry: &Kept) -> bool {
        let before = self.sequence.load(Relaxed);
        let writing = number.wrapping_mul(2).wrapping_add(1);
        // Acquire pairs with the Release below, of who had the place before: his words come before ours.
        let ours = before & 1 == 0
            && before < writing
            && self.sequence.compare_exchange(before, writing, Acquire, Relaxed).is_ok();
        if ours {
            // Release: pairs with the Acquire in `read`. Who finds one of these words finds that it is being written.
            self.words.iter().zip(expiry.words()).for_each(|(to, from)| to.store(from, Release));
            // Release pairs with the Acquire in `read`: who finds it whole finds all of it.
            self.sequence.store(writing.wrapping_add(1), Release);
        }
        ours
    }

    /// The n-th expiry (from 0), if it is here and whole.
    pub fn read(&self, number: u64) -> Option<Kept> {
        let whole = number.checked_mul(2)?.checked_add(2)?;
        // Acquire pairs with the last Release of `write`.
        if self.sequence.load(Acquire) != whole {
            return None;
        }
        let mut words = [0; EXPIRY];
        // Acquire pairs with the Release of each word. From the last to the first: who finds one of a new expiry finds all that were
        // written before it, so there are few ways in which the two can be mixed, and a model tries them all.
        words.iter_mut().zip(&self.words).rev().for_each(|(to, from)| *to = from.load(Acquire));
        (self.sequence.load(Relaxed) == whole).then(|| Kept::of(words))
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
