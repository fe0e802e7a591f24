//! Slots and descriptions: what a number leads to, who owns it, and whom a late thread can harm.

use crate::kernel::{spawn, MEMORY};
use crate::Protocol;
use netdeadline_engine::atomic::{memory, AtomicU32, AtomicU64, Ordering::*};
use netdeadline_engine::policy::Decision;
use netdeadline_engine::table::{Descriptions, Flag, Kind, SlotWord, Slots, State};

/// The models of this file.
pub const ALL: &[Protocol] = &[
    Protocol::new("who_sees_a_slot_sees_what_it_leads_to", leads),
    Protocol::new("what_a_number_was_is_got_by_one_of_two_that_retire_it", retired_once),
    Protocol::new("what_is_settled_beside_a_close_is_given_up_by_one", settled_beside_close),
    Protocol::new("no_two_sockets_have_one_description", one_owner),
    Protocol::new("a_pop_that_was_delayed_fails", delayed_pop),
    Protocol::new("the_last_of_two_slots_frees_the_description", last_frees),
    Protocol::new("a_description_is_shared_or_gone", shared_or_gone),
    Protocol::new("whoever_sees_a_life_sees_its_cleared_fields", new_life),
    Protocol::new("a_late_thread_arms_nothing_of_the_next_socket", late_arming),
    Protocol::new("who_sees_a_state_sees_the_clocks_that_led_to_it", clocks),
    Protocol::new("one_of_two_takes_an_expiry", one_takes),
    Protocol::new("a_socket_is_told_to_its_set_by_who_arms_or_who_registers", armed_or_registered),
    Protocol::new("a_clock_that_is_moved_is_judged_or_the_judgement_is_noticed", judged),
    Protocol::new("a_clock_that_a_write_moves_is_judged_or_the_judgement_is_noticed", judged_at_a_write),
    Protocol::new("a_pause_that_a_request_begins_is_judged_or_the_judgement_is_noticed", judged_at_a_request),
    Protocol::new("who_finds_a_socket_finds_that_its_cookie_is_known", counted),
    Protocol::new("two_that_register_a_socket_both_stay", both_join),
    Protocol::new("a_write_that_was_answered_meanwhile_awaits_nothing", answered),
];

pub fn slots() -> &'static Slots {
    static NONE: Slots = Slots::new();
    memory::place_like(&NONE)
}

pub fn descriptions() -> &'static Descriptions {
    static NONE: Descriptions = Descriptions::new();
    memory::place_like(&NONE)
}

fn rules(rule: u8) -> Decision {
    Decision { rule: [rule; 5] }
}

fn leads() {
    let (slots, descriptions) = (slots(), descriptions());
    // Neighbours are there: nothing else than the word itself tells of the description.
    settle(slots, 4, Kind::Plain, 0);
    descriptions.create(&MEMORY, 76).expect("memory");
    memory::begin();
    let makes = spawn(1, || {
        let (index, d) = descriptions.create(&MEMORY, 77).expect("memory");
        d.decide(rules(3));
        assert!(slots.settle(&MEMORY, 5, slots.word(5), Kind::Socket, index));
    });
    let word = slots.word(5);
    if word.kind() == Kind::Socket {
        let d = descriptions.at(word.index()).expect("there");
        assert_eq!((d.cookie(), d.decision(), d.index()), (77, rules(3), word.index()));
    }
    makes.join().unwrap();
}

fn settle(slots: &Slots, fd: i32, kind: Kind, index: u32) -> SlotWord {
    assert!(slots.settle(&MEMORY, fd, slots.word(fd), kind, index));
    slots.word(fd)
}

fn retired_once() {
    let slots = slots();
    settle(slots, 5, Kind::Socket, 9);
    memory::begin();
    let other = spawn(1, || slots.retire(5).kind());
    let ours = slots.retire_as(5, Kind::Closing).kind();
    let kinds = [ours, other.join().unwrap()];
    assert_eq!(kinds.iter().filter(|kind| **kind == Kind::Socket).count(), 1, "{kinds:?}");
    assert_eq!(slots.word(5).generation(), 2);
}

