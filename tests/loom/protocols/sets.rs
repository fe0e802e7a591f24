//! Epoll sets: who owns one, its registrations, and its hidden timer.

use crate::kernel::{spawn, MEMORY};
use crate::world::{engine, socket, World, EPFD, FD, LOCKED};
use crate::Protocol;
use netdeadline_engine::atomic::{memory, AtomicU32, Ordering::*};
use netdeadline_engine::set::{Claim, Set, Sets, Timer};
use netdeadline_engine::sys::Lazy;
use netdeadline_engine::table::State;

/// The models of this file.
pub const ALL: &[Protocol] = &[
    Protocol::new("no_two_epoll_fds_have_one_set", one_owner),
    Protocol::new("a_set_that_is_found_is_one_that_was_made", found_sets),
    Protocol::new("one_of_two_has_the_last_number_of_a_set", last_number),
    Protocol::new("data_belong_to_the_events_they_were_registered_with", registration),
    Protocol::new("a_telling_is_taken_by_one", telling),
    Protocol::new("one_of_two_makes_the_timer", one_timer),
    Protocol::new("who_finds_a_new_timer_finds_it_unset", timer_unset),
    Protocol::new("what_is_armed_while_the_timer_is_made_is_not_missed", made_meanwhile),
    Protocol::new("a_timer_is_set_to_the_earlier_of_two_instants", earlier),
    Protocol::new("what_is_armed_while_a_timer_fires_is_not_missed", fires_meanwhile),
    Protocol::new("a_socket_that_is_registered_again_is_not_missed_by_who_arms_it", registered_again),
];

fn sets() -> &'static Sets {
    static NONE: Sets = Sets::new();
    memory::place_like(&NONE)
}

fn one_owner() {
    let (sets, owners) = (sets(), memory::place([const { AtomicU32::new(0) }; 4]));
    let take = move |owner: u32| {
        let number = sets.create(&MEMORY, owner as i32).expect("memory");
        assert_eq!(owners[number as usize].load(Relaxed), 0, "set {number} has two owners");
        owners[number as usize].store(owner, Relaxed);
        assert_eq!(sets.at(number).expect("there").epfd(), owner as i32);
        number
    };
    let give = move |number: u32, owner| {
        assert_eq!(owners[number as usize].load(Relaxed), owner, "set {number} has two owners");
        owners[number as usize].store(0, Relaxed);
        assert!(sets.release(number));
        sets.free(number);
    };
    for number in [(); 3].map(|()| take(1)) {
        give(number, 1);
    }
    memory::begin();
    let other = spawn(1, move || take(2));
    let first = take(3);
    let second = take(3);
    give(first, 3);
    let theirs = other.join().unwrap();
    let third = take(3);
    assert!(theirs != second && theirs != third && second != third);
}

fn found_sets() {
    let sets = sets();
    memory::begin();
    let makes = spawn(1, || sets.create(&MEMORY, 33).expect("memory"));
    sets.each(|_, set| assert_eq!(set.epfd(), 33));
    makes.join().unwrap();
}

fn last_number() {
    let sets = sets();
    let number = sets.create(&MEMORY, 5).expect("memory");
    sets.share(number);
    memory::begin();
    let notes = spawn(1, move || {
        sets.at(number).expect("there").stand_for(6);
        sets.release(number)
    });
    let ours = sets.release(number);
    if ours {
        assert_eq!(sets.at(number).expect("there").epfd(), 6, "the last knows what the others did");
    }
    assert!(ours != notes.join().unwrap(), "exactly one");
}

fn set_for(fd: i32) -> &'static Set {
    let sets = sets();
    let set = sets.at(sets.create(&MEMORY, EPFD).expect("memory")).expect("there");
    set.obtain(&MEMORY, fd).expect("memory");
    set
}

fn registration() {
    let set = set_for(FD);
    let registration = set.registration(FD).expect("room");
    registration.put(1, 10, 4);
    memory::begin();
    let registers = spawn(1, || registration.put(2, 20, 4));
    if registration.events(4) == Some(2) {
        assert_eq!(registration.data(), 20, "events without their data");
    }
    registers.join().unwrap();
}

