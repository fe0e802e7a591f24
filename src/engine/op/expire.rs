//! A deadline has passed: leave the record, and cut short what has to be cut short.

use super::clock::{Cause, Direction, Due, Way};
use super::judge::{Verdict, JIFFY};
use crate::evidence::{self, Record};
use crate::policy::{Addr, Class};
use crate::sys::{file, socket, Kernel};
use crate::table::{Description, Flag, SlotWord, State};
use crate::Engine;
use core::sync::atomic::Ordering::Relaxed;

/// Where a socket is held for a moment: out of the way of programs that count on low numbers.
const PIN: i32 = 900;

impl<K: Kernel> Engine<K> {
    /// Record the expiry. True if the program is to be told; false in observe mode, where nothing is cut short.
    ///
    /// An expired connect is aborted in the kernel first, so that it cannot succeed behind the program's back.
    pub(crate) fn expire(
        &self,
        fd: i32,
        d: &Description,
        direction: Direction,
        due: Due,
        operation: &'static str,
        now: u64,
    ) -> bool {
        // What bounds the operations themselves stays passed.
        let bounded = matches!(due.cause, Cause::Explicit | Cause::Scope);
        let observing = self.observing() && !due.is_said();
        // An attempt to connect is ended by what ends writes; a connection that stands, of which the program has not asked yet, is none.
        let aborts = d.has(Flag::Connecting)
            && (!bounded || direction == Direction::Write || due.cause == Cause::Scope)
            && self.is_pending(fd);
        // An abort must not hit a stranger that takes the number over while we are at it: a connecting socket is held by a
        // number of our own, and looked at once more.
        let held = if aborts { file::duplicate_high(&self.kernel, fd, PIN).ok() } else { None };
        let pin = held.unwrap_or(fd);
        if aborts && !self.is_same_socket(pin, d) {
            held.map(|held| file::close(&self.kernel, held));
            return false;
        }
        let lifetime = due.class() == Some(Class::Lifetime);
        // A lifetime is sticky and expires once; an observed wait goes on and would be recorded again and again.
        let known = lifetime && d.has(Flag::Outlived)
            || observing && d.has(Flag::Observed)
            || bounded && !self.note_bound(d, direction, due.at, due.timeout != 0);
        if !known {
            if lifetime {
                d.set(Flag::Outlived);
            } else if observing {
                d.set(Flag::Observed);
            }
            self.record(fd, pin, d, direction, due, operation, now, observing);
        }
        if bounded && !aborts {
            return true;
        }
        match due.class() {
            // The clock is the program's own as well, and goes on for that.
            _ if observing && d.has(Flag::Explicit) => {}
            // Once; then the clock starts anew, also in the other direction.
            Some(Class::Write) => {
                d.write_start.store(now, Relaxed);
                d.clear(Flag::Sampled);
            }
            Some(Class::Response) => d.last_write.store(now, Relaxed),
            _ => {}
        }
        let word = super::ready::word(d, direction);
        let claimed = matches!(word.load(d.generation()), State::Expired(_));
        if !claimed || aborts {
            word.store(State::Idle, d.generation());
        }
        if observing {
            if lifetime {
                // Over before what goes on is looked for, as are the operator's other clocks of this wait.
                d.lifetime.store(State::Idle, d.generation());
                d.set(Flag::Observed);
            }
            if self.goes_on(fd, d, direction) {
                held.map(|held| file::close(&self.kernel, held));
                return false;
            }
            self.observe(d, direction);
            d.clear(Flag::Connecting);
            held.map(|held| file::close(&self.kernel, held));
            return false;
        }
        if aborts {
            // sk_err becomes ECONNRESET and every poller is woken (net/ipv4/tcp.c, tcp_disconnect): the kernel itself
            // reports OUT|ERR|HUP to whatever waits. What the error was is told by `take_aborted`.
            // Said before it happens: another thread of the program is awake, and asks, before the call has come back.
            d.set(Flag::Aborted);
            d.clear(Flag::Connecting);
            d.clear(Flag::FastOpen);
            let _ = socket::disconnect(&self.kernel, pin);
        }
        held.map(|held| file::close(&self.kernel, held));
        true
    }

    /// What the operator only observes is over; what the program said of this wait itself goes on, if anything.
    fn goes_on(&self, fd: i32, d: &Description, direction: Direction) -> bool {
        let way = Way { nonblocking: false, single: true };
        let said = d.has(Flag::Explicit).then(|| self.next(fd, d, direction, way, None)).flatten();
        let Some(due) = said.filter(Due::is_said) else { return false };
        super::ready::word(d, direction).store(State::Armed(due.at), d.generation());
        true
    }

