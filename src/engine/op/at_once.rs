//! Reads of sockets whose program tries first (Go's): nearly all of them find their data, and are the program's own call then,
//! with a few loads before and after. What found nothing goes the long way (`receive`).
//!
//! Called on a goroutine's stack: everything here is inlined, and calls nothing.

use crate::sys::Kernel;
use crate::table::{Flag, Kind, State};
use crate::Engine;

/// Where one of these is set, the long way is taken.
const EXCEPTIONS: [Flag; 5] = [Flag::Blocking, Flag::Aborted, Flag::Outlived, Flag::LowWater, Flag::Explicit];

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
