//! Sets under threads: no instant is lost in the tree of minima, one thread makes the timer, one owner has a set.

extern crate std;

use super::{is_token, token, Claim, Minimum, Registration, Set, Sets, Timer, GAP};
use crate::sys::{testing::often, Kernel, Lazy, Linux};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::*};
use std::{boxed::Box, collections::BTreeMap, collections::BTreeSet, sync::Barrier, thread, vec::Vec};

const NEVER: u64 = u64::MAX;
const THREADS: usize = 8;
/// Numbers that share nothing, a chunk, a middle.
const SPREAD: [i32; 8] = [3, 4, 511, 512, 5000, 131_071, 131_072, 1_048_575];

/// Linux, counting the memory that is asked for.
#[derive(Default)]
struct Counting {
    bytes: AtomicUsize,
}

impl Kernel for Counting {
    fn call(&self, nr: i64, args: [usize; 6]) -> isize {
        Linux.call(nr, args)
    }
    fn now(&self) -> u64 {
        Linux.now()
    }
    fn pages(&self, bytes: usize) -> Option<NonNull<u8>> {
        self.bytes.fetch_add(bytes, Relaxed);
        Linux.pages(bytes)
    }
}

/// A generator of numbers that are the same in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

fn sets() -> &'static Sets {
    Box::leak(Box::new(Sets::new()))
}

/// A set with room for these numbers.
fn set_for(fds: &[i32]) -> &'static Set {
    let sets = sets();
    let set = sets.at(sets.create(&Linux, 3).expect("memory")).expect("there");
    for fd in fds {
        set.obtain(&Linux, *fd).expect("memory");
    }
    set
}

/// Sweep until `now`; which numbers were visited, each of them then never again.
fn due(set: &Set, now: u64) -> Vec<i32> {
    let mut visited = Vec::new();
    set.sweep(now, |fd, _| {
        visited.push(fd);
        Some(NEVER)
    });
    visited
}

#[test]
fn a_registration_and_its_leaf_are_24_bytes() {
    assert_eq!(core::mem::size_of::<Registration>() + core::mem::size_of::<Minimum>(), 24);
}

#[test]
fn a_set_costs_memory_only_where_numbers_are_registered() {
    let (k, sets) = (Counting::default(), sets());
    let set = sets.at(sets.create(&k, 3).expect("memory")).expect("there");
    let empty = k.bytes.load(Relaxed);
    for fd in SPREAD {
        assert!(set.registration(fd).is_none() && !set.lower(fd, 1));
    }
    for fd in [-1, i32::MAX, 1 << 20] {
        assert!(set.obtain(&k, fd).is_none() && set.registration(fd).is_none() && !set.lower(fd, 1), "{fd}");
    }
    assert_eq!((k.bytes.load(Relaxed), set.next()), (empty, NEVER));
    set.obtain(&k, 700).expect("memory");
    let one = k.bytes.load(Relaxed);
    set.obtain(&k, 701).expect("memory");
    assert_eq!(k.bytes.load(Relaxed), one, "its neighbour has room already");
    assert!(one - empty <= 5 * 4096, "{}", one - empty);
}

#[test]
fn the_earliest_instant_comes_up_from_wherever_it_is() {
    let set = set_for(&SPREAD);
    assert_eq!(set.next(), NEVER);
    for (turn, fd) in SPREAD.iter().enumerate() {
        assert!(set.lower(*fd, 1000 - turn as u64), "earlier than all before");
        assert_eq!(set.next(), 1000 - turn as u64);
        assert!(!set.lower(*fd, 2000), "later changes nothing");
    }
    assert_eq!(due(set, 0), [0; 0]);
    assert_eq!(due(set, 993), [1_048_575]);
    assert_eq!(set.next(), 994);
    assert_eq!(due(set, 1000), &SPREAD[..7], "in the order of numbers");
    assert_eq!(set.next(), NEVER);
    assert!(set.lower(4, 5));
    assert_eq!(set.next(), 5);
}

