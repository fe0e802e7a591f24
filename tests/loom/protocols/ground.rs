//! Memory that comes into being, a value that is published once, and the process's own number.

use crate::kernel::{spawn, Model, MEMORY, PID};
use crate::Protocol;
use netdeadline_engine::atomic::{memory, AtomicU64, Ordering::*};
use netdeadline_engine::process::Process;
use netdeadline_engine::sys::pages::Arena;
use netdeadline_engine::sys::{Kernel, Lazy, Published};
use std::cell::Cell;
use std::ptr::NonNull;

/// The models of this file.
pub const ALL: &[Protocol] = &[
    Protocol::new("who_finds_a_table_finds_its_zeroes", lazy),
    Protocol::new("no_two_threads_have_the_same_page", arena),
    Protocol::new("pages_given_back_are_had_by_one", given_back),
    Protocol::new("settings_are_read_whole_or_not_at_all", published),
    Protocol::new("two_threads_agree_on_the_epoch", epoch),
    Protocol::new("a_thread_of_the_lender_is_no_borrower", lender),
    Protocol::new("who_has_counted_a_vfork_knows_who_lends", owner),
    Protocol::new("what_a_parent_had_lent_is_not_taken_from_what_we_lend", inherited),
];

netdeadline_engine::zeroed! {
    struct Leaf {
        count: AtomicU64,
    }
}

fn lazy() {
    let cell = memory::place(Lazy::<Leaf>::new());
    memory::begin();
    let count = || cell.obtain(&MEMORY).expect("memory").count.fetch_add(1, Relaxed);
    let counts = spawn(1, count);
    let looks = spawn(2, || assert!(cell.peek().is_none_or(|leaf| leaf.count.load(Relaxed) <= 2)));
    count();
    counts.join().unwrap();
    looks.join().unwrap();
    assert_eq!(cell.peek().expect("there").count.load(Relaxed), 2);
}

/// mmap gives pages of the model's.
static MAPS: Model = Model::new(|nr, args| match nr {
    libc::SYS_mmap => memory::pages(args[1]).as_ptr() as isize,
    libc::SYS_munmap => 0,
    _ => -(libc::ENOSYS as isize),
});

/// Write to a page, and find there what was written.
fn own(pages: NonNull<u8>, mark: u64) {
    // SAFETY: mapped for good, zeroed, and all that is done there is done by these atomics.
    let leaf = unsafe { pages.cast::<Leaf>().as_ref() };
    assert_eq!(leaf.count.swap(mark, Relaxed), 0, "another had it first");
    assert_eq!(leaf.count.load(Relaxed), mark, "another has it, too");
}

fn arena() {
    let arena = memory::place(Arena::new());
    memory::begin();
    let take = |mark| own(arena.take(&MAPS, 4096).expect("memory"), mark);
    let first = spawn(1, move || take(1));
    let second = spawn(2, move || take(2));
    take(3);
    first.join().unwrap();
    second.join().unwrap();
}

fn given_back() {
    let arena = memory::place(Arena::new());
    memory::begin();
    let take = |mark| own(arena.take(&MAPS, 4096).expect("memory"), mark);
    let first = spawn(1, move || {
        let untouched = arena.take(&MAPS, 4096).expect("memory");
        arena.give_back(untouched, 4096);
        take(1);
    });
    take(2);
    take(3);
    first.join().unwrap();
}

fn published() {
    let value = memory::place(Published::new(AtomicU64::new(0)));
    memory::begin();
    let write = |mark: u64| value.publish(|settings| settings.store(mark, Relaxed));
    let writes = spawn(1, move || write(1));
    let read = || value.peek().map(|settings| settings.load(Relaxed));
    let reads = spawn(2, move || assert_ne!(read(), Some(0), "read before it was written"));
    let ours = write(2);
    let theirs = writes.join().unwrap();
    reads.join().unwrap();
    assert!(ours != theirs, "one of the two writes, and only one");
    assert_eq!(read(), Some(if ours { 2 } else { 1 }));
}

fn epoch() {
    let process = memory::place(Process::new());
    memory::begin();
    let other = spawn(1, || process.epoch(&MEMORY));
    let ours = process.epoch(&MEMORY);
    assert_eq!((ours, ours != 0), (other.join().unwrap(), true));
}

/// The parent of the process whose threads run: what it leaves in the tables. Its page is wiped by the fork.
struct Parent(Cell<Option<NonNull<u8>>>);

impl Kernel for Parent {
    fn call(&self, nr: i64, _: [usize; 6]) -> isize {
        assert_eq!(nr, libc::SYS_getpid);
        PID as isize - 1
    }
    fn now(&self) -> u64 {
        1
    }
    fn pages(&self, bytes: usize) -> Option<NonNull<u8>> {
        Some(memory::pages(bytes))
    }
    fn wiped_pages(&self, bytes: usize) -> Option<NonNull<u8>> {
        self.0.set(self.pages(bytes));
        self.0.get()
    }
}

/// A process that was just forked, while `lent` threads of its parent were in vfork.
fn forked(lent: i32) -> &'static Process {
    let process = memory::place(Process::new());
    let parent = Parent(Cell::new(None));
    process.epoch(&parent);
    process.lend(&parent, lent);
    let page = parent.0.get().expect("the page of the epoch");
    // SAFETY: the epoch is the page's first word; no thread runs yet.
    unsafe { page.cast::<u32>().write(0) };
    process
}

fn lender() {
    let process = forked(0);
    memory::begin();
    let lends = spawn(1, || {
        process.epoch(&MEMORY);
        process.lend(&MEMORY, 1);
    });
    assert!(!process.borrowed(&MEMORY), "taken for a vfork child");
    lends.join().unwrap();
    assert!(process.lent() && !process.borrowed(&MEMORY));
}

fn inherited() {
    let process = forked(2);
    memory::begin();
    let lends = spawn(1, || {
        process.epoch(&MEMORY);
        process.lend(&MEMORY, 1);
    });
    assert!(!process.borrowed(&MEMORY), "taken for a vfork child");
    lends.join().unwrap();
    assert!(process.lent(), "a vfork child would not be known for one");
    process.lend(&MEMORY, -1);
    assert!(!process.lent(), "taken for a vfork child's for ever");
}

fn owner() {
    let process = memory::place(Process::new());
    process.epoch(&MEMORY);
    process.disown();
    memory::begin();
    let lends = spawn(1, || process.lend(&MEMORY, 1));
    assert!(!process.borrowed(&MEMORY), "taken for a vfork child");
    lends.join().unwrap();
}
