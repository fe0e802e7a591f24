//! Scopes under threads and signals: a thread sees its own, and none is left to nobody.

use super::{std, Over};
use crate::sys::{testing::often, Linux};
use crate::table::Scopes;
use core::sync::atomic::{compiler_fence, AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering::*};
use std::time::Instant;
use std::vec::Vec;
use std::{boxed::Box, thread};

#[test]
fn many_threads_enter_and_leave_scopes_and_see_their_own() {
    const THREADS: u32 = 16;
    let scopes = Box::new(Scopes::new());
    let wrong = AtomicU32::new(0);
    thread::scope(|scope| {
        for thread in 1..=THREADS {
            let (scopes, wrong) = (&scopes, &wrong);
            scope.spawn(move || {
                let (key, tid) = (0x1000 * thread as usize, thread);
                let bad = |bad: bool| wrong.fetch_add(bad as u32, Relaxed);
                for i in 1..often(3_000, 5) as u64 {
                    bad(scopes.instant(key, || tid) != u64::MAX);
                    let depth = i % 7 + 1;
                    let base = thread as u64 * 1_000_000 + i * 100;
                    let enter = |level| scopes.enter(&Linux, key, tid, base - level, |_| false).expect("a scope");
                    let tokens: Vec<u64> = (0..depth).map(enter).collect();
                    for (level, token) in tokens.into_iter().enumerate().rev() {
                        bad(scopes.instant(key, || tid) != base - level as u64);
                        bad(scopes.leave(key, tid, token + 1) || scopes.leave(key, tid + 100, token));
                        bad(!scopes.leave(key, tid, token));
                    }
                }
            });
        }
    });
    assert_eq!(wrong.load(Relaxed), 0);
    assert!(!scopes.any(), "everything was left");
}

#[test]
fn places_of_threads_that_ended_inside_go_to_others_one_each() {
    const LIVING: u32 = 8;
    let scopes = Box::new(Scopes::new());
    for tid in 1..=crate::table::scopes::THREADS as u32 {
        scopes.enter(&Linux, 0x10_0000 + tid as usize, tid, 5, |_| false).expect("a scope");
    }
    assert!(scopes.enter(&Linux, 0x99, 9999, 5, |_| false).is_err(), "full");
    let (wrong, got, inside) = (AtomicU32::new(0), AtomicUsize::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for thread in 0..LIVING {
            let (scopes, wrong, got, inside) = (&scopes, &wrong, &got, &inside);
            scope.spawn(move || {
                let mut tokens = Vec::new();
                for i in 0..100 {
                    let (key, tid) = (0x1000 + (thread * 1000 + i) as usize, 20_000 + thread * 1000 + i);
                    // Of those that were there first only the odd ones are dead.
                    let Ok(token) = scopes.enter(&Linux, key, tid, tid as u64, |tid| tid < 2000 && tid % 2 == 1) else {
                        continue;
                    };
                    tokens.push((key, tid, token));
                }
                got.fetch_add(tokens.len(), Relaxed);
                inside.fetch_add(1, AcqRel);
                while inside.load(Acquire) < LIVING {
                    thread::yield_now();
                }
                for (key, tid, token) in tokens {
                    wrong.fetch_add((scopes.instant(key, || tid) != tid as u64) as u32, Relaxed);
                    wrong.fetch_add(!scopes.leave(key, tid, token) as u32, Relaxed);
                }
            });
        }
    });
    assert_eq!((wrong.load(Relaxed), got.load(Relaxed)), (0, crate::table::scopes::THREADS / 2));
    for tid in (2..=crate::table::scopes::THREADS as u32).step_by(2) {
        assert_eq!(scopes.instant(0x10_0000 + tid as usize, || tid), 5, "the living keep theirs");
    }
    assert!(scopes.any());
}

static SCOPES: AtomicPtr<Scopes> = AtomicPtr::new(core::ptr::null_mut());
static TID: AtomicU32 = AtomicU32::new(0);
static HANDLED: AtomicU32 = AtomicU32::new(0);
static OUTER: AtomicU64 = AtomicU64::new(u64::MAX);
static UNBOUNDED: AtomicU32 = AtomicU32::new(0);
static REFUSED: AtomicU32 = AtomicU32::new(0);
const KEY: usize = 0x1000;

extern "C" fn enters_and_leaves(_: libc::c_int) {
    // SAFETY: the test stores it before the first signal and lets it live for ever.
    let Some(scopes) = (unsafe { SCOPES.load(Acquire).as_ref() }) else { return };
    let tid = TID.load(Relaxed);
    for instant in [u64::MAX, 500] {
        let token = scopes.enter(&Linux, KEY, tid, instant, |_| false);
        // Inside the outer scope of the code that it interrupted, whatever that is about to do.
        let unbounded = scopes.instant(KEY, || tid) > instant.min(OUTER.load(Relaxed));
        UNBOUNDED.fetch_add(unbounded as u32, Relaxed);
        REFUSED.fetch_add(!token.is_ok_and(|token| scopes.leave(KEY, tid, token)) as u32, Relaxed);
    }
    HANDLED.fetch_add(1, Release);
}

/// A thread that enters and leaves while signals come. What it saw wrong, what could not be left, by it and by its handler, and how
/// often the handler was not bounded by its thread's scope.
fn storm() -> [u32; 4] {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let scopes: &'static Scopes = Box::leak(Box::new(Scopes::new()));
    SCOPES.store(core::ptr::from_ref(scopes).cast_mut(), Release);
    // SAFETY: no arguments.
    let tid = unsafe { libc::gettid() } as u32;
    TID.store(tid, Relaxed);
    [&HANDLED, &UNBOUNDED, &REFUSED].into_iter().for_each(|count| count.store(0, Relaxed));
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
        let _over = Over(&done);
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
        let began = Instant::now();
        // Both threads spin: where they share one busy processor, a signal comes once in two turns of theirs. The few that the
        // assertion below asks for may then take longer than the many elsewhere.
        let goes_on = || match HANDLED.load(Relaxed) {
            ..=100 => began.elapsed().as_secs() < 60,
            101..20_000 => began.elapsed().as_secs() < 5,
            _ => false,
        };
        while goes_on() {
            let outer = scopes.enter(&Linux, KEY, tid, 1000, |_| false).unwrap_or(0);
            wrong += (scopes.instant(KEY, || tid) != 1000) as u32;
            OUTER.store(1000, Relaxed);
            compiler_fence(SeqCst);
            let inner = scopes.enter(&Linux, KEY, tid, 900, |_| false).unwrap_or(0);
            wrong += (scopes.instant(KEY, || tid) != 900) as u32;
            unleft += !scopes.leave(KEY, tid, inner) as u32;
            OUTER.store(u64::MAX, Relaxed);
            compiler_fence(SeqCst);
            unleft += !scopes.leave(KEY, tid, outer) as u32;
        }
    });
    assert!(HANDLED.load(Relaxed) > 100, "hardly a signal came");
    assert!(!scopes.any(), "everything was left");
    [wrong, unleft, REFUSED.load(Relaxed), UNBOUNDED.load(Relaxed)]
}

#[test]
#[cfg_attr(miri, ignore = "it has no signals")]
fn a_signal_handler_with_a_scope_of_its_own_breaks_none() {
    let [wrong, unleft, refused, _] = storm();
    assert_eq!([wrong, unleft, refused], [0; 3]);
}

#[test]
#[cfg_attr(miri, ignore = "it has no signals")]
fn a_signal_handler_is_in_the_scopes_of_its_thread_whatever_that_was_about_to_do() {
    let [.., unbounded] = storm();
    assert_eq!(unbounded, 0);
}
