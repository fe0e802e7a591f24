//! The engine: what a deadline does to a socket call.
//!
//! No libc, no TLS, no allocation, no reachable panic, and it never blocks: a door (libc's names, Go's syscall function, the
//! C API) hands a call in, gets a `Step` back and performs it. Nothing here knows which door that is.
//!
//! Calls go down only: op -> table / policy / set -> sys. What a user reads (records, rules) is data here; only the command
//! prints.
#![no_std]

/// The atomics: core's, or those of a model in which tests/loom checks the protocols.
#[cfg(loom)]
#[path = "../../tests/loom/engine/atomic.rs"]
pub mod atomic;
#[cfg(not(loom))]
pub use core::sync::atomic;

pub mod evidence;
pub mod op;
pub mod policy;
pub mod process;
pub mod set;
pub mod settings;
pub mod sys;
pub mod table;

use crate::atomic::{AtomicBool, AtomicU32, Ordering::*};
use evidence::page::Page;
use process::Process;
use set::Sets;
use settings::Settings;
use sys::{Kernel, Published, Shared};
use table::{Descriptions, Kind, Loans, Measures, Scopes, Slots, Waiters};

/// Everything that is known in one process.
pub struct Engine<K: Kernel> {
    /// The way to the kernel.
    pub kernel: K,
    /// A bit for each `Kind` that leaves the fast path.
    interest: AtomicU32,
    /// Not enforced any more (a sandbox): every call is the plain call.
    retired: AtomicBool,
    pub(crate) slots: Slots,
    pub(crate) descriptions: Descriptions,
    pub(crate) sets: Sets,
    pub(crate) loans: Loans,
    pub(crate) waiters: Waiters,
    pub(crate) measures: Measures,
    /// The evidence page.
    pub(crate) page: Shared<Page>,
    /// No page is made any more.
    sealed: AtomicBool,
    /// The scopes that threads are in.
    pub scopes: Scopes,
    /// Whatever closes an fd of the program comes by us.
    sees_closes: AtomicBool,
    /// What the operator said.
    pub settings: Published<Settings>,
    /// What forks and vforks mean.
    pub process: Process,
}

const TRACKED: u32 = Kind::Socket.bit() | Kind::Set.bit() | Kind::Hidden.bit() | Kind::Closing.bit();
/// In the mask of kinds: the program has called the C API, and every wait can be moved.
const MOVABLE: u32 = 1 << 31;
/// There too: a socket was described, so that a deadline may concern waits on many fds.
const DESCRIBED: u32 = 1 << 30;

impl<K: Kernel> Engine<K> {
    /// An engine without settings: nothing is bounded but what the program itself asks for.
    pub const fn new(kernel: K) -> Engine<K> {
        Engine {
            kernel,
            interest: AtomicU32::new(0),
            retired: AtomicBool::new(false),
            slots: Slots::new(),
            descriptions: Descriptions::new(),
            sets: Sets::new(),
            loans: Loans::new(),
            waiters: Waiters::new(),
            measures: Measures::new(),
            page: Shared::new(),
            sealed: AtomicBool::new(false),
            scopes: Scopes::new(),
            sees_closes: AtomicBool::new(false),
            settings: Published::new(Settings::new()),
            process: Process::new(),
        }
    }

    /// Begin: publish the settings. Until then, and if never called, every call is the plain call.
    pub fn start(&self, write: impl FnOnce(&mut Settings)) {
        let write = |settings: &mut Settings| {
            write(settings);
            settings.least = op::least_wait(&settings.policy);
        };
        if !self.settings.publish(write) {
            return;
        }
        let unknown = if self.ruled() { Kind::Unknown.bit() } else { 0 };
        self.interest.store(TRACKED | unknown, Release);
    }

    /// Does a call on this fd need more than the plain call? The question every interposed call begins with.
    #[inline(always)]
    pub fn concerns(&self, fd: i32) -> bool {
        (self.interest.load(Relaxed) >> self.slots.word(fd).kind_shift()) & 1 != 0
    }

    /// Is there anything to do when this number is closed?
    #[inline(always)]
    pub fn closes(&self, fd: i32) -> bool {
        self.slots.place(fd).is_some_and(|place| place.is_known())
    }

    /// Is the engine at work at all?
    #[inline(always)]
    pub fn active(&self) -> bool {
        self.interest.load(Relaxed) != 0
    }

    /// May any fd have a deadline? When not, waits on many fds need no look at them.
    #[inline(always)]
    pub fn anything_tracked(&self) -> bool {
        self.interest.load(Relaxed) & (Kind::Unknown.bit() | DESCRIBED) != 0
    }

    /// A socket is described from now on.
    #[inline]
    pub(crate) fn become_described(&self) {
        if self.interest.load(Relaxed) & DESCRIBED == 0 {
            // Where a sandbox has ended everything, that holds.
            let add = |interest| (interest != 0).then_some(interest | DESCRIBED);
            let _ = self.interest.fetch_update(Relaxed, Relaxed, add);
        }
    }

    /// Is there a policy?
    pub fn ruled(&self) -> bool {
        self.settings.peek().is_some_and(|s| !s.policy.is_empty())
    }

    /// Has the program called the C API? From then on every wait for a socket can be moved.
    #[inline(always)]
    pub fn movable(&self) -> bool {
        self.interest.load(Relaxed) & MOVABLE != 0
    }

    pub(crate) fn become_movable(&self, sees_closes: bool) {
        self.sees_closes.store(sees_closes, Relaxed);
        self.interest.fetch_or(TRACKED | Kind::Unknown.bit() | MOVABLE, SeqCst);
    }

    /// Does whatever closes an fd of the program come by us?
    #[inline]
    pub(crate) fn sees_closes(&self) -> bool {
        self.sees_closes.load(Relaxed)
    }

    /// Every call is the plain call, until the program itself asks for more (the C API): what the operator said is not to be used.
    pub fn stand_by(&self) {
        self.interest.store(0, Release);
    }

    /// From now on every call is the plain call (a sandbox forbids what we need).
    pub fn retire(&self) {
        self.retired.store(true, Relaxed);
        self.interest.store(0, Release);
    }

    /// Was the engine retired?
    pub fn retired(&self) -> bool {
        self.retired.load(Relaxed)
    }
}
