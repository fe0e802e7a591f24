//! With which ordering an access is made in a model: as the source says, or weaker, to show that the model would notice.

extern crate std;

use super::memory;
use core::panic::Location;
use core::sync::atomic::Ordering::{self, *};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::vec::Vec;

/// An access in the sources.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Site {
    /// From `src/` on; of what lies elsewhere (the models) no site is made.
    pub file: String,
    /// As the compiler counts.
    pub line: u32,
    /// As the compiler counts.
    pub column: u32,
}

/// One ordering of an access made weaker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Weakening {
    /// Where.
    pub site: Site,
    /// The ordering of an exchange that fails, or of a `fetch_update`'s load.
    pub failure: bool,
    /// What the source says.
    pub from: Ordering,
    /// What is done instead.
    pub to: Ordering,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Load,
    Store,
    Change,
    Fence,
}

/// What is known of one site.
#[derive(Clone, Copy)]
struct Orders {
    kind: Kind,
    success: Ordering,
    failure: Option<Ordering>,
}

/// Where the fence of a SeqCst access is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fences {
    /// Before it, of a load as well.
    Leading,
    /// After it, and only where it stored.
    Trailing,
}

std::thread_local! {
    static SEEN: RefCell<BTreeMap<Site, Orders>> = const { RefCell::new(BTreeMap::new()) };
    static WEAKENED: RefCell<Option<Weakening>> = const { RefCell::new(None) };
}

/// From now on one access is weaker than its source says.
pub fn weaken(weakening: Option<Weakening>) {
    WEAKENED.with(|weakened| *weakened.borrow_mut() = weakening);
}

/// What could be weakened of all that the models did since the last call.
pub fn survey() -> Vec<Weakening> {
    let seen = SEEN.with(|seen| core::mem::take(&mut *seen.borrow_mut()));
    let mut all = Vec::new();
    for (site, orders) in seen {
        let mut add = |failure, from, to: &[Ordering]| {
            all.extend(to.iter().map(|to| Weakening { site: site.clone(), failure, from, to: *to }));
        };
        let weaker: &[Ordering] = match (orders.kind, orders.success) {
            (_, Relaxed) => &[],
            (Kind::Load, SeqCst) => &[Acquire, Relaxed],
            (Kind::Store, SeqCst) => &[Release, Relaxed],
            (_, SeqCst) => &[AcqRel, Relaxed],
            (_, AcqRel) => &[Acquire, Release],
            _ => &[Relaxed],
        };
        add(false, orders.success, weaker);
        match orders.failure {
            Some(SeqCst) => add(true, SeqCst, &[Acquire]),
            Some(Acquire) => add(true, Acquire, &[Relaxed]),
            _ => {}
        }
    }
    all
}

/// One access.
pub(super) struct Op {
    kind: Kind,
    success: Ordering,
    failure: Ordering,
}

impl Op {
    pub fn load(order: Ordering, at: &Location<'static>) -> Op {
        Op::new(Kind::Load, order, None, at)
    }

    pub fn store(order: Ordering, at: &Location<'static>) -> Op {
        Op::new(Kind::Store, order, None, at)
    }

    pub fn change(success: Ordering, failure: Option<Ordering>, at: &Location<'static>) -> Op {
        Op::new(Kind::Change, success, failure, at)
    }

    pub fn fence(order: Ordering, at: &Location<'static>) -> Op {
        Op::new(Kind::Fence, order, None, at)
    }

    fn new(kind: Kind, success: Ordering, failure: Option<Ordering>, at: &Location<'static>) -> Op {
        let mut op = Op { kind, success, failure: failure.unwrap_or(Relaxed) };
        let interesting = op.success != Relaxed || op.failure != Relaxed;
        let Some(start) = at.file().find("src/").filter(|_| interesting && memory::is_running()) else { return op };
        let site = Site { file: at.file()[start..].to_string(), line: at.line(), column: at.column() };
        WEAKENED.with(|weakened| {
            if let Some(weakening) = weakened.borrow().as_ref().filter(|weakening| weakening.site == site) {
                *if weakening.failure { &mut op.failure } else { &mut op.success } = weakening.to;
            }
        });
        SEEN.with(|seen| {
            seen.borrow_mut().entry(site).or_insert(Orders { kind, success, failure });
        });
        op
    }

    /// Make the access with loom's orderings, and with the fence that SeqCst asks for.
    pub fn around<T>(&self, access: impl FnOnce(Ordering, Ordering) -> T) -> T {
        self.between(self.success == SeqCst, access, |_| self.kind != Kind::Load && self.success == SeqCst)
    }

    /// The same of an exchange, which has another ordering where it fails, and stores nothing then.
    pub fn exchange<T>(&self, access: impl FnOnce(Ordering, Ordering) -> Result<T, T>) -> Result<T, T> {
        let before = self.success == SeqCst || self.failure == SeqCst;
        self.between(before, access, |done| done.is_ok() && self.success == SeqCst)
    }

    /// The load of a `fetch_update`.
    pub fn fetch<T>(&self, access: impl FnOnce(Ordering, Ordering) -> T) -> T {
        self.between(self.failure == SeqCst, access, |_| false)
    }

    /// `before`: is it SeqCst? `after`: has it stored, as SeqCst?
    fn between<T>(
        &self,
        before: bool,
        access: impl FnOnce(Ordering, Ordering) -> T,
        after: impl FnOnce(&T) -> bool,
    ) -> T {
        let success = match (self.success, self.kind) {
            (SeqCst, Kind::Load) => Acquire,
            (SeqCst, Kind::Store) => Release,
            (SeqCst, _) => AcqRel,
            (order, _) => order,
        };
        let failure = if self.failure == SeqCst { Acquire } else { self.failure };
        let fences = memory::fences();
        if before && fences == Fences::Leading {
            memory::total_fence();
        }
        let done = access(success, failure);
        if fences == Fences::Trailing && after(&done) {
            memory::total_fence();
        }
        done
    }

    /// Make the fence.
    pub fn make(&self) {
        match self.success {
            Relaxed => {}
            SeqCst => memory::total_fence(),
            order => loom::sync::atomic::fence(order),
        }
    }
}
