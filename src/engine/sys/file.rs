//! Descriptors as such: what they are, their numbers, and the log's file.

use super::{answer, Kernel};

/// Which file a descriptor leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// st_dev.
    pub device: u64,
    /// st_ino.
    pub inode: u64,
    /// st_mode: type and permissions.
    pub mode: u32,
    /// st_uid.
    pub owner: u32,
}

impl Identity {
    /// The S_IFMT part: `libc::S_IFREG`, `libc::S_IFIFO`, ...
    pub fn kind(&self) -> u32 {
        self.mode & libc::S_IFMT
    }

    /// The same file? Permissions may have changed.
    pub fn same_file(&self, other: &Identity) -> bool {
        (self.device, self.inode, self.kind()) == (other.device, other.inode, other.kind())
    }
}

/// fstat.
pub fn identity(k: &impl Kernel, fd: i32) -> Result<Identity, i32> {
    // The kernel's `struct stat` is libc's on the 64-bit machines we know.
    let mut stat = core::mem::MaybeUninit::<libc::stat>::zeroed();
    answer(k.call(libc::SYS_fstat, [fd as usize, stat.as_mut_ptr() as usize, 0, 0, 0, 0]))?;
    // SAFETY: zeroed, and a struct of integers only.
    let stat = unsafe { stat.assume_init() };
    Ok(Identity { device: stat.st_dev, inode: stat.st_ino, mode: stat.st_mode, owner: stat.st_uid })
}

/// close. Not for the program's descriptors.
pub fn close(k: &impl Kernel, fd: i32) -> Result<(), i32> {
    answer(k.call(libc::SYS_close, [fd as usize, 0, 0, 0, 0, 0])).map(drop)
}

/// F_DUPFD_CLOEXEC: a second number for `fd`, `at_least` or the next free one above it.
pub fn duplicate_high(k: &impl Kernel, fd: i32, at_least: i32) -> Result<i32, i32> {
    let args = [fd as usize, libc::F_DUPFD_CLOEXEC as usize, at_least as usize, 0, 0, 0];
    answer(k.call(libc::SYS_fcntl, args)).map(|fd| fd as i32)
}

/// RLIMIT_NOFILE, the soft one: descriptors are smaller than it.
pub fn number_limit(k: &impl Kernel) -> Result<u64, i32> {
    let mut limit = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    let args = [0, libc::RLIMIT_NOFILE as usize, 0, &raw mut limit as usize, 0, 0];
    answer(k.call(libc::SYS_prlimit64, args))?;
    Ok(limit.rlim_cur)
}

/// F_GETFL: the status flags and the access mode.
pub fn flags(k: &impl Kernel, fd: i32) -> Result<i32, i32> {
    answer(k.call(libc::SYS_fcntl, [fd as usize, libc::F_GETFL as usize, 0, 0, 0, 0])).map(|flags| flags as i32)
}

/// openat of an absolute path. With O_NONBLOCK among the flags, opening waits for nobody.
pub fn open(k: &impl Kernel, path: &core::ffi::CStr, flags: i32, mode: u32) -> Result<i32, i32> {
    let args = [libc::AT_FDCWD as usize, path.as_ptr() as usize, flags as usize, mode as usize, 0, 0];
    answer(k.call(libc::SYS_openat, args)).map(|fd| fd as i32)
}

/// The same of a name in an open directory.
pub fn open_at(k: &impl Kernel, directory: i32, name: &core::ffi::CStr, flags: i32, mode: u32) -> Result<i32, i32> {
    let args = [directory as usize, name.as_ptr() as usize, flags as usize, mode as usize, 0, 0];
    answer(k.call(libc::SYS_openat, args)).map(|fd| fd as i32)
}

/// unlinkat: a name in an open directory is gone.
pub fn remove_at(k: &impl Kernel, directory: i32, name: &core::ffi::CStr) -> Result<(), i32> {
    answer(k.call(libc::SYS_unlinkat, [directory as usize, name.as_ptr() as usize, 0, 0, 0, 0])).map(drop)
}

/// mkdirat of an absolute path.
pub fn make_directory(k: &impl Kernel, path: &core::ffi::CStr, mode: u32) -> Result<(), i32> {
    let args = [libc::AT_FDCWD as usize, path.as_ptr() as usize, mode as usize, 0, 0, 0];
    answer(k.call(libc::SYS_mkdirat, args)).map(drop)
}

