//! What an ELF file says of itself: class, machine, loader, libraries, whether it is Go. What follows from that is
//! coverage.rs's to say.
//!
//! The file is untrusted. The limits are the kernel's where it has one (fs/binfmt_elf.c: 64 KiB of program headers, a
//! loader's path of at most PATH_MAX), so what we call damaged the kernel does not start either.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStringExt;

use object::elf;
use object::endian::{Endianness, U16, U64};

use crate::golang::{self, Go};
use crate::image::{find, Image};

/// Program headers the kernel accepts: 65536 / 56 bytes.
const MOST_SEGMENTS: u64 = 1170;
const MOST_PATH: u64 = 4096;
const MOST_DYNAMIC: u64 = 4096;
/// Large C++ programs have some megabytes of dynamic names.
const MOST_NAMES: u64 = 64 << 20;

/// The parts of an ELF file that decide how it can be covered.
pub struct Elf {
    /// e_machine and EI_DATA: what processor it is for.
    pub machine: (u16, u8),
    /// EI_CLASS is 64-bit. Where it is not, only `machine` is filled in.
    pub is_64: bool,
    /// ET_EXEC or ET_DYN.
    pub kind: u16,
    /// It says where it begins to run: a library does not.
    pub entry: bool,
    /// The dynamic loader it asks for.
    pub interpreter: Option<OsString>,
    /// It has a dynamic section that says it is a program (DF_1_PIE).
    pub pie: bool,
    /// DT_SONAME: a library's own name.
    pub soname: Option<OsString>,
    /// DT_NEEDED, in order.
    pub needed: Vec<OsString>,
    /// The program was made by the Go toolchain.
    pub go: Option<Go>,
    /// It names liburing's functions, or needs liburing.
    pub io_uring: bool,
    /// It was packed by UPX.
    pub packed: bool,
}

