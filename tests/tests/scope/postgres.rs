//! A PostgreSQL of the tests' own: an empty cluster below /tmp, reached by a unix socket, gone with the last test that uses it.

use crate::stage::is_root;
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

/// A running server. It ends when this is dropped.
pub struct Postgres {
    directory: PathBuf,
    server: Child,
}

/// The server that the tests share, started if there is none now. `None`, with the reason printed, where it cannot be.
pub fn postgres() -> Option<Arc<Postgres>> {
    static SHARED: Mutex<Weak<Postgres>> = Mutex::new(Weak::new());
    if !is_root() {
        return None;
    }
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let server = shared.upgrade().unwrap_or_else(|| Arc::new(Postgres::start()));
    *shared = Arc::downgrade(&server);
    Some(server)
}

/// The directory of the newest version's programs.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("postgres").exists()).max();
    found.expect("postgresql is installed (tests/packages.txt)")
}

/// The user and group of PostgreSQL, which refuses to run as root.
fn user() -> (u32, u32) {
    let name = CString::new("postgres").expect("no zero in it");
    // SAFETY: the name ends with a zero; what comes back is read before anything else asks for a user.
    let user = unsafe { libc::getpwnam(name.as_ptr()).as_ref() };
    user.map(|user| (user.pw_uid, user.pw_gid)).expect("the package made a user postgres")
}

impl Postgres {
    fn start() -> Postgres {
        let (uid, gid) = user();
        // The next one may start while the last one's directory is still being removed.
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Relaxed);
        let directory = std::env::temp_dir().join(format!("nd-scope-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir(&directory).expect("/tmp is writable");
        std::os::unix::fs::chown(&directory, Some(uid), Some(gid)).expect("we are root");
        let (uid, gid) = (format!("--reuid={uid}"), format!("--regid={gid}"));
        // The signal at our end must be asked for once the user is changed: that resets it.
        let as_postgres = ["setpriv", &uid, &gid, "--clear-groups", "--pdeathsig", "KILL"];
        let data = directory.join("data");
        let initdb = Command::new(as_postgres[0])
            .args(&as_postgres[1..])
            .arg(programs().join("initdb"))
            .args(["-A", "trust", "-N", "--no-locale", "-D"])
            .arg(&data)
            .current_dir("/")
            .output()
            .expect("setpriv is installed");
        assert!(initdb.status.success(), "initdb: {}", String::from_utf8_lossy(&initdb.stderr));
        let log = std::fs::File::create(directory.join("log")).expect("the directory is ours");
        // With namespaces of its own nothing is left of it: no stopped backend, no shared memory.
        let server = Command::new("unshare")
            .args(["--pid", "--ipc", "--fork", "--kill-child"])
            .args(as_postgres)
            .arg(programs().join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&directory)
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "shared_buffers=1MB"])
            .args(["-c", "dynamic_shared_memory_type=mmap"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .current_dir("/")
            .spawn()
            .expect("unshare is installed");
        let server = Postgres { directory, server };
        server.until_it_answers();
        server
    }

    fn until_it_answers(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        let answers = || {
            let asked = Command::new(programs().join("pg_isready")).args(["-q", "-h"]).arg(&self.directory).status();
            asked.is_ok_and(|status| status.success())
        };
        while !answers() {
            assert!(Instant::now() < end, "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    /// The directory of its socket.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.join(".s.PGSQL.5432")
    }

    /// How libpq reaches it.
    pub fn conninfo(&self) -> String {
        format!("host={} user=postgres", self.directory.display())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Not more than a complaint, which may come while a test's own panic is under way.
        if let Err(error) = self.server.kill().and_then(|()| self.server.wait().map(drop)) {
            eprintln!("PostgreSQL did not end: {error}");
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
