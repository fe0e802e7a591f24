//! The search for Go's Syscall6 in a text and a function table that somebody made.
//!
//! What it answers must be certain: the bytes are at the place, and the table that it was shown names it.

use super::Taken;
use crate::find::{function_table, names_vfork, syscall6, vfork, Text, LENGTH, SYSCALL6, VFORK};
use crate::made;

pub fn run(bytes: &[u8]) {
    let mut taken = Taken(bytes);
    let address = match taken.byte() % 4 {
        0 => made::BASE,
        1 => 0,
        2 => u64::MAX - taken.number(),
        _ => taken.number(),
    };
    let size = usize::from(taken.byte()) << 8 | usize::from(taken.byte());
    let (code, segment) = (taken.some(size), taken.0);
    let text = Text { bytes: code, address };
    let at = |place: u64| usize::try_from(place.wrapping_sub(address)).expect("inside the text");
    let table = function_table(segment);
    if let Ok(place) = syscall6(text, table) {
        let at = at(place);
        assert_eq!(place % 16, 0, "functions begin at multiples of 16");
        assert!(code[at..at + LENGTH].starts_with(&SYSCALL6));
        let times = (0..code.len()).filter(|i| (address.wrapping_add(*i as u64)) % 16 == 0);
        let times = times.filter(|i| code[*i..].starts_with(&SYSCALL6)).count();
        assert_eq!(times, 1, "it must be there once");
        // Somewhere in what was shown stands one of its names, whole.
        let named = |name: &[u8]| segment.windows(name.len()).any(|window| window == name);
        assert!(named(b"syscall.Syscall6\0") || named(b"syscall/linux.Syscall6\0"));
    }
    if let Some((place, length)) = vfork(text) {
        let at = at(place);
        assert!(length == 21 || length == 18);
        assert!(code[at + length..].starts_with(&VFORK));
    }
    if let Some(table) = table {
        if names_vfork(table) {
            assert!(table.windows(25).any(|window| window == b"\0syscall.rawVforkSyscall\0"));
        }
    }
    // A table is where the caller says it is: any bytes.
    let _ = (syscall6(text, Some(segment)), names_vfork(segment));
}

/// An input of these parts.
fn input(made: &made::Made) -> Vec<u8> {
    let size = made.text.len() as u16;
    [&[0][..], &size.to_be_bytes(), &made.text, &made.table].concat()
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for name in ["runtime/internal/syscall.Syscall6", "internal/runtime/syscall.Syscall6", made::NAME, "a.b"] {
        let mut made = made::program(0x100, name);
        made.text.truncate(0x400);
        seeds.push(input(&made));
    }
    let twice = made::Made { text: made::text(0x300, &[0x100, 0x200]), table: made::table(&[(0x100, made::NAME)]) };
    seeds.push(input(&twice));
    for newer in [false, true] {
        let mut text = made::text(0x300, &[0x100]);
        text.splice(0x200..0x240, made::vfork(newer));
        let table = made::table(&[(0, "runtime.text"), (0x100, made::NAME), (0x200, "syscall.rawVforkSyscall")]);
        seeds.push(input(&made::Made { text, table }));
    }
    seeds
}
