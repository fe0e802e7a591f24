//! What an fd is, at its first use: which description, which rules.

use super::{Call, Step};
use crate::policy::{Addr, Class, Decision};
use crate::sys::{socket, Kernel};
use crate::table::{Description, Flag, Kind, SlotWord};
use crate::Engine;

/// tcpi_state ESTABLISHED and CLOSE_WAIT: no FIN of ours is counted in bytes_acked yet.
const OPEN: [u8; 2] = [1, 8];

impl<K: Kernel> Engine<K> {
    /// The managed socket behind this number, looked at now if it never was. `None`: make the plain call.
    pub(crate) fn socket(&self, fd: i32) -> Option<(SlotWord, &Description)> {
        let slot = self.slots.word(fd);
        match slot.kind() {
            Kind::Socket => {
                if self.process.borrowed(&self.kernel) {
                    return None;
                }
                Some((slot, self.descriptions.at(slot.index())?))
            }
            Kind::Unknown if (self.ruled() || self.movable()) && !self.retired() => self.classify(fd, slot),
            _ => None,
        }
    }

    pub(crate) fn is_nonblocking(&self, fd: i32) -> bool {
        socket::is_nonblocking(&self.kernel, fd).unwrap_or(true)
    }

    /// Does no call on this socket wait? Asked afresh each time, for another process may share the description; but a program
    /// that tries first is told of by its own F_SETFL.
    pub(crate) fn never_waits(&self, fd: i32, d: &Description) -> bool {
        if d.has(Flag::TriesFirst) && !d.has(Flag::Blocking) {
            return true;
        }
        let never = self.is_nonblocking(fd);
        if never {
            d.set(Flag::SeenNonblocking);
        }
        never
    }

    /// From now on an interest in this socket's events is no wait: its program tries first.
    pub(crate) fn tries_first(&self, fd: i32, d: &Description) {
        d.set(Flag::TriesFirst);
        self.note_mode(fd, d);
    }

    /// O_NONBLOCK may have changed.
    pub(crate) fn note_mode(&self, fd: i32, d: &Description) {
        d.clear(Flag::SeenNonblocking);
        if d.has(Flag::TriesFirst) {
            if self.is_nonblocking(fd) {
                d.clear(Flag::Blocking);
            } else {
                d.set(Flag::Blocking);
            }
        }
    }

    /// Known to be of no interest.
    fn plain(&self, fd: i32, slot: SlotWord) -> Option<(SlotWord, &Description)> {
        self.slots.settle(&self.kernel, fd, slot, Kind::Plain, 0);
        None
    }

    /// A socket that no rule names: of no interest, unless the program may yet set a deadline that concerns it.
    fn unruled(&self, fd: i32, slot: SlotWord, domain: i32) -> Option<(SlotWord, &Description)> {
        match domain {
            libc::AF_UNIX | libc::AF_INET | libc::AF_INET6 if self.movable() => self.describe(fd),
            _ => self.plain(fd, slot),
        }
    }

    #[cold]
    fn classify(&self, fd: i32, slot: SlotWord) -> Option<(SlotWord, &Description)> {
        let k = &self.kernel;
        if fd < 0 || self.process.borrowed(k) {
            return None;
        }
        let policy = &self.settings.peek()?.policy;
        let domain = match socket::domain(k, fd) {
            Ok(domain) => domain,
            Err(libc::ENOTSOCK) => return self.plain(fd, slot),
            Err(_) => return None,
        };
        let unix = domain == libc::AF_UNIX;
        let stream = socket::kind(k, fd) == Ok(libc::SOCK_STREAM);
        let inet = domain == libc::AF_INET || domain == libc::AF_INET6;
        if !stream || !(inet || unix && policy.names_unix()) || socket::is_listening(k, fd) == Ok(true) {
            return self.unruled(fd, slot, domain);
        }
        let peer = match socket::peer_name(k, fd) {
            Ok(peer) => peer,
            Err(_) if self.movable() => return self.describe(fd),
            // Not connected yet: connect will tell.
            Err(_) => return None,
        };
        let (decision, accepted) = if unix || self.dialled(fd) {
            (policy.destination(&Addr::from_sockaddr(peer.bytes())?), false)
        } else {
            let local = socket::local_name(k, fd).ok()?;
            (policy.accepted(&Addr::from_sockaddr(local.bytes())?), true)
        };
        if decision.is_none() {
            return self.unruled(fd, slot, domain);
        }
        let found = self.ruled_by(fd, decision, accepted)?;
        self.measure_found(fd, found.1);
        Some(found)
    }

    /// Did this end of an inherited connection call connect (rather than accept)? Only that end had its SYN acknowledged, and
    /// Linux counts it in bytes_acked: net/ipv4/tcp_input.c, tcp_rcv_synsent_state_process -> tcp_ack -> tcp_snd_una_update,
    /// while a passive open sets snd_una without counting. In doubt: accepted, which only `on` rules concern.
    fn dialled(&self, fd: i32) -> bool {
        let k = &self.kernel;
        let Ok(info) = socket::tcp_info(k, fd) else { return false };
        if !OPEN.contains(&info.state) {
            return false;
        }
        let in_flight = socket::unsent(k, fd).unwrap_or(0).saturating_sub(info.notsent_bytes) as u64;
        let sent = info.bytes_sent.saturating_sub(info.bytes_retrans);
        info.bytes_acked.saturating_add(in_flight) == sent.saturating_add(1)
    }

