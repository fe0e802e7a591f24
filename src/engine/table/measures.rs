//! What is being measured of each description: its destination's place in the evidence page, and which waits run since when. A
//! table of its own, for it is there only where pages are made.
//!
//! What a wait is, is `op::measure`'s. Every field is an atomic; a thread that comes late with something for the life before
//! finds another generation and changes nothing.

use super::description::{CHUNKS, PER_CHUNK};
use crate::atomic::{AtomicU64, Ordering::Relaxed};
use crate::sys::{Kernel, Lazy};

/// What is counted as going on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Running {
    /// The connection is open.
    Open = 1,
    /// A connect is under way.
    Connect = 2,
    /// An answer is awaited.
    Response = 4,
    /// A wait for input goes on that would have expired (observe mode): its clock is not the description's any more.
    Input = 8,
    /// The same of a wait for room.
    Output = 16,
}

impl Running {
    /// Those of which the page says how many there are now.
    pub const COUNTED: [Running; 3] = [Running::Open, Running::Connect, Running::Response];
}

/// Above the bits of [`Running`]: the destination's place + 1, 0 where it is not known.
const PLACE_SHIFT: u32 = 8;
const GENERATION_SHIFT: u32 = 32;

crate::zeroed! {
    /// What is measured of one description.
    pub struct Measure {
        /// generation << 32 | place << 8 | bits.
        word: AtomicU64,
        /// When each of [`Running`] began, ns.
        since: [AtomicU64; 5],
    }
}

crate::zeroed! {
    struct Chunk {
        measures: [Measure; PER_CHUNK],
    }
}

/// What was measured at one moment.
#[derive(Clone, Copy)]
pub struct Seen(u64);

impl Seen {
    /// The destination's place, where it was known.
    pub fn place(self) -> Option<usize> {
        (self.0 >> PLACE_SHIFT & 0xff).checked_sub(1).map(|place| place as usize)
    }

    /// Did it run?
    pub fn runs(self, what: Running) -> bool {
        self.0 & what as u64 != 0
    }
}

/// All of them, by the index of the description.
pub struct Measures {
    chunks: [Lazy<Chunk>; CHUNKS],
}

impl Measure {
    fn since(&self, what: Running) -> &AtomicU64 {
        let [open, connect, response, input, output] = &self.since;
        match what {
            Running::Open => open,
            Running::Connect => connect,
            Running::Response => response,
            Running::Input => input,
            Running::Output => output,
        }
    }

    /// When it began, the last time.
    pub fn began(&self, what: Running) -> u64 {
        self.since(what).load(Relaxed)
    }

    fn change(&self, generation: u32, change: impl Fn(u64) -> u64) -> Option<u64> {
        let change = |word: u64| (word >> GENERATION_SHIFT == u64::from(generation)).then(|| change(word));
        self.word.fetch_update(Relaxed, Relaxed, change).ok()
    }

    /// The destination's place, where it is known.
    pub fn place(&self, generation: u32) -> Option<usize> {
        let word = self.word.load(Relaxed);
        Seen(word).place().filter(|_| word >> GENERATION_SHIFT == u64::from(generation))
    }

    /// It leads nowhere any more, and nothing of it runs: what was, for exactly one of those who end it.
    pub fn leave(&self, generation: u32) -> Seen {
        Seen(self.change(generation, |_| u64::from(generation) << GENERATION_SHIFT).unwrap_or(0))
    }

    /// An open connection, from `now` on, that leads there. False if it leads somewhere already.
    pub fn enter(&self, generation: u32, place: usize, now: u64) -> bool {
        self.since(Running::Open).store(now, Relaxed);
        let place = (place as u64).saturating_add(1) & 0xff;
        let led = self.change(generation, |word| match Seen(word).place() {
            None => word | place << PLACE_SHIFT | Running::Open as u64,
            Some(_) => word,
        });
        led.is_some_and(|word| Seen(word).place().is_none())
    }

    /// From `now` on this runs; if it did, its clock starts anew. True if it did not run.
    pub fn begin(&self, generation: u32, what: Running, now: u64) -> bool {
        // Before the bit: who finds that, finds this or something later.
        self.since(what).store(now, Relaxed);
        self.change(generation, |word| word | what as u64).is_some_and(|before| before & what as u64 == 0)
    }