fn settled_beside_close() {
    let slots = slots();
    settle(slots, 5, Kind::Plain, 0);
    slots.retire(5);
    memory::begin();
    let describes = spawn(1, || slots.settle(&MEMORY, 5, slots.word(5), Kind::Socket, 9));
    let was = slots.retire(5);
    // Settled before the close: the close has it. After: it is the next life's.
    let settled = describes.join().unwrap();
    let now = slots.word(5);
    assert!(
        !settled || (was.kind() == Kind::Socket) != (now.kind() == Kind::Socket),
        "given up {was:?}, there {now:?}"
    );
    assert!(settled || was.kind() != Kind::Socket && now.kind() != Kind::Socket);
}

/// Who owns each description; a second owner is noticed.
struct Owners {
    of: [AtomicU32; 8],
}

impl Owners {
    fn place() -> &'static Owners {
        memory::place(Owners { of: [const { AtomicU32::new(0) }; 8] })
    }

    fn take(&self, descriptions: &Descriptions, owner: u32) -> u32 {
        let (index, d) = descriptions.create(&MEMORY, owner).expect("memory");
        // Relaxed: what orders one owner after the other must be the list's.
        assert_eq!(self.of[index as usize].load(Relaxed), 0, "{index} has two owners");
        self.of[index as usize].store(owner, Relaxed);
        assert_eq!((d.cookie(), d.index()), (owner, index), "another writes there");
        index
    }

    fn give(&self, descriptions: &Descriptions, index: u32, owner: u32) {
        assert_eq!(self.of[index as usize].load(Relaxed), owner, "{index} has two owners");
        self.of[index as usize].store(0, Relaxed);
        descriptions.release(index);
    }
}

fn one_owner() {
    let (descriptions, owners) = (descriptions(), Owners::place());
    let free = owners.take(descriptions, 1);
    owners.give(descriptions, free, 1);
    memory::begin();
    let turn = |owner| {
        let index = owners.take(descriptions, owner);
        owners.give(descriptions, index, owner);
    };
    let first = spawn(1, move || turn(2));
    let second = spawn(2, move || turn(3));
    first.join().unwrap();
    second.join().unwrap();
    assert_eq!(descriptions.used(), 0);
    turn(4);
}

fn delayed_pop() {
    let (descriptions, owners) = (descriptions(), Owners::place());
    let free = [(); 3].map(|()| owners.take(descriptions, 1));
    free.into_iter().for_each(|index| owners.give(descriptions, index, 1));
    memory::begin();
    let pops = spawn(1, || owners.take(descriptions, 2));
    // Between the other's look at the first and at what follows it: two are taken, and the first is put back.
    let first = owners.take(descriptions, 3);
    let second = owners.take(descriptions, 3);
    owners.give(descriptions, first, 3);
    let theirs = pops.join().unwrap();
    let ours = [second, owners.take(descriptions, 3)];
    assert!(!ours.contains(&theirs) && ours[0] != ours[1], "{theirs} and {ours:?}");
}

fn last_frees() {
    let descriptions = descriptions();
    let (index, d) = descriptions.create(&MEMORY, 1).expect("memory");
    assert!(descriptions.share(index));
    d.read.store(State::Armed(512), d.generation());
    memory::begin();
    let other = spawn(1, move || descriptions.release(index));
    descriptions.release(index);
    other.join().unwrap();
    assert_eq!(descriptions.used(), 0);
    let (again, d) = descriptions.create(&MEMORY, 2).expect("memory");
    assert_eq!((again, d.read.load(d.generation())), (index, State::Idle), "free, and free once");
    assert_ne!(descriptions.create(&MEMORY, 3).expect("memory").0, index);
}

fn shared_or_gone() {
    let descriptions = descriptions();
    let (index, d) = descriptions.create(&MEMORY, 1).expect("memory");
    let generation = d.generation();
    memory::begin();
    let closes = spawn(1, move || descriptions.release(index));
    let shared = descriptions.share(index);
    closes.join().unwrap();
    assert_eq!(descriptions.used(), u32::from(shared));
    assert_eq!(d.generation() == generation, shared, "a life ends with its last slot");
    if shared {
        descriptions.release(index);
        assert_eq!(descriptions.used(), 0);
    }
}