#[test]
fn at_the_edge_of_every_level_a_number_is_found_alone_and_beside_its_neighbour() {
    let edges = [64, 512, 4096, 32_768, 1 << 20];
    let fds: Vec<i32> = edges.iter().flat_map(|edge| [edge - 2, edge - 1, *edge]).filter(|fd| *fd < 1 << 20).collect();
    let set = set_for(&fds);
    for (turn, fd) in (1000..).zip(fds.iter().rev()) {
        assert_eq!(set.lower(*fd, turn), turn == 1000, "only the first is the earliest");
    }
    for (turn, fd) in (1000..).zip(fds.iter().rev()) {
        assert_eq!((set.next(), due(set, turn)), (turn, [*fd].to_vec()));
    }
    for (earlier, fd) in (1..).zip(&fds) {
        assert!(set.lower(*fd, 1000 - earlier), "every level was raised again");
    }
    assert_eq!(due(set, 1000), fds);
    assert_eq!(set.next(), NEVER);
}

#[test]
fn a_sweep_that_is_stopped_keeps_what_it_did_not_judge() {
    let set = set_for(&SPREAD);
    SPREAD.iter().for_each(|fd| {
        set.lower(*fd, 100);
    });
    let mut visited = Vec::new();
    // Room for one event at a time.
    for _ in 0..SPREAD.len() {
        let mut room = 1;
        set.sweep(100, |fd, _| {
            if room == 0 {
                return None;
            }
            room -= 1;
            visited.push(fd);
            Some(NEVER)
        });
    }
    assert_eq!(visited, SPREAD);
    assert_eq!(set.next(), NEVER);
}

#[test]
fn an_instant_armed_while_its_number_is_judged_is_kept() {
    let set = set_for(&SPREAD);
    set.lower(511, 100);
    set.sweep(100, |fd, _| {
        // Another thread, or a signal handler.
        set.lower(fd, 150);
        set.lower(4, 160);
        Some(200)
    });
    assert_eq!(set.next(), 150);
    assert_eq!(due(set, 150), [511]);
    assert_eq!(due(set, 170), [4]);
    assert_eq!(set.next(), NEVER);
}

#[test]
fn the_tree_agrees_with_a_naive_map() {
    let fds: Vec<i32> = SPREAD.iter().copied().chain(100..140).chain(1000..1010).collect();
    for seed in 1..often(40, 2) as u64 {
        let (set, mut chance) = (set_for(&fds), Chance(seed));
        let mut model = BTreeMap::new();
        for _ in 0..often(400, 100) {
            let fd = fds[chance.below(fds.len() as u64) as usize];
            if chance.below(4) != 0 {
                let at = chance.below(1000);
                let entry = model.entry(fd).or_insert(NEVER);
                *entry = at.min(*entry);
                set.lower(fd, at);
            } else {
                let now = chance.below(1000);
                let mut expected: BTreeSet<i32> = model.iter().filter(|e| *e.1 <= now).map(|e| *e.0).collect();
                set.sweep(now, |fd, _| {
                    assert!(expected.remove(&fd), "{fd} is not due");
                    let next = if fd % 2 == 0 { NEVER } else { now + 500 };
                    model.insert(fd, next);
                    Some(next)
                });
                assert_eq!(expected, BTreeSet::new(), "due and not visited");
            }
            assert_eq!(set.next(), model.values().min().copied().unwrap_or(NEVER), "seed {seed}");
        }
    }
}

/// How many rounds a storm has, and how often each thread does something in one.
const ROUNDS: u64 = often(300, 2) as u64;
const TURNS: usize = often(60, 6);

