//! When a direction of a socket expires next, from its clocks and its rules: arithmetic on the description. Only
//! `write=auto` asks the kernel.

use crate::policy::{Class, Policy, Rule, Timeout};
use crate::sys::socket::tcp_info;
use crate::sys::{Kernel, TcpInfo};
use crate::table::{Description, Flag, State};
use crate::Engine;

/// Reading, or writing (and connecting).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// The program waits for input.
    Read,
    /// The program waits for room, or for a connection.
    Write,
}

impl Direction {
    /// The event of poll that is waited for.
    pub fn events(self) -> i16 {
        match self {
            Direction::Read => libc::POLLIN,
            Direction::Write => libc::POLLOUT,
        }
    }
}

/// What set the deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// A rule, by class.
    Rule(Class),
    /// A timeout that the program set through the C API, by class.
    Own(Class),
    /// The program's SO_RCVTIMEO on a non-blocking socket.
    ReceiveTimeout,
    /// The program's SO_SNDTIMEO on a non-blocking socket.
    SendTimeout,
    /// A deadline that the program set through the C API.
    Explicit,
    /// A scope that the thread is in.
    Scope,
}

/// The deadline that comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Due {
    /// The instant.
    pub at: u64,
    /// The timeout it was made from, ns.
    pub timeout: u64,
    /// What set it.
    pub cause: Cause,
    /// Not a deadline but an instant to take a sample at.
    pub sample: bool,
}

impl Due {
    /// Which clock ran out, where it is one of the classes'.
    pub fn class(&self) -> Option<Class> {
        match self.cause {
            Cause::Rule(class) | Cause::Own(class) => Some(class),
            Cause::ReceiveTimeout | Cause::SendTimeout | Cause::Explicit | Cause::Scope => None,
        }
    }

    /// Did the program say so through the C API? Then it is enforced also where the operator only observes.
    pub fn is_said(&self) -> bool {
        matches!(self.cause, Cause::Own(_) | Cause::Explicit | Cause::Scope)
    }

    /// How long the wait has lasted that it ends, ns; 0 where nothing was waited for.
    pub fn waited(&self, now: u64) -> u64 {
        match self.timeout {
            0 => 0,
            timeout => now.saturating_sub(self.at.saturating_sub(timeout)),
        }
    }
}

/// How the program waits: what source 2 and the gap rule need to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Way {
    /// O_NONBLOCK is set on the description: the program's own timeouts are ours to keep.
    pub nonblocking: bool,
    /// One bounded wait (poll, select, a blocking call) rather than a registration in an epoll set.
    pub single: bool,
}

/// Progress of sent bytes is first looked at a sixteenth of the timeout after the write, but within these: by then a living peer
/// has acknowledged, and no probe of a shut window has been answered yet (the first goes out after 200 ms, TCP_RTO_MIN).
const FIRST_SAMPLE: [u64; 2] = [25_000_000, 190_000_000];
/// Samples that have that much time are taken together, at multiples of this: a thousand busy connections are then looked at in
/// one go thirty times a second, not each by itself.
const TOGETHER: u64 = 1 << 25;

/// How long after a write it is first looked at, and by how much that may be moved forward.
fn first_sample(timeout: u64) -> (u64, u64) {
    let [least, most] = FIRST_SAMPLE;
    let wait = (timeout / 16).max(least).min(most).min(timeout / 2);
    (wait, if wait < 2 * TOGETHER { 1 } else { TOGETHER })
}

/// The least time between the beginning of a wait and the instant at which it is first looked at, whichever rule holds for it:
/// class read, response or write. `u64::MAX` where no rule bounds these.
pub(crate) fn least_wait(policy: &Policy) -> u64 {
    let of_rule = |rule: &Rule| {
        let of_class = |class| match rule.timeout(class) {
            Timeout::Fixed(ns) => ns,
            Timeout::Auto(auto) => auto.min,
            Timeout::Unset | Timeout::Off => u64::MAX,
        };
        let write = match of_class(Class::Write) {
            u64::MAX => u64::MAX,
            ns => {
                let (wait, grid) = first_sample(ns);
                wait - (grid - 1)
            }
        };
        of_class(Class::Read).min(of_class(Class::Response)).min(write)
    };
    policy.rules().iter().map(of_rule).min().unwrap_or(u64::MAX)
}

/// The earliest of several.
struct Earliest(Option<Due>);

impl Earliest {
    fn offer(&mut self, cause: Cause, start: u64, timeout: u64) {
        self.offer_at(Due { at: start.saturating_add(timeout), timeout, cause, sample: false });
    }

    fn offer_class(&mut self, start: u64, (timeout, cause): (u64, Cause)) {
        self.offer(cause, start, timeout);
    }

    fn offer_at(&mut self, due: Due) {
        if due.timeout != 0 && self.0.is_none_or(|first| due.at < first.at) {
            self.0 = Some(due);
        }
    }
}

impl<K: Kernel> Engine<K> {
    /// The timeout of a class, ns; 0 = none: a rule's or the program's own, whichever is shorter. `auto` needs the connection's figures; without them its least.
    pub(crate) fn timeout(&self, d: &Description, class: Class, info: Option<&TcpInfo>) -> u64 {
        let (timeout, _) = self.timeout_of(d, class, info);
        timeout
    }

    /// The same, and whose it is.
    fn timeout_of(&self, d: &Description, class: Class, info: Option<&TcpInfo>) -> (u64, Cause) {
        let (rule, own) = (self.rules_timeout(d, class, info), self.own_timeout(d, class));
        if own != 0 && (rule == 0 || own <= rule) {
            (own, Cause::Own(class))
        } else {
            (rule, Cause::Rule(class))
        }
    }

