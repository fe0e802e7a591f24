//! The naive model of the random tests: per connection what happened when, and from that when a wait may, and must, have ended.
//!
//! It knows the classes of SEMANTICS.md and nothing of how the engine keeps them: no state words, no gaps, no tellings. So what
//! it says is one-sided: `excuse_*` (an expiry is never early) is necessary, `bound_*` (none is missed) is generous.

use crate::machine::{Phase, Socket, MS};

/// The timeouts of a run, ns; 0: none.
#[derive(Clone, Copy, Default, Debug)]
pub struct Rules {
    /// Class connect.
    pub connect: u64,
    /// Class response.
    pub response: u64,
    /// Class read.
    pub read: u64,
    /// Class write.
    pub write: u64,
    /// Class lifetime.
    pub lifetime: u64,
    /// Classes read, write and lifetime of accepted sockets.
    pub accepted: [u64; 3],
    /// The operator only observes: of all these nothing is cut.
    pub observed: bool,
}

/// The port at which sockets are accepted that rules speak of.
pub const SERVED: u16 = 8080;

impl Rules {
    /// As policy text.
    pub fn text(&self) -> String {
        let classes = [
            ("connect", self.connect),
            ("response", self.response),
            ("read", self.read),
            ("write", self.write),
            ("lifetime", self.lifetime),
        ];
        let [read, write, lifetime] = self.accepted;
        let accepted = [("read", read), ("write", write), ("lifetime", lifetime)];
        let rule = |whose: &str, classes: &[(&str, u64)]| {
            let words = classes.iter().filter(|c| c.1 != 0).map(|c| format!(" {}={}ms", c.0, c.1 / MS));
            let words = words.collect::<String>();
            (!words.is_empty()).then(|| format!("{whose}{words}"))
        };
        let rules = [rule("to *", &classes), rule(&format!("on :{SERVED}"), &accepted)];
        rules.into_iter().flatten().collect::<Vec<String>>().join("; ")
    }
}

/// One connection.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Every byte its peer sends.
    pub tag: u8,
    /// When connect was called.
    pub born: u64,
    /// When its attempt began, while it is under way.
    pub attempt: Option<u64>,
    /// When the program last got bytes from it.
    pub last_in: u64,
    /// When the program last wrote to it: not before.
    pub last_out: u64,
    /// And not after.
    pub latest_out: u64,
    /// Written to since the last byte came.
    pub awaiting: bool,
    /// A write is under way.
    pub writing: bool,
    /// The program was told of an expiry, per direction, and has not reacted.
    pub told: [bool; 2],
    /// A blocking write came back short at its deadline.
    pub short: bool,
    /// At that of a class, and nothing was written since: the next write fails at once where there is still no room.
    pub full: bool,
    /// Aborts that were not told yet.
    pub aborted: u32,
    /// SO_RCVTIMEO.
    pub receive_timeout: u64,
    /// SO_SNDTIMEO.
    pub send_timeout: u64,
    /// It came by accept.
    pub accepted: bool,
    /// No rule speaks of it.
    pub unruled: bool,
    /// It has, or had, more than one number, or changed hands: epoll is only asked for what is sure.
    pub shared: bool,
    /// Bytes accepted from the program.
    pub written: usize,
    /// Bytes that the program was given.
    pub taken: usize,
    /// The deadlines that the program set, for input and for output; 0: none.
    pub deadline: [u64; 2],
    /// When it set them last.
    pub moved: [u64; 2],
    /// The timeouts that the program set, in the order of the classes; 0: none.
    pub own: [u64; 5],
    /// When it set them last.
    pub said: u64,
}

/// Reading and writing, as indices of `told`.
pub const INPUT: usize = 0;
/// See `INPUT`.
pub const OUTPUT: usize = 1;

/// Scheduling in the engine's grain, and the kernel's milliseconds.
pub const SLACK: u64 = 2 * MS;

fn over(start: u64, timeout: u64, now: u64) -> bool {
    timeout != 0 && now >= start + timeout
}

impl Connection {
    /// A connection whose connect is called now.
    pub fn new(tag: u8, now: u64) -> Connection {
        Connection {
            tag,
            born: now,
            attempt: Some(now),
            last_in: now,
            last_out: now,
            latest_out: now,
            awaiting: false,
            writing: false,
            told: [false; 2],
            short: false,
            full: false,
            aborted: 0,
            receive_timeout: 0,
            send_timeout: 0,
            accepted: false,
            unruled: false,
            shared: false,
            written: 0,
            taken: 0,
            deadline: [0; 2],
            moved: [0; 2],
            own: [0; 5],
            said: 0,
        }
    }

    /// One that is accepted now.
    pub fn accepted(tag: u8, now: u64) -> Connection {
        Connection { accepted: true, attempt: None, ..Connection::new(tag, now) }
    }

    /// What the operator said of it, and enforces.
    fn ruled(&self, rules: &Rules) -> Rules {
        let [read, write, lifetime] = rules.accepted;
        match (rules.observed || self.unruled, self.accepted) {
            (true, _) => Rules::default(),
            (false, true) => Rules { read, write, lifetime, ..Rules::default() },
            (false, false) => *rules,
        }
    }

    /// Is the program at work on a request, for all that is known? Then the operator lets an accepted socket be silent.
    fn is_paused(&self) -> bool {
        let reads = self.last_in > self.last_out || self.last_in == self.last_out && !self.awaiting;
        self.accepted && self.last_in > self.born && reads && !self.writing
    }

