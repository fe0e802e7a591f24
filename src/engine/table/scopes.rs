//! The scopes that threads are in, by thread.
//!
//! There is no TLS to keep them in, so a thread is known by a key (an address that is its own while it lives) and its number,
//! which tells it from a later thread at the same address. What a scope does to a call belongs in `op`.

use crate::atomic::{compiler_fence, AtomicU32, AtomicU64, AtomicUsize, Ordering::*};
use crate::sys::{Kernel, Lazy};

/// How many living threads may have been in scopes.
pub const THREADS: usize = 1024;
/// How deep scopes may nest.
pub const DEPTH: usize = 64;
const PER_CHUNK: usize = 16;

crate::zeroed! {
    /// One thread's scopes. Only the thread itself writes here, once it has the place.
    struct Thread {
        tid: AtomicU32,
        depth: AtomicU32,
        /// How often it was told that the present one is over.
        told: AtomicU32,
        /// The instant of each scope, inverted, so that zeroed memory reads "never"; above `depth` always never, and for a moment
        /// below it: a signal handler that comes while a scope is entered or left is in those around it.
        inverted: [AtomicU64; DEPTH],
        tokens: [AtomicU64; DEPTH],
    }
}

impl Thread {
    /// The earliest of so many scopes.
    fn earliest(&self, depth: usize) -> u64 {
        !self.inverted.iter().take(depth).map(|at| at.load(Relaxed)).max().unwrap_or(0)
    }
}

crate::zeroed! {
    /// 16 threads: 16 KiB and a little.
    struct Chunk {
        threads: [Thread; PER_CHUNK],
    }
}

/// Why a scope cannot be entered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Too deep, or too many threads.
    Full,
    /// No memory.
    Memory,
}

/// All scopes.
pub struct Scopes {
    /// Threads in scopes. One that ended inside is counted until another takes its place.
    inside: AtomicU32,
    /// Places that were ever taken.
    used: AtomicU32,
    /// The last token.
    token: AtomicU64,
    keys: [AtomicUsize; THREADS],
    chunks: [Lazy<Chunk>; THREADS / PER_CHUNK],
}

impl Default for Scopes {
    fn default() -> Self {
        Self::new()
    }
}

impl Scopes {
    /// Nobody is in one.
    pub const fn new() -> Scopes {
        Scopes {
            inside: AtomicU32::new(0),
            used: AtomicU32::new(0),
            token: AtomicU64::new(0),
            keys: [const { AtomicUsize::new(0) }; THREADS],
            chunks: [const { Lazy::new() }; THREADS / PER_CHUNK],
        }
    }

    /// Is any thread in a scope?
    #[inline(always)]
    pub fn any(&self) -> bool {
        self.inside.load(Relaxed) != 0
    }

    fn place(&self, number: usize) -> Option<&Thread> {
        self.chunks.get(number / PER_CHUNK)?.peek()?.threads.get(number % PER_CHUNK)
    }

    fn find(&self, key: usize) -> Option<(usize, &Thread)> {
        // Relaxed: a thread looks for what it wrote itself, or finds that there is nothing.
        let used = self.used.load(Relaxed) as usize;
        let number = self.keys.iter().take(used).position(|cell| cell.load(Relaxed) == key)?;
        Some((number, self.place(number)?))
    }

    /// The thread of this key and number is in scopes: its place and how deep.
    fn inside(&self, key: usize, tid: impl FnOnce() -> u32) -> Option<(&Thread, usize)> {
        let (_, thread) = self.find(key)?;
        let depth = thread.depth.load(Relaxed) as usize;
        (depth != 0 && thread.tid.load(Relaxed) == tid()).then_some((thread, depth))
    }

    /// The instant that bounds the thread of this key; `u64::MAX` when it is in no scope.
    pub fn instant(&self, key: usize, tid: impl FnOnce() -> u32) -> u64 {
        self.inside(key, tid).map_or(u64::MAX, |(thread, depth)| thread.earliest(depth))
    }

