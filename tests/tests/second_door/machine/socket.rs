//! One pretended socket: its queue in, its room out, its state, and what the peer may do to it.

use super::memory;
use std::collections::VecDeque;

/// Where a connection is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Not connected, or not any more.
    Closed,
    /// TCP_FASTOPEN_CONNECT: connect said yes, nothing was sent.
    Deferred,
    /// A SYN is out.
    Connecting,
    /// Established.
    Connected,
    /// listen.
    Listening,
}

/// A socket.
pub struct Socket {
    /// SO_DOMAIN.
    pub domain: i32,
    /// SO_TYPE.
    pub kind: i32,
    /// SO_COOKIE.
    pub cookie: u64,
    /// Where it is.
    pub phase: Phase,
    /// O_NONBLOCK.
    pub nonblocking: bool,
    /// TCP_FASTOPEN_CONNECT.
    pub fast_open: bool,
    /// SO_RCVTIMEO in ns; 0: none.
    pub receive_timeout: u64,
    /// SO_SNDTIMEO in ns; 0: none.
    pub send_timeout: u64,
    /// SO_RCVLOWAT.
    pub low_water: usize,
    /// getsockname.
    pub local: Vec<u8>,
    /// getpeername.
    pub peer: Vec<u8>,
    /// What came and was not read.
    pub incoming: VecDeque<u8>,
    /// The peer's FIN.
    pub ended: bool,
    /// shutdown(SHUT_WR).
    pub shut: bool,
    /// SO_ERROR.
    pub error: i32,
    /// How much may be on its way.
    pub capacity: usize,
    /// SIOCOUTQ: written, not acknowledged.
    pub unacknowledged: usize,
    /// Everything that was written.
    pub outgoing: Vec<u8>,
    /// Of TCP_INFO: instants, bytes, us.
    pub last_received: u64,
    /// When the last ACK came, of whatever.
    pub last_acked: u64,
    /// When data was last sent.
    pub last_sent: u64,
    /// Bytes; the SYN counts for who dialled.
    pub acked: u64,
    /// Bytes.
    pub received: u64,
    /// us.
    pub rtt: u32,
    /// us.
    pub rto: u32,
    /// Moves with every announcement.
    pub edge: u64,
    /// How often an attempt was aborted by connect(AF_UNSPEC).
    pub aborted: u32,
    /// A second connect of the program finds the first under way.
    pub attempted: bool,
    /// Of one that listens: connections nobody has accepted yet.
    pub queue: usize,
}

impl Socket {
    /// A socket just made.
    pub fn new(domain: i32, kind: i32, cookie: u64) -> Socket {
        Socket {
            domain,
            kind,
            cookie,
            phase: Phase::Closed,
            nonblocking: false,
            fast_open: false,
            receive_timeout: 0,
            send_timeout: 0,
            low_water: 1,
            local: memory::address([127, 0, 0, 1], 40_000),
            peer: Vec::new(),
            incoming: VecDeque::new(),
            ended: false,
            shut: false,
            error: 0,
            capacity: 4096,
            unacknowledged: 0,
            outgoing: Vec::new(),
            last_received: 0,
            last_acked: 0,
            last_sent: 0,
            acked: 0,
            received: 0,
            rtt: 1000,
            rto: 201_000,
            edge: 0,
            aborted: 0,
            attempted: false,
            queue: 0,
        }
    }

    /// Is it a stream over IP?
    pub fn is_tcp(&self) -> bool {
        self.kind == libc::SOCK_STREAM && self.domain == libc::AF_INET
    }

    /// The handshake is through.
    pub fn establish(&mut self, now: u64) {
        if matches!(self.phase, Phase::Connecting | Phase::Closed) {
            (self.phase, self.acked) = (Phase::Connected, self.acked + (self.phase == Phase::Connecting) as u64);
            (self.last_received, self.last_acked, self.last_sent) = (now, now, now);
            self.edge += 1;
        }
    }

    /// The peer resets, or refuses.
    pub fn fail(&mut self, error: i32) {
        (self.phase, self.error, self.ended) = (Phase::Closed, error, true);
        self.edge += 1;
    }

    /// Bytes come from the peer.
    pub fn arrive(&mut self, bytes: &[u8], now: u64) {
        if self.phase == Phase::Connected && !self.ended {
            self.incoming.extend(bytes);
            self.received += bytes.len() as u64;
            self.last_received = now;
            self.edge += 1;
        }
    }

    /// The peer's FIN comes.
    pub fn end(&mut self) {
        self.ended = true;
        self.edge += 1;
    }

    /// The peer acknowledges this many more bytes.
    pub fn acknowledge(&mut self, count: usize, now: u64) {
        let was_full = !self.is_writable();
        let count = count.min(self.unacknowledged);
        self.unacknowledged -= count;
        self.acked += count as u64;
        self.last_acked = now;
        if self.unacknowledged > 0 && count > 0 {
            // The window moved, and more of what was queued goes out.
            self.last_sent = now;
        }
        self.edge += (was_full && self.is_writable()) as u64;
    }

    /// How much a write may add.
    pub fn room(&self) -> usize {
        self.capacity.saturating_sub(self.unacknowledged)
    }

    /// Does poll say that there is room? As in sk_stream_is_writeable: only with a third free, though a write takes less.
    pub fn is_writable(&self) -> bool {
        self.room() > 0 && self.room() >= self.unacknowledged / 2
    }

    /// Is there enough to read?
    pub fn is_readable(&self) -> bool {
        self.incoming.len() >= self.low_water || self.ended
    }

    /// poll's bits, of net/ipv4/tcp.c, tcp_poll.
    pub fn ready(&self) -> u32 {
        let mut bits = 0;
        if self.phase == Phase::Listening {
            bits |= if self.queue > 0 { libc::POLLIN | libc::POLLRDNORM } else { 0 };
        } else {
            if self.is_readable() {
                bits |= libc::POLLIN | libc::POLLRDNORM;
            }
            if self.ended {
                bits |= libc::POLLRDHUP;
            }
            if self.phase != Phase::Connecting && self.is_writable() {
                bits |= libc::POLLOUT | libc::POLLWRNORM;
            }
            if self.phase == Phase::Closed && self.kind == libc::SOCK_STREAM {
                bits |= libc::POLLHUP;
            }
        }
        if self.error != 0 {
            bits |= libc::POLLERR;
        }
        bits as u32
    }

    /// SO_ERROR, taken.
    pub fn take_error(&mut self) -> i32 {
        std::mem::take(&mut self.error)
    }

    /// connect(AF_UNSPEC), as tcp_disconnect has it.
    pub fn disconnect(&mut self) {
        if matches!(self.phase, Phase::Connecting | Phase::Connected) {
            self.error = libc::ECONNRESET;
        }
        // What has failed by itself is cleared away, as a connect that waits does.
        self.aborted += u32::from(self.phase != Phase::Closed);
        (self.phase, self.attempted, self.ended, self.shut) = (Phase::Closed, false, false, false);
        self.incoming.clear();
        self.unacknowledged = 0;
        self.edge += 1;
    }
}
