//! The tables under threads: each life of a number ends once, each description has one owner, nothing costs before it is used.

extern crate std;

use super::{Deadline, Description, Descriptions, Flag, Kind, SlotWord, Slots, State, FDS};
use crate::policy::{Class, Decision};
use crate::sys::{testing::often, Kernel, Lazy, Linux};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize, Ordering::*};
use std::{boxed::Box, sync::Barrier, thread, vec, vec::Vec};

const THREADS: usize = 8;

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

/// Run `body` in eight threads at once, with each thread's number; what they return.
fn together<T: Send>(body: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(THREADS);
    thread::scope(|scope| {
        let start = |number| {
            let (barrier, body) = (&barrier, &body);
            scope.spawn(move || {
                barrier.wait();
                body(number)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("thread")).collect()
    })
}

fn slots() -> Box<Slots> {
    Box::new(Slots::new())
}

fn descriptions() -> Box<Descriptions> {
    Box::new(Descriptions::new())
}

#[test]
fn a_tracked_number_costs_at_most_128_bytes() {
    let slot = 8;
    // A registration and its leaf are one of 512 in a chunk: crate::set asserts their 24 bytes.
    let in_a_set = 24;
    assert!(slot + core::mem::size_of::<Description>() + in_a_set <= 128);
}

#[test]
fn untouched_numbers_cost_no_memory_and_a_tracked_one_two_pages_of_addresses() {
    let (k, slots) = (Counting::default(), slots());
    for fd in (0..FDS as i32).step_by(often(97, 9973)).chain([-1, i32::MIN, i32::MAX, FDS as i32]) {
        assert_eq!(slots.word(fd), SlotWord::UNTOUCHED);
        assert_eq!(slots.retire(fd), SlotWord::UNTOUCHED);
    }
    slots.each(0, u32::MAX, |fd, _| panic!("{fd} was never touched"));
    assert_eq!(k.bytes.load(Relaxed), 0);
    assert!(slots.settle(&k, 700, SlotWord::UNTOUCHED, Kind::Plain, 0));
    assert_eq!(k.bytes.load(Relaxed), 2 * 4096);
    assert!(slots.settle(&k, 600, SlotWord::UNTOUCHED, Kind::Plain, 0));
    assert_eq!(k.bytes.load(Relaxed), 2 * 4096, "its neighbour is on the same page");
    let (k, descriptions) = (Counting::default(), descriptions());
    assert!(descriptions.at(0).is_none() && descriptions.at(u32::MAX).is_none());
    assert_eq!((k.bytes.load(Relaxed), descriptions.used()), (0, 0));
    descriptions.create(&k, 1).expect("memory");
    assert_eq!(k.bytes.load(Relaxed), 3 * 4096);
}

#[test]
#[cfg_attr(miri, ignore = "a million turns")]
fn a_million_numbers_work_and_cost_sixteen_bytes_of_addresses_each() {
    let (k, slots) = (Counting::default(), slots());
    for fd in 0..FDS as i32 {
        assert!(slots.settle(&k, fd, SlotWord::UNTOUCHED, Kind::Socket, fd as u32 & 0xff_ffff));
    }
    // Behind half of them there is memory: what `doubled` keeps of a number is touched where it was duplicated.
    assert_eq!(k.bytes.load(Relaxed), FDS * 16);
    let mut seen = 0;
    slots.each(0, u32::MAX, |fd, word| {
        assert_eq!((word.kind(), word.index(), word.generation()), (Kind::Socket, fd as u32, 0));
        seen += 1;
    });
    assert_eq!(seen, FDS);
}

#[test]
fn numbers_out_of_range_are_left_to_the_kernel() {
    let slots = slots();
    for fd in [-1, i32::MIN, i32::MAX, FDS as i32] {
        assert!(!slots.settle(&Linux, fd, SlotWord::UNTOUCHED, Kind::Socket, 1), "{fd}");
        assert_eq!(slots.word(fd), SlotWord::UNTOUCHED);
    }
}

#[test]
fn each_visits_both_ends_and_nothing_beyond() {
    let slots = slots();
    for fd in [3, 511, 512, 513, 5000] {
        assert!(slots.settle(&Linux, fd, SlotWord::UNTOUCHED, Kind::Plain, 0));
    }
    let visited = |first, last| {
        let mut fds = Vec::new();
        slots.each(first, last, |fd, _| fds.push(fd));
        fds
    };
    assert_eq!(visited(511, 513), [511, 512, 513]);
    assert_eq!(visited(0, u32::MAX), [3, 511, 512, 513, 5000]);
    assert_eq!(visited(512, 512), [512]);
    assert_eq!(visited(5001, u32::MAX), [0; 0]);
    assert_eq!(visited(513, 512), [0; 0]);
}

#[test]
fn every_close_moves_the_generation_and_a_late_settle_fails() {
    let slots = slots();
    let mut seen = slots.word(9);
    for life in 0..100 {
        assert_eq!((seen.kind(), seen.generation()), (Kind::Unknown, life));
        assert!(slots.settle(&Linux, 9, seen, Kind::Socket, 0xff_fffe));
        assert!(!slots.settle(&Linux, 9, seen, Kind::Plain, 0), "somebody was faster");
        let word = slots.word(9);
        assert_eq!((word.kind(), word.index(), word.generation()), (Kind::Socket, 0xff_fffe, life));
        assert_eq!(slots.retire(9), word);
        assert!(!slots.settle(&Linux, 9, word, Kind::Socket, 1), "its life is over");
        seen = slots.word(9);
    }
}

#[test]
fn exactly_one_of_eight_closers_gets_what_the_number_led_to() {
    let slots = slots();
    for round in 0..often(2000, 5) as u32 {
        assert!(slots.settle(&Linux, 5, slots.word(5), Kind::Socket, round));
        let got = together_once(&slots);
        assert_eq!(got, 1, "round {round}");
    }
}

/// How many of eight threads that close number 5 at once get the socket back.
fn together_once(slots: &Slots) -> usize {
    let barrier = Barrier::new(THREADS);
    let got = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                barrier.wait();
                if slots.retire(5).kind() == Kind::Socket {
                    got.fetch_add(1, Relaxed);
                }
            });
        }
    });
    got.load(Relaxed)
}