fn telling() {
    let set = set_for(FD);
    let registration = set.registration(FD).expect("room");
    registration.put(1, 10, 4);
    memory::begin();
    let other = spawn(1, || registration.take(5));
    let ours = registration.take(5);
    assert!(ours != other.join().unwrap(), "exactly one");
    assert_eq!((registration.events(4), registration.data()), (Some(1), 10));
}

netdeadline_engine::zeroed! {
    struct Cell {
        timer: Timer,
    }
}

fn timer() -> &'static Timer {
    &memory::place(Lazy::<Cell>::new()).obtain(&MEMORY).expect("memory").timer
}

fn one_timer() {
    let timer = timer();
    memory::begin();
    let make = move || match timer.claim(1) {
        Claim::Make(making) => {
            assert!(timer.settle(&making, Some(70)));
            true
        }
        Claim::Have(fd) => {
            assert_eq!(fd, 70);
            false
        }
        Claim::Without => false,
    };
    let other = spawn(1, make);
    let ours = make();
    assert!(ours != other.join().unwrap(), "exactly one");
    assert_eq!(timer.fd(1), Some(70));
}

fn timer_unset() {
    let timer = timer();
    let Claim::Make(making) = timer.claim(1) else { panic!("there is one") };
    assert!(timer.settle(&making, Some(60)));
    assert!(timer.earlier(500));
    memory::begin();
    let makes = spawn(1, || {
        let Claim::Make(making) = timer.claim(2) else { panic!("there is one") };
        assert_eq!(making.inherited, Some(60));
        assert!(timer.settle(&making, Some(70)));
    });
    if timer.fd(2) == Some(70) {
        assert!(timer.earlier(600), "the instant of the parent's timer");
    }
    makes.join().unwrap();
}

/// An engine with a set that holds the socket: its number.
fn watching(e: &'static netdeadline_engine::Engine<World>) -> (u32, &'static Set) {
    let number = e.model_new_set(EPFD).expect("memory");
    let set = e.model_set(number).expect("there");
    set.obtain(&e.kernel, FD).expect("memory");
    (number, set)
}

fn made_meanwhile() {
    let e = engine(&LOCKED);
    let (number, set) = watching(e);
    memory::begin();
    let arms = spawn(1, move || {
        if set.lower(FD, 30) {
            e.model_program(number, set, 30);
        }
    });
    e.model_program(number, set, 100);
    arms.join().unwrap();
    assert!((1..=30).contains(&e.kernel.timer()), "the timer fires at {}", e.kernel.timer());
}

fn earlier() {
    let e = engine(&LOCKED);
    let (number, set) = watching(e);
    e.model_program(number, set, 900);
    memory::begin();
    let first = spawn(1, move || e.model_program(number, set, 40));
    let second = spawn(2, move || e.model_program(number, set, 30));
    first.join().unwrap();
    second.join().unwrap();
    assert_eq!(e.kernel.timer(), 30);
}

fn fires_meanwhile() {
    let e = engine(&LOCKED);
    let (number, set) = watching(e);
    e.model_program(number, set, 50);
    memory::begin();
    let arms = spawn(1, move || {
        if set.lower(FD, 60) {
            e.model_program(number, set, 60);
        }
    });
    // As a wait does that comes back (`EpollWait::report`): nothing is due in the tree, for it was taken back meanwhile.
    set.timer.fired(55);
    let next = set.next();
    if next != u64::MAX {
        e.model_program(number, set, next.max(55));
    }
    arms.join().unwrap();
    assert_eq!(e.kernel.timer(), 60, "it fired, and is not set anew");
}

fn registered_again() {
    let e = engine(&LOCKED);
    let d = socket(e);
    let slot = e.model_slots().word(FD);
    let (number, set) = watching(e);
    e.model_program(number, set, 900_000);
    let registration = set.registration(FD).expect("room");
    // It was in this set before, of which a mark is left.
    d.join(number);
    memory::begin();
    let arms = spawn(1, move || {
        d.read.store(State::Armed(512), d.generation());
        e.model_lower_sets(FD, slot, d, 512);
    });
    // As epoll_ctl does.
    registration.put(1, 10, slot.generation());
    d.join(number);
    if let State::Armed(at) = d.read.load(d.generation()) {
        e.model_lower_sets(FD, slot, d, at);
    }
    arms.join().unwrap();
    assert!(set.next() <= 512, "armed, registered, and neither saw the other");
}
