//! A value that is written once, before anyone else looks, and only read from then on: the settings of the process.

use crate::atomic::{AtomicU8, Ordering::*};
use core::cell::UnsafeCell;

const EMPTY: u8 = 0;
const WRITING: u8 = 1;
const READY: u8 = 2;

/// A value that is published once.
pub struct Published<T> {
    state: AtomicU8,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is written by the one caller that moved the state from EMPTY to WRITING, and shared only after READY.
unsafe impl<T: Send + Sync> Sync for Published<T> {}

impl<T> Published<T> {
    /// Not published yet; `value` is what the writer starts from.
    pub const fn new(value: T) -> Published<T> {
        Published { state: AtomicU8::new(EMPTY), value: UnsafeCell::new(value) }
    }

    /// Write the value and publish it. False if somebody did so before, or is at it.
    pub fn publish(&self, write: impl FnOnce(&mut T)) -> bool {
        if self.state.compare_exchange(EMPTY, WRITING, Acquire, Relaxed).is_err() {
            return false;
        }
        // SAFETY: only one caller gets here, ever, and `peek` gives out nothing before READY.
        write(unsafe { &mut *self.value.get() });
        // Release pairs with the Acquire in `peek`.
        self.state.store(READY, Release);
        true
    }

    /// The value, once published.
    #[inline]
    pub fn peek(&self) -> Option<&T> {
        // Acquire pairs with the Release in `publish`.
        if self.state.load(Acquire) != READY {
            return None;
        }
        // SAFETY: after READY nobody writes any more.
        Some(unsafe { &*self.value.get() })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::sys::testing::often;
    use std::{hint, thread};

    #[test]
    fn whoever_sees_the_value_sees_all_of_it_and_one_writes_it() {
        for turn in 1..often(500, 4) as u64 {
            let published = Published::new([0_u64; 8]);
            let written: usize = thread::scope(|scope| {
                let threads: std::vec::Vec<_> = (0..3)
                    .map(|thread| {
                        let published = &published;
                        scope.spawn(move || {
                            let wrote = thread < 2 && published.publish(|value| value.fill(turn));
                            loop {
                                match published.peek() {
                                    Some(value) => assert_eq!(*value, [turn; 8]),
                                    None => {
                                        hint::spin_loop();
                                        continue;
                                    }
                                }
                                return wrote as usize;
                            }
                        })
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().expect("thread")).sum()
            });
            assert_eq!(written, 1);
        }
    }
}
