//! The library as a loader sees it: what is mapped where, and which words of it depend on where that is. Maps nothing.
//!
//! The file is ours, of the same build as this command; what cannot be loaded by the few rules below is refused all the same,
//! for a wrong word in a program's memory is worse than no deadline. (System V ABI, AMD64 supplement, 4.4.1: relocations.)

use std::fs::File;
use std::path::Path;

use object::elf;
use object::endian::Endianness;

use crate::elf::offset_of;
use crate::image::Image;

/// x86-64's page.
pub const PAGE: u64 = 4096;
const LE: Endianness = Endianness::Little;
/// Relative relocations in the packed form (gABI, 2022).
const DT_RELR: u32 = 36;
const MOST_SEGMENTS: u64 = 64;
const MOST_DYNAMIC: u64 = 256;
const MOST_RELOCATIONS: u64 = 1 << 16;
/// The library has a quarter of a megabyte; its zeroed memory somewhat more.
const MOST_BYTES: u64 = 64 << 20;

type Header = elf::ProgramHeader64<Endianness>;

/// A file that can be mapped into a process without its help.
pub struct Payload {
    /// The library, open for reading.
    pub file: File,
    /// How much room it needs, from address 0 of its own counting.
    pub span: u64,
    /// Where it is to be entered.
    pub entry: u64,
    /// What is mapped.
    pub segments: Vec<Segment>,
    /// What becomes read-only in the end: from, to.
    pub relro: Option<(u64, u64)>,
}

/// A loaded segment.
pub struct Segment {
    /// Its first byte's address.
    pub address: u64,
    /// Its first byte's place in the file.
    pub offset: u64,
    /// How much of it is in the file.
    pub in_file: u64,
    /// How much it is; the rest is zero.
    pub in_memory: u64,
    /// PROT_READ and its like.
    pub protection: i32,
    /// The words that the mapping alone does not make right.
    pub fixes: Vec<Fix>,
}

/// A word to be written: `value`, or that much above the library's base.
#[derive(Clone, Copy)]
pub struct Fix {
    /// Where, from the base.
    pub at: u64,
    /// What.
    pub value: u64,
    /// The base is added to it.
    pub relative: bool,
}

impl Payload {
    /// Read the library. `build` is the command's own id; a library of any other is refused.
    pub fn read(path: &Path, build: &str) -> Result<Payload, String> {
        let file = File::open(path).map_err(|error| crate::text::reason(&error))?;
        let image = Image::new(&file).map_err(|error| crate::text::reason(&error))?;
        let (header, headers) = headers(&image).ok_or("it is no ELF library for this machine")?;
        match build_of(&image, &headers) {
            Some(found) if found == build.as_bytes() => {}
            Some(_) => return Err(String::from("it is of another build than this command")),
            None => return Err(String::from("it does not say of which build it is")),
        }
        let mut segments = loaded(&headers)?;
        let entry = header.e_entry.get(LE);
        let enters = |segment: &Segment| {
            segment.protection & libc::PROT_EXEC != 0 && entry.wrapping_sub(segment.address) < segment.in_file
        };
        if entry == 0 || !segments.iter().any(enters) {
            return Err(String::from("it has no way in for a program without a loader"));
        }
        tails(&image, &mut segments).ok_or("it ends before its segments do")?;
        relocate(&image, &headers, &mut segments)?;
        let end = segments.iter().map(|segment| segment.address + segment.in_memory).max().unwrap_or_default();
        let relro = headers.iter().find(|header| header.p_type.get(LE) == elf::PT_GNU_RELRO).map(|header| {
            let start = header.p_vaddr.get(LE);
            (start / PAGE * PAGE, start.saturating_add(header.p_memsz.get(LE)) / PAGE * PAGE)
        });
        let relro = relro.filter(|(start, end)| start < end);
        Ok(Payload { span: end.next_multiple_of(PAGE), entry, segments, relro, file })
    }
}

/// The build id of a library, where it has one. Also for those that are preloaded.
pub fn build(file: &File) -> Option<Vec<u8>> {
    let image = Image::new(file).ok()?;
    let (_, headers) = headers(&image)?;
    build_of(&image, &headers)
}

