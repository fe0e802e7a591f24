//! Reads that find their data and writes that find room, as nearly all do: one call, with a few loads before and after. What found
//! less goes the long way (`receive`, `send`).
//!
//! Of sockets whose program tries first (Go's) it is the program's own call; that part is called on a goroutine's stack, inlined,
//! and calls nothing.

use super::clock::Direction;
use super::ready::word;
use super::Scope;
use crate::sys::Kernel;
use crate::table::{Description, Flag, Kind, Place, SlotWord, State};
use crate::Engine;

/// Where one of these is set, the long way is taken.
const EXCEPTIONS: [Flag; 6] =
    [Flag::Blocking, Flag::Aborted, Flag::Outlived, Flag::LowWater, Flag::Explicit, Flag::Measured];

const EXCEPTIONAL: u32 = Flag::Blocking as u32
    | Flag::Aborted as u32
    | Flag::Outlived as u32
    | Flag::LowWater as u32
    | Flag::Connecting as u32;

/// Can a read of this socket be the program's own call, made at once?
#[inline(always)]
pub fn reads_at_once<K: Kernel>(e: &Engine<K>, fd: i32) -> bool {
    let slot = e.slots.word(fd);
    if slot.kind() != Kind::Socket || e.process.lent() {
        return false;
    }
    let Some(d) = e.descriptions.at(slot.index()) else { return false };
    d.has(Flag::TriesFirst)
        && !EXCEPTIONS.iter().any(|flag| d.has(*flag))
        && d.lifetime.load(d.generation()) == State::Idle
        && !matches!(d.read.load(d.generation()), State::Expired(_))
}

/// The socket behind this number, where a call in this direction may be tried without blocking: it is bounded, has time left, and
/// none of these flags.
#[inline(always)]
fn usual<K: Kernel>(
    e: &Engine<K>,
    fd: i32,
    direction: Direction,
    exceptional: u32,
) -> Option<(Place<'_>, SlotWord, &Description)> {
    let place = e.slots.place(fd)?;
    let slot = place.word();
    if slot.kind() != Kind::Socket || e.process.lent() || e.scopes.any() {
        return None;
    }
    let d = e.descriptions.at(slot.index())?;
    let bounded = e.movable() || d.any_rule() && d.has(Flag::Stream);
    let usual = bounded
        && !d.has_any(exceptional)
        && e.has_time(d)
        && !matches!(word(d, direction).load(d.generation()), State::Expired(_));
    let late = || e.is_past(e.bound(d, direction, Scope::NONE).at);
    (usual && !(d.has(Flag::Explicit) && late())).then_some((place, slot, d))
}

/// Can a read of this socket be tried without blocking, and be over if it gets some bytes?
#[inline(always)]
pub fn reads_now<K: Kernel>(e: &Engine<K>, fd: i32) -> Option<Reading<'_>> {
    let (place, slot, d) = usual(e, fd, Direction::Read, EXCEPTIONAL)?;
    Some(Reading { place, slot, d })
}

/// Where one of these is set, a write goes the long way.
const EXCEPTIONAL_TO_SEND: u32 = Flag::Connecting as u32
    | Flag::FastOpen as u32
    | Flag::Aborted as u32
    | Flag::Outlived as u32
    | Flag::ShortWrite as u32;

/// Can a write to this socket be tried without blocking, and be over if all of it goes?
#[inline(always)]
pub fn sends_now<K: Kernel>(e: &Engine<K>, fd: i32) -> Option<Sending<'_>> {
    let (place, slot, d) = usual(e, fd, Direction::Write, EXCEPTIONAL_TO_SEND)?;
    d.writes();
    Some(Sending { place, slot, d })
}

/// A write that was tried so.
#[derive(Clone, Copy)]
pub struct Sending<'a> {
    place: Place<'a>,
    pub(super) slot: SlotWord,
    d: &'a Description,
}

impl Sending<'_> {
    /// Only where a call that has no form that does not block will not wait either.
    #[inline(always)]
    pub fn if_never_waits(self) -> Option<Self> {
        self.d.has(Flag::SeenNonblocking).then_some(self)
    }

    /// Only a stream: a datagram of no bytes is one.
    #[inline(always)]
    pub fn if_stream(self) -> Option<Self> {
        self.d.has(Flag::Stream).then_some(self)
    }

    /// All of it went.
    #[inline(always)]
    pub fn went<K: Kernel>(&self, e: &Engine<K>, fd: i32) {
        if self.place.word() == self.slot {
            e.bytes_went(fd, self.slot, self.d, e.kernel.now());
        }
    }
}

/// A read that was tried so.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    place: Place<'a>,
    pub(super) slot: SlotWord,
    d: &'a Description,
}

impl Reading<'_> {
    /// It got this many bytes.
    #[inline(always)]
    pub fn got<K: Kernel>(&self, e: &Engine<K>, fd: i32, count: usize) {
        if self.place.word() == self.slot {
            e.bytes_came(fd, self.slot, self.d, count);
        }
    }
}

/// It got some bytes: whoever waited waits no more.
#[inline(always)]
pub fn read_at_once<K: Kernel>(e: &Engine<K>, fd: i32) {
    let slot = e.slots.word(fd);
    if slot.kind() != Kind::Socket || e.process.lent() {
        return;
    }
    let Some(d) = e.descriptions.at(slot.index()) else { return };
    d.received();
    d.read.store(State::Idle, d.generation());
}
