//! The whole engine, as a door drives it: calls of the C API, epoll_ctl, epoll_wait, recv and close on connections that do not
//! exist. What a real call costs besides is the kernel's, and not measured here.

use crate::machine::{Machine, AHEAD, BYTES};
use crate::meter::Meter;
use crate::random::Random;
use crate::{broken, timers, FIRST};
use netdeadline_engine::op::{self, Call, Clock, EpollWait, Interest, Operation, Receive, Step, Ways};
use netdeadline_engine::settings::Settings;
use netdeadline_engine::sys::{Kernel, Linux};
use netdeadline_engine::Engine;
use std::os::fd::RawFd;
use std::sync::atomic::Ordering::Relaxed;

const HOUR: u64 = 3_600_000_000_000;
const BATCH: usize = 500;
/// Room for events in one wait.
const ROOM: usize = 512;
const MUCH_ROOM: usize = 8192;

/// A process with one epoll set.
pub struct Process {
    engine: Box<Engine<Machine>>,
    /// The set: a real one, in which only the engine's own timer is.
    pub set: RawFd,
}

impl Process {
    /// With these settings, and no log.
    pub fn new(write: impl FnOnce(&mut Settings)) -> Process {
        let engine = Box::new(Engine::new(Machine));
        engine.start(|settings| {
            settings.log.set_target(b"off").expect("no log");
            write(settings);
        });
        let set = timers::epoll();
        op::epoll_created(&engine, set);
        Process { engine, set }
    }

    /// The engine.
    pub fn engine(&self) -> &Engine<Machine> {
        &self.engine
    }

    /// The first call of the C API.
    pub fn begin_movable(&self) {
        op::begin_movable(&self.engine, || true).expect("the C API");
    }

    /// A connection's number comes into being.
    pub fn create(&self, i: usize) {
        op::socket_created(&self.engine, FIRST + i as i32);
    }

    /// EPOLL_CTL_ADD.
    pub fn register(&self, i: usize) {
        self.register_in(self.set, i);
    }

    /// EPOLL_CTL_ADD to another set.
    pub fn register_in(&self, set: RawFd, i: usize) {
        let event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: i as u64 };
        let at = &raw const event as usize;
        op::epoll_ctl(&self.engine, set, libc::EPOLL_CTL_ADD, FIRST + i as i32, at, Interest::Waits);
    }

    fn perform(&self, mut operation: impl Operation) -> isize {
        let mut step = operation.start(&self.engine);
        loop {
            step = match step {
                Step::Done(answer) => return answer,
                Step::Call(call) => operation.resume(&self.engine, self.make(&call)),
                Step::Wait { .. } => broken("a call that does not block waits"),
            };
        }
    }

    fn make(&self, call: &Call) -> isize {
        match call.nr {
            libc::SYS_recvfrom => -(libc::EAGAIN as isize),
            // Nothing is ever there, and the clock may be ahead of the timers'.
            libc::SYS_epoll_pwait if AHEAD.load(Relaxed) != 0 => 0,
            _ => Linux.call(call.nr, call.args),
        }
    }

    /// epoll_wait: the data of what is reported. `timeout` in ms.
    pub fn wait(&self, events: &mut [libc::epoll_event], timeout: i32) -> usize {
        let args = [self.set as usize, events.as_mut_ptr() as usize, events.len(), timeout as usize, 0, 8];
        let ns = u64::try_from(timeout).map_or(u64::MAX, |ms| ms * 1_000_000);
        let own = Call::new(libc::SYS_epoll_pwait, args);
        let answer = self.perform(EpollWait::new("epoll_wait", own, Clock::Milliseconds, ns));
        usize::try_from(answer).unwrap_or_else(|_| broken("epoll_wait fails"))
    }

    /// recv: true if it is ETIMEDOUT, false if EAGAIN.
    pub fn receive(&self, i: usize) -> bool {
        let mut byte = 0_u8;
        let args = [(FIRST + i as i32) as usize, &raw mut byte as usize, 1, 0, 0, 0];
        match -self.perform(Receive::recvfrom("recv", args)) as i32 {
            libc::ETIMEDOUT => true,
            libc::EAGAIN => false,
            other => broken(&format!("recv answers {other}")),
        }
    }

    /// nd_set_read_deadline.
    pub fn set_deadline(&self, i: usize, at: u64) {
        if op::set_deadline(&self.engine, FIRST + i as i32, Ways::Read, at as i64).is_err() {
            broken("nd_set_deadline fails");
        }
    }

    /// close.
    pub fn close(&self, i: usize) {
        let fd = FIRST + i as i32;
        if let op::Close::CallAndTell(index) = op::close(&self.engine, fd) {
            op::closed(&self.engine, fd, index);
        }
    }

    /// The clock.
    pub fn now(&self) -> u64 {
        self.engine.kernel.now()
    }
}

