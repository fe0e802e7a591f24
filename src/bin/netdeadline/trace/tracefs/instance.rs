//! A trace instance of our own: buffers and switches that nobody else's tracing shares. It is gone when we are.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::format::Format;
use crate::text;

/// How the instances are named, before the number of the process.
const NAME: &str = "netdeadline-";
/// What is read at a time: the kernel's page, or a larger part of the buffer (buffer_subbuf_size_kb).
const PAGE: usize = 1 << 16;

/// The directory, and each CPU's buffer.
pub struct Instance {
    path: PathBuf,
    cpus: Vec<File>,
    page: Box<[u8]>,
}

impl Instance {
    /// Make it, with so many bytes of buffer in all, and times that are those of CLOCK_MONOTONIC.
    pub fn make(tracefs: &Path, bytes: u32) -> Result<Instance, String> {
        let instances = tracefs.join("instances");
        sweep(&instances);
        let path = instances.join(format!("{NAME}{}", std::process::id()));
        fs::create_dir(&path).map_err(|error| {
            let hint =
                if error.kind() == io::ErrorKind::PermissionDenied { "; root may: run it with sudo" } else { "" };
            format!("cannot make a trace instance, {}: {}{hint}", text::path(&path), text::reason(&error))
        })?;
        // From here on the directory is removed again, whatever happens.
        let mut instance = Instance { path, cpus: Vec::new(), page: vec![0; PAGE].into() };
        instance.write("trace_clock", "mono")?;
        let mut names: Vec<PathBuf> = match fs::read_dir(instance.path.join("per_cpu")) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(error) => {
                return Err(format!("{}: {}", text::path(&instance.path.join("per_cpu")), text::reason(&error)))
            }
        };
        names.sort();
        let each = (bytes >> 10) / (names.len().max(1) as u32);
        instance.write("buffer_size_kb", &each.max(64).to_string())?;
        for name in names {
            let file = name.join("trace_pipe_raw");
            let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(&file);
            instance.cpus.push(opened.map_err(|error| format!("{}: {}", text::path(&file), text::reason(&error)))?);
        }
        Ok(instance)
    }

    /// Begin to record an event.
    pub fn enable(&self, event: &str) -> Result<Format, String> {
        let directory = self.path.join("events").join(event);
        let format = Format::read(&directory)
            .map_err(|error| format!("{}: {}", text::path(&directory.join("format")), text::reason(&error)))?;
        self.write(&format!("events/{event}/enable"), "1")?;
        Ok(format)
    }

    fn write(&self, name: &str, value: &str) -> Result<(), String> {
        let file = self.path.join(name);
        fs::write(&file, value).map_err(|error| format!("{}: {}", text::path(&file), text::reason(&error)))
    }

    /// All pages that there are.
    pub fn pages(&mut self, tell: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        for cpu in &mut self.cpus {
            loop {
                match cpu.read(&mut self.page) {
                    Ok(0) => break,
                    Ok(size) => tell(self.page.get(..size).unwrap_or_default()),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        return Err(format!("{}: trace_pipe_raw: {}", text::path(&self.path), text::reason(&error)))
                    }
                }
            }
        }
        Ok(())
    }

    /// Records that were overwritten before we came, or found no room.
    pub fn lost(&self) -> u64 {
        let mut lost = 0;
        for entry in fs::read_dir(self.path.join("per_cpu")).into_iter().flatten().flatten() {
            let stats = fs::read_to_string(entry.path().join("stats")).unwrap_or_default();
            for name in ["overrun:", "commit overrun:", "dropped events:"] {
                let count = stats.lines().find_map(|line| line.strip_prefix(name));
                lost += count.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or_default();
            }
        }
        lost
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.write("events/enable", "0");
        // An open buffer holds the instance.
        self.cpus.clear();
        let _ = fs::remove_dir(&self.path);
    }
}

/// Remove what one of us who was killed has left.
fn sweep(instances: &Path) {
    for entry in fs::read_dir(instances).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(NAME)).filter(|pid| pid.parse::<u32>().is_ok());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}