#[test]
fn closers_and_settlers_at_once_lose_and_double_nothing() {
    const TURNS: u32 = often(500, 10) as u32;
    let (slots, settling, retired) = (slots(), AtomicUsize::new(THREADS / 2), AtomicUsize::new(0));
    let began = std::time::Instant::now();
    let waits = |of: u64| {
        assert!(began.elapsed().as_secs() < of, "nobody gives a number back");
        thread::yield_now();
    };
    let settled: usize = together(|number| {
        let mut settled = 0;
        if number % 2 == 0 {
            while settled < TURNS as usize {
                let fd = (settled % 3) as i32;
                let seen = slots.word(fd);
                if seen.kind() == Kind::Unknown && slots.settle(&Linux, fd, seen, Kind::Socket, number as u32) {
                    settled += 1;
                } else {
                    waits(60);
                }
            }
            settling.fetch_sub(1, AcqRel);
        } else {
            while settling.load(Acquire) != 0 {
                for fd in 0..3 {
                    if slots.word(fd).kind() != Kind::Unknown && slots.retire(fd).kind() == Kind::Socket {
                        retired.fetch_add(1, Relaxed);
                    }
                }
                thread::yield_now();
            }
        }
        settled
    })
    .into_iter()
    .sum();
    let left = (0..3).filter(|fd| slots.retire(*fd).kind() == Kind::Socket).count();
    assert_eq!((settled, settled), (retired.load(Relaxed) + left, TURNS as usize * THREADS / 2));
}

/// What the handler of the next test works on, and what it found wrong.
static INTERRUPTED: AtomicPtr<Descriptions> = AtomicPtr::new(core::ptr::null_mut());
static TAKEN: [AtomicU32; 128] = [const { AtomicU32::new(0) }; 128];
static KEPT: AtomicU32 = AtomicU32::new(u32::MAX);
static DOUBLED: AtomicUsize = AtomicUsize::new(0);
static HANDLED: AtomicUsize = AtomicUsize::new(0);

fn take(all: &Descriptions) -> u32 {
    let index = all.create(&Linux, 1).map_or(127, |(index, _)| index);
    let taken = TAKEN.get(index as usize).is_some_and(|cell| cell.swap(1, AcqRel) == 0);
    DOUBLED.fetch_add(!taken as usize, Relaxed);
    index
}

fn give(all: &Descriptions, index: u32) {
    if let Some(cell) = TAKEN.get(index as usize) {
        cell.store(0, Release);
        all.release(index);
    }
}

/// Takes two, gives the first back and keeps the second: for a pop that it interrupts the head is as before, and what was
/// behind it is gone.
extern "C" fn take_two(_: libc::c_int) {
    // SAFETY: the test stores it before the first signal and lets it live for ever.
    let Some(all) = (unsafe { INTERRUPTED.load(Acquire).as_ref() }) else { return };
    if KEPT.load(Acquire) == u32::MAX {
        let (first, second) = (take(all), take(all));
        give(all, first);
        KEPT.store(second, Release);
    }
    HANDLED.fetch_add(1, Release);
}

