//! Where Go's one system call function is, in the bytes of a program or library. The library (in memory) and the command (in
//! the file) both include this file, so that `check` says what the library will find.
//!
//! Syscall6 is found by its first 21 bytes, the same from Go 1.20 to 1.27, and must be there once; the function table
//! (.gopclntab, which also stripped programs keep: the runtime needs it) must call that place Syscall6. Any doubt is an
//! answer, never a guess. Nothing is written here, and nothing outside the given bytes is read.

use core::fmt;

/// mov r10, rsi; mov rdx, rdi; mov rsi, rcx; mov rdi, rbx; syscall; cmp rax, -4095; jbe. What follows differs by version.
/// (internal/runtime/syscall/linux/asm_linux_amd64.s at go1.26)
pub const SYSCALL6: [u8; 21] = [
    0x49, 0x89, 0xf2, 0x48, 0x89, 0xfa, 0x48, 0x89, 0xce, 0x48, 0x89, 0xdf, 0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff,
    0xff, 0x76,
];

/// How much of Syscall6 is rewritten. The shortest (1.27) has 50 bytes in a slot of 64.
pub const LENGTH: usize = 40;

/// mov rax, [rsp+8]; pop r12; syscall; push r12; cmp rax, -4095: the middle of syscall.rawVforkSyscall, which starts os/exec's
/// children. (syscall/asm_linux_amd64.s at go1.21 and go1.26)
pub const VFORK: [u8; 17] =
    [0x48, 0x8b, 0x44, 0x24, 0x08, 0x41, 0x5c, 0x0f, 0x05, 0x41, 0x54, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff];

/// What stands before `VFORK`: r10, r8 and r9 set to 0, by three instructions of 7 bytes (to 1.26) or of 6 (1.27).
pub const ZEROING: [&[u8]; 2] = [
    &[0x49, 0xc7, 0xc2, 0, 0, 0, 0, 0x49, 0xc7, 0xc0, 0, 0, 0, 0, 0x49, 0xc7, 0xc1, 0, 0, 0, 0],
    &[0x41, 0xba, 0, 0, 0, 0, 0x41, 0xb8, 0, 0, 0, 0, 0x41, 0xb9, 0, 0, 0, 0],
];

/// Functions begin at multiples of this (16 to Go 1.20, 32 from 1.21).
const ALIGNMENT: usize = 16;

/// The names Syscall6 has had: to 1.22, 1.23 to 1.25, from 1.26.
const NAMES: [&[u8]; 3] = [
    b"runtime/internal/syscall.Syscall6",
    b"internal/runtime/syscall.Syscall6",
    b"internal/runtime/syscall/linux.Syscall6",
];

/// Why Syscall6 was not found for certain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// The bytes are nowhere.
    NoFunction,
    /// They are there more than once.
    Several,
    /// There is no function table that this version can read.
    NoTable,
    /// The table calls the place by another name, or not at all.
    AnotherName,
    /// The table names rawVforkSyscall, which is not as it is known.
    NoVfork,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Doubt::NoFunction => "Go's Syscall6 is not in it (Go before 1.20 has none)",
            Doubt::Several => "it has more than one place that looks like Go's Syscall6",
            Doubt::NoTable => {
                "its function table is missing or obfuscated, so Go's Syscall6 cannot be told for certain"
            }
            Doubt::AnotherName => {
                "its function table does not call the place that looks like Go's Syscall6 by that name"
            }
            Doubt::NoVfork => "the function that starts its children (rawVforkSyscall) is not as it is known",
        })
    }
}

/// Executable bytes and where they are.
#[derive(Clone, Copy)]
pub struct Text<'a> {
    /// One executable segment.
    pub bytes: &'a [u8],
    /// The address of its first byte.
    pub address: u64,
}

/// The address of Syscall6 in `text`. `table` is what begins at .gopclntab ([`function_table`] finds it).
pub fn syscall6(text: Text, table: Option<&[u8]>) -> Result<u64, Doubt> {
    let mut found = None;
    let skew = (text.address as usize).wrapping_neg() % ALIGNMENT;
    let mut at = skew;
    while let Some(window) = text.bytes.get(at..at.saturating_add(SYSCALL6.len())) {
        // The first 8 bytes in one comparison: most places end here.
        if window.first_chunk::<8>() == SYSCALL6.first_chunk::<8>() && window == SYSCALL6 {
            if found.is_some() {
                return Err(Doubt::Several);
            }
            found = Some(at);
        }
        at += ALIGNMENT;
    }
    let at = found.ok_or(Doubt::NoFunction)?;
    if text.bytes.len().saturating_sub(at) < LENGTH {
        return Err(Doubt::NoFunction);
    }
    let address = text.address.wrapping_add(at as u64);
    let table = Table::read(table.ok_or(Doubt::NoTable)?).ok_or(Doubt::NoTable)?;
    if table.confirms(text, address) {
        Ok(address)
    } else {
        Err(Doubt::AnotherName)
    }
}

