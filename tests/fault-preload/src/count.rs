//! How often each hook was called, told when the process exits.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Once;

const NAMES: [&str; 18] = [
    "read",
    "recv",
    "recvfrom",
    "recvmsg",
    "readv",
    "write",
    "send",
    "sendto",
    "sendmsg",
    "writev",
    "poll",
    "select",
    "epoll_wait",
    "epoll_ctl",
    "connect",
    "accept",
    "close",
    "dup2",
];

// Not behind a lock: one that another thread holds at fork would stay held in the child.
static COUNTS: [AtomicU64; NAMES.len()] = [const { AtomicU64::new(0) }; NAMES.len()];

/// One more call of `name`.
pub fn count(name: &'static str) {
    static AT_EXIT: Once = Once::new();
    // SAFETY: `tell` takes and returns nothing, as atexit wants it.
    AT_EXIT.call_once(|| unsafe {
        libc::atexit(tell);
    });
    if let Some(at) = NAMES.iter().position(|known| *known == name) {
        COUNTS[at].fetch_add(1, Relaxed);
    }
}

extern "C" fn tell() {
    let Ok(path) = std::env::var("FAULT_COUNTS") else { return };
    let _inside = crate::hooks::Inside::enter();
    let line: Vec<_> =
        NAMES.iter().zip(&COUNTS).map(|(name, calls)| format!("{name}={}", calls.load(Relaxed))).collect();
    if let Ok(mut file) = std::fs::File::options().append(true).create(true).open(path) {
        // A test that misses its line says so.
        let _ = writeln!(file, "{}", line.join(" "));
    }
}
