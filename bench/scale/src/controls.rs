//! What one would take instead, in one thread and with an allocator: a binary heap and a B-tree. Neither may be touched by two
//! threads at once or by a signal handler, as the set must bear.

use crate::set::{Timers, NEVER};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// A binary heap that is corrected when it is wrong: what was moved later is pushed again when it comes up.
pub struct Heap {
    heap: BinaryHeap<Reverse<(u64, u32)>>,
    truth: Vec<u64>,
}

impl Heap {
    /// With room for `n`.
    pub fn new(n: usize) -> Heap {
        Heap { heap: BinaryHeap::with_capacity(2 * n), truth: vec![NEVER; n] }
    }
}

impl Timers for Heap {
    const NAME: &'static str = "heap";

    #[inline(always)]
    fn arm(&mut self, i: usize, at: u64) {
        self.truth[i] = at;
        self.heap.push(Reverse((at, i as u32)));
    }

    #[inline(always)]
    fn later(&mut self, i: usize, at: u64) {
        self.truth[i] = at;
    }

    #[inline(always)]
    fn next(&mut self) -> u64 {
        std::hint::black_box(&self.heap).peek().map_or(NEVER, |Reverse((at, _))| *at)
    }

    #[inline(always)]
    fn expire(&mut self, now: u64, expired: &mut Vec<usize>) {
        while let Some(&Reverse((at, i))) = self.heap.peek() {
            if at > now {
                return;
            }
            self.heap.pop();
            let truth = &mut self.truth[i as usize];
            if *truth <= now {
                *truth = NEVER;
                expired.push(i as usize);
            } else if *truth != NEVER {
                self.heap.push(Reverse((*truth, i)));
            }
        }
    }

    fn at(&self, i: usize) -> u64 {
        self.truth[i]
    }

    fn stale(&mut self, i: usize, before: u64) -> bool {
        self.heap.push(Reverse((before, i as u32)));
        true
    }
}

/// A B-tree that is always right.
pub struct Tree {
    tree: BTreeSet<(u64, u32)>,
    truth: Vec<u64>,
}

impl Tree {
    /// With `n` unarmed.
    pub fn new(n: usize) -> Tree {
        Tree { tree: BTreeSet::new(), truth: vec![NEVER; n] }
    }
}

impl Timers for Tree {
    const NAME: &'static str = "btree";

    #[inline(always)]
    fn arm(&mut self, i: usize, at: u64) {
        if self.truth[i] != NEVER {
            self.tree.remove(&(self.truth[i], i as u32));
        }
        self.truth[i] = at;
        self.tree.insert((at, i as u32));
    }

    #[inline(always)]
    fn later(&mut self, i: usize, at: u64) {
        self.arm(i, at);
    }

    #[inline(always)]
    fn next(&mut self) -> u64 {
        std::hint::black_box(&self.tree).first().map_or(NEVER, |(at, _)| *at)
    }

    #[inline(always)]
    fn expire(&mut self, now: u64, expired: &mut Vec<usize>) {
        while let Some(&(at, i)) = self.tree.first() {
            if at > now {
                return;
            }
            self.tree.pop_first();
            self.truth[i as usize] = NEVER;
            expired.push(i as usize);
        }
    }

    fn at(&self, i: usize) -> u64 {
        self.truth[i]
    }

    fn stale(&mut self, _: usize, _: u64) -> bool {
        false
    }
}
