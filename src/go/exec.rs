//! execve and execveat: how a new program is started is `host::child`'s to say.

use super::stack::Frame;
use super::vfork::Child;
use crate::host::child::{start, Program, Strings};
use crate::ENGINE;
use core::ffi::{c_char, c_int};
use netdeadline_engine::sys::Kernel;

/// Make the frame's call, in its own way or another. Comes back only if it failed, with a negated errno.
pub fn exec(frame: &Frame) -> isize {
    let k = &ENGINE.kernel;
    let [a, b, c, d, flags, _] = frame.args;
    let execveat = frame.nr as i64 == libc::SYS_execveat;
    let (argv, envp, program) = match execveat {
        true => (c, d, Program::of_execveat(a as c_int, b as _, flags as c_int)),
        false => (b, c, Program::At(libc::AT_FDCWD, a as _, 0)),
    };
    let mut exec = |instead: *const c_char, argv: Strings, envp: Strings| {
        let (argv, envp) = (argv as usize, envp as usize);
        let args = match (instead.is_null(), execveat) {
            (false, _) => return k.call(libc::SYS_execve, [instead as usize, argv, envp, 0, 0, 0]) as c_int,
            (true, true) => [a, b, argv, envp, flags, 0],
            (true, false) => [a, argv, envp, 0, 0, 0],
        };
        k.call(frame.nr as i64, args) as c_int
    };
    let door = Child::of(frame);
    // SAFETY: the program's own path, arguments and environment.
    let outcome = unsafe { start(argv as _, envp as _, program, &door, &mut exec) };
    door.lives_on();
    outcome as isize
}
