//! Epoll sets: which fds a set holds, with which events and data, and when the next of them expires.
//!
//! A *set* is what dup'ed epoll fds share. Its registrations are found by fd number, as the kernel keys them; its next
//! deadline by a tree of atomic minima beside them. What a deadline means, and any waiting, belongs in `op`.

mod minimum;
mod registration;
mod timer;

pub use minimum::Minimum;
pub use registration::Registration;
pub use timer::{is_token, token, Claim, Making, Timer};

use crate::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering::*};
use crate::sys::{Kernel, Lazy};
use registration::{Chunk, FDS_PER_CHUNK, FDS_PER_GROUP, GROUPS_PER_CHUNK};

const CHUNKS_PER_MIDDLE: usize = 64;
const CHUNKS_PER_PART: usize = 8;
const PARTS: usize = CHUNKS_PER_MIDDLE / CHUNKS_PER_PART;
const MIDDLES: usize = 32;
const SETS_PER_CHUNK: usize = 64;
const SET_CHUNKS: usize = 1024;

crate::zeroed! {
    /// 64 chunks of registrations, and the levels of the tree above their leaves: the earliest instant in each eighth of a chunk, in
    /// each chunk, and in each eight chunks. A node has 8 children, or 64 where these are leaves: who looks for the few that are due
    /// looks at few others. What a set of numbers below 24,000 needs is in the first page.
    pub struct Middle {
        parts: [Minimum; PARTS],
        minima: [Minimum; CHUNKS_PER_MIDDLE],
        chunks: [Lazy<Chunk>; CHUNKS_PER_MIDDLE],
        groups: [[Minimum; GROUPS_PER_CHUNK]; CHUNKS_PER_MIDDLE],
    }
}

impl Middle {
    /// This fd may expire at `instant`. True if it became the earliest here; `None` where there is no room for it.
    fn lower(&self, fd: i32, instant: u64) -> Option<bool> {
        let here = fd as u32 as usize % (CHUNKS_PER_MIDDLE * FDS_PER_CHUNK);
        let c = here / FDS_PER_CHUNK;
        let leaf = self.chunks.get(c)?.peek()?.leaf(fd)?;
        // Bottom up, and each level unconditionally where it is lower: `Minimum::correct` relies on the order.
        let lowered = leaf.lower(instant)
            && self.groups.get(c)?.get(here % FDS_PER_CHUNK / FDS_PER_GROUP)?.lower(instant)
            && self.minima.get(c)?.lower(instant)
            && self.parts.get(c / CHUNKS_PER_PART)?.lower(instant);
        Some(lowered)
    }

    /// Visit what is due and correct the levels here; `base` is the first number. False if the visit was stopped.
    fn sweep(&self, base: usize, now: u64, judge: &mut impl FnMut(i32, &Registration) -> Option<u64>) -> bool {
        let lazies = self.chunks.chunks(CHUNKS_PER_PART).zip(self.groups.chunks(CHUNKS_PER_PART));
        let parts = self.parts.iter().zip(self.minima.chunks(CHUNKS_PER_PART)).zip(lazies);
        for (p, ((part, minima), (chunks, groups))) in parts.enumerate() {
            if part.load() > now {
                continue;
            }
            let mut go_on = true;
            for (c, ((of_chunk, lazy), groups)) in minima.iter().zip(chunks).zip(groups).enumerate() {
                let Some(chunk) = lazy.peek() else { continue };
                if of_chunk.load() > now {
                    continue;
                }
                go_on = chunk.sweep(groups, base + (p * CHUNKS_PER_PART + c) * FDS_PER_CHUNK, now, judge);
                of_chunk.correct(groups);
                if !go_on {
                    break;
                }
            }
            part.correct(minima);
            if !go_on {
                return false;
            }
        }
        true
    }
}

crate::zeroed! {
    /// One epoll set.
    pub struct Set {
        /// Slots that point here.
        references: AtomicU32,
        /// An fd of the set, for registering the hidden timer from a thread that does not wait on it.
        epfd: AtomicI32,
        /// The hidden timerfd.
        pub timer: Timer,
        /// When the program last came back from a wait, and the last long absence: SEMANTICS.md, the gap of class read.
        last_exit: AtomicU64,
        gap_end: AtomicU64,
        gap_length: AtomicU64,
        /// The longest of the recent ones, for clocks that a short absence does not restart.
        long_end: AtomicU64,
        long_length: AtomicU64,
        /// Threads that are inside a wait, in this epoch of the process.
        waiting: AtomicU32,
        epoch: AtomicU32,
        /// The earliest instant of all.
        minimum: Minimum,
        minima: [Minimum; MIDDLES],
        middles: [Lazy<Middle>; MIDDLES],
        next_free: AtomicU32,
    }
}

