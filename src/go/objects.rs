//! The programs and libraries that are loaded in this process, as far as they may be Go's: their segments, as bytes.
//!
//! What is looked for in them is `find`'s. Headers may name more than their file has: the kernel and the loader map that, and
//! touching it is SIGBUS. So nothing is read but what the loader itself has touched or the kernel says can be read.

use super::find::Text;
use crate::host::weak::weak;
use crate::ENGINE;
use core::arch::global_asm;
use core::ffi::{c_int, c_void};
use core::{ptr, slice};
use netdeadline_engine::sys::{Kernel, PAGE};

// What runtime/cgo exports (runtime/cgo/callbacks.go), so what every program of Go's has that another linker than Go's put
// together. The loader finds it while it loads us.
global_asm!(".weak _cgo_topofstack");

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
        let mut texts = self.loaded().filter(|header| header.p_flags & libc::PF_X != 0);
        texts.any(|text| address.wrapping_sub(self.address(text)) < text.p_filesz as usize)
    }

    /// What tells it from others while it is loaded.
    pub fn identity(&self) -> usize {
        self.headers.as_ptr() as usize
    }

    fn address(&self, header: &libc::Elf64_Phdr) -> usize {
        self.base.wrapping_add(header.p_vaddr as usize)
    }

    fn segment(&self, header: &libc::Elf64_Phdr) -> Text<'a> {
        Text { bytes: self.bytes(header, 0, usize::MAX), address: self.address(header) as u64 }
    }

    /// What the file fills of a loaded segment, from its byte `from` on, `most` at the most, as far as it can be read.
    fn bytes(&self, header: &libc::Elf64_Phdr, from: usize, most: usize) -> &'a [u8] {
        let address = self.address(header).wrapping_add(from);
        let size = self.own_size(header).saturating_sub(from).min(most);
        let size = if self.is_touched(header, address, size) { size } else { readable(address, size) };
        if size == 0 {
            return &[];
        }
        // SAFETY: a loaded segment, mapped readable, whose last page can be read; so can those before it, for they are one
        // mapping of one file.
        unsafe { slice::from_raw_parts(address as *const u8, size) }
    }

    /// How much of a segment is its own mapping: one that is loaded over it later replaces it. No linker lays them out so.
    fn own_size(&self, header: &libc::Elf64_Phdr) -> usize {
        let page = |header: &libc::Elf64_Phdr| header.p_vaddr as usize & !(PAGE - 1);
        let others = self.headers.iter().filter(|other| {
            let end = (other.p_vaddr as usize).saturating_add(other.p_memsz as usize);
            other.p_type == libc::PT_LOAD && other.p_memsz != 0 && !ptr::eq(*other, header) && end > page(header)
        });
        let next = others.map(|other| page(other).saturating_sub(header.p_vaddr as usize)).min();
        next.unwrap_or(usize::MAX).min(header.p_filesz as usize)
    }

    /// Has the loader, or the kernel, touched the last page of these bytes already? Then nobody need be asked. So it is with what
    /// lies beside the program headers, and with the last segment where the rest of its last page had to be zeroed.
    fn is_touched(&self, header: &libc::Elf64_Phdr, address: usize, size: usize) -> bool {
        let headers = self.headers.as_ptr_range();
        let read = headers.start as usize & !(PAGE - 1)..(headers.end as usize).wrapping_add(PAGE - 1) & !(PAGE - 1);
        let end = address.saturating_add(size);
        let ragged = !(header.p_vaddr as usize).wrapping_add(header.p_filesz as usize).is_multiple_of(PAGE);
        let zeroed = header.p_flags & libc::PF_W != 0 && ragged && header.p_memsz > header.p_filesz;
        let mut loads = self.headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
        read.contains(&address) && end <= read.end
            || zeroed && loads.next_back().is_some_and(|last| ptr::eq(last, header))
    }

    /// The first bytes of this header's that are loaded: a damaged header may name anything, and the loader looks only at those
    /// it loads.
    fn loaded_part(&self, header: &libc::Elf64_Phdr, most: usize) -> &'a [u8] {
        let part = self.loaded().find_map(|loaded| {
            let from = header.p_vaddr.checked_sub(loaded.p_vaddr).filter(|from| *from <= loaded.p_filesz)?;
            let most = most.min(usize::try_from(header.p_filesz).ok()?);
            Some(self.bytes(loaded, usize::try_from(from).ok()?, most))
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
    /// (-ldflags=-buildid=); then a main program is known by its build information or, where another linker put that behind
    /// data of any size, by what it exports.
    pub fn is_go(&self, main: bool) -> bool {
        self.has_note() || main && (self.runs(weak!(_cgo_topofstack)) || self.has_build_information())
    }

    /// The block begins at a multiple of 16 in a writable segment; Go's linker puts it first (debug/buildinfo). No further than
    /// the command looks: every page of a program's data that is touched here is memory that it may never have needed.
    fn has_build_information(&self) -> bool {
        const MAGIC: &[u8] = b"\xff Go buildinf:";
        const FAR: usize = 64 << 10;
        let mut writable = self.loaded().filter(|header| header.p_flags & libc::PF_W != 0);
        writable.any(|header| self.bytes(header, 0, FAR).chunks(16).any(|block| block.starts_with(MAGIC)))
    }

    fn has_note(&self) -> bool {
        const MOST_NOTES: usize = 64 << 10;
        const OWNER: [u8; 4] = *b"Go\0\0";
        const BUILD_ID: u32 = 4;
        self.headers.iter().filter(|header| header.p_type == libc::PT_NOTE).any(|header| {
            let notes = self.loaded_part(header, MOST_NOTES);
            // Owner's size 4, the description's size, type, owner.
            notes.chunks_exact(4).enumerate().any(|(i, word)| {
                let type_word = i.checked_sub(1).and_then(|i| notes.get(4 * i..)?.first_chunk::<4>());
                word == OWNER && type_word == Some(&BUILD_ID.to_ne_bytes())
            })
        })
    }
}

/// How many of `size` bytes at `address`, one mapping of one file, can be read: those up to the end of the file.
fn readable(address: usize, size: usize) -> usize {
    let Some(last) = size.checked_sub(1).and_then(|size| address.checked_add(size)) else { return 0 };
    let (first, last) = (address / PAGE, last / PAGE);
    if is_readable(last * PAGE) {
        return size;
    }
    // The page before the first counts as readable, and the last is not: between them lies the end.
    let (mut low, mut high) = (first, last);
    while low < high {
        let middle = low + (high - low) / 2;
        if is_readable(middle * PAGE) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    (high * PAGE).saturating_sub(address)
}

/// Can this page be read? A call that asks for nothing, of a mask that it reads first: EFAULT says no. (rt_sigprocmask in Linux's
/// kernel/signal.c copies the mask before it looks at what is to be done with it. Programs under a sandbox may make this call
/// where they may not make process_vm_readv.)
fn is_readable(page: usize) -> bool {
    const NOTHING: usize = usize::MAX;
    let answer = ENGINE.kernel.call(libc::SYS_rt_sigprocmask, [NOTHING, page, 0, 8, 0, 0]);
    answer != -(libc::EFAULT as isize)
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
