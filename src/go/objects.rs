//! The programs and libraries that are loaded in this process, as far as they may be Go's: their segments, as bytes.
//!
//! What is looked for in them is `find`'s.

use super::find::Text;
use crate::host::weak::weak;
use core::ffi::{c_int, c_void};
use core::slice;

/// A loaded program or library.
pub struct Object<'a> {
    /// Its base address.
    base: usize,
    headers: &'a [libc::Elf64_Phdr],
}

impl<'a> Object<'a> {
    /// The main program, by what the kernel says of it (AT_PHDR, AT_PHNUM).
    ///
    /// # Safety
    /// Both are the kernel's, and the program stays mapped.
    pub unsafe fn main(headers: usize, count: usize) -> Option<Object<'a>> {
        if headers == 0 {
            return None;
        }
        // SAFETY: the caller's word.
        let headers: &[libc::Elf64_Phdr] = unsafe { slice::from_raw_parts(headers as *const libc::Elf64_Phdr, count) };
        // The table describes itself: where it is less where it was linked to be is the base. Without that, a program is where
        // it was linked to be, or its first segment begins with the header in whose page the table lies.
        let linked = headers.iter().find(|header| header.p_type == libc::PT_PHDR).map(|header| header.p_vaddr as usize);
        let at = headers.as_ptr() as usize;
        let base = match linked {
            Some(linked) => at.wrapping_sub(linked),
            None => {
                let first = headers.iter().find(|header| header.p_type == libc::PT_LOAD && header.p_offset == 0)?;
                (at & !0xfff).wrapping_sub(first.p_vaddr as usize)
            }
        };
        Some(Object { base, headers })
    }

    /// Is this address in its text?
    pub fn runs(&self, address: usize) -> bool {
        self.texts().any(|text| {
            let from = text.address as usize;
            (from..from.saturating_add(text.bytes.len())).contains(&address)
        })
    }

    /// What tells it from others while it is loaded.
    pub fn identity(&self) -> usize {
        self.headers.as_ptr() as usize
    }

    fn segment(&self, header: &libc::Elf64_Phdr) -> Text<'a> {
        let address = self.base.wrapping_add(header.p_vaddr as usize);
        // SAFETY: a loaded segment, mapped readable; what the file fills of it.
        let bytes = unsafe { slice::from_raw_parts(address as *const u8, header.p_filesz as usize) };
        Text { bytes, address: address as u64 }
    }

    /// What of this header's bytes is loaded: a damaged header may name anything, and the loader looks only at those it loads.
    fn loaded_part(&self, header: &libc::Elf64_Phdr) -> &'a [u8] {
        let part = self.loaded().find_map(|loaded| {
            let from = usize::try_from(header.p_vaddr.checked_sub(loaded.p_vaddr)?).ok()?;
            let bytes = self.segment(loaded).bytes.get(from..)?;
            bytes.get(..bytes.len().min(usize::try_from(header.p_filesz).ok()?))
        });
        part.unwrap_or_default()
    }

    fn loaded(&self) -> impl Iterator<Item = &'a libc::Elf64_Phdr> + use<'a> {
        self.headers.iter().filter(|header| header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_R != 0)
    }

    /// What can be executed.
    pub fn texts(&self) -> impl Iterator<Item = Text<'a>> + '_ {
        self.loaded().filter(|header| header.p_flags & libc::PF_X != 0).map(|header| self.segment(header))
    }

    /// All that is loaded from its file: the function table is in one of these.
    pub fn segments(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.loaded().filter(|header| header.p_flags & libc::PF_X == 0).map(|header| self.segment(header).bytes)
    }

    /// Made by the Go toolchain? It leaves a note with its build id (owner "Go", type 4), unless it was told not to
    /// (-ldflags=-buildid=); then a main program is known by its build information.
    pub fn is_go(&self, main: bool) -> bool {
        self.has_note() || main && self.has_build_information()
    }

    /// The block begins at a multiple of 16 in a writable segment (debug/buildinfo).
    fn has_build_information(&self) -> bool {
        const MAGIC: &[u8] = b"\xff Go buildinf:";
        const FAR: usize = 16 << 20;
        let writable = self.loaded().filter(|header| header.p_flags & libc::PF_W != 0);
        writable.map(|header| self.segment(header).bytes).any(|bytes| {
            bytes.get(..FAR.min(bytes.len())).unwrap_or(bytes).chunks(16).any(|block| block.starts_with(MAGIC))
        })
    }

    fn has_note(&self) -> bool {
        const OWNER: [u8; 4] = *b"Go\0\0";
        const BUILD_ID: u32 = 4;
        self.headers.iter().filter(|header| header.p_type == libc::PT_NOTE).any(|header| {
            let notes = self.loaded_part(header);
            // Owner's size 4, the description's size, type, owner.
            notes.chunks_exact(4).enumerate().any(|(i, word)| {
                let type_word = i.checked_sub(1).and_then(|i| notes.get(4 * i..)?.first_chunk::<4>());
                word == OWNER && type_word == Some(&BUILD_ID.to_ne_bytes())
            })
        })
    }
}

/// The C structure as far as every libc has it (man 3 dl_iterate_phdr).
#[repr(C)]
struct Info {
    base: usize,
    name: *const core::ffi::c_char,
    headers: *const libc::Elf64_Phdr,
    count: u16,
    /// How many objects have ever been loaded.
    loads: u64,
}

/// What a visit says: `true` to see the next object as well.
type Visit<'a> = &'a mut dyn FnMut(&Object, u64) -> bool;

/// Call `visit` with every object that the loader knows, and with how many it has ever loaded. False: there is no loader's list.
pub fn each(visit: Visit) -> bool {
    type Iterate = extern "C" fn(extern "C" fn(*const Info, usize, *mut c_void) -> c_int, *mut c_void) -> c_int;
    extern "C" fn one(info: *const Info, _: usize, visit: *mut c_void) -> c_int {
        // SAFETY: the loader's entry, and the closure that `each` passed.
        let (info, visit) = unsafe { (&*info, &mut *visit.cast::<Visit>()) };
        if info.headers.is_null() {
            return 0;
        }
        // SAFETY: the loader's own table of that many.
        let headers = unsafe { slice::from_raw_parts(info.headers, info.count.into()) };
        c_int::from(!visit(&Object { base: info.base, headers }, info.loads))
    }
    let iterate = weak!(dl_iterate_phdr);
    if iterate == 0 {
        return false;
    }
    // SAFETY: the loader found the name, and C gives it this type.
    let iterate: Iterate = unsafe { core::mem::transmute(iterate) };
    let mut visit: Visit = visit;
    iterate(one, (&raw mut visit).cast());
    true
}
