//! The two ways into a process: the dynamic loader's call to our constructor (LD_PRELOAD), and the launcher's jump to our entry
//! point in a program that has no loader.
//!
//! What happens then is `host`'s and the doors'.

use crate::{host, interpose};
use core::ffi::{c_char, c_int};

#[used]
#[link_section = ".init_array"]
static CONSTRUCTOR: extern "C" fn(c_int, *const *const c_char, *const *const c_char) = constructed;

#[used]
#[link_section = ".fini_array"]
static DESTRUCTOR: extern "C" fn() = host::setup::finish;

/// The loader's call. It may come before libc has set up anything.
extern "C" fn constructed(_: c_int, _: *const *const c_char, given: *const *const c_char) {
    interpose::resolve();
    host::setup::start(host::environment::at_start(given));
}
