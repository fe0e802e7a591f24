//! Slots: one 8-byte word for each fd number, in two levels.
//!
//! The word holds kind, index and generation together, so that one load decides what a call on this number needs, and one
//! compare-and-swap changes all three. What the index points to belongs elsewhere.

use crate::atomic::{AtomicU64, Ordering::*};
use crate::sys::{Kernel, Lazy};

const SLOTS_PER_CHUNK: usize = 512;
const CHUNKS: usize = 2048;

/// How many fd numbers are covered (fs.nr_open's default); numbers beyond are left to the kernel.
pub const FDS: usize = SLOTS_PER_CHUNK * CHUNKS;

/// What stands behind an fd number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// Not looked at yet.
    Unknown = 0,
    /// Looked at, and of no interest: a file, a pipe, a listening socket, a socket that no rule names.
    Plain = 1,
    /// A socket with a description; the index is the description's.
    Socket = 2,
    /// An epoll set; the index is the set's.
    Set = 3,
    /// Our own timerfd inside one of the program's epoll sets; the index is the set's.
    Hidden = 4,
    /// Our own timerfd beside one of the program's waits.
    Waker = 5,
    /// A socket that is being closed: nothing more begins there, until the kernel has freed the number.
    Closing = 6,
}

impl Kind {
    /// This kind's bit in the engine's mask of kinds that leave the fast path.
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// One slot's content: bits 0..4 kind, 4..28 index, 28..64 generation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotWord(u64);

const INDEX_BITS: u32 = 24;
const GENERATION_SHIFT: u32 = 28;

impl SlotWord {
    /// The word of a number nobody has touched.
    pub const UNTOUCHED: SlotWord = SlotWord(0);

    fn new(kind: Kind, index: u32, generation: u64) -> SlotWord {
        SlotWord((kind as u64) | ((index as u64 & ((1 << INDEX_BITS) - 1)) << 4) | (generation << GENERATION_SHIFT))
    }

    /// The kind, as a shift for the engine's mask.
    #[inline(always)]
    pub fn kind_shift(self) -> u32 {
        (self.0 & 15) as u32
    }

    /// What stands behind the number.
    #[inline(always)]
    pub fn kind(self) -> Kind {
        match self.0 & 15 {
            1 => Kind::Plain,
            2 => Kind::Socket,
            3 => Kind::Set,
            4 => Kind::Hidden,
            5 => Kind::Waker,
            6 => Kind::Closing,
            _ => Kind::Unknown,
        }
    }

    /// Index into the descriptions or sets.
    #[inline(always)]
    pub fn index(self) -> u32 {
        (self.0 >> 4) as u32 & ((1 << INDEX_BITS) - 1)
    }

    /// Which life of the fd number this is; 36 bits, moved by every close.
    #[inline(always)]
    pub fn generation(self) -> u64 {
        self.0 >> GENERATION_SHIFT
    }
}

/// Where a number's word stands: places are never given back.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    slot: &'a AtomicU64,
    doubles: &'a AtomicU64,
}

impl Place<'_> {
    /// The number's word.
    #[inline(always)]
    pub fn word(self) -> SlotWord {
        // Acquire pairs with the Release in `settle`: who sees the index sees the description it points to.
        SlotWord(self.slot.load(Acquire))
    }

    /// Is anything kept of the number, or of its being one of several?
    #[inline(always)]
    pub fn is_known(self) -> bool {
        // One branch: every number that comes into being, and every close, comes by here.
        self.word().kind_shift() as u64 | self.doubles.load(Relaxed) != 0
    }

    /// Is the number one of several that became one socket's before anything was known of it?
    #[inline(always)]
    pub fn is_doubled(self) -> bool {
        self.doubles.load(Relaxed) != 0
    }
}

crate::zeroed! {
    /// 512 slots: one page, mapped when its first number is tracked; and one for what `doubled` keeps of the same numbers.
    pub struct Chunk {
        slots: [AtomicU64; SLOTS_PER_CHUNK],
        doubles: [AtomicU64; SLOTS_PER_CHUNK],
    }
}

/// All slots.
pub struct Slots {
    chunks: [Lazy<Chunk>; CHUNKS],
}

impl Default for Slots {
    fn default() -> Self {
        Self::new()
    }
}

impl Slots {
    /// No number touched.
    pub const fn new() -> Slots {
        Slots { chunks: [const { Lazy::new() }; CHUNKS] }
    }

