//! What the evidence page is told: which waits began and ended, and how. Only of descriptions that have `Flag::Measured`, which is set
//! where the operator asked for a page (NETDEADLINE_STATS); everything here is out of the way of those that have not.
//!
//! A wait of a class is one run of its clock (SEMANTICS.md). `connect` and `response` are counted on every socket that is known;
//! `read` and `write` where a deadline is armed for that direction, so from one byte to the next. What a program gives up by
//! closing the socket is counted apart. When a deadline expires is not decided here, and nothing here changes a socket.

use super::clock::{Cause, Direction, Due};
use crate::atomic::{AtomicU64, Ordering::Relaxed};
use crate::evidence::page::{Destination, Kept, Key, Own, Page};
use crate::policy::{Addr, Class, Origin};
use crate::sys::{process, socket, Found, Kernel, TcpInfo};
use crate::table::{Description, Flag, Measure, Running, State};
use crate::Engine;

/// How the connect call went, where it did not wait: answers that do not end an attempt.
const GOES_ON: [i32; 3] = [libc::EINPROGRESS, libc::EALREADY, libc::EINTR];

impl<K: Kernel> Engine<K> {
    /// A new description, before anyone else knows it: is it measured?
    pub(crate) fn measure(&self, index: u32, d: &Description) {
        if self.settings.peek().is_some_and(|settings| settings.pages.is_on())
            && self.page().is_some()
            && self.measures.begin(&self.kernel, index, d.generation())
        {
            d.set(Flag::Measured);
        }
    }

    /// From now on no page is made: a sandbox may kill for the calls.
    pub fn seal_page(&self) {
        self.sealed.store(true, Relaxed);
    }