    /// The timeout of a class that the operator's rules say, ns; 0 = none.
    pub(crate) fn rules_timeout(&self, d: &Description, class: Class, info: Option<&TcpInfo>) -> u64 {
        // What was only observed of this wait is over; what the program said goes on.
        if !d.ruled(class) || d.has(Flag::Observed) && self.observing() {
            return 0;
        }
        let Some(settings) = self.settings.peek() else { return 0 };
        match settings.policy.timeout(&d.decision(), class) {
            Timeout::Fixed(ns) => ns,
            Timeout::Auto(auto) => info.map_or(auto.min, |i| auto.timeout(i.rtt, i.rto)),
            Timeout::Unset | Timeout::Off => 0,
        }
    }

    fn is_auto(&self, d: &Description) -> bool {
        let settings = self.settings.peek();
        settings.is_some_and(|s| matches!(s.policy.timeout(&d.decision(), Class::Write), Timeout::Auto(_)))
    }

    /// The first deadline of this direction, if any runs. `info` is the connection's figures, where the caller has them.
    pub(crate) fn next(
        &self,
        fd: i32,
        d: &Description,
        direction: Direction,
        way: Way,
        info: Option<&TcpInfo>,
    ) -> Option<Due> {
        use core::sync::atomic::Ordering::Relaxed;
        let mut first = Earliest(None);
        if let State::Armed(at) = d.lifetime.load(d.generation()) {
            let (timeout, cause) = self.timeout_of(d, Class::Lifetime, info);
            first.offer_at(Due { at, timeout, cause, sample: false });
        }
        let write_start = d.write_start.load(Relaxed);
        if d.has(Flag::Connecting) {
            first.offer_class(write_start, self.timeout_of(d, Class::Connect, info));
            if way.nonblocking {
                first.offer(Cause::SendTimeout, write_start, self.own(d, d.send_timeout()));
            }
            if direction == Direction::Read {
                // Does the connection stand by now? Then this wait is one for input, and its clock runs.
                let timeout = self.read_timeout(d, way);
                let at = d.read_start.load(Relaxed).max(write_start).saturating_add(timeout);
                first.offer_at(Due { at, timeout, cause: Cause::Rule(Class::Read), sample: true });
            }
            return first.0;
        }
        if direction == Direction::Read {
            // What the program said of this socket does not pause while it works on a request.
            let paused = d.is_paused();
            let start = d.read_start.load(Relaxed);
            let own = || (self.own_timeout(d, Class::Read), Cause::Own(Class::Read));
            first.offer_class(start, if paused { own() } else { self.timeout_of(d, Class::Read, info) });
            if d.has(Flag::Awaiting) {
                let written = d.last_write.load(Relaxed);
                first.offer_class(written, self.timeout_of(d, Class::Response, info));
            }
            if way.nonblocking {
                first.offer(Cause::ReceiveTimeout, start, self.own(d, d.receive_timeout()));
            }
        } else if way.nonblocking {
            first.offer(Cause::SendTimeout, write_start, self.own(d, d.send_timeout()));
        }
        if direction == Direction::Write || d.has(Flag::Unacked) {
            // `auto` is made from the round trip as it is when the wait begins: its least alone would make us look too early,
            // again and again.
            let asked = if info.is_none() && self.is_auto(d) { tcp_info(&self.kernel, fd).ok() } else { None };
            let (timeout, cause) = self.timeout_of(d, Class::Write, info.or(asked.as_ref()));
            if d.has(Flag::Sampled) || d.has(Flag::Unix) {
                first.offer(cause, write_start, timeout);
            } else {
                let (wait, grid) = first_sample(timeout);
                let at = write_start.saturating_add(wait) & !(grid - 1);
                first.offer_at(Due { at, timeout, cause, sample: true });
            }
        }
        first.0
    }

    /// The program's own timeout on a non-blocking socket, unless the operator leaves those to the kernel.
    fn own(&self, d: &Description, timeout: u64) -> u64 {
        // What was only observed of this wait is over, as in `rules_timeout`: or a wait that goes on spins.
        if d.has(Flag::Observed) && self.observing() {
            return 0;
        }
        if timeout != 0 && self.settings.peek().is_some_and(|s| s.timeouts_by_kernel) {
            return 0;
        }
        timeout
    }

    /// How long a single wait may last before it has to look again, because another thread may write meanwhile and so start
    /// a clock that this wait does not know of; `u64::MAX` when nothing of the kind can happen.
    pub(crate) fn look_again(&self, d: &Description, now: u64) -> u64 {
        let mut at = u64::MAX;
        if d.has(Flag::Paused) {
            // An answer written by another thread starts the read clock.
            let timeout = self.timeout(d, Class::Read, None);
            at = if timeout == 0 { at } else { now.saturating_add(timeout) };
        }
        for (class, runs) in [(Class::Response, Flag::Awaiting), (Class::Write, Flag::Unacked)] {
            let timeout = self.timeout(d, class, None);
            if timeout != 0 && !d.has(runs) {
                at = at.min(now.saturating_add(timeout));
            }
        }
        at
    }

    /// The shortest timeout by which a wait for input is bounded: what the gap rule is measured by.
    pub(crate) fn read_timeout(&self, d: &Description, way: Way) -> u64 {
        let rule = self.timeout(d, Class::Read, None);
        let own = if way.nonblocking { self.own(d, d.receive_timeout()) } else { 0 };
        match (rule, own) {
            (0, t) | (t, 0) => t,
            (a, b) => a.min(b),
        }
    }
}
