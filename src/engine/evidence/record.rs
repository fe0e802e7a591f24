//! What there is to say of one expiry. Data only, borrowed where it is long.

use crate::policy::{Addr, Class, Origin, Rule, Timeout};
use crate::sys::{process, Kernel, TcpInfo};

/// Whose record it is, and when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// CLOCK_REALTIME, nanoseconds since 1970.
    pub realtime: u64,
    /// The process, as it sees itself.
    pub pid: i32,
    /// The thread.
    pub tid: i32,
    /// The thread's name, padded with NULs.
    pub comm: [u8; 16],
}

impl Who {
    /// This thread, now.
    pub fn now(k: &impl Kernel) -> Who {
        Who { realtime: k.realtime(), pid: process::pid(k), tid: process::tid(k), comm: process::comm(k) }
    }

    /// The thread's name without the padding.
    pub fn name(&self) -> &[u8] {
        self.comm.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

/// Which deadline it was, and where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause<'a> {
    /// The operator's policy.
    Policy {
        /// Which of the rule's deadlines.
        class: Class,
        /// Which text the rule stands in.
        origin: Origin,
        /// Its line there, from 1. Not shown for a shorthand.
        line: u32,
        /// The file's name, where the text is a file.
        file: &'a [u8],
        /// Was it `auto`?
        auto: bool,
    },
    /// The program's own SO_RCVTIMEO.
    SoRcvtimeo,
    /// The program's own SO_SNDTIMEO.
    SoSndtimeo,
    /// The program's own `nd_set_deadline` or its like.
    Explicit,
    /// The program's own `nd_scope_enter`.
    Scope,
    /// The program's own `nd_set_timeouts`.
    Timeouts(Class),
}

impl<'a> Cause<'a> {
    /// What `rule` says of `class`. `file` is the name of the file that NETDEADLINE_CONFIG named, if any.
    pub fn policy(class: Class, rule: &Rule, file: &'a [u8]) -> Cause<'a> {
        let auto = matches!(rule.timeout(class), Timeout::Auto(_));
        Cause::Policy { class, origin: rule.origin, line: rule.line, file, auto }
    }

    /// The word for it in records.
    pub fn name(&self) -> &'static str {
        match self {
            Cause::Policy { class, .. } => class.name(),
            Cause::SoRcvtimeo => "so_rcvtimeo",
            Cause::SoSndtimeo => "so_sndtimeo",
            Cause::Explicit => "explicit",
            Cause::Scope => "scope",
            Cause::Timeouts(class) => class.name(),
        }
    }
}

/// One expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Who waited, and when the wait ended.
    pub who: Who,
    /// The descriptor, as the program numbers it.
    pub fd: i32,
    /// libc's name of the call: `connect`, `read`, `epoll_wait`.
    pub operation: &'static str,
    /// The other end, where it is known.
    pub peer: Option<Addr<'a>>,
    /// Which deadline.
    pub cause: Cause<'a>,
    /// How long it allowed, in nanoseconds.
    pub timeout: u64,
    /// How long it took, in nanoseconds.
    pub waited: u64,
    /// Bytes received so far, where they are counted.
    pub bytes_in: Option<u64>,
    /// Bytes sent so far, where they are counted.
    pub bytes_out: Option<u64>,
    /// The smoothed round trip in microseconds; `None` where it was never measured.
    pub rtt_us: Option<u32>,
    /// How many times what is unacknowledged was sent again.
    pub retransmits: Option<u32>,
    /// Segments without acknowledgement.
    pub unacked: Option<u32>,
    /// Nothing was cut short: observe mode.
    pub observed: bool,
}

impl<'a> Record<'a> {
    /// The start of a record: this thread, now; the rest unknown.
    pub fn new(k: &impl Kernel, fd: i32, operation: &'static str, cause: Cause<'a>) -> Record<'a> {
        Record {
            who: Who::now(k),
            fd,
            operation,
            peer: None,
            cause,
            timeout: 0,
            waited: 0,
            bytes_in: None,
            bytes_out: None,
            rtt_us: None,
            retransmits: None,
            unacked: None,
            observed: false,
        }
    }

    /// What TCP_INFO adds. `connected`: this end made the connection.
    pub fn with_tcp_info(mut self, info: &TcpInfo, connected: bool) -> Record<'a> {
        let [received, sent] = transferred(info, connected);
        self.bytes_in = Some(received);
        self.bytes_out = Some(sent);
        self.rtt_us = (info.rtt > 0).then_some(info.rtt);
        self.retransmits = Some(u32::from(info.retransmits));
        self.unacked = Some(info.unacked);
        self
    }
}

/// Bytes received and sent, by TCP_INFO. Where this end made the connection its SYN is among the acknowledged bytes; these are taken
/// where the kernel (before 4.19) does not count what it sent.
pub fn transferred(info: &TcpInfo, connected: bool) -> [u64; 2] {
    let acknowledged = info.bytes_acked.saturating_sub(u64::from(connected));
    [info.bytes_received, acknowledged.max(info.bytes_sent.saturating_sub(info.bytes_retrans))]
}
