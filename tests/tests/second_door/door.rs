//! The stub door: performs the engine's steps on the pretended machine, and lets time pass only where a step waits.

use crate::machine::{Attempt, Machine, Pending, S};
use netdeadline_engine::op::{Operation, Scope, Step};
use netdeadline_engine::policy::{Class, Origin};
use netdeadline_engine::settings::Settings;
use netdeadline_engine::Engine;
use std::cell::Cell;

/// What an operation answers: what the kernel would, or a positive errno.
pub type Answer = Result<usize, i32>;

/// A call that found nothing and did not wait has taken this long. The clock would stand still otherwise, and a program
/// that asks again and again would ask for ever.
const COST: u64 = 100;

/// An operation that makes more steps than this is spinning.
const PATIENCE: u32 = 20_000;

/// A process: the machine it runs on and the engine inside it.
pub struct World {
    /// The machine.
    pub machine: Machine,
    /// The engine.
    pub engine: Box<Engine<Machine>>,
    /// What the calling thread is known by: an address that is its own.
    pub key: Cell<usize>,
}

impl World {
    /// A process with these rules (the text of NETDEADLINE_RULES), which records to a file.
    pub fn new(rules: &str) -> World {
        World::with(|settings| settings.policy.parse(rules.as_bytes(), Origin::Rules).expect("rules"))
    }

    /// A process with one variable set, `NETDEADLINE_READ` or its like.
    pub fn class(class: Class, timeout: &str) -> World {
        World::with(|settings| settings.policy.parse_shorthand(class, timeout.as_bytes()).expect("a timeout"))
    }

    /// A process with any settings.
    pub fn with(write: impl FnOnce(&mut Settings)) -> World {
        let machine = Machine::new();
        let engine = Box::new(Engine::new(machine.clone()));
        engine.start(|settings| {
            settings.log.set_target(b"/var/log/deadlines").expect("a path");
            settings.log.set_format(b"json").expect("a format");
            write(settings);
        });
        World::of(machine, engine)
    }

    /// A process with this engine.
    pub fn of(machine: Machine, engine: Box<Engine<Machine>>) -> World {
        World { machine, engine, key: Cell::new(0x1000) }
    }

    /// The time.
    pub fn now(&self) -> u64 {
        self.machine.state().now
    }

    /// Nothing is called for this long.
    pub fn pass(&self, time: u64) {
        self.machine.advance(self.now() + time);
    }

    /// Begin an operation: as far as it gets without time passing. `memory` is what its pointers lead to.
    pub fn begin<O: Operation, M>(&self, operation: O, memory: M) -> Thread<O, M> {
        // Boxed before it starts: a step may point into the operation.
        let mut operation = Box::new(operation);
        if self.engine.scopes.any() {
            operation.within(Scope::of(&self.engine, self.key.get()));
        }
        let step = operation.start(&self.engine);
        let mut thread = Thread { operation, step, pending: None, until: 0, steps: 0, memory };
        thread.run(self);
        thread
    }

    /// Let time pass until the operation is over.
    pub fn end<O: Operation, M>(&self, thread: &mut Thread<O, M>) -> Answer {
        loop {
            if let Some(answer) = thread.run(self) {
                return answer;
            }
            let next = thread.until.min(self.machine.next_event());
            assert!(next != u64::MAX, "the operation waits for ever");
            self.machine.advance(next);
        }
    }

    /// Let time pass until `instant`, or until the operation is over.
    pub fn until<O: Operation, M>(&self, thread: &mut Thread<O, M>, instant: u64) -> Option<Answer> {
        loop {
            let answer = thread.run(self);
            let next = thread.until.min(self.machine.next_event());
            if answer.is_some() || next > instant {
                self.machine.advance(if answer.is_some() { self.now() } else { instant });
                return answer.or_else(|| thread.run(self));
            }
            self.machine.advance(next);
        }
    }

    /// Is the operation still waiting after an hour of nothing but what was arranged?
    pub fn hangs<O: Operation, M>(&self, thread: &mut Thread<O, M>) -> bool {
        let patience = self.now() + 3600 * S;
        while thread.run(self).is_none() {
            let next = thread.until.min(self.machine.next_event());
            if next > patience {
                return true;
            }
            self.machine.advance(next);
        }
        false
    }

    /// An operation from beginning to end.
    pub fn drive<O: Operation>(&self, operation: O) -> Answer {
        let mut thread = self.begin(operation, ());
        self.end(&mut thread)
    }

    /// Is it now the deadline that began at `began`? Never a nanosecond before; after it only what the door's calls cost.
    #[track_caller]
    pub fn assert_deadline(&self, began: u64, timeout: u64) {
        self.assert_ended(began, timeout, 3000);
    }

    /// The same of class write: when the last acknowledgement came the kernel tells in whole ms, so that the clock begins up to one
    /// later.
    #[track_caller]
    pub fn assert_write_deadline(&self, began: u64, timeout: u64) {
        self.assert_ended(began, timeout, 1_003_000);
    }

    #[track_caller]
    fn assert_ended(&self, began: u64, timeout: u64, most: u64) {
        let (now, deadline) = (self.now(), began + timeout);
        assert!(now >= deadline, "{} ns early", deadline - now);
        assert!(now <= deadline + most, "{} ns late", now - deadline);
    }

    /// The records so far, one JSON object a line.
    pub fn records(&self) -> Vec<String> {
        self.machine.state().log.lines().map(str::to_owned).collect()
    }
}

/// A thread of the program inside one call.
pub struct Thread<O, M> {
    operation: Box<O>,
    step: Step,
    pending: Option<Pending>,
    /// When the present step ends by itself.
    pub until: u64,
    steps: u32,
    /// What the call's pointers lead to.
    pub memory: M,
}

impl<O: Operation, M> Thread<O, M> {
    /// Go as far as possible without time passing; the answer, if that is the end.
    pub fn run(&mut self, world: &World) -> Option<Answer> {
        loop {
            if let Step::Done(outcome) = self.step {
                return Some(if (-4095..0).contains(&outcome) { Err(-outcome as i32) } else { Ok(outcome as usize) });
            }
            let step = self.step;
            let pending = self.pending.get_or_insert_with(|| world.machine.state().enter(&step));
            let attempt = world.machine.change().attempt(pending);
            let outcome = match attempt {
                Attempt::Done(outcome) => outcome,
                Attempt::Blocks(until) => {
                    self.until = until;
                    return None;
                }
            };
            if outcome == 0 && self.pending.take_if(|pending| pending.began() == world.now()).is_some() {
                world.pass(COST);
            }
            self.pending = None;
            self.steps += 1;
            assert!(self.steps < PATIENCE, "the operation spins: {step:?}");
            self.step = self.operation.resume(&world.engine, outcome);
        }
    }

    /// How many steps it took so far.
    pub fn steps(&self) -> u32 {
        self.steps
    }
}
