//! select and pselect, in poll's way. The sets are the program's memory and both question and answer, so the question is
//! copied first; sets of more than 4096 numbers are left to the kernel.

use super::poll::Asks;
use super::{Call, Operation, Step};
use crate::sys::{program, Kernel};
use crate::table::{Description, SlotWord};
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
    until: u64,
    asked: [Bits; 3],
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
        Select { name, own, timeout, stage: Stage::Plain, until: u64::MAX, asked, time }
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

    fn entries<'a, K: Kernel>(
        &'a self,
        e: &'a Engine<K>,
    ) -> impl Iterator<Item = (i32, bool, bool, SlotWord, &'a Description)> + 'a {
        let [input, output, _] = &self.asked;
        (0..self.numbers()).filter_map(move |fd| {
            let (input, output) = (has(input, fd), has(output, fd));
            if !(input || output) || !e.concerns(fd as i32) {
                return None;
            }
            let (slot, d) = e.socket(fd as i32)?;
            Some((fd as i32, input, output, slot, d))
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
        let mut first = u64::MAX;
        for (fd, input, output, slot, d) in self.entries(e) {
            first = first.min(e.arm_for(fd, slot, d, input, output, now));
        }
        self.stage = Stage::Wait;
        let until = first.min(self.until);
        self.call(if until == u64::MAX { u64::MAX } else { until.saturating_sub(now) })
    }

    fn elapsed<K: Kernel>(&mut self, e: &Engine<K>, now: u64) -> Step {
        let (mut told, mut again) = (0, false);
        let mut ready = [[0_u64; NUMBERS / 64]; 3];
        for (fd, input, output, slot, d) in self.entries(e) {
            let asks = Asks::with(self.timeout);
            let look = e.look_at(fd, slot, d, input as i16, 2 * output as i16, self.name, now, asks);
            again |= look.again;
            for (bits, bit) in ready.iter_mut().zip([1, 2]) {
                if look.ready & bit != 0 {
                    if let Some(word) = bits.get_mut(fd as usize / 64) {
                        *word |= 1 << (fd % 64);
                        told += 1;
                    }
                }
            }
        }
        if told > 0 {
            for (i, bits) in ready.iter().enumerate() {
                self.put(i, bits);
            }
            return self.finish(e, told, now);
        }
        if again {
            return self.call(0);
        }
        if now >= self.until {
            return self.finish(e, 0, now);
        }
        self.wait(e, now)
    }

    fn finish<K: Kernel>(&self, e: &Engine<K>, outcome: isize, now: u64) -> Step {
        for (_, _, _, _, d) in self.entries(e) {
            d.waited(now);
        }
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
        if !e.anything_tracked() || n == 0 || n > NUMBERS || e.process.borrowed(&e.kernel) || !self.copy(e) {
            return Step::Call(self.own);
        }
        if self.entries(e).next().is_none() {
            return Step::Call(self.own);
        }
        let now = e.kernel.now();
        if self.timeout != u64::MAX {
            self.until = now.saturating_add(self.timeout);
        }
        self.wait(e, now)
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        match self.stage {
            Stage::Plain => Step::Done(outcome),
            Stage::Wait => {
                let now = e.kernel.now();
                if outcome != 0 {
                    self.finish(e, outcome, now)
                } else {
                    self.elapsed(e, now)
                }
            }
        }
    }
}
