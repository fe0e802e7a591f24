//! The file for the node exporter's textfile collector: whole at any moment, and under a name that the collector reads. What is in it
//! is metrics.rs's.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::Failure;
use crate::text;

/// Would the collector read it?
pub fn check(file: &Path) -> Result<(), Failure> {
    match file.extension() {
        Some(kind) if kind == "prom" => Ok(()),
        _ => Err(failure(file, "expected a name that ends in .prom (the node exporter reads no other)")),
    }
}

/// Write beside it, then take its place: whoever reads sees the old or the new.
pub fn write(file: &Path, content: &str) -> Result<(), Failure> {
    let temporary = beside(file);
    let written = fresh(&temporary).and_then(|mut fresh| {
        fresh.write_all(content.as_bytes())?;
        // Whatever the umask: the collector is another user.
        fresh.set_permissions(Permissions::from_mode(0o644))?;
        fs::rename(&temporary, file)
    });
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        failure(file, &text::reason(&error))
    })
}

fn failure(file: &Path, why: &str) -> Failure {
    Failure::own(format!("--textfile: {}: {why}", text::path(file)))
}

/// A name that the collector does not read, and that is ours as long as we live.
fn beside(file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    file.with_file_name(format!(".{name}.{}", std::process::id()))
}

fn fresh(path: &Path) -> io::Result<File> {
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o644).open(path);
    match open() {
        // Left by one that was killed, and whose number we have.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::remove_file(path).and_then(|()| open()),
        result => result,
    }
}
