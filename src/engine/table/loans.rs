//! Which socket options are lent at this moment, and what they were before.
//!
//! Two threads may be in calls that borrow the same option of one socket: the second must not take the first's value for the
//! program's own, and whoever is last gives back. How an option is lent is `op`'s.
//!
//! An entry is one word of key, count and BUSY, and the value that the word guards. It is BUSY while the first borrower is still
//! finding the value out, and while the last one is putting it back. The memory is wiped on fork: a child has no borrower.

use crate::atomic::{AtomicU64, Ordering::*};
use crate::sys::{Kernel, Lazy};

const ENTRIES: usize = 16;
/// bits 0..8: borrowers; 8: BUSY; 9: RETURNING; 16..64: key.
const COUNT: u64 = 255;
const BUSY: u64 = 1 << 8;
/// BUSY because the last one is putting the value back, which is known then.
const RETURNING: u64 = 1 << 9;
const STATE: u64 = COUNT | BUSY | RETURNING;
const KEY_SHIFT: u32 = 16;

crate::zeroed! {
    struct Page {
        words: [AtomicU64; ENTRIES],
        values: [AtomicU64; ENTRIES],
        /// Counts the loans.
        loans: AtomicU64,
    }
}

/// All loans of the process.
pub struct Loans {
    page: Lazy<Page>,
}

/// What is lent: an option of a description in one of its lives. Never 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key(u64);

impl Key {
    /// Of the description with this index and generation; `receive`: SO_RCVTIMEO, else SO_SNDTIMEO.
    pub fn new(index: u32, generation: u32, receive: bool) -> Key {
        let life = (index as u64 & 0xff_ffff) << 22 | generation as u64 & 0x3f_ffff;
        Key((1 << 47 | (receive as u64) << 46 | life) << KEY_SHIFT)
    }
}

/// The outcome of asking for a loan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Borrowed {
    /// The entry, and nobody else has it: find out the value and tell [`Loans::lent`].
    First(usize),
    /// Others have it; this is the value from before.
    Too(usize, u64),
    /// Somebody is about to give it back, or just took it. Not now.
    Busy,
    /// No room to keep book.
    Full,
}

impl Default for Loans {
    fn default() -> Self {
        Self::new()
    }
}

impl Loans {
    /// None.
    pub const fn new() -> Loans {
        Loans { page: Lazy::new() }
    }

    /// The value from before, if this is lent.
    pub fn value(&self, key: Key) -> Option<u64> {
        let page = self.page.peek()?;
        page.words.iter().zip(&page.values).find_map(|(word, value)| {
            let holds = |word: u64| word & !STATE == key.0 && word & (COUNT | RETURNING) != 0;
            // Acquire pairs with the Release in `lent`: the value is there.
            if !holds(word.load(Acquire)) {
                return None;
            }
            // And it still is this loan's: who sees the value of the next one sees its word (`lent`), and who sees that it is over
            // sees what was put back (`over`).
            let value = value.load(Acquire);
            holds(word.load(Acquire)).then_some(value)
        })
    }

    /// How many loans there were: the same before and after something is read of a socket, no option was lent in between.
    pub fn count(&self) -> u64 {
        self.page.peek().map_or(0, |page| page.loans.load(SeqCst))
    }

    /// Borrow.
    pub fn borrow<K: Kernel>(&self, k: &K, key: Key) -> Borrowed {
        let Some(page) = self.page.obtain_wiped_on_fork(k) else { return Borrowed::Full };
        loop {
            let known = page.words.iter().position(|word| word.load(Relaxed) & !STATE == key.0);
            if let Some((i, word)) = known.and_then(|i| Some((i, page.words.get(i)?))) {
                let seen = word.load(Acquire);
                if seen & !STATE != key.0 {
                    continue;
                }
                if seen & BUSY != 0 || seen & COUNT == COUNT {
                    return Borrowed::Busy;
                }
                // Acquire pairs with the Release in `lent`.
                if word.compare_exchange(seen, seen + 1, Acquire, Relaxed).is_ok() {
                    let value = page.values.get(i).map_or(0, |value| value.load(Relaxed));
                    return Borrowed::Too(i, value);
                }
                continue;
            }
            // SeqCst here and below: of two that claim at once, each its own entry, at least one sees the other's.
            let free =
                page.words.iter().position(|word| word.compare_exchange(0, key.0 | BUSY, SeqCst, Relaxed).is_ok());
            let Some(i) = free else { return Borrowed::Full };
            let others = page.words.iter().enumerate().filter(|(other, _)| *other != i);
            let twin = others.map(|(_, word)| word.load(SeqCst)).any(|word| word & !STATE == key.0);
            if !twin {
                return Borrowed::First(i);
            }
            if let Some(word) = page.words.get(i) {
                word.store(0, Release);
            }
            return Borrowed::Busy;
        }
    }

