//! The search for Syscall6 in bytes that somebody made: it finds what is certain, refuses what is not, and never panics.

use crate::find::{function_table, syscall6, vfork, Doubt, Text, LENGTH, SYSCALL6};
use crate::made::{program, table, text, vfork as vfork_code, Made, BASE, LOADING, NAME};
use std::time::{Duration, Instant};

fn search(made: &Made) -> Result<u64, Doubt> {
    syscall6(Text { bytes: &made.text, address: BASE }, function_table(&made.table))
}

#[test]
fn each_of_its_names_is_known_and_only_these() {
    for name in ["runtime/internal/syscall.Syscall6", "internal/runtime/syscall.Syscall6", NAME] {
        assert_eq!(search(&program(0x200, name)), Ok(BASE + 0x200), "{name}");
    }
    let longer = format!("{NAME}.abi0");
    for name in ["syscall.Syscall6", "example.org/internal/runtime/syscall.Syscall6", "a.b", "", &longer, &NAME[1..]] {
        assert_eq!(search(&program(0x200, name)), Err(Doubt::AnotherName), "{name:?}");
    }
}

#[test]
fn it_is_found_wherever_it_lies_and_wherever_the_text_begins() {
    for place in [0, 16, 0x40, 0x1000, 0xff0, 0x12_340] {
        assert_eq!(search(&program(place, NAME)), Ok(BASE + place as u64), "at {place:#x}");
    }
    // The table counts from runtime.text, which may lie behind the segment's start (C's start files, a page of headers).
    for start in [0x10_usize, 0x1000, 0x2340] {
        let mut made = program(0x200, NAME);
        made.text.splice(0..0, std::iter::repeat_n(0xcc, start));
        assert_eq!(search(&made), Ok(BASE + start as u64 + 0x200), "text at {start:#x}");
    }
    // And anything may have been loaded anywhere.
    let made = program(0x200, NAME);
    for address in [0x10, 0x7fff_ffff_f000, u64::MAX - 0xffff] {
        let text = Text { bytes: &made.text, address };
        assert_eq!(syscall6(text, function_table(&made.table)), Ok(address.wrapping_add(0x200)), "{address:#x}");
    }
}

#[test]
fn what_is_not_certain_is_refused() {
    let made = program(0x200, NAME);
    let with = |change: fn(&mut Made)| {
        let mut made = made.clone();
        change(&mut made);
        search(&made)
    };
    assert_eq!(with(|made| made.text = text(0x4000, &[])), Err(Doubt::NoFunction), "Go 1.19");
    assert_eq!(with(|made| made.text = text(0x4000, &[0x200, 0x400])), Err(Doubt::Several));
    assert_eq!(with(|made| made.text = text(0x4000, &[0x100])), Err(Doubt::AnotherName), "below the named place");
    assert_eq!(with(|made| made.table.clear()), Err(Doubt::NoTable));
    assert_eq!(with(|made| made.table[0] ^= 0x40), Err(Doubt::NoTable), "garble changes the magic");
    assert_eq!(with(|made| made.text.truncate(0x200 + LENGTH - 1)), Err(Doubt::NoFunction), "cut off");
    let renamed = program(0x200, "aXb1.z9");
    assert_eq!(search(&renamed), Err(Doubt::AnotherName), "garble renames");
    for byte in 0..SYSCALL6.len() {
        let mut made = made.clone();
        made.text[0x200 + byte] ^= 1;
        assert_eq!(search(&made), Err(Doubt::NoFunction), "another instruction, byte {byte}");
    }
    let aside = |by: usize| {
        let mut made = made.clone();
        made.text.splice(0..0, std::iter::repeat_n(0xcc, by));
        search(&made)
    };
    assert_eq!([1, 8, 15].map(aside), [Err(Doubt::NoFunction); 3], "functions begin at multiples of 16");
}

#[test]
#[ignore = "known: where the text begins is not named, so a place a little above the named one passes if its bytes are unique"]
fn bytes_at_another_functions_place_are_refused() {
    let mut made = program(0x200, NAME);
    made.text = text(0x4000, &[0x300]);
    assert_eq!(search(&made), Err(Doubt::AnotherName));
}

