//! The memory of a model, and which of its words are loom's objects.
//!
//! Addresses are the same in each execution of a model. A word becomes an object of loom's at the start of an execution, or when
//! its page is mapped, if any execution so far wrote to it: a write to another word is noted, the execution ends as it can, and
//! the model begins anew with one object more (`check`). So at last no execution writes to a word that is not an object.
//!
//! A page that a thread maps while the model runs is not to be touched by one that does not know of the mapping: its zeroes
//! would be a race in Rust's terms. Objects made at that moment say so by themselves; for the other words a cell of the page does.

extern crate std;

pub use super::order::Fences;

use core::any::{Any, TypeId};
use core::ptr::NonNull;
use std::boxed::Box;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::rc::Rc;
use std::string::String;
use std::vec::Vec;

type Turn = loom::sync::atomic::AtomicU8;

/// One of loom's atomics.
pub type Object = Rc<dyn Any>;

/// How an address is to be used.
pub enum Place<T> {
    /// As memory.
    Raw,
    /// As this object.
    Modelled(Handle<T>),
}

/// A reference to an object of loom's.
pub struct Handle<T> {
    object: Object,
    turn: Rc<Turn>,
    _of: core::marker::PhantomData<T>,
}

impl<T: 'static> core::ops::Deref for Handle<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.object.downcast_ref().expect("made as this type")
    }
}

impl<T> Handle<T> {
    /// Before a load: let the order of loads count.
    ///
    /// loom's partial order reduction remembers the last access to an object only. Where a thread loads before it exchanges, that
    /// is its own load, and that another thread's load came before is forgotten: the execution in which it comes after is never
    /// tried. A relaxed store that nobody reads brings it back: no two of those commute.
    pub fn turn(&self) {
        self.turn.store(0, core::sync::atomic::Ordering::Relaxed);
    }
}

const SIZE: usize = 64 << 20;
const PAGE: usize = 4096;

type Key = (usize, TypeId);
type Make = fn(usize) -> Object;

#[derive(Default)]
struct Memory {
    base: usize,
    used: usize,
    /// Which model it is.
    model: Option<usize>,
    /// Words that some execution of it wrote to.
    written: BTreeMap<Key, Make>,
    /// Something came to `written` in this execution.
    learned: bool,
    objects: HashMap<Key, (Object, Rc<Turn>)>,
    /// The order of fences counts, too.
    fence: Option<Rc<Turn>>,
    /// Pages that were mapped while the model ran.
    births: HashMap<usize, Rc<loom::cell::UnsafeCell<()>>>,
}

std::thread_local! {
    static MEMORY: RefCell<Memory> = RefCell::new(Memory::default());
    static RUNNING: Cell<bool> = const { Cell::new(false) };
    static FENCES: Cell<Fences> = const { Cell::new(Fences::Leading) };
}

/// Is a model past its preparation?
pub fn is_running() -> bool {
    RUNNING.get()
}

pub(super) fn fences() -> Fences {
    FENCES.get()
}

pub(super) fn find<T: 'static>(address: usize, writes: bool, make: Make) -> Place<T> {
    if !is_running() {
        return Place::Raw;
    }
    let key = (address, TypeId::of::<T>());
    let (object, birth) = MEMORY.with_borrow_mut(|memory| {
        assert!(address.wrapping_sub(memory.base) < memory.used, "an atomic that is not in the model's memory");
        let object = memory.objects.get(&key).cloned();
        if object.is_none() && writes {
            memory.written.insert(key, make);
            memory.learned = true;
        }
        let birth = match object {
            None => memory.births.get(&(address / PAGE)).cloned(),
            Some(_) => None,
        };
        (object, birth)
    });
    if let Some(birth) = birth {
        birth.with(|_| ());
    }
    let _of = core::marker::PhantomData;
    object.map_or(Place::Raw, |(object, turn)| Place::Modelled(Handle { object, turn, _of }))
}

fn take(bytes: usize, align: usize) -> usize {
    MEMORY.with_borrow_mut(|memory| {
        let start = memory.used.next_multiple_of(align);
        memory.used = start + bytes;
        assert!(memory.used <= SIZE, "a model needs no so much memory");
        memory.base + start
    })
}

/// The objects in a range that was just taken.
fn populate(start: usize, bytes: usize) {
    let wanted: Vec<(Key, Make)> = MEMORY.with_borrow(|memory| {
        let range = memory.written.iter().filter(|((address, _), _)| (start..start + bytes).contains(address));
        range.map(|(key, make)| (*key, *make)).collect()
    });
    for (key, make) in wanted {
        let object = (make(key.0), Rc::new(Turn::new(0)));
        MEMORY.with_borrow_mut(|memory| memory.objects.insert(key, object));
    }
}

