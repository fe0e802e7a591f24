//! A thing that comes into being when it is first needed: tables of which most of a process never touches a part.
//!
//! The unsafe of zeroed memory lives here, once, so that the tables have none.

use super::{Kernel, PAGE};
use crate::atomic::{
    AtomicPtr,
    Ordering::{AcqRel, Acquire},
};
use core::ptr::{null_mut, NonNull};

/// What all-zero bytes are a valid value of, and what threads may share.
///
/// A struct gets it from [`zeroed!`](crate::zeroed), which asks it of every field.
///
/// # Safety
/// All-zero bytes are a valid value of the type. It is never dropped.
pub unsafe trait Zeroed: Sync {}

macro_rules! plain {
    ($($t:ty),*) => { $(
        // SAFETY: zero is a valid value of every integer and every atomic integer.
        unsafe impl Zeroed for $t {}
    )* };
}

plain!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);
plain!(crate::atomic::AtomicBool, crate::atomic::AtomicU8, crate::atomic::AtomicU16);
plain!(crate::atomic::AtomicU32, crate::atomic::AtomicU64, crate::atomic::AtomicUsize);
plain!(crate::atomic::AtomicI32, crate::atomic::AtomicI64, crate::atomic::AtomicIsize);

// SAFETY: element for element.
unsafe impl<T: Zeroed, const N: usize> Zeroed for [T; N] {}
// SAFETY: null is the empty cell.
unsafe impl<T: Zeroed + 'static> Zeroed for Lazy<T> {}

/// Define a struct of which all-zero bytes are a valid value: every field's type is [`Zeroed`](crate::sys::Zeroed).
///
/// Used where the struct is then built by [`Lazy`](crate::sys::Lazy), without unsafe of its own.
#[macro_export]
macro_rules! zeroed {
    ($(#[$attribute:meta])* $visibility:vis struct $name:ident {
        $($(#[$field_attribute:meta])* $field_visibility:vis $field:ident : $type:ty),* $(,)?
    }) => {
        $(#[$attribute])* $visibility struct $name {
            $($(#[$field_attribute])* $field_visibility $field: $type),*
        }
        const _: () = {
            const fn is_zeroed<T: $crate::sys::Zeroed>() {}
            $(is_zeroed::<$type>();)*
        };
        #[allow(unsafe_code)]
        // SAFETY: every field's type says so of itself, checked on the lines above; padding has no values.
        unsafe impl $crate::sys::Zeroed for $name {}
    };
}

/// A pointer that is null until someone needs what it points to.
pub struct Lazy<T> {
    place: AtomicPtr<T>,
}

impl<T: Zeroed + 'static> Lazy<T> {
    /// Nothing there yet.
    pub const fn new() -> Lazy<T> {
        const { assert!(core::mem::align_of::<T>() <= PAGE) };
        Lazy { place: AtomicPtr::new(null_mut()) }
    }

    /// What is there, if anything is: one load.
    #[inline]
    pub fn peek(&self) -> Option<&'static T> {
        // Pairs with the release in `install`.
        let place = NonNull::new(self.place.load(Acquire))?;
        // SAFETY: only `install` stores anything but null: zeroed pages, large enough and aligned for T, never freed and
        // never unshared. All-zero bytes are a T, and a T may be shared.
        Some(unsafe { place.as_ref() })
    }

    /// What is there; made of zeroes first if nothing is. `None` when there is no memory.
    #[inline]
    pub fn obtain<K: Kernel>(&self, k: &K) -> Option<&'static T> {
        match self.peek() {
            Some(found) => Some(found),
            None => self.make(k),
        }
    }

    /// As [`Lazy::obtain`], in memory that a forked child finds zeroed again.
    pub fn obtain_wiped_on_fork<K: Kernel>(&self, k: &K) -> Option<&'static T> {
        match self.peek() {
            Some(found) => Some(found),
            None => {
                let pages = k.wiped_pages(bytes::<T>())?;
                // A second mapping after a lost race is waste, not an error.
                self.install(pages);
                self.peek()
            }
        }
    }

    #[cold]
    fn make<K: Kernel>(&self, k: &K) -> Option<&'static T> {
        let pages = k.pages(bytes::<T>())?;
        if !self.install(pages) {
            // SAFETY: just taken with the same size, untouched, and the exchange that failed published it nowhere.
            unsafe { k.give_back(pages, bytes::<T>()) };
        }
        self.peek()
    }

    /// True if `pages` became the place; false if there was one already.
    fn install(&self, pages: NonNull<u8>) -> bool {
        // Release: pairs with `peek`. The zeroes were there before the mapping was, so nothing else need be ordered.
        self.place.compare_exchange(null_mut(), pages.as_ptr().cast(), AcqRel, Acquire).is_ok()
    }
}

