//! Has it really expired? Asked before anything is failed or synthesised: the kernel may know better than our clocks.
//!
//! The program may be slow while data is ready, progress may have gone past us (splice, stdio, another process), the number
//! may be another socket by now. Each of these moves the clock instead of failing the program (SEMANTICS.md, rule 5).

use super::clock::{Cause, Direction, Due, Way};
use crate::policy::Class;
use crate::sys::{socket, Kernel, TcpInfo};
use crate::table::{Description, Flag, Running, State};
use crate::Engine;
use core::sync::atomic::Ordering::Relaxed;

/// What became of a direction whose instant has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing runs any more.
    Idle,
    /// Not yet; look again then.
    Until(u64),
    /// It has expired.
    Due(Due),
    /// The number is not this socket any more.
    Gone,
}

/// tcpi_state, from net/tcp_states.h.
const ESTABLISHED: u8 = 1;
const SYN_SENT: u8 = 2;
const SYN_RECV: u8 = 3;
const CLOSE: u8 = 7;

/// What a direction is in while it is judged: armed, for an instant that is long past.
pub(crate) const UNDER_JUDGEMENT: State = State::Armed(0);

/// The clocks of one direction after the kernel was asked.
enum Progress {
    None,
    Some,
    Ended,
}

/// The coarsest tick in which the kernel counts: HZ=100.
pub(crate) const JIFFY: u64 = 10_000_000;

/// Is a connect attempt under way?
pub(crate) fn is_pending(info: &TcpInfo) -> bool {
    info.state == SYN_SENT || info.state == SYN_RECV
}

/// Is it neither connected nor connecting?
pub(crate) fn is_closed(info: &TcpInfo) -> bool {
    info.state == CLOSE
}

fn ms_ago(now: u64, ms: u32) -> u64 {
    now.saturating_sub(ms as u64 * 1_000_000)
}

impl<K: Kernel> Engine<K> {
    /// Look at the clocks, and if one is over, at the kernel. Leaves the state word armed, or idle; who gets `Due` decides
    /// what to do with it.
    pub(crate) fn judge(&self, fd: i32, d: &Description, direction: Direction, way: Way, now: u64) -> Verdict {
        let generation = d.generation();
        let word = if direction == Direction::Read { &d.read } else { &d.write };
        let mut info: Option<TcpInfo> = None;
        let mut checked = false;
        if let state @ State::Armed(_) = word.load(generation) {
            // From here on whoever moves the clocks finds this, and arms anew: what we then make of the state fails.
            word.replace(state, UNDER_JUDGEMENT, generation);
            d.judging();
        }
        // Each turn either ends or moves a clock; a few turns are enough for every clock there is.
        for _ in 0..6 {
            let Some(due) = self.next(fd, d, direction, way, info.as_ref()) else {
                word.store(State::Idle, generation);
                return Verdict::Idle;
            };
            if due.at > now {
                word.store(State::Armed(due.at), generation);
                return Verdict::Until(due.at);
            }
            if !checked {
                checked = true;
                if !self.is_same_socket(fd, d) {
                    return Verdict::Gone;
                }
                if !d.has(Flag::Unix) {
                    info = socket::tcp_info(&self.kernel, fd).ok();
                }
                if info.is_some() && self.next(fd, d, direction, way, info.as_ref()) != Some(due) {
                    // `auto`, now with the connection's figures.
                    continue;
                }
            }
            match self.progress(fd, d, direction, &due, info.as_ref(), now) {
                Progress::Some => {}
                Progress::None => return Verdict::Due(due),
                Progress::Ended => {
                    word.store(State::Idle, generation);
                    return Verdict::Idle;
                }
            }
        }
        let again = now.saturating_add(10_000_000);
        word.store(State::Armed(again), generation);
        Verdict::Until(again)
    }

    /// Is the number still the socket that the description was made for?
    pub(crate) fn is_same_socket(&self, fd: i32, d: &Description) -> bool {
        match socket::cookie(&self.kernel, fd) {
            Ok(cookie) => cookie as u32 == d.cookie(),
            Err(libc::ENOTSOCK | libc::EBADF) => false,
            // A kernel or a sandbox that does not tell: believe the table.
            Err(_) => true,
        }
    }