/// Measure with `n` deadlines armed.
pub fn run(n: usize, mut meter: Meter) -> Meter {
    let process = Process::new(|_| {});
    // The last batches begin an hour later, so that nothing of this hour is left.
    AHEAD.store(1, Relaxed);
    process.begin_movable();
    let mut random = Random::new(n as u64);
    let k = (n / 2).clamp(1, BATCH);
    let empty = BYTES.load(Relaxed);
    let few = meter.measured(n);
    (0..n - few).for_each(|i| process.create(i));
    meter.batch("door: create", few, || (n - few..n).for_each(|i| process.create(i)));
    (0..n - few).for_each(|i| process.register(i));
    meter.batch("door: register", few, || (n - few..n).for_each(|i| process.register(i)));
    let base = process.now() + HOUR;
    let mut at: Vec<u64> = (0..n).map(|_| base + random.next() % HOUR).collect();
    (0..n).for_each(|i| process.set_deadline(i, at[i]));
    meter.note("door: bytes of memory", (BYTES.load(Relaxed) - empty) as f64 / n as f64);
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; ROOM];
    meter.rounds(|meter| {
        let chosen = random.some(k, n);
        meter.batch("door: disarm", k, || chosen.iter().for_each(|&i| process.set_deadline(i, 0)));
        meter.batch("door: arm", k, || chosen.iter().for_each(|&i| process.set_deadline(i, at[i])));
        let later: Vec<(usize, u64)> = random.some(k, n).into_iter().map(|i| (i, at[i] + HOUR / 100)).collect();
        meter.batch("door: re-arm later", k, || later.iter().for_each(|&(i, at)| process.set_deadline(i, at)));
        let earlier: Vec<(usize, u64)> =
            random.some(k, n).into_iter().map(|i| (i, base + (at[i] - base) / 2)).collect();
        meter.batch("door: re-arm earlier", k, || earlier.iter().for_each(|&(i, at)| process.set_deadline(i, at)));
        later.iter().chain(&earlier).for_each(|&(i, to)| at[i] = to);
        meter.batch("door: wait, nothing due", 100, || {
            (0..100).for_each(|_| {
                if process.wait(&mut events, 0) != 0 {
                    broken("a deadline is early");
                }
            })
        });
        // One at a time: due at once, told by one wait, and its recv answers.
        meter.batch("door: expire one", k, || {
            for &i in &chosen {
                process.set_deadline(i, 1);
                if process.wait(&mut events[..1], 0) != 1 || events[0].u64 != i as u64 || !process.receive(i) {
                    broken("a deadline that is due was not told");
                }
                process.set_deadline(i, at[i]);
            }
        });
    });
    for (what, room) in [("door: expire all", ROOM), ("door: expire all, 8,192 at a time", MUCH_ROOM)] {
        if few < n {
            break;
        }
        at.iter_mut().for_each(|at| *at += 2 * HOUR);
        (0..n).for_each(|i| process.set_deadline(i, at[i]));
        let last = at.iter().max().expect("one");
        AHEAD.fetch_add(last - process.now(), Relaxed);
        let mut told = vec![false; n];
        let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; room];
        meter.batch(what, n, || {
            let mut count = 0;
            while count < n {
                let more = process.wait(&mut events, 0);
                if more == 0 {
                    broken("a deadline that is due was not told");
                }
                for event in &events[..more] {
                    let i = event.u64 as usize;
                    if std::mem::replace(&mut told[i], true) || !process.receive(i) {
                        broken("a deadline was told twice, or not to recv");
                    }
                    process.set_deadline(i, 0);
                }
                count += more;
            }
        });
    }
    meter.batch("door: close", few, || (n - few..n).for_each(|i| process.close(i)));
    meter
}

/// A process under the operator's rule that reads end after this many ms.
pub fn ruled(timeout: u64) -> Process {
    Process::new(|settings| {
        settings
            .policy
            .parse_shorthand(netdeadline_engine::policy::Class::Read, format!("{timeout}ms").as_bytes())
            .expect("a timeout")
    })
}