/// Why a file is no ELF file we can describe.
#[derive(Debug)]
pub enum Error {
    /// It does not begin as one.
    NotElf,
    /// It begins as one and then does not hold together.
    Damaged(&'static str),
}

/// Segments that are loaded, to find where in the file an address is.
pub type Segments = [elf::ProgramHeader64<Endianness>];

/// Describe an open file.
pub fn read(file: &File) -> Result<Elf, Error> {
    let image = Image::new(file).map_err(|_| Error::Damaged("it cannot be read"))?;
    let [class, data] = match image.up_to(0, 16).get(..6) {
        Some([magic @ .., class, data]) if magic == elf::ELFMAG => [*class, *data],
        None if image.up_to(0, 4) == elf::ELFMAG => return Err(Error::Damaged("it ends inside its header")),
        _ => return Err(Error::NotElf),
    };
    let endian = match data {
        elf::ELFDATA2LSB => Endianness::Little,
        elf::ELFDATA2MSB => Endianness::Big,
        _ => return Err(Error::Damaged("its byte order is neither little nor big endian")),
    };
    // e_type and e_machine stand at the same place in both classes.
    let short = |offset| image.one::<U16<Endianness>>(offset).map(|value| value.get(endian));
    let kind = short(16).ok_or(Error::Damaged("it ends inside its header"))?;
    let machine = short(18).ok_or(Error::Damaged("it ends inside its header"))?;
    let mut elf = Elf {
        machine: (machine, data),
        is_64: class == elf::ELFCLASS64,
        kind,
        entry: false,
        interpreter: None,
        pie: false,
        soname: None,
        needed: Vec::new(),
        go: None,
        io_uring: false,
        packed: false,
    };
    match class {
        elf::ELFCLASS64 => {}
        elf::ELFCLASS32 => return Ok(elf),
        _ => return Err(Error::Damaged("its class is neither 32 nor 64 bit")),
    }
    if !matches!(kind, elf::ET_EXEC | elf::ET_DYN) {
        return Err(Error::Damaged(match kind {
            elf::ET_REL => "it is an object file (.o), not linked yet",
            elf::ET_CORE => "it is a core dump, not a program",
            _ => "its type is neither a program nor a library",
        }));
    }
    let header: elf::FileHeader64<Endianness> = image.one(0).ok_or(Error::Damaged("it ends inside its header"))?;
    if usize::from(header.e_phentsize.get(endian)) != size_of::<elf::ProgramHeader64<Endianness>>() {
        return Err(Error::Damaged("its program headers have a wrong size"));
    }
    let (offset, count) = (header.e_phoff.get(endian), u64::from(header.e_phnum.get(endian)));
    let segments: Vec<elf::ProgramHeader64<Endianness>> = image
        .many(offset, count, MOST_SEGMENTS)
        .filter(|segments: &Vec<_>| !segments.is_empty())
        .ok_or(Error::Damaged("its program headers lie outside the file"))?;
    elf.entry = header.e_entry.get(endian) != 0;
    elf.interpreter = interpreter(&image, &segments, endian)?;
    dynamic(&image, &segments, endian, &mut elf)?;
    elf.go = golang::find(&image, &header, &segments, endian);
    elf.packed = find(&image.up_to(0, 1024), b"UPX!").is_some();
    Ok(elf)
}

/// The loader's path. The kernel takes the first PT_INTERP and wants it to end with NUL; so do we.
fn interpreter(image: &Image, segments: &Segments, endian: Endianness) -> Result<Option<OsString>, Error> {
    let Some(segment) = segments.iter().find(|segment| segment.p_type.get(endian) == elf::PT_INTERP) else {
        return Ok(None);
    };
    let path = image
        .bytes(segment.p_offset.get(endian), segment.p_filesz.get(endian), MOST_PATH)
        .ok_or(Error::Damaged("its loader's name lies outside the file"))?;
    match path.split_last() {
        Some((0, rest)) if !rest.is_empty() => {
            let name = rest.split(|&byte| byte == 0).next().unwrap_or_default();
            Ok(Some(OsString::from_vec(name.to_vec())))
        }
        _ => Err(Error::Damaged("its loader's name does not end")),
    }
}

/// What the dynamic section says; a program without one is left as it is.
fn dynamic(image: &Image, segments: &Segments, endian: Endianness, elf: &mut Elf) -> Result<(), Error> {
    let Some(segment) = segments.iter().find(|segment| segment.p_type.get(endian) == elf::PT_DYNAMIC) else {
        return Ok(());
    };
    let count = segment.p_filesz.get(endian) / size_of::<elf::Dyn64<Endianness>>() as u64;
    let entries: Vec<elf::Dyn64<Endianness>> = image
        .many(segment.p_offset.get(endian), count, MOST_DYNAMIC)
        .ok_or(Error::Damaged("its dynamic section lies outside the file"))?;
    let entries = || {
        let pairs = entries.iter().map(|entry| (entry.d_tag.get(endian), entry.d_val.get(endian)));
        pairs.take_while(|(tag, _)| *tag != u64::from(elf::DT_NULL))
    };
    let value = |wanted: u32| entries().find(|(tag, _)| *tag == u64::from(wanted)).map(|(_, value)| value);
    elf.pie = value(elf::DT_FLAGS_1).is_some_and(|flags| flags & u64::from(elf::DF_1_PIE) != 0);
    let (Some(names_at), Some(names_size)) = (value(elf::DT_STRTAB), value(elf::DT_STRSZ)) else {
        return Ok(());
    };
    let names = offset_of(segments, endian, names_at)
        .map(|offset| image.up_to(offset, names_size.min(MOST_NAMES)))
        .ok_or(Error::Damaged("its dynamic names lie outside the file"))?;
    let name = |offset: u64| -> Option<OsString> {
        let rest = names.get(usize::try_from(offset).ok()?..)?;
        let end = rest.iter().take(MOST_PATH as usize).position(|&byte| byte == 0)?;
        Some(OsString::from_vec(rest.get(..end)?.to_vec()))
    };
    elf.soname = value(elf::DT_SONAME).and_then(name);
    for (_, offset) in entries().filter(|(tag, _)| *tag == u64::from(elf::DT_NEEDED)) {
        elf.needed.push(name(offset).ok_or(Error::Damaged("the name of a library it needs lies outside the file"))?);
    }
    elf.io_uring = find(&names, b"\0io_uring_").is_some()
        || elf.needed.iter().any(|name| name.as_encoded_bytes().starts_with(b"liburing.so"));
    Ok(())
}

/// Where in the file the byte at a virtual address is.
pub fn offset_of(segments: &Segments, endian: Endianness, address: u64) -> Option<u64> {
    segments.iter().filter(|segment| segment.p_type.get(endian) == elf::PT_LOAD).find_map(|segment| {
        let within = address.checked_sub(segment.p_vaddr.get(endian))?;
        (within < segment.p_filesz.get(endian)).then(|| segment.p_offset.get(endian).checked_add(within))?
    })
}

/// A word of the file in its own byte order.
pub fn word(image: &Image, endian: Endianness, offset: u64) -> Option<u64> {
    image.one::<U64<Endianness>>(offset).map(|value| value.get(endian))
}
