//! Random programs against random peers, judged by the naive model: no expiry is early, none is missed, no byte goes astray.
//!
//! Deterministic: a run is its seed and its steps, each of which has chances of its own, so that steps can be dropped. A failure
//! names the seed and the fewest steps that it fails with, and prints what the program did (`shrink`).

mod counting;
mod found;
mod ignoring;
mod judge;
mod limits;
mod moving;
mod numbers;
mod ready;
mod shrink;
mod threads;
mod waiting;

use crate::door::World;
use crate::machine::{Fate, DIRECTORY, MS, S};
use crate::model::{Connection, Rules};
use netdeadline_engine::policy::Origin;
use shrink::Sums;
use std::collections::BTreeMap;
use threads::Waiter;

/// A generator of numbers that are the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn new(seed: u64, step: u64) -> Chance {
        let mut chance = Chance((seed ^ step << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        for _ in 0..8 {
            chance.below(2);
        }
        chance
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

struct Run {
    seed: u64,
    chance: Chance,
    rules: Rules,
    world: World,
    conns: Vec<Connection>,
    /// The program's numbers, and which connection each is.
    fds: BTreeMap<i32, usize>,
    sets: Vec<i32>,
    /// (set, fd) -> events, and when the interest in input began.
    registered: BTreeMap<(i32, i32), (i32, u64)>,
    /// (set, fd) -> which of its announcements the program was told last.
    announced: BTreeMap<(i32, i32), u64>,
    waiters: Vec<Waiter>,
    trace: Vec<String>,
    expiries: usize,
    /// The program calls the C API.
    calls: bool,
    /// The scopes that its main thread is in: token, and the earliest instant so far.
    scopes: Vec<(u64, u64)>,
    /// The instant that bounds the thread whose answer is judged.
    scope: u64,
    /// How often a deadline of the program's own, or a scope, ended something.
    cut: usize,
    /// Attempts to connect, and calls that may have begun to wait for an answer.
    begun: [u64; 2],
    /// Nothing is printed: it is run again.
    quiet: bool,
}

impl Drop for Run {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.quiet {
            eprintln!(
                "rules {:?}:
  {}",
                self.rules.text(),
                self.trace.join(
                    "
  "
                )
            );
        }
    }
}

const HOLE: u16 = 80;
const REFUSING: u16 = 81;
const ANSWERING: u16 = 82;

impl Run {
    fn new(seed: u64, calls: bool, quiet: bool) -> Run {
        let mut chance = Chance::new(seed, u64::MAX >> 40);
        let mut timeout = |choices: &[u64]| chance.of(choices) * MS;
        let rules = Rules {
            connect: timeout(&[0, 700, 2000]),
            response: timeout(&[0, 0, 1500, 4000]),
            read: timeout(&[0, 1000, 3000, 3000]),
            write: timeout(&[0, 0, 900, 2500]),
            lifetime: timeout(&[0, 0, 0, 15_000]),
            accepted: [timeout(&[0, 800, 2600]), timeout(&[0, 1100, 2900]), timeout(&[0, 0, 12_000])],
            observed: chance.one_in(6),
        };
        let world = World::with(|settings| {
            settings.policy.parse(rules.text().as_bytes(), Origin::Rules).expect("rules");
            settings.observe = rules.observed;
            if seed.is_multiple_of(8) {
                settings.pages.set(DIRECTORY.as_bytes(), b"").expect("a directory");
            }
        });
        world.machine.change().ports.insert(REFUSING, Fate::Refuses(300 * MS));
        let (sets, trace) = (vec![world.epoll_create(), world.epoll_create()], Vec::new());
        let (conns, fds, registered) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let (waiters, scopes) = (Vec::new(), Vec::new());
        world.as_thread(0);
        if calls {
            assert_eq!(world.deadlines(-1), Err(libc::EBADF), "the first call");
        }
        let (scope, expiries, cut) = (u64::MAX, 0, 0);
        Run {
            seed,
            chance,
            rules,
            world,
            conns,
            fds,
            sets,
            registered,
            announced: BTreeMap::new(),
            waiters,
            trace,
            expiries,
            calls,
            scopes,
            scope,
            cut,
            begun: [0; 2],
            quiet,
        }
    }

    /// What follows is this step's.
    fn begin(&mut self, step: u64) {
        self.chance = Chance::new(self.seed, step);
    }

    fn now(&self) -> u64 {
        self.world.now()
    }

    fn note(&mut self, what: String) {
        let ms = (self.now() - crate::machine::BOOT) as f64 / MS as f64;
        self.trace.push(format!("{ms:12.4} ms  {what}"));
    }

    fn any_fd(&mut self) -> Option<i32> {
        let fds: Vec<i32> = self.fds.keys().copied().collect();
        if fds.is_empty() {
            return None;
        }
        Some(self.chance.of(&fds))
    }

    fn is_nonblocking(&self, fd: i32) -> bool {
        self.world.machine.socket(fd).nonblocking
    }

    fn step(&mut self) {
        match self.chance.below(if self.calls { 38 } else { 24 }) {
            0 if self.chance.one_in(2) => self.accept(),
            0..=2 => self.connect(),
            3..=5 => self.write(),
            6..=8 => self.read(),
            9 => self.ignore(),
            10 => self.poll(),
            11..=12 => self.register(),
            13..=15 => self.epoll(),
            16 => self.close(),
            17 => self.duplicate(),
            18 => self.toggle(),
            19 if self.chance.one_in(3) => self.own_timeout(),
            20 => self.leave_waiting(),
            21 => self.pass(2 * S),
            22 => {
                let time = self.chance.of(&[1, 40, 150, 700, 5000]) * MS;
                self.note(format!("away for {} ms", time / MS));
                self.pass(time);
            }
            24..=28 => self.move_deadline(),
            29..=30 => self.move_scope(),
            31..=32 => self.epoll(),
            33 => self.ignore(),
            34..=36 => self.move_timeouts(),
            37 => self.leave_waiting(),
            23 if self.chance.one_in(2) => self.poll(),
            _ => self.peer(),
        }
    }
}

#[test]
fn random_programs_that_set_deadlines_and_enter_scopes_are_cut_when_they_said() {
    let Sums { steps, cut, expiries } = shrink::runs(1..1500, true, 100);
    assert!(cut > steps / 40 && expiries > cut, "hardly anything was cut: {cut}, {expiries} in {steps} steps");
}

#[test]
fn random_programs_are_never_cut_early_and_never_left_waiting() {
    let Sums { steps, expiries, .. } = shrink::runs(1..400, false, 80);
    assert!(expiries > steps / 40, "hardly anything expired: {expiries} in {steps} steps");
}
