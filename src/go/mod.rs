//! The Go door: Go's one system call function.
//!
//! Go makes its system calls itself, also in programs that are linked with libc, and all of package net's go through one
//! function of assembly, Syscall6. It is rewritten before Go starts, so that it asks us before and after its SYSCALL. The way of
//! a call: Syscall6 -> `trampoline` -> `quick` (does it concern us?) -> `call` (the engine's steps) -> the engine.
//!
//! Rules of this house. There is no libc, no TLS (the thread pointer is Go's own) and next to no stack. What blocks, blocks at
//! Go's own SYSCALL instruction. Where anything about a program is in doubt it is not patched, and that is said. What decides
//! about deadlines belongs in the engine.

mod call;
mod exec;
mod find;
mod objects;
mod patch;
mod quick;
pub mod request;
mod stack;
mod trampoline;
mod vfork;

use crate::ENGINE;
use core::fmt::Write;
use core::mem;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use find::{Doubt, Text};
use netdeadline_engine::sys::Published;
use objects::Object;
use request::{status, Patch, Request, PATCHES};

/// The patches that one object needs.
struct Patches {
    patches: [Option<Patch>; PATCHES],
}

/// What there is to patch in an object of Go's.
fn examine(object: &Object) -> Result<Patches, Doubt> {
    let mut found = None;
    let mut fork = None;
    // In a program of one segment the table is in that.
    let apart = object.segments().find_map(find::function_table);
    let table = apart.or_else(|| object.texts().find_map(|text| find::function_table(text.bytes)));
    for text in object.texts() {
        let address = match find::syscall6(text, table) {
            Ok(address) => address,
            Err(Doubt::NoFunction) => continue,
            Err(doubt) => return Err(doubt),
        };
        if found.is_some() {
            return Err(Doubt::Several);
        }
        found = code(text, address, find::LENGTH).and_then(|code| patch::syscall6(address, code));
        fork = find::vfork(text).and_then(|(address, length)| patch::vfork(address, code(text, address, length)?));
    }
    match found {
        Some(_) if fork.is_none() && table.is_some_and(find::names_vfork) => Err(Doubt::NoVfork),
        Some(_) => Ok(Patches { patches: [found, fork] }),
        None => Err(Doubt::NoFunction),
    }
}

fn code<'a>(text: Text<'a>, address: u64, length: usize) -> Option<&'a [u8]> {
    let start = usize::try_from(address.checked_sub(text.address)?).ok()?;
    text.bytes.get(start..start.checked_add(length)?)
}

/// How many objects the loader had ever loaded when we last looked; 0 before we have.
static LOADS: AtomicU64 = AtomicU64::new(0);
/// Libraries of Go that we have looked at. (Go's can't be unloaded.)
static LIBRARIES: [AtomicUsize; 32] = [const { AtomicUsize::new(0) }; 32];

/// Patch every object that is loaded. `main`: the headers of the main program, should there be no loader's list. Before any of
/// them has run.
pub fn protect_loaded(main: (usize, usize)) {
    // The loader names the main program first.
    let mut first = true;
    let mut visit = |object: &Object, loads: u64| {
        LOADS.store(loads, Relaxed);
        if object.is_go(mem::take(&mut first)) && is_new(object) {
            protect(object);
        }
        true
    };
    if !objects::each(&mut visit) {
        // SAFETY: the kernel's words (AT_PHDR, AT_PHNUM) for a program that stays mapped.
        if let Some(object) = unsafe { Object::main(main.0, main.1) } {
            visit(&object, 0);
        }
    }
}

/// The code at `caller` is about to create a thread. If it belongs to a library of Go that was loaded after us, this is the
/// first thread of its runtime (runtime/cgo's _cgo_sys_thread_create), none of its Go code has run, and it is patched now. A
/// plugin has no runtime of its own and never comes here: it is not patched (docs/limits.md).
pub fn protect_library_of(caller: usize) {
    let seen = LOADS.load(Relaxed);
    if seen == 0 || !ENGINE.active() {
        return;
    }
    objects::each(&mut |object, loads| {
        // Nothing was loaded since: the usual case ends with the first object.
        if loads == seen {
            return false;
        }
        if object.runs(caller) {
            if object.is_go(false) && is_new(object) {
                protect(object);
            }
            return false;
        }
        true
    });
}

/// Is this a Go object that we have not looked at before?
fn is_new(object: &Object) -> bool {
    for place in &LIBRARIES {
        match place.compare_exchange(0, object.identity(), Relaxed, Relaxed) {
            Ok(_) => return true,
            Err(known) if known == object.identity() => return false,
            Err(_) => {}
        }
    }
    false
}

fn protect(object: &Object) {
    match examine(object) {
        Ok(patches) if ready() && patches.patches.iter().flatten().all(patch::write) => {}
        Ok(_) => ENGINE.say("this Go program's text cannot be written: its calls have no deadline"),
        Err(doubt) => doubtful(doubt),
    }
}

/// What the launcher asks: the patches of a static program, for it to write.
pub fn answer(request: &mut Request, main: (usize, usize)) {
    // SAFETY: as in `protect_loaded`.
    let Some(object) = (unsafe { Object::main(main.0, main.1) }) else { return refuse(request, Doubt::NoFunction) };
    let patches = match examine(&object) {
        Ok(patches) if ready() => patches,
        Ok(_) => return refuse(request, "there is no memory for it"),
        Err(doubt) => return refuse(request, doubt),
    };
    for (to, from) in request.patches.iter_mut().zip(patches.patches.iter().flatten()) {
        *to = *from;
        request.count += 1;
    }
    request.status = status::PATCH;
}

/// Stacks to run on.
fn ready() -> bool {
    static READY: Published<bool> = Published::new(false);
    READY.publish(|ready| *ready = stack::prepare());
    READY.peek().is_some_and(|ready| *ready)
}

fn doubtful(doubt: Doubt) {
    if let Some(settings) = ENGINE.settings.peek().filter(|settings| !settings.policy.is_empty()) {
        settings.log.note(&ENGINE.kernel, format_args!("this Go program's calls have no deadline: {doubt}"));
    }
}

fn refuse(request: &mut Request, why: impl core::fmt::Display) {
    struct Reason<'a>(core::slice::IterMut<'a, u8>);
    impl Write for Reason<'_> {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            text.bytes().zip(&mut self.0).for_each(|(from, to)| *to = from);
            Ok(())
        }
    }
    let last = request.reason.len() - 1;
    let (text, _) = request.reason.split_at_mut(last);
    let _ = write!(Reason(text.iter_mut()), "{why}");
    request.status = status::REFUSED;
}
