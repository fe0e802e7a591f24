//! Where the library is, and LD_PRELOAD with it. Which program gets it does not belong here.
//!
//! It is found through the command's own path: what /proc/self/exe says, or, in a root file system without /proc, the absolute
//! path by which we were executed. The current directory and the environment belong to whoever calls us.

use std::ffi::{CStr, OsStr, OsString};
use std::fs::{self, File};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::elf;
use crate::error::Failure;
use crate::judge;
use crate::launch::payload;
use crate::launch::BUILD;
use crate::text;

const NAMES: [&str; 2] = ["libnetdeadline.so.0", "libnetdeadline.so"];

/// The library that belongs to this command.
pub fn find() -> Result<PathBuf, Failure> {
    let file = place()?;
    sound(&file)?;
    Ok(file)
}

/// Where it is. What is in the file is not looked at.
pub fn place() -> Result<PathBuf, Failure> {
    let command = own_path()?;
    let folder = command.parent().unwrap_or(Path::new("/"));
    let up = folder.parent().unwrap_or(Path::new("/"));
    let multiarch = format!("lib/{}-linux-gnu", std::env::consts::ARCH);
    let folders = [folder.to_path_buf(), up.join("lib"), up.join("lib64"), up.join(multiarch)];
    let file = folders.iter().flat_map(|folder| NAMES.map(|name| folder.join(name))).find(|file| file.is_file());
    let Some(file) = file else {
        let folders: Vec<String> = folders.iter().map(|folder| text::path(folder)).collect();
        return Err(Failure::own(format!("libnetdeadline.so is in none of {}", folders.join(", "))));
    };
    Ok(file)
}

fn own_path() -> Result<PathBuf, Failure> {
    let error = match fs::read_link("/proc/self/exe") {
        Ok(command) => return Ok(command),
        Err(error) => error,
    };
    // SAFETY: it takes no pointer.
    let known = |kind| unsafe { libc::getauxval(kind) };
    let executed = known(libc::AT_EXECFN) as *const libc::c_char;
    // A path is its caller's choice, who may have put a link there: good enough for whoever has no more rights than that one.
    if !executed.is_null() && known(libc::AT_SECURE) == 0 {
        // SAFETY: the kernel put the path there, for as long as the process lives.
        let path = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(executed) }.to_bytes()));
        if path.is_absolute() {
            return Ok(path.to_path_buf());
        }
    }
    Err(Failure::own(format!(
        "the library is found through /proc/self/exe, which cannot be read ({}), or by the command's path, which is not absolute",
        text::reason(&error)
    )))
}

/// The loader says one line of a library it cannot load, and starts the program without: look first.
fn sound(file: &Path) -> Result<(), Failure> {
    let shown = text::path(file);
    let opened =
        File::open(file).map_err(|error| Failure::own(format!("{shown} cannot be read: {}", text::reason(&error))))?;
    let ours = elf::read(&opened).is_ok_and(|elf| {
        let soname = elf.soname.unwrap_or_default();
        elf.is_64 && elf.machine == judge::own_machine() && soname.as_bytes().starts_with(b"libnetdeadline.so")
    });
    let build = payload::build(&opened);
    match (ours, build) {
        (true, Some(build)) if build == BUILD.as_bytes() => Ok(()),
        (true, Some(_)) => Err(Failure::own(format!("{shown} is of another build than this command"))),
        _ => Err(Failure::own(format!("{shown} is not the library that belongs to this command"))),
    }
}

/// LD_PRELOAD with the library first and everything that was there kept.
pub fn preload(library: &Path, existing: Option<&OsStr>) -> Result<OsString, Failure> {
    let bytes = library.as_os_str().as_bytes();
    // Blanks and colons separate; after a `$` the loader puts in words of its own ($ORIGIN, $LIB).
    if bytes.iter().any(|byte| byte.is_ascii_whitespace() || matches!(byte, b':' | b'$')) {
        return Err(Failure::own(format!(
            "LD_PRELOAD cannot hold a path with a space, a colon or a dollar sign, as in {}: install netdeadline elsewhere",
            text::path(library)
        )));
    }
    let existing = existing.map(OsStr::as_bytes).filter(|existing| !existing.is_empty());
    let Some(existing) = existing else { return Ok(library.as_os_str().to_owned()) };
    let entries =
        || existing.split(|byte| byte.is_ascii_whitespace() || *byte == b':').filter(|entry| !entry.is_empty());
    if entries().any(|entry| same_file(Path::new(OsStr::from_bytes(entry)), library)) {
        return Ok(OsString::from_vec(existing.to_vec()));
    }
    Ok(OsString::from_vec([bytes, b":", existing].concat()))
}

fn same_file(one: &Path, other: &Path) -> bool {
    let identity = |file: &Path| fs::metadata(file).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    one == other || (identity(one).is_some() && identity(one) == identity(other))
}
