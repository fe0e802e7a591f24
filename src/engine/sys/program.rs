//! Reading and writing the program's own memory.
//!
//! The program's pointers are never made into references. They are read either through the kernel (`copy_in`: it answers EFAULT
//! where we would crash) or after the kernel itself has just read or written the same memory in the program's own call.

use super::{answer, Kernel};

/// Copy `len` bytes at `from`, which may be any address at all, to `to`. False if they cannot be read.
///
/// process_vm_readv on ourselves; where a sandbox forbids it (EPERM, ENOSYS) there is no careful way and we read directly, as
/// libc itself would.
pub fn copy_in(k: &impl Kernel, to: &mut [u8], from: usize) -> bool {
    if to.is_empty() {
        return true;
    }
    if from == 0 {
        return false;
    }
    let local = libc::iovec { iov_base: to.as_mut_ptr().cast(), iov_len: to.len() };
    let remote = libc::iovec { iov_base: from as *mut _, iov_len: to.len() };
    let pid = super::process::pid(k) as usize;
    let args = [pid, &raw const local as usize, 1, &raw const remote as usize, 1, 0];
    match answer(k.call(libc::SYS_process_vm_readv, args)) {
        Ok(n) => n == to.len(),
        Err(libc::EPERM | libc::ENOSYS | libc::ESRCH) => {
            // SAFETY: `from` is what the program gave a system call as readable for `to.len()` bytes; see above.
            unsafe { core::ptr::copy_nonoverlapping(from as *const u8, to.as_mut_ptr(), to.len()) };
            true
        }
        Err(_) => false,
    }
}

/// Copy `from` to `to`, which may be any address at all. False if that cannot be written; see [`copy_in`].
pub fn copy_out(k: &impl Kernel, to: usize, from: &[u8]) -> bool {
    if to == 0 {
        return false;
    }
    let local = libc::iovec { iov_base: from.as_ptr().cast_mut().cast(), iov_len: from.len() };
    let remote = libc::iovec { iov_base: to as *mut _, iov_len: from.len() };
    let pid = super::process::pid(k) as usize;
    let args = [pid, &raw const local as usize, 1, &raw const remote as usize, 1, 0];
    match answer(k.call(libc::SYS_process_vm_writev, args)) {
        Ok(n) => n == from.len(),
        Err(libc::EPERM | libc::ENOSYS | libc::ESRCH) => {
            // SAFETY: `to` is what the program gave a system call as writable for that many bytes; see `copy_in`.
            unsafe { core::ptr::copy_nonoverlapping(from.as_ptr(), to as *mut u8, from.len()) };
            true
        }
        Err(_) => false,
    }
}

/// Read a value that the kernel has just read or written at the same place.
///
/// Only for plain integers and C structs of them.
pub(crate) fn peek<T: Copy>(at: usize) -> T {
    // SAFETY: the kernel's success on the same address in the program's own call says that it is mapped; T is plain data, and
    // no reference is made. A thread that unmaps it meanwhile would make the program's own call fail at random as well.
    unsafe { (at as *const T).read_unaligned() }
}

/// Write a value where the kernel has just written, or would have.
pub(crate) fn poke<T: Copy>(at: usize, value: T) {
    // SAFETY: as in `peek`; the program gave this memory to the call to be written.
    unsafe { (at as *mut T).write_unaligned(value) }
}

/// Element `i` of an iovec array: address and length.
pub(crate) fn vector(iov: usize, i: usize) -> (usize, usize) {
    let at = iov.wrapping_add(i.wrapping_mul(core::mem::size_of::<libc::iovec>()));
    let v: libc::iovec = peek(at);
    (v.iov_base as usize, v.iov_len)
}

/// The vector of a msghdr: address and count.
pub(crate) fn message_vector(message: usize) -> (usize, usize) {
    let m: libc::msghdr = peek(message);
    (m.msg_iov as usize, m.msg_iovlen)
}