#[test]
#[cfg_attr(miri, ignore = "it has no signals")]
fn a_signal_handler_in_the_middle_of_a_pop_breaks_nothing() {
    let all: &'static Descriptions = Box::leak(descriptions());
    INTERRUPTED.store(core::ptr::from_ref(all).cast_mut(), Release);
    let signal = libc::SIGRTMIN() + 7;
    // SAFETY: a zeroed sigaction is valid; the handler only does what the table promises to be fit for handlers.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = take_two as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        assert_eq!(libc::sigaction(signal, &action, core::ptr::null_mut()), 0);
    }
    let done = AtomicBool::new(false);
    // SAFETY: no arguments.
    let target = unsafe { libc::pthread_self() };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Acquire) {
                let before = HANDLED.load(Acquire);
                // SAFETY: the thread lives until this one has ended.
                assert_eq!(unsafe { libc::pthread_kill(target, signal) }, 0);
                while HANDLED.load(Acquire) == before && !done.load(Acquire) {
                    core::hint::spin_loop();
                }
            }
        });
        let began = std::time::Instant::now();
        while HANDLED.load(Relaxed) < 5_000 && began.elapsed().as_secs() < 10 && DOUBLED.load(Relaxed) == 0 {
            for _ in 0..100 {
                let (first, second) = (take(all), take(all));
                give(all, first);
                give(all, second);
                match KEPT.load(Acquire) {
                    u32::MAX => {}
                    kept => {
                        give(all, kept);
                        KEPT.store(u32::MAX, Release);
                    }
                }
            }
        }
        done.store(true, Release);
    });
    assert_eq!(DOUBLED.load(Relaxed), 0, "a description had two owners");
    assert!(HANDLED.load(Relaxed) > 20, "hardly any signal came");
}

#[test]
fn a_description_is_free_when_its_last_number_is_gone_and_not_before() {
    let all = descriptions();
    let (index, d) = all.create(&Linux, 7).expect("memory");
    let first = d.generation();
    all.share(index);
    all.share(index);
    assert!(d.is_shared());
    all.release(index);
    all.release(index);
    assert!(!d.is_shared(), "one number is left");
    assert_eq!((all.used(), d.generation(), d.cookie()), (1, first, 7));
    all.release(index);
    assert_eq!(all.used(), 0);
    assert_ne!(d.generation(), first);
    let (again, d) = all.create(&Linux, 8).expect("memory");
    assert_eq!((again, d.cookie(), d.is_shared()), (index, 8, false));
}

#[test]
fn a_cookie_may_be_known_as_long_as_one_that_has_it_lives() {
    let all = descriptions();
    let (first, d) = all.create(&Linux, 7).expect("memory");
    all.count(&Linux, d);
    assert!(all.may_have(7) && !all.may_have(8));
    let (second, _) = all.create(&Linux, 8).expect("memory");
    assert!(all.may_have(7) && all.may_have(8) && all.may_have(9), "one is not counted: it may be any");
    all.release(second);
    assert!(all.may_have(7) && !all.may_have(8));
    all.share(first);
    all.release(first);
    assert!(all.may_have(7), "it has another number");
    all.release(first);
    assert!(!all.may_have(7));
}

#[test]
fn a_thread_that_was_delayed_cannot_arm_the_next_owners_deadline() {
    let all = descriptions();
    let (index, d) = all.create(&Linux, 7).expect("memory");
    let old = d.generation();
    d.read.store(State::Armed(1 << 40), old);
    all.release(index);
    d.read.store(State::Armed(2 << 40), old);
    assert_eq!(d.read.load(d.generation()), State::Idle);
    let (_, d) = all.create(&Linux, 8).expect("memory");
    for state in [State::Armed(3 << 40), State::Expired(3 << 40)] {
        d.read.store(state, old);
        d.write.store(state, old);
        assert_eq!((d.read.load(d.generation()), d.write.load(d.generation())), (State::Idle, State::Idle));
    }
    assert!(!d.read.replace(State::Idle, State::Expired(1), old));
}

fn deadline() -> &'static Deadline {
    crate::zeroed! { struct Cell { deadline: Deadline } }
    let cell: &'static Lazy<Cell> = Box::leak(Box::new(Lazy::new()));
    &cell.obtain(&Linux).expect("memory").deadline
}

#[test]
fn an_instant_is_never_rounded_down() {
    let word = deadline();
    let many = often(2000, 20) as u64;
    for at in (0..many).chain((0..many).map(|i| 86_400_000_000_000 + i)).chain([1 << 53, (1 << 61) + 1]) {
        for (put, expired) in [(State::Armed(at), false), (State::Expired(at), true)] {
            word.store(put, 0);
            let got = match word.load(0) {
                State::Armed(got) if !expired => got,
                State::Expired(got) if expired => got,
                other => panic!("{put:?} became {other:?}"),
            };
            assert!(got >= at && got < at + 256, "{at} became {got}");
        }
    }
    word.store(State::Armed(u64::MAX), 0);
    assert!(matches!(word.load(0), State::Armed(at) if at > 1 << 61), "146 years");
    word.store(State::Idle, 0);
    assert_eq!(word.load(0), State::Idle);
}

