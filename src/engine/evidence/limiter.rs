//! How many records a second. Counting only; what is written is the log's.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What to do with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Write it; before it, if `more` is not 0, one line that says how many were left out.
    Write {
        /// Left out since the last record that was written.
        more: u64,
    },
    /// Leave it out.
    Omit,
}

/// At most [`Limiter::PER_SECOND`] records in the second that starts with the first of them.
pub struct Limiter {
    /// The second's first millisecond on CLOCK_MONOTONIC, and in the low 24 bits how many records it has seen. One word: a
    /// record is counted by one exchange, and it orders nothing else, so Relaxed.
    state: AtomicU64,
}

const COUNT_BITS: u32 = 24;
const COUNT: u64 = (1 << COUNT_BITS) - 1;

impl Limiter {
    /// A person can read ten.
    pub const PER_SECOND: u64 = 10;

    /// Nothing seen yet.
    pub const fn new() -> Limiter {
        Limiter { state: AtomicU64::new(0) }
    }

    /// Count one record at `now` (CLOCK_MONOTONIC nanoseconds).
    pub fn admit(&self, now: u64) -> Verdict {
        self.exchange(|state| {
            let (next, verdict) = Limiter::step(state, now);
            (Some(next), verdict)
        })
    }

    /// How many records were left out whose second is over at `now`; they count as told from then on. For a moment when
    /// nothing else is written: u64::MAX at the end of the process.
    pub fn left_out(&self, now: u64) -> u64 {
        self.exchange(|state| {
            let more = omitted(state);
            // What is left is a second that is over, with ten records: neither a new line nor more room.
            let told = (state & !COUNT) | Limiter::PER_SECOND;
            if more > 0 && is_over(state, now) {
                (Some(told), more)
            } else {
                (None, 0)
            }
        })
    }

    /// The rule itself: the state after a record at `now`, and what to do with it.
    pub fn step(state: u64, now: u64) -> (u64, Verdict) {
        if is_over(state, now) {
            let start = (now / 1_000_000) << COUNT_BITS;
            return (start | 1, Verdict::Write { more: omitted(state) });
        }
        let count = state & COUNT;
        let next = if count < COUNT { state.wrapping_add(1) } else { state };
        let verdict = if count < Limiter::PER_SECOND { Verdict::Write { more: 0 } } else { Verdict::Omit };
        (next, verdict)
    }

    fn exchange<T>(&self, step: impl Fn(u64) -> (Option<u64>, T)) -> T {
        let mut state = self.state.load(Relaxed);
        loop {
            let (next, result) = step(state);
            let Some(next) = next else { return result };
            match self.state.compare_exchange_weak(state, next, Relaxed, Relaxed) {
                Ok(_) => return result,
                Err(now) => state = now,
            }
        }
    }
}

impl Default for Limiter {
    fn default() -> Self {
        Limiter::new()
    }
}

/// A `now` before the second's start is another thread's that was overtaken: still the same second.
fn is_over(state: u64, now: u64) -> bool {
    now / 1_000_000 >= (state >> COUNT_BITS).saturating_add(1_000)
}

fn omitted(state: u64) -> u64 {
    (state & COUNT).saturating_sub(Limiter::PER_SECOND)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::{sync::Barrier, thread, vec::Vec};

    const MS: u64 = 1_000_000;

    #[test]
    fn ten_a_second_pass_and_the_next_second_tells_of_the_rest() {
        let limiter = Limiter::new();
        let start = 5_000 * MS;
        for record in 0..37 {
            let expected = if record < 10 { Verdict::Write { more: 0 } } else { Verdict::Omit };
            assert_eq!(limiter.admit(start + record * 27 * MS), expected, "{record}");
        }
        assert_eq!(limiter.admit(start + 999 * MS), Verdict::Omit);
        assert_eq!(limiter.admit(start + 1_000 * MS), Verdict::Write { more: 28 });
        assert_eq!(limiter.admit(start + 1_001 * MS), Verdict::Write { more: 0 }, "told once");
        assert_eq!(limiter.admit(start + 60_000 * MS), Verdict::Write { more: 0 });
    }

    #[test]
    fn what_was_left_out_can_be_asked_for_when_its_second_is_over() {
        let limiter = Limiter::new();
        for _ in 0..15 {
            limiter.admit(5_000 * MS);
        }
        assert_eq!(limiter.left_out(5_999 * MS), 0, "the second is not over");
        assert_eq!(limiter.left_out(6_000 * MS), 5);
        assert_eq!(limiter.left_out(6_000 * MS), 0, "told once");
        assert_eq!(limiter.admit(6_000 * MS), Verdict::Write { more: 0 });
        assert_eq!(limiter.left_out(u64::MAX), 0);
    }

    #[test]
    fn an_overtaken_thread_starts_no_second_of_its_own() {
        let limiter = Limiter::new();
        for _ in 0..10 {
            limiter.admit(5_000 * MS);
        }
        assert_eq!(limiter.admit(4_000 * MS), Verdict::Omit);
    }

    #[test]
    fn a_storm_longer_than_the_counter_stays_a_storm() {
        let (state, verdict) = Limiter::step((5_000 << COUNT_BITS) | COUNT, 5_001 * MS);
        assert_eq!((state, verdict), ((5_000 << COUNT_BITS) | COUNT, Verdict::Omit));
        assert_eq!(Limiter::step(state, 6_000 * MS).1, Verdict::Write { more: COUNT - 10 });
        Limiter::step(u64::MAX, u64::MAX);
    }

    #[test]
    fn eight_threads_together_write_ten_and_lose_none() {
        const TURNS: usize = crate::sys::testing::often(1_000, 10);
        let (limiter, barrier) = (Limiter::new(), Barrier::new(8));
        let written: Vec<u64> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        barrier.wait();
                        (0..TURNS).filter(|_| limiter.admit(5_000 * MS) != Verdict::Omit).count() as u64
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().expect("thread")).collect()
        });
        assert_eq!(written.iter().sum::<u64>(), 10);
        assert_eq!(limiter.left_out(u64::MAX), 8 * TURNS as u64 - 10);
    }
}