/// An absence shorter than this never restarts a clock.
pub const GAP: u64 = 100_000_000;

impl Set {
    /// An fd number that stands for this set.
    pub fn epfd(&self) -> i32 {
        self.epfd.load(Relaxed)
    }

    /// Use another fd number for this set from now on.
    pub fn stand_for(&self, epfd: i32) {
        self.epfd.store(epfd, Relaxed);
    }

    /// The earliest instant at which anything here may expire; `u64::MAX` when nothing is armed. May be too early, never
    /// too late.
    #[inline(always)]
    pub fn next(&self) -> u64 {
        self.minimum.load()
    }

    fn chunk(&self, fd: i32) -> Option<&Chunk> {
        let chunk = fd as u32 as usize / FDS_PER_CHUNK;
        self.middles.get(chunk / CHUNKS_PER_MIDDLE)?.peek()?.chunks.get(chunk % CHUNKS_PER_MIDDLE)?.peek()
    }

    /// The registration of this fd number, registered or not; `None` if no number near it ever was.
    pub fn registration(&self, fd: i32) -> Option<&Registration> {
        self.chunk(fd)?.registration(fd)
    }

    /// Make room for this fd number's registration.
    pub fn obtain<K: Kernel>(&self, k: &K, fd: i32) -> Option<&Registration> {
        let chunk = fd as u32 as usize / FDS_PER_CHUNK;
        let middle = self.middles.get(chunk / CHUNKS_PER_MIDDLE)?.obtain(k)?;
        middle.chunks.get(chunk % CHUNKS_PER_MIDDLE)?.obtain(k)?.registration(fd)
    }

    /// This fd may expire at `instant`: move the minima down to it. True if it became the set's earliest.
    pub fn lower(&self, fd: i32, instant: u64) -> bool {
        let m = fd as u32 as usize / FDS_PER_CHUNK / CHUNKS_PER_MIDDLE;
        let (Some(middle), Some(of_middle)) = (self.middles.get(m).and_then(Lazy::peek), self.minima.get(m)) else {
            return false;
        };
        middle.lower(fd, instant).unwrap_or(false) && of_middle.lower(instant) && self.minimum.lower(instant)
    }

    /// Visit every fd whose instant is not after `now`. `judge` answers when it may expire next (`u64::MAX`: never), or
    /// `None` to stop. The minima are corrected on the way back.
    pub fn sweep(&self, now: u64, mut judge: impl FnMut(i32, &Registration) -> Option<u64>) {
        for (m, (lazy, of_middle)) in self.middles.iter().zip(&self.minima).enumerate() {
            let Some(middle) = lazy.peek() else { continue };
            if of_middle.load() > now {
                continue;
            }
            let go_on = middle.sweep(m * CHUNKS_PER_MIDDLE * FDS_PER_CHUNK, now, &mut judge);
            of_middle.correct(&middle.parts);
            if !go_on {
                break;
            }
        }
        self.minimum.correct(&self.minima);
    }

    /// Visit every registration.
    pub fn each(&self, mut each: impl FnMut(i32, &Registration)) {
        for (m, lazy) in self.middles.iter().enumerate() {
            let Some(middle) = lazy.peek() else { continue };
            for (c, lazy) in middle.chunks.iter().enumerate() {
                if let Some(chunk) = lazy.peek() {
                    chunk.each((m * CHUNKS_PER_MIDDLE + c) * FDS_PER_CHUNK, &mut each);
                }
            }
        }
    }

    /// May the program have been away for long, at a time read from the coarse clock? Then the beginning of its wait is to be read from
    /// the precise one: clocks start anew there.
    pub fn may_be_gap(&self, coarse: u64) -> bool {
        coarse.saturating_sub(self.last_exit.load(Relaxed)) > GAP / 2
    }

    /// A wait begins: note a long absence of the program.
    pub fn enter(&self, now: u64, epoch: u32) {
        if self.epoch.load(Relaxed) != epoch {
            // A forked child: the threads that waited are the parent's.
            self.epoch.store(epoch, Relaxed);
            self.waiting.store(0, Relaxed);
        }
        if self.waiting.fetch_add(1, Relaxed) == 0 {
            let last = self.last_exit.load(Relaxed);
            let gap = now.saturating_sub(last);
            if last != 0 && gap > GAP {
                self.gap_length.store(gap, Relaxed);
                self.gap_end.store(now, Relaxed);
                if gap >= self.long_length.load(Relaxed) / 2 {
                    self.long_length.store(gap, Relaxed);
                    self.long_end.store(now, Relaxed);
                }
            }
        }
    }

    /// The program has been in a wait that began before anything was armed: it was not away.
    pub fn present(&self, now: u64) {
        self.last_exit.store(now, Relaxed);
    }

