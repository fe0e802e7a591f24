//! sendmmsg: several messages, each sent as sendmsg sends it.
//!
//! Without waiting the kernel counts a message that went in part, and before 4.9 went on to the next; so where the wait is ours each
//! message is a call of its own. What does not wait is the program's own call (`transfer`).

use super::body::Body;
use super::transfer::Transfer;
use super::{Operation, Scope, Send, Step};
use crate::sys::{program, Kernel};
use crate::table::Flag;
use crate::Engine;

const MESSAGE: usize = core::mem::size_of::<libc::mmsghdr>();
const LENGTH: usize = core::mem::offset_of!(libc::mmsghdr, msg_len);

enum Course {
    /// The program's own call.
    Whole(Transfer),
    /// One message after the other.
    Each(Send),
}

/// A sendmmsg.
pub struct SendMany {
    fd: i32,
    vector: usize,
    count: usize,
    flags: usize,
    sent: usize,
    scope: Scope,
    course: Course,
}

impl SendMany {
    /// sendmmsg(2).
    pub fn new(fd: i32, vector: usize, count: usize, flags: usize) -> SendMany {
        let course = Course::Whole(Transfer::sendmmsg(fd, vector, count, flags));
        SendMany { fd, vector, count, flags, sent: 0, scope: Scope::NONE, course }
    }

    fn message(&self) -> usize {
        // The msghdr is the first thing in a mmsghdr.
        self.vector.wrapping_add(self.sent.wrapping_mul(MESSAGE))
    }

    /// Begin the next message.
    fn next<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        let mut one = Send::sendmsg(self.fd, self.message(), self.flags).named("sendmmsg");
        one.within(self.scope);
        let step = one.start(e);
        self.course = Course::Each(one);
        step
    }

    /// The end of a message is the beginning of the next. All of them are ended here, not by recursion.
    fn go_on<K: Kernel>(&mut self, e: &Engine<K>, mut step: Step) -> Step {
        loop {
            let Step::Done(outcome) = step else { return step };
            if outcome < 0 {
                return Step::Done(if self.sent > 0 { self.sent as isize } else { outcome });
            }
            let message = self.message();
            let whole = Body::Message(message).length();
            program::poke(message.wrapping_add(LENGTH), outcome as u32);
            self.sent += 1;
            if (outcome as usize) < whole || self.sent >= self.count {
                return Step::Done(self.sent as isize);
            }
            step = self.next(e);
        }
    }
}

impl Operation for SendMany {
    fn start<K: Kernel>(&mut self, e: &Engine<K>) -> Step {
        let waits = match e.socket(self.fd) {
            Some((_, d)) => {
                let bounded = e.movable() || d.any_rule() && d.has(Flag::Stream);
                bounded
                    && self.count != 0
                    && self.flags & libc::MSG_DONTWAIT as usize == 0
                    && !e.never_waits(self.fd, d)
            }
            None => false,
        };
        match &mut self.course {
            Course::Whole(call) if !waits => call.start(e),
            _ => {
                let step = self.next(e);
                self.go_on(e, step)
            }
        }
    }

    fn resume<K: Kernel>(&mut self, e: &Engine<K>, outcome: isize) -> Step {
        match &mut self.course {
            Course::Whole(call) => call.resume(e, outcome),
            Course::Each(one) => {
                let step = one.resume(e, outcome);
                self.go_on(e, step)
            }
        }
    }

    fn within(&mut self, scope: Scope) {
        self.scope = scope;
        if let Course::Whole(call) = &mut self.course {
            call.within(scope);
        }
    }
}