/// The place in rawVforkSyscall where r10, r8 and r9 are set to 0, and how many bytes that takes. `None`: it is not there as
/// it is known, or twice.
pub fn vfork(text: Text) -> Option<(u64, usize)> {
    // Its first instruction, mov rdi, [rsp + 16]; the rest has 57 bytes at most.
    const FIRST: [u8; 5] = [0x48, 0x8b, 0x7c, 0x24, 0x10];
    const MOST: usize = 64;
    let mut found = None;
    let mut start = (text.address as usize).wrapping_neg() % ALIGNMENT;
    while let Some(rest) = text.bytes.get(start..).filter(|rest| rest.len() >= VFORK.len()) {
        let code = rest.get(..MOST.min(rest.len())).unwrap_or(rest);
        if let Some(at) = code.starts_with(&FIRST).then(|| position(code, &VFORK)).flatten() {
            let before = code.get(..at)?;
            if let Some(zeroing) = ZEROING.iter().find(|zeroing| before.ends_with(zeroing)) {
                if found.is_some() {
                    return None;
                }
                let place = start + before.len() - zeroing.len();
                found = Some((text.address.wrapping_add(place as u64), zeroing.len()));
            }
        }
        start += ALIGNMENT;
    }
    found
}

/// Does this function table name a rawVforkSyscall?
pub fn names_vfork(table: &[u8]) -> bool {
    Table::read(table).is_some_and(|table| position(table.names, b"\0syscall.rawVforkSyscall\0").is_some())
}

/// The function table in a readable segment: it begins at a multiple of 8, with a magic number (1.20 on) and a plausible header.
pub fn function_table(segment: &[u8]) -> Option<&[u8]> {
    const START: [u8; 8] = [0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8];
    let mut starts = segment.chunks_exact(8).enumerate().filter(|(_, chunk)| *chunk == START);
    starts.find_map(|(i, _)| segment.get(8 * i..).filter(|table| Table::read(table).is_some()))
}

/// Where `needle` first stands.
fn position(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    loop {
        from += bytes.get(from..)?.iter().position(|byte| *byte == first)?;
        if bytes.get(from..)?.starts_with(needle) {
            return Some(from);
        }
        from += 1;
    }
}

/// .gopclntab, as internal/abi and runtime/symtab.go of go1.20 to 1.27 lay it out.
struct Table<'a> {
    /// The function names, each ended by a NUL.
    names: &'a [u8],
    /// Pairs of u32: where a function begins (from the text's start), where its record is (from this array's start).
    functions: &'a [u8],
    count: usize,
}

impl<'a> Table<'a> {
    fn read(bytes: &'a [u8]) -> Option<Table<'a>> {
        let word = |i: usize| Some(u64::from_le_bytes(*bytes.get(8 + 8 * i..)?.first_chunk()?));
        let count = usize::try_from(word(0)?).ok()?;
        let names = bytes.get(usize::try_from(word(3)?).ok()?..)?;
        let functions = bytes.get(usize::try_from(word(7)?).ok()?..)?;
        // The names end where the next part begins.
        let length = word(4)?.checked_sub(word(3)?).and_then(|length| usize::try_from(length).ok());
        let names = length.and_then(|length| names.get(..length)).unwrap_or(names);
        (count > 0 && count.checked_mul(8)? < functions.len()).then_some(Table { names, functions, count })
    }

    fn u32_at(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(*self.functions.get(at..)?.first_chunk()?))
    }

    fn start_of(&self, i: usize) -> Option<u32> {
        self.u32_at(i.checked_mul(8)?)
    }

    /// Is function `i` Syscall6? Its record: where it begins, then where its name is (runtime._func).
    fn is_syscall6(&self, i: usize) -> bool {
        let name = || {
            let record = self.u32_at(i.checked_mul(8)?.checked_add(4)?)? as usize;
            let name = self.u32_at(record.checked_add(4)?)? as usize;
            self.names.get(name..)
        };
        name().is_some_and(|name| {
            NAMES.iter().any(|known| name.strip_prefix(*known).is_some_and(|rest| rest.first() == Some(&0)))
        })
    }

    /// Is there a function of that name at `address`? The table counts from the start of the text, which it does not name (0
    /// from 1.26 on and in position-independent programs); so the start is what is left when the function's own offset is
    /// taken from its address, and must be in the segment. The usual ones are tried before all functions are looked at.
    fn confirms(&self, text: Text, address: u64) -> bool {
        let page = text.address.wrapping_add(0x1000);
        [page, text.address].iter().any(|start| self.confirms_from(*start, address))
            || self.confirms_somewhere(text, address)
    }

    fn confirms_from(&self, start: u64, address: u64) -> bool {
        let Some(offset) = address.checked_sub(start).and_then(|offset| u32::try_from(offset).ok()) else {
            return false;
        };
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.start_of(middle) {
                Some(at) if at == offset => return self.is_syscall6(middle),
                Some(at) if at < offset => low = middle + 1,
                Some(_) => high = middle,
                None => return false,
            }
        }
        false
    }

    fn confirms_somewhere(&self, text: Text, address: u64) -> bool {
        (0..self.count).any(|i| {
            let Some(start) = self.start_of(i).and_then(|offset| address.checked_sub(offset.into())) else {
                return false;
            };
            // After the last function comes where it ends: so much must fit behind the start.
            let end = self.start_of(self.count).and_then(|length| start.checked_add(length.into()));
            let fits = end.is_some_and(|end| end <= text.address.saturating_add(text.bytes.len() as u64));
            start >= text.address && fits && start % ALIGNMENT as u64 == 0 && self.is_syscall6(i)
        })
    }
}
