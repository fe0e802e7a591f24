//! A set that is closed while its timer is being made: what the kernel is asked then is where another thread gets in between.

extern crate std;
use crate::op;
use crate::sys::{Kernel, Linux};
use crate::table::Kind;
use crate::Engine;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicI32, Ordering::*};
use std::{format, fs};

/// Linux, where the set of `closing` is closed as soon as a timer is made, and another one is there before it is registered.
struct Meddler {
    closing: AtomicI32,
    next: AtomicI32,
}

static ENGINE: Engine<Meddler> = Engine::new(Meddler { closing: AtomicI32::new(-1), next: AtomicI32::new(-1) });

impl Kernel for Meddler {
    fn call(&self, nr: i64, args: [usize; 6]) -> isize {
        let outcome = Linux.call(nr, args);
        let closing = if nr == libc::SYS_timerfd_create { self.closing.swap(-1, Relaxed) } else { -1 };
        if closing >= 0 {
            assert_eq!(op::close(&ENGINE, closing), op::Close::Call);
            Linux.call(libc::SYS_close, [closing as usize, 0, 0, 0, 0, 0]);
            self.next.store(new_set(), Relaxed);
        }
        outcome
    }
    fn now(&self) -> u64 {
        Linux.now()
    }
    fn pages(&self, bytes: usize) -> Option<NonNull<u8>> {
        Linux.pages(bytes)
    }
    fn wiped_pages(&self, bytes: usize) -> Option<NonNull<u8>> {
        Linux.wiped_pages(bytes)
    }
}

fn new_set() -> i32 {
    let epfd = Linux.call(libc::SYS_epoll_create1, [0; 6]) as i32;
    assert!(epfd >= 0);
    op::epoll_created(&ENGINE, epfd);
    epfd
}

#[test]
#[cfg_attr(miri, ignore = "a real epoll set")]
fn a_set_that_takes_a_closed_ones_number_has_a_timer_of_its_own() {
    ENGINE.start(|_| {});
    let epfd = new_set();
    let word = ENGINE.slots.word(epfd);
    let set = ENGINE.sets.at(word.index()).expect("it was created");
    ENGINE.kernel.closing.store(epfd, Relaxed);
    ENGINE.program(word.index(), set, ENGINE.kernel.now() + 60_000_000_000);
    let next = ENGINE.kernel.next.load(Relaxed);
    assert_eq!(
        (ENGINE.slots.word(next).kind(), ENGINE.slots.word(next).index()),
        (Kind::Set, word.index()),
        "the number"
    );
    assert_eq!(set.timer.number(), None, "it was the closed set's");
    ENGINE.program(word.index(), set, ENGINE.kernel.now() + 60_000_000_000);
    let timer = set.timer.number().expect("made");
    let holds = fs::read_to_string(format!("/proc/self/fdinfo/{next}")).expect("it is open");
    let tfds: std::vec::Vec<_> = holds.lines().filter_map(|line| line.strip_prefix("tfd:")).collect();
    assert_eq!(tfds.len(), 1, "{holds}");
    assert!(tfds[0].split_whitespace().next() == Some(&format!("{timer}")), "{timer}: {holds}");
    op::close(&ENGINE, next);
    Linux.call(libc::SYS_close, [next as usize, 0, 0, 0, 0, 0]);
}
