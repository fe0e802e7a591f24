//! What the C API keeps, under threads and signals: no setter reaches a stranger's socket, no reader sees two expiries in one,
//! no wake-up is lost, no scope is left to nobody.

extern crate std;

use super::{Descriptions, Scopes};
use crate::sys::Linux;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering::*};
use std::{boxed::Box, thread};

#[test]
fn a_setter_that_was_delayed_for_any_number_of_lives_sets_nobody_elses_deadline() {
    let all = Box::new(Descriptions::new());
    let (index, d) = all.create(&Linux, 1).expect("memory");
    let said = all.explicit.obtain(&Linux, index).expect("memory");
    let old = d.generation();
    for lives in 1..100 {
        all.release(index);
        said.read.store(1, d, old);
        let (again, d) = all.create(&Linux, 2).expect("memory");
        assert_eq!(again, index);
        said.read.store(1, d, old);
        assert_eq!(said.read.load(d.generation()), 0, "a deadline from {lives} lives ago");
    }
}

static SCOPES: AtomicPtr<Scopes> = AtomicPtr::new(core::ptr::null_mut());
static TID: AtomicU32 = AtomicU32::new(0);
static HANDLED: AtomicU32 = AtomicU32::new(0);
static REFUSED: AtomicU32 = AtomicU32::new(0);
const KEY: usize = 0x1000;

extern "C" fn enters_and_leaves(_: libc::c_int) {
    // SAFETY: the test stores it before the first signal and lets it live for ever.
    let Some(scopes) = (unsafe { SCOPES.load(Acquire).as_ref() }) else { return };
    let tid = TID.load(Relaxed);
    let left = scopes.enter(&Linux, KEY, tid, 500, |_| false).is_ok_and(|token| scopes.leave(KEY, tid, token));
    REFUSED.fetch_add(!left as u32, Relaxed);
    HANDLED.fetch_add(1, Release);
}

#[test]
fn a_signal_handler_with_a_scope_of_its_own_breaks_none() {
    let scopes: &'static Scopes = Box::leak(Box::new(Scopes::new()));
    SCOPES.store(core::ptr::from_ref(scopes).cast_mut(), Release);
    // SAFETY: no arguments.
    let tid = unsafe { libc::gettid() } as u32;
    TID.store(tid, Relaxed);
    let signal = libc::SIGRTMIN() + 8;
    // SAFETY: a zeroed sigaction is valid; the handler only does what scopes promise to be fit for handlers.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = enters_and_leaves as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        assert_eq!(libc::sigaction(signal, &action, core::ptr::null_mut()), 0);
    }
    let done = AtomicBool::new(false);
    // SAFETY: no arguments.
    let target = unsafe { libc::pthread_self() };
    let (mut wrong, mut unleft) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Acquire) {
                let before = HANDLED.load(Acquire);
                // SAFETY: the thread lives until this one has ended.
                assert_eq!(unsafe { libc::pthread_kill(target, signal) }, 0);
                while HANDLED.load(Acquire) == before && !done.load(Acquire) {
                    core::hint::spin_loop();
                }
            }
        });
        let began = std::time::Instant::now();
        while HANDLED.load(Relaxed) < 50_000 && began.elapsed().as_secs() < 10 {
            let outer = scopes.enter(&Linux, KEY, tid, 1000, |_| false).unwrap_or(0);
            wrong += (scopes.instant(KEY, || tid) != 1000) as u32;
            let inner = scopes.enter(&Linux, KEY, tid, 900, |_| false).unwrap_or(0);
            wrong += (scopes.instant(KEY, || tid) != 900) as u32;
            unleft += !scopes.leave(KEY, tid, inner) as u32;
            unleft += !scopes.leave(KEY, tid, outer) as u32;
        }
        done.store(true, Release);
    });
    assert_eq!((wrong, unleft, REFUSED.load(Relaxed)), (0, 0, 0), "of {} signals", HANDLED.load(Relaxed));
    assert!(!scopes.any(), "everything was left");
}