    /// Give the socket a description with these rules, from now on.
    pub(crate) fn ruled_by(&self, fd: i32, decision: Decision, accepted: bool) -> Option<(SlotWord, &Description)> {
        let (slot, d) = self.describe(fd)?;
        d.decide(decision);
        if accepted {
            d.set(Flag::Accepted);
        }
        let end = |timeout: u64| if timeout == 0 { 0 } else { self.kernel.now().saturating_add(timeout) };
        let ruled = end(self.rules_timeout(d, Class::Lifetime, None));
        self.live_until(d, ruled, end(self.own_timeout(d, Class::Lifetime)));
        Some((slot, d))
    }

    /// The call on a number of which nothing is managed: the plain one, unless the number is being closed. (A close that was
    /// cancelled leaves that mark; what is no socket cannot have been meant.)
    pub(crate) fn unmanaged(&self, fd: i32, own: Call) -> Step {
        let closing = self.slots.word(fd).kind() == Kind::Closing && socket::kind(&self.kernel, fd).is_ok();
        if closing {
            Step::Done(super::error(libc::EBADF))
        } else {
            Step::Call(own)
        }
    }

    /// The socket's description, made now if there is none. Where deadlines can be set, the numbers of one socket share it, however
    /// they came into being.
    pub(crate) fn describe(&self, fd: i32) -> Option<(SlotWord, &Description)> {
        let slot = self.slots.word(fd);
        let seen_first = self.movable() && matches!(slot.kind(), Kind::Unknown | Kind::Plain);
        if seen_first {
            self.adopt(fd);
        }
        let (slot, d) = self.describe_new(fd)?;
        if seen_first && d.has(Flag::Stream) && !d.has(Flag::Unix) {
            let info = socket::tcp_info(&self.kernel, fd);
            if info.is_ok_and(|info| super::judge::is_pending(&info)) {
                // It began to connect before we were asked for anything.
                self.attempt_began(fd, slot, d);
            }
        }
        Some((slot, d))
    }

    /// The same of a socket that has no other number.
    pub(crate) fn describe_new(&self, fd: i32) -> Option<(SlotWord, &Description)> {
        let k = &self.kernel;
        let mut slot = self.slots.word(fd);
        if slot.kind() == Kind::Socket {
            return Some((slot, self.descriptions.at(slot.index())?));
        }
        if self.process.borrowed(k) || slot.kind() == Kind::Closing {
            return None;
        }
        let cookie = socket::cookie(k, fd).ok()?;
        let (index, d) = self.descriptions.create(k, cookie as u32)?;
        self.become_described();
        self.measure(index, d);
        if self.movable() {
            // What is asked for in `adopt`.
            self.descriptions.count(k, d);
        }
        if socket::domain(k, fd) == Ok(libc::AF_UNIX) {
            d.set(Flag::Unix);
        }
        if socket::kind(k, fd) == Ok(libc::SOCK_STREAM) {
            d.set(Flag::Stream);
        }
        if socket::receive_low_water(k, fd).is_ok_and(|n| n > 1) {
            d.set(Flag::LowWater);
        }
        // What was registered before anyone knew that it would matter is plain (`epoll_ctl`); a walk through all sets for every new
        // connection would make ten thousand of them a burden.
        let registered = slot.kind() == Kind::Plain;
        if !self.slots.settle(k, fd, slot, Kind::Socket, index) {
            self.descriptions.release(index);
        } else {
            let settled = self.slots.word(fd);
            // Closed since, and perhaps another's: who closed it, and who made the other, found nothing here to forget.
            if socket::cookie(k, fd) != Ok(cookie) && settled.index() == index && self.slots.retire_if(fd, settled) {
                self.give_up(settled);
                return None;
            }
            self.share_with_doubles(fd, index, cookie);
        }
        slot = self.slots.word(fd);
        if slot.kind() != Kind::Socket {
            return None;
        }
        let d = self.descriptions.at(slot.index())?;
        if !registered {
            return Some((slot, d));
        }
        self.sets.each(|number, set| {
            if let Some(events) = set.registration(fd).and_then(|r| r.events(slot.generation())) {
                d.join(number);
                if events & super::epoll::ONESHOT != 0 {
                    d.set(Flag::OneShot);
                }
                if events & super::epoll::TRIES != 0 {
                    self.tries_first(fd, d);
                } else if events & super::epoll::INPUT != 0 {
                    d.set(Flag::WantsInput);
                }
            }
        });
        Some((slot, d))
    }

    /// The number is not the socket we took it for (closed behind our back).
    pub(crate) fn forget(&self, fd: i32) {
        self.give_up(self.slots.retire(fd));
    }
}
