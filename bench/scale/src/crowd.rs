//! Rarer things in a crowded process: what each costs beside `n` descriptors or sets. They are the places where the engine walks
//! through a table, or did.

use crate::door::Process;
use crate::meter::Meter;
use crate::timers;
use netdeadline_engine::op;

const FAR: u64 = u64::MAX / 4;
/// So often each is done, where it can be.
const TURNS: usize = 20;

/// A process of the C API with `n` sockets in its set.
fn crowd(n: usize) -> Process {
    let process = Process::new(|_| {});
    process.begin_movable();
    (0..n).for_each(|i| process.create(i));
    (0..n).for_each(|i| process.register(i));
    process
}

/// Measure beside `n`.
pub fn run(n: usize, mut meter: Meter) -> Meter {
    let process = crowd(n);
    meter.rounds(|meter| {
        meter.batch("crowd: re-arm one", TURNS, || {
            (0..TURNS).for_each(|turn| process.set_deadline(0, FAR - turn as u64))
        });
        process.duplicate(0, n);
        process.set_deadline(0, FAR);
        meter.batch("crowd: re-arm one that has two numbers", TURNS, || {
            (0..TURNS).for_each(|turn| process.set_deadline(0, FAR - turn as u64));
        });
        process.close(n);
        meter.batch("crowd: re-arm one that had two numbers", TURNS, || {
            (0..TURNS).for_each(|turn| process.set_deadline(0, FAR - turn as u64));
        });
        process.close(0);
        process.create(0);
        process.register(0);
    });
    // Nobody said that they came into being: a descriptor that was passed, or inherited.
    meter.rounds(|meter| {
        meter.batch("crowd: meet one for the first time", TURNS, || {
            (0..TURNS).for_each(|turn| process.set_deadline(n + turn, FAR));
        });
        (0..TURNS).for_each(|turn| process.close(n + turn));
    });

    // Each of n sets has a timer's place and one registration; their numbers are behind the sockets'.
    let process = crowd(TURNS);
    let sets = n.min(60_000);
    for i in 0..sets {
        process.more_sets(1000 + i, i % TURNS);
    }
    meter.rounds(|meter| {
        meter.batch("crowd: a connection comes, beside n sets", TURNS, || {
            (0..TURNS).for_each(|turn| process.create(100 + turn));
        });
        (0..TURNS).for_each(|turn| process.close(100 + turn));
    });

    let process = crowd(n);
    let first = process.another_set();
    (0..n).for_each(|i| process.register_in(first, i));
    process.close_set(first);
    meter.rounds(|meter| {
        meter.batch("crowd: an epoll set comes and goes, after one of n", TURNS, || {
            for _ in 0..TURNS {
                let set = process.another_set();
                process.register_in(set, 0);
                process.close_set(set);
            }
        });
    });

    let process = Process::new(|_| {});
    (0..n).for_each(|i| process.register(i));
    meter.batch("crowd: the first call of the C API", 1, || process.begin_movable());
    meter
}

impl Process {
    /// dup: `new` is another number of the same connection.
    fn duplicate(&self, old: usize, new: usize) {
        op::duplicated(self.engine(), crate::FIRST + old as i32, crate::FIRST + new as i32);
    }

    /// An epoll set behind this number, which holds this connection.
    fn more_sets(&self, number: usize, i: usize) {
        let set = crate::FIRST + number as i32;
        op::epoll_created(self.engine(), set);
        self.register_in(set, i);
    }

    /// A real epoll set.
    fn another_set(&self) -> i32 {
        let set = timers::epoll();
        op::epoll_created(self.engine(), set);
        set
    }

    fn close_set(&self, set: i32) {
        op::close(self.engine(), set);
        // SAFETY: ours.
        unsafe { libc::close(set) };
    }
}