fn new_life() {
    let descriptions = descriptions();
    let (index, d) = descriptions.create(&MEMORY, 1).expect("memory");
    d.decide(rules(3));
    d.set(Flag::Stream);
    d.read_start.store(55, Relaxed);
    let generation = d.generation();
    descriptions.release(index);
    memory::begin();
    let begins = spawn(1, || descriptions.create(&MEMORY, 2).expect("memory").0);
    if d.generation() == generation.wrapping_add(2) {
        let fields = (d.cookie(), d.any_rule(), d.has(Flag::Stream), d.read_start.load(Relaxed));
        assert_eq!(fields, (2, false, false, 0), "left from the life before");
    }
    assert_eq!(begins.join().unwrap(), index);
}

fn late_arming() {
    let descriptions = descriptions();
    let (index, d) = descriptions.create(&MEMORY, 1).expect("memory");
    let generation = d.generation();
    memory::begin();
    let late = spawn(1, move || {
        d.read.store(State::Armed(512), generation);
        d.read.replace(State::Armed(512), State::Expired(1024), generation);
    });
    descriptions.release(index);
    let (_, next) = descriptions.create(&MEMORY, 2).expect("memory");
    late.join().unwrap();
    assert_eq!(next.read.load(next.generation()), State::Idle, "armed by the thread that came late");
}

fn clocks() {
    let descriptions = descriptions();
    let (_, d) = descriptions.create(&MEMORY, 1).expect("memory");
    let generation = d.generation();
    d.write.store(State::Armed(256), generation);
    memory::begin();
    let arms = spawn(1, move || {
        d.read_start.store(512, Relaxed);
        d.read.store(State::Armed(1024), generation);
        d.write_start.store(512, Relaxed);
        assert!(d.write.replace(State::Armed(256), State::Expired(1024), generation));
    });
    if d.read.load(generation) == State::Armed(1024) {
        assert_eq!(d.read_start.load(Relaxed), 512, "an instant without its clock");
    }
    if d.write.load(generation) == State::Expired(1024) {
        assert_eq!(d.write_start.load(Relaxed), 512, "an expiry without its clock");
    }
    arms.join().unwrap();
}

fn one_takes() {
    let descriptions = descriptions();
    let (_, d) = descriptions.create(&MEMORY, 1).expect("memory");
    let generation = d.generation();
    d.read.store(State::Armed(512), generation);
    memory::begin();
    let take = move || d.read.replace(State::Armed(512), State::Expired(1024), generation);
    let other = spawn(1, take);
    let ours = take();
    assert!(ours != other.join().unwrap(), "exactly one");
}

fn armed_or_registered() {
    let descriptions = descriptions();
    let (_, d) = descriptions.create(&MEMORY, 1).expect("memory");
    let generation = d.generation();
    memory::begin();
    let arms = spawn(1, move || {
        d.read.store(State::Armed(512), generation);
        let mut told = false;
        d.each_set(|set| told |= set == Some(7));
        told
    });
    // As epoll_ctl does: the set is noted first, then what waits already is told to it.
    d.join(7);
    let found = d.read.load(generation) != State::Idle;
    assert!(arms.join().unwrap() || found, "armed, registered, and neither saw the other");
}

fn counted() {
    let (slots, descriptions) = (slots(), descriptions());
    // One that is there and goes, while another comes.
    let (old, d) = descriptions.create(&MEMORY, 7).expect("memory");
    descriptions.count(&MEMORY, d);
    settle(slots, 4, Kind::Plain, 0);
    memory::begin();
    let comes = spawn(1, || {
        let (index, d) = descriptions.create(&MEMORY, 9).expect("memory");
        descriptions.count(&MEMORY, d);
        assert!(slots.settle(&MEMORY, 5, slots.word(5), Kind::Socket, index));
    });
    let goes = spawn(2, move || descriptions.release(old));
    if slots.word(5).kind() == Kind::Socket {
        assert!(descriptions.may_have(9), "taken for one that nobody knows");
    }
    comes.join().unwrap();
    goes.join().unwrap();
    assert!(descriptions.may_have(9) && !descriptions.may_have(7), "miscounted");
}

