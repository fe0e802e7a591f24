//! Who we are, as a record names it.

use super::Kernel;

/// getpid: the process, as its own namespace numbers it.
pub fn pid(k: &impl Kernel) -> i32 {
    k.call(libc::SYS_getpid, [0; 6]) as i32
}

/// Is this a thread of this process? In doubt, yes.
pub fn is_thread(k: &impl Kernel, tid: i32) -> bool {
    k.call(libc::SYS_tgkill, [pid(k) as usize, tid as usize, 0, 0, 0, 0]) != -(libc::ESRCH as isize)
}

/// gettid: the thread.
pub fn tid(k: &impl Kernel) -> i32 {
    k.call(libc::SYS_gettid, [0; 6]) as i32
}

/// The thread's name (PR_GET_NAME), padded with NULs; it may hold any byte.
pub fn comm(k: &impl Kernel) -> [u8; 16] {
    let mut name = [0; 16];
    k.call(libc::SYS_prctl, [libc::PR_GET_NAME as usize, &raw mut name as usize, 0, 0, 0, 0]);
    name
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::sys::Linux;

    #[test]
    fn a_thread_has_its_own_number_and_name() {
        assert_eq!(pid(&Linux) as u32, std::process::id());
        let thread = std::thread::Builder::new().name("fourteen chars".into());
        let (tid_there, name) = thread.spawn(|| (tid(&Linux), comm(&Linux))).expect("spawn").join().expect("join");
        assert!(tid_there > 0 && tid_there != tid(&Linux));
        assert_eq!(&name, b"fourteen chars\0\0");
    }
}
