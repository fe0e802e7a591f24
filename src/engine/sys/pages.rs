//! Zeroed memory without an allocator: pages are cut off mapped arenas and never returned to the kernel.
//!
//! Lock-free, so it works in a signal handler that interrupts it. What the pages are used for does not belong here.

#![cfg_attr(miri, allow(dead_code, reason = "`interpreted` stands for it there, but in its own tests"))]

use super::{answer, Kernel, PAGE};
use crate::atomic::{
    AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed},
};
use core::ptr::NonNull;

const ARENA: usize = 256 * 1024;

/// The rest of the current arena in one word: the address of its next free page, and in the twelve bits that a page's
/// address leaves empty the number of pages that follow (64 at most). One word is the whole truth, so a
/// compare-and-exchange that succeeds is right however often the word changed in between.
pub struct Arena {
    rest: AtomicUsize,
}

impl Arena {
    /// Nothing mapped yet.
    pub const fn new() -> Arena {
        Arena { rest: AtomicUsize::new(0) }
    }

    /// `bytes` of zeroed memory, rounded up to pages.
    pub fn take(&self, k: &impl Kernel, bytes: usize) -> Option<NonNull<u8>> {
        let bytes = bytes.max(1).checked_next_multiple_of(PAGE)?;
        if bytes >= ARENA {
            return map(k, bytes);
        }
        let mut rest = self.rest.load(Acquire);
        loop {
            if let Some(left) = rest_after(rest, bytes) {
                match self.rest.compare_exchange_weak(rest, left, AcqRel, Acquire) {
                    Ok(_) => return NonNull::new(address(rest) as *mut u8),
                    Err(now) => rest = now,
                }
                continue;
            }
            let Some(arena) = map(k, ARENA) else {
                // Under `ulimit -v` there may still be room for just this.
                return map(k, bytes);
            };
            let left = rest_after(arena.as_ptr() as usize | (ARENA / PAGE), bytes)?;
            match self.rest.compare_exchange(rest, left, AcqRel, Acquire) {
                Ok(_) => return Some(arena),
                Err(now) => {
                    // Another thread (or a signal handler above us) mapped one first. Nobody saw ours.
                    unmap(k, arena, ARENA);
                    rest = now;
                }
            }
        }
    }

    /// Put untouched pages back if they are still the last ones taken; else they stay unused. The promise is that of
    /// [`Kernel::give_back`].
    pub fn give_back(&self, pages: NonNull<u8>, bytes: usize) {
        let Some(bytes) = bytes.max(1).checked_next_multiple_of(PAGE).filter(|&bytes| bytes < ARENA) else { return };
        let rest = self.rest.load(Relaxed);
        if address(rest) == (pages.as_ptr() as usize).wrapping_add(bytes) {
            let _ =
                self.rest.compare_exchange(rest, rest.wrapping_sub(bytes).wrapping_add(bytes / PAGE), AcqRel, Relaxed);
        }
    }
}

fn address(rest: usize) -> usize {
    rest & !(PAGE - 1)
}

/// The word after `bytes` were cut off; `None` when fewer are left.
fn rest_after(rest: usize, bytes: usize) -> Option<usize> {
    let left = (rest & (PAGE - 1)).checked_sub(bytes / PAGE)?;
    Some(address(rest).wrapping_add(bytes) | left)
}

fn map(k: &impl Kernel, bytes: usize) -> Option<NonNull<u8>> {
    // NORESERVE: untouched pages must not count against a machine without overcommit.
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let mapped = k.call(libc::SYS_mmap, [0, bytes, protection as usize, flags as usize, usize::MAX, 0]);
    NonNull::new(answer(mapped).ok()? as *mut u8)
}

fn unmap(k: &impl Kernel, pages: NonNull<u8>, bytes: usize) {
    k.call(libc::SYS_munmap, [pages.as_ptr() as usize, bytes, 0, 0, 0, 0]);
}

/// Memory that a forked child finds zeroed (Linux 4.14). A mapping of its own: the advice is for whole mappings.
pub fn wiped_on_fork(k: &impl Kernel, bytes: usize) -> Option<NonNull<u8>> {
    let pages = map(k, bytes)?;
    if k.call(libc::SYS_madvise, [pages.as_ptr() as usize, bytes, libc::MADV_WIPEONFORK as usize, 0, 0, 0]) != 0 {
        unmap(k, pages, bytes);
        return None;
    }
    Some(pages)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::sys::{testing::often, Linux};
    use std::{collections::HashSet, sync::Barrier, thread, vec::Vec};

    #[test]
    fn threads_never_share_a_page_and_every_page_is_zero() {
        let (turns, apart) = (often(200, 2), often(1, 64));
        let (arena, barrier) = (Arena::new(), Barrier::new(8));
        let taken: Vec<(usize, usize)> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    let (arena, barrier) = (&arena, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        (0..turns)
                            .map(|turn| {
                                let bytes = PAGE * (1 + (thread + turn) % 3);
                                let pages = arena.take(&Linux, bytes).expect("memory");
                                // SAFETY: just taken, `bytes` long.
                                let memory = unsafe { core::slice::from_raw_parts_mut(pages.as_ptr(), bytes) };
                                assert!(memory.iter().step_by(apart).all(|&byte| byte == 0));
                                memory.fill(0xff);
                                (pages.as_ptr() as usize, bytes)
                            })
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("thread")).collect()
        });
        let mut pages = HashSet::new();
        for (start, bytes) in taken {
            for page in (start..start + bytes).step_by(PAGE) {
                assert!(page % PAGE == 0 && pages.insert(page), "{page:#x} was given twice");
            }
        }
    }

    #[test]
    fn pages_given_back_are_the_next_ones_taken() {
        let arena = Arena::new();
        let first = arena.take(&Linux, PAGE).expect("memory");
        let second = arena.take(&Linux, 2 * PAGE).expect("memory");
        arena.give_back(first, PAGE);
        let third = arena.take(&Linux, PAGE).expect("memory");
        assert_ne!(third, first, "not the last one taken: lost");
        arena.give_back(third, PAGE);
        arena.give_back(second, 2 * PAGE);
        assert_eq!(arena.take(&Linux, 2 * PAGE), Some(second));
    }

    #[test]
    fn an_arena_is_used_to_its_last_page() {
        let arena = Arena::new();
        let take = || {
            let page = arena.take(&Linux, PAGE).expect("memory").as_ptr();
            // SAFETY: the page was just taken.
            unsafe { page.add(PAGE - 1).write(1) };
            page as usize
        };
        let first = take();
        for page in 1..ARENA / PAGE {
            assert_eq!(take(), first + page * PAGE);
        }
        let next = take();
        assert!(next < first || next >= first + ARENA);
    }

    /// A kernel that grants mappings only up to a size.
    struct Poor(usize);

    impl Kernel for Poor {
        fn call(&self, nr: i64, args: [usize; 6]) -> isize {
            if nr == libc::SYS_mmap && args[1] > self.0 {
                return -(libc::ENOMEM as isize);
            }
            Linux.call(nr, args)
        }
        fn now(&self) -> u64 {
            1
        }
        fn pages(&self, _: usize) -> Option<NonNull<u8>> {
            None
        }
    }

    #[test]
    fn where_an_arena_is_too_much_a_page_may_do() {
        let arena = Arena::new();
        assert!(arena.take(&Poor(PAGE), PAGE).is_some());
        assert!(arena.take(&Poor(PAGE), 2 * PAGE).is_none());
        assert!(arena.take(&Poor(0), PAGE).is_none());
        assert!(arena.take(&Linux, usize::MAX).is_none());
    }
}
