//! getsockopt, setsockopt, and the names of a socket's ends.

use super::{memory, Phase, Socket, State};
use netdeadline_engine::sys::TcpInfo;

const SO_PEERNAME: i32 = 28;
const SO_COOKIE: i32 = 57;
const TCP_FASTOPEN_CONNECT: i32 = 30;

fn timeval(ns: u64) -> Vec<u8> {
    let us = ns / 1000;
    [(us / 1_000_000).to_ne_bytes(), (us % 1_000_000).to_ne_bytes()].concat()
}

fn of_timeval(bytes: &[u8]) -> u64 {
    let number = |part: &[u8]| i64::from_ne_bytes(part.try_into().expect("eight bytes")) as u64;
    number(&bytes[..8]) * 1_000_000_000 + number(&bytes[8..16]) * 1000
}

fn ms_since(now: u64, then: u64) -> u32 {
    ((now - then) / 1_000_000) as u32
}

/// TCP_INFO.
fn info(socket: &Socket, now: u64) -> Vec<u8> {
    let state = match (socket.phase, socket.ended) {
        (Phase::Connecting | Phase::Deferred, _) => 2,
        (Phase::Connected, false) => 1,
        (Phase::Connected, true) => 8,
        (Phase::Listening, _) => 10,
        (Phase::Closed, _) => 7,
    };
    let info = TcpInfo {
        state,
        rto: socket.rto,
        rtt: socket.rtt,
        unacked: socket.unacknowledged.div_ceil(1460) as u32,
        last_data_sent: ms_since(now, socket.last_sent),
        last_data_recv: ms_since(now, socket.last_received),
        last_ack_recv: ms_since(now, socket.last_acked),
        bytes_acked: socket.acked,
        bytes_received: socket.received,
        bytes_sent: socket.outgoing.len() as u64,
        ..TcpInfo::default()
    };
    // SAFETY: a C struct of integers without padding, of 216 bytes.
    unsafe { std::slice::from_raw_parts((&raw const info).cast::<u8>(), size_of::<TcpInfo>()) }.to_vec()
}

impl State {
    /// getsockopt(2): the answer's bytes.
    fn option(&mut self, fd: i32, level: i32, name: i32) -> Result<Vec<u8>, i32> {
        let now = self.now;
        let socket = self.socket(fd)?;
        let number = |value: i32| Ok(value.to_ne_bytes().to_vec());
        match (level, name) {
            (libc::SOL_SOCKET, libc::SO_ERROR) => number(socket.take_error()),
            (libc::SOL_SOCKET, libc::SO_TYPE) => number(socket.kind),
            (libc::SOL_SOCKET, libc::SO_DOMAIN) => number(socket.domain),
            (libc::SOL_SOCKET, libc::SO_ACCEPTCONN) => number((socket.phase == Phase::Listening) as i32),
            (libc::SOL_SOCKET, libc::SO_RCVLOWAT) => number(socket.low_water as i32),
            (libc::SOL_SOCKET, libc::SO_RCVTIMEO) => Ok(timeval(socket.receive_timeout)),
            (libc::SOL_SOCKET, libc::SO_SNDTIMEO) => Ok(timeval(socket.send_timeout)),
            (libc::SOL_SOCKET, SO_COOKIE) => Ok(socket.cookie.to_ne_bytes().to_vec()),
            (libc::SOL_SOCKET, SO_PEERNAME) if !socket.peer.is_empty() => Ok(socket.peer.clone()),
            (libc::SOL_SOCKET, SO_PEERNAME) => Err(libc::ENOTCONN),
            (libc::IPPROTO_TCP, libc::TCP_INFO) if socket.is_tcp() => Ok(info(socket, now)),
            (libc::IPPROTO_TCP, TCP_FASTOPEN_CONNECT) if socket.is_tcp() => number(socket.fast_open as i32),
            _ => Err(libc::EOPNOTSUPP),
        }
    }

    /// getsockopt(2).
    pub fn getsockopt(&mut self, args: [usize; 6]) -> Result<usize, i32> {
        let [fd, level, name, at, length_at, _] = args;
        let length = memory::load_as::<u32>(length_at).ok_or(libc::EFAULT)? as usize;
        let answer = self.option(fd as i32, level as i32, name as i32)?;
        if name as i32 == SO_PEERNAME && length > answer.len() {
            return Err(libc::EINVAL);
        }
        let answer = &answer[..answer.len().min(length)];
        let written = memory::store(at, answer) && memory::store_as(length_at, answer.len() as u32);
        if written {
            Ok(0)
        } else {
            Err(libc::EFAULT)
        }
    }

    /// setsockopt(2).
    pub fn setsockopt(&mut self, args: [usize; 6]) -> Result<usize, i32> {
        let [fd, level, name, at, length, _] = args;
        let bytes = memory::load(at, length).ok_or(libc::EFAULT)?;
        let socket = self.socket(fd as i32)?;
        let number = |bytes: &[u8]| bytes.get(..4).map_or(0, |b| i32::from_ne_bytes(b.try_into().expect("four bytes")));
        match (level as i32, name as i32) {
            (libc::SOL_SOCKET, libc::SO_RCVTIMEO) => socket.receive_timeout = of_timeval(&bytes),
            (libc::SOL_SOCKET, libc::SO_SNDTIMEO) => socket.send_timeout = of_timeval(&bytes),
            (libc::SOL_SOCKET, libc::SO_RCVLOWAT) => socket.low_water = number(&bytes).max(1) as usize,
            (libc::IPPROTO_TCP, TCP_FASTOPEN_CONNECT) => socket.fast_open = number(&bytes) != 0,
            _ => return Err(libc::ENOPROTOOPT),
        }
        Ok(0)
    }

    /// getsockname(2) and getpeername(2).
    pub fn name(&mut self, fd: i32, peer: bool, at: usize, length_at: usize) -> Result<usize, i32> {
        let socket = self.socket(fd)?;
        if peer && socket.phase != Phase::Connected {
            return Err(libc::ENOTCONN);
        }
        let name = if peer { socket.peer.clone() } else { socket.local.clone() };
        let room = memory::load_as::<u32>(length_at).ok_or(libc::EFAULT)? as usize;
        memory::store(at, &name[..name.len().min(room)]);
        memory::store_as(length_at, name.len() as u32);
        Ok(0)
    }
}
