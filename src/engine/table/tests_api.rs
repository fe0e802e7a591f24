//! What the C API keeps, under threads: no setter reaches a stranger's socket, no reader sees two expiries in one, no wake-up is
//! lost. Scopes, and what signals do to them, are in tests_api_scopes.rs.

extern crate std;

#[path = "tests_api_scopes.rs"]
mod scopes;

use super::{Descriptions, Expiry, Explicit, Waiters};
use crate::op::{begin_movable, set_deadline, Operation, Receive, Step, Ways};
use crate::sys::{testing::often, Linux};
use crate::Engine;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::*};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use std::vec::Vec;
use std::{boxed::Box, thread};

#[test]
fn a_setter_that_was_delayed_for_any_number_of_lives_sets_nobody_elses_deadline() {
    let all = Box::new(Descriptions::new());
    let (index, d) = all.create(&Linux, 1).expect("memory");
    let said = all.explicit.obtain(&Linux, index).expect("memory");
    let old = d.generation();
    for lives in 1..100 {
        all.release(index);
        said.read.store(1, d, old);
        let (again, d) = all.create(&Linux, 2).expect("memory");
        assert_eq!(again, index);
        said.read.store(1, d, old);
        assert_eq!(said.read.load(d.generation()), 0, "a deadline from {lives} lives ago");
    }
}

// ---- Waits ----

/// Is the fd readable within ten seconds?
fn is_readable(fd: i32) -> bool {
    let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, ours.
    unsafe { libc::poll(&mut entry, 1, 10_000) == 1 }
}

/// Says that it is over also where an assertion failed: the other thread would go on for ever.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Release);
    }
}

/// Look for a while, at once on a second core, whether the count comes there.
fn comes_to(count: &AtomicU64, value: u64) -> bool {
    for _ in 0..2000 {
        if count.load(Acquire) == value {
            return true;
        }
        core::hint::spin_loop();
    }
    thread::yield_now();
    false
}

#[test]
#[cfg_attr(miri, ignore = "sockets")]
fn a_deadline_set_while_a_wait_begins_is_seen_by_it_or_wakes_it() {
    let engine: Box<Engine<Linux>> = Box::new(Engine::new(Linux));
    begin_movable(&engine, || true).expect("the API");
    let (ours, _peer) = UnixStream::pair().expect("a pair");
    let fd = ours.as_raw_fd();
    let clear = || assert_eq!(set_deadline(&engine, fd, Ways::Both, 0), Ok(()));
    clear();
    let far = i64::try_from(crate::sys::Kernel::now(&Linux)).expect("an instant") + 3_600_000_000_000;
    // 2 i - 1: the wait of round i begins; 2 i: its deadline is set.
    let (round, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let (mut seen, mut woken) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut i = 1;
            while !done.load(Acquire) {
                if !comes_to(&round, 2 * i - 1) {
                    continue;
                }
                // Sometimes the one is faster, sometimes the other.
                (0..i * 7 % 1024).for_each(|_| core::hint::spin_loop());
                assert_eq!(set_deadline(&engine, fd, Ways::Read, far + i as i64), Ok(()));
                round.store(2 * i, Release);
                i += 1;
            }
        });
        let _over = Over(&done);
        let (began, mut i) = (Instant::now(), 0);
        while began.elapsed() < Duration::from_secs(2) {
            i += 1;
            let mut byte = 0_u8;
            let mut read = Receive::read("read", fd, &raw mut byte as usize, 1);
            assert!(matches!(read.start(&*engine), Step::Call(_)), "tried first");
            round.store(2 * i - 1, Release);
            (0..i * 11 % 1024).for_each(|_| core::hint::spin_loop());
            let step = read.resume(&*engine, -(libc::EAGAIN as isize));
            let Step::Wait { until, waker, .. } = step else { panic!("{step:?}") };
            let wanted = far as u64 + i;
            if until == wanted {
                seen += 1;
            } else {
                assert_eq!((until, waker >= 0), (u64::MAX, true));
                assert!(is_readable(waker), "round {i}: neither seen nor woken");
                woken += 1;
                let step = read.resume(&*engine, 0);
                assert!(matches!(step, Step::Wait { until, .. } if until == wanted), "{step:?}");
            }
            while !comes_to(&round, 2 * i) {
                assert!(began.elapsed() < Duration::from_secs(60), "the setter has died");
            }
            // A byte has come.
            assert!(matches!(read.resume(&*engine, 1), Step::Call(_)));
            assert_eq!(read.resume(&*engine, 1), Step::Done(1));
            clear();
        }
    });
    assert!(seen > 0 && woken > 0, "{seen} saw it and {woken} were woken: the two never met");
}

