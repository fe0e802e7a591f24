//! Waits that can be moved: who waits on which descriptions until when, and what wakes him.
//!
//! A place belongs to one wait at a time. Nothing depends on its being given back: a thread that is cancelled in its wait leaves
//! the place taken, which then is woken in vain until the thread's death is noticed. Making and setting wakers belongs in `op`.

use crate::atomic::{AtomicU32, AtomicU64, Ordering::*};
use crate::sys::{Kernel, Lazy};

/// How many waits at a time can be woken; the others look again every few milliseconds.
pub const PLACES: usize = 512;

crate::zeroed! {
    /// One wait.
    pub struct Waiter {
        /// The thread that waits here; 0 = free.
        thread: AtomicU32,
        /// The waker was set off since the last wait here began.
        fired: AtomicU32,
        /// A bit for each description waited on, by its index modulo 64: more may match than are meant.
        which: AtomicU64,
        /// The wait ends by itself at this instant.
        until: AtomicU64,
        /// epoch << 32 | the waker's fd + 1; of another epoch (before a fork): none.
        waker: AtomicU64,
    }
}

/// The bit of a description in a wait's `which`.
pub fn bit(index: u32) -> u64 {
    1 << (index % 64)
}

impl Waiter {
    /// From now on whoever moves a deadline of one of `which` wakes this wait. What it waits for must be read after this.
    pub fn announce(&self, which: u64) {
        self.until.store(u64::MAX, Relaxed);
        // SeqCst pairs with the load in `wants`: either the setter finds this wait, or the wait reads what was set.
        self.which.store(which, SeqCst);
    }

    /// It ends by itself at `until`: no one need wake it for a later instant.
    pub fn ends(&self, until: u64) {
        // It hands nothing on: the instant is all there is.
        self.until.store(until, Release);
    }

    /// Must this wait hear of an instant that was set for this description?
    pub fn wants(&self, index: u32, instant: u64) -> bool {
        // SeqCst and Acquire pair with `announce`: who finds the wait finds no instant of the one before.
        self.which.load(SeqCst) & bit(index) != 0 && self.until.load(Acquire) > instant
    }

    /// The waker is being set off.
    pub fn fire(&self) {
        // Pairs with `take_fired`; what they are about, the waker, the kernel orders.
        self.fired.store(1, Release);
    }

    /// Was it set off?
    pub fn take_fired(&self) -> bool {
        self.fired.load(Acquire) != 0 && self.fired.swap(0, AcqRel) != 0
    }

    /// The wait is over.
    pub fn leave(&self) {
        self.which.store(0, Release);
        // Release pairs with the exchange in `claim`: who has the place next announces himself after this.
        self.thread.store(0, Release);
    }

    /// The waker, in this epoch.
    pub fn waker(&self, epoch: u32) -> Option<i32> {
        of_epoch(&self.waker, epoch)
    }

    /// The number of the waker that was made in another epoch, if there is one: after a fork it is shared with the parent.
    pub fn inherited(&self, epoch: u32) -> Option<i32> {
        let word = self.waker.load(Acquire);
        ((word >> 32) as u32 != epoch).then_some(word as u32 as i32 - 1).filter(|fd| *fd >= 0)
    }

    /// This is its waker now. Only who has claimed the place says so.
    pub fn settle(&self, epoch: u32, waker: Option<i32>) {
        self.waker.store(waker.map_or(0, |fd| in_epoch(epoch, fd)), Release);
    }
}

fn in_epoch(epoch: u32, fd: i32) -> u64 {
    (epoch as u64) << 32 | (fd as u32 as u64 + 1)
}

fn of_epoch(cell: &AtomicU64, epoch: u32) -> Option<i32> {
    let word = cell.load(Acquire);
    ((word >> 32) as u32 == epoch).then_some(word as u32 as i32 - 1).filter(|fd| *fd >= 0)
}

crate::zeroed! {
    /// All of them: 16 KiB.
    pub struct Places {
        places: [Waiter; PLACES],
    }
}

/// The waits of this process that can be moved.
pub struct Waiters {
    places: Lazy<Places>,
    /// Places that were ever taken.
    used: AtomicU32,
    /// epoch << 32 | the fd + 1 of the file that all wakers hold.
    readable: AtomicU64,
}

impl Default for Waiters {
    fn default() -> Self {
        Self::new()
    }
}

impl Waiters {
    /// Nobody waits.
    pub const fn new() -> Waiters {
        Waiters { places: Lazy::new(), used: AtomicU32::new(0), readable: AtomicU64::new(0) }
    }

    /// A free place, now this thread's. `is_dead` is asked of others' threads when none is free.
    pub fn claim<K: Kernel>(&self, k: &K, thread: u32, is_dead: impl Fn(u32) -> bool) -> Option<(u32, &Waiter)> {
        let places = &self.places.obtain(k)?.places;
        let take = |from: &dyn Fn(u32) -> bool| {
            places.iter().enumerate().find(|(_, place)| {
                let seen = place.thread.load(Relaxed);
                from(seen) && place.thread.compare_exchange(seen, thread, AcqRel, Relaxed).is_ok()
            })
        };
        // Where all are taken: its own, which it left by siglongjmp; then those of the dead.
        let (number, place) =
            take(&|seen| seen == 0).or_else(|| take(&|seen| seen == thread)).or_else(|| take(&|seen| is_dead(seen)))?;
        // Before `announce`: whoever must find this wait looks at so many places. SeqCst pairs with the load in `each`.
        self.used.fetch_max(number as u32 + 1, SeqCst);
        Some((number as u32, place))
    }

    /// The file that the wakers of this epoch hold.
    pub fn readable(&self, epoch: u32) -> Option<i32> {
        of_epoch(&self.readable, epoch)
    }

    /// Let it be this one, unless another thread was faster; which one it is.
    pub fn settle_readable(&self, epoch: u32, fd: i32) -> i32 {
        let seen = self.readable.load(Acquire);
        if let Some(theirs) = of_epoch(&self.readable, epoch) {
            return theirs;
        }
        match self.readable.compare_exchange(seen, in_epoch(epoch, fd), AcqRel, Acquire) {
            Ok(_) => fd,
            Err(_) => of_epoch(&self.readable, epoch).unwrap_or(fd),
        }
    }

    /// The place of this number.
    pub fn at(&self, number: u32) -> Option<&Waiter> {
        self.places.peek()?.places.get(number as usize)
    }

    /// Every place that was ever taken.
    pub fn each(&self, each: impl FnMut(&Waiter)) {
        let used = self.used.load(SeqCst) as usize;
        if let Some(places) = self.places.peek().filter(|_| used != 0) {
            places.places.iter().take(used).for_each(each);
        }
    }
}
