//! What exec is called with: the environment that the new program is to have, and the launcher's arguments.
//!
//! Why anything is changed is `child`'s to say.

use super::child::{Door, Exec, Strings};
use super::environment::{entries, strings, value, Kept};
use core::ffi::{c_char, c_int, CStr};
use core::ptr::null;

/// What becomes of LD_PRELOAD.
#[derive(Clone, Copy, PartialEq)]
pub enum Preload {
    /// It stays as it is.
    Kept,
    /// Our library is put first.
    With,
    /// Our library is left out.
    Without,
}

/// What has to be changed in an environment.
#[derive(Clone, Copy)]
pub struct Change {
    /// LD_PRELOAD.
    pub preload: Preload,
    /// Our variables are put back.
    pub variables: bool,
}

/// An exec of the program's, and what we make of it.
pub struct Handover<'a> {
    /// The program's own.
    pub argv: Strings,
    /// The program's own.
    pub envp: Strings,
    /// What has to be changed in `envp`.
    pub change: Change,
    /// Our variables.
    pub kept: &'a Kept,
    /// Our library, as LD_PRELOAD names it.
    pub library: &'a CStr,
    /// Whose exec it is.
    pub door: &'a dyn Door,
}

/// The launcher's own first argument, and the word by which it knows what it is to do.
const LAUNCHER: [&CStr; 2] = [c"netdeadline", c"launch-child"];

impl Handover<'_> {
    /// Call exec: for the program itself, or for `launcher` to start the program at `path`.
    pub fn exec(&self, launcher: *const c_char, path: *const c_char, exec: Exec) -> c_int {
        let launched = !launcher.is_null();
        if !launched && !self.change.variables && self.change.preload == Preload::Kept {
            return exec(null(), self.argv, self.envp);
        }
        // SAFETY: the program's own environment, as `start` was given it.
        let given = || unsafe { strings(self.envp) };
        let list = given().find_map(|string| value(string.to_bytes(), b"LD_PRELOAD")).unwrap_or_default();
        // A colon or the NUL after each entry.
        let text = b"LD_PRELOAD=".len() + self.library.count_bytes() + list.len() + 2;
        let count = given().count() + Kept::COUNT + 2;
        let arguments = if launched { length(self.argv) + LAUNCHER.len() + 3 } else { 0 };
        let words = count + arguments + text.div_ceil(size_of::<usize>());
        let done = self.door.with_room(words, &mut |room| {
            let (argv, room) = room.split_at_mut_checked(arguments).unwrap_or_default();
            let (envp, text) = room.split_at_mut_checked(count).unwrap_or_default();
            self.lay_environment(envp, text, list);
            let argv = match launched {
                true => self.lay_arguments(argv, path),
                false => self.argv,
            };
            exec(launcher, argv, envp.as_ptr().cast())
        });
        match done {
            Some(0) => 0,
            // The program's own call tells it why, and succeeds where ours was only too long (E2BIG).
            _ if !launched => exec(null(), self.argv, self.envp),
            Some(failed) => failed,
            None => -1,
        }
    }

    fn lay_environment(&self, places: &mut [usize], text: &mut [usize], list: &[u8]) {
        let library = self.library.to_bytes();
        let mut to = places.iter_mut();
        let mut put = |string: *const c_char| to.next().map(|place| *place = string as usize);
        let (first, without) = match self.change.preload {
            Preload::Kept => (None, None),
            Preload::With => (Some(library), None),
            Preload::Without => (None, Some(library)),
        };
        let rewritten = first.or(without).is_some();
        if rewritten {
            let others = entries(list).filter(|entry| Some(*entry) != without);
            // SAFETY: the same words, as bytes.
            let text = unsafe { core::slice::from_raw_parts_mut(text.as_mut_ptr().cast::<u8>(), size_of_val(text)) };
            if join(text, first.into_iter().chain(others)) {
                put(text.as_ptr().cast());
            }
        }
        let stays = |string: &&CStr| !rewritten || value(string.to_bytes(), b"LD_PRELOAD").is_none();
        // SAFETY: the program's own environment, as `start` was given it.
        for string in unsafe { strings(self.envp) }.filter(stays) {
            put(string.as_ptr());
        }
        if self.change.variables {
            for string in self.kept.strings() {
                put(string);
            }
        }
        put(null());
    }

    /// `netdeadline launch-child PATH ARGV0 [ARGUMENTS]`.
    fn lay_arguments(&self, places: &mut [usize], path: *const c_char) -> Strings {
        let mut to = places.iter_mut();
        let mut put = |string: *const c_char| to.next().map(|place| *place = string as usize);
        for word in LAUNCHER {
            put(word.as_ptr());
        }
        put(path);
        let count = length(self.argv);
        if count == 0 {
            // What the kernel makes of no arguments at all (Linux 5.18).
            put(c"".as_ptr());
        }
        for i in 0..count {
            // SAFETY: within the array; its null has not been passed.
            put(unsafe { self.argv.add(i).read() });
        }
        put(null());
        places.as_ptr().cast()
    }
}

/// How many there are before the null.
fn length(strings: Strings) -> usize {
    let mut count = 0;
    // SAFETY: the program's own array, as for execve, which takes null for an empty one.
    while !strings.is_null() && !unsafe { strings.add(count).read() }.is_null() {
        count += 1;
    }
    count
}

/// Write `LD_PRELOAD=` and the entries with colons between them. False if there are none.
fn join<'a>(text: &mut [u8], entries: impl Iterator<Item = &'a [u8]>) -> bool {
    let mut to = text.iter_mut();
    let mut append = |bytes: &[u8]| bytes.iter().zip(&mut to).for_each(|(from, to)| *to = *from);
    append(b"LD_PRELOAD=");
    let mut count = 0;
    for entry in entries {
        append(if count == 0 { b"" } else { b":" });
        append(entry);
        count += 1;
    }
    append(b"\0");
    count > 0
}
