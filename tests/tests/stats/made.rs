//! Pages made by the engine's own functions, and places to put them. Asserts nothing about the command.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;

use netdeadline_engine::evidence::page::{Destination, Kept, Key, Own, Page, MAGIC, VERSION};
use netdeadline_engine::policy::{Addr, Class};
use netdeadline_tests::{command, scratch, Program};

/// 2026-03-01T16:13:24.120456789Z
pub const NOON: u64 = 1_772_381_604_120_456_789;
/// No process has this number: it is above the kernel's limit (PID_MAX_LIMIT is 2^22).
pub const NOBODY: i32 = 5_000_000;

/// A page as the library leaves it.
pub struct Made {
    pub page: Box<Page>,
    pub pid: i32,
    pub start: u64,
}

impl Made {
    /// Of a process, with nothing counted yet.
    pub fn new(pid: i32, start: u64, comm: &str) -> Made {
        // SAFETY: a page has a size, its place is the global allocator's, and all-zero bytes are a page (`zeroed!` in the engine).
        let page = unsafe { Box::from_raw(std::alloc::alloc_zeroed(std::alloc::Layout::new::<Page>()).cast::<Page>()) };
        let mut name = [0; 16];
        name[..comm.len()].copy_from_slice(comm.as_bytes());
        for (word, bytes) in page.comm.iter().zip(name.chunks(8)) {
            word.store(u64::from_ne_bytes(bytes.try_into().expect("8 bytes")), Relaxed);
        }
        page.magic.store(MAGIC, Relaxed);
        page.size.store(size_of::<Page>() as u64, Relaxed);
        page.pid.store(pid as u64, Relaxed);
        page.start.store(start, Relaxed);
        page.made[0].store(NOON, Relaxed);
        page.made[1].store(1, Relaxed);
        page.version.store(VERSION, Relaxed);
        Made { page, pid, start }
    }

    /// Of this very process, which runs.
    pub fn of_us() -> Made {
        let pid = std::process::id() as i32;
        Made::new(pid, start_of(pid), "tester")
    }

    /// The place of an IPv4 address; connections are counted there.
    pub fn destination(&self, ip: [u8; 4], port: u16, connections: u64) -> &Destination {
        let place = self.page.place(self.page.destination(&Key::of(&Addr::V4 { ip, port }), false));
        place.connections.fetch_add(connections, Relaxed);
        place
    }

    /// Something of everything.
    pub fn busy(self) -> Made {
        let database = self.destination([10, 0, 0, 7], 5432, 1_204);
        database.open.store(3, Relaxed);
        database.connecting.store(1, Relaxed);
        database.awaiting.store(2, Relaxed);
        database.own(Own::Explicit).store(4, Relaxed);
        let connects = database.class(Class::Connect);
        (1..=1_000).for_each(|number| connects.count(number * 1_000_000));
        connects.expired.store(5, Relaxed);
        database.class(Class::Response).count(250_000);
        let server =
            self.page.place(self.page.destination(&Key::of(&Addr::V6 { ip: [0; 16], port: 8080, scope: 0 }), true));
        server.connections.store(17, Relaxed);
        let reads = server.class(Class::Read);
        reads.count(30_000_000_000);
        reads.observed.store(1, Relaxed);
        reads.abandoned.store(2, Relaxed);
        self.page.keep(&expiry(0));
        self
    }

    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let place = (&raw const *self.page).cast::<u8>();
        // SAFETY: a page is made of 64-bit words alone, so that all its bytes are initialized; nobody writes it now.
        unsafe { std::slice::from_raw_parts(place, size_of::<Page>()) }.to_vec()
    }

    /// The file's name.
    pub fn name(&self) -> String {
        format!("{}.{}.0", self.pid, self.start)
    }

    /// Put it where the library would; where that is.
    pub fn put(&self, home: &Home) -> PathBuf {
        home.put(&self.name(), &self.bytes())
    }
}

/// The `number`-th expiry: a connect that a rule ended after two seconds.
pub fn expiry(number: u64) -> Kept {
    let padded = |text: &str| {
        let mut bytes = [0; 16];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        bytes
    };
    Kept {
        realtime: NOON + number * 1_000_000_000,
        tid: 4712,
        fd: 5,
        comm: padded("worker"),
        operation: padded("connect"),
        cause: 0,
        observed: false,
        origin: 2,
        line: 3,
        timeout: 2_000_000_000,
        waited: 2_000_100_000,
        cookie: 77,
        destination: 0,
        bytes: [0, 12],
        rtt_us: u32::MAX,
        retransmits: 1,
        peer: Key::of(&Addr::V4 { ip: [10, 0, 0, 7], port: 5432 }),
    }
}

/// May a test be other users as well? Says so where it may not.
pub fn is_root() -> bool {
    // SAFETY: it takes nothing and cannot fail.
    let root = unsafe { libc::geteuid() } == 0;
    if !root {
        println!("skipped: not root");
    }
    root
}

/// When a process began, as the library reads it.
pub fn start_of(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let after = &stat[stat.rfind(')').expect("a name in brackets") + 2..];
    after.split(' ').nth(19).expect("field 22").parse().expect("a number")
}

/// A directory that stands for XDG_RUNTIME_DIR, with the library's own below it.
pub struct Home {
    pub top: PathBuf,
}

impl Home {
    /// Empty, and a test's own.
    pub fn new(name: &str) -> Home {
        let top = scratch("stats").join(name);
        let _ = fs::remove_dir_all(&top);
        fs::create_dir_all(&top).expect("the scratch directory is writable");
        let home = Home { top: top.canonicalize().expect("it was just made") };
        fs::DirBuilder::new().mode(0o700).create(home.pages()).expect("the scratch directory is writable");
        home
    }

    /// Where the pages are.
    pub fn pages(&self) -> PathBuf {
        self.top.join("netdeadline")
    }

    /// A file there.
    pub fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.pages().join(name);
        let _ = fs::remove_file(&path);
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).expect("it is writable");
        std::io::Write::write_all(&mut file, bytes).expect("there is room");
        path
    }

    /// The command, looking here.
    pub fn nd(&self, arguments: &[&str]) -> Program {
        Program::new(command()).args(arguments).env("XDG_RUNTIME_DIR", &self.top)
    }

    /// What it prints.
    #[track_caller]
    pub fn said(&self, arguments: &[&str]) -> String {
        let finished = self.nd(arguments).run().succeeded();
        assert_eq!(finished.stderr, "", "{finished:#?}");
        finished.stdout
    }

    /// What it prints of all pages there are: root sees those of others too, and what is wrong with them is said on stderr.
    #[track_caller]
    pub fn list(&self, arguments: &[&str]) -> String {
        self.nd(arguments).run().succeeded().stdout
    }

    /// What it says of why it cannot: one line.
    #[track_caller]
    pub fn refused(&self, arguments: &[&str], words: &[&str]) -> String {
        let finished = self.nd(arguments).run();
        assert_eq!(finished.code(), Some(125), "{finished:#?}");
        assert_eq!(finished.stdout, "", "{finished:#?}");
        assert!(finished.stderr.starts_with("netdeadline: ") && finished.stderr.lines().count() == 1, "{finished:#?}");
        for word in words {
            assert!(finished.stderr.contains(word), "no {word:?}: {finished:#?}");
        }
        finished.stderr
    }
}
