//! Ways for the models into what the engine keeps to itself: to call, never to change.

use crate::set::Set;
use crate::sys::Kernel;
use crate::table::{Description, Descriptions, Loans, SlotWord, Slots};
use crate::Engine;

impl<K: Kernel> Engine<K> {
    /// The slots.
    pub fn model_slots(&self) -> &Slots {
        &self.slots
    }

    /// The descriptions.
    pub fn model_descriptions(&self) -> &Descriptions {
        &self.descriptions
    }

    /// The loans.
    pub fn model_loans(&self) -> &Loans {
        &self.loans
    }

    /// The set of this number.
    pub fn model_set(&self, number: u32) -> Option<&Set> {
        self.sets.at(number)
    }

    /// A new set.
    pub fn model_new_set(&self, epfd: i32) -> Option<u32> {
        self.sets.create(&self.kernel, epfd)
    }

    /// What the kernel says of a socket's option, or what it said before the option was lent.
    pub fn model_kernel_timeout(&self, fd: i32, name: i32) -> u64 {
        self.kernel_timeout(fd, name)
    }

    /// Let a set's timer fire at `instant` at the latest.
    pub fn model_program(&self, number: u32, set: &Set, instant: u64) {
        self.program(number, set, instant);
    }

    /// Tell every set that holds the socket of an instant.
    pub fn model_lower_sets(&self, fd: i32, slot: SlotWord, d: &Description, instant: u64) {
        self.lower_sets(fd, slot, d, instant);
    }

    /// A wait for the sockets of these bits, from its announcement to its end; between them `wait`.
    pub fn model_wait(&self, which: u64, wait: impl FnOnce()) {
        let mut moving = self.begin_wait_for(which);
        wait();
        self.end_wait(&mut moving);
    }

    /// Wake who waits for the description.
    pub fn model_wake(&self, index: u32, instant: u64) {
        self.wake(index, instant);
    }

    /// Begin to be movable.
    pub fn model_become_movable(&self) {
        self.become_movable(true);
    }
}
