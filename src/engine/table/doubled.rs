//! Numbers that were duplicated before anything was known of what stands behind them: which of which.
//!
//! Two numbers of one socket must share its description, and a dup of what is unknown is too frequent to ask the kernel what it is.
//! So the numbers of one family stand in a chain, which is followed when one of them turns out to be a socket that matters. What to
//! make of them is `op`'s. Only a number's own relatives are ever looked at: to ask the kernel about a stranger's holds its file
//! for that moment, and a close of it in another thread is then not the last.
//!
//! Two threads that duplicate and close numbers of one family at once may break its chain: then some of it is not found, or one
//! that is another's by now, which the kernel tells.

use super::slot::{Slots, FDS};
use crate::atomic::Ordering::Relaxed;
use crate::sys::Kernel;

/// Neither neighbour. A number's word: the neighbour to the left << 32 | to the right, each + 1; 0 = none.
const ALONE: u64 = 0;

fn pair(left: u32, right: u32) -> u64 {
    (left as u64) << 32 | right as u64
}

fn halves(pair: u64) -> [u32; 2] {
    [(pair >> 32) as u32, pair as u32]
}

fn named(fd: i32) -> u32 {
    (fd as u32).wrapping_add(1)
}

impl Slots {
    /// `new` is a duplicate of `old`: it comes to its right.
    pub fn double<K: Kernel>(&self, k: &K, old: i32, new: i32) {
        let (Some(of_old), Some(of_new)) = (self.obtain_doubles(k, old), self.obtain_doubles(k, new)) else { return };
        let [left, right] = halves(of_old.load(Relaxed));
        of_new.store(pair(named(old), right), Relaxed);
        of_old.store(pair(left, named(new)), Relaxed);
        self.replace(right, 0, named(old), named(new));
    }

    /// The neighbour on this side (0: left) of `of` is not `seen` any more.
    fn replace(&self, of: u32, side: usize, seen: u32, instead: u32) {
        let Some(cell) = of.checked_sub(1).and_then(|fd| self.doubles(fd as i32)) else { return };
        let _ = cell.fetch_update(Relaxed, Relaxed, |now| {
            let mut now = halves(now);
            let place = now.get_mut(side).filter(|place| **place == seen)?;
            *place = instead;
            let [left, right] = now;
            Some(pair(left, right))
        });
    }

    /// This number is closed: its neighbours are each other's now.
    #[inline]
    pub fn undouble(&self, fd: i32) {
        let Some(cell) = self.doubles(fd).filter(|cell| cell.load(Relaxed) != ALONE) else { return };
        let [left, right] = halves(cell.swap(ALONE, Relaxed));
        self.replace(left, 1, named(fd), right);
        self.replace(right, 0, named(fd), left);
    }

    /// The same of all numbers from `first` to `last`.
    pub fn undouble_range(&self, first: u32, last: u32) {
        self.each_place(first, last, |fd, place| {
            if place.is_doubled() {
                self.undouble(fd);
            }
        });
    }

    /// Call `each` with every relative of this number.
    pub fn each_double(&self, fd: i32, mut each: impl FnMut(i32)) {
        for side in [0, 1] {
            let mut at = fd;
            // A broken chain may have no end.
            for _ in 0..FDS {
                let next = self.doubles(at).and_then(|cell| halves(cell.load(Relaxed)).get(side).copied());
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

    fn of(doubled: &Slots, fd: i32) -> Vec<i32> {
        let mut found = Vec::new();
        doubled.each_double(fd, |other| found.push(other));
        found.sort_unstable();
        found
    }

    fn doubled(pairs: &[(i32, i32)]) -> Slots {
        let doubled = Slots::new();
        pairs.iter().for_each(|(old, new)| doubled.double(&Linux, *old, *new));
        doubled
    }

    fn has(doubled: &Slots, fd: i32) -> bool {
        doubled.place(fd).is_some_and(|place| place.is_doubled())
    }

    #[test]
    fn a_number_has_its_own_relatives() {
        let doubled = doubled(&[(0, 3), (3, 7), (0, 9), (1, 8)]);
        assert_eq!(of(&doubled, 3), [0, 7, 9]);
        assert_eq!(of(&doubled, 9), [0, 3, 7]);
        assert_eq!(of(&doubled, 8), [1]);
        assert_eq!(of(&doubled, 2), []);
        assert!(has(&doubled, 7) && !has(&doubled, 2) && !has(&doubled, -1) && !has(&doubled, FDS as i32));
    }

    #[test]
    fn who_was_related_through_a_closed_number_still_is() {
        let doubled = doubled(&[(5, 3), (3, 7), (3, 8), (20, 21), (1000, 1001)]);
        doubled.undouble(3);
        assert_eq!((of(&doubled, 3), has(&doubled, 3)), (Vec::new(), false));
        assert_eq!(of(&doubled, 5), [7, 8]);
        doubled.undouble_range(21, 1000);
        assert!(!has(&doubled, 20) && !has(&doubled, 21) && !has(&doubled, 1001));
        assert_eq!(of(&doubled, 7), [5, 8]);
        doubled.undouble_range(0, u32::MAX);
        assert!((0..1024).all(|fd| !has(&doubled, fd)));
    }

    #[test]
    fn a_large_family_is_found_whole_from_any_of_it() {
        let doubled = doubled(&(1..often(500, 50) as i32).map(|new| (new / 2, new)).collect::<Vec<_>>());
        for fd in [0, 1, often(250, 25) as i32, often(499, 49) as i32] {
            assert_eq!(of(&doubled, fd).len(), often(499, 49), "{fd}");
        }
    }
}
