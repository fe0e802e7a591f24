//! Waits that can be moved: a thread that waits for a socket waits for a waker as well, which another thread sets off when it
//! has moved a deadline.
//!
//! A waker is an epoll set that holds one file, always readable; set off, the set asks for that, and else for nothing. Rather than
//! an eventfd that is written to: should the program have closed it behind our back, and its number be another file's by now,
//! epoll_ctl fails there, while a write would go into a stranger's stream (decision 17). What a deadline means is `explicit`'s.

use super::clock::Direction;
use super::scope::Scope;
use super::Step;
use crate::atomic::{fence, Ordering::SeqCst};
use crate::sys::{event, file, process, Kernel};
use crate::table::{waiters, Description, Kind, SlotWord, Waiter};
use crate::Engine;

/// How long a wait may be that nobody can wake: it looks again.
pub(crate) const SLICE: u64 = 10_000_000;

/// A wait that can be moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Moving {
    place: u32,
    waker: i32,
}

/// No fd: poll passes over it.
pub(crate) const NO_WAKER: i32 = -1;

/// The fd that ends a wait when it is moved.
pub(crate) fn waker(moving: &Option<Moving>) -> i32 {
    moving.as_ref().map_or(NO_WAKER, |moving| moving.waker)
}

/// How an operation on one socket waits: within its thread's scope, and so that it can be moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Patience {
    /// The scope of the thread.
    pub scope: Scope,
    moving: Option<Moving>,
}

impl Patience {
    /// Not waiting.
    pub const fn new() -> Patience {
        Patience { scope: Scope::NONE, moving: None }
    }

    /// A wait is about to begin: what bounds it must be read after this, so that nothing set meanwhile is missed.
    pub fn announce<K: Kernel>(&mut self, e: &Engine<K>, d: &Description) {
        if self.moving.is_none() && e.movable() {
            self.moving = e.begin_wait_for(waiters::bit(d.index()));
        }
    }

    /// Wait for the socket until `until`, or until what bounds its operations. `None`: the number was closed meanwhile, and
    /// nobody would wake who waits for its next owner.
    pub fn wait<K: Kernel>(
        &mut self,
        e: &Engine<K>,
        (fd, slot, d): (i32, SlotWord, &Description),
        direction: Direction,
        until: u64,
        now: u64,
    ) -> Option<Step> {
        self.announce(e, d);
        if self.moving.is_some() && e.slots.word(fd) != slot {
            self.end(e);
            return None;
        }
        let until = until.min(e.bound(d, direction, self.scope).at);
        let until = e.waits_until(&self.moving, until, now);
        Some(Step::Wait { fd, events: direction.events(), until, waker: waker(&self.moving) })
    }

    /// The wait is over, if there was one.
    #[inline]
    pub fn end<K: Kernel>(&mut self, e: &Engine<K>) {
        if self.moving.is_some() {
            e.end_wait(&mut self.moving);
        }
    }
}

impl<K: Kernel> Engine<K> {
    /// A wait for these sockets (their `waiters::bit`s) begins. `None`: nobody can wake it, or need to.
    pub(crate) fn begin_wait_for(&self, which: u64) -> Option<Moving> {
        if which == 0 || !self.movable() {
            return None;
        }
        let k = &self.kernel;
        let is_dead = |thread: u32| !process::is_thread(k, thread as i32);
        let (place, waiter) = self.waiters.claim(k, process::tid(k) as u32, is_dead)?;
        let Some(waker) = self.waker_of(waiter) else {
            waiter.leave();
            return None;
        };
        waiter.announce(which);
        fence(SeqCst);
        Some(Moving { place, waker })
    }

    /// It will end at `until` by itself. How long it may really last: one that cannot be woken looks again soon.
    pub(crate) fn waits_until(&self, moving: &Option<Moving>, until: u64, now: u64) -> u64 {
        match moving.as_ref().and_then(|moving| self.waiters.at(moving.place)) {
            Some(waiter) => {
                waiter.ends(until);
                until
            }
            None if self.movable() => until.min(now.saturating_add(SLICE)),
            None => until,
        }
    }

    /// The wait is over.
    pub(crate) fn end_wait(&self, moving: &mut Option<Moving>) {
        let Some(moving) = moving.take() else { return };
        let Some(waiter) = self.waiters.at(moving.place) else { return };
        if waiter.take_fired() {
            self.set_waker(moving.waker, 0);
        }
        waiter.leave();
    }

    /// Something now ends at `instant` for those who wait on this description: wake who would not notice.
    pub(crate) fn wake(&self, index: u32, instant: u64) {
        // Pairs with the one in `begin_wait_for`: either we find the wait there, or it finds what was set here.
        fence(SeqCst);
        let mut epoch = None;
        self.waiters.each(|waiter| {
            if !waiter.wants(index, instant) {
                return;
            }
            let epoch = *epoch.get_or_insert_with(|| self.process.epoch(&self.kernel));
            if let Some(waker) = waiter.waker(epoch) {
                self.set_waker(waker, libc::EPOLLIN as u32);
                // After it: a wait that ends in between leaves the waker set, and the next one here must find that out.
                waiter.fire();
            }
        });
    }

    /// Let the waker ask for these events of its file.
    fn set_waker(&self, waker: i32, events: u32) {
        let epoch = self.process.epoch(&self.kernel);
        if let Some(readable) = self.waiters.readable(epoch) {
            let _ = event::epoll_modify(&self.kernel, waker, readable, events, 0);
        }
    }

    fn waker_of(&self, waiter: &Waiter) -> Option<i32> {
        let epoch = self.process.epoch(&self.kernel);
        if let Some(waker) = waiter.waker(epoch).filter(|waker| self.is_waker(*waker)) {
            return Some(waker);
        }
        // A forked child shares the wakers of its parent, and must not set them.
        if let Some(waker) = waiter.inherited(epoch).filter(|waker| self.is_waker(*waker)) {
            self.slots.retire(waker);
            let _ = file::close(&self.kernel, waker);
        }
        let waker = self.new_waker(epoch);
        waiter.settle(epoch, waker);
        waker
    }

    fn is_waker(&self, fd: i32) -> bool {
        self.slots.word(fd).kind() == Kind::Waker
    }

    fn new_waker(&self, epoch: u32) -> Option<i32> {
        let k = &self.kernel;
        let readable = match self.waiters.readable(epoch).filter(|fd| self.is_waker(*fd)) {
            Some(readable) => readable,
            None => {
                // Of two threads that come here at once one's is left over: a number in a process's life.
                let readable = self.private(event::always_readable(k).ok()?, Kind::Waker)?;
                self.waiters.settle_readable(epoch, readable)
            }
        };
        let waker = self.private(event::epoll(k).ok()?, Kind::Waker)?;
        if event::epoll_add(k, waker, readable, 0, 0).is_err() {
            self.slots.retire(waker);
            let _ = file::close(k, waker);
            return None;
        }
        Some(waker)
    }
}
