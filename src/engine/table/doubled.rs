//! Numbers that were duplicated before anything was known of what stands behind them.
//!
//! Two numbers of one socket must share its description, and a dup of what is unknown is too frequent to ask the kernel what it is.
//! So the numbers are noted, and looked at when one of them turns out to be a socket that matters. What to make of them is `op`'s.

use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// How many are kept; of more, the oldest are forgotten.
const PLACES: usize = 64;

/// The numbers.
pub struct Doubled {
    /// Number + 1; 0 = none. Relaxed: a hint, which is verified with the kernel.
    numbers: [AtomicU32; PLACES],
    noted: AtomicU32,
}

impl Default for Doubled {
    fn default() -> Self {
        Self::new()
    }
}

impl Doubled {
    /// None.
    pub const fn new() -> Doubled {
        Doubled { numbers: [const { AtomicU32::new(0) }; PLACES], noted: AtomicU32::new(0) }
    }

    /// Places that were ever used.
    fn used(&self) -> impl Iterator<Item = &AtomicU32> {
        self.numbers.iter().take(self.noted.load(Relaxed) as usize)
    }

    /// This number is one of several.
    pub fn note(&self, fd: i32) {
        let number = (fd as u32).wrapping_add(1);
        if self.used().any(|place| place.load(Relaxed) == number) {
            return;
        }
        if let Some(place) = self.numbers.get(self.noted.fetch_add(1, Relaxed) as usize % PLACES) {
            place.store(number, Relaxed);
        }
    }

    /// Call `each` with every one; those for which it answers false are forgotten.
    pub fn retain(&self, mut each: impl FnMut(i32) -> bool) {
        for place in self.used() {
            let number = place.load(Relaxed);
            if number != 0 && !each(number.wrapping_sub(1) as i32) {
                let _ = place.compare_exchange(number, 0, Relaxed, Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn all(doubled: &Doubled) -> Vec<i32> {
        let mut found = Vec::new();
        doubled.retain(|fd| {
            found.push(fd);
            true
        });
        found
    }

    #[test]
    fn a_number_is_noted_once_and_forgotten_when_told() {
        let doubled = Doubled::new();
        [3, 0, 3, 7].into_iter().for_each(|fd| doubled.note(fd));
        assert_eq!(all(&doubled), [3, 0, 7]);
        doubled.retain(|fd| fd != 0);
        assert_eq!(all(&doubled), [3, 7]);
    }

    #[test]
    fn of_too_many_the_oldest_are_forgotten() {
        let doubled = Doubled::new();
        (0..100).for_each(|fd| doubled.note(fd));
        let mut left = all(&doubled);
        left.sort_unstable();
        assert_eq!(left, (36..100).collect::<Vec<i32>>());
    }
}
