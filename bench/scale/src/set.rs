//! The set alone: what a deadline costs that is set, moved, passed. The truth, which in the engine is the description's word, is
//! an array here.

use crate::meter::Meter;
use crate::random::Random;
use crate::{broken, FIRST};
use netdeadline_engine::set::{Set, Sets};
use netdeadline_engine::sys::Linux;

/// Deadlines lie within this time after `EARLIEST`.
pub const WINDOW: u64 = 60_000_000_000;
/// No deadline but those that are due next is before this.
pub const EARLIEST: u64 = 1_000_000_000_000;
/// A batch is at most so many operations.
const BATCH: usize = 500;
/// Not armed.
pub const NEVER: u64 = u64::MAX;

/// What keeps deadlines in order: the engine's set, and the controls.
pub trait Timers {
    /// What it is called in the results.
    const NAME: &'static str;
    /// Arm one that was not, or was for later.
    fn arm(&mut self, i: usize, at: u64);
    /// Move the deadline of one that is armed to later.
    fn later(&mut self, i: usize, at: u64);
    /// The earliest instant at which something may expire.
    fn next(&mut self) -> u64;
    /// Let what is due expire: onto `expired`.
    fn expire(&mut self, now: u64, expired: &mut Vec<usize>);
    /// The deadline of this one.
    fn at(&self, i: usize) -> u64;
    /// Make what is kept of it earlier than it is, as when it was moved later: it is found in vain. False: that cannot be here.
    fn stale(&mut self, i: usize, before: u64) -> bool;
}

/// The engine's.
pub struct Tree {
    set: &'static Set,
    truth: Vec<u64>,
}

impl Tree {
    /// A set in which `n` descriptors are registered.
    pub fn new(n: usize) -> Tree {
        let sets: &Sets = Box::leak(Box::new(Sets::new()));
        let set = sets.create(&Linux, 5).and_then(|number| sets.at(number)).expect("a set");
        for i in 0..n {
            set.obtain(&Linux, FIRST + i as i32).expect("memory").put(1, i as u64, 0);
        }
        Tree { set, truth: vec![NEVER; n] }
    }
}

impl Timers for Tree {
    const NAME: &'static str = "set";

    #[inline(always)]
    fn arm(&mut self, i: usize, at: u64) {
        self.truth[i] = at;
        self.set.lower(FIRST + i as i32, at);
    }

    #[inline(always)]
    fn later(&mut self, i: usize, at: u64) {
        self.arm(i, at);
    }

    #[inline(always)]
    fn next(&mut self) -> u64 {
        std::hint::black_box(self.set).next()
    }

    #[inline(always)]
    fn expire(&mut self, now: u64, expired: &mut Vec<usize>) {
        let truth = &mut self.truth;
        self.set.sweep(now, |fd, _| {
            let i = (fd - FIRST) as usize;
            if truth[i] > now {
                return Some(truth[i]);
            }
            truth[i] = NEVER;
            expired.push(i);
            Some(NEVER)
        });
    }

    fn at(&self, i: usize) -> u64 {
        self.truth[i]
    }

    fn stale(&mut self, i: usize, before: u64) -> bool {
        self.set.lower(FIRST + i as i32, before);
        true
    }
}

/// Measure with `n` deadlines armed. Between two measurements all are, none before `EARLIEST`.
pub fn run<T: Timers>(timers: &mut T, n: usize, meter: &mut Meter) {
    let name = |operation: &str| format!("{}: {operation}", T::NAME);
    let mut random = Random::new(n as u64);
    let mut expired = Vec::with_capacity(n);
    for i in 0..n {
        timers.arm(i, anywhere(&mut random));
    }
    let k = (n / 2).clamp(1, BATCH);
    meter.rounds(|meter| {
        let chosen: Vec<(usize, u64)> =
            random.some(k, n).into_iter().zip((1..=k as u64).map(|before| EARLIEST - before)).collect();
        meter.batch(&name("arm the earliest of all"), k, || chosen.iter().for_each(|&(i, at)| timers.arm(i, at)));
        meter.batch(&name("expire one"), k, || {
            for _ in 0..k {
                let now = timers.next();
                if now >= EARLIEST {
                    broken("the next deadline is not the one that was armed");
                }
                timers.expire(now, &mut expired);
            }
        });
        if !expired.iter().eq(chosen.iter().rev().map(|(i, _)| i)) {
            broken("something else expired than was due");
        }
        expired.clear();
        let again: Vec<(usize, u64)> = chosen.iter().map(|&(i, _)| (i, anywhere(&mut random))).collect();
        meter.batch(&name("arm"), k, || again.iter().for_each(|&(i, at)| timers.arm(i, at)));

        let moved = |random: &mut Random, to: &dyn Fn(u64) -> u64| -> Vec<(usize, u64)> {
            random.some(k, n).into_iter().map(|i| (i, to(timers.at(i)))).collect()
        };
        let later = moved(&mut random, &|at| at + WINDOW / 100);
        let earlier = moved(&mut random, &|at| EARLIEST + (at - EARLIEST) / 2);
        meter.batch(&name("re-arm later"), k, || later.iter().for_each(|&(i, at)| timers.later(i, at)));
        meter.batch(&name("re-arm earlier"), k, || earlier.iter().for_each(|&(i, at)| timers.arm(i, at)));
        meter.batch(&name("find the next"), 1000, || (0..1000).fold(0, |sum: u64, _| sum ^ timers.next()));

        let stale =
            random.some(k, n).into_iter().zip(1..).filter(|&(i, before)| timers.stale(i, EARLIEST - before)).count();
        if stale != 0 {
            meter.batch(&name("look at one that was moved"), stale, || {
                for _ in 0..stale {
                    let now = timers.next();
                    timers.expire(now, &mut expired);
                }
            });
            if !expired.is_empty() || timers.next() < EARLIEST {
                broken("what was moved later has expired, or is still there");
            }
        }
    });
    if meter.measured(n) < n {
        return;
    }
    meter.rounds(|meter| {
        meter.batch(&name("expire all"), n, || timers.expire(u64::MAX - 1, &mut expired));
        expired.sort_unstable();
        if !expired.iter().copied().eq(0..n) || timers.next() != NEVER {
            broken("not every deadline has expired, once");
        }
        expired.clear();
        for i in 0..n {
            timers.arm(i, anywhere(&mut random));
        }
    });
}

fn anywhere(random: &mut Random) -> u64 {
    EARLIEST + 1 + random.next() % WINDOW
}