    /// A wait ended. Cancellation and siglongjmp may skip this: then absences are no longer noticed, nothing else.
    pub fn leave(&self, now: u64) {
        self.last_exit.store(now, Relaxed);
        let _ = self.waiting.fetch_update(Relaxed, Relaxed, |n| n.checked_sub(1));
    }

    /// When a clock of timeout `timeout` that began at `start` has to be taken to begin, given the last long absence.
    pub fn start_after_gap(&self, start: u64, timeout: u64) -> u64 {
        let gaps = [(&self.gap_end, &self.gap_length), (&self.long_end, &self.long_length)];
        let long_enough = GAP.max(timeout / 10);
        let ends = gaps.iter().filter(|(_, length)| length.load(Relaxed) > long_enough);
        ends.map(|(end, _)| end.load(Relaxed)).fold(start, u64::max)
    }
}

crate::zeroed! {
    /// 64 sets.
    pub struct SetChunk {
        sets: [Set; SETS_PER_CHUNK],
    }
}

/// All epoll sets.
pub struct Sets {
    chunks: [Lazy<SetChunk>; SET_CHUNKS],
    fresh: AtomicU32,
    /// tag << 32 | number + 1 of the first free one.
    free: AtomicU64,
}

impl Default for Sets {
    fn default() -> Self {
        Self::new()
    }
}

impl Sets {
    /// None in use.
    pub const fn new() -> Sets {
        Sets { chunks: [const { Lazy::new() }; SET_CHUNKS], fresh: AtomicU32::new(0), free: AtomicU64::new(0) }
    }

    /// Set number `number`.
    #[inline(always)]
    pub fn at(&self, number: u32) -> Option<&Set> {
        self.chunks.get(number as usize / SETS_PER_CHUNK)?.peek()?.sets.get(number as usize % SETS_PER_CHUNK)
    }

    /// Call `each` with every set that was ever used.
    pub fn each(&self, mut each: impl FnMut(u32, &Set)) {
        for number in 0..self.fresh.load(Acquire) {
            if let Some(set) = self.at(number) {
                if set.references.load(Acquire) != 0 {
                    each(number, set);
                }
            }
        }
    }

    fn pop(&self) -> Option<u32> {
        let mut head = self.free.load(Acquire);
        loop {
            let number = (head as u32).checked_sub(1)?;
            let next = self.at(number)?.next_free.load(Relaxed);
            let tag = (head >> 32).wrapping_add(1);
            match self.free.compare_exchange_weak(head, tag << 32 | next as u64, AcqRel, Acquire) {
                Ok(_) => return Some(number),
                Err(now) => head = now,
            }
        }
    }

    /// A new set that `epfd` stands for, with one reference.
    pub fn create<K: Kernel>(&self, k: &K, epfd: i32) -> Option<u32> {
        let number = match self.pop() {
            Some(number) => number,
            None => {
                // 16 bits name a set in a description.
                let limit = 0xfffe;
                let number = self.fresh.fetch_update(AcqRel, Relaxed, |n| (n < limit).then_some(n + 1)).ok()?;
                self.chunks.get(number as usize / SETS_PER_CHUNK)?.obtain(k)?;
                number
            }
        };
        let set = self.at(number)?;
        set.epfd.store(epfd, Relaxed);
        // Release pairs with the Acquire in `each`: a set that is found is one that was made.
        set.references.store(1, Release);
        Some(number)
    }

    /// One slot more points here.
    pub fn share(&self, number: u32) {
        if let Some(set) = self.at(number) {
            set.references.fetch_add(1, AcqRel);
        }
    }

    /// One slot fewer points here. True for the last: the caller then closes what the set holds and calls `free`.
    pub fn release(&self, number: u32) -> bool {
        // AcqRel pairs with itself: the last knows what the others did.
        self.at(number).is_some_and(|set| set.references.fetch_sub(1, AcqRel) == 1)
    }

    /// Nothing points here any more: forget the registrations and hand the set out again later.
    pub fn free(&self, number: u32) {
        let Some(set) = self.at(number) else { return };
        set.each(|_, registration| registration.remove());
        set.sweep(u64::MAX - 1, |_, _| Some(u64::MAX));
        for cell in [&set.last_exit, &set.gap_end, &set.gap_length, &set.long_end, &set.long_length] {
            cell.store(0, Relaxed);
        }
        set.waiting.store(0, Relaxed);
        let mut head = self.free.load(Relaxed);
        loop {
            set.next_free.store(head as u32, Relaxed);
            let new = (head & !0xffff_ffff) | (number as u64 + 1);
            match self.free.compare_exchange_weak(head, new, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}

#[cfg(test)]
mod tests;
