//! Who we are, as a record names it.

use super::{file, Kernel};

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

/// geteuid: whose files we make.
pub fn effective_user(k: &impl Kernel) -> u32 {
    k.call(libc::SYS_geteuid, [0; 6]) as u32
}

/// Is there a process of this number, as our namespace counts? In doubt, yes.
pub fn exists(k: &impl Kernel, pid: i32) -> bool {
    pid > 0 && k.call(libc::SYS_kill, [pid as usize, 0, 0, 0, 0, 0]) != -(libc::ESRCH as isize)
}

/// When this process began, in clock ticks after the boot (proc(5), /proc/PID/stat, field 22). Tells it from others that have had
/// its number. `None` where there is no /proc.
#[inline(never)]
pub fn start(k: &impl Kernel) -> Option<u64> {
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    let fd = file::open(k, c"/proc/self/stat", flags, 0).ok()?;
    // The first 22 fields: a name of 64 bytes, and numbers.
    let mut text = [0; 512];
    let count = file::read(k, fd, &mut text);
    let _ = file::close(k, fd);
    start_in(text.get(..count.ok()?)?)
}

/// The same, from that file's text. The second field is a name in brackets, and may itself hold brackets and spaces.
fn start_in(text: &[u8]) -> Option<u64> {
    let name = text.iter().rposition(|byte| *byte == b')')?;
    let mut fields = text.get(name..)?.split(|byte| *byte == b' ');
    // The name's end is the first of them: 2.
    core::str::from_utf8(fields.nth(20)?).ok()?.parse().ok()
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

    #[test]
    fn a_process_began_when_its_stat_says() {
        let text = std::fs::read_to_string("/proc/self/stat").expect("stat");
        let theirs = text.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(19)).expect("field 22");
        assert_eq!(start(&Linux).map(|start| std::format!("{start}")).as_deref(), Some(theirs));
        let odd = b"7 (a) b 1 (c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 23";
        assert_eq!(start_in(odd), Some(4711));
        assert_eq!((start_in(b"7 (a"), start_in(b"7 (a) S 1"), start_in(b"")), (None, None, None));
    }

    #[test]
    fn this_process_exists() {
        assert!(exists(&Linux, pid(&Linux)));
        assert!(!exists(&Linux, 0) && !exists(&Linux, i32::MAX));
    }
}
