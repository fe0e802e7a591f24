//! Numbers that were duplicated before anything was known of what stands behind them: which of which.
//!
//! Two numbers of one socket must share its description, and a dup of what is unknown is too frequent to ask the kernel what it is.
//! So the numbers of one family stand in a chain, which is followed when one of them turns out to be a socket that matters. What to
//! make of them is `op`'s. Only a number's own relatives are ever looked at: to ask the kernel about a stranger's holds its file
//! for that moment, and a close of it in another thread is then not the last.
//!
//! Two threads that duplicate and close numbers of one family at once may break its chain: then some of it is not found, or one
//! that is another's by now, which the kernel tells.

use super::slot::FDS;
use crate::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use crate::sys::{Kernel, Lazy};

const PER_CHUNK: usize = 512;

crate::zeroed! {
    /// 512 numbers' neighbours: one page.
    pub struct Chunk {
        /// The neighbour to the left << 32 | to the right, each + 1; 0 = none.
        neighbours: [AtomicU64; PER_CHUNK],
    }
}

/// The chains.
pub struct Doubled {
    any: AtomicBool,
    chunks: [Lazy<Chunk>; FDS / PER_CHUNK],
}

impl Default for Doubled {
    fn default() -> Self {
        Self::new()
    }
}

/// Neither neighbour.
const ALONE: u64 = 0;

fn pair(left: u32, right: u32) -> u64 {
    (left as u64) << 32 | right as u64
}

fn halves(pair: u64) -> [u32; 2] {
    [(pair >> 32) as u32, pair as u32]
}

impl Doubled {
    /// No chain.
    pub const fn new() -> Doubled {
        Doubled { any: AtomicBool::new(false), chunks: [const { Lazy::new() }; FDS / PER_CHUNK] }
    }

    fn cell(&self, fd: i32) -> Option<&AtomicU64> {
        let fd = fd as u32 as usize;
        self.chunks.get(fd / PER_CHUNK)?.peek()?.neighbours.get(fd % PER_CHUNK)
    }

    fn obtain<K: Kernel>(&self, k: &K, fd: i32) -> Option<&AtomicU64> {
        let fd = fd as u32 as usize;
        self.chunks.get(fd / PER_CHUNK)?.obtain(k)?.neighbours.get(fd % PER_CHUNK)
    }

    /// Is this number in a chain?
    #[inline(always)]
    pub fn has(&self, fd: i32) -> bool {
        self.any.load(Relaxed) && self.cell(fd).is_some_and(|cell| cell.load(Relaxed) != ALONE)
    }

    /// `new` is a duplicate of `old`: it comes to its right.
    pub fn note<K: Kernel>(&self, k: &K, old: i32, new: i32) {
        let (Some(of_old), Some(of_new)) = (self.obtain(k, old), self.obtain(k, new)) else { return };
        let number = |fd: i32| (fd as u32).wrapping_add(1);
        self.any.store(true, Relaxed);
        let [left, right] = halves(of_old.load(Relaxed));
        of_new.store(pair(number(old), right), Relaxed);
        of_old.store(pair(left, number(new)), Relaxed);
        self.replace(right, 0, number(old), number(new));
    }

    /// The neighbour on this side (0: left) of `of` is not `seen` any more.
    fn replace(&self, of: u32, side: usize, seen: u32, instead: u32) {
        let Some(cell) = of.checked_sub(1).and_then(|fd| self.cell(fd as i32)) else { return };
        let _ = cell.fetch_update(Relaxed, Relaxed, |now| {
            let mut now = halves(now);
            let place = now.get_mut(side).filter(|place| **place == seen)?;
            *place = instead;
            let [left, right] = now;
            Some(pair(left, right))
        });
    }

    /// This number is closed: its neighbours are each other's now.
    pub fn closed(&self, fd: i32) {
        if !self.has(fd) {
            return;
        }
        let Some(cell) = self.cell(fd) else { return };
        let [left, right] = halves(cell.swap(ALONE, Relaxed));
        self.replace(left, 1, (fd as u32).wrapping_add(1), right);
        self.replace(right, 0, (fd as u32).wrapping_add(1), left);
    }

    /// The same of all numbers from `first` to `last`.
    pub fn closed_range(&self, first: u32, last: u32) {
        if !self.any.load(Relaxed) {
            return;
        }
        for (i, chunk) in self.chunks.iter().enumerate() {
            let base = (i * PER_CHUNK) as u32;
            if chunk.peek().is_some() && base <= last && base.saturating_add(PER_CHUNK as u32) > first {
                let last = last.min(base + PER_CHUNK as u32 - 1);
                (base.max(first)..=last).for_each(|fd| self.closed(fd as i32));
            }
        }
    }

    /// Call `each` with every relative of this number.
    pub fn each_of(&self, fd: i32, mut each: impl FnMut(i32)) {
        for side in [0, 1] {
            let mut at = fd;
            // A broken chain may have no end.
            for _ in 0..FDS {
                let next = self.cell(at).and_then(|cell| halves(cell.load(Relaxed)).get(side).copied());
                let Some(next) = next.and_then(|next| next.checked_sub(1)).filter(|next| *next as i32 != fd) else {
                    break;
                };
                at = next as i32;
                each(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::sys::{testing::often, Linux};
    use std::vec::Vec;

    fn of(doubled: &Doubled, fd: i32) -> Vec<i32> {
        let mut found = Vec::new();
        doubled.each_of(fd, |other| found.push(other));
        found.sort_unstable();
        found
    }

    fn doubled(pairs: &[(i32, i32)]) -> Doubled {
        let doubled = Doubled::new();
        pairs.iter().for_each(|(old, new)| doubled.note(&Linux, *old, *new));
        doubled
    }

    #[test]
    fn a_number_has_its_own_relatives() {
        let doubled = doubled(&[(0, 3), (3, 7), (0, 9), (1, 8)]);
        assert_eq!(of(&doubled, 3), [0, 7, 9]);
        assert_eq!(of(&doubled, 9), [0, 3, 7]);
        assert_eq!(of(&doubled, 8), [1]);
        assert_eq!(of(&doubled, 2), []);
        assert!(doubled.has(7) && !doubled.has(2) && !doubled.has(-1) && !doubled.has(FDS as i32));
    }

    #[test]
    fn who_was_related_through_a_closed_number_still_is() {
        let doubled = doubled(&[(5, 3), (3, 7), (3, 8), (20, 21), (1000, 1001)]);
        doubled.closed(3);
        assert_eq!((of(&doubled, 3), doubled.has(3)), (Vec::new(), false));
        assert_eq!(of(&doubled, 5), [7, 8]);
        doubled.closed_range(21, 1000);
        assert!(!doubled.has(20) && !doubled.has(21) && !doubled.has(1001));
        assert_eq!(of(&doubled, 7), [5, 8]);
        doubled.closed_range(0, u32::MAX);
        assert!((0..1024).all(|fd| !doubled.has(fd)));
    }

    #[test]
    fn a_large_family_is_found_whole_from_any_of_it() {
        let doubled = doubled(&(1..often(500, 50) as i32).map(|new| (new / 2, new)).collect::<Vec<_>>());
        for fd in [0, 1, often(250, 25) as i32, often(499, 49) as i32] {
            assert_eq!(of(&doubled, fd).len(), often(499, 49), "{fd}");
        }
    }
}
