//! Descriptions: what dup'ed fds share. 96 bytes each, in two levels, with a lock-free list of free ones.
//!
//! Every field is an atomic that can be read at any time. A thread that still holds a description after its last fd was
//! closed can do no harm: whatever can make a call fail sits in the two generation-checked words, and the clocks it may
//! still store are "now", which only makes a deadline later.

use super::cookies::Cookies;
use super::explicit::Explicits;
use super::word::Deadline;
use crate::atomic::{AtomicU32, AtomicU64, Ordering::*};
use crate::policy::{Class, Decision};
use crate::sys::{Kernel, Lazy};

/// In the life word: in use.
const LIVE: u64 = 1 << 31;

pub(super) const PER_CHUNK: usize = 128;
pub(super) const CHUNKS: usize = 8192;

/// One bit of a description's flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Flag {
    /// A connect was started and is not known to have ended.
    Connecting = 1 << 0,
    /// The attempt's data rides on the first write (TCP_FASTOPEN_CONNECT): writable does not mean connected.
    FastOpen = 1 << 1,
    /// Written since the last byte came: `response` counts.
    Awaiting = 1 << 2,
    /// Bytes were written and are not known to be acknowledged: `write` counts.
    Unacked = 1 << 3,
    /// The acknowledged count was sampled since the write clock began.
    Sampled = 1 << 4,
    /// Accepted from a listener: the read clock pauses while the program works on a request.
    Accepted = 1 << 5,
    /// A request was read and not yet answered.
    Paused = 1 << 6,
    /// A unix socket: no TCP_INFO.
    Unix = 1 << 7,
    /// A stream socket (else datagram, which only source 2 concerns).
    Stream = 1 << 8,
    /// The expired connect was aborted; its error has not been told yet.
    Aborted = 1 << 9,
    /// SO_RCVLOWAT is above 1.
    LowWater = 1 << 10,
    /// A blocking write came back short: the next one fails at once if there is still no room.
    ShortWrite = 1 << 11,
    /// This wait's expiry was recorded already (observe mode).
    Observed = 1 << 12,
    /// Its cookie is counted.
    Counted = 1 << 13,
    /// The program waits for input in some epoll set.
    WantsInput = 1 << 14,
    /// The lifetime's expiry was recorded.
    Outlived = 1 << 15,
    /// The program waits for room in some epoll set, level-triggered: it need not try before it waits.
    WantsOutput = 1 << 16,
    /// The program tries before it waits, each time (Go's runtime): an interest in events is no wait, EAGAIN is one.
    TriesFirst = 1 << 17,
    /// Of one that tries first: O_NONBLOCK was taken away (os.File's Fd() does that).
    Blocking = 1 << 18,
    /// A write is under way, and nothing has come since it began.
    Writing = 1 << 19,
    /// The program has said something of it through the C API.
    Explicit = 1 << 20,
    /// It was registered one-shot in some epoll set, once.
    OneShot = 1 << 21,
    /// O_NONBLOCK was seen to be set, and this process has not changed it since. Another process that shares the socket may have:
    /// only where a wait without a bound is the worst that can come of it.
    SeenNonblocking = 1 << 22,
    /// Its waits are counted in the evidence page.
    Measured = 1 << 23,
    /// A number of it was closed that was registered in an epoll set, where the kernel keeps the registration for the other numbers.
    Bequeathed = 1 << 24,
}

/// Above the flags: which expiry it is (3 bits, wrapping), and how often the program was told of it (4 bits).
const EXPIRY_SHIFT: u32 = 25;
const TOLD_SHIFT: u32 = 28;
/// In the word of rules, above them.
const INDEX_SHIFT: u32 = 40;