fn headers(image: &Image) -> Option<(elf::FileHeader64<Endianness>, Vec<Header>)> {
    let header: elf::FileHeader64<Endianness> = image.one(0)?;
    let ident = &header.e_ident;
    let known = ident.magic == elf::ELFMAG
        && (ident.class, ident.data) == (elf::ELFCLASS64, elf::ELFDATA2LSB)
        && (header.e_type.get(LE), header.e_machine.get(LE)) == (elf::ET_DYN, elf::EM_X86_64)
        && usize::from(header.e_phentsize.get(LE)) == size_of::<Header>();
    let headers = image.many(header.e_phoff.get(LE), header.e_phnum.get(LE).into(), MOST_SEGMENTS)?;
    known.then_some((header, headers))
}

/// The description of our note (src/note.rs).
fn build_of(image: &Image, headers: &[Header]) -> Option<Vec<u8>> {
    const START: &[u8] = b"\x0c\0\0\0\x20\0\0\0\x01\0\0\0netdeadline\0";
    headers.iter().filter(|header| header.p_type.get(LE) == elf::PT_NOTE).find_map(|header| {
        let notes = image.bytes(header.p_offset.get(LE), header.p_filesz.get(LE), PAGE)?;
        let at = notes.chunks(4).scan(0, |at, word| Some(std::mem::replace(at, *at + word.len())));
        at.into_iter().find_map(|at| notes.get(at..)?.strip_prefix(START)?.get(..32).map(<[u8]>::to_vec))
    })
}

fn loaded(headers: &[Header]) -> Result<Vec<Segment>, String> {
    let mut segments: Vec<Segment> = Vec::new();
    for header in headers {
        match header.p_type.get(LE) {
            elf::PT_LOAD => {}
            elf::PT_TLS => return Err(String::from("it has thread-local storage")),
            _ => continue,
        }
        let flags = header.p_flags.get(LE);
        let bit = |flag, protection| if flags & flag != 0 { protection } else { 0 };
        let segment = Segment {
            address: header.p_vaddr.get(LE),
            offset: header.p_offset.get(LE),
            in_file: header.p_filesz.get(LE),
            in_memory: header.p_memsz.get(LE),
            protection: bit(elf::PF_R, libc::PROT_READ)
                | bit(elf::PF_W, libc::PROT_WRITE)
                | bit(elf::PF_X, libc::PROT_EXEC),
            fixes: Vec::new(),
        };
        let both = libc::PROT_WRITE | libc::PROT_EXEC;
        // A segment begins on a page of its own: what came before must be over by then.
        let free = segments.last().map_or(0, |last| (last.address + last.in_memory).next_multiple_of(PAGE));
        let sound = segment.protection & both != both
            && segment.address % PAGE == segment.offset % PAGE
            && segment.in_file <= segment.in_memory
            && segment.in_memory <= MOST_BYTES
            && segment.address <= MOST_BYTES
            && segment.offset <= MOST_BYTES
            && segment.address / PAGE * PAGE >= free
            // Zeroed memory behind what the file has must be writable, or nobody could zero its first page.
            && (segment.in_file == segment.in_memory || segment.protection & libc::PROT_WRITE != 0);
        if !sound {
            return Err(String::from("its segments cannot be mapped"));
        }
        segments.push(segment);
    }
    Ok(segments)
}

/// The page in which a segment's part of the file ends goes on with what follows there: to be zeroed, word by word.
fn tails(image: &Image, segments: &mut [Segment]) -> Option<()> {
    for segment in segments.iter_mut().filter(|segment| segment.in_file < segment.in_memory) {
        let end = segment.address + segment.in_file;
        let rest = end.next_multiple_of(PAGE) - end;
        let follows = image.up_to(segment.offset + segment.in_file, rest);
        // Words from the segment's last, whose first bytes it may still own.
        let first = end % 8;
        let start = end - first;
        let mut page = image.bytes(segment.offset + segment.in_file - first, first, 8)?;
        page.extend_from_slice(&follows);
        for (index, word) in page.chunks(8).enumerate() {
            let mut fixed = [0; 8];
            let kept = if index == 0 { first as usize } else { 0 };
            fixed.get_mut(..kept)?.copy_from_slice(word.get(..kept)?);
            if !fixed.starts_with(word) {
                let at = start + index as u64 * 8;
                segment.fixes.push(Fix { at, value: u64::from_le_bytes(fixed), relative: false });
            }
        }
    }
    Some(())
}

