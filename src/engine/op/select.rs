//! select and pselect, in poll's way. The sets are the program's memory and both question and answer, so the question is
//! copied first; sets of more than 4096 numbers are left to the kernel.

use super::clock::Direction;
use super::poll::{Asks, Wanted};
use super::wake::SLICE;
use super::{Call, Mask, Operation, Scope, Step};
use crate::sys::{program, Kernel};
use crate::Engine;

/// Numbers that are looked at; FD_SETSIZE is 1024.
const NUMBERS: usize = 4096;
type Bits = [u64; NUMBERS / 64];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Plain,
    Wait,
}

/// A select.
pub struct Select {
    name: &'static str,
    own: Call,
    /// How long the program waits, ns; `u64::MAX` for ever.
    timeout: u64,
    stage: Stage,
    began: u64,
    until: u64,
    scope: Scope,
    asked: [Bits; 3],
    held: Mask,
    time: libc::timespec,
}

fn has(bits: &Bits, fd: usize) -> bool {
    bits.get(fd / 64).is_some_and(|word| word >> (fd % 64) & 1 != 0)
}

impl Select {
    /// select(2) (`own.nr` SYS_select, whose time is a timeval that Linux counts down) or pselect(2) (SYS_pselect6, with a
    /// timespec and a mask). `timeout` in ns, `u64::MAX` for none.
    pub fn new(name: &'static str, own: Call, timeout: u64) -> Select {
        let time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let asked = [[0; NUMBERS / 64]; 3];
        let (stage, held, scope) = (Stage::Plain, Mask::default(), Scope::NONE);
        Select { name, own, timeout, stage, began: 0, until: u64::MAX, scope, asked, held, time }
    }

    fn numbers(&self) -> usize {
        self.own.args.first().map_or(0, |n| *n as i32 as usize)
    }

    fn set(&self, i: usize) -> usize {
        self.own.args.get(i + 1).copied().unwrap_or(0)
    }

    fn bytes(&self) -> usize {
        self.numbers().div_ceil(64) * 8
    }

    /// Copy the program's question. False if the kernel should answer alone.
    fn copy<K: Kernel>(&mut self, e: &Engine<K>) -> bool {
        let bytes = self.bytes();
        for i in 0..3 {
            let from = self.set(i);
            let Some(to) = self.asked.get_mut(i) else { return false };
            if from == 0 {
                continue;
            }
            // SAFETY-free view: words to bytes, in native order, as the kernel lays the set out.
            let mut copy = [0_u8; NUMBERS / 8];
            let Some(part) = copy.get_mut(..bytes) else { return false };
            if !program::copy_in(&e.kernel, part, from) {
                return false;
            }
            for (word, eight) in to.iter_mut().zip(copy.chunks_exact(8)) {
                *word = eight.try_into().map_or(0, u64::from_ne_bytes);
            }
        }
        true
    }

    fn put(&self, i: usize, bits: &Bits) {
        let to = self.set(i);
        if to == 0 {
            return;
        }
        for (w, word) in bits.iter().enumerate().take(self.numbers().div_ceil(64)) {
            program::poke(to.wrapping_add(w * 8), *word);
        }
    }

