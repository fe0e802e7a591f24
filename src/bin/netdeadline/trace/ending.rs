//! How a connection ended: a verdict from its states and the kernel's error.
//!
//! Source: net/ipv4/tcp.c and tcp_input.c, Linux 6.18. An error is stored before the state becomes CLOSE (tcp_done_with_error; and
//! tcp_reset, tcp_write_err before there was that function).

use super::life::{Life, State};

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord)]
pub enum Ending {
    /// It has not.
    Open,
    /// This end closed first.
    Closed,
    /// The peer closed first.
    ClosedByPeer,
    /// This end shut down its sending side alone, and read on.
    HalfClosed,
    /// The peer did, and this end wrote on.
    HalfClosedByPeer,
    /// This end broke it off: unread data, SO_LINGER 0, a kill.
    Reset,
    /// The peer did.
    ResetByPeer,
    /// A connect was answered by a reset.
    Refused,
    /// The kernel gave up: no answer to a SYN, or to data.
    TimedOut,
    /// A router, or our own machine, said that it cannot be reached.
    Unreachable,
    /// The program closed it before it stood.
    GivenUp,
    /// Another error; `Life::error` or `Life::connect` has it.
    Failed,
    /// It is closed, and that is all that is known.
    Unknown,
}

impl Ending {
    /// For a person, and for a program.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Ending::Open => ("still open", "open"),
            Ending::Closed => ("closed", "closed"),
            Ending::ClosedByPeer => ("closed by peer", "closed_by_peer"),
            Ending::HalfClosed => ("half-closed", "half_closed"),
            Ending::HalfClosedByPeer => ("half-closed by peer", "half_closed_by_peer"),
            Ending::Reset => ("reset", "reset"),
            Ending::ResetByPeer => ("reset by peer", "reset_by_peer"),
            Ending::Refused => ("refused", "refused"),
            Ending::TimedOut => ("timed out", "timed_out"),
            Ending::Unreachable => ("unreachable", "unreachable"),
            Ending::GivenUp => ("given up", "given_up"),
            Ending::Failed => ("failed", "failed"),
            Ending::Unknown => ("ended", "unknown"),
        }
    }
}

/// The verdict on a life that is over; `last` is the state before CLOSE.
pub fn of(life: &Life, last: State, half_here: bool, half_there: bool) -> Ending {
    let stood = life.established.is_some();
    match life.error {
        Some(libc::ECONNREFUSED) if !stood => return Ending::Refused,
        // EPIPE: a reset that came after the peer's FIN.
        Some(libc::ECONNRESET | libc::EPIPE) => return Ending::ResetByPeer,
        Some(libc::ETIMEDOUT) => return Ending::TimedOut,
        Some(libc::EHOSTUNREACH | libc::ENETUNREACH | libc::EHOSTDOWN | libc::ENETDOWN) => return Ending::Unreachable,
        // What ICMPv6 calls prohibited or a policy's refusal (icmpv6_err_convert); by ICMP that is EHOSTUNREACH.
        Some(libc::EACCES) => return Ending::Unreachable,
        Some(libc::ECONNABORTED) => return Ending::Reset,
        Some(_) => return Ending::Failed,
        None => {}
    }
    let fin = |state| life.states.contains(&state);
    match last {
        State::SYN_SENT => match life.connect {
            // It never left the machine: no free port, no route.
            Some(errno) if !matches!(errno, 0 | libc::EINPROGRESS | libc::EINTR | libc::ETIMEDOUT) && errno < 512 => {
                Ending::Failed
            }
            _ => Ending::GivenUp,
        },
        State::LAST_ACK if half_there => Ending::HalfClosedByPeer,
        State::LAST_ACK => Ending::ClosedByPeer,
        State::FIN_WAIT2 | State::CLOSING | State::TIME_WAIT if half_here => Ending::HalfClosed,
        State::FIN_WAIT2 | State::CLOSING | State::TIME_WAIT => Ending::Closed,
        // Not answered yet, and cut: data came for a socket that was closed, or there were too many orphans.
        State::FIN_WAIT1 => Ending::Reset,
        State::ESTABLISHED | State::CLOSE_WAIT | State::SYN_RECV => Ending::Reset,
        _ if fin(State::FIN_WAIT1) => Ending::Closed,
        _ => Ending::Unknown,
    }
}
