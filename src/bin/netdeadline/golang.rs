//! Whether a program was made by the Go toolchain, by which version, and whether the library would find its way into it. Go does
//! not call libc for I/O, so libc's names alone see nothing of it.
//!
//! Go is known by any of: the build information block (section `.go.buildinfo`, or its magic in the data where sections
//! are stripped; format: debug/buildinfo in Go's library), the note `Go` 4 (the build id), the section `.gopclntab`.

use std::fs::File;

use object::elf;
use object::endian::Endianness;

use crate::elf::{offset_of, word, Segments};
use crate::image::{self, Image};

#[path = "../../go/find.rs"]
#[allow(dead_code, reason = "the library includes the same file and uses the rest")]
mod find;

pub use find::Doubt;

const MAGIC: &[u8] = b"\xff Go buildinf:";
const INLINE_STRINGS: u8 = 2;
const MOST_SECTIONS: u64 = 4096;
const MOST_NOTES: u64 = 64 << 10;
/// How far into a writable segment the magic is sought where the file has no sections, and in how many: linkers make one
/// or two.
const MOST_DATA: u64 = 32 << 20;
const MOST_WRITABLE: usize = 4;
/// The largest programs seen have some hundred megabytes of code and data; this much is read of all segments together.
const MOST_LOADED: u64 = 1 << 30;
/// How far into its data `launch-child` looks for the magic: it is the first thing there (debug/buildinfo looks no further).
const FIRST_DATA: u64 = 64 << 10;
const MOST_SEGMENTS: u64 = 64;

/// A program made by Go.
pub struct Go {
    /// As the toolchain says it ("go1.26.8"), where it says.
    pub version: Option<String>,
}

/// Look for Go's marks.
pub fn find(
    image: &Image,
    header: &elf::FileHeader64<Endianness>,
    segments: &Segments,
    endian: Endianness,
) -> Option<Go> {
    let sections = Sections::read(image, header, endian).unwrap_or_default();
    let section = |name: &str| sections.offset_of(name.as_bytes(), endian);
    let block = section(".go.buildinfo").or_else(|| match sections.is_empty() {
        true => search(image, segments, endian),
        false => None,
    });
    if let Some(offset) = block {
        return Some(Go { version: version(image, segments, endian, offset) });
    }
    (section(".gopclntab").is_some() || has_note(image, segments, endian)).then_some(Go { version: None })
}

/// The sections and their names; none where the table is stripped or does not hold together.
#[derive(Default)]
struct Sections {
    table: Vec<elf::SectionHeader64<Endianness>>,
    /// One after the other, each ended by a NUL. Never copied out: every section may name the same, a megabyte long.
    names: Vec<u8>,
}

impl Sections {
    fn read(image: &Image, header: &elf::FileHeader64<Endianness>, endian: Endianness) -> Option<Sections> {
        let count = u64::from(header.e_shnum.get(endian));
        let mut table: Vec<elf::SectionHeader64<Endianness>> =
            image.many(header.e_shoff.get(endian), count, MOST_SECTIONS)?;
        let names = table.get(usize::from(header.e_shstrndx.get(endian)))?;
        let names = image.bytes(names.sh_offset.get(endian), names.sh_size.get(endian), 1 << 20)?;
        table.retain(|section| section.sh_name.get(endian) as usize <= names.len());
        Some(Sections { table, names })
    }

    fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Where in the file the section of that name is.
    fn offset_of(&self, name: &[u8], endian: Endianness) -> Option<u64> {
        let is_named = |section: &&elf::SectionHeader64<Endianness>| {
            let rest = self.names.get(section.sh_name.get(endian) as usize..).and_then(|rest| rest.strip_prefix(name));
            rest.is_some_and(|rest| matches!(rest.first(), None | Some(0)))
        };
        self.table.iter().find(is_named).map(|section| section.sh_offset.get(endian))
    }
}

/// The block begins at a multiple of 16 in a writable segment.
fn search(image: &Image, segments: &Segments, endian: Endianness) -> Option<u64> {
    let writable = |segment: &&elf::ProgramHeader64<Endianness>| {
        segment.p_type.get(endian) == elf::PT_LOAD && segment.p_flags.get(endian) & elf::PF_W != 0
    };
    segments.iter().filter(writable).take(MOST_WRITABLE).find_map(|segment| {
        let start = segment.p_offset.get(endian);
        let data = image.up_to(start, segment.p_filesz.get(endian).min(MOST_DATA));
        let index = data.chunks(16).position(|block| block.starts_with(MAGIC))?;
        start.checked_add(index as u64 * 16)
    })
}