    /// The numbers asked for that are managed sockets. The bits to report are 1 for input and 2 for output.
    fn entries<'a, K: Kernel>(&'a self, e: &'a Engine<K>) -> impl Iterator<Item = Wanted<'a>> + use<'a, K> {
        let ([input, output, _], name) = (&self.asked, self.name);
        let (scope, began) = (self.scope, self.began);
        (0..self.numbers()).filter_map(move |fd| {
            let (input, output) = (has(input, fd) as i16, 2 * has(output, fd) as i16);
            let fd = fd as i32;
            if input | output == 0 || !e.concerns(fd) {
                return None;
            }
            let (slot, d) = e.socket(fd)?;
            Some(Wanted { fd, slot, d, input, output, name, scope, began })
        })
    }

    fn call(&mut self, wait: u64) -> Step {
        for (i, bits) in self.asked.iter().enumerate() {
            self.put(i, bits);
        }
        let [n, a, b, c, _, mask] = self.own.args;
        self.time = libc::timespec { tv_sec: (wait / 1_000_000_000) as i64, tv_nsec: (wait % 1_000_000_000) as i64 };
        let time = if wait == u64::MAX { 0 } else { &raw const self.time as usize };
        let mask = if self.own.nr == libc::SYS_pselect6 { mask } else { 0 };
        Step::Call(Call::new(libc::SYS_pselect6, [n, a, b, c, time, mask]))
    }

    fn wait<K: Kernel>(&mut self, e: &Engine<K>, now: u64) -> Step {
        let (mut until, mut sockets) = (self.until.min(self.scope.until), false);
        for wanted in self.entries(e) {
            until = until.min(e.arm_for(&wanted, now));
            sockets = true;
        }
        if sockets && e.movable() {
            // Nobody can wake it: a number of ours in the program's sets would have to be small.
            until = until.min(now.saturating_add(SLICE));
        }
        self.stage = Stage::Wait;
        self.call(if until == u64::MAX { u64::MAX } else { until.saturating_sub(now) })
    }

    /// The kernel has reported `ready` bits; add what has expired.
    fn report<K: Kernel>(&mut self, e: &Engine<K>, ready: isize, now: u64) -> Step {
        let asks = Asks::with(self.timeout);
        // The program was here all the while: its own wait is no absence.
        self.entries(e).for_each(|wanted| wanted.waited(now));
        let (mut count, mut again) = (ready, false);
        for (i, direction) in [(1, Direction::Write), (0, Direction::Read)] {
            for wanted in self.entries(e) {
                let look = e.look_at(&wanted, direction, now, asks);
                again |= look.again;
                if look.ready != 0 {
                    count += self.add(i, wanted.fd as usize);
                }
            }
        }
        if count > 0 || !again && now >= self.until.min(self.scope.until) {
            return self.finish(e, count, now);
        }
        if again {
            return self.call(0);
        }
        self.wait(e, now)
    }

    /// Set a number's bit in the program's answer; 1 if it was not set.
    fn add(&self, i: usize, fd: usize) -> isize {
        let at = self.set(i).wrapping_add(fd / 64 * 8);
        let word: u64 = program::peek(at);
        let bit = 1 << (fd % 64);
        program::poke(at, word | bit);
        (word & bit == 0) as isize
    }

    fn finish<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize, now: u64) -> Step {
        self.entries(e).for_each(|wanted| wanted.waited(now));
        self.held.release(e);
        let [_, _, _, _, time, _] = self.own.args;
        if self.own.nr == libc::SYS_select && time != 0 && self.until != u64::MAX {
            // Linux's select leaves what remains of the time.
            let left = self.until.saturating_sub(now);
            program::poke(time, [(left / 1_000_000_000) as i64, (left % 1_000_000_000 / 1000) as i64]);
        }
        Step::Done(outcome)
    }
}

impl Operation for Select {
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        let n = self.numbers();
        let scoped = self.scope.until != u64::MAX;
        let concerned = scoped || n != 0 && e.anything_tracked();
        if !concerned || n > NUMBERS || e.process.borrowed(&e.kernel) || !self.copy(e) {
            return Step::Call(self.own);
        }
        if !scoped && self.entries(e).next().is_none() {
            return Step::Call(self.own);
        }
        let now = e.kernel.now();
        self.began = now;
        if self.timeout != 0 {
            self.scope = self.scope.paced(e, now);
        }
        if self.timeout != u64::MAX {
            self.until = now.saturating_add(self.timeout);
        }
        if self.own.nr == libc::SYS_pselect6 {
            let [.., mask] = self.own.args;
            self.held.hold(e, mask);
        }
        self.wait(e, now)
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        if self.stage == Stage::Plain {
            return Step::Done(outcome);
        }
        let now = e.kernel.now();
        if outcome < 0 {
            return self.finish(e, outcome, now);
        }
        self.report(e, outcome, now)
    }

    fn within(&mut self, scope: Scope) {
        self.scope = scope;
    }
}