/// fallocate: the file is so long, and has its room. EFBIG comes with SIGXFSZ.
pub fn allocate(k: &impl Kernel, fd: i32, bytes: usize) -> Result<(), i32> {
    answer(k.call(libc::SYS_fallocate, [fd as usize, 0, 0, bytes, 0, 0])).map(drop)
}

/// read into a buffer: how many bytes, 0 at the end.
pub fn read(k: &impl Kernel, fd: i32, into: &mut [u8]) -> Result<usize, i32> {
    let count = answer(k.call(libc::SYS_read, [fd as usize, into.as_mut_ptr() as usize, into.len(), 0, 0, 0]))?;
    Ok(count.min(into.len()))
}

/// lseek to the beginning: what was read is read again.
pub fn rewind(k: &impl Kernel, fd: i32) -> Result<(), i32> {
    answer(k.call(libc::SYS_lseek, [fd as usize, 0, libc::SEEK_SET as usize, 0, 0, 0])).map(drop)
}

/// The names in an open directory, as far as they are there at the first looks: at most so many thousand.
pub fn each_name(k: &impl Kernel, directory: i32, mut each: impl FnMut(&core::ffi::CStr)) {
    // struct linux_dirent64 (getdents64(2)): d_ino, d_off, 8 bytes each; d_reclen, 2; d_type, 1; d_name.
    const NAME: usize = 19;
    // Longer than the longest entry; a signal handler may have little stack.
    let mut buffer = [0_u8; 512];
    for _ in 0..256 {
        let args = [directory as usize, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0];
        let count = answer(k.call(libc::SYS_getdents64, args)).unwrap_or(0);
        let mut rest = buffer.get(..count).unwrap_or_default();
        if rest.is_empty() {
            return;
        }
        while let Some(length) = rest.get(16..18).and_then(|bytes| bytes.first_chunk::<2>()) {
            let length = usize::from(u16::from_ne_bytes(*length));
            let Some((entry, after)) = rest.split_at_checked(length.max(1)) else { break };
            let name = entry.get(NAME..).map(core::ffi::CStr::from_bytes_until_nul);
            if let Some(Ok(name)) = name {
                each(name);
            }
            rest = after;
        }
    }
}

/// write. Blocks where the description may block and is not ready: ask [`super::poll_now`] first.
pub fn write(k: &impl Kernel, fd: i32, bytes: &[u8]) -> Result<usize, i32> {
    answer(k.call(libc::SYS_write, [fd as usize, bytes.as_ptr() as usize, bytes.len(), 0, 0, 0]))
}

/// pwritev2(RWF_NOWAIT) at the current offset: EAGAIN instead of blocking, whatever O_NONBLOCK says. Linux 4.14; on pipes later,
/// EOPNOTSUPP before.
pub fn write_nowait(k: &impl Kernel, fd: i32, bytes: &[u8]) -> Result<usize, i32> {
    const RWF_NOWAIT: usize = 8;
    let vector = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // The offset is -1, "the current one", in two halves of which a 64-bit kernel reads the first.
    let args = [fd as usize, &raw const vector as usize, 1, usize::MAX, 0, RWF_NOWAIT];
    answer(k.call(libc::SYS_pwritev2, args))
}

/// The events that the kernel has registered for `fd` in an epoll set, from /proc/self/fdinfo (`tfd: 5 events: 19 data: ...
/// pos:0 ino:65e7c70 sdev:9`, numbers in hex but the first). `None` if it cannot be read, or does not stand in the first 64 KiB: a
/// set so large is not searched for every event.
pub fn registered_events(k: &impl Kernel, set: i32, fd: i32) -> Option<u32> {
    let mut path = [0_u8; 40];
    let name = b"/proc/self/fdinfo/".iter().copied().chain(decimal(set)).chain([0]);
    path.iter_mut().zip(name).for_each(|(to, from)| *to = from);
    let path = core::ffi::CStr::from_bytes_until_nul(&path).ok()?;
    let flags = libc::O_RDONLY | libc::O_NONBLOCK | libc::O_NOFOLLOW | libc::O_CLOEXEC;
    // One that had the number before may still be there: it was closed while a duplicate lived.
    let inode = identity(k, fd).ok().map(|identity| identity.inode);
    let file = open(k, path, flags, 0).ok()?;
    let mut found = None;
    let (mut buffer, mut kept) = ([0_u8; 1024], 0_usize);
    for _ in 0..96 {
        let Some(room) = buffer.get_mut(kept..) else { break };
        let args = [file as usize, room.as_mut_ptr() as usize, room.len(), 0, 0, 0];
        let read = answer(k.call(libc::SYS_read, args)).unwrap_or(0);
        let text = buffer.get(..kept.saturating_add(read)).unwrap_or_default();
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at.saturating_add(1));
        let mut lines = text.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n');
        found = lines.find_map(|line| registered(line, fd, inode));
        if found.is_some() || read == 0 || whole == 0 {
            break;
        }
        // The line that was cut goes to the front.
        let mut front = [0_u8; 1024];
        let rest = text.get(whole..).unwrap_or_default();
        front.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        kept = rest.len();
        buffer = front;
    }
    let _ = close(k, file);
    found
}

