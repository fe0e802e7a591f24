//! Reading the policy file, as SECURITY.md 2 wants it: the same conditions that the library itself sets.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::Failure;
use crate::text;

/// More is no policy, and would be read on every start of every program.
const MOST: u64 = 1 << 20;

/// The bytes of a policy file. `source` is the option or variable that names it.
pub fn read(file: &Path, source: &str) -> Result<Vec<u8>, Failure> {
    let failure = |why: String| Failure::own(format!("{source}: {}: {why}", text::path(file)));
    if !file.is_absolute() {
        return Err(failure(String::from(
            "read a relative path, expected an absolute one (it must mean the same in every program)",
        )));
    }
    // Never waits, not even for a FIFO's writer.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(file);
    let mut opened = opened.map_err(|error| failure(text::reason(&error)))?;
    let metadata = opened.metadata().map_err(|error| failure(text::reason(&error)))?;
    if !metadata.is_file() {
        return Err(failure(String::from("it is not a regular file")));
    }
    let mut bytes = Vec::new();
    let size = opened.by_ref().take(MOST + 1).read_to_end(&mut bytes).map_err(|error| failure(text::reason(&error)))?;
    if size as u64 > MOST {
        return Err(failure(String::from("it is larger than 1 MiB")));
    }
    Ok(bytes)
}
