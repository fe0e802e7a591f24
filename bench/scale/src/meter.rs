//! Batches of operations, timed, or bracketed for callgrind. No figure is made up here: a batch that did nothing is an error.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What was measured so far.
pub struct Meter {
    counting: bool,
    /// A benchmark ends after this time, or when it has enough batches.
    patience: Duration,
    /// ns of an empty batch.
    empty: f64,
    found: BTreeMap<String, Vec<f64>>,
}

/// So many operations are counted where all are timed.
const FEW: usize = 10_000;
/// So many batches are enough.
const ENOUGH: usize = 400;
/// And so few are too few.
const LEAST: usize = 5;

impl Meter {
    /// `counting`: under callgrind. `quick`: shows that it works, not how fast.
    pub fn new(counting: bool, quick: bool) -> Meter {
        let mut empty: Vec<f64> = (0..1001).map(|_| Instant::now().elapsed().as_nanos() as f64).collect();
        let patience = Duration::from_millis(if quick { 100 } else { 1000 });
        Meter { counting, patience, empty: median(&mut empty), found: BTreeMap::new() }
    }

    /// Call `round`, which measures batches, again and again.
    pub fn rounds(&mut self, mut round: impl FnMut(&mut Meter)) {
        let began = Instant::now();
        for done in 0..ENOUGH {
            let enough = self.counting && done > 0 || done >= LEAST && began.elapsed() > self.patience;
            if enough {
                break;
            }
            round(self);
        }
    }

    /// One batch of `count` operations.
    pub fn batch<T>(&mut self, what: &str, count: usize, operations: impl FnOnce() -> T) -> T {
        assert!(count > 0, "{what}: nothing to measure");
        if self.counting {
            return valgrind::counted(&format!("{what}\t{count}"), operations);
        }
        let began = Instant::now();
        let result = operations();
        let ns = began.elapsed().as_nanos() as f64 - self.empty;
        self.note(what, ns.max(0.0) / count as f64);
        result
    }

    /// Of `n` operations that come one after the other, the last ones to measure: under callgrind a hundred times as slow.
    pub fn measured(&self, n: usize) -> usize {
        if self.counting {
            n.min(FEW)
        } else {
            n
        }
    }

    /// A figure that was found otherwise.
    pub fn note(&mut self, what: &str, value: f64) {
        self.found.entry(what.to_owned()).or_default().push(value);
    }

    /// Print the medians.
    pub fn report(mut self, n: u64) {
        for (what, values) in &mut self.found {
            println!("{n}\t{what}\t{:.1}", median(values));
        }
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// valgrind's client requests: <valgrind/callgrind.h> is macros of C.
mod valgrind {
    use std::arch::asm;
    use std::ffi::CString;

    const CALLGRIND: usize = (b'C' as usize) << 24 | (b'T' as usize) << 16;
    const ZERO: usize = CALLGRIND + 1;
    const DUMP_AT: usize = CALLGRIND + 3;
    const START: usize = CALLGRIND + 4;
    const STOP: usize = CALLGRIND + 5;

    fn request(number: usize, argument: usize) {
        let words: [usize; 6] = [number, argument, 0, 0, 0, 0];
        // SAFETY: the rotations add up to 128 bits and leave rdi as it was; xchg does nothing. valgrind, where it runs us, takes
        // the sequence for a request, reads the words, and answers in rdx.
        unsafe {
            asm!(
                "rol rdi, 3", "rol rdi, 13", "rol rdi, 61", "rol rdi, 51", "xchg rbx, rbx",
                in("rax") &raw const words, inout("rdx") 0_usize => _, inout("rdi") 0_usize => _,
            );
        }
    }

    /// Count what this does, in a dump of this name.
    pub fn counted<T>(name: &str, operations: impl FnOnce() -> T) -> T {
        let name = CString::new(name).expect("no zero byte");
        request(START, 0);
        request(ZERO, 0);
        let result = operations();
        request(DUMP_AT, name.as_ptr() as usize);
        request(STOP, 0);
        result
    }
}