crate::zeroed! {
    /// What dup'ed fds share.
    pub struct Description {
        /// generation << 32 | LIVE | number of slots that point here; without LIVE: the next free description + 1.
        life: AtomicU64,
        /// SO_COOKIE's low half << 32 | low half of bytes_acked at the last sample.
        cookie_acked: AtomicU64,
        /// State of the direction that waits for input.
        pub read: Deadline,
        /// State of the direction that waits for room, or for a connection.
        pub write: Deadline,
        /// When the read clock began.
        pub read_start: AtomicU64,
        /// When the write clock, or the connection attempt, began.
        pub write_start: AtomicU64,
        /// When the program last wrote.
        pub last_write: AtomicU64,
        /// When the lifetime ends: armed until then, or idle for never.
        pub lifetime: Deadline,
        /// Up to four sets that hold this socket, 16 bits each, number + 1; all ones: more than four.
        sets: AtomicU64,
        /// SO_RCVTIMEO ms << 32 | SO_SNDTIMEO ms, as the program set them; 0 = none.
        timeo: AtomicU64,
        /// This description's index << 40 | the rules that decide each class, a byte each.
        rules: AtomicU64,
        /// flags << 32 | when the last wait for input ended, in ms (wrapping).
        flags: AtomicU32,
        last_wait_ms: AtomicU32,
    }
}

impl Description {
    /// Which life of the description this is.
    #[inline]
    pub fn generation(&self) -> u32 {
        (self.life.load(Acquire) >> 32) as u32
    }

    /// Is another number of this process the same socket?
    #[inline]
    pub fn is_shared(&self) -> bool {
        let life = self.life.load(Acquire);
        life & LIVE != 0 && life & (LIVE - 1) > 1
    }

    /// SO_COOKIE's low half.
    pub fn cookie(&self) -> u32 {
        (self.cookie_acked.load(Relaxed) >> 32) as u32
    }

    /// The low half of bytes_acked at the last sample.
    pub fn acked(&self) -> u32 {
        self.cookie_acked.load(Relaxed) as u32
    }

    /// Remember a sample of bytes_acked.
    pub fn sample_acked(&self, acked: u32) {
        let cookie = self.cookie_acked.load(Relaxed) & !0xffff_ffff;
        self.cookie_acked.store(cookie | acked as u64, Relaxed);
    }

