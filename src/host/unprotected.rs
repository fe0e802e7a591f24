//! Saying, once for each reason, that a program was started without deadlines.
//!
//! Whether it is so is `child`'s to find out. A vfork child may have its error output elsewhere already, and a line is lost
//! there: where the parent comes back through us, it is the parent who says it.

use super::setup::Printable;
use crate::ENGINE;
use core::sync::atomic::{AtomicU32, AtomicU8, Ordering::*};

/// Why a program is started as if we were not there.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Reason {
    /// ELF class.
    OtherClass,
    /// LD_PRELOAD names a path that is not there.
    NoLibrary,
    /// AT_SECURE.
    Privileged,
    /// ptrace.
    Traced,
    /// Only a descriptor leads to it, or a path that is gone.
    NoPath,
    /// No launcher that may be executed here.
    NoLauncher,
    /// There is one, and executing it failed: for its own loader, or because one path more was too long.
    NoExec,
}

impl Reason {
    const ALL: [Reason; 7] = [
        Reason::OtherClass,
        Reason::NoLibrary,
        Reason::Privileged,
        Reason::Traced,
        Reason::NoPath,
        Reason::NoLauncher,
        Reason::NoExec,
    ];

    fn bit(self) -> u32 {
        1 << self as u32
    }

    fn words(self) -> &'static str {
        match self {
            Reason::OtherClass => "it is a 32-bit program",
            Reason::NoLibrary => "the library is not in this root directory",
            Reason::Privileged => "it has privileges that its caller has not",
            Reason::Traced => "it is traced, and can have only one tracer",
            Reason::NoPath => "it is a static Go program that has no name in the file system",
            Reason::NoLauncher => {
                "it is a static Go program, and netdeadline is not where it could be executed, beside the library"
            }
            Reason::NoExec => "it is a static Go program, and netdeadline could not be executed in its place",
        }
    }

    /// Has this been said, or will it be?
    pub fn was_said(self) -> bool {
        SAID.load(Relaxed) & self.bit() != 0
    }

    fn write(self, program: &[u8]) {
        if let Some(settings) = ENGINE.settings.peek() {
            let program = Printable(program);
            settings.log.note(&ENGINE.kernel, format_args!("{program} starts without deadlines: {}", self.words()));
        }
    }
}

/// The reasons that were given.
static SAID: AtomicU32 = AtomicU32::new(0);
/// The reasons that a parent has to give.
static LEFT: AtomicU32 = AtomicU32::new(0);
/// For which program; of two at a time one is named.
static PROGRAM: [AtomicU8; 128] = [const { AtomicU8::new(0) }; 128];

/// Say it, or leave it to the parent.
pub fn say(reason: Reason, program: &[u8], parent_says: bool) {
    if SAID.fetch_or(reason.bit(), Relaxed) & reason.bit() != 0 {
        return;
    }
    if !parent_says {
        return reason.write(program);
    }
    for (to, from) in PROGRAM.iter().zip(program.iter().chain(core::iter::repeat(&0))) {
        to.store(*from, Relaxed);
    }
    // Release pairs with the Acquire in `settle`.
    LEFT.fetch_or(reason.bit(), Release);
}

/// Say what vfork children have left to say.
#[inline]
pub fn settle() {
    if LEFT.load(Relaxed) != 0 {
        settle_now();
    }
}

#[cold]
fn settle_now() {
    if ENGINE.process.borrowed(&ENGINE.kernel) {
        return;
    }
    let left = LEFT.swap(0, Acquire);
    let mut program = [0; PROGRAM.len()];
    program.iter_mut().zip(&PROGRAM).for_each(|(to, from)| *to = from.load(Relaxed));
    let length = program.iter().position(|byte| *byte == 0).unwrap_or(program.len());
    for reason in Reason::ALL {
        if left & reason.bit() != 0 {
            reason.write(program.get(..length).unwrap_or_default());
        }
    }
}