#[test]
fn a_table_behind_what_only_looks_like_one_is_found() {
    let real = table(&[(0, "main.main"), (0x200, NAME)]);
    let start = &real[..8];
    let absurd = [start, &[0xff; 72]].concat();
    let empty = [start, &[0; 72]].concat();
    for lure in [start, &absurd[..], &empty[..], &real[..7], &[0xf1; 100][..]] {
        let mut segment = [&[0; 24], lure].concat();
        segment.resize(segment.len().next_multiple_of(8), 0);
        segment.extend(&real);
        assert_eq!(function_table(&segment).map(<[u8]>::len), Some(real.len()), "behind {lure:x?}");
    }
    assert_eq!(function_table(&absurd), None);
    assert_eq!(function_table(&[]), None);
}

#[test]
fn both_shapes_of_the_fork_are_known_and_two_are_none() {
    let filler = text(0x100, &[]);
    for newer in [false, true] {
        let code = [&filler[..], &vfork_code(newer), &filler].concat();
        let length = if newer { 18 } else { 21 };
        assert_eq!(vfork(Text { bytes: &code, address: BASE }), Some((BASE + 0x100 + LOADING.len() as u64, length)));
        let two = [&code[..], &vfork_code(!newer)].concat();
        assert_eq!(vfork(Text { bytes: &two, address: BASE }), None);
        let (loading, rest) = (&vfork_code(newer)[..LOADING.len()], &vfork_code(newer)[LOADING.len() + 1..]);
        let other = [&filler[..], loading, &[0x90], rest].concat();
        assert_eq!(vfork(Text { bytes: &other, address: BASE }), None, "other instructions before it");
    }
    assert_eq!(vfork(Text { bytes: &[], address: BASE }), None);
}

/// The same numbers in every run (xorshift).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }
}

fn spoil(bytes: &mut Vec<u8>, chance: &mut Chance) {
    if bytes.is_empty() {
        return;
    }
    let at = chance.below(bytes.len());
    match chance.below(6) {
        0 => bytes[at] = chance.below(256) as u8,
        1 => bytes.truncate(at),
        // A word of the header, or of a record: huge, small, or just beyond the end.
        2 | 3 => {
            let header = chance.below(9) * 8;
            let at = if chance.below(2) == 0 { header } else { at };
            let words = [u64::MAX, 1 << 63, u64::from(u32::MAX), bytes.len() as u64, 0, 1];
            let word = words[chance.below(6)].wrapping_sub(chance.below(2) as u64).to_le_bytes();
            bytes.iter_mut().skip(at).zip(word).for_each(|(to, from)| *to = from);
        }
        4 => {
            let (from, length) = (chance.below(bytes.len()), chance.below(200));
            let piece: Vec<u8> = bytes.iter().copied().skip(from).take(length).collect();
            bytes.splice(at..at, piece);
        }
        _ => {
            let end = (at + chance.below(100)).min(bytes.len());
            bytes.drain(at..end);
        }
    }
}

#[test]
fn spoilt_programs_are_searched_without_a_panic_and_nothing_is_guessed() {
    let mut found = 0;
    for seed in 1..30_000_u64 {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut made = program([0x200, 0x400, 0x1230][chance.below(3)], NAME);
        made.text.truncate(0x2000);
        for _ in 0..=chance.below(6) {
            spoil(&mut made.table, &mut chance);
            if chance.below(4) == 0 {
                spoil(&mut made.text, &mut chance);
            }
        }
        let address = [BASE, BASE + 1, u64::MAX - 0x100, 0][chance.below(4)];
        let text = Text { bytes: &made.text, address };
        // Whatever the table was found to be, or the spoilt bytes themselves.
        for table in [function_table(&made.table), Some(&made.table[..])] {
            let Ok(place) = syscall6(text, table) else { continue };
            found += 1;
            let at = place.wrapping_sub(address) as usize;
            let code = made.text.get(at..at + LENGTH).unwrap_or_else(|| panic!("seed {seed}: beyond the text"));
            assert_eq!(code[..SYSCALL6.len()], SYSCALL6, "seed {seed}");
            assert_eq!(place % 16, 0, "seed {seed}");
            let named = made.table.windows(NAME.len()).any(|window| window == NAME.as_bytes());
            assert!(named, "seed {seed}: the table no longer has the name");
        }
        vfork(text);
    }
    assert!(found > 1000, "hardly anything was left to find: {found}");
}

#[test]
fn bytes_made_to_be_slow_are_not() {
    let start = [0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8];
    let lures = [&[0xf1; 1 << 22][..], &start.repeat(1 << 19)].concat();
    let code = vfork_code(true).repeat(1 << 17);
    let began = Instant::now();
    function_table(&lures);
    vfork(Text { bytes: &code, address: BASE });
    syscall6(Text { bytes: &SYSCALL6[..8].repeat(1 << 20), address: BASE }, None).expect_err("it is not there");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