/// `lowerers` threads arm random numbers and `sweepers` take what is due, for some rounds; after each round nothing that was
/// armed may lie below what the set says is next. How many instants were armed in all.
fn storm(lowerers: usize, sweepers: usize, rounds: u64) -> usize {
    let fds = [3, 4, 5, 511, 512, 131_072];
    let set = set_for(&fds);
    let mut armed = 0;
    for round in 1..=rounds {
        let wanted: Vec<AtomicU64> = fds.iter().map(|_| AtomicU64::new(NEVER)).collect();
        let place = |fd: i32| &wanted[fds.iter().position(|f| *f == fd).expect("known")];
        let barrier = Barrier::new(lowerers + sweepers);
        let count = AtomicUsize::new(0);
        thread::scope(|scope| {
            for thread in 0..lowerers {
                let (barrier, count, wanted) = (&barrier, &count, &wanted);
                scope.spawn(move || {
                    let mut chance = Chance(round * 256 + thread as u64 + 1);
                    barrier.wait();
                    for _ in 0..TURNS {
                        let (i, at) = (chance.below(fds.len() as u64) as usize, 1 + chance.below(1000));
                        wanted[i].fetch_min(at, SeqCst);
                        set.lower(fds[i], at);
                        count.fetch_add(1, Relaxed);
                    }
                });
            }
            for thread in 0..sweepers {
                let (barrier, place) = (&barrier, &place);
                scope.spawn(move || {
                    let mut chance = Chance(round * 256 + thread as u64 + 100);
                    barrier.wait();
                    for _ in 0..TURNS {
                        let now = chance.below(1000);
                        set.sweep(now, |fd, _| {
                            // What was armed and is due is taken; what is not yet is given back.
                            match place(fd).load(SeqCst) {
                                at if at <= now => {
                                    let _ = place(fd).compare_exchange(at, NEVER, SeqCst, SeqCst);
                                    Some(place(fd).load(SeqCst))
                                }
                                at => Some(at),
                            }
                        });
                    }
                });
            }
        });
        armed += count.load(Relaxed);
        for (fd, wanted) in fds.iter().zip(&wanted) {
            let at = wanted.load(SeqCst);
            assert!(set.next() <= at, "round {round}: {fd} is armed for {at}, and the set waits until {}", set.next());
        }
        let left: BTreeSet<i32> = fds.iter().copied().filter(|fd| place(*fd).load(SeqCst) != NEVER).collect();
        let visited: BTreeSet<i32> = due(set, 1001).into_iter().collect();
        assert!(left.is_subset(&visited), "round {round}: armed {left:?}, and only {visited:?} were visited");
        assert_eq!(set.next(), NEVER);
    }
    armed
}

#[test]
fn no_instant_is_lost_between_many_that_arm_and_one_that_sweeps() {
    assert_eq!(storm(3, 1, ROUNDS), 3 * TURNS * ROUNDS as usize);
}

#[test]
fn no_instant_is_lost_between_several_that_arm_and_several_that_sweep() {
    assert_eq!(storm(4, 4, ROUNDS), 4 * TURNS * ROUNDS as usize);
}

#[test]
fn a_registration_belongs_to_one_life_of_its_number() {
    let set = set_for(&[9]);
    let registration = set.registration(9).expect("room");
    for generation in [0, 1, (1 << 25) - 1, 1 << 25, (1 << 36) - 1] {
        assert_eq!(registration.events(generation), None);
    }
    for generation in [0, 1, 5, 1 << 20, (1 << 24) + 3] {
        registration.put(libc::EPOLLIN as u32 | libc::EPOLLET as u32, NEVER, generation);
        assert_eq!(registration.events(generation), Some((libc::EPOLLIN | libc::EPOLLET) as u32));
        assert_eq!(registration.data(), NEVER);
        assert_eq!(registration.events(generation + 1), None, "the number was closed and is another file's");
        registration.remove();
        assert_eq!(registration.events(generation), None);
    }
    let mut seen = Vec::new();
    set.registration(9).expect("room").put(1, 2, 3);
    set.each(|fd, registration| seen.push((fd, registration.data())));
    assert_eq!(seen, [(9, 2)]);
}

