//! Numbers that were duplicated before anything was known of what stands behind them: which of which.
//!
//! Two numbers of one socket must share its description, and a dup of what is unknown is too frequent to ask the kernel what it is.
//! So pairs are noted, and followed when a number turns out to be a socket that matters. What to make of them is `op`'s. Only the
//! number's own relatives are ever looked at: to ask the kernel about a stranger's holds its file for that moment, and a close of
//! it in another thread is then not the last.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// How many pairs are kept; of more, an old one is forgotten.
const PLACES: usize = 256;

/// The pairs.
pub struct Doubled {
    /// One number << 32 | the other, each + 1; 0 = none. Relaxed: a hint, which is verified with the kernel.
    pairs: [AtomicU64; PLACES],
    /// Places that were ever used.
    used: AtomicU32,
    /// Pairs that there are.
    live: AtomicU32,
    /// The next to be overwritten where all places are taken.
    oldest: AtomicU32,
}

impl Default for Doubled {
    fn default() -> Self {
        Self::new()
    }
}

fn half(fd: i32) -> u32 {
    (fd as u32).wrapping_add(1)
}

/// The other number of the pair, if `fd` is one of it.
fn other(pair: u64, fd: i32) -> Option<i32> {
    let number = |half: u32| half.wrapping_sub(1) as i32;
    match ((pair >> 32) as u32, pair as u32) {
        (old, new) if old == half(fd) => Some(number(new)),
        (old, new) if new == half(fd) => Some(number(old)),
        _ => None,
    }
}

impl Doubled {
    /// None.
    pub const fn new() -> Doubled {
        let (used, live, oldest) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
        Doubled { pairs: [const { AtomicU64::new(0) }; PLACES], used, live, oldest }
    }

    /// Is there any pair?
    #[inline(always)]
    pub fn any(&self) -> bool {
        self.live.load(Relaxed) != 0
    }

    /// `new` is a duplicate of `old`.
    pub fn note(&self, old: i32, new: i32) {
        let pair = (half(old) as u64) << 32 | half(new) as u64;
        let free = |place: &AtomicU64| place.compare_exchange(0, pair, Relaxed, Relaxed).is_ok();
        if let Some(place) = self.pairs.iter().position(free) {
            self.used.fetch_max(place as u32 + 1, Relaxed);
            self.live.fetch_add(1, Relaxed);
        } else if let Some(place) = self.pairs.get(self.oldest.fetch_add(1, Relaxed) as usize % PLACES) {
            place.store(pair, Relaxed);
        }
    }

    /// Forget the pairs of this number; `each` gets the other number of each.
    pub fn take(&self, fd: i32, mut each: impl FnMut(i32)) {
        for place in self.pairs.iter().take(self.used.load(Relaxed) as usize) {
            let pair = place.load(Relaxed);
            let Some(other) = other(pair, fd) else { continue };
            if place.compare_exchange(pair, 0, Relaxed, Relaxed).is_ok() {
                self.live.fetch_sub(1, Relaxed);
                each(other);
            }
        }
    }

    /// This number is closed: those that were of one family through it still are.
    pub fn closed(&self, fd: i32) {
        if !self.any() {
            return;
        }
        let mut first = None;
        self.take(fd, |other| match first {
            None => first = Some(other),
            Some(first) => self.note(first, other),
        });
    }

    /// The same of all numbers from `first` to `last`.
    pub fn closed_range(&self, first: u32, last: u32) {
        if !self.any() {
            return;
        }
        for place in self.pairs.iter().take(self.used.load(Relaxed) as usize) {
            let pair = place.load(Relaxed);
            for half in [(pair >> 32) as u32, pair as u32] {
                if half != 0 && (first..=last).contains(&(half - 1)) {
                    self.closed((half - 1) as i32);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn of(doubled: &Doubled, fd: i32) -> Vec<i32> {
        let mut found = Vec::new();
        doubled.take(fd, |other| found.push(other));
        found
    }

    #[test]
    fn a_number_has_its_own_relatives_once() {
        let doubled = Doubled::new();
        for (old, new) in [(0, 3), (3, 7), (1, 8)] {
            doubled.note(old, new);
        }
        assert_eq!(of(&doubled, 3), [0, 7]);
        assert_eq!(of(&doubled, 3), []);
        assert_eq!(of(&doubled, 7), []);
        assert_eq!(of(&doubled, 8), [1]);
        assert!(!doubled.any());
    }

    #[test]
    fn who_was_related_through_a_closed_number_still_is() {
        let doubled = Doubled::new();
        for (old, new) in [(5, 3), (3, 7), (3, 8), (20, 21)] {
            doubled.note(old, new);
        }
        doubled.closed(3);
        assert_eq!(of(&doubled, 3), []);
        assert_eq!(of(&doubled, 5), [7, 8]);
        doubled.closed_range(21, u32::MAX);
        assert!(!doubled.any());
    }

    #[test]
    fn of_too_many_the_oldest_are_forgotten() {
        let doubled = Doubled::new();
        (0..300).for_each(|fd| doubled.note(fd, 1000));
        assert_eq!(of(&doubled, 43), [], "overwritten");
        assert_eq!(of(&doubled, 1000).len(), PLACES);
    }
}
