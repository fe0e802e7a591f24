//! A kernel that has one open file, whose bytes are the fuzzer's: what `host::program` reads a program's head through.

use netdeadline_engine::sys::Kernel;
use std::cell::RefCell;

thread_local! {
    static FILE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Everybody's file, whatever its number.
pub struct Bytes;

impl Bytes {
    /// These are its bytes from now on.
    pub fn hold(bytes: &[u8]) {
        FILE.with_borrow_mut(|file| {
            file.clear();
            file.extend_from_slice(bytes);
        });
    }
}

impl Kernel for Bytes {
    fn call(&self, nr: i64, args: [usize; 6]) -> isize {
        let [_, to, length, at, ..] = args;
        match nr {
            libc::SYS_pread64 => FILE.with_borrow(|file| {
                if at as i64 >= 0 {
                    let found = file.get(at..).unwrap_or_default();
                    let count = found.len().min(length);
                    // SAFETY: the buffer that the product's own read names, of the length it names.
                    unsafe { std::ptr::copy_nonoverlapping(found.as_ptr(), to as *mut u8, count) };
                    count as isize
                } else {
                    -(libc::EINVAL as isize)
                }
            }),
            libc::SYS_close => 0,
            _ => -(libc::ENOSYS as isize),
        }
    }

    fn now(&self) -> u64 {
        1
    }

    fn pages(&self, _: usize) -> Option<std::ptr::NonNull<u8>> {
        None
    }
}