#[test]
fn each_telling_is_taken_once() {
    let set = set_for(&[9]);
    let registration = set.registration(9).expect("room");
    registration.put(libc::EPOLLIN as u32, 77, 4);
    for telling in 1..often(64, 4) as u32 {
        let barrier = Barrier::new(THREADS);
        let taken = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    barrier.wait();
                    taken.fetch_add(registration.take(telling) as usize, Relaxed);
                });
            }
        });
        assert_eq!(taken.load(Relaxed), 1, "telling {telling}");
        assert_eq!((registration.events(4), registration.data()), (Some(libc::EPOLLIN as u32), 77));
    }
}

#[test]
fn a_set_that_is_used_again_is_empty() {
    let sets = sets();
    let number = sets.create(&Linux, 5).expect("memory");
    let set = sets.at(number).expect("there");
    set.obtain(&Linux, 700).expect("memory").put(1, 2, 3);
    set.lower(700, 50);
    set.enter(10 * GAP, 1);
    set.leave(10 * GAP);
    set.enter(20 * GAP, 1);
    sets.share(number);
    assert!(!sets.release(number), "a dup is left");
    assert!(sets.release(number), "the last one");
    sets.free(number);
    let mut seen = 0;
    sets.each(|_, _| seen += 1);
    assert_eq!(seen, 0);
    assert_eq!(sets.create(&Linux, 6), Some(number));
    assert_eq!((set.next(), set.epfd()), (NEVER, 6));
    assert_eq!(set.registration(700).and_then(|r| r.events(3)), None);
    assert_eq!(set.start_after_gap(1, 1), 1, "another program's absence");
}

#[test]
fn eight_threads_never_own_the_same_set() {
    let (sets, owned) = (sets(), (0..1024).map(|_| AtomicU32::new(0)).collect::<Vec<_>>());
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        for thread in 1..=THREADS as u32 {
            let (owned, barrier) = (&owned, &barrier);
            scope.spawn(move || {
                let mut mine = Vec::new();
                barrier.wait();
                for turn in 0..often(4000, 12) {
                    if turn % 3 != 2 && mine.len() < 20 {
                        let number = sets.create(&Linux, thread as i32).expect("memory");
                        assert_eq!(owned[number as usize].swap(thread, AcqRel), 0, "set {number} has two owners");
                        mine.push(number);
                    } else if let Some(number) = mine.pop() {
                        assert_eq!(sets.at(number).expect("there").epfd(), thread as i32);
                        owned[number as usize].store(0, Release);
                        assert!(sets.release(number));
                        sets.free(number);
                    }
                }
                for number in mine {
                    owned[number as usize].store(0, Release);
                    assert!(sets.release(number));
                    sets.free(number);
                }
            });
        }
    });
    let mut left = 0;
    sets.each(|_, _| left += 1);
    assert_eq!(left, 0);
}

fn timer() -> &'static Timer {
    crate::zeroed! { struct Cell { timer: Timer } }
    let cell: &'static Lazy<Cell> = Box::leak(Box::new(Lazy::new()));
    &cell.obtain(&Linux).expect("memory").timer
}

#[test]
fn exactly_one_of_eight_makes_the_timer() {
    for epoch in 1..often(500, 4) as u32 {
        let timer = timer();
        let (barrier, made) = (Barrier::new(THREADS), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    barrier.wait();
                    if let Claim::Make(making) = timer.claim(epoch) {
                        made.fetch_add(1, Relaxed);
                        assert!(timer.settle(&making, Some(70)));
                    }
                });
            }
        });
        assert_eq!((made.load(Relaxed), timer.fd(epoch)), (1, Some(70)));
        assert!(matches!(timer.claim(epoch), Claim::Have(70)));
    }
}