impl<T: Zeroed + 'static> Default for Lazy<T> {
    fn default() -> Self {
        Lazy::new()
    }
}

fn bytes<T>() -> usize {
    core::mem::size_of::<T>().max(1).next_multiple_of(PAGE)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::sys::Linux;
    use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
    use std::{sync::Barrier, thread, vec::Vec};

    zeroed! {
        /// What a table might hold.
        struct Chunk {
            head: AtomicU64,
            inner: Lazy<Leaf>,
            slots: [AtomicU64; 1000],
        }
    }
    zeroed! {
        struct Leaf { count: AtomicUsize }
    }

    #[test]
    fn nothing_is_there_until_it_is_obtained() {
        static CELL: Lazy<Chunk> = Lazy::new();
        assert!(CELL.peek().is_none());
        let chunk = CELL.obtain(&Linux).expect("memory");
        assert!(core::ptr::eq(chunk, CELL.peek().expect("there")));
        assert_eq!(chunk.head.load(Relaxed), 0);
        assert!(chunk.slots.iter().all(|slot| slot.load(Relaxed) == 0) && chunk.inner.peek().is_none());
    }

    #[test]
    fn eight_threads_obtain_one_and_the_same() {
        for _ in 0..crate::sys::testing::often(300, 2) {
            let (cell, barrier) = (Lazy::<Chunk>::new(), Barrier::new(8));
            let places: Vec<usize> = thread::scope(|scope| {
                let threads: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            barrier.wait();
                            let chunk = cell.obtain(&Linux).expect("memory");
                            chunk.head.fetch_add(1, Relaxed);
                            chunk.inner.obtain(&Linux).expect("memory").count.fetch_add(1, Relaxed);
                            chunk as *const Chunk as usize
                        })
                    })
                    .collect();
                threads.into_iter().map(|thread| thread.join().expect("thread")).collect()
            });
            assert!(places.iter().all(|&place| place == places[0]));
            let chunk = cell.peek().expect("there");
            assert_eq!(chunk.head.load(Relaxed), 8);
            assert_eq!(chunk.inner.peek().expect("there").count.load(Relaxed), 8);
        }
    }

    #[test]
    fn a_forked_child_finds_wiped_memory_zeroed_and_the_parent_keeps_it() {
        let _alone = crate::sys::testing::alone();
        static CELL: Lazy<Leaf> = Lazy::new();
        let leaf = CELL.obtain_wiped_on_fork(&Linux).expect("Linux 4.14");
        leaf.count.store(7, Relaxed);
        // SAFETY: the child loads one word and leaves without running anything of the test's.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let code = CELL.peek().map_or(99, |leaf| leaf.count.load(Relaxed)) as i32;
            // SAFETY: ends the child at once.
            unsafe { libc::_exit(code) };
        }
        let mut status = -1;
        // SAFETY: our own child, a place of our own.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!((status, leaf.count.load(Relaxed)), (0, 7));
    }

    #[test]
    fn without_memory_there_is_nothing() {
        struct Broke;
        impl Kernel for Broke {
            fn call(&self, _: i64, _: [usize; 6]) -> isize {
                -(libc::ENOMEM as isize)
            }
            fn now(&self) -> u64 {
                1
            }
            fn pages(&self, _: usize) -> Option<NonNull<u8>> {
                None
            }
        }
        let cell = Lazy::<Leaf>::new();
        assert!(cell.obtain(&Broke).is_none() && cell.obtain_wiped_on_fork(&Broke).is_none());
        assert!(cell.obtain(&Linux).is_some());
    }
}