    /// What holds for it: the operator's timeouts and its own, whichever is shorter.
    pub fn rules(&self, rules: &Rules) -> Rules {
        let rules = self.ruled(rules);
        let shorter = |rule: u64, own: u64| if rule == 0 || own != 0 && own < rule { own } else { rule };
        let [connect, response, read, write, lifetime] = self.own;
        let rules = Rules { read: if self.is_paused() { 0 } else { rules.read }, ..rules };
        Rules {
            connect: shorter(rules.connect, connect),
            response: shorter(rules.response, response),
            read: shorter(rules.read, read),
            write: shorter(rules.write, write),
            lifetime: shorter(rules.lifetime, lifetime),
            ..Rules::default()
        }
    }

    /// When its life is over. One that the program gave it counts from then; `u64::MAX` when nothing ends it.
    pub fn dies(&self, rules: &Rules) -> u64 {
        match (self.ruled(rules).lifetime, self.own[4]) {
            (0, 0) => u64::MAX,
            (0, own) => self.said.max(self.born) + own,
            (rule, 0) => self.born + rule,
            (rule, own) => (self.born + rule).min(self.said.max(self.born) + own),
        }
    }

    /// Has the program's own deadline passed?
    pub fn passed(&self, direction: usize, now: u64) -> bool {
        over(0, self.deadline[direction], now)
    }

    /// When a wait that began at `began` must be over because of it.
    pub fn ends(&self, direction: usize, began: u64) -> u64 {
        match self.deadline[direction] {
            0 => u64::MAX,
            at => at.max(began).max(self.moved[direction]).saturating_add(SLACK),
        }
    }

    /// The program wrote, at some instant from `from` to `to`.
    pub fn wrote(&mut self, from: u64, to: u64) {
        (self.last_out, self.latest_out) = (self.last_out.max(from), self.latest_out.max(to));
        (self.awaiting, self.told[INPUT]) = (true, false);
    }

    fn last(&self) -> u64 {
        self.last_in.max(self.last_out)
    }

    fn unacknowledged(&self, rules: &Rules, socket: &Socket, now: u64) -> bool {
        socket.unacknowledged > 0 && over(self.last_out.max(socket.last_acked), rules.write, now)
    }

    /// Is its request on the way no more, and unanswered for long enough? One that was long on its way counts from its end, or from
    /// a look at it a quarter of the time before.
    fn unanswered(&self, rules: &Rules, socket: &Socket, now: u64) -> bool {
        // The kernel tells in whole ms when the last acknowledgement came.
        let arrived = socket.last_acked.saturating_sub(rules.response / 4 + MS);
        let since = self.last_out.max(arrived);
        self.awaiting && socket.unacknowledged == 0 && over(since, rules.response, now)
    }

    /// May its attempt to connect have been ended by now, but for its lifetime?
    pub fn gave_up(&self, rules: &Rules, now: u64) -> bool {
        let connect = self.rules(rules).connect;
        self.attempt.is_some_and(|began| over(began, connect, now) || over(began, self.send_timeout, now))
    }

    /// May a wait for input have expired by now?
    pub fn excuse_input(&self, rules: &Rules, socket: &Socket, now: u64) -> bool {
        let (lives, gave_up) = (self.dies(rules), self.gave_up(rules, now));
        let rules = &self.rules(rules);
        now >= lives
            || gave_up
            || over(self.last(), rules.read, now)
            || over(self.last(), self.receive_timeout, now)
            || self.unanswered(rules, socket, now)
            || self.unacknowledged(rules, socket, now)
    }

    /// May a wait for room have expired by now?
    pub fn excuse_output(&self, rules: &Rules, socket: &Socket, now: u64) -> bool {
        let (lives, gave_up) = (self.dies(rules), self.gave_up(rules, now));
        let rules = &self.rules(rules);
        now >= lives
            || gave_up
            || over(self.last_out, self.send_timeout, now)
            || self.unacknowledged(rules, socket, now)
    }

    /// When a wait for input that began at `began` must be over at the latest; `u64::MAX` when nothing says so.
    pub fn bound_input(&self, rules: &Rules, socket: &Socket, began: u64) -> u64 {
        if socket.phase != Phase::Connected || self.attempt.is_some() {
            return u64::MAX;
        }
        let (life, ruled) = (self.dies(rules).max(began), self.ruled(rules).response != 0);
        let rules = &self.rules(rules);
        let last = began.max(self.last_in).max(self.latest_out).max(self.said);
        let read = if rules.read == 0 { u64::MAX } else { last + rules.read };
        // Bytes on their way put `response` off, and are looked at once a timeout.
        // See fuzz/found.rs, a_response_timeout_that_is_said_after_the_request_ends_the_wait_for_its_answer.
        let answers = self.awaiting && rules.response != 0 && (ruled || self.said <= self.last_out);
        let wrote = last.max(socket.last_acked);
        let response = match answers && socket.unacknowledged == 0 {
            true => wrote + 2 * rules.response + rules.response / 4,
            false => u64::MAX,
        };
        // A connection that nobody has looked at since its connect is found at the end of that class's time.
        let unseen = self.last_in == self.born && self.latest_out == self.born && !self.accepted;
        // See registrations.rs, an_interest_in_input_alone_is_a_wait_once_connected.
        let unseen = match (unseen, rules.connect) {
            (true, 0) => return u64::MAX,
            (true, connect) => connect,
            (false, _) => 0,
        };
        read.saturating_add(unseen).min(response).min(life).saturating_add(SLACK)
    }

    /// When a write that began at `began` must be over at the latest.
    pub fn bound_output(&self, rules: &Rules, socket: &Socket, began: u64) -> u64 {
        let life = self.dies(rules).max(began);
        let rules = &self.rules(rules);
        let write = match rules.write {
            0 => u64::MAX,
            write => began.max(socket.last_acked).max(self.said) + write,
        };
        write.min(life).saturating_add(SLACK)
    }
}
