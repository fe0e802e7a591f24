//! How long waits lasted: counts added up, percentiles. How they are shown does not belong here.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use netdeadline_engine::evidence::{lower_bound, page, BUCKETS};

/// What is known of one class of waits.
#[derive(Clone, Debug)]
pub struct Waits {
    /// As the page has them.
    pub ended: u64,
    /// Ended by a deadline.
    pub expired: u64,
    /// Would have been.
    pub observed: u64,
    /// Given up by the program.
    pub abandoned: u64,
    /// Nanoseconds in all.
    pub total: u64,
    /// The longest, ns.
    pub longest: u64,
    /// Counts.
    buckets: Box<[u64; BUCKETS]>,
}

impl Default for Waits {
    fn default() -> Self {
        let buckets = Box::new([0; BUCKETS]);
        Waits { ended: 0, expired: 0, observed: 0, abandoned: 0, total: 0, longest: 0, buckets }
    }
}

impl Waits {
    /// Take in what a place of a page has.
    pub fn read(&mut self, from: &page::Waits) {
        let add = |to: &mut u64, from: &AtomicU64| *to = to.saturating_add(from.load(Relaxed));
        add(&mut self.ended, &from.ended);
        add(&mut self.expired, &from.expired);
        add(&mut self.observed, &from.observed);
        add(&mut self.abandoned, &from.abandoned);
        add(&mut self.total, &from.total);
        self.longest = self.longest.max(from.longest.load(Relaxed));
        self.buckets.iter_mut().zip(&from.buckets).for_each(|(to, from)| add(to, from));
    }

    /// Take in another's.
    pub fn add(&mut self, other: &Waits) {
        let add = |to: &mut u64, from: u64| *to = to.saturating_add(from);
        add(&mut self.ended, other.ended);
        add(&mut self.expired, other.expired);
        add(&mut self.observed, other.observed);
        add(&mut self.abandoned, other.abandoned);
        add(&mut self.total, other.total);
        self.longest = self.longest.max(other.longest);
        self.buckets.iter_mut().zip(other.buckets.iter()).for_each(|(to, from)| add(to, *from));
    }

    /// Was anything counted at all?
    pub fn is_empty(&self) -> bool {
        let counts = [self.ended, self.expired, self.observed, self.abandoned];
        counts.iter().all(|count| *count == 0) && self.counted() == 0
    }

    /// How many are in the buckets: what a process that runs has counted in one place it may not have in another yet.
    pub fn counted(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Nanoseconds that so many of a thousand waits did not exceed; at most an eighth too long, never longer than the longest.
    /// None where nothing was counted.
    pub fn quantile(&self, of_a_thousand: u64) -> Option<u64> {
        // Hostile counts do not fit 64 bits together.
        let all: u128 = self.buckets.iter().map(|count| u128::from(*count)).sum();
        let rank = (all * u128::from(of_a_thousand)).div_ceil(1_000).max(1);
        let mut before = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            before += u128::from(*count);
            if before >= rank {
                let (from, to) = (lower_bound(index), lower_bound(index + 1) - 1);
                // The last bucket has no end.
                let to = if index + 1 == BUCKETS { u64::MAX } else { to };
                return Some(self.longest.clamp(from, to));
            }
        }
        None
    }

    /// The buckets that are not empty: from, to (excluded), how many.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        let bounds = |index| (lower_bound(index), lower_bound(index + 1));
        let counts = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(move |(index, count)| (bounds(index).0, bounds(index).1, *count))
    }

    /// How many lasted less than so many nanoseconds. Exact where that is the beginning of a bucket.
    pub fn below(&self, ns: u64) -> u64 {
        let counts = self.buckets.iter().enumerate().take_while(|(index, _)| lower_bound(index + 1) <= ns);
        counts.fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}
