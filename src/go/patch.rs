//! The bytes that lead from Go's functions to the trampoline, and writing them into our own process.
//!
//! Where the functions are is `find`'s to say. No page is ever writable and executable at once (SECURITY.md 7).

use super::find;
use super::request::{Patch, LONGEST};
use super::trampoline::{after, before};
use super::vfork::before_vfork;
use crate::ENGINE;
use netdeadline_engine::sys::{file, Kernel, PAGE};

/// Rewrite Syscall6, whose first bytes are at `code`. Its SYSCALL stays where it is, at +12.
pub fn syscall6(address: u64, code: &[u8]) -> Option<Patch> {
    let mut new: [u8; find::LENGTH] = *code.first_chunk()?;
    let mut to = new.iter_mut();
    let mut put = |bytes: &[u8]| bytes.iter().zip(&mut to).for_each(|(from, to)| *to = *from);
    put(&[0xff, 0x15, 18, 0, 0, 0]); //          +0: call [rip + 18], the pointer at +24
    put(&[0x66, 0x0f, 0x1f, 0x44, 0, 0]); //     +6: nop of six bytes
    put(&[0x0f, 0x05]); //                       +12: syscall, as it was
    put(&[0xff, 0x25, 12, 0, 0, 0]); //          +14: jmp [rip + 12], the pointer at +32
    put(&[0xcc; 4]); //                          +20: never reached
    put(&(before as *const () as u64).to_le_bytes()); // +24
    put(&(after as *const () as u64).to_le_bytes()); //  +32
    patch(address, code, &new)
}

/// Call `before_vfork` in place of the instructions that set r10, r8 and r9 to 0.
pub fn vfork(address: u64, code: &[u8]) -> Option<Patch> {
    // nop of three bytes, as often as needed: both lengths (18, 21) are 12 and a multiple of three.
    let mut new = [0; LONGEST];
    let (call, nops) = new.split_at_mut(12);
    let mut to = call.iter_mut();
    let mut put = |bytes: &[u8]| bytes.iter().zip(&mut to).for_each(|(from, to)| *to = *from);
    put(&[0x48, 0xb8]); //                                movabs rax,
    put(&(before_vfork as *const () as u64).to_le_bytes()); //  before_vfork
    put(&[0xff, 0xd0]); //                                call rax (the number is loaded into rax after this)
    for nop in nops.chunks_exact_mut(3) {
        nop.copy_from_slice(&[0x0f, 0x1f, 0x00]);
    }
    patch(address, code, new.get(..code.len())?)
}

fn patch(address: u64, old: &[u8], new: &[u8]) -> Option<Patch> {
    let mut patch = Patch { address, length: new.len() as u64, old: [0; LONGEST], new: [0; LONGEST] };
    patch.old.get_mut(..new.len())?.copy_from_slice(old.get(..new.len())?);
    patch.new.get_mut(..new.len())?.copy_from_slice(new);
    Some(patch)
}

/// Write the patch into our own text. /proc/self/mem writes through a mapping's protection; under MemoryDenyWriteExecute it is
/// the only way, for there a page that was made writable never becomes executable again.
pub fn write(patch: &Patch) -> bool {
    by_memory_file(patch) || by_protection(patch)
}

fn by_memory_file(patch: &Patch) -> bool {
    let k = &ENGINE.kernel;
    let Ok(memory) = file::open(k, c"/proc/self/mem", libc::O_RDWR | libc::O_CLOEXEC, 0) else { return false };
    let args = [memory as usize, patch.new.as_ptr() as usize, patch.length as usize, patch.address as usize, 0, 0];
    let written = k.call(libc::SYS_pwrite64, args);
    let _ = file::close(k, memory);
    written == patch.length as isize
}

fn by_protection(patch: &Patch) -> bool {
    let k = &ENGINE.kernel;
    let start = patch.address as usize & !(PAGE - 1);
    let length = (patch.address as usize + patch.length as usize).next_multiple_of(PAGE) - start;
    // Tried on pages of our own first: where the second step is forbidden, the first must not be made.
    if !may_become_executable(length) {
        return false;
    }
    if k.call(libc::SYS_mprotect, [start, length, (libc::PROT_READ | libc::PROT_WRITE) as usize, 0, 0, 0]) != 0 {
        return false;
    }
    for (i, byte) in patch.new.iter().take(patch.length as usize).enumerate() {
        // SAFETY: within pages that were just made writable; nobody runs this code yet.
        unsafe { (patch.address as usize as *mut u8).add(i).write_volatile(*byte) };
    }
    k.call(libc::SYS_mprotect, [start, length, (libc::PROT_READ | libc::PROT_EXEC) as usize, 0, 0, 0]) == 0
}

fn may_become_executable(length: usize) -> bool {
    let k = &ENGINE.kernel;
    let access = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
    let trial = k.call(libc::SYS_mmap, [0, length, access, flags, usize::MAX, 0]);
    if (-4095..0).contains(&trial) {
        return false;
    }
    let executable = [trial as usize, length, (libc::PROT_READ | libc::PROT_EXEC) as usize, 0, 0, 0];
    let may = k.call(libc::SYS_mprotect, executable) == 0;
    k.call(libc::SYS_munmap, [trial as usize, length, 0, 0, 0, 0]);
    may
}