    /// This process's page, made now if there is none.
    fn page(&self) -> Option<&'static Page> {
        match self.page.find() {
            Found::Here(page) => Some(page),
            Found::Unavailable => None,
            Found::Nothing => self.make_page(),
        }
    }

    #[cold]
    fn make_page(&self) -> Option<&'static Page> {
        let (k, settings) = (&self.kernel, self.settings.peek()?);
        if self.sealed.load(Relaxed) || self.process.borrowed(k) {
            return None;
        }
        let inherited = self.page.last();
        let made = match settings.pages.make(k) {
            Ok(made) => made,
            Err(refusal) => {
                if self.page.give_up(k) {
                    settings.log.note(k, format_args!("NETDEADLINE_STATS: no evidence page: {}", refusal.words()));
                } else if matches!(self.page.find(), Found::Nothing) {
                    self.seal_page();
                }
                return None;
            }
        };
        let comm = process::comm(k);
        made.page().begin([process::pid(k) as u64, made.start], [k.realtime(), k.now()], comm, settings.observe);
        if let Some(parents) = inherited {
            self.take_over(parents, made.page());
        }
        made.settle(k, &self.page);
        match self.page.find() {
            Found::Here(page) => Some(page),
            Found::Unavailable => None,
            Found::Nothing => {
                // A kernel that cannot wipe on fork (before 4.14).
                self.seal_page();
                None
            }
        }
    }

    /// A forked child has its parent's connections, and counts them as its own from here on: in the same places, so that nothing is
    /// changed but this page, which is nobody's yet. (Threads of the child that come at once do this twice, and one page stays.)
    fn take_over(&self, parents: &Page, page: &Page) {
        self.measures.each(|measure| {
            let Some(place) = measure.place(measure.generation()) else { return };
            let (from, to) = (parents.place(place), page.place(place));
            if place < super::OTHER && to.name.claim() {
                to.accepts.store(from.accepts.load(Relaxed), Relaxed);
                to.name.fill(&from.name.key());
            }
            Running::COUNTED.into_iter().filter(|what| measure.runs(*what)).for_each(|what| more(to, what));
        });
    }

    fn measured(&self, d: &Description) -> Option<(&'static Page, &Measure)> {
        if !d.has(Flag::Measured) {
            return None;
        }
        Some((self.page()?, self.measures.at(d.index())?))
    }

    /// The program is about to connect it to this address; to none: what it has is to be dissolved (AF_UNSPEC).
    pub(crate) fn measure_dial(&self, fd: i32, d: &Description, address: Option<Addr<'_>>) {
        let Some((page, measure)) = self.measured(d) else { return };
        let now = self.kernel.now();
        let Some(address) = address else { return self.uncount(page, measure, d, Some(now)) };
        // Whoever asks how his connect went by another one (hiredis) gets an answer, and no second connection.
        if d.has(Flag::Stream) && measure.runs(Running::Open) && socket::peer_name(&self.kernel, fd).is_ok() {
            return;
        }
        let place = page.destination(&Key::of(&address), false);
        self.counted(page, measure, d, place);
        begin(page.place(place), measure, d, Running::Connect, now);
    }

    /// It was found, or accepted: a connection that stands.
    pub(crate) fn measure_found(&self, fd: i32, d: &Description) {
        if let Some((page, measure)) = self.measured(d) {
            self.place(fd, page, measure, d);
        }
    }

    /// Its place in the page; asked of the kernel where it is not known.
    fn place<'a>(&self, fd: i32, page: &'a Page, measure: &Measure, d: &Description) -> &'a Destination {
        if let Some(place) = measure.place(d.generation()) {
            return page.place(place);
        }
        let k = &self.kernel;
        let remote = if d.has(Flag::Unix) { socket::peer_name(k, fd) } else { socket::destination(k, fd) };
        // What is accepted from, and what it listens on: this end.
        let accepts = d.has(Flag::Accepted) || remote.is_err();
        let name = if accepts { socket::local_name(k, fd) } else { remote };
        let place = match name.as_ref().map(|name| Addr::from_sockaddr(name.bytes())) {
            Ok(Some(address)) => page.destination(&Key::of(&address), accepts),
            _ => super::OTHER,
        };
        self.counted(page, measure, d, place);
        page.place(place)
    }

    /// It leads there from now on: one connection more, and one fewer where it led before.
    fn counted(&self, page: &Page, measure: &Measure, d: &Description, place: usize) {
        self.uncount(page, measure, d, None);
        let destination = page.place(place);
        // Before it is: see `begin`.
        more(destination, Running::Open);
        if measure.enter(d.generation(), place, self.kernel.now()) {
            destination.connections.fetch_add(1, Relaxed);
        } else {
            fewer(destination, Running::Open);
        }
    }

    /// Nothing of it runs any more. `closed`: now, because it is closed.
    fn uncount(&self, page: &Page, measure: &Measure, d: &Description, closed: Option<u64>) {
        let left = measure.leave(d.generation());
        let Some(destination) = left.place().map(|place| page.place(place)) else { return };
        for what in Running::COUNTED.into_iter().filter(|what| left.runs(*what)) {
            fewer(destination, what);
            match (what, closed) {
                (Running::Open, None) => {}
                (Running::Open, Some(now)) => {
                    destination.class(Class::Lifetime).count(now.saturating_sub(measure.began(what)));
                }
                _ => {
                    destination.class(class(what)).abandoned.fetch_add(1, Relaxed);
                }
            }
        }
    }

    /// Its last number is being closed. No page is made for that: most forked children close what they inherited, and execute another
    /// program.
    #[cold]
    pub(crate) fn measure_closed(&self, d: &Description) {
        let Some(measure) = self.measures.at(d.index()).filter(|_| d.has(Flag::Measured)) else { return };
        if let Found::Here(page) = self.page.find() {
            self.uncount(page, measure, d, Some(self.kernel.now()));
        }
        // What a page that is made later is not to find.
        measure.leave(d.generation());
    }

    /// What this is, is over: as far as it was running.
    pub(crate) fn measure_end(&self, d: &Description, what: Running) {
        let Some((page, measure)) = self.measured(d) else { return };
        let Some(since) = measure.end(d.generation(), what) else { return };
        let destination = page.place(measure.place(d.generation()).unwrap_or(super::OTHER));
        fewer(destination, what);
        destination.class(class(what)).count(self.kernel.now().saturating_sub(since));
    }

    /// A connect call has answered: is the attempt over?
    pub(crate) fn measure_connect(&self, d: &Description, outcome: isize) {
        // With TCP_FASTOPEN_CONNECT the call has only promised to connect.
        let over = d.has(Flag::Measured) && !d.has(Flag::FastOpen);
        if over && !GOES_ON.iter().any(|errno| outcome == super::error(*errno)) {
            self.measure_end(d, Running::Connect);
        }
    }

    /// Bytes, or the end, are coming from the peer. Before the clocks are touched.
    pub(crate) fn measure_input(&self, fd: i32, d: &Description) {
        let Some((page, measure)) = self.measured(d) else { return };
        let destination = self.place(fd, page, measure, d);
        // What brings bytes is connected.
        self.measure_end(d, Running::Connect);
        self.measure_end(d, Running::Response);
        if let Some(began) = self.waited(measure, d, Direction::Read) {
            destination.class(Class::Read).count(self.kernel.now().saturating_sub(began));
        }
    }

    /// Since when this direction is waited for, if it is: by its clock, or by the one that was observed to run out.
    fn waited(&self, measure: &Measure, d: &Description, direction: Direction) -> Option<u64> {
        let (word, start, late) = match direction {
            Direction::Read => (&d.read, &d.read_start, Running::Input),
            Direction::Write => (&d.write, &d.write_start, Running::Output),
        };
        // Ended also where a new wait has begun since.
        let observed = measure.end(d.generation(), late);
        match word.load(d.generation()) {
            State::Armed(_) => Some(start.load(Relaxed)),
            _ => observed,
        }
    }

    /// Bytes went at `now`. Before the clocks are touched.
    pub(crate) fn measure_output(&self, fd: i32, d: &Description, now: u64) {
        let Some((page, measure)) = self.measured(d) else { return };
        let destination = self.place(fd, page, measure, d);
        let connecting = measure.runs(Running::Connect);
        if !d.has(Flag::FastOpen) {
            self.measure_end(d, Running::Connect);
        }
        if let (Some(began), false) = (self.waited(measure, d, Direction::Write), connecting) {
            destination.class(Class::Write).count(now.saturating_sub(began));
        }
        // Something came since it began to be written (`Description::wrote`): perhaps the answer.
        let answered = !d.has(Flag::Writing);
        // The next request of a client is no answer.
        let serves = d.has(Flag::Accepted) && !d.ruled(Class::Response);
        if !answered && !serves {
            begin(destination, measure, d, Running::Response, now);
        }
    }

    /// A deadline has passed.
    #[allow(clippy::too_many_arguments)] // What is known at an expiry; a struct for one call would only rename it.
    #[cold]
    pub(crate) fn measure_expiry(
        &self,
        fd: i32,
        pin: i32,
        d: &Description,
        direction: Direction,
        due: &Due,
        operation: &'static str,
        now: u64,
        observed: bool,
        info: Option<&TcpInfo>,
    ) {
        let Some((page, measure)) = self.measured(d) else { return };
        let destination = self.place(pin, page, measure, d);
        let class = self.class_of(d, direction, due);
        let own = match due.cause {
            Cause::Explicit => Some(Own::Explicit),
            Cause::Scope => Some(Own::Scope),
            Cause::ReceiveTimeout => Some(Own::ReceiveTimeout),
            Cause::SendTimeout => Some(Own::SendTimeout),
            Cause::Rule(_) | Cause::Own(_) => None,
        };
        own.map(|own| destination.own(own).fetch_add(1, Relaxed));
        let waits = destination.class(class);
        if observed {
            waits.observed.fetch_add(1, Relaxed);
            let goes_on = match class {
                Class::Read => Some(Running::Input),
                Class::Write if direction == Direction::Write => Some(Running::Output),
                // Their clocks run here as long as they run at all.
                _ => None,
            };
            let began = due.at.saturating_sub(due.timeout);
            if let Some(what) = goes_on {
                measure.begin(d.generation(), what, began);
            }
        } else if due.timeout != 0 {
            waits.expired.fetch_add(1, Relaxed);
            self.expired_wait(d, destination, measure, class, due, now);
        }
        page.keep(&self.kept(fd, pin, d, measure, due, operation, now, observed, info));
    }

    /// The wait that a deadline ended is over, and counted as what it was.
    fn expired_wait(
        &self,
        d: &Description,
        destination: &Destination,
        measure: &Measure,
        class: Class,
        due: &Due,
        now: u64,
    ) {
        let running = match class {
            Class::Connect => Some(Running::Connect),
            Class::Response => Some(Running::Response),
            // A lifetime is over when the socket is closed.
            Class::Lifetime => return,
            Class::Read | Class::Write => None,
        };
        if let Some(what) = running {
            if measure.end(d.generation(), what).is_none() {
                return;
            }
            fewer(destination, what);
        }
        destination.class(class).count(due.waited(now));
    }

    /// Which class's wait it is that ends.
    fn class_of(&self, d: &Description, direction: Direction, due: &Due) -> Class {
        match (due.class(), direction) {
            (Some(class), _) => class,
            _ if d.has(Flag::Connecting) => Class::Connect,
            (None, Direction::Read) => Class::Read,
            (None, Direction::Write) => Class::Write,
        }
    }

    #[allow(clippy::too_many_arguments)] // As above.
    fn kept(
        &self,
        fd: i32,
        pin: i32,
        d: &Description,
        measure: &Measure,
        due: &Due,
        operation: &'static str,
        now: u64,
        observed: bool,
        info: Option<&TcpInfo>,
    ) -> Kept {
        let k = &self.kernel;
        let who = crate::evidence::Who::now(k);
        let (cause, rule) = match due.cause {
            Cause::Rule(class) => {
                let rule = self.settings.peek().and_then(|s| s.policy.rule(d.decision().of(class)));
                (class as u8, rule.map(|rule| (rule.origin, rule.line)))
            }
            Cause::Own(class) => (8 + class as u8, None),
            Cause::Explicit => (16 + Own::Explicit as u8, None),
            Cause::Scope => (16 + Own::Scope as u8, None),
            Cause::ReceiveTimeout => (16 + Own::ReceiveTimeout as u8, None),
            Cause::SendTimeout => (16 + Own::SendTimeout as u8, None),
        };
        let mut name = [0; 16];
        name.iter_mut().zip(operation.bytes()).for_each(|(to, from)| *to = from);
        let peer = if d.has(Flag::Unix) { socket::peer_name(k, pin) } else { socket::destination(k, pin) };
        let peer = peer.as_ref().ok().and_then(|peer| Addr::from_sockaddr(peer.bytes()));
        let dialled = !d.has(Flag::Accepted) && !d.has(Flag::Connecting);
        Kept {
            realtime: who.realtime,
            tid: who.tid,
            fd,
            comm: who.comm,
            operation: name,
            cause,
            observed,
            origin: match rule {
                None => 0,
                Some((Origin::Shorthand(_), _)) => 1,
                Some((Origin::Rules, _)) => 2,
                Some((Origin::File, _)) => 3,
            },
            line: rule.map_or(0, |(_, line)| line),
            timeout: due.timeout,
            waited: due.waited(now),
            cookie: socket::cookie(k, pin).unwrap_or(0),
            destination: measure.place(d.generation()).unwrap_or(super::OTHER),
            bytes: info.map_or([u64::MAX; 2], |info| crate::evidence::transferred(info, dialled)),
            rtt_us: info.map_or(u32::MAX, |info| info.rtt),
            retransmits: info.map_or(u32::MAX, |info| u32::from(info.retransmits)),
            peer: peer.map_or(Key::NONE, |peer| Key::of(&peer)),
        }
    }
}

