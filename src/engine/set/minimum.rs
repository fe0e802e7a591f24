//! One node of the tree of minima.
//!
//! Lowering is a single atomic minimum, bottom up. Raising happens only while correcting: read the node, read its children,
//! swap, and read the children again. A child that was lowered in between is either seen by the second reading, or its
//! owner lowers the node after the swap. (The pair is named in the comments below.) Both change the node by an exchange, and of
//! two exchanges of one word the second knows the first: for that AcqRel would do. SeqCst is for who looks at the tree after
//! another word, or at another word after the tree (`Timer`).

use crate::atomic::{AtomicU64, Ordering::*};

crate::zeroed! {
    /// An instant in ns; stored inverted, so that zeroed memory reads "never".
    pub struct Minimum {
        inverted: AtomicU64,
    }
}

impl Minimum {
    /// The instant, or `u64::MAX`.
    #[inline(always)]
    pub fn load(&self) -> u64 {
        // SeqCst pairs with `lower`: see `Timer::claim` and `Timer::earlier`.
        !self.inverted.load(SeqCst)
    }

    /// Lower to `instant`. True if that changed it.
    pub fn lower(&self, instant: u64) -> bool {
        // SeqCst pairs with `correct`: the child is lowered before its node, so a correction that missed the child's new
        // value swaps before this node is lowered.
        !self.inverted.fetch_max(!instant, SeqCst) > instant
    }

    /// Replace `seen` by `instant`. False if it changed meanwhile.
    pub fn replace(&self, seen: u64, instant: u64) -> bool {
        self.inverted.compare_exchange(!seen, !instant, SeqCst, Acquire).is_ok()
    }

    /// Set this node to the minimum of its children.
    pub fn correct(&self, children: &[Minimum]) {
        let least = || children.iter().map(|c| !c.inverted.load(SeqCst)).min().unwrap_or(u64::MAX);
        let seen = !self.inverted.load(SeqCst);
        let new = least();
        if new > seen {
            self.replace(seen, new);
        }
        // SeqCst pairs with `lower`: a child lowered before the swap is seen here. Also where another correction was faster, or
        // nothing was to be raised: its reading may be older than ours.
        self.lower(least());
    }
}
