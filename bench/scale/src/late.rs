//! How late expiries are: real time, a real timerfd, and descriptors that do not exist; beside as many timerfds.

use crate::{broken, door, timers};

/// After the last deadline everything must have expired within this time.
const PATIENCE: u64 = 60_000_000_000;

struct Late {
    ends: Vec<u64>,
    late: Vec<i64>,
}

impl Late {
    /// This one is told now.
    fn told(&mut self, i: usize, now: u64) {
        if self.ends[i] == 0 {
            broken("told twice");
        }
        self.late.push(now as i64 - self.ends[i] as i64);
        self.ends[i] = 0;
    }

    fn report(mut self) {
        self.late.sort_unstable();
        let n = self.late.len();
        let quantile = |share: f64| self.late[((n as f64 * share) as usize).min(n - 1)];
        println!("{n}\tearliest\t{}", self.late[0]);
        println!("{n}\tmedian\t{}", quantile(0.5));
        println!("{n}\tp99\t{}", quantile(0.99));
        println!("{n}\tmax\t{}", self.late[n - 1]);
        if self.late[0] < 0 {
            broken("something expired early");
        }
    }
}

/// Begin all, spread over the span, and then wait for all. What begins one, and what waits.
fn all(n: usize, timeout: u64, span: u64, begin: impl Fn(usize), mut wait: impl FnMut(&mut dyn FnMut(usize))) {
    let mut late = Late { ends: vec![0; n], late: Vec::with_capacity(n) };
    let start = timers::now();
    for i in 0..n {
        let turn = start + span * i as u64 / n as u64;
        while timers::now() < turn {
            std::hint::spin_loop();
        }
        late.ends[i] = timers::now() + timeout;
        begin(i);
    }
    if timers::now() > late.ends[0] {
        eprintln!("scale: the first was due before the last began: a longer timeout is needed");
        std::process::exit(4);
    }
    let give_up = timers::now() + timeout + PATIENCE;
    while late.late.len() < n {
        let mut told = Vec::new();
        wait(&mut |i| told.push(i));
        let now = timers::now();
        told.into_iter().for_each(|i| late.told(i, now));
        if now > give_up {
            broken("something did not expire");
        }
    }
    late.report();
}

/// Under an operator's rule.
pub fn deadlines(n: usize, timeout: u64, span: u64) {
    let process = door::ruled(timeout);
    (0..n).for_each(|i| process.create(i));
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; 64];
    all(
        n,
        timeout * 1_000_000,
        span * 1_000_000,
        |i| process.register(i),
        |told| {
            let count = process.wait(&mut events, 1000);
            for event in &events[..count] {
                let i = event.u64 as usize;
                told(i);
                if !process.receive(i) {
                    broken("a deadline was told that has not passed");
                }
                process.close(i);
            }
        },
    );
}

/// The control: armed before the first is due, expiring spread over the span as the others do.
pub fn timers(n: usize, timeout: u64, span: u64) {
    let set = timers::epoll();
    // What it takes to make so many.
    let first = timers::now() + timeout * 1_000_000 + n as u64 * 5_000;
    let ends: Vec<u64> = (0..n as u64).map(|i| first + span * 1_000_000 * i / n as u64).collect();
    timers::held(n, set, true, |i| ends[i]);
    if timers::now() > first {
        eprintln!("scale: the first was due before the last was armed");
        std::process::exit(4);
    }
    let mut late = Late { ends, late: Vec::with_capacity(n) };
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; 64];
    let give_up = first + span * 1_000_000 + PATIENCE;
    while late.late.len() < n {
        let count = timers::wait(set, &mut events, 1000);
        let now = timers::now();
        events[..count].iter().for_each(|event| late.told(event.u64 as usize, now));
        if now > give_up {
            broken("a timer did not expire");
        }
    }
    late.report();
}