    /// Is this bit set?
    #[inline]
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.load(Relaxed) & flag as u32 != 0
    }

    /// Is any of these bits set?
    #[inline]
    pub fn has_any(&self, flags: u32) -> bool {
        self.flags.load(Relaxed) & flags != 0
    }

    /// Set a bit.
    pub fn set(&self, flag: Flag) {
        // The load keeps a line that many threads read from bouncing on every call.
        if !self.has(flag) {
            self.flags.fetch_or(flag as u32, Relaxed);
        }
    }

    /// Clear a bit. True for exactly one of several threads that clear it.
    pub fn clear(&self, flag: Flag) -> bool {
        self.has(flag) && self.flags.fetch_and(!(flag as u32), Relaxed) & flag as u32 != 0
    }

    /// The program is about to write. Another thread may read the answer before this one comes back from its call.
    #[inline(always)]
    pub fn writes(&self) {
        let flags = self.flags.load(Relaxed);
        // Where an answer is awaited already there is nothing to add: what comes meanwhile ends that as it would end this.
        let said = flags & (Flag::Awaiting as u32 | Flag::Paused as u32 | Flag::Measured as u32);
        let counts = Flag::Accepted as u32 | Flag::Explicit as u32 | Flag::Measured as u32;
        if said != Flag::Awaiting as u32 && (flags & counts != 0 || self.ruled(Class::Response)) {
            self.set(Flag::Writing);
        }
    }

    /// Bytes went, and are to be acknowledged: an answer is awaited, and a request answered, unless something came since the write
    /// began, which may have been that answer, or the next request. True where that changed the flags: whoever judges from then on
    /// (`judging`) sees the clocks that were moved before.
    pub fn wrote(&self) -> bool {
        let after = |flags: u32| {
            let mut after = flags & !(Flag::Sampled as u32);
            if flags & Flag::FastOpen as u32 == 0 {
                after &= !(Flag::Connecting as u32);
            }
            if flags & Flag::Unix as u32 == 0 {
                after |= Flag::Unacked as u32;
            }
            if flags & Flag::Writing as u32 != 0 {
                after = after & !(Flag::Writing as u32 | Flag::Paused as u32) | Flag::Awaiting as u32;
            }
            after
        };
        let flags = self.flags.load(Relaxed);
        // SeqCst pairs with `judging`.
        after(flags) != flags && self.flags.fetch_update(SeqCst, Relaxed, |flags| Some(after(flags))).is_ok()
    }

    /// Does the read clock stand still, while the program works on a request?
    pub fn is_paused(&self) -> bool {
        // Acquire pairs with `wrote`: who finds the request answered finds the clock that its answer has started.
        self.flags.load(Acquire) & Flag::Paused as u32 != 0
    }

    /// Something came from the peer. In one step, and true, as in `wrote`.
    #[inline]
    pub fn received(&self) -> bool {
        let flags = self.flags.load(Relaxed);
        let mut over = Flag::Writing as u32 | Flag::Awaiting as u32 | Flag::Connecting as u32;
        if flags & Flag::TriesFirst as u32 != 0 {
            over |= Flag::WantsInput as u32;
        }
        let paused = if flags & Flag::Accepted as u32 != 0 { Flag::Paused as u32 } else { 0 };
        // SeqCst pairs with `judging`.
        let changed = |flags| Some(flags & !over | paused);
        (flags & over != 0 || flags & paused != paused) && self.flags.fetch_update(SeqCst, Relaxed, changed).is_ok()
    }

    /// The state word of a direction has the mark of who judges it: either those find the mark who move a clock from now on, or
    /// their clocks are found here.
    pub fn judging(&self) {
        // SeqCst pairs with the changes of the flags in `wrote` and `received`, and with `Engine::restart_input`, which moves the
        // clock itself so: each then looks for the mark.
        self.flags.load(SeqCst);
        self.read_start.load(SeqCst);
    }

    /// How often the program was told of the present expiry; counts up with `tell`.
    pub fn told(&self) -> u32 {
        self.flags.load(Relaxed) >> TOLD_SHIFT
    }

    /// Count one telling more.
    pub fn tell(&self) {
        self.flags.fetch_add(1 << TOLD_SHIFT, Relaxed);
    }

    /// A new expiry, of which the program is being told for the first time.
    pub fn tell_first(&self) {
        let _ = self.flags.fetch_update(Relaxed, Relaxed, |flags| {
            let expiry = (flags >> EXPIRY_SHIFT).wrapping_add(1) & 7;
            Some(flags & ((1 << EXPIRY_SHIFT) - 1) | expiry << EXPIRY_SHIFT | 1 << TOLD_SHIFT)
        });
    }

    /// Which telling of which expiry this is, for registrations that each get their own event.
    pub fn telling(&self) -> u32 {
        self.flags.load(Relaxed) >> EXPIRY_SHIFT & 63
    }

    /// The rules that decide each class.
    pub fn decision(&self) -> Decision {
        let bytes = self.rules.load(Relaxed).to_le_bytes();
        let [a, b, c, d, e, ..] = bytes;
        Decision { rule: [a, b, c, d, e] }
    }

    /// Set the rules that decide each class.
    pub fn decide(&self, decision: Decision) {
        let [a, b, c, d, e] = decision.rule;
        let index = (self.index() as u64) << INDEX_SHIFT;
        self.rules.store(index | u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]), Relaxed);
    }

    /// Its place in the table: never changes.
    #[inline]
    pub fn index(&self) -> u32 {
        (self.rules.load(Relaxed) >> INDEX_SHIFT) as u32
    }

    /// Does a rule decide this class here?
    pub fn ruled(&self, class: Class) -> bool {
        (self.rules.load(Relaxed) >> (8 * class as u32)) & 255 != 0
    }

    /// Does any rule decide anything here?
    pub fn any_rule(&self) -> bool {
        self.rules.load(Relaxed) & ((1 << INDEX_SHIFT) - 1) != 0
    }

    /// Did the program set a SO_RCVTIMEO or a SO_SNDTIMEO?
    #[inline]
    pub fn has_timeouts(&self) -> bool {
        self.timeo.load(Relaxed) != 0
    }

    /// The program's own SO_RCVTIMEO, in ns; 0 = none.
    pub fn receive_timeout(&self) -> u64 {
        (self.timeo.load(Relaxed) >> 32) * 1_000_000
    }

    /// The program's own SO_SNDTIMEO, in ns; 0 = none.
    pub fn send_timeout(&self) -> u64 {
        (self.timeo.load(Relaxed) & 0xffff_ffff) * 1_000_000
    }

    /// Remember SO_RCVTIMEO (`receive`) or SO_SNDTIMEO, in ms.
    pub fn set_timeout(&self, receive: bool, ms: u32) {
        let (shift, keep) = if receive { (32, 0xffff_ffff) } else { (0, !0xffff_ffffu64) };
        // One direction must not touch the other (libvma change log): a compare-and-swap, not two stores.
        let _ = self.timeo.fetch_update(Relaxed, Relaxed, |old| Some(old & keep | (ms as u64) << shift));
    }

    /// When the last wait for input ended, given a clock reading `now` of the same life; `now` itself when never.
    pub fn last_wait_gap(&self, now: u64) -> u64 {
        let now_ms = (now / 1_000_000) as u32;
        now_ms.wrapping_sub(self.last_wait_ms.load(Relaxed)) as u64 * 1_000_000
    }

    /// A wait for input ended now.
    pub fn waited(&self, now: u64) {
        self.last_wait_ms.store((now / 1_000_000) as u32, Relaxed);
    }

    /// Call `each` with the number of every set that may hold this socket; `None` once if there may be any number of them.
    pub fn each_set(&self, mut each: impl FnMut(Option<u32>)) {
        // SeqCst pairs with `join`.
        let sets = self.sets.load(SeqCst);
        if sets == u64::MAX {
            return each(None);
        }
        for i in 0..4 {
            let set = (sets >> (16 * i)) & 0xffff;
            if set != 0 {
                each(Some(set as u32 - 1));
            }
        }
    }

    /// Is it in any set?
    #[inline]
    pub fn in_sets(&self) -> bool {
        self.sets.load(SeqCst) != 0
    }

    /// It is not in set number `set` any more.
    pub fn leave(&self, set: u32) {
        let mark = set as u64 + 1;
        let _ = self.sets.fetch_update(Relaxed, Relaxed, |sets| {
            if sets == u64::MAX {
                return None;
            }
            let place = (0..4).find(|i| (sets >> (16 * i)) & 0xffff == mark)?;
            Some(sets & !(0xffff << (16 * place)))
        });
    }

    /// It is in set number `set` from now on.
    pub fn join(&self, set: u32) {
        let mark = set as u64 + 1;
        // SeqCst pairs with `each_set`: who registers joins, and then looks what is armed (`Deadline::load`); who arms
        // (`Deadline::store`) then looks for sets. One of the two sees the other.
        let _ = self.sets.fetch_update(SeqCst, SeqCst, |sets| {
            let place = |i: u32| (sets >> (16 * i)) & 0xffff;
            if sets == u64::MAX || (0..4).any(|i| place(i) == mark) {
                return None;
            }
            Some(match (0..4).find(|&i| place(i) == 0) {
                Some(free) if mark < 0xffff => sets | mark << (16 * free),
                _ => u64::MAX,
            })
        });
    }
}

