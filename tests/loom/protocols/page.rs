//! The evidence page: what is read there is what was written, and a process has one.

use crate::kernel::{spawn, Model};
use crate::Protocol;
use netdeadline_engine::atomic::{memory, AtomicU64, Ordering::*};
use netdeadline_engine::evidence::page::{Expiry, Kept, Key, Name};
use netdeadline_engine::policy::Addr;
use netdeadline_engine::sys::{Found, Lazy, Mapping, Shared};

/// The models of this file.
pub const ALL: &[Protocol] = &[
    Protocol::new("a_destination_that_is_in_use_has_all_of_its_name", name),
    Protocol::new("an_expiry_that_is_kept_is_read_whole_or_not_at_all", expiry).large(),
    Protocol::new("a_place_of_an_expiry_is_one_threads_at_a_time", rounds),
    Protocol::new("who_finds_the_page_finds_what_its_maker_wrote", shared),
    Protocol::new("one_of_two_pages_is_the_processs", race),
];

/// A kernel of which only memory is wanted. Pages that a fork wipes are pages.
static MAPS: Model = Model::new(|nr, args| match nr {
    libc::SYS_mmap => memory::pages(args[1].max(4096)).as_ptr() as isize,
    libc::SYS_munmap | libc::SYS_madvise => 0,
    _ => -(libc::ENOSYS as isize),
});

/// Addresses that differ in the first and in the last word.
fn key(ip: u8) -> Key {
    Key::of(&Addr::V6 { ip: [ip; 16], port: u16::from(ip), scope: 0 })
}

fn name() {
    let name: &Name = memory::place(Lazy::new()).obtain(&MAPS).expect("memory");
    memory::begin();
    let fill = move |ip| {
        if name.claim() {
            name.fill(&key(ip));
        }
    };
    let first = spawn(1, move || fill(1));
    let looks = spawn(2, move || {
        if name.is_whole() {
            assert!([key(1), key(2)].contains(&name.key()), "half a name");
        }
    });
    fill(2);
    first.join().unwrap();
    looks.join().unwrap();
    assert!(name.is_whole() && [key(1), key(2)].contains(&name.key()));
}

fn kept(number: u64) -> Kept {
    Kept {
        realtime: number + 1,
        tid: 0,
        fd: 0,
        comm: [0; 16],
        operation: [0; 16],
        cause: 0,
        observed: false,
        origin: 0,
        line: 0,
        timeout: 0,
        waited: 0,
        cookie: number + 1,
        destination: 0,
        bytes: [0; 2],
        rtt_us: 0,
        retransmits: 0,
        peer: Key::NONE,
    }
}

/// What is read of the two, as it was written.
fn is_whole(place: &Expiry) {
    for number in [0, 64] {
        if let Some(found) = place.read(number) {
            assert_eq!(found, kept(number), "half an expiry");
        }
    }
}

fn expiry() {
    let place: &Expiry = memory::place(Lazy::new()).obtain(&MAPS).expect("memory");
    assert!(place.write(0, &kept(0)));
    memory::begin();
    let looks = spawn(1, move || is_whole(place));
    assert!(place.write(64, &kept(64)));
    looks.join().unwrap();
    assert_eq!(place.read(64), Some(kept(64)));
}

fn rounds() {
    let place: &Expiry = memory::place(Lazy::new()).obtain(&MAPS).expect("memory");
    memory::begin();
    let later = spawn(1, move || place.write(64, &kept(64)));
    let first = place.write(0, &kept(0));
    let written = later.join().unwrap();
    is_whole(place);
    assert!(first || written);
    assert_eq!(place.read(64).is_some(), written);
}

netdeadline_engine::zeroed! {
    struct Leaf {
        mark: AtomicU64,
    }
}

fn make(shared: &Shared<Leaf>, mark: u64) -> bool {
    let mapping = Mapping::<Leaf>::new(&MAPS, 3).expect("memory");
    mapping.get().mark.store(mark, Relaxed);
    shared.settle(&MAPS, mapping)
}

fn mark(shared: &Shared<Leaf>) -> Option<u64> {
    match shared.find() {
        Found::Here(leaf) => Some(leaf.mark.load(Relaxed)),
        _ => None,
    }
}

fn shared() {
    let shared = memory::place(Shared::<Leaf>::new());
    memory::begin();
    let looks = spawn(1, || {
        assert!(mark(shared).is_none_or(|mark| mark == 7), "a page without its first words");
        assert!(shared.last().is_none_or(|leaf| leaf.mark.load(Relaxed) == 7), "the same, for a child");
    });
    assert!(make(shared, 7));
    looks.join().unwrap();
    assert_eq!(mark(shared), Some(7));
}

fn race() {
    let shared = memory::place(Shared::<Leaf>::new());
    memory::begin();
    let other = spawn(1, || make(shared, 1));
    let mine = make(shared, 2);
    let theirs = other.join().unwrap();
    assert!(mine != theirs);
    assert_eq!(mark(shared), Some(if mine { 2 } else { 1 }));
}
