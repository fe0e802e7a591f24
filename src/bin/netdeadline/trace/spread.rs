//! How long connects took: counted in the buckets of the evidence page (eight to an octave), shown in steps of 1, 2 and 5.

use netdeadline_engine::evidence::{bucket, lower_bound, BUCKETS};

/// Durations, counted. Their number does not change what it takes.
pub struct Spread {
    fine: [u64; BUCKETS],
    coarse: [u64; STEPS.len() + 1],
    count: u64,
    longest: u64,
}

const US: u64 = 1_000;
const MS: u64 = 1_000_000;
const S: u64 = 1_000_000_000;

/// Where each bar ends; the last has no end.
const STEPS: [u64; 22] = [
    10 * US,
    20 * US,
    50 * US,
    100 * US,
    200 * US,
    500 * US,
    MS,
    2 * MS,
    5 * MS,
    10 * MS,
    20 * MS,
    50 * MS,
    100 * MS,
    200 * MS,
    500 * MS,
    S,
    2 * S,
    5 * S,
    10 * S,
    20 * S,
    50 * S,
    100 * S,
];

impl Spread {
    pub const fn new() -> Spread {
        Spread { fine: [0; BUCKETS], coarse: [0; STEPS.len() + 1], count: 0, longest: 0 }
    }

    pub fn add(&mut self, ns: u64) {
        self.fine[bucket(ns)] += 1;
        self.coarse[STEPS.partition_point(|&end| end <= ns)] += 1;
        self.count += 1;
        self.longest = self.longest.max(ns);
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    pub fn longest(&self) -> Option<u64> {
        (self.count > 0).then_some(self.longest)
    }

    /// What the given share of them lasted at most, an eighth more at the most.
    pub fn at(&self, share: f64) -> Option<u64> {
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut sum = 0;
        let index = self.fine.iter().position(|count| {
            sum += count;
            sum >= wanted
        })?;
        Some(lower_bound(index + 1).min(self.longest))
    }

    /// From, to and how many, from the first bar that is not empty to the last.
    pub fn bars(&self) -> Vec<(u64, Option<u64>, u64)> {
        let used = |count: &u64| *count > 0;
        let (Some(first), Some(last)) = (self.coarse.iter().position(used), self.coarse.iter().rposition(used)) else {
            return Vec::new();
        };
        let from = |index: usize| index.checked_sub(1).map_or(0, |before| STEPS[before]);
        (first..=last).map(|index| (from(index), STEPS.get(index).copied(), self.coarse[index])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_falls_between_its_steps() {
        let mut spread = Spread::new();
        for ns in [0, 10 * US - 1, 10 * US, 100 * S, u64::MAX] {
            spread.add(ns);
        }
        let bars = spread.bars();
        assert_eq!(bars.first(), Some(&(0, Some(10 * US), 2)));
        assert_eq!(bars.get(1), Some(&(10 * US, Some(20 * US), 1)));
        assert_eq!(bars.last(), Some(&(100 * S, None, 2)));
    }
}
