//! Options that are lent, and scopes of threads.

use crate::kernel::{spawn, MEMORY};
use crate::world::{engine, socket, World, FD, LOCKED};
use crate::Protocol;
use netdeadline_engine::atomic::{memory, AtomicU64, Ordering::*};
use netdeadline_engine::table::{Borrowed, Key, Loans, Scopes};
use netdeadline_engine::Engine;

/// The models of this file.
pub const ALL: &[Protocol] = &[
    Protocol::new("what_is_lent_is_not_taken_for_the_programs_own", lent),
    Protocol::new("the_value_of_another_loan_is_not_taken_for_this_ones", another_loan),
    Protocol::new("of_two_that_borrow_the_last_gives_back_what_was_there", two_borrow),
    Protocol::new("two_that_borrow_at_once_have_one_book", one_book),
    Protocol::new("two_threads_that_enter_scopes_find_their_own", scopes).large(),
];

const OWN: u64 = 5_000_000_000;
const LENT: u64 = 1_000_000;
const NAME: i32 = libc::SO_RCVTIMEO;

/// As `Loan::take` and `Loan::give_back` do.
fn borrow_once(e: &Engine<World>, key: Key) {
    let entry = match e.model_loans().borrow(&e.kernel, key) {
        Borrowed::First(entry) => {
            e.model_loans().lent(entry, key, OWN);
            entry
        }
        Borrowed::Too(entry, had) => {
            assert_eq!(had, OWN, "another's loan is taken for the program's own");
            entry
        }
        Borrowed::Busy | Borrowed::Full => return,
    };
    e.kernel.set_option(LENT);
    if e.model_loans().give_back(entry, key) {
        e.kernel.set_option(OWN);
        e.model_loans().over(entry);
    }
}

fn lent() {
    let e = engine(&LOCKED);
    let d = socket(e);
    let key = Key::new(d.index(), d.generation(), true);
    e.kernel.set_option(OWN);
    borrow_once(e, key);
    memory::begin();
    let borrows = spawn(1, move || borrow_once(e, key));
    assert_eq!(e.model_kernel_timeout(FD, NAME), OWN, "what was lent is taken for the program's own");
    borrows.join().unwrap();
}

fn another_loan() {
    let loans = memory::place(Loans::new());
    let keys = [1, 2].map(|index| Key::new(index, 1, true));
    let lend = move |key, value| {
        if let Borrowed::First(entry) = loans.borrow(&MEMORY, key) {
            loans.lent(entry, key, value);
            assert!(loans.give_back(entry, key));
            loans.over(entry);
        }
    };
    lend(keys[0], 1);
    memory::begin();
    let lends = spawn(1, move || {
        lend(keys[0], 1);
        lend(keys[1], 2);
    });
    assert_ne!(loans.value(keys[0]), Some(2), "the other's value");
    lends.join().unwrap();
}

fn two_borrow() {
    let loans = memory::place(Loans::new());
    let option = memory::place(AtomicU64::new(OWN));
    let key = Key::new(1, 1, true);
    loans.borrow(&MEMORY, Key::new(9, 9, true));
    memory::begin();
    let turn = move || {
        let entry = match loans.borrow(&MEMORY, key) {
            Borrowed::First(entry) => {
                loans.lent(entry, key, option.load(Relaxed));
                entry
            }
            Borrowed::Too(entry, had) => {
                assert_eq!(had, OWN, "another's loan is taken for the program's own");
                entry
            }
            Borrowed::Busy | Borrowed::Full => return,
        };
        option.store(LENT, Relaxed);
        if loans.give_back(entry, key) {
            option.store(OWN, Relaxed);
            loans.over(entry);
        }
    };
    let other = spawn(1, move || {
        turn();
        turn();
    });
    turn();
    other.join().unwrap();
    assert_eq!((option.load(Relaxed), loans.value(key)), (OWN, None));
}

fn one_book() {
    let loans = memory::place(Loans::new());
    let key = Key::new(1, 1, true);
    // The first entry is another's, and is given back just then: the two may claim one each.
    let Borrowed::First(other) = loans.borrow(&MEMORY, Key::new(9, 9, true)) else { panic!("an entry") };
    memory::begin();
    let frees = spawn(1, move || loans.over(other));
    let borrows = spawn(2, move || matches!(loans.borrow(&MEMORY, key), Borrowed::First(_)));
    let ours = matches!(loans.borrow(&MEMORY, key), Borrowed::First(_));
    frees.join().unwrap();
    assert!(!(ours && borrows.join().unwrap()), "two entries for one option");
}

fn scopes() {
    static NONE: Scopes = Scopes::new();
    let scopes = memory::place_like(&NONE);
    let token = scopes.enter(&MEMORY, 0x7000, 7, 70, |_| false).unwrap();
    assert!(scopes.leave(0x7000, 7, token));
    memory::begin();
    let run = move |key: usize, tid: u32| {
        let instant = tid as u64 * 100;
        let token = scopes.enter(&MEMORY, key, tid, instant, |_| false).unwrap();
        assert!(scopes.any());
        assert_eq!(scopes.instant(key, || tid), instant, "another's scope");
        assert!(scopes.leave(key, tid, token), "another's scope");
        assert_eq!(scopes.instant(key, || tid), u64::MAX);
    };
    let first = spawn(1, move || run(0x1000, 1));
    let second = spawn(2, move || run(0x2000, 2));
    assert_eq!(scopes.instant(0x3000, || 3), u64::MAX);
    first.join().unwrap();
    second.join().unwrap();
    assert!(!scopes.any(), "somebody is still counted");
}
