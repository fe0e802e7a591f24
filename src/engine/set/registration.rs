//! What the program registered: events and data per fd number, beside the instant at which the fd may expire.

use super::Minimum;
use crate::atomic::{AtomicU64, Ordering::*};

/// Registrations in one chunk; with their leaves 12 KiB.
pub const FDS_PER_CHUNK: usize = 512;
/// Leaves of which one minimum is kept: eight cache lines.
pub const FDS_PER_GROUP: usize = 64;
pub const GROUPS_PER_CHUNK: usize = FDS_PER_CHUNK / FDS_PER_GROUP;

crate::zeroed! {
    /// One fd's registration in one set, as the last epoll_ctl left it.
    pub struct Registration {
        data: AtomicU64,
        /// events << 32 | the telling it was last told << 26 | low bits of the slot's generation + 1; 0 = not registered.
        life: AtomicU64,
    }
}

impl Registration {
    /// Remember what EPOLL_CTL_ADD or MOD said.
    pub fn put(&self, events: u32, data: u64, generation: u64) {
        self.data.store(data, Relaxed);
        // Pairs with `events`: the data belong to the events. SeqCst, for who registers then looks whether the socket is armed, and
        // who arms it looks here: see `Description::join`, which changes nothing for a set that it was in before.
        self.life.store((events as u64) << 32 | mark(generation), SeqCst);
    }

    /// EPOLL_CTL_DEL.
    pub fn remove(&self) {
        self.life.store(0, Release);
    }

    /// The events, if the fd number is registered in this generation.
    pub fn events(&self, generation: u64) -> Option<u32> {
        let life = self.life.load(SeqCst);
        (life & MARK == mark(generation)).then_some((life >> 32) as u32)
    }

    /// Take a telling (see `Description::telling`). True if this registration was not told it before.
    pub fn take(&self, telling: u32) -> bool {
        let life = self.life.load(Acquire);
        let new = life & !(63 << 26) | (telling as u64 & 63) << 26;
        new != life && self.life.compare_exchange(life, new, AcqRel, Acquire).is_ok()
    }

    /// The program's epoll_data.
    pub fn data(&self) -> u64 {
        self.data.load(Relaxed)
    }
}

const MARK: u64 = (1 << 26) - 1;

fn mark(generation: u64) -> u64 {
    (generation & (MARK >> 1)) + 1
}

crate::zeroed! {
    /// 512 registrations and their leaves of the tree.
    pub struct Chunk {
        leaves: [Minimum; FDS_PER_CHUNK],
        registrations: [Registration; FDS_PER_CHUNK],
    }
}

impl Chunk {
    pub(super) fn registration(&self, fd: i32) -> Option<&Registration> {
        self.registrations.get(fd as u32 as usize % FDS_PER_CHUNK)
    }

    pub(super) fn leaf(&self, fd: i32) -> Option<&Minimum> {
        self.leaves.get(fd as u32 as usize % FDS_PER_CHUNK)
    }

    /// Visit the leaves that are due, and correct `groups`, each of which is the minimum of 64 of them. `base` is the first number.
    pub(super) fn sweep(
        &self,
        groups: &[Minimum; GROUPS_PER_CHUNK],
        base: usize,
        now: u64,
        judge: &mut impl FnMut(i32, &Registration) -> Option<u64>,
    ) -> bool {
        let parts = self.leaves.chunks(FDS_PER_GROUP).zip(self.registrations.chunks(FDS_PER_GROUP));
        for (g, (group, (leaves, registrations))) in groups.iter().zip(parts).enumerate() {
            if group.load() > now {
                continue;
            }
            let go_on = sweep_group(leaves, registrations, base + g * FDS_PER_GROUP, now, judge);
            group.correct(leaves);
            if !go_on {
                return false;
            }
        }
        true
    }

    pub(super) fn each(&self, base: usize, each: &mut impl FnMut(i32, &Registration)) {
        for (i, registration) in self.registrations.iter().enumerate() {
            if registration.life.load(Acquire) != 0 {
                each((base + i) as i32, registration);
            }
        }
    }
}

fn sweep_group(
    leaves: &[Minimum],
    registrations: &[Registration],
    base: usize,
    now: u64,
    judge: &mut impl FnMut(i32, &Registration) -> Option<u64>,
) -> bool {
    for (i, (leaf, registration)) in leaves.iter().zip(registrations).enumerate() {
        let seen = leaf.load();
        if seen > now {
            continue;
        }
        // Raised first, judged after: an arming that comes between the two lowers the leaf again and is not lost. The
        // other way round its earlier instant would be overwritten.
        if !leaf.replace(seen, u64::MAX) {
            // Another thread's sweep is at it.
            continue;
        }
        match judge((base + i) as i32, registration) {
            Some(next) => {
                leaf.lower(next);
            }
            None => {
                leaf.lower(seen);
                return false;
            }
        }
    }
    true
}
