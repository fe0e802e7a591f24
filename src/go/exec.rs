//! execve and execveat: what a new program is told is `host::child`'s.
//!
//! A vfork child calls this in its parent's memory, on a frame that is never given back (stack.rs): nothing is allocated, and the
//! tables are not touched.

use crate::host::child::{with_environment, Program, Strings};
use crate::ENGINE;
use core::ffi::c_int;
use netdeadline_engine::sys::Kernel;

/// Make the call, in the environment that the new program is to have. Comes back only if it failed, with a negated errno.
pub fn exec(nr: i64, [a, b, c, d, flags, _]: [usize; 6]) -> isize {
    let k = &ENGINE.kernel;
    let outcome = if nr == libc::SYS_execve {
        let mut exec = |envp: Strings| k.call(nr, [a, b, envp as usize, 0, 0, 0]) as c_int;
        // SAFETY: the program's own path and environment.
        unsafe { with_environment(c as _, Program::At(libc::AT_FDCWD, a as _), &mut exec) }
    } else {
        let open = flags as c_int & libc::AT_EMPTY_PATH != 0;
        let program = if open { Program::Open(a as c_int) } else { Program::At(a as c_int, b as _) };
        let mut exec = |envp: Strings| k.call(nr, [a, b, c, envp as usize, flags, 0]) as c_int;
        // SAFETY: as above.
        unsafe { with_environment(d as _, program, &mut exec) }
    };
    outcome as isize
}
