//! The calls that move bytes, by buffer, vector, message, or between two files.

use super::calls::Answer;
use super::{memory, File, FileId, Pending, Phase, State};
use netdeadline_engine::op::Call;

const MESSAGE: usize = size_of::<libc::mmsghdr>();

/// One message of several: file, buffers, flags, bytes done, out of time.
type One = fn(&mut State, FileId, &[(usize, usize)], i32, &mut usize, bool) -> Answer;

fn vector(at: usize, count: usize) -> Vec<(usize, usize)> {
    let element = |i| memory::load_as::<libc::iovec>(at + i * size_of::<libc::iovec>()).expect("a vector");
    (0..count).map(element).map(|v| (v.iov_base as usize, v.iov_len)).collect()
}

fn message(at: usize) -> Vec<(usize, usize)> {
    let message: libc::msghdr = memory::load_as(at).expect("a message");
    vector(message.msg_iov as usize, message.msg_iovlen)
}

/// Spread bytes over buffers. False: EFAULT.
fn scatter(buffers: &[(usize, usize)], bytes: &[u8]) -> bool {
    let mut rest = bytes;
    for (at, length) in buffers {
        let (now, later) = rest.split_at(rest.len().min(*length));
        if !memory::store(*at, now) {
            return false;
        }
        rest = later;
    }
    true
}

/// The bytes of buffers in a row. `None`: EFAULT.
fn gather(buffers: &[(usize, usize)]) -> Option<Vec<u8>> {
    let parts: Option<Vec<_>> = buffers.iter().map(|(at, length)| memory::load(*at, *length)).collect();
    parts.map(|parts| parts.concat())
}

impl State {
    /// read, recv and their kin; write, send and theirs; sendfile.
    pub(super) fn move_bytes(&mut self, file: FileId, call: &Call, pending: &mut Pending, expired: bool) -> Answer {
        let [_, b, c, d, e, _] = call.args;
        match call.nr {
            libc::SYS_read => self.receive(file, &[(b, c)], 0, expired),
            libc::SYS_readv => self.receive(file, &vector(b, c), 0, expired),
            libc::SYS_recvfrom => self.receive(file, &[(b, c)], d as i32, expired),
            libc::SYS_recvmsg => self.receive(file, &message(b), c as i32, expired),
            libc::SYS_recvmmsg => {
                assert_eq!(e, 0, "the pretended recvmmsg has no time of its own");
                self.messages(file, (b, c, d as i32), pending, expired, State::receive_one)
            }
            libc::SYS_write => self.send(file, gather(&[(b, c)]), 0, &mut pending.done.1, expired),
            libc::SYS_writev => self.send(file, gather(&vector(b, c)), 0, &mut pending.done.1, expired),
            libc::SYS_sendto => self.send(file, gather(&[(b, c)]), d as i32, &mut pending.done.1, expired),
            libc::SYS_sendmsg => self.send(file, gather(&message(b)), c as i32, &mut pending.done.1, expired),
            libc::SYS_sendmmsg => self.messages(file, (b, c, d as i32), pending, expired, State::send_one),
            libc::SYS_sendfile => self.send(file, Some(vec![b'f'; d]), 0, &mut pending.done.1, expired),
            nr => panic!("the door made call {nr}, which is not pretended"),
        }
    }

    /// recvmmsg and sendmmsg: one message after the other, and the count.
    fn messages(
        &mut self,
        file: FileId,
        (at, count, flags): (usize, usize, i32),
        pending: &mut Pending,
        expired: bool,
        one: One,
    ) -> Answer {
        while pending.done.0 < count {
            let place = at + pending.done.0 * MESSAGE;
            let later = pending.done.0 > 0 && flags & libc::MSG_WAITFORONE != 0;
            let flags = flags | if later { libc::MSG_DONTWAIT } else { 0 };
            match one(self, file, &message(place), flags & !libc::MSG_WAITFORONE, &mut pending.done.1, expired)? {
                Ok(bytes) => {
                    let header: libc::mmsghdr = memory::load_as(place)?;
                    memory::store_as(place, libc::mmsghdr { msg_len: bytes as u32, ..header });
                    pending.done = (pending.done.0 + 1, 0);
                }
                Err(errno) if pending.done.0 == 0 => return Some(Err(errno)),
                Err(_) => break,
            }
        }
        Some(Ok(pending.done.0))
    }

    fn receive_one(&mut self, file: FileId, to: &[(usize, usize)], flags: i32, _: &mut usize, expired: bool) -> Answer {
        self.receive(file, to, flags, expired)
    }

    fn send_one(
        &mut self,
        file: FileId,
        from: &[(usize, usize)],
        flags: i32,
        done: &mut usize,
        expired: bool,
    ) -> Answer {
        self.send(file, gather(from), flags, done, expired)
    }