crate::zeroed! {
    /// 128 descriptions: three pages.
    pub struct Chunk {
        descriptions: [Description; PER_CHUNK],
    }
}

/// All descriptions.
pub struct Descriptions {
    chunks: [Lazy<Chunk>; CHUNKS],
    /// tag << 32 | index + 1 of the first free one. The tag moves at every pop, so that a pop that was delayed fails.
    free: AtomicU64,
    /// How many were ever handed out.
    fresh: AtomicU32,
    /// How many are in use.
    used: AtomicU32,
    cookies: Cookies,
    /// What was said of them through the C API.
    pub explicit: Explicits,
}

impl Default for Descriptions {
    fn default() -> Self {
        Self::new()
    }
}

impl Descriptions {
    /// None in use.
    pub const fn new() -> Descriptions {
        Descriptions {
            chunks: [const { Lazy::new() }; CHUNKS],
            free: AtomicU64::new(0),
            fresh: AtomicU32::new(0),
            used: AtomicU32::new(0),
            cookies: Cookies::new(),
            explicit: Explicits::new(),
        }
    }

    /// The description of this index.
    #[inline(always)]
    pub fn at(&self, index: u32) -> Option<&Description> {
        self.chunks.get(index as usize / PER_CHUNK)?.peek()?.descriptions.get(index as usize % PER_CHUNK)
    }

    /// How many are in use.
    #[inline(always)]
    pub fn used(&self) -> u32 {
        self.used.load(Relaxed)
    }

    /// May one of them have this cookie?
    pub fn may_have(&self, cookie: u32) -> bool {
        self.cookies.may_have(cookie, self.used())
    }