    fn progress(
        &self,
        fd: i32,
        d: &Description,
        direction: Direction,
        due: &Due,
        info: Option<&TcpInfo>,
        now: u64,
    ) -> Progress {
        if due.class() == Some(Class::Lifetime) {
            return Progress::None;
        }
        if d.has(Flag::Connecting) {
            return match self.connect_progress(fd, d, direction, info, now) {
                // Only a look whether the connection stands: it does not.
                Progress::None if due.sample => {
                    d.read_start.store(now, Relaxed);
                    Progress::Some
                }
                progress => progress,
            };
        }
        if socket::is_listening(&self.kernel, fd) == Ok(true) {
            return Progress::Ended;
        }
        let events = match direction {
            Direction::Read => libc::POLLIN | libc::POLLRDHUP,
            Direction::Write => libc::POLLOUT,
        };
        // A bare POLLERR may be an entry in the error queue (MSG_ZEROCOPY, time stamps): nothing to read, and room for nothing.
        let ready = crate::sys::poll_now(&self.kernel, fd, events);
        if ready > 0 && ready & (events | libc::POLLHUP) as isize != 0 {
            if direction == Direction::Write {
                // There is room: nothing waits any more.
                return Progress::Ended;
            }
            // The program is slow, not the peer.
            d.read_start.store(now, Relaxed);
            d.last_write.fetch_max(now, Relaxed);
            d.write_start.fetch_max(now, Relaxed);
            return Progress::Some;
        }
        let Some(info) = info else {
            d.set(Flag::Sampled);
            if direction == Direction::Read && due.class() == Some(Class::Write) {
                // No kernel tells what a unix peer has taken: a wait for input is not cut by it.
                d.clear(Flag::Unacked);
                return Progress::Some;
            }
            return if due.sample { Progress::Some } else { Progress::None };
        };
        match due.class() {
            Some(Class::Write) => self.acknowledged(fd, d, direction, due, info, now),
            Some(Class::Response) => self.uploaded(fd, d, due, info, now),
            _ if due.cause == Cause::SendTimeout => Progress::None,
            _ => {
                // The kernel counts in jiffies (up to 10 ms): a reading that close to the start is the start itself.
                let received = ms_ago(now, info.last_data_recv);
                let start = d.read_start.load(Relaxed);
                if received > start.saturating_add(JIFFY.min(due.timeout / 10)) {
                    d.read_start.fetch_max(received, Relaxed);
                    return Progress::Some;
                }
                Progress::None
            }
        }
    }

    /// Is the attempt still under way?
    fn connect_progress(
        &self,
        fd: i32,
        d: &Description,
        direction: Direction,
        info: Option<&TcpInfo>,
        now: u64,
    ) -> Progress {
        let pending = match info {
            Some(info) => is_pending(info),
            None => crate::sys::poll_now(&self.kernel, fd, libc::POLLOUT) == 0,
        };
        if pending {
            return Progress::None;
        }
        let began = d.write_start.load(Relaxed);
        self.connected(fd, d, now);
        if let Some(info) = info {
            // Before the first byte this is the time since the connection stands (tcp_finish_connect sets lrcvtime), a tick
            // more or less.
            let stands = ms_ago(now, info.last_data_recv).saturating_add(JIFFY).max(began);
            d.read_start.fetch_min(stands, Relaxed);
        }
        // Whoever waited for the connection waits no more; whoever waits for input goes on.
        if direction == Direction::Write || info.is_some_and(|i| i.state == CLOSE) {
            Progress::Ended
        } else {
            Progress::Some
        }
    }

    /// The connect attempt is over, well or badly: the other clocks begin.
    pub(crate) fn connected(&self, fd: i32, d: &Description, now: u64) {
        if d.clear(Flag::Connecting) {
            self.measure_end(d, Running::Connect);
            d.clear(Flag::FastOpen);
            d.read_start.store(now, Relaxed);
            d.write_start.store(now, Relaxed);
            self.rearm_input(fd, self.slots.word(fd), d);
        }
    }

    /// Class write: were sent bytes acknowledged since the last look?
    fn acknowledged(
        &self,
        fd: i32,
        d: &Description,
        direction: Direction,
        due: &Due,
        info: &TcpInfo,
        now: u64,
    ) -> Progress {
        if socket::unsent(&self.kernel, fd) == Ok(0) {
            d.clear(Flag::Unacked);
            return if direction == Direction::Read { Progress::Some } else { Progress::Ended };
        }
        let acked = info.bytes_acked as u32;
        let moved = !d.has(Flag::Sampled) || acked != d.acked();
        d.sample_acked(acked);
        d.set(Flag::Sampled);
        if moved {
            // Bytes are acknowledged by an ACK: the last one is the latest instant at which there was progress.
            d.write_start.fetch_max(ms_ago(now, info.last_ack_recv), Relaxed);
            return Progress::Some;
        }
        if due.sample {
            Progress::Some
        } else {
            Progress::None
        }
    }

    /// Class response: while bytes are unsent the write class rules; a request that was long on its way is counted from its
    /// last acknowledgement.
    fn uploaded(&self, fd: i32, d: &Description, due: &Due, info: &TcpInfo, now: u64) -> Progress {
        let received = ms_ago(now, info.last_data_recv);
        if received > d.last_write.load(Relaxed).saturating_add(20_000_000) {
            // A byte has come, past us.
            d.clear(Flag::Awaiting);
            return Progress::Some;
        }
        if socket::unsent(&self.kernel, fd).is_ok_and(|n| n > 0) {
            // So far back that the acknowledgement which ends it is found below, however soon it comes.
            d.last_write.store(now.saturating_sub(due.timeout / 4 + 1_000_000), Relaxed);
            return Progress::Some;
        }
        let acked = ms_ago(now, info.last_ack_recv);
        let written = d.last_write.load(Relaxed);
        if acked > written.saturating_add(due.timeout / 4) {
            d.last_write.store(acked, Relaxed);
            return Progress::Some;
        }
        Progress::None
    }

    /// Is a connect that returned 0 really connected (TCP_FASTOPEN_CONNECT returns at once)?
    pub(crate) fn is_established(&self, fd: i32) -> bool {
        socket::tcp_info(&self.kernel, fd).map_or(true, |i| i.state >= ESTABLISHED && i.state != SYN_SENT)
    }
}
