//! Which sockets may be known already: counts of descriptions by the low bits of their cookies.
//!
//! A number that was not seen to come into being may be another number of a socket that is known. To find that out is a walk
//! through all numbers; a count of zero here spares it. A count may be too high, which costs a walk, and is never too low.

use crate::atomic::{AtomicU32, AtomicU8, Ordering::*};
use crate::sys::{Kernel, Lazy};

/// The kernel gives cookies one after the other, so as many counts as descriptions collide little. A megabyte, of which only
/// what is used is there.
const COUNTS: usize = 1 << 20;

crate::zeroed! {
    struct Counts {
        of: [AtomicU8; COUNTS],
    }
}

/// How many descriptions have a cookie like this.
pub struct Cookies {
    counts: Lazy<Counts>,
    /// How many descriptions are counted.
    all: AtomicU32,
}

impl Cookies {
    /// None counted.
    pub const fn new() -> Cookies {
        Cookies { counts: Lazy::new(), all: AtomicU32::new(0) }
    }

    /// One more. False where there is no memory to count it.
    pub fn add<K: Kernel>(&self, k: &K, cookie: u32) -> bool {
        let Some(count) = self.counts.obtain(k).and_then(|counts| counts.of.get(cookie as usize % COUNTS)) else {
            return false;
        };
        // At its most it stays there for ever: what was not added could not be told from what is taken away.
        let _ = count.fetch_update(AcqRel, Relaxed, |n| n.checked_add(1));
        self.all.fetch_add(1, AcqRel);
        true
    }

    /// One less of those that were added.
    pub fn remove(&self, cookie: u32) {
        self.all.fetch_sub(1, AcqRel);
        if let Some(count) = self.count(cookie) {
            let _ = count.fetch_update(AcqRel, Relaxed, |n| (n != 0 && n != u8::MAX).then(|| n.wrapping_sub(1)));
        }
    }

    fn count(&self, cookie: u32) -> Option<&AtomicU8> {
        self.counts.peek()?.of.get(cookie as usize % COUNTS)
    }

    /// May one of `used` descriptions have this cookie? Where not all of them are counted: yes.
    pub fn may_have(&self, cookie: u32, used: u32) -> bool {
        self.all.load(Acquire) != used || self.count(cookie).is_some_and(|count| count.load(Acquire) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Linux;

    #[test]
    fn a_cookie_that_was_never_added_is_not_there() {
        let cookies = Cookies::new();
        assert!(!cookies.may_have(7, 0), "nothing is");
        assert!(cookies.add(&Linux, 7) && cookies.add(&Linux, 7) && cookies.add(&Linux, 8));
        assert!(cookies.may_have(7, 3) && cookies.may_have(8, 3) && !cookies.may_have(9, 3));
        cookies.remove(7);
        assert!(cookies.may_have(7, 2), "one is left");
        cookies.remove(7);
        assert!(!cookies.may_have(7, 1) && cookies.may_have(8, 1));
    }

    #[test]
    fn where_one_is_not_counted_any_may_be_there() {
        let cookies = Cookies::new();
        assert!(cookies.may_have(7, 1));
        assert!(cookies.add(&Linux, 7));
        assert!(cookies.may_have(9, 2) && !cookies.may_have(9, 1));
    }

    #[test]
    fn a_count_that_is_full_stays() {
        let cookies = Cookies::new();
        (0..300).for_each(|_| assert!(cookies.add(&Linux, 7)));
        (0..300).for_each(|_| cookies.remove(7));
        assert!(cookies.may_have(7, 0), "too high is a walk in vain, too low a socket that is not known again");
    }
}
