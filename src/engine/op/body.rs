//! What a call sends or receives, and the call that goes on with what is left of it.
//!
//! The vectors and messages are the program's memory: they are read only after the kernel has read them in the program's own
//! call, and nothing is copied.

use super::Call;
use crate::sys::{program, Kernel};

/// The shape of a call's data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Body {
    /// One buffer: address, length.
    Buffer(usize, usize),
    /// A vector: address, count.
    Vector(usize, usize),
    /// A message that names a vector: address of the msghdr.
    Message(usize),
    /// Several messages to receive: address, count. A rest begins at the first one that is not done.
    Messages(usize, usize),
}

/// Is this a length that read and write hand to recv and send as it is? Nothing they do not send at all, and what is more than there
/// is memory they refuse, where the others cut it.
pub fn is_usual(length: usize) -> bool {
    length != 0 && length < 1 << 46
}

/// Bytes in all that a vector of the program's names, which the kernel has accepted.
pub fn vector_length(iov: usize, count: usize) -> usize {
    (0..count).fold(0, |sum: usize, i| sum.saturating_add(program::vector(iov, i).1))
}

/// Which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Course {
    Sending,
    Receiving,
}

impl Body {
    fn vector(&self) -> Option<(usize, usize)> {
        match *self {
            Body::Vector(iov, count) => Some((iov, count)),
            Body::Message(message) => Some(program::message_vector(message)),
            Body::Buffer(..) | Body::Messages(..) => None,
        }
    }

    /// Is this a vector of no bytes in all? Asked before the kernel has accepted it: one that cannot be read is not nothing.
    pub fn is_nothing(&self, k: &impl Kernel) -> bool {
        let Body::Vector(iov, count) = *self else { return false };
        const LENGTH: usize = core::mem::offset_of!(libc::iovec, iov_len);
        (0..count).all(|i| {
            let mut bytes = [0; 8];
            let at = iov.wrapping_add(i.wrapping_mul(core::mem::size_of::<libc::iovec>())).wrapping_add(LENGTH);
            program::copy_in(k, &mut bytes, at) && usize::from_ne_bytes(bytes) == 0
        })
    }

    /// Bytes, or messages, in all.
    pub fn length(&self) -> usize {
        match *self {
            Body::Buffer(_, length) | Body::Messages(_, length) => length,
            Body::Vector(..) | Body::Message(_) => {
                let (iov, count) = self.vector().unwrap_or((0, 0));
                vector_length(iov, count)
            }
        }
    }

    /// The call for what is left after `done`. One buffer at a time: so the program's vector need not be changed, and control
    /// data goes with the first piece, as in the kernel.
    pub fn rest(&self, course: Course, fd: i32, done: usize, flags: usize) -> Call {
        let fd = fd as usize;
        let one = match course {
            Course::Sending => libc::SYS_sendto,
            Course::Receiving => libc::SYS_recvfrom,
        };
        match *self {
            Body::Buffer(at, length) => {
                Call::new(one, [fd, at.wrapping_add(done), length.saturating_sub(done), flags, 0, 0])
            }
            Body::Messages(at, count) => {
                let first = at.wrapping_add(done.wrapping_mul(core::mem::size_of::<libc::mmsghdr>()));
                Call::new(libc::SYS_recvmmsg, [fd, first, count.saturating_sub(done), flags, 0, 0])
            }
            Body::Vector(..) | Body::Message(_) => {
                let (iov, count) = self.vector().unwrap_or((0, 0));
                let mut skip = done;
                for i in 0..count {
                    let (base, length) = program::vector(iov, i);
                    if skip < length {
                        return Call::new(one, [fd, base.wrapping_add(skip), length - skip, flags, 0, 0]);
                    }
                    skip -= length;
                }
                Call::new(one, [fd, 0, 0, flags, 0, 0])
            }
        }
    }
}