    /// It is over: since when it ran, for exactly one of those who end it.
    pub fn end(&self, generation: u32, what: Running) -> Option<u64> {
        if self.word.load(Relaxed) & what as u64 == 0 {
            return None;
        }
        let before = self.change(generation, |word| word & !(what as u64))?;
        (before & what as u64 != 0).then(|| self.began(what))
    }

    /// Does it run?
    pub fn runs(&self, what: Running) -> bool {
        self.word.load(Relaxed) & what as u64 != 0
    }

    /// Which life of the description it is about.
    pub fn generation(&self) -> u32 {
        (self.word.load(Relaxed) >> GENERATION_SHIFT) as u32
    }
}

impl Measures {
    /// Nothing is measured.
    pub const fn new() -> Measures {
        Measures { chunks: [const { Lazy::new() }; CHUNKS] }
    }

    /// A new life of the description: nothing of it is known. False when there is no memory.
    pub fn begin<K: Kernel>(&self, k: &K, index: u32, generation: u32) -> bool {
        let chunk = self.chunks.get(index as usize / PER_CHUNK).and_then(|chunk| chunk.obtain(k));
        let measure = chunk.and_then(|chunk| chunk.measures.get(index as usize % PER_CHUNK));
        measure.is_some_and(|measure| {
            measure.word.store(u64::from(generation) << GENERATION_SHIFT, Relaxed);
            true
        })
    }

    /// What is measured of this description.
    pub fn at(&self, index: u32) -> Option<&Measure> {
        self.chunks.get(index as usize / PER_CHUNK)?.peek()?.measures.get(index as usize % PER_CHUNK)
    }

    /// Call `each` with all that may be in use.
    pub fn each(&self, mut each: impl FnMut(&Measure)) {
        let chunks = self.chunks.iter().filter_map(Lazy::peek);
        chunks.for_each(|chunk| chunk.measures.iter().for_each(&mut each));
    }
}

impl Default for Measures {
    fn default() -> Self {
        Measures::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Linux;

    #[test]
    fn what_ends_is_told_once_and_with_its_beginning() {
        let measures = Measures::new();
        assert!(measures.at(5).is_none() && measures.begin(&Linux, 5, 9));
        let measure = measures.at(5).expect("begun");
        assert!(measure.begin(9, Running::Connect, 100));
        assert!(!measure.begin(9, Running::Connect, 200), "it ran already");
        assert!(measure.begin(9, Running::Response, 300));
        assert_eq!(measure.end(9, Running::Connect), Some(200));
        assert_eq!(measure.end(9, Running::Connect), None);
        assert!(measure.runs(Running::Response) && !measure.runs(Running::Open));
    }

    #[test]
    fn a_connection_leads_to_one_place_and_leaves_it_once() {
        let measures = Measures::new();
        measures.begin(&Linux, 0, 9);
        let measure = measures.at(0).expect("begun");
        assert!(measure.enter(9, 31, 100) && !measure.enter(9, 3, 200));
        assert_eq!((measure.place(9), measure.place(8)), (Some(31), None));
        assert!(measure.begin(9, Running::Response, 300));
        let left = measure.leave(9);
        assert_eq!((left.place(), left.runs(Running::Open), left.runs(Running::Response)), (Some(31), true, true));
        let again = measure.leave(9);
        assert_eq!((again.place(), again.runs(Running::Open), measure.generation()), (None, false, 9));
        assert!(measure.enter(9, 0, 400));
        assert_eq!(measure.place(9), Some(0));
    }

    #[test]
    fn a_late_thread_changes_nothing_of_the_next_life() {
        let measures = Measures::new();
        measures.begin(&Linux, 0, 9);
        let measure = measures.at(0).expect("begun");
        assert!(measure.enter(9, 31, 1));
        measures.begin(&Linux, 0, 10);
        assert!(!measure.enter(9, 3, 1) && measure.leave(9).place().is_none());
        assert!(!measure.begin(9, Running::Open, 1));
        assert_eq!(measure.end(9, Running::Open), None);
        assert_eq!((measure.place(10), measure.generation()), (None, 10));
    }
}