    /// tcp_recvmsg: what is there, else the error, the end, or a wait.
    fn receive(&mut self, file: FileId, to: &[(usize, usize)], flags: i32, expired: bool) -> Answer {
        let wanted: usize = to.iter().map(|buffer| buffer.1).sum();
        let socket = match self.files.get_mut(&file) {
            Some(File::Socket(socket)) => socket,
            Some(File::Plain(bytes)) => {
                let count = bytes.len().min(wanted);
                let now: Vec<u8> = bytes.drain(..count).collect();
                scatter(to, &now);
                return Some(Ok(count));
            }
            _ => return Some(Err(libc::EINVAL)),
        };
        if wanted == 0 {
            return Some(Ok(0));
        }
        let now_or_never = socket.nonblocking || flags & libc::MSG_DONTWAIT != 0 || expired;
        let least = if flags & libc::MSG_WAITALL != 0 { wanted } else { socket.low_water.min(wanted) };
        let there = socket.incoming.len();
        if there > 0 && (there >= least || now_or_never || socket.ended || socket.error != 0) {
            let count = there.min(wanted);
            let bytes: Vec<u8> = socket.incoming.iter().take(count).copied().collect();
            if !scatter(to, &bytes) {
                return Some(Err(libc::EFAULT));
            }
            if flags & libc::MSG_PEEK == 0 {
                socket.incoming.drain(..count);
            }
            return Some(Ok(count));
        }
        match socket.take_error() {
            0 if socket.ended => Some(Ok(0)),
            0 if matches!(socket.phase, Phase::Closed | Phase::Listening) => Some(Err(libc::ENOTCONN)),
            0 => now_or_never.then_some(Err(libc::EAGAIN)),
            error => Some(Err(error)),
        }
    }

    /// tcp_sendmsg: as much as there is room for, and a wait for more. `done` is what this very call has sent so far.
    fn send(&mut self, file: FileId, bytes: Option<Vec<u8>>, flags: i32, done: &mut usize, expired: bool) -> Answer {
        let Some(bytes) = bytes else { return Some(Err(libc::EFAULT)) };
        let now = self.now;
        let socket = match self.files.get_mut(&file) {
            Some(File::Socket(socket)) => socket,
            Some(File::Plain(pipe)) => {
                pipe.extend(&bytes);
                return Some(Ok(bytes.len()));
            }
            _ => return Some(Err(libc::EINVAL)),
        };
        let now_or_never = socket.nonblocking || flags & libc::MSG_DONTWAIT != 0 || expired;
        let so_far = |done: usize, errno: i32| Some(if done > 0 { Ok(done) } else { Err(errno) });
        if socket.error != 0 {
            return so_far(*done, socket.take_error());
        }
        let opens = socket.phase == Phase::Deferred;
        if opens {
            // The bytes ride on the SYN: a blocking call then waits for the connection.
            (socket.phase, *done) = (Phase::Connecting, bytes.len());
            socket.unacknowledged += bytes.len();
            socket.outgoing.extend(&bytes);
            let port = memory::port(&socket.peer);
            self.dial(file, port);
            return now_or_never.then_some(Ok(bytes.len()));
        }
        match socket.phase {
            Phase::Connecting if *done == bytes.len() && *done > 0 => return now_or_never.then_some(Ok(*done)),
            Phase::Connecting => return now_or_never.then_some(Err(libc::EAGAIN)),
            Phase::Connected if !socket.shut => {}
            _ => return so_far(*done, libc::EPIPE),
        }
        let count = socket.room().min(bytes.len() - *done);
        socket.unacknowledged += count;
        socket.outgoing.extend(&bytes[*done..*done + count]);
        *done += count;
        if count > 0 {
            socket.last_sent = now;
        }
        if *done == bytes.len() {
            return Some(Ok(*done));
        }
        if now_or_never {
            return so_far(*done, libc::EAGAIN);
        }
        None
    }

    /// splice(2): from a pipe into a socket, or the other way.
    pub(super) fn splice(
        &mut self,
        from: FileId,
        [_, to, _, count, _]: [usize; 5],
        pending: &mut Pending,
        expired: bool,
    ) -> Answer {
        let Some(to) = self.numbers.get(&(to as i32)).copied() else { return Some(Err(libc::EBADF)) };
        if let Some(File::Plain(pipe)) = self.files.get(&from) {
            let bytes: Vec<u8> = pipe.iter().take(count).copied().collect();
            let answer = self.send(to, Some(bytes), 0, &mut pending.done.1, expired)?;
            if let (Ok(sent), Some(File::Plain(pipe))) = (answer, self.files.get_mut(&from)) {
                pipe.drain(..sent);
            }
            return Some(answer);
        }
        let mut bytes = vec![0; count];
        let answer = self.receive(from, &[(bytes.as_mut_ptr() as usize, count)], 0, expired)?;
        if let (Ok(count), Some(File::Plain(pipe))) = (answer, self.files.get_mut(&to)) {
            pipe.extend(&bytes[..count]);
        }
        Some(answer)
    }
}