#[test]
fn a_forked_childs_timer_is_another_one_and_a_refused_one_is_not_asked_for_again() {
    let timer = timer();
    let Claim::Make(making) = timer.claim(1) else { panic!("there is one") };
    assert!(matches!(timer.claim(1), Claim::Without), "it is being made");
    assert!(timer.fd(1).is_none() && timer.number().is_none() && timer.settle(&making, Some(0)));
    assert_eq!(timer.fd(1), Some(0), "number 0 is a number");
    assert!(timer.earlier(500));
    let Claim::Make(childs) = timer.claim(2) else { panic!("the child's") };
    assert_eq!((timer.fd(2), childs.inherited), (None, Some(0)));
    assert!(timer.settle(&childs, None));
    assert_eq!(timer.programmed(), 0, "not programmed: it is another timer");
    assert!(timer.fd(2).is_none() && matches!(timer.claim(2), Claim::Without));
    assert_eq!(timer.forget(), None);
    assert!(matches!(timer.claim(2), Claim::Make(_)));
}

#[test]
fn a_timer_that_is_made_for_a_set_which_is_closed_meanwhile_is_nobodys() {
    let timer = timer();
    let Claim::Make(late) = timer.claim(1) else { panic!("there is one") };
    assert_eq!(timer.forget(), None, "the set is closed");
    assert!(!timer.settle(&late, Some(70)) && timer.number().is_none());
    let Claim::Make(others) = timer.claim(1) else { panic!("the next set with this number has one") };
    assert!(!timer.settle(&late, Some(70)), "it is another making");
    assert!(timer.settle(&others, Some(71)) && timer.earlier(500));
    assert!(!timer.settle(&late, Some(70)));
    assert_eq!((timer.fd(1), timer.programmed()), (Some(71), 500));
    timer.forget_this(1, 70);
    assert_eq!(timer.number(), Some(71), "another's");
    timer.forget_this(1, 71);
    assert_eq!(timer.number(), None);
}

#[test]
fn a_timer_is_programmed_only_to_earlier_instants() {
    let timer = timer();
    assert!(timer.earlier(500) && !timer.earlier(500) && !timer.earlier(600) && timer.earlier(400));
    assert_eq!(timer.programmed(), 400);
    timer.fired(399);
    assert!(!timer.earlier(450), "it has not fired yet");
    timer.fired(400);
    assert!(timer.earlier(900));
}

#[test]
fn an_absence_is_noticed_when_nobody_waits() {
    let set = set_for(&[]);
    set.enter(100 * GAP, 1);
    assert_eq!(set.start_after_gap(50 * GAP, GAP), 50 * GAP, "the first wait is no return");
    set.leave(101 * GAP);
    set.enter(102 * GAP, 1);
    assert_eq!(set.start_after_gap(50 * GAP, GAP), 50 * GAP, "100 ms are no absence");
    // A second thread waits on while the first is away.
    set.enter(103 * GAP, 1);
    set.leave(104 * GAP);
    set.enter(110 * GAP, 1);
    assert_eq!(set.start_after_gap(50 * GAP, GAP), 50 * GAP, "somebody was there");
    set.leave(111 * GAP);
    set.leave(111 * GAP);
    set.enter(115 * GAP, 1);
    assert_eq!(set.start_after_gap(50 * GAP, GAP), 115 * GAP);
    assert_eq!(set.start_after_gap(120 * GAP, GAP), 120 * GAP, "it began later");
    assert_eq!(set.start_after_gap(50 * GAP, 39 * GAP), 115 * GAP, "more than a tenth");
    assert_eq!(set.start_after_gap(50 * GAP, 40 * GAP), 50 * GAP, "less than a tenth");
    // A forked child: the threads that waited are not its own.
    set.enter(116 * GAP, 1);
    set.leave(117 * GAP);
    set.enter(130 * GAP, 2);
    assert_eq!(set.start_after_gap(50 * GAP, GAP), 130 * GAP);
}

#[test]
fn tokens_are_ours_and_nothing_else_is() {
    for pid in [0, 1, 4711, u32::MAX] {
        assert!(is_token(token(pid)));
        // A number, a number with a generation above it, a pointer.
        for data in [pid as u64, (pid as u64) << 32, (5 << 32) | pid as u64, 0x7fff_0000_0000 | pid as u64] {
            assert!(!is_token(data), "{data:#x}");
        }
    }
    assert!(!is_token(u64::MAX) && !is_token(0));
}
