//! Finding a command as execvp(3) does. Whether it can be protected does not belong here.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where execvp looks when there is no PATH.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// What became of a search.
pub enum Found {
    /// This file would be executed.
    At(PathBuf),
    /// There are files of that name, none executable by us: the first.
    Forbidden(PathBuf),
    /// Nothing of that name.
    Nowhere,
}

/// Find `command`: a name with a slash is a path, any other is sought in `path`.
pub fn find(command: &OsStr, path: Option<&OsStr>) -> Found {
    if command.is_empty() {
        return Found::Nowhere;
    }
    if command.as_bytes().contains(&b'/') {
        return Found::At(PathBuf::from(command));
    }
    let path = path.unwrap_or(OsStr::new(DEFAULT_PATH));
    let mut forbidden = None;
    for folder in path.as_bytes().split(|&byte| byte == b':') {
        // An empty entry is the current directory.
        let folder = if folder.is_empty() { OsStr::new(".") } else { OsStr::from_bytes(folder) };
        let file = Path::new(folder).join(command);
        if !file.is_file() {
            continue;
        }
        if executable(&file) {
            return Found::At(file);
        }
        forbidden.get_or_insert(file);
    }
    forbidden.map_or(Found::Nowhere, Found::Forbidden)
}

/// Whether the kernel would let us execute the file: its mode, ACLs and a `noexec` mount count; its content does not.
pub fn executable(file: &Path) -> bool {
    let Ok(name) = CString::new(file.as_os_str().as_bytes()) else { return false };
    // SAFETY: `name` is a C string that outlives the call.
    unsafe { libc::faccessat(libc::AT_FDCWD, name.as_ptr(), libc::X_OK, libc::AT_EACCESS) == 0 }
}
