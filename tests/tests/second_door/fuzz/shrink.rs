//! Runs of random programs, and what is left of one that fails when every step is dropped that it fails without.
//!
//! `NETDEADLINE_SEEDS=FIRST..LAST` runs others than the usual seeds, `NETDEADLINE_STEPS=1,7,30` those steps alone. A process
//! keeps what its worlds had of memory: long runs are made of many processes (tests/fuzz/machine).

use super::Run;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// What the runs came to.
#[derive(Default)]
pub struct Sums {
    pub steps: usize,
    pub cut: usize,
    pub expiries: usize,
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn seeds() -> Option<std::ops::Range<u64>> {
    let seeds = variable("NETDEADLINE_SEEDS")?;
    let (first, last) = seeds.split_once("..")?;
    Some(first.parse().ok()?..last.parse().ok()?)
}

/// Run each of these seeds, or of those that are asked for. Panics with the shortest run that fails as the first one did.
pub fn runs(usual: std::ops::Range<u64>, calls: bool, steps: u64) -> Sums {
    let mut sums = Sums::default();
    let only = variable("NETDEADLINE_STEPS").map(|steps| steps.split(',').map(|step| step.parse().unwrap()).collect());
    for seed in seeds().unwrap_or(usual) {
        let all = only.clone().unwrap_or_else(|| (0..steps).collect::<Vec<u64>>());
        match catch_unwind(AssertUnwindSafe(|| run(seed, calls, &all, true))) {
            Ok(run) => {
                sums.steps += all.len();
                sums.cut += run.cut;
                sums.expiries += run.expiries;
            }
            Err(_) => {
                let few = shorter(seed, calls, all);
                let list = few.iter().map(u64::to_string).collect::<Vec<_>>().join(",");
                eprintln!("NETDEADLINE_SEEDS={seed}..{} NETDEADLINE_STEPS={list}", seed + 1);
                run(seed, calls, &few, false);
                panic!("seed {seed} failed once, and not again");
            }
        }
    }
    sums
}

fn run(seed: u64, calls: bool, steps: &[u64], quiet: bool) -> Run {
    let mut run = Run::new(seed, calls, quiet);
    for step in steps {
        run.begin(*step);
        run.peer();
        run.attend();
        run.step();
        run.attend();
    }
    run.assert_counted();
    run
}

/// Drop halves, quarters, ... as long as what is left fails.
fn shorter(seed: u64, calls: bool, mut steps: Vec<u64>) -> Vec<u64> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let fails = |steps: &[u64]| catch_unwind(AssertUnwindSafe(|| drop(run(seed, calls, steps, true)))).is_err();
    let mut size = steps.len() / 2;
    while size > 0 {
        let mut at = 0;
        let before = steps.len();
        while at < steps.len() {
            let left: Vec<u64> = steps[..at].iter().chain(&steps[steps.len().min(at + size)..]).copied().collect();
            if fails(&left) {
                steps = left;
            } else {
                at += size;
            }
        }
        size = if size == 1 && steps.len() < before { 1 } else { size / 2 };
    }
    std::panic::set_hook(hook);
    steps
}