    /// The number's place, for who looks twice; `None` for one near which none was ever touched.
    #[inline(always)]
    pub fn place(&self, fd: i32) -> Option<Place<'_>> {
        let fd = fd as u32 as usize;
        let chunk = self.chunks.get(fd / SLOTS_PER_CHUNK)?.peek()?;
        let i = fd % SLOTS_PER_CHUNK;
        Some(Place { slot: chunk.slots.get(i)?, doubles: chunk.doubles.get(i)? })
    }

    /// The number's word; untouched numbers, and those out of range, read as `UNTOUCHED`.
    #[inline(always)]
    pub fn word(&self, fd: i32) -> SlotWord {
        self.place(fd).map_or(SlotWord::UNTOUCHED, Place::word)
    }

    #[inline(always)]
    fn cell(&self, fd: i32) -> Option<&AtomicU64> {
        self.place(fd).map(|place| place.slot)
    }

    /// What `doubled` keeps of the number.
    #[inline(always)]
    pub(super) fn doubles(&self, fd: i32) -> Option<&AtomicU64> {
        self.place(fd).map(|place| place.doubles)
    }

    /// The same, made now if there is none.
    pub(super) fn obtain_doubles<K: Kernel>(&self, k: &K, fd: i32) -> Option<&AtomicU64> {
        let fd = fd as u32 as usize;
        self.chunks.get(fd / SLOTS_PER_CHUNK)?.obtain(k)?.doubles.get(fd % SLOTS_PER_CHUNK)
    }

    /// Change the number from `seen` to a new kind and index in the same generation. False when somebody else was faster,
    /// the number is out of range or there is no memory.
    pub fn settle<K: Kernel>(&self, k: &K, fd: i32, seen: SlotWord, kind: Kind, index: u32) -> bool {
        let number = fd as u32 as usize;
        let Some(lazy) = self.chunks.get(number / SLOTS_PER_CHUNK) else { return false };
        let Some(chunk) = lazy.obtain(k) else { return false };
        let Some(cell) = chunk.slots.get(number % SLOTS_PER_CHUNK) else { return false };
        let new = SlotWord::new(kind, index, seen.generation());
        // Release pairs with the Acquire in `word`.
        cell.compare_exchange(seen.0, new.0, AcqRel, Acquire).is_ok()
    }

    /// End this life of the number: back to unknown, in the next generation. Returns what it was; the caller that gets a
    /// tracked kind back owns giving up what its index points to (exactly one caller gets it).
    pub fn retire(&self, fd: i32) -> SlotWord {
        self.retire_as(fd, Kind::Unknown)
    }

    /// The same, the next life beginning as this kind, with the index that was.
    pub fn retire_as(&self, fd: i32, kind: Kind) -> SlotWord {
        let Some(cell) = self.cell(fd) else { return SlotWord::UNTOUCHED };
        let mut seen = SlotWord(cell.load(Acquire));
        loop {
            if seen.kind() == Kind::Unknown && seen.generation() == 0 {
                return seen;
            }
            let index = if kind == Kind::Unknown { 0 } else { seen.index() };
            let next = SlotWord::new(kind, index, seen.generation().wrapping_add(1));
            // Close wins. The generation moves before the kernel frees the number, so an operation that wakes on the new socket
            // sees another generation and answers EBADF. What orders the two is the kernel's table of descriptors, which both
            // come by; who looks before the number is freed is woken (`Engine::wake`, which has the fence).
            match cell.compare_exchange_weak(seen.0, next.0, AcqRel, Acquire) {
                Ok(_) => return seen,
                Err(now) => seen = SlotWord(now),
            }
        }
    }

    /// The same, back to unknown, if the number still is what was seen: then the caller owns what its index points to.
    pub fn retire_if(&self, fd: i32, seen: SlotWord) -> bool {
        let next = SlotWord::new(Kind::Unknown, 0, seen.generation().wrapping_add(1));
        self.cell(fd).is_some_and(|cell| cell.compare_exchange(seen.0, next.0, AcqRel, Acquire).is_ok())
    }

    /// Call `each` with every touched number from `first` to `last` (both included) and its word.
    pub fn each(&self, first: u32, last: u32, mut each: impl FnMut(i32, SlotWord)) {
        self.each_place(first, last, |fd, place| {
            let word = place.word();
            if word != SlotWord::UNTOUCHED {
                each(fd, word);
            }
        });
    }

    /// Call `each` with every number from `first` to `last` near which one was touched.
    #[inline(always)]
    pub(super) fn each_place(&self, first: u32, last: u32, mut each: impl FnMut(i32, Place<'_>)) {
        let (first, last) = (first as usize, (last as usize).min(FDS - 1));
        for (c, lazy) in self.chunks.iter().enumerate() {
            let base = c * SLOTS_PER_CHUNK;
            if base > last || base + SLOTS_PER_CHUNK <= first {
                continue;
            }
            let Some(chunk) = lazy.peek() else { continue };
            for (i, (slot, doubles)) in chunk.slots.iter().zip(&chunk.doubles).enumerate() {
                let fd = base + i;
                if fd >= first && fd <= last {
                    each(fd as i32, Place { slot, doubles });
                }
            }
        }
    }
}
