//! A process writes an expiry where the command is reading one: no record is shown that is made of two.

use std::fs;
use std::mem::offset_of;

use netdeadline_engine::evidence::page::{Expiry, Kept, Page, EXPIRIES};
use netdeadline_tests::{compile, Libc};
use serde_json::{json, Value};

use crate::made::{expiry, Home, Made, NOBODY};

/// The place of the first expiry, which the one after [`EXPIRIES`] takes.
const FROM: usize = offset_of!(Page, last);
const PLACE: usize = size_of::<Expiry>();

/// As others, but to be told from each other.
fn marked(number: u64) -> Kept {
    Kept { cookie: 1_000 + number, waited: 2_000_000_000 + number, ..expiry(number) }
}

#[test]
fn an_expiry_that_is_overwritten_while_it_is_copied_is_not_shown() {
    let home = Home::new("torn");
    let writer = compile("stats/torn.c", Libc::Glibc, &["-shared", "-fPIC"]).expect("there is a cc");
    let made = Made::new(NOBODY, 1, "curl");
    (0..EXPIRIES as u64).for_each(|number| made.page.keep(&marked(number)));
    let before = made.bytes();
    made.page.keep(&marked(EXPIRIES as u64));
    let written = made.bytes()[FROM..FROM + PLACE].to_vec();
    // The writer may also be seen in the middle: the number is odd, and the words are new up to some point.
    let mut begun = before[FROM..FROM + PLACE].to_vec();
    begun[..8].copy_from_slice(&(2 * EXPIRIES as u64 + 1).to_ne_bytes());
    begun[8..PLACE / 2].copy_from_slice(&written[8..PLACE / 2]);
    let by = home.top.join("by");
    for (what, record) in [("whole", written), ("begun", begun)] {
        fs::write(&by, &record).expect("the scratch directory is writable");
        // Behind the number (the first word), behind each of the words, and so that the first copy is whole.
        for at in (FROM + 8..FROM + PLACE + 8).step_by(8) {
            let path = home.put("5000000.1.0", &before);
            let shown = home
                .nd(&["stats", "--json", "5000000"])
                .preload(&[&writer])
                .env("TORN_AT", at.to_string())
                .env("TORN_FROM", FROM.to_string())
                .env("TORN_BY", &by)
                .run()
                .succeeded();
            let after = fs::read(&path).expect("it is there");
            assert_eq!(after[FROM..FROM + PLACE], record, "nobody wrote while it was read: {what}, at {at}");
            let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
            let cookies: Vec<&Value> =
                shown["last"].as_array().expect("an array").iter().map(|one| &one["cookie"]).collect();
            let others: Vec<Value> = (1..EXPIRIES as u64).map(|number| json!(1_000 + number)).collect();
            assert_eq!(cookies, others.iter().collect::<Vec<_>>(), "{what}, at {at}: {}", shown["last"][0]);
        }
    }
}
