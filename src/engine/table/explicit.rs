//! What a program has said of a socket through the C API: deadlines, timeouts, and why its last operation expired.
//!
//! A table beside the descriptions, by the same index, of which nothing exists before it is needed: a program that never calls
//! the API pays nothing for it. What a deadline does to a call belongs in `op`.

use super::Description;
use crate::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::*};
use crate::policy::Class;
use crate::sys::{Kernel, Lazy};

const PER_CHUNK: usize = super::description::PER_CHUNK;
const CHUNKS: usize = super::description::CHUNKS;

/// The latest instant, and the longest timeout, that can be told from one another: 36 years in ns.
pub const FOREVER: u64 = (1 << 60) - 1;

crate::zeroed! {
    /// A number of 60 bits; above it which life of the description it is of, so that a thread which was delayed cannot set the
    /// deadline of the socket that took the description over. 0 = none.
    pub struct Stamped {
        word: AtomicU64,
    }
}

/// The stamp of a generation: never 0, which is the stamp of memory that nobody has written.
fn stamp(generation: u32) -> u64 {
    (generation as u64 % 15 + 1) << 60
}

impl Stamped {
    /// The number, or 0 when it is of another life.
    #[inline]
    pub fn load(&self, generation: u32) -> u64 {
        // SeqCst pairs with `store`: who announces a wait and then reads here, or sets and then looks for waits, cannot both
        // miss the other (`Engine::begin_wait`).
        let word = self.word.load(SeqCst);
        if word & !FOREVER == stamp(generation) {
            word & FOREVER
        } else {
            0
        }
    }

    /// Set the number, unless `d` has passed to another life meanwhile.
    pub fn store(&self, value: u64, d: &Description, generation: u32) {
        let new = stamp(generation) | value.min(FOREVER);
        // Acquire pairs with the Release in `begin`: who sees the word of a new life sees that the life is another.
        let mut seen = self.word.load(Acquire);
        // A new life writes the word anew, so the exchange fails for who saw the old one.
        while d.generation() == generation {
            match self.word.compare_exchange_weak(seen, new, SeqCst, Acquire) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    fn begin(&self, generation: u32) {
        self.word.store(stamp(generation), Release);
    }
}

/// Who set the deadline that an operation met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Source {
    /// The program, as a deadline of the socket.
    Deadline = 1,
    /// The program, as a scope of its thread.
    Scope,
    /// The program, as a timeout of the socket through the C API.
    Timeouts,
    /// The program, by SO_RCVTIMEO or SO_SNDTIMEO.
    Option,
    /// The operator.
    Rule,
}

/// Why an operation failed with ETIMEDOUT. The C API's words: see `nd_expiry` in src/capi.rs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Expiry {
    /// CLOCK_MONOTONIC, ns.
    pub when: u64,
    /// ns.
    pub waited: u64,
    /// What the operation had moved.
    pub bytes: u64,
    /// Microseconds; 0 = unknown.
    pub rtt: u32,
    /// Of what is unacknowledged.
    pub retransmits: u32,
    /// The class's number, plus 1.
    pub which: u32,
    /// The source's number.
    pub source: u32,
}

crate::zeroed! {
    /// What was said of one socket.
    pub struct Explicit {
        /// The instant after which reads fail.
        pub read: Stamped,
        /// The instant after which writes fail.
        pub write: Stamped,
        /// Both as the program gave them.
        pub given: [AtomicI64; 2],
        /// A timeout for each class.
        timeouts: [Stamped; 5],
        /// When the operator's lifetime ends, where the program has set one of its own besides; 0 = never.
        pub ruled_until: AtomicU64,
        /// The instants of which a record was left last, for reads and for writes: one for each deadline that passes, not for each
        /// call that meets it.
        pub noted: [AtomicU64; 2],
        /// Odd while `expiry` is being written.
        sequence: AtomicU32,
        expiry: [AtomicU64; 5],
    }
}

impl Explicit {
    fn begin(&self, generation: u32) {
        [&self.read, &self.write].into_iter().chain(&self.timeouts).for_each(|word| word.begin(generation));
        self.noted.iter().chain([&self.ruled_until]).for_each(|at| at.store(0, Relaxed));
        self.expiry.iter().for_each(|word| word.store(0, Relaxed));
    }

    /// The timeout of a class.
    pub fn timeout(&self, class: Class) -> Option<&Stamped> {
        self.timeouts.get(class as usize)
    }

    /// Remember why an operation failed. One of two threads at a time; the other's is as good.
    pub fn remember(&self, why: &Expiry) {
        let sequence = self.sequence.load(Relaxed);
        if sequence & 1 != 0 || self.sequence.compare_exchange(sequence, sequence + 1, AcqRel, Relaxed).is_err() {
            return;
        }
        let pair = |low: u32, high: u32| low as u64 | (high as u64) << 32;
        let words = [why.when, why.waited, why.bytes, pair(why.rtt, why.retransmits), pair(why.which, why.source)];
        // Release pairs with the Acquire in `last`: who reads one of these knows of the odd number.
        self.expiry.iter().zip(words).for_each(|(to, word)| to.store(word, Release));
        // Release pairs with the first Acquire in `last`: who reads the even number finds all of them, or newer ones.
        self.sequence.store(sequence.wrapping_add(2), Release);
    }

    /// What was remembered last.
    pub fn last(&self) -> Option<Expiry> {
        // A writer takes nanoseconds; in a signal handler that interrupted one it never ends.
        const TRIES: usize = if cfg!(loom) { 2 } else { 100 };
        for _ in 0..TRIES {
            let before = self.sequence.load(Acquire);
            let mut words = [0; 5];
            words.iter_mut().zip(&self.expiry).for_each(|(to, from)| *to = from.load(Acquire));
            if before & 1 == 0 && self.sequence.load(Relaxed) == before {
                let [when, waited, bytes, figures, what] = words;
                let (low, high) = (|word: u64| word as u32, |word: u64| (word >> 32) as u32);
                let (rtt, retransmits) = (low(figures), high(figures));
                let expiry = Expiry { when, waited, bytes, rtt, retransmits, which: low(what), source: high(what) };
                return (when != 0).then_some(expiry);
            }
        }
        None
    }
}

crate::zeroed! {
    /// The entries of 128 descriptions.
    pub struct Chunk {
        entries: [Explicit; PER_CHUNK],
    }
}

/// All entries.
pub struct Explicits {
    chunks: [Lazy<Chunk>; CHUNKS],
}

impl Explicits {
    pub(super) const fn new() -> Explicits {
        Explicits { chunks: [const { Lazy::new() }; CHUNKS] }
    }

    /// The entry of a description, if something was ever said near it.
    #[inline]
    pub fn at(&self, index: u32) -> Option<&Explicit> {
        self.chunks.get(index as usize / PER_CHUNK)?.peek()?.entries.get(index as usize % PER_CHUNK)
    }

    /// The same, made now; `None` when there is no memory.
    pub fn obtain<K: Kernel>(&self, k: &K, index: u32) -> Option<&Explicit> {
        self.chunks.get(index as usize / PER_CHUNK)?.obtain(k)?.entries.get(index as usize % PER_CHUNK)
    }

    /// A description begins a new life.
    pub(super) fn begin(&self, index: u32, generation: u32) {
        if let Some(entry) = self.at(index) {
            entry.begin(generation);
        }
    }
}