/// The two sides stand in `Engine::judge` and `Engine::restart_input`, each with policy and kernel around it: only the words are
/// here, and what is done to them.
fn judged() {
    let descriptions = descriptions();
    let (_, d) = descriptions.create(&MEMORY, 1).expect("memory");
    let generation = d.generation();
    d.read.store(State::Armed(512), generation);
    memory::begin();
    let moves = spawn(1, move || {
        d.read_start.swap(1024, SeqCst);
        d.read.load(generation) == State::Armed(0)
    });
    assert!(d.read.replace(State::Armed(512), State::Armed(0), generation));
    d.judging();
    let sees = d.read_start.load(Relaxed) == 1024;
    assert!(moves.join().unwrap() || sees, "judged by a clock that was moved");
}

/// The same where the clock is moved before the flags, as `Engine::bytes_went` does.
fn judged_at_a_write() {
    let descriptions = descriptions();
    let (_, d) = descriptions.create(&MEMORY, 1).expect("memory");
    let generation = d.generation();
    d.set(Flag::Accepted);
    d.received();
    d.writes();
    d.read.store(State::Armed(512), generation);
    memory::begin();
    let moves = spawn(1, move || {
        d.read_start.store(1024, Relaxed);
        assert!(d.wrote(), "the request is answered");
        d.read.load(generation) == State::Armed(0)
    });
    assert!(d.read.replace(State::Armed(512), State::Armed(0), generation));
    d.judging();
    let by_which = (d.is_paused(), d.read_start.load(Relaxed));
    // The answer is not seen before the clock that it starts; nor, by the mark, missed.
    assert!(by_which.0 || by_which.1 == 1024, "a clock that stood still was taken to run since before");
    assert!(moves.join().unwrap() || by_which == (false, 1024), "judged by a clock that was moved");
}

/// And where a request makes the clock stand still, which is not moved at all (`Engine::bytes_came`).
fn judged_at_a_request() {
    let descriptions = descriptions();
    let (_, d) = descriptions.create(&MEMORY, 1).expect("memory");
    let generation = d.generation();
    d.set(Flag::Accepted);
    d.read.store(State::Armed(512), generation);
    memory::begin();
    let comes = spawn(1, move || {
        assert!(d.received(), "a request");
        d.read.load(generation) == State::Armed(0)
    });
    assert!(d.read.replace(State::Armed(512), State::Armed(0), generation));
    d.judging();
    let sees = d.is_paused();
    assert!(comes.join().unwrap() || sees, "judged by a clock that stands still");
}

fn both_join() {
    let descriptions = descriptions();
    let (_, d) = descriptions.create(&MEMORY, 1).expect("memory");
    let notes = memory::place([AtomicU64::new(0), AtomicU64::new(0)]);
    memory::begin();
    let join = |set: u32| {
        notes[set as usize].store(1, Relaxed);
        d.join(set);
    };
    let other = spawn(1, move || join(1));
    let looks = spawn(2, move || {
        d.each_set(|set| {
            assert_eq!(notes[set.expect("two") as usize].load(Relaxed), 1, "a set before its registration")
        });
    });
    join(0);
    other.join().unwrap();
    looks.join().unwrap();
    let mut sets = Vec::new();
    d.each_set(|set| sets.extend(set));
    sets.sort();
    assert_eq!(sets, [0, 1]);
}

fn answered() {
    let descriptions = descriptions();
    let (_, d) = descriptions.create(&MEMORY, 1).expect("memory");
    d.set(Flag::Explicit);
    memory::begin();
    // The peer answers once the bytes are with it: after the write began, perhaps before it came back.
    d.writes();
    let reads = spawn(1, || d.received());
    d.wrote();
    reads.join().unwrap();
    assert!(!d.has(Flag::Awaiting) && !d.has(Flag::Writing), "an answer is awaited that has come");
}
