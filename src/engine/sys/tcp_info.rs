//! What the kernel knows of a TCP connection.

use super::{socket, Kernel};

/// `struct tcp_info` of linux/tcp.h, as far as we read it; the names are the kernel's without `tcpi_`.
///
/// The kernel only ever appends to it and fills what it knows: fields newer than the running kernel are 0.
#[allow(missing_docs)] // linux/tcp.h and man 7 tcp are the documentation.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    pub state: u8,
    pub ca_state: u8,
    /// Timeouts in a row without an answer, of whatever is unacknowledged now: a SYN as well as data.
    pub retransmits: u8,
    pub probes: u8,
    pub backoff: u8,
    pub options: u8,
    pub wscale: u8,
    pub flags: u8,
    /// Microseconds.
    pub rto: u32,
    pub ato: u32,
    pub snd_mss: u32,
    pub rcv_mss: u32,
    /// Segments.
    pub unacked: u32,
    pub sacked: u32,
    pub lost: u32,
    pub retrans: u32,
    pub fackets: u32,
    /// Milliseconds since, as the next three.
    pub last_data_sent: u32,
    pub last_ack_sent: u32,
    pub last_data_recv: u32,
    pub last_ack_recv: u32,
    pub pmtu: u32,
    pub rcv_ssthresh: u32,
    /// Microseconds; 0 before the first measurement.
    pub rtt: u32,
    pub rttvar: u32,
    pub snd_ssthresh: u32,
    pub snd_cwnd: u32,
    pub advmss: u32,
    pub reordering: u32,
    pub rcv_rtt: u32,
    pub rcv_space: u32,
    /// Segments sent again since the connection began.
    pub total_retrans: u32,
    pub pacing_rate: u64,
    pub max_pacing_rate: u64,
    /// Linux 4.1; counts the SYN and the FIN.
    pub bytes_acked: u64,
    pub bytes_received: u64,
    pub segs_out: u32,
    pub segs_in: u32,
    /// Bytes not sent yet (Linux 4.6).
    pub notsent_bytes: u32,
    pub min_rtt: u32,
    pub data_segs_in: u32,
    pub data_segs_out: u32,
    pub delivery_rate: u64,
    pub busy_time: u64,
    pub rwnd_limited: u64,
    pub sndbuf_limited: u64,
    pub delivered: u32,
    pub delivered_ce: u32,
    /// Linux 4.19; payload only, retransmissions included.
    pub bytes_sent: u64,
    pub bytes_retrans: u64,
}

const SIZE: usize = core::mem::size_of::<TcpInfo>();
const _: () = assert!(SIZE == 216 && core::mem::offset_of!(TcpInfo, bytes_acked) == 120);
const _: () = assert!(core::mem::offset_of!(TcpInfo, notsent_bytes) == 144);
const _: () = assert!(core::mem::offset_of!(TcpInfo, bytes_sent) == 200);

/// TCP_INFO. Costs about 2.3 us: for expiries and for `auto`, not for every call.
pub fn tcp_info(k: &impl Kernel, fd: i32) -> Result<TcpInfo, i32> {
    let mut info = TcpInfo::default();
    socket::get(k, fd, libc::IPPROTO_TCP, libc::TCP_INFO, &raw mut info as usize, SIZE)?;
    Ok(info)
}
