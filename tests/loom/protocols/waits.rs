//! Waits that can be moved: who sets a deadline and who begins to wait cannot both miss the other.

use crate::kernel::{spawn, MEMORY};
use crate::slots::descriptions;
use crate::world::{engine, socket, World, FD, FREE, LOCKED};
use crate::Protocol;
use netdeadline_engine::atomic::{memory, AtomicU32, Ordering::Relaxed};
use netdeadline_engine::op::{self, Operation, Receive, Step, Ways};
use netdeadline_engine::table::waiters::bit;
use netdeadline_engine::table::{Expiry, Kind, Waiters};

/// The models of this file.
pub const ALL: &[Protocol] = &[
    Protocol::new("a_deadline_that_is_set_is_heard_by_who_waits", heard),
    Protocol::new("two_that_wait_both_hear_a_deadline", both_hear).large(),
    Protocol::new("a_close_is_heard_by_who_waits", close_heard),
    Protocol::new("a_description_is_of_the_socket_that_has_the_number", described).large(),
    Protocol::new("no_waker_stays_set_off", waker_is_unset),
    Protocol::new("a_place_that_was_left_belongs_to_who_claims_it", left_place),
    Protocol::new("an_instant_of_the_wait_before_is_not_seen", stale_instant),
    Protocol::new("two_threads_agree_on_the_wakers_file", one_readable),
    Protocol::new("a_late_thread_moves_nothing_of_the_next_socket", late_setting),
    Protocol::new("an_expiry_is_told_whole_or_not_at_all", expiry).large(),
];

const AT: i64 = 2_000_000_000_000;

fn receive() -> Receive {
    Receive::recvfrom("recv", [FD as usize, 0, 100, 0, 0, 0])
}

/// Begin to receive where nothing comes, as far as the wait.
fn begin(e: &netdeadline_engine::Engine<World>, receive: &mut Receive) -> (u64, i32) {
    let mut step = receive.start(e);
    loop {
        match step {
            Step::Call(_) => step = receive.resume(e, -(libc::EAGAIN as isize)),
            Step::Wait { until, waker, .. } => return (until, waker),
            Step::Done(answer) => return (0, answer as i32),
        }
    }
}

fn heard() {
    let e = engine(&FREE);
    socket(e);
    // The place has a waker by now, as most have.
    let mut first = receive();
    begin(e, &mut first);
    first.resume(e, 1);
    memory::begin();
    let sets = spawn(1, || op::set_deadline(e, FD, Ways::Read, AT).unwrap());
    let (until, waker) = begin(e, &mut receive());
    sets.join().unwrap();
    assert!(until <= AT as u64 || e.kernel.is_set(waker), "it waits until {until}, and nobody wakes it");
}

fn both_hear() {
    let e = engine(&FREE);
    socket(e);
    let mut before = [receive(), receive()];
    for receive in &mut before {
        begin(e, receive);
    }
    for receive in &mut before {
        receive.resume(e, 1);
    }
    memory::begin();
    let sets = spawn(1, || op::set_deadline(e, FD, Ways::Read, AT).unwrap());
    let other = spawn(2, || begin(e, &mut receive()));
    let ours = begin(e, &mut receive());
    sets.join().unwrap();
    for (until, waker) in [ours, other.join().unwrap()] {
        assert!(until <= AT as u64 || e.kernel.is_set(waker), "it waits until {until}, and nobody wakes it");
    }
}

fn close_heard() {
    let e = engine(&FREE);
    socket(e);
    let mut first = receive();
    begin(e, &mut first);
    first.resume(e, 1);
    memory::begin();
    let closes = spawn(1, || {
        let op::Close::CallAndTell(index) = op::close(e, FD) else { panic!("a socket is closed") };
        e.kernel.reopen(2);
        op::closed(e, FD, index);
    });
    let (until, waker) = begin(e, &mut receive());
    closes.join().unwrap();
    // Or it came late, and waits for the number's next socket.
    let next = e.model_slots().word(FD).kind() == Kind::Socket;
    assert!(until == 0 || next || e.kernel.is_set(waker), "it waits until {until} for a socket that is closed");
}