/// A value where the models' atomics must be. Only while a model is prepared.
pub fn place<T: Sync>(value: T) -> &'static T {
    assert!(!is_running(), "a model that runs makes nothing but pages");
    let at = take(size_of::<T>(), align_of::<T>().max(64)) as *mut T;
    // SAFETY: just taken, large enough and aligned, and it stays until the next execution.
    unsafe {
        at.write(value);
        &*at
    }
}

/// A copy of a value that nobody ever uses: for what is too large for a coroutine's stack.
pub fn place_like<T: Sync>(template: &'static T) -> &'static T {
    assert!(!is_running(), "a model that runs makes nothing but pages");
    let at = take(size_of::<T>(), align_of::<T>().max(64)) as *mut T;
    // SAFETY: as in `place`; what is copied is atomics that hold what they began with, and is never dropped.
    unsafe {
        at.copy_from_nonoverlapping(template, 1);
        &*at
    }
}

/// Zeroed pages.
pub fn pages(bytes: usize) -> NonNull<u8> {
    let start = take(bytes, PAGE);
    if is_running() {
        populate(start, bytes);
        for page in start / PAGE..(start + bytes).div_ceil(PAGE) {
            let birth = Rc::new(loom::cell::UnsafeCell::new(()));
            MEMORY.with_borrow_mut(|memory| memory.births.insert(page, birth));
        }
    }
    NonNull::new(start as *mut u8).expect("an address")
}

/// The model is prepared: from here on each access counts.
pub fn begin() {
    let (base, used) = MEMORY.with_borrow(|memory| (memory.base, memory.used));
    populate(base, used);
    let fence = Rc::new(Turn::new(0));
    MEMORY.with_borrow_mut(|memory| memory.fence = Some(fence));
    RUNNING.set(true);
}

/// A fence of the strongest kind.
pub(super) fn total_fence() {
    let turn = MEMORY.with_borrow(|memory| memory.fence.clone());
    turn.expect("running").store(0, core::sync::atomic::Ordering::Relaxed);
    loom::sync::atomic::fence(core::sync::atomic::Ordering::SeqCst);
}

/// An execution begins.
fn reset() {
    RUNNING.set(false);
    let old = MEMORY.with_borrow_mut(|memory| {
        if memory.base == 0 {
            let layout = std::alloc::Layout::from_size_align(SIZE, PAGE).expect("a layout");
            // SAFETY: the size is not 0.
            memory.base = unsafe { std::alloc::alloc_zeroed(layout) } as usize;
            assert_ne!(memory.base, 0, "no memory");
        }
        // SAFETY: ours, and of the last execution nothing is used any more.
        unsafe { (memory.base as *mut u8).write_bytes(0, memory.used) };
        memory.used = 0;
        (core::mem::take(&mut memory.objects), core::mem::take(&mut memory.births), memory.fence.take())
    });
    drop(old);
}

/// How far a model is explored.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How often a thread may lose its turn where it need not; `None`: as often as can be.
    pub preemptions: Option<usize>,
    /// Where SeqCst accesses have their fence.
    pub fences: Fences,
    /// At most so many executions; `None`: all.
    pub executions: Option<usize>,
}

struct Again;

/// Explore all executions of `model`: it prepares, calls `begin`, makes threads and joins them. How many there were, or what
/// went wrong in one.
pub fn check(bounds: Bounds, model: fn()) -> Result<usize, String> {
    FENCES.set(bounds.fences);
    MEMORY.with_borrow_mut(|memory| {
        if memory.model != Some(model as usize) {
            memory.written.clear();
            memory.model = Some(model as usize);
        }
    });
    loop {
        let count = std::sync::Arc::new(core::sync::atomic::AtomicUsize::new(0));
        let counter = count.clone();
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = bounds.preemptions;
        builder.max_branches = 100_000;
        if let Some(most) = bounds.executions {
            (builder.checkpoint_interval, builder.max_permutations) = (most, Some(most));
        }
        let explored = catch_unwind(AssertUnwindSafe(|| {
            builder.check(move || {
                counter.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
                reset();
                model();
                assert!(is_running(), "the model never began");
                if MEMORY.with_borrow(|memory| memory.learned) {
                    resume_unwind(Box::new(Again));
                }
            });
        }));
        RUNNING.set(false);
        let learned = MEMORY.with_borrow_mut(|memory| core::mem::take(&mut memory.learned));
        match explored {
            _ if learned => continue,
            Ok(()) => return Ok(count.load(core::sync::atomic::Ordering::Relaxed)),
            Err(why) => {
                let text = why.downcast_ref::<String>().cloned();
                return Err(text.or_else(|| why.downcast_ref::<&str>().map(|text| (*text).into())).unwrap_or_default());
            }
        }
    }
}
