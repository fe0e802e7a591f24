//! One direction's state in one atomic word: idle, armed until, or expired at.
//!
//! Flag and instant in separate words would race: one thread's "armed" could meet another's old instant. The word also
//! carries the low bits of the description's generation, so that a thread that was delayed cannot arm the socket which took
//! the description over. Pure arithmetic; what to do at expiry is `op`'s.

use crate::atomic::{AtomicU64, Ordering::*};

/// bits 0..54: instant in units of 256 ns (146 years of uptime); 54..62: generation; 62..64: tag.
const UNIT: u64 = 256;
const INSTANT: u64 = (1 << 54) - 1;
const IDLE: u64 = 0;
const ARMED: u64 = 1;
const EXPIRED: u64 = 2;

/// What a direction is in. Instants are CLOCK_MONOTONIC nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Nothing waits.
    Idle,
    /// Something waits; it expires at this instant.
    Armed(u64),
    /// It has expired and the program was told; unless it reacts it is told again at this instant.
    Expired(u64),
}

crate::zeroed! {
    /// The atomic word.
    pub struct Deadline {
        word: AtomicU64,
    }
}

fn encode(state: State, generation: u32) -> u64 {
    let (tag, instant) = match state {
        State::Idle => (IDLE, 0),
        State::Armed(t) => (ARMED, t),
        State::Expired(t) => (EXPIRED, t),
    };
    // Rounded up: a deadline must never be early.
    let units = instant.saturating_add(UNIT - 1) / UNIT;
    (tag << 62) | ((generation as u64 & 255) << 54) | units.min(INSTANT)
}

fn decode(word: u64) -> State {
    let t = (word & INSTANT) * UNIT;
    match word >> 62 {
        ARMED => State::Armed(t),
        EXPIRED => State::Expired(t),
        _ => State::Idle,
    }
}

impl Deadline {
    /// The state, or idle when the word belongs to another generation.
    #[inline]
    pub fn load(&self, generation: u32) -> State {
        // Acquire pairs with the Release in `store` and `replace`: the clocks that led to the state are seen with it. SeqCst, for
        // who has moved a clock on must find here whether the clocks are being judged (`Engine::restart_input`), and who registers
        // whether the socket is armed (`Description::join`).
        let word = self.word.load(SeqCst);
        if (word >> 54) & 255 == generation as u64 & 255 {
            decode(word)
        } else {
            State::Idle
        }
    }

    /// Set the state, unless the description has passed to another generation meanwhile.
    #[inline]
    pub fn store(&self, state: State, generation: u32) {
        let mut seen = self.word.load(Relaxed);
        let new = encode(state, generation);
        while (seen >> 54) & 255 == generation as u64 & 255 && seen != new {
            match self.word.compare_exchange_weak(seen, new, SeqCst, Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Go from `from` to `to`. True for exactly one of several threads that try the same.
    pub fn replace(&self, from: State, to: State, generation: u32) -> bool {
        // SeqCst pairs with `load`: see there.
        self.word.compare_exchange(encode(from, generation), encode(to, generation), SeqCst, Acquire).is_ok()
    }

    /// Begin a new generation, idle.
    pub(super) fn begin(&self, generation: u32) {
        self.word.store(encode(State::Idle, generation), Release);
    }
}