/// The digits of a number.
fn decimal(number: i32) -> impl Iterator<Item = u8> {
    let mut digits = [0_u8; 10];
    let mut rest = number.max(0);
    for digit in digits.iter_mut().rev() {
        *digit = (rest % 10) as u8 + b'0';
        rest /= 10;
    }
    let mut leading = true;
    digits.into_iter().enumerate().filter_map(move |(i, digit)| {
        leading &= digit == b'0' && i < 9;
        (!leading).then_some(digit)
    })
}

/// The events of one line, if it is about `fd` and this inode. (Linux before 4.13 does not tell the inode.)
fn registered(line: &[u8], fd: i32, inode: Option<u64>) -> Option<u32> {
    let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let number =
        |word: &[u8], base| core::str::from_utf8(word).ok().and_then(|word| u64::from_str_radix(word, base).ok());
    if words.next()? != b"tfd:" || number(words.next()?, 10)? as i32 != fd || words.next()? != b"events:" {
        return None;
    }
    let events = number(words.next()?, 16)? as u32;
    let told = words.find_map(|word| word.strip_prefix(b"ino:")).and_then(|word| number(word, 16));
    (told.is_none() || inode.is_none() || told == inode).then_some(events)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::sys::Linux;
    use std::{fs::File, os::fd::AsRawFd, os::linux::fs::MetadataExt, os::unix::net::UnixStream};

    #[test]
    fn identity_is_what_stat_says() {
        let file = File::open("/proc/self/exe").expect("open");
        let theirs = file.metadata().expect("stat");
        let ours = identity(&Linux, file.as_raw_fd()).expect("fstat");
        assert_eq!((ours.device, ours.inode, ours.mode), (theirs.st_dev(), theirs.st_ino(), theirs.st_mode()));
        assert_eq!(ours.kind(), libc::S_IFREG);
        assert_eq!(identity(&Linux, i32::MAX), Err(libc::EBADF));
    }

    #[test]
    fn a_registration_is_found_by_its_number_and_its_file() {
        let line = b"tfd:        4 events: 4000001d data:      fffffffff  pos:0 ino:65e7c70 sdev:9";
        assert_eq!(registered(line, 4, Some(0x65e7c70)), Some(0x4000_001d));
        assert_eq!(registered(line, 4, None), Some(0x4000_001d));
        assert_eq!((registered(line, 4, Some(1)), registered(line, 5, Some(0x65e7c70))), (None, None));
        assert_eq!(registered(b"tfd:        4 events:       19 data:                4", 4, Some(1)), Some(0x19));
        assert_eq!((registered(b"tfd:        4", 4, None), registered(b"ino:\t1058", 4, None)), (None, None));
    }

    #[test]
    fn two_sockets_are_not_the_same_file() {
        let (left, right) = UnixStream::pair().expect("pair");
        let (left, right) = (identity(&Linux, left.as_raw_fd()), identity(&Linux, right.as_raw_fd()));
        let (left, right) = (left.expect("fstat"), right.expect("fstat"));
        assert!(left.same_file(&left) && !left.same_file(&right));
    }

    #[test]
    fn a_high_number_is_below_the_limit_and_closes_on_exec() {
        let file = File::open("/proc/self/exe").expect("open");
        let limit = number_limit(&Linux).expect("prlimit");
        assert!(limit > 200);
        let high = duplicate_high(&Linux, file.as_raw_fd(), 150).expect("dup");
        assert!(high >= 150 && (high as u64) < limit);
        // SAFETY: no pointers.
        assert_eq!(unsafe { libc::fcntl(high, libc::F_GETFD) }, libc::FD_CLOEXEC);
        close(&Linux, high).expect("close");
        assert_eq!(duplicate_high(&Linux, file.as_raw_fd(), limit as i32), Err(libc::EINVAL));
    }
}
