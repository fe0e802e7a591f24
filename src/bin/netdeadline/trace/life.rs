//! One connection's life in the command's own words, wherever it was learnt from. How it is shown belongs to row.rs and json.rs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::ending::{self, Ending};
use super::wire::{self, Connection};

/// A TCP state, as include/net/tcp_states.h numbers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State(pub u8);

impl State {
    pub const ESTABLISHED: State = State(1);
    pub const SYN_SENT: State = State(2);
    pub const SYN_RECV: State = State(3);
    pub const FIN_WAIT1: State = State(4);
    pub const FIN_WAIT2: State = State(5);
    pub const TIME_WAIT: State = State(6);
    pub const CLOSE: State = State(7);
    pub const CLOSE_WAIT: State = State(8);
    pub const LAST_ACK: State = State(9);
    pub const LISTEN: State = State(10);
    pub const CLOSING: State = State(11);

    /// The kernel's name, and one for a narrow column.
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            State::ESTABLISHED => ("ESTABLISHED", "EST"),
            State::SYN_SENT => ("SYN_SENT", "SYN"),
            State::SYN_RECV => ("SYN_RECV", "RCV"),
            State::FIN_WAIT1 => ("FIN_WAIT1", "FW1"),
            State::FIN_WAIT2 => ("FIN_WAIT2", "FW2"),
            State::TIME_WAIT => ("TIME_WAIT", "TW"),
            State::CLOSE => ("CLOSE", "CLO"),
            State::CLOSE_WAIT => ("CLOSE_WAIT", "CW"),
            State::LAST_ACK => ("LAST_ACK", "LA"),
            State::LISTEN => ("LISTEN", "LIS"),
            State::CLOSING => ("CLOSING", "CLG"),
            _ => ("UNKNOWN", "?"),
        }
    }
}

/// Which end began it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    Connected,
    Accepted,
}

/// All that is known of one connection. Times are CLOCK_MONOTONIC nanoseconds.
#[derive(Clone, Debug)]
pub struct Life {
    /// What SO_COOKIE says of the socket.
    pub cookie: Option<u64>,
    pub side: Side,
    /// The process and the thread that connected or accepted it.
    pub pid: Option<u32>,
    pub tid: Option<u32>,
    pub comm: Vec<u8>,
    pub netns: Option<u32>,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub began: u64,
    pub established: Option<u64>,
    /// None: it is still open.
    pub ended: Option<u64>,
    pub states: Vec<State>,
    /// What connect() returned, 0 or an errno; None where none was seen to return.
    pub connect: Option<i32>,
    pub retransmits: Option<u32>,
    pub rtt_us: Option<f64>,
    /// Payload that the peer acknowledged, and that was received from it.
    pub sent: Option<u64>,
    pub received: Option<u64>,
    pub ending: Ending,
    /// The kernel's error, where there is one.
    pub error: Option<i32>,
}

impl Life {
    /// How long the handshake took. Of an accepted one nothing is known but its last moment.
    pub fn connect_ns(&self) -> Option<u64> {
        (self.side == Side::Connected).then_some(self.established?.saturating_sub(self.began))
    }

    /// How long it waited to stand, though it never did: until it was refused, given up, or now.
    pub fn tried_ns(&self, now: u64) -> u64 {
        self.connect_ns().unwrap_or_else(|| self.ended.unwrap_or(now).saturating_sub(self.began))
    }

    /// Did connect() say EINPROGRESS?
    pub fn in_progress(&self) -> Option<bool> {
        self.connect.map(|errno| errno == libc::EINPROGRESS)
    }

    /// From a record of the BPF programs, whole or (where it is still open) as far as it is known.
    pub fn of(c: &Connection) -> Life {
        let has = |flag| c.flags & flag != 0;
        let some = |word: u32| (word != 0).then_some(word);
        let ended = has(wire::ENDED);
        let states = (0..u32::from(c.count.min(16))).map(|place| State((c.states >> (4 * place)) as u8 & 15)).collect();
        let side = if has(wire::ACCEPTED) { Side::Accepted } else { Side::Connected };
        let connect = has(wire::RETURNED).then_some(c.connect.wrapping_neg());
        let error = (ended && c.error != 0).then_some(c.error);
        let mut life = Life {
            cookie: Some(c.cookie),
            side,
            pid: some(c.pid),
            tid: some(c.tid),
            comm: c.comm.split(|&byte| byte == 0).next().unwrap_or_default().to_vec(),
            netns: some(c.netns),
            local: address(c.family, c.saddr, c.sport),
            remote: address(c.family, c.daddr, c.dport),
            began: c.began,
            established: (c.established != 0).then_some(c.established),
            ended: ended.then_some(c.ended),
            states,
            connect,
            retransmits: ended.then_some(c.retransmits),
            rtt_us: (ended && c.srtt_us != 0).then_some(f64::from(c.srtt_us) / 8.0),
            sent: ended.then(|| sent(c)),
            // The FIN is counted like a byte (tcp_rcv_nxt_update).
            received: ended.then(|| c.bytes_received.saturating_sub(u64::from(has(wire::PEER_FIN)))),
            ending: Ending::Open,
            error,
        };
        if ended {
            life.ending = ending::of(&life, State(c.last), has(wire::HALF_HERE), has(wire::HALF_THERE));
        }
        life
    }
}

/// Payload that the peer acknowledged. Acknowledged is also our SYN, if we sent one that was answered, and our FIN. A FIN is
/// acknowledged after all the payload, and then what was sent is what was acknowledged.
fn sent(c: &Connection) -> u64 {
    let syn = c.flags & wire::ACCEPTED == 0 && c.bytes_acked > 0;
    c.bytes_acked.saturating_sub(u64::from(syn)).min(c.bytes_sent)
}

/// From the kernel's form. IPv4 in an IPv6 socket is shown as the IPv4 that goes over the wire.
pub fn address(family: u16, bytes: [u8; 16], port: u16) -> SocketAddr {
    let ip = if i32::from(family) == libc::AF_INET6 {
        Ipv6Addr::from(bytes).to_canonical()
    } else {
        let [a, b, c, d, ..] = bytes;
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    SocketAddr::new(ip, u16::from_be(port))
}