    fn pop(&self) -> Option<u32> {
        let mut head = self.free.load(Acquire);
        loop {
            let index = (head as u32).checked_sub(1)?;
            // The link sits in the life word, which nobody writes while it lacks LIVE: a thread that comes late with rules or
            // clocks for the socket that was here cannot break the list.
            let next = self.at(index)?.life.load(Relaxed);
            let tag = (head >> 32).wrapping_add(1);
            match self.free.compare_exchange_weak(head, tag << 32 | (next & 0xffff_ffff), AcqRel, Acquire) {
                Ok(_) => return Some(index),
                Err(now) => head = now,
            }
        }
    }

    /// Count a new one's cookie, before anyone else knows it.
    pub fn count<K: Kernel>(&self, k: &K, d: &Description) {
        if self.cookies.add(k, d.cookie()) {
            d.set(Flag::Counted);
        }
    }

    /// A new description with one reference; `None` when there is no memory.
    pub fn create<K: Kernel>(&self, k: &K, cookie: u32) -> Option<(u32, &Description)> {
        let index = match self.pop() {
            Some(index) => index,
            None => {
                let limit = (PER_CHUNK * CHUNKS) as u32;
                let index = self.fresh.fetch_update(Relaxed, Relaxed, |n| (n < limit).then_some(n + 1)).ok()?;
                // Without memory the index is lost, one of a million; the socket stays plain.
                self.chunks.get(index as usize / PER_CHUNK)?.obtain(k)?;
                index
            }
        };
        let d = self.at(index)?;
        let generation = ((d.life.load(Relaxed) >> 32) as u32).wrapping_add(1);
        for cell in [&d.read_start, &d.write_start, &d.last_write, &d.sets, &d.timeo] {
            cell.store(0, Relaxed);
        }
        d.rules.store((index as u64) << INDEX_SHIFT, Relaxed);
        self.explicit.begin(index, generation);
        d.cookie_acked.store((cookie as u64) << 32, Relaxed);
        d.flags.store(0, Relaxed);
        d.last_wait_ms.store(0, Relaxed);
        d.read.begin(generation);
        d.write.begin(generation);
        d.lifetime.begin(generation);
        // Release pairs with the Acquire in `generation`: whoever sees this life sees the cleared fields.
        d.life.store((generation as u64) << 32 | LIVE | 1, Release);
        self.used.fetch_add(1, AcqRel);
        Some((index, d))
    }

    /// One slot more points here. False if the last one is gone meanwhile.
    pub fn share(&self, index: u32) -> bool {
        let Some(d) = self.at(index) else { return false };
        d.life.fetch_update(AcqRel, Acquire, |life| (life & LIVE != 0).then_some(life + 1)).is_ok()
    }

    /// One slot fewer points here; the last one frees it.
    pub fn release(&self, index: u32) {
        self.release_with(index, |_| ());
    }

    /// The same; the last one calls `last` before it is freed, and while it is still the life it was: exactly one of several threads
    /// that release at once.
    pub fn release_with(&self, index: u32, last: impl FnOnce(&Description)) {
        let Some(d) = self.at(index) else { return };
        let before = d.life.fetch_update(AcqRel, Acquire, |life| match life & 0xffff_ffff {
            references if references & LIVE == 0 => None,
            references if references == LIVE | 1 => Some(life - LIVE - 1),
            _ => Some(life - 1),
        });
        if !before.is_ok_and(|life| life & 0xffff_ffff == LIVE | 1) {
            return;
        }
        last(d);
        let generation = d.generation().wrapping_add(1);
        d.read.begin(generation);
        d.write.begin(generation);
        d.lifetime.begin(generation);
        // Before it is unused: what is on its way looks uncounted.
        if d.clear(Flag::Counted) {
            self.cookies.remove(d.cookie());
        }
        self.used.fetch_sub(1, AcqRel);
        let mut head = self.free.load(Relaxed);
        loop {
            d.life.store((generation as u64) << 32 | (head & 0xffff_ffff), Relaxed);
            // Release pairs with the Acquire in `pop`, which reads the link.
            let new = (head & !0xffff_ffff) | (index as u64 + 1);
            match self.free.compare_exchange_weak(head, new, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}

const _: () = assert!(core::mem::size_of::<Description>() == 96);
