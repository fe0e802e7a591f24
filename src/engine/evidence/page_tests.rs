//! The page: what is counted is found again, by however many threads, and nothing else is.

extern crate std;
use super::*;
use std::boxed::Box;
use std::sync::Barrier;
use std::thread;

/// A page as the kernel gives it. (On the heap: it would not fit on a thread's stack twice.)
fn page() -> Box<Page> {
    // SAFETY: all-zero bytes are a Page (`zeroed!`).
    unsafe { Box::<Page>::new_zeroed().assume_init() }
}

fn v4(last: u8, port: u16) -> Key {
    Key::of(&Addr::V4 { ip: [10, 0, 0, last], port })
}

fn expiry(number: u64) -> Kept {
    Kept {
        realtime: number,
        tid: -7,
        fd: 3,
        comm: *b"worker\0\0\0\0\0\0\0\0\0\0",
        operation: *b"recv\0\0\0\0\0\0\0\0\0\0\0\0",
        cause: 2,
        observed: number % 2 == 1,
        origin: 3,
        line: 70_000,
        timeout: number.wrapping_mul(3),
        waited: number.wrapping_mul(5),
        cookie: number.wrapping_mul(7),
        destination: 4,
        bytes: [u64::MAX, 12],
        rtt_us: u32::MAX,
        retransmits: 2,
        peer: v4(1, 80),
    }
}

#[test]
fn the_layout_is_that_of_version_1() {
    assert_eq!(core::mem::size_of::<Waits>(), 8 * (6 + 256));
    assert_eq!(core::mem::size_of::<Destination>(), 8 * (2 + 15 + 8 + 5 * 262));
    assert_eq!(core::mem::size_of::<Expiry>(), 8 * 32);
    assert_eq!(core::mem::offset_of!(Page, destinations), 256);
    assert_eq!(core::mem::offset_of!(Page, last), 256 + 32 * 10_680);
    assert_eq!(core::mem::size_of::<Page>(), 358_400);
}

#[test]
fn an_address_comes_back_as_it_was() {
    let long = [b'x'; 108];
    for address in [
        Addr::V4 { ip: [127, 0, 0, 1], port: 65_535 },
        Addr::V6 { ip: [0xfe; 16], port: 1, scope: u32::MAX },
        Addr::Unix(b"/run/app.sock"),
        Addr::Unix(b"\0abstract"),
        Addr::Unix(b""),
        Addr::Unix(&long),
    ] {
        let key = Key::of(&address);
        assert_eq!(key.address(&key.bytes()), Some(address));
    }
    assert_eq!(Key::NONE.address(&Key::NONE.bytes()), None);
    let hostile = Key([u64::MAX; KEY]);
    assert_eq!(hostile.address(&hostile.bytes()), None);
    let long = Key([UNIX | 0xffff << 8; KEY]);
    assert_eq!(long.address(&long.bytes()), None, "a name longer than there is room for");
}

#[test]
fn a_destination_keeps_its_place_and_the_rest_share_the_last() {
    let page = page();
    for last in 0..100 {
        let expected = usize::from(last).min(OTHER);
        assert_eq!(page.destination(&v4(last, 80), false), expected);
    }
    for last in 0..100 {
        assert_eq!(page.destination(&v4(last, 80), false), usize::from(last).min(OTHER), "again");
    }
    assert_eq!(page.place(3).name.key(), v4(3, 80));
    assert!(page.place(3).is_named() && !page.place(OTHER).is_named());
}

#[test]
fn who_connects_there_and_who_accepts_there_are_two_destinations() {
    let page = page();
    let to = page.destination(&v4(1, 80), false);
    let on = page.destination(&v4(1, 80), true);
    assert_ne!(to, on);
    assert_eq!(page.place(on).accepts.load(Relaxed), 1);
}

#[test]
fn a_wait_is_counted_once_in_its_bucket() {
    let page = page();
    let waits = page.place(0).class(Class::Response);
    for ns in [0, 1_023, 2_000_000, 7] {
        waits.count(ns);
    }
    assert_eq!(waits.ended.load(Relaxed), 4);
    assert_eq!(waits.total.load(Relaxed), 2_001_030);
    assert_eq!(waits.longest.load(Relaxed), 2_000_000);
    let counted: u64 = waits.buckets.iter().map(|count| count.load(Relaxed)).sum();
    assert_eq!(counted, 4);
    assert_eq!(waits.buckets[0].load(Relaxed), 3);
    assert_eq!(waits.buckets[bucket(2_000_000)].load(Relaxed), 1);
}

#[test]
fn the_last_expiries_come_back_whole() {
    let page = page();
    for number in 0..1_000 {
        page.keep(&expiry(number));
    }
    assert_eq!(page.expiries.load(Relaxed), 1_000);
    for number in 0..1_000 {
        let found = page.last[(number % EXPIRIES as u64) as usize].read(number);
        let expected = (number >= 1_000 - EXPIRIES as u64).then(|| expiry(number));
        assert_eq!(found, expected, "{number}");
    }
    assert_eq!(page.last[0].read(u64::MAX), None);
}

#[test]
fn a_place_that_another_thread_is_writing_is_left_alone() {
    let page = page();
    page.last[0].sequence.store(1, Relaxed);
    page.keep(&expiry(0));
    assert_eq!((page.expiries.load(Relaxed), page.lost.load(Relaxed)), (1, 1));
    assert_eq!(page.last[0].read(0), None);
    // One that was overtaken by a whole round.
    page.last[1].sequence.store(2 * (1 + EXPIRIES as u64) + 2, Relaxed);
    page.keep(&expiry(1));
    assert_eq!(page.lost.load(Relaxed), 2);
}

#[test]
fn sixteen_threads_at_once_lose_nothing() {
    let (page, barrier) = (page(), Barrier::new(16));
    let turns = if cfg!(miri) { 20 } else { 2_000 };
    thread::scope(|scope| {
        for thread in 0..16_u8 {
            let (page, barrier) = (&page, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for turn in 0..turns {
                    let place = page.place(page.destination(&v4(thread % 4, turn as u16 % 3), false));
                    place.class(Class::Read).count(u64::from(thread) << 20);
                    page.keep(&expiry(turn));
                }
            });
        }
    });
    let of =
        |read: fn(&Waits) -> u64| -> u64 { page.destinations.iter().map(|place| read(place.class(Class::Read))).sum() };
    assert_eq!(of(|waits| waits.ended.load(Relaxed)), 16 * turns);
    assert_eq!(of(|waits| waits.buckets.iter().map(|count| count.load(Relaxed)).sum()), 16 * turns);
    assert_eq!(page.expiries.load(Relaxed), 16 * turns);
    let end = page.expiries.load(Relaxed);
    let whole = (end.saturating_sub(EXPIRIES as u64)..end)
        .filter(|number| page.last[(number % EXPIRIES as u64) as usize].read(*number).is_some())
        .count() as u64;
    // Whose place was taken is counted; everyone else's is there, but for what a later round has overwritten.
    assert!(whole + page.lost.load(Relaxed) >= EXPIRIES as u64 - 16, "{whole} whole");
    assert!(whole > 0);
}
