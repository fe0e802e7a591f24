//! Whether executing a file gains privileges, so that the loader (AT_SECURE) ignores LD_PRELOAD, and we stay inert too.
//!
//! Source: security/commoncap.c, cap_bprm_creds_from_file (Linux 6.18): secure is a new effective id that differs from the
//! real id we have, or capabilities from the file for anyone whose real id is not root.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;

/// For whom the question is asked.
#[derive(Clone, Copy, PartialEq)]
pub enum Whom {
    /// For the process that would execute the file now.
    Us,
    /// For an ordinary user, whoever asks.
    Anyone,
}

/// The privilege a file gives, in words; None where it gives none.
pub fn gained(file: &File, whom: Whom) -> Option<String> {
    if ignores_suid(file) {
        return None;
    }
    let metadata = file.metadata().ok()?;
    let us = whom == Whom::Us;
    // SAFETY: these four and this prctl take no pointer and cannot fail.
    let (uid, euid, gid, egid, no_new) = unsafe {
        let no_new = libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
        (libc::getuid(), libc::geteuid(), libc::getgid(), libc::getegid(), no_new)
    };
    let mode = metadata.mode();
    let setuid = mode & libc::S_ISUID != 0;
    // Without the group's execute bit it meant mandatory locking, and the kernel ignores it.
    let setgid = mode & libc::S_ISGID != 0 && mode & libc::S_IXGRP != 0;
    if setuid && (!us || (!no_new && metadata.uid() != uid)) {
        return Some(match metadata.uid() {
            0 => String::from("setuid root"),
            owner => format!("setuid (user {owner})"),
        });
    }
    if setgid && (!us || (!no_new && metadata.gid() != gid)) {
        return Some(format!("setgid (group {})", metadata.gid()));
    }
    // no_new_privs does not help here: the kernel calls it secure all the same.
    if (!us || uid != 0) && has_capabilities(file) {
        return Some(String::from("a file with capabilities"));
    }
    // We are ourselves in a privileged program's place: whatever we execute is secure, unless it sets the id back.
    if us && ((!setuid && uid != euid) || (!setgid && gid != egid)) {
        return Some(String::from("started with ids that differ from the user's own"));
    }
    None
}

/// A mount with `nosuid` makes the kernel ignore all three.
fn ignores_suid(file: &File) -> bool {
    // SAFETY: statvfs is plain integers, for which zero is a value.
    let mut mount: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the descriptor is open and `mount` is ours to write.
    let known = unsafe { libc::fstatvfs(file.as_raw_fd(), &mut mount) } == 0;
    known && mount.f_flag & libc::ST_NOSUID != 0
}

/// The attribute `security.capability` (struct vfs_cap_data) with any bit that counts.
fn has_capabilities(file: &File) -> bool {
    let mut value = [0u8; 64];
    // SAFETY: the name is a C string, and the size given is the buffer's.
    let size = unsafe {
        libc::fgetxattr(file.as_raw_fd(), c"security.capability".as_ptr(), value.as_mut_ptr().cast(), value.len())
    };
    let Some(value) = usize::try_from(size).ok().and_then(|size| value.get(..size)) else { return false };
    // The first word is the revision with the effective flag in bit 0, then permitted and inheritable sets; a fourth
    // revision might have more. An attribute in which all of this is 0 gives nothing.
    let effective = value.first().is_some_and(|byte| byte & 1 != 0);
    effective || value.iter().skip(4).take(16).any(|&byte| byte != 0)
}