fn waker_is_unset() {
    let e = engine(&LOCKED);
    let d = socket(e);
    e.model_wait(bit(d.index()), || ());
    memory::begin();
    let wakes = spawn(1, move || e.model_wake(d.index(), 0));
    e.model_wait(bit(d.index()), || ());
    wakes.join().unwrap();
    // Set in vain at most for the next one here.
    e.model_wait(bit(d.index()), || ());
    assert!(!e.kernel.any_set(), "each wait here would end at once");
}

fn left_place() {
    let waiters = memory::place(Waiters::new());
    let claim = |thread| waiters.claim(&MEMORY, thread, |_| false).expect("a place").1;
    claim(7).leave();
    memory::begin();
    let first = spawn(1, move || {
        let place = claim(1);
        place.announce(bit(1));
        place.leave();
    });
    claim(2).announce(bit(2));
    first.join().unwrap();
    let mut found = 0;
    waiters.each(|place| found += u32::from(place.wants(2, 0)));
    assert_eq!(found, 1, "who waits is not found");
}

fn stale_instant() {
    let waiters = memory::place(Waiters::new());
    let claim = |thread| waiters.claim(&MEMORY, thread, |_| false).expect("a place").1;
    let place = claim(7);
    place.announce(bit(1));
    place.ends(10);
    place.leave();
    memory::begin();
    let waits = spawn(1, move || claim(1).announce(bit(2)));
    waiters.each(|place| {
        if place.wants(2, 0) {
            assert!(place.wants(2, 500), "taken for one that ends before");
        }
    });
    waits.join().unwrap();
}

fn one_readable() {
    let waiters = memory::place(Waiters::new());
    waiters.settle_readable(1, 50);
    memory::begin();
    let other = spawn(1, || waiters.settle_readable(2, 51));
    let ours = waiters.settle_readable(2, 52);
    let theirs = other.join().unwrap();
    assert_eq!((ours, waiters.readable(2)), (theirs, Some(ours)));
}

fn late_setting() {
    let descriptions = descriptions();
    let (index, d) = descriptions.create(&MEMORY, 1).expect("memory");
    let said = descriptions.explicit.obtain(&MEMORY, index).expect("memory");
    let generation = d.generation();
    let done = memory::place(AtomicU32::new(0));
    memory::begin();
    // After it, and without any knowledge of it. (loom would let an exchange that came before be the later of the two.)
    let late = spawn(1, move || {
        if done.load(Relaxed) != 0 {
            said.read.store(500, d, generation);
        }
    });
    descriptions.release(index);
    let (_, next) = descriptions.create(&MEMORY, 2).expect("memory");
    said.read.store(700, next, next.generation());
    done.store(1, Relaxed);
    late.join().unwrap();
    assert_eq!(said.read.load(next.generation()), 700, "moved by the thread that came late");
}

fn expiry() {
    let descriptions = descriptions();
    let (index, _) = descriptions.create(&MEMORY, 1).expect("memory");
    let said = descriptions.explicit.obtain(&MEMORY, index).expect("memory");
    let of = |n: u64| {
        let word = n as u32;
        Expiry { when: n, waited: n, bytes: n, rtt: word, retransmits: word, which: word, source: word }
    };
    said.remember(&of(1));
    memory::begin();
    let first = spawn(1, move || said.remember(&of(2)));
    let second = spawn(2, move || said.remember(&of(3)));
    if let Some(last) = said.last() {
        assert!([1, 2, 3].map(of).contains(&last), "{last:?}");
    }
    first.join().unwrap();
    second.join().unwrap();
    let last = said.last().expect("remembered");
    assert!([2, 3].map(of).contains(&last), "{last:?}");
}

fn described() {
    let e = engine(&LOCKED);
    memory::begin();
    let closes = spawn(1, || {
        let told = op::close(e, FD);
        // The kernel frees the number, and another socket gets it.
        e.kernel.reopen(2);
        if let op::Close::CallAndTell(index) = told {
            op::closed(e, FD, index);
        }
        op::created(e, FD);
    });
    // Of whichever of the two.
    let _ = receive().start(e);
    closes.join().unwrap();
    let word = e.model_slots().word(FD);
    if word.kind() == Kind::Socket {
        let d = e.model_descriptions().at(word.index()).expect("there");
        assert_eq!(d.cookie(), 2, "the description of a socket that is closed");
    }
}