#[test]
fn exactly_one_of_eight_takes_an_expiry() {
    let word = deadline();
    for round in 1..often(2000, 5) as u64 {
        let (armed, expired) = (State::Armed(round << 20), State::Expired(round << 21));
        word.store(armed, 0);
        let barrier = Barrier::new(THREADS);
        let won = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    barrier.wait();
                    won.fetch_add(word.replace(armed, expired, 0) as usize, Relaxed);
                });
            }
        });
        assert_eq!((won.load(Relaxed), word.load(0)), (1, expired));
    }
}

#[test]
fn tellings_count_up_and_differ_between_expiries() {
    let all = descriptions();
    let (_, d) = all.create(&Linux, 1).expect("memory");
    d.set(Flag::Unix);
    let mut last = d.telling();
    for _ in 0..20 {
        d.tell_first();
        for told in 1..=4 {
            assert_eq!(d.told(), told);
            d.tell();
        }
        assert_ne!(d.telling(), last);
        last = d.telling();
        assert!(d.has(Flag::Unix) && !d.has(Flag::Stream), "flags are as they were");
    }
}

#[test]
fn a_flag_is_cleared_by_exactly_one() {
    let all = descriptions();
    let (_, d) = all.create(&Linux, 1).expect("memory");
    for _ in 0..often(1000, 5) {
        d.set(Flag::Aborted);
        let cleared = together_clear(d);
        assert_eq!(cleared, 1, "an aborted connect is told to one caller");
    }
    assert!(!d.clear(Flag::Aborted));
}

fn together_clear(d: &Description) -> usize {
    let (barrier, cleared) = (Barrier::new(4), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                barrier.wait();
                cleared.fetch_add(d.clear(Flag::Aborted) as usize, Relaxed);
            });
        }
    });
    cleared.load(Relaxed)
}

#[test]
fn one_direction_of_the_programs_timeouts_leaves_the_other() {
    let all = descriptions();
    let (_, d) = all.create(&Linux, 1).expect("memory");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for ms in 1..often(200_000, 100) as u32 {
                d.set_timeout(true, ms);
                assert_eq!(d.receive_timeout(), ms as u64 * 1_000_000);
            }
            stop.store(true, Release);
        });
        let mut ms = 0;
        while !stop.load(Acquire) {
            ms += 1;
            d.set_timeout(false, ms);
            assert_eq!(d.send_timeout(), ms as u64 * 1_000_000);
        }
    });
    d.set_timeout(true, 0);
    assert_eq!(d.receive_timeout(), 0);
    d.set_timeout(false, u32::MAX);
    assert_eq!((d.receive_timeout(), d.send_timeout()), (0, u32::MAX as u64 * 1_000_000));
}

#[test]
fn four_sets_are_named_and_more_are_any() {
    let all = descriptions();
    let (_, d) = all.create(&Linux, 1).expect("memory");
    let sets = || {
        let mut sets = vec![];
        d.each_set(|set| sets.push(set));
        sets
    };
    assert!(!d.in_sets() && sets().is_empty());
    for set in [0, 7, 0xfffd, 3] {
        d.join(set);
        d.join(set);
    }
    assert_eq!(sets(), [Some(0), Some(7), Some(0xfffd), Some(3)]);
    d.join(7);
    assert_eq!(sets().len(), 4);
    d.join(9);
    assert_eq!(sets(), [None]);
    d.join(1);
    assert_eq!(sets(), [None]);
}

#[test]
fn each_class_keeps_its_rule() {
    let all = descriptions();
    let (_, d) = all.create(&Linux, 1).expect("memory");
    assert!(!d.any_rule());
    d.decide(Decision { rule: [0, 255, 0, 4, 0] });
    assert_eq!(d.decision(), Decision { rule: [0, 255, 0, 4, 0] });
    let ruled: Vec<bool> = Class::ALL.iter().map(|class| d.ruled(*class)).collect();
    assert_eq!(ruled, [false, true, false, true, false]);
}

#[test]
fn the_clock_of_waits_and_of_samples_wrap_quietly() {
    let all = descriptions();
    let (_, d) = all.create(&Linux, 0xdead_beef).expect("memory");
    const MS: u64 = 1_000_000;
    let late = (u32::MAX as u64 + 1) * MS;
    d.waited(late - 5 * MS);
    assert_eq!(d.last_wait_gap(late + 20 * MS), 25 * MS);
    d.sample_acked(u32::MAX);
    assert_eq!((d.acked(), d.cookie()), (u32::MAX, 0xdead_beef));
}