/// The dynamic section's relocations as words to be written.
fn relocate(image: &Image, headers: &[Header], segments: &mut [Segment]) -> Result<(), String> {
    let damaged = || String::from("its relocations do not hold together");
    let dynamic = headers.iter().find(|header| header.p_type.get(LE) == elf::PT_DYNAMIC).ok_or_else(damaged)?;
    let count = dynamic.p_filesz.get(LE) / size_of::<elf::Dyn64<Endianness>>() as u64;
    let entries: Vec<elf::Dyn64<Endianness>> =
        image.many(dynamic.p_offset.get(LE), count, MOST_DYNAMIC).ok_or_else(damaged)?;
    let value =
        |tag: u32| entries.iter().find(|entry| entry.d_tag.get(LE) == u64::from(tag)).map(|entry| entry.d_val.get(LE));
    for tag in [elf::DT_REL, DT_RELR, elf::DT_TEXTREL, elf::DT_NEEDED] {
        if value(tag).is_some() {
            return Err(format!("it wants what only a loader can do (dynamic entry {tag})"));
        }
    }
    let symbols = value(elf::DT_SYMTAB).and_then(|address| offset_of(headers, LE, address));
    for (table, size) in [(elf::DT_RELA, elf::DT_RELASZ), (elf::DT_JMPREL, elf::DT_PLTRELSZ)] {
        let Some(address) = value(table) else { continue };
        let count = value(size).ok_or_else(damaged)? / size_of::<elf::Rela64<Endianness>>() as u64;
        let offset = offset_of(headers, LE, address).ok_or_else(damaged)?;
        let entries: Vec<elf::Rela64<Endianness>> = image.many(offset, count, MOST_RELOCATIONS).ok_or_else(damaged)?;
        let most = entries.iter().map(|entry| u64::from(entry.r_sym(LE, false))).max().unwrap_or_default();
        let symbols = symbols.and_then(|start| image.many(start, most + 1, MOST_RELOCATIONS)).unwrap_or_default();
        for entry in &entries {
            let fix = fix(entry, &symbols)?;
            let inside = |segment: &&mut Segment| {
                segment.protection & libc::PROT_WRITE != 0
                    && fix.at >= segment.address
                    && fix.at.saturating_add(8) <= segment.address + segment.in_memory
            };
            segments.iter_mut().find(inside).ok_or_else(damaged)?.fixes.push(fix);
        }
    }
    Ok(())
}

fn fix(entry: &elf::Rela64<Endianness>, symbols: &[elf::Sym64<Endianness>]) -> Result<Fix, String> {
    let (at, addend) = (entry.r_offset.get(LE), entry.r_addend.get(LE) as u64);
    match entry.r_type(LE, false) {
        elf::R_X86_64_RELATIVE => Ok(Fix { at, value: addend, relative: true }),
        kind @ (elf::R_X86_64_64 | elf::R_X86_64_GLOB_DAT | elf::R_X86_64_JUMP_SLOT) => {
            let addend = if kind == elf::R_X86_64_64 { addend } else { 0 };
            let symbol = symbols.get(entry.r_sym(LE, false) as usize).ok_or("it has a relocation without a symbol")?;
            let (binding, sort) = (symbol.st_info >> 4, symbol.st_info & 15);
            if symbol.st_shndx.get(LE) != elf::SHN_UNDEF && sort != elf::STT_GNU_IFUNC && sort != elf::STT_TLS {
                return Ok(Fix { at, value: symbol.st_value.get(LE).wrapping_add(addend), relative: true });
            }
            // What libc would have had: there is none, and the library asks before it calls.
            if symbol.st_shndx.get(LE) == elf::SHN_UNDEF && binding == elf::STB_WEAK {
                return Ok(Fix { at, value: addend, relative: false });
            }
            Err(String::from("it needs a symbol that only a loader can find"))
        }
        kind => Err(format!("it has a relocation of a kind that the launcher does not know ({kind})")),
    }
}
