//! The hidden timerfd of a set: what wakes a wait that began before its deadline was armed, or in another thread.
//!
//! Edge-triggered, so its event is never read, only filtered; its token carries our pid, so that a set shared with another
//! process can tell whose timer fired. Its event must never reach the program: `is_token` is asked of every event.

use crate::atomic::{AtomicU32, AtomicU64, Ordering::*};

/// The upper half of our tokens. No pointer has it (not canonical on x86-64 and aarch64), and neither a small number nor
/// an fd with a small generation above it does.
const TOKEN: u64 = 0xc9a1_5e7d << 32;

/// Is this epoll_data one of ours, of any process?
#[inline(always)]
pub fn is_token(data: u64) -> bool {
    data & (0xffff_ffff << 32) == TOKEN
}

/// The token of a process.
pub fn token(pid: u32) -> u64 {
    TOKEN | pid as u64
}

crate::zeroed! {
    /// State of a set's timer.
    pub struct Timer {
        /// epoch << 32 | fd + 1, `REFUSED`, or `MAKING` and which making; 0 = none yet. Of another epoch (before a fork): none.
        state: AtomicU64,
        /// How often one was begun to be made.
        makings: AtomicU32,
        /// The instant it is programmed to; 0 = not.
        at: AtomicU64,
    }
}

const REFUSED: u64 = 0xffff_ffff;
/// One is being made. Below it which making: the set may be closed meanwhile, and its number be another set's that makes its own.
const MAKING: u64 = 1 << 31;
const WHICH: u64 = (1 << 30) - 1;

/// What `Timer::claim` found.
pub enum Claim {
    /// The timer is this fd.
    Have(i32),
    /// There is none, and the caller is the one to make it: `settle` must follow.
    Make(Making),
    /// There is none to be had now: the waits' own timeouts do alone.
    Without,
}

/// The right to make a set's timer.
pub struct Making {
    state: u64,
    /// The number of a timer that a forked child inherited.
    pub inherited: Option<i32>,
}

/// The timer's number in a state, of whichever epoch.
fn number(state: u64) -> Option<i32> {
    let fd = state & 0xffff_ffff;
    (fd != 0 && fd < MAKING).then(|| fd as i32 - 1)
}

impl Timer {
    /// Is there none to be had in this epoch? Then nobody can wake a wait in this set.
    pub fn refused(&self, epoch: u32) -> bool {
        self.state.load(Acquire) == (epoch as u64) << 32 | REFUSED
    }

    /// The fd, in this epoch.
    pub fn fd(&self, epoch: u32) -> Option<i32> {
        let state = self.state.load(Acquire);
        number(state).filter(|_| state >> 32 == epoch as u64)
    }

    /// The timer's number, of whichever epoch: a forked child inherits its parent's.
    pub fn number(&self) -> Option<i32> {
        number(self.state.load(Acquire))
    }

    /// Find the timer or the right to make it.
    pub fn claim(&self, epoch: u32) -> Claim {
        // SeqCst pairs with `settle`: who is sent away here has lowered the tree before, and whoever made the timer reads the tree
        // after. One of the two sees the other.
        let state = self.state.load(SeqCst);
        if state >> 32 == epoch as u64 {
            match state & 0xffff_ffff {
                0 => {}
                MAKING.. => return Claim::Without,
                fd => return Claim::Have(fd as i32 - 1),
            }
        }
        let which = self.makings.fetch_add(1, Relaxed) as u64 & WHICH;
        let making = (epoch as u64) << 32 | MAKING | which;
        match self.state.compare_exchange(state, making, AcqRel, Acquire) {
            Ok(_) => Claim::Make(Making { state: making, inherited: number(state) }),
            Err(_) => Claim::Without,
        }
    }

    /// The timer was made (or could not be). False if the set was closed meanwhile: then it is nobody's.
    pub fn settle(&self, making: &Making, fd: Option<i32>) -> bool {
        let at = self.at.load(Relaxed);
        if self.state.load(Acquire) != making.state {
            return false;
        }
        // Not what another set, which has the number since just now, has programmed.
        let _ = self.at.compare_exchange(at, 0, Relaxed, Relaxed);
        let fd = fd.map_or(REFUSED, |fd| fd as u64 + 1);
        let made = making.state & !0xffff_ffff | fd;
        // Pairs with the Acquire in `fd`: who finds the timer finds it not programmed. SeqCst: see `claim`.
        self.state.compare_exchange(making.state, made, SeqCst, Relaxed).is_ok()
    }

    /// The timer is gone (closed behind our back, or with its set); another may be made. Its number, if there was one: exactly one of
    /// several callers gets it. Who is just making one finds out (`settle`).
    pub fn forget(&self) -> Option<i32> {
        number(self.state.swap(0, AcqRel))
    }

    /// The same, if it is this one still.
    pub fn forget_this(&self, epoch: u32, fd: i32) {
        let state = (epoch as u64) << 32 | (fd as u64 + 1);
        let _ = self.state.compare_exchange(state, 0, AcqRel, Relaxed);
    }

    /// Should the timer be programmed to `instant`? True if it is now later, or not programmed; remembers the instant. The
    /// caller programs it, and then looks at `programmed`: another thread may have asked for an earlier instant and been
    /// overtaken on its way to the kernel.
    pub fn earlier(&self, instant: u64) -> bool {
        // SeqCst pairs with `fired`: who leaves it to the instant that is programmed has lowered the tree before, and who took that
        // instant back reads the tree after.
        self.at.fetch_update(SeqCst, SeqCst, |at| (at == 0 || instant < at).then_some(instant)).is_ok()
    }

    /// The instant that was last asked for; 0 = none.
    pub fn programmed(&self) -> u64 {
        self.at.load(Acquire)
    }

    /// Will it end a wait in this epoch by `instant`?
    pub fn covers(&self, epoch: u32, instant: u64) -> bool {
        let at = self.at.load(Acquire);
        at != 0 && at <= instant && self.fd(epoch).is_some()
    }

    /// It fired: whatever is next must be programmed anew.
    pub fn fired(&self, now: u64) {
        let _ = self.at.fetch_update(SeqCst, SeqCst, |at| (at != 0 && at <= now).then_some(0));
    }
}
