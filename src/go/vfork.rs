//! Go's children: os/exec and syscall.ForkExec start them by a clone that shares our memory until exec (CLONE_VFORK), and such a
//! child closes and duplicates its descriptors through the same Syscall6, in its parent's memory. It may read the tables and
//! never writes them, so the engine is told before it comes into being (rawVforkSyscall, which has a SYSCALL of its own, is
//! patched for that) and after it is gone.
//!
//! Nobody tells us the second: the parent's thread is suspended meanwhile, so when that very thread makes a call again, the child
//! is gone. Go holds syscall.ForkLock meanwhile: there is one such child at a time.

use crate::ENGINE;
use core::sync::atomic::{AtomicI32, Ordering::*};
use netdeadline_engine::sys::process;

/// The thread that waits for its vfork child; 0: nobody.
static PARENT: AtomicI32 = AtomicI32::new(0);

/// rawVforkSyscall is about to make its call: `first` is its first argument, the flags or clone3's arguments. On the
/// goroutine's stack.
pub extern "C" fn lend(_first: usize) {
    lend_to_child();
}

/// clone, clone3 or vfork is about to be made through Syscall6 itself.
pub fn cloning(nr: i64, first: usize) {
    let flags = match nr {
        libc::SYS_clone => first,
        // Go's own clone3 goes through rawVforkSyscall; what else there may be is taken for one that shares memory.
        _ => libc::CLONE_VM as usize,
    };
    if flags & libc::CLONE_VM as usize != 0 && flags & libc::CLONE_THREAD as usize == 0 {
        lend_to_child();
    }
}

fn lend_to_child() {
    let k = &ENGINE.kernel;
    if !ENGINE.active() || ENGINE.process.borrowed(k) {
        return;
    }
    // A parent that has not made a call since its last child has that one's loan still noted: it is this one's now.
    if PARENT.swap(process::tid(k), AcqRel) == 0 {
        ENGINE.process.lend(k, 1);
    }
}

/// If this is the thread that waited for a vfork child, the child is gone.
#[inline]
pub fn came_back() {
    let parent = PARENT.load(Relaxed);
    if parent != 0
        && process::tid(&ENGINE.kernel) == parent
        && PARENT.compare_exchange(parent, 0, AcqRel, Relaxed).is_ok()
    {
        ENGINE.process.lend(&ENGINE.kernel, -1);
    }
}