    /// A non-blocking call found nothing to do, and the wait that an earlier one began is over: the program waits in a loop of
    /// its own. True if the call is to answer ETIMEDOUT. (Not for one that tries first: its wait begins with this very call.)
    #[allow(clippy::too_many_arguments)] // The caller's whole state; a struct for one call would only rename it.
    pub(crate) fn overdue(
        &self,
        fd: i32,
        slot: SlotWord,
        d: &Description,
        direction: Direction,
        way: Way,
        operation: &'static str,
        now: u64,
    ) -> bool {
        let State::Armed(at) = super::ready::word(d, direction).load(d.generation()) else { return false };
        let gap = way.single && direction == Direction::Read && self.was_away(d, way, now);
        if at > now || gap || d.has(Flag::TriesFirst) {
            return false;
        }
        match self.judge(fd, d, direction, way, now) {
            Verdict::Due(due) if self.expire(fd, d, direction, due, operation, now) => {
                if direction == Direction::Read {
                    self.rearm_input(fd, slot, d);
                }
                true
            }
            _ => false,
        }
    }

    /// Has this connection lived as long as it may? Sticky: every call fails from then on.
    pub(crate) fn outlived(&self, fd: i32, d: &Description, operation: &'static str) -> bool {
        if self.has_time(d) {
            return false;
        }
        let State::Armed(end) = d.lifetime.load(d.generation()) else { return false };
        let now = self.kernel.now();
        if now < end || !self.is_same_socket(fd, d) {
            return false;
        }
        let timeout = self.timeout(d, Class::Lifetime, None);
        let own = timeout != 0 && self.own_timeout(d, Class::Lifetime) == timeout;
        let cause = if own { Cause::Own(Class::Lifetime) } else { Cause::Rule(Class::Lifetime) };
        let due = Due { at: end, timeout, cause, sample: false };
        let first = !d.has(Flag::Outlived);
        let cut = self.expire(fd, d, Direction::Read, due, operation, now);
        if cut && first {
            // A set that holds the socket is told as well.
            self.rearm_input(fd, self.slots.word(fd), d);
        }
        cut
    }

    /// Is the connection certainly not older than it may be? By the coarse clock, which costs a fifth.
    #[inline]
    pub(crate) fn has_time(&self, d: &Description) -> bool {
        match d.lifetime.load(d.generation()) {
            State::Idle => true,
            State::Armed(end) => self.kernel.coarse().saturating_add(JIFFY) < end,
            State::Expired(_) => false,
        }
    }

    #[allow(clippy::too_many_arguments)] // What is known at an expiry; a struct for one call would only rename it.
    fn record(
        &self,
        fd: i32,
        pin: i32,
        d: &Description,
        direction: Direction,
        due: Due,
        operation: &'static str,
        now: u64,
        observed: bool,
    ) {
        let k = &self.kernel;
        let Some(settings) = self.settings.peek() else { return };
        // Asked first: in a storm of expiries what is left out must not cost its TCP_INFO.
        let admitted = settings.log.admit(now);
        let measured = d.has(Flag::Measured);
        let asks = measured || self.movable() || matches!(admitted, evidence::Verdict::Write { .. });
        let info = if asks && !d.has(Flag::Unix) { socket::tcp_info(k, pin).ok() } else { None };
        if !observed {
            self.remember(d, &due, direction, info.as_ref(), now);
        }
        if measured {
            self.measure_expiry(fd, pin, d, direction, &due, operation, now, observed, info.as_ref());
        }
        let evidence::Verdict::Write { more } = admitted else { return };
        let file = settings.config_path.split(|&b| b == 0).next().unwrap_or_default();
        let cause = match due.cause {
            Cause::Explicit => evidence::Cause::Explicit,
            Cause::Scope => evidence::Cause::Scope,
            Cause::ReceiveTimeout => evidence::Cause::SoRcvtimeo,
            Cause::SendTimeout => evidence::Cause::SoSndtimeo,
            Cause::Own(class) => evidence::Cause::Timeouts(class),
            Cause::Rule(class) => match settings.policy.rule(d.decision().of(class)) {
                Some(rule) => evidence::Cause::policy(class, rule, file),
                None => return,
            },
        };
        let mut record = Record::new(k, fd, operation, cause);
        let peer = if d.has(Flag::Unix) { socket::peer_name(k, pin) } else { socket::destination(k, pin) };
        if let Ok(peer) = &peer {
            record.peer = Addr::from_sockaddr(peer.bytes());
        }
        if let Some(info) = &info {
            let dialled = !d.has(Flag::Accepted) && !d.has(Flag::Connecting);
            record = record.with_tcp_info(info, dialled);
        }
        record.timeout = due.timeout;
        record.waited = due.waited(now);
        record.observed = observed;
        settings.log.report_admitted(k, &record, more);
    }
}
