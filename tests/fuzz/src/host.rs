//! The library's `host`, as far as it reads what others wrote; what those files need of their neighbours is the least that
//! will do.

#[path = "../../../src/host/environment.rs"]
pub mod environment;
#[path = "../../../src/host/handover.rs"]
pub mod handover;
#[path = "../../../src/host/program.rs"]
pub mod program;

pub mod launcher {
    pub fn number_path(_: i32) -> Option<[u8; 1]> {
        None
    }
}

/// What `handover` is called with, as src/host/child.rs has it.
pub mod child {
    use std::ffi::{c_char, c_int};

    pub type Strings = *const *const c_char;
    pub type Exec<'a> = &'a mut dyn FnMut(*const c_char, Strings, Strings) -> c_int;

    pub trait Door {
        fn with_room(&self, words: usize, then: &mut dyn FnMut(&mut [usize]) -> c_int) -> Option<c_int>;
        fn parent_says(&self) -> bool;
    }
}

/// There is no libc to be asked.
mod weak {
    macro_rules! weak {
        ($name:ident) => {
            0_usize
        };
    }

    pub(super) use weak;
}