    /// The first borrower found the value out.
    pub fn lent(&self, entry: usize, key: Key, value: u64) {
        let Some(page) = self.page.peek() else { return };
        if let (Some(place), Some(word)) = (page.values.get(entry), page.words.get(entry)) {
            place.store(value, Release);
            word.store(key.0 | 1, Release);
            // After it: who has counted this loan finds its value (`count`, then `value`). Before the option is lent: who read what
            // was lent counts one loan more than before.
            page.loans.fetch_add(1, SeqCst);
        }
    }

    /// Give back: true for the last, who puts the value back and then calls [`Loans::over`].
    pub fn give_back(&self, entry: usize, key: Key) -> bool {
        let Some(word) = self.page.peek().and_then(|page| page.words.get(entry)) else { return false };
        let mut seen = word.load(Relaxed);
        // A forked child finds no entry: what its parent lent, its parent gives back.
        while seen & !STATE == key.0 && seen & COUNT > 0 {
            let last = seen & COUNT == 1;
            let next = if last { key.0 | BUSY | RETURNING } else { seen - 1 };
            match word.compare_exchange_weak(seen, next, AcqRel, Relaxed) {
                Ok(_) => return last,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Nobody has it any more.
    pub fn over(&self, entry: usize) {
        if let Some(word) = self.page.peek().and_then(|page| page.words.get(entry)) {
            word.store(0, Release);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::sys::{testing::often, Linux};
    use std::sync::atomic::AtomicU32;
    use std::thread;

    #[test]
    fn the_last_gives_back_what_the_first_found() {
        let (loans, key) = (Loans::new(), Key::new(7, 3, true));
        assert_eq!(loans.value(key), None);
        assert_eq!(loans.borrow(&Linux, key), Borrowed::First(0));
        assert_eq!(loans.borrow(&Linux, key), Borrowed::Busy, "the value is not known yet");
        loans.lent(0, key, 42);
        assert_eq!(loans.value(key), Some(42));
        assert_eq!(loans.borrow(&Linux, key), Borrowed::Too(0, 42));
        assert!(!loans.give_back(0, key));
        assert!(loans.give_back(0, key));
        assert_eq!(loans.borrow(&Linux, key), Borrowed::Busy, "it is being put back");
        loans.over(0);
        assert_eq!(loans.borrow(&Linux, key), Borrowed::First(0));
    }

    #[test]
    fn options_descriptions_and_lives_are_told_apart() {
        let loans = Loans::new();
        let keys = [Key::new(7, 3, true), Key::new(7, 3, false), Key::new(7, 4, true), Key::new(8, 3, true)];
        for (i, key) in keys.into_iter().enumerate() {
            assert_eq!(loans.borrow(&Linux, key), Borrowed::First(i));
            loans.lent(i, key, i as u64);
        }
        for (i, key) in keys.into_iter().enumerate() {
            assert_eq!(loans.value(key), Some(i as u64));
        }
        (0..ENTRIES - 4)
            .for_each(|i| assert_eq!(loans.borrow(&Linux, Key::new(100 + i as u32, 0, true)), Borrowed::First(i + 4)));
        assert_eq!(loans.borrow(&Linux, Key::new(99, 0, true)), Borrowed::Full);
    }

    #[test]
    fn of_many_threads_one_is_first_and_one_is_last() {
        let (loans, key, option) = (Loans::new(), Key::new(1, 1, false), AtomicU32::new(1000));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..often(20_000, 20) {
                        let entry = match loans.borrow(&Linux, key) {
                            Borrowed::First(entry) => {
                                loans.lent(entry, key, option.load(SeqCst) as u64);
                                entry
                            }
                            Borrowed::Too(entry, value) => {
                                assert_eq!(value, 1000, "another's loan was taken for the program's own");
                                entry
                            }
                            _ => continue,
                        };
                        option.store(1, SeqCst);
                        if loans.give_back(entry, key) {
                            option.store(1000, SeqCst);
                            loans.over(entry);
                        }
                    }
                });
            }
        });
        assert_eq!(option.load(SeqCst), 1000);
    }
}