/// The class whose clock it is.
fn class(what: Running) -> Class {
    match what {
        Running::Open => Class::Lifetime,
        Running::Connect => Class::Connect,
        Running::Response => Class::Response,
        Running::Input => Class::Read,
        Running::Output => Class::Write,
    }
}

/// Where it is counted while it goes on.
fn gauge(destination: &Destination, what: Running) -> Option<&AtomicU64> {
    match what {
        Running::Open => Some(&destination.open),
        Running::Connect => Some(&destination.connecting),
        Running::Response => Some(&destination.awaiting),
        Running::Input | Running::Output => None,
    }
}

/// It runs from `now` on. It is counted before: whoever ends it, on another thread, at once, finds it counted.
fn begin(destination: &Destination, measure: &Measure, d: &Description, what: Running, now: u64) {
    more(destination, what);
    if !measure.begin(d.generation(), what, now) {
        fewer(destination, what);
    }
}

/// One more of them.
fn more(destination: &Destination, what: Running) {
    if let Some(gauge) = gauge(destination, what) {
        gauge.fetch_add(1, Relaxed);
    }
}

/// One fewer, never fewer than none: others may write in the page.
fn fewer(destination: &Destination, what: Running) {
    if let Some(gauge) = gauge(destination, what) {
        let _ = gauge.fetch_update(Relaxed, Relaxed, |count| count.checked_sub(1));
    }
}
