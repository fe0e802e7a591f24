//! How long waits lasted, in buckets: eight to an octave, so that a reading is at most an eighth off, from 1 us to 4.9 h.
//!
//! The arithmetic alone; the counters are the page's, and what a percentile is, the reader's.

/// How many buckets there are.
pub const BUCKETS: usize = 256;

/// A bucket's width starts with 1.024 us.
const UNIT: u32 = 10;
/// Eight buckets to an octave.
const STEPS: u32 = 3;

/// The bucket of a wait of so many nanoseconds. What is longer than all of them is in the last.
pub fn bucket(ns: u64) -> usize {
    let units = ns >> UNIT;
    let octave = units.checked_ilog2().unwrap_or(0);
    let index = match octave.checked_sub(STEPS) {
        // The first eight are one unit wide each.
        None => units,
        Some(shift) => (units >> shift).saturating_add(u64::from(shift) << STEPS),
    };
    (index as usize).min(BUCKETS - 1)
}

/// From how many nanoseconds on a wait is in this bucket. That of `BUCKETS` is where the last one would end.
pub fn lower_bound(bucket: usize) -> u64 {
    let index = bucket.min(BUCKETS) as u64;
    let shift = (index >> STEPS).saturating_sub(1) as u32;
    index.saturating_sub(u64::from(shift) << STEPS) << (UNIT + shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_begins_where_the_one_before_ends() {
        assert_eq!(lower_bound(0), 0);
        for index in 1..BUCKETS {
            let bound = lower_bound(index);
            assert_eq!((bucket(bound - 1), bucket(bound)), (index - 1, index), "{bound}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn a_bucket_is_at_most_an_eighth_wide() {
        for index in 8..BUCKETS {
            let (from, to) = (lower_bound(index), lower_bound(index + 1));
            assert!((to - from) * 8 <= from, "{from} to {to}");
        }
    }

    #[test]
    fn it_reaches_from_a_microsecond_to_hours() {
        assert_eq!(lower_bound(1), 1_024);
        assert_eq!(lower_bound(BUCKETS - 1), 15 << 40);
    }
}
