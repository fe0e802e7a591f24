//! The launcher's helper, where it became this program's child (a PID 1, or a subreaper): it ends when it has let go of us, and
//! somebody must ask for its status. The program knows nothing of it.

use crate::ENGINE;
use core::sync::atomic::{AtomicI32, Ordering::Relaxed};
use netdeadline_engine::sys::Kernel;

static HELPER: AtomicI32 = AtomicI32::new(0);

/// This child is ours to reap.
pub fn expect(pid: u64) {
    HELPER.store(pid as i32, Relaxed);
}

/// Reap it, if it is there and has ended.
#[inline]
pub fn reap() {
    let pid = HELPER.load(Relaxed);
    if pid == 0 {
        return;
    }
    let how = (libc::WNOHANG | libc::__WALL) as usize;
    // 0: it still runs. Its pid, or ECHILD because the program's own wait(-1) was faster: done.
    if ENGINE.kernel.call(libc::SYS_wait4, [pid as usize, 0, how, 0, 0, 0]) != 0 {
        HELPER.store(0, Relaxed);
    }
}