#[test]
fn a_place_belongs_to_one_wait_at_a_time() {
    const THREADS: u32 = 8;
    let waiters = Box::new(Waiters::new());
    let owners: Vec<AtomicU32> = (0..super::waiters::PLACES).map(|_| AtomicU32::new(0)).collect();
    let doubled = AtomicU32::new(0);
    thread::scope(|scope| {
        for thread in 1..=THREADS {
            let (waiters, owners, doubled) = (&waiters, &owners, &doubled);
            scope.spawn(move || {
                for i in 0..often(5_000, 10) as u32 {
                    let (place, waiter) = waiters.claim(&Linux, thread, |_| false).expect("a place");
                    let owner = &owners[place as usize];
                    doubled.fetch_add((owner.swap(thread, AcqRel) != 0) as u32, Relaxed);
                    waiter.announce(super::waiters::bit(thread));
                    waiter.ends((i + 10) as u64);
                    doubled.fetch_add(!waiter.wants(thread, 5) as u32, Relaxed);
                    doubled.fetch_add((owner.swap(0, AcqRel) != thread) as u32, Relaxed);
                    waiter.leave();
                }
            });
        }
    });
    assert_eq!(doubled.load(Relaxed), 0);
    let mut left = 0;
    waiters.each(|waiter| left += (0..64).filter(|index| waiter.wants(*index, 0)).count());
    assert_eq!(left, 0, "nobody waits any more");
}

#[test]
fn the_places_of_the_dead_are_taken_again_and_those_of_the_living_are_not() {
    let waiters = Box::new(Waiters::new());
    for thread in 1..=super::waiters::PLACES as u32 {
        waiters.claim(&Linux, thread, |_| false).expect("a place");
    }
    assert!(waiters.claim(&Linux, 9999, |_| false).is_none(), "all are taken");
    let (place, waiter) = waiters.claim(&Linux, 9999, |thread| thread == 77).expect("that of the dead");
    assert_eq!(place, 76);
    assert!(waiters.claim(&Linux, 8888, |thread| thread == 77).is_none(), "once");
    waiter.leave();
    assert_eq!(waiters.claim(&Linux, 8888, |_| false).map(|(place, _)| place), Some(76));
}

#[test]
fn a_wait_is_woken_for_what_ends_before_it_and_for_nothing_else() {
    let waiters = Box::new(Waiters::new());
    let (_, waiter) = waiters.claim(&Linux, 1, |_| false).expect("a place");
    assert!(!waiter.wants(3, 0), "it does not wait yet");
    waiter.announce(super::waiters::bit(3) | super::waiters::bit(64 + 9));
    assert!(waiter.wants(3, u64::MAX - 1) && waiter.wants(9, 0), "until it says how long, whatever is set may matter");
    waiter.ends(1000);
    assert!(waiter.wants(3, 999) && !waiter.wants(3, 1000) && !waiter.wants(4, 1));
    assert!(!waiter.take_fired());
    waiter.fire();
    assert!(waiter.take_fired() && !waiter.take_fired(), "once");
    waiter.settle(7, Some(0));
    assert_eq!((waiter.waker(7), waiter.waker(8)), (Some(0), None), "number 0 is one, and a fork's child has none");
    assert_eq!((waiter.inherited(7), waiter.inherited(8)), (None, Some(0)));
}

#[test]
fn all_threads_agree_on_the_file_that_the_wakers_hold() {
    for _ in 0..often(200, 3) {
        let waiters = Box::new(Waiters::new());
        let agreed: Vec<i32> = thread::scope(|scope| {
            let waiters = &waiters;
            let threads: Vec<_> = (10..14).map(|fd| scope.spawn(move || waiters.settle_readable(5, fd))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a number")).collect()
        });
        assert!(agreed.iter().all(|fd| Some(*fd) == waiters.readable(5)), "{agreed:?}");
        assert_eq!(waiters.readable(6), None);
    }
}

// ---- Why an operation failed ----

fn expiry(n: u64) -> Expiry {
    Expiry {
        when: n,
        waited: n ^ 0x5555,
        bytes: n.wrapping_mul(3),
        rtt: n as u32,
        retransmits: !(n as u32),
        which: n as u32 % 5 + 1,
        source: (n as u32).rotate_left(7),
    }
}

#[test]
fn who_reads_an_expiry_sees_one_and_not_the_parts_of_two() {
    let all = Box::new(Descriptions::new());
    let (index, _) = all.create(&Linux, 1).expect("memory");
    let said: &Explicit = all.explicit.obtain(&Linux, index).expect("memory");
    assert_eq!(said.last(), None);
    let (done, read, changes) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for writer in 0..2_u64 {
            let done = &done;
            scope.spawn(move || {
                let mut n = writer + 1;
                while !done.load(Relaxed) {
                    n += 2;
                    said.remember(&expiry(n));
                    (0..n % 64).for_each(|_| core::hint::spin_loop());
                }
            });
        }
        let (done, read, changes) = (&done, &read, &changes);
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(move || {
                    let (began, mut last) = (Instant::now(), 0);
                    while began.elapsed() < Duration::from_micros(often(700_000, 300) as u64) {
                        let Some(seen) = said.last() else { continue };
                        assert_eq!(seen, expiry(seen.when));
                        read.fetch_add(1, Relaxed);
                        changes.fetch_add((seen.when != last) as u32, Relaxed);
                        last = seen.when;
                    }
                })
            })
            .collect();
        let ended: Vec<_> = readers.into_iter().map(|reader| reader.join()).collect();
        done.store(true, Relaxed);
        assert!(ended.into_iter().all(|reader| reader.is_ok()));
    });
    let (read, changes) = (read.load(Relaxed), changes.load(Relaxed));
    assert!(read as usize > often(100, 0) && changes as usize > often(1, 0), "{read} were read, and {changes} changed");
}