    /// Count a telling that this thread's scope is over; how many there were before.
    pub fn tell(&self, key: usize, tid: u32) -> u32 {
        self.inside(key, || tid).map_or(0, |(thread, _)| thread.told.fetch_add(1, Relaxed))
    }

    /// Another thread ended here, perhaps inside its scopes, which then still count.
    fn clear(&self, thread: &Thread) {
        thread.inverted.iter().for_each(|at| at.store(0, Relaxed));
        if thread.depth.swap(0, Relaxed) != 0 {
            self.inside.fetch_sub(1, Relaxed);
        }
    }

    /// The thread's place, taken now if it has none. A place is kept while its thread lives: a signal handler may enter and leave
    /// while the code that it interrupts is about to enter.
    fn obtain<K: Kernel>(
        &self,
        k: &K,
        key: usize,
        tid: u32,
        is_dead: impl Fn(u32) -> bool,
    ) -> Result<&Thread, Refused> {
        let taken = self.find(key).map(|(number, _)| number);
        let free = || {
            let take = |cell: &AtomicUsize| cell.compare_exchange(0, key, AcqRel, Relaxed).is_ok();
            let number = self.keys.iter().position(take)?;
            self.used.fetch_max(number as u32 + 1, Relaxed);
            Some(number)
        };
        let inherited = || {
            self.keys.iter().enumerate().position(|(number, cell)| {
                let Some(thread) = self.place(number) else { return false };
                let theirs = thread.tid.load(Relaxed);
                // The number first: then nobody else takes the place for a dead thread's.
                let taken = theirs != tid
                    && is_dead(theirs)
                    && thread.tid.compare_exchange(theirs, tid, AcqRel, Relaxed).is_ok();
                if taken {
                    self.clear(thread);
                    cell.store(key, Release);
                }
                taken
            })
        };
        let number = taken.or_else(free).or_else(inherited).ok_or(Refused::Full)?;
        let chunk = self.chunks.get(number / PER_CHUNK).and_then(|chunk| chunk.obtain(k));
        let Some(thread) = chunk.and_then(|chunk| chunk.threads.get(number % PER_CHUNK)) else {
            if let Some(key) = self.keys.get(number) {
                key.store(0, Release);
            }
            return Err(Refused::Memory);
        };
        if thread.tid.swap(tid, Relaxed) != tid {
            self.clear(thread);
        }
        Ok(thread)
    }

    /// Enter a scope that ends at `instant`. Its token: positive.
    pub fn enter<K: Kernel>(
        &self,
        k: &K,
        key: usize,
        tid: u32,
        instant: u64,
        is_dead: impl Fn(u32) -> bool,
    ) -> Result<u64, Refused> {
        let thread = self.obtain(k, key, tid, is_dead)?;
        let depth = thread.depth.load(Relaxed) as usize;
        let (Some(at), Some(token)) = (thread.inverted.get(depth), thread.tokens.get(depth)) else {
            return Err(Refused::Full);
        };
        let fresh = self.token.fetch_add(1, Relaxed).wrapping_add(1) & (u64::MAX >> 1);
        if depth == 0 {
            self.inside.fetch_add(1, Relaxed);
        }
        // First: a signal handler that enters in between takes the level above this one.
        thread.depth.store(depth as u32 + 1, Relaxed);
        compiler_fence(SeqCst);
        token.store(fresh, Relaxed);
        at.store(!instant, Relaxed);
        thread.told.store(0, Relaxed);
        Ok(fresh)
    }

    /// Leave the innermost scope. False if `token` is not its.
    pub fn leave(&self, key: usize, tid: u32, token: u64) -> bool {
        let Some((thread, depth)) = self.inside(key, || tid) else { return false };
        if thread.tokens.get(depth - 1).map(|of| of.load(Relaxed)) != Some(token) {
            return false;
        }
        thread.told.store(0, Relaxed);
        if let Some(at) = thread.inverted.get(depth - 1) {
            at.store(0, Relaxed);
        }
        compiler_fence(SeqCst);
        thread.depth.store(depth as u32 - 1, Relaxed);
        if depth == 1 {
            self.inside.fetch_sub(1, Relaxed);
        }
        true
    }
}
