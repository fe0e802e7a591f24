//! Programs that were never linked: a text with Syscall6 and rawVforkSyscall somewhere in it, and the function table that names
//! them, as Go's linker lays them out (internal/abi, runtime/symtab.go).

use crate::find::{LENGTH, SYSCALL6, VFORK, ZEROING};

/// Where the text is loaded, if nobody says otherwise.
pub const BASE: u64 = 0x40_1000;
/// The name of today.
pub const NAME: &str = "internal/runtime/syscall/linux.Syscall6";

/// A program.
#[derive(Clone)]
pub struct Made {
    /// What is executed, at `BASE`.
    pub text: Vec<u8>,
    /// .gopclntab.
    pub table: Vec<u8>,
}

/// A text of `size` bytes that does nothing, with Syscall6 at each of `places`.
pub fn text(size: usize, places: &[usize]) -> Vec<u8> {
    // Not one byte throughout: a search that stands still would find the same everywhere.
    let mut text: Vec<u8> = (0..size).map(|i| [0x90, 0xcc, 0x49, 0x0f, 0x48][i % 5]).collect();
    for place in places {
        text[*place..place + SYSCALL6.len()].copy_from_slice(&SYSCALL6);
        text[place + SYSCALL6.len()..place + LENGTH].fill(0x90);
    }
    text
}

/// A function table of these functions: where each begins, from the text's start, and its name.
pub fn table(functions: &[(u32, &str)]) -> Vec<u8> {
    const HEADER: usize = 8 + 8 * 8;
    let (mut names, mut records, mut pairs) = (vec![0_u8], Vec::new(), Vec::new());
    let first = 8 * functions.len() + 4;
    for (start, name) in functions {
        let record = (first + records.len()) as u32;
        pairs.extend([start.to_le_bytes(), record.to_le_bytes()].concat());
        // _func: entryOff, nameOff, and more that nobody reads here.
        records.extend([start.to_le_bytes(), (names.len() as u32).to_le_bytes(), [0; 4], [0; 4]].concat());
        names.extend(name.bytes().chain([0]));
    }
    let end = functions.last().map_or(0, |last| last.0 + 64);
    pairs.extend(end.to_le_bytes());
    let mut table = vec![0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8];
    let (names_at, pairs_at) = (HEADER, HEADER + names.len());
    for word in [functions.len(), 1, 0, names_at, 0, 0, 0, pairs_at] {
        table.extend((word as u64).to_le_bytes());
    }
    table.extend(names);
    table.extend(pairs);
    table.extend(records);
    table
}

/// A program whose Syscall6 lies at `place` and has this name, among other functions.
pub fn program(place: usize, name: &str) -> Made {
    let before = [(0, "runtime.text"), (64, "main.main"), (128, "internal/abi.Kind.String")];
    let mut functions: Vec<(u32, &str)> = before.into_iter().filter(|function| (function.0 as usize) < place).collect();
    functions.push((place as u32, name));
    functions.extend([(place as u32 + 64, "runtime.memmove"), (place as u32 + 4096, "syscall.RawSyscall6")]);
    Made { text: text(place + 8192, &[place]), table: table(&functions) }
}

/// What rawVforkSyscall begins with: mov rdi, [rsp+16]; mov rsi, [rsp+24]; mov rdx, [rsp+32].
pub const LOADING: [u8; 15] =
    [0x48, 0x8b, 0x7c, 0x24, 0x10, 0x48, 0x8b, 0x74, 0x24, 0x18, 0x48, 0x8b, 0x54, 0x24, 0x20];

/// rawVforkSyscall as far as its middle, with the zeroing of the older or the newer versions, in a slot of 64 bytes.
pub fn vfork(newer: bool) -> Vec<u8> {
    let mut code = [&LOADING, ZEROING[newer as usize], &VFORK[..]].concat();
    code.resize(64, 0xcc);
    code
}