/// The version's text: in the block itself since Go 1.18, behind two pointers before.
fn version(image: &Image, segments: &Segments, endian: Endianness, offset: u64) -> Option<String> {
    let head = image.bytes(offset, 32, 32)?;
    let text = if head.get(15)? & INLINE_STRINGS != 0 {
        let start = offset.checked_add(32)?;
        // A varint; a version has fewer than 128 letters, so one byte.
        let size = u64::from(*image.bytes(start, 1, 1)?.first()?);
        image.bytes(start.checked_add(1)?, size, 127)?
    } else {
        let pointer = word(image, endian, offset.checked_add(16)?)?;
        let string = offset_of(segments, endian, pointer)?;
        let size = word(image, endian, string.checked_add(8)?)?;
        image.bytes(offset_of(segments, endian, word(image, endian, string)?)?, size, 127)?
    };
    let text = String::from_utf8(text).ok()?;
    let plain = |c: char| c.is_ascii_graphic() || c == ' ';
    (text.starts_with("go") || text.starts_with("devel")).then_some(text).filter(|text| text.chars().all(plain))
}

/// The note that holds Go's build id: owner "Go", type 4.
fn has_note(image: &Image, segments: &Segments, endian: Endianness) -> bool {
    let order = |value: u32| match endian {
        Endianness::Little => value.to_le_bytes(),
        Endianness::Big => value.to_be_bytes(),
    };
    let notes = segments.iter().filter(|segment| segment.p_type.get(endian) == elf::PT_NOTE);
    notes.into_iter().any(|segment| {
        let bytes = image.up_to(segment.p_offset.get(endian), segment.p_filesz.get(endian).min(MOST_NOTES));
        // Owner's size 4, then the description's size (any), type 4, owner.
        bytes.chunks_exact(4).collect::<Vec<_>>().windows(4).any(|words| {
            words.first() == Some(&&order(4)[..])
                && words.get(2) == Some(&&order(4)[..])
                && words.get(3) == Some(&&b"Go\0\0"[..])
        })
    })
}

/// Is this what the launcher is for? The headers alone are read: for whoever must be quick.
pub fn is_static_go(file: &File) -> bool {
    let endian = Endianness::Little;
    let Some((image, segments)) = sixty_four(file) else { return false };
    let of = |kind| segments.iter().filter(move |segment| segment.p_type.get(endian) == kind);
    if of(elf::PT_INTERP).next().is_some() {
        return false;
    }
    // The note can be left out (-ldflags=-buildid=), and stripping never takes the block.
    has_note(&image, &segments, endian)
        || of(elf::PT_LOAD).filter(|segment| segment.p_flags.get(endian) & elf::PF_W != 0).any(|segment| {
            let data = image.up_to(segment.p_offset.get(endian), segment.p_filesz.get(endian).min(FIRST_DATA));
            image::find(&data, MAGIC).is_some()
        })
}

/// What would keep the library from patching this program; None where nothing does. Reads all of its code.
pub fn doubt(file: &File) -> Option<Doubt> {
    let endian = Endianness::Little;
    let Some((image, segments)) = sixty_four(file) else { return Some(Doubt::NoFunction) };
    let loaded = || segments.iter().filter(|segment| segment.p_type.get(endian) == elf::PT_LOAD);
    // Segments may lie over each other, each as long as a sparse file.
    let mut left = MOST_LOADED;
    let mut bytes = |segment: &elf::ProgramHeader64<Endianness>| {
        let bytes = image.up_to(segment.p_offset.get(endian), segment.p_filesz.get(endian).min(left));
        left = left.saturating_sub(bytes.len() as u64);
        bytes
    };
    let executable = |segment: &&elf::ProgramHeader64<Endianness>| segment.p_flags.get(endian) & elf::PF_X != 0;
    let table = loaded().filter(|segment| !executable(segment)).map(&mut bytes).find_map(|mut bytes| {
        let start = bytes.len() - find::function_table(&bytes)?.len();
        bytes.drain(..start);
        Some(bytes)
    });
    let mut found = 0;
    for segment in loaded().filter(executable) {
        let code = bytes(segment);
        match find::syscall6(find::Text { bytes: &code, address: segment.p_vaddr.get(endian) }, table.as_deref()) {
            Ok(_) => found += 1,
            Err(Doubt::NoFunction) => {}
            Err(doubt) => return Some(doubt),
        }
    }
    match found {
        0 => Some(Doubt::NoFunction),
        1 => None,
        _ => Some(Doubt::Several),
    }
}

/// A 64-bit program of this machine's: its segments.
fn sixty_four(file: &File) -> Option<(Image<'_>, Vec<elf::ProgramHeader64<Endianness>>)> {
    let endian = Endianness::Little;
    let image = Image::new(file).ok()?;
    let header: elf::FileHeader64<Endianness> = image.one(0)?;
    let known = header.e_ident.magic == elf::ELFMAG
        && (header.e_ident.class, header.e_ident.data) == (elf::ELFCLASS64, elf::ELFDATA2LSB)
        && header.e_machine.get(endian) == elf::EM_X86_64;
    let segments = image.many(header.e_phoff.get(endian), header.e_phnum.get(endian).into(), MOST_SEGMENTS)?;
    known.then_some((image, segments))
}
