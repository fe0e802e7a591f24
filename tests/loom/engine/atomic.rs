//! The atomics that the engine has while its protocols are checked: each access is one of loom's.
//!
//! The engine's structures are zeroed memory with `const fn new`; loom's atomics are neither. So an atomic here is as large as
//! core's and valid where it is zeroed: it holds the value that it began with, and finds its loom object by its address
//! (`memory`). An address that no execution of a model ever writes to stays what it is: such a load is of a constant, and costs
//! the model nothing.
//!
//! loom takes a SeqCst access for AcqRel, which is weaker than it is (loom's README, "Limitations and Caveats"); it knows SeqCst
//! fences. So such an access is given a fence of its own, in one of two ways (`memory::Fences`), and a model must hold in both.
//! Before each: what PowerPC's compilers do. After each that stored: what x86-64's do, whose loads need none. A fence does more
//! than the access would, for it also orders the relaxed accesses around it; what depends on that alone one of the two may pass.
//! The second gives a SeqCst load less than it has: four threads, two of which only read, could tell. No protocol here has that.
//!
//! What is not modelled: a load that sees a store which its thread's own later stores lead to (loom executes each thread in the
//! order of its program), and an exchange that fails for nothing (`compare_exchange_weak`): every loop here takes it.

pub use core::sync::atomic::Ordering;

extern crate std;

mod inside;
pub mod memory;
mod order;

use core::cell::UnsafeCell;
use core::panic::Location;
use loom::sync::atomic as model;
use memory::Place;
use order::Op;
use Ordering::{Acquire, Relaxed};

pub use order::{survey, weaken, Site, Weakening};

macro_rules! atomic {
    ($($name:ident $value:ty, $model:ty;)*) => { $(
        /// As core's.
        #[repr(transparent)]
        pub struct $name {
            raw: UnsafeCell<$value>,
        }

        // SAFETY: all accesses are made by one thread of the system: loom's threads are coroutines of it.
        unsafe impl Sync for $name {}
        // SAFETY: as above.
        unsafe impl Send for $name {}

        impl $name {
            /// As core's.
            pub const fn new(value: $value) -> Self {
                Self { raw: UnsafeCell::new(value) }
            }

            fn place(&self, writes: bool) -> Place<$model> {
                let make: fn(usize) -> memory::Object = |address| {
                    // SAFETY: `memory` asks only for places that lie in its memory and were used as this type.
                    std::rc::Rc::new(<$model>::new(unsafe { *(address as *const $value) }))
                };
                memory::find(self as *const Self as usize, writes, make)
            }

            fn raw(&self) -> $value {
                // SAFETY: one thread of the system.
                unsafe { *self.raw.get() }
            }

            fn set_raw(&self, value: $value) {
                // SAFETY: as above; it is zeroed memory of the model's, or a value that a test owns.
                unsafe { *self.raw.get() = value }
            }

            /// As core's.
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $value {
                let how = Op::load(order, Location::caller());
                match self.place(false) {
                    Place::Raw => self.raw(),
                    Place::Modelled(object) => how.around(|order, _| {
                        object.turn();
                        object.load(order)
                    }),
                }
            }

            /// As core's.
            #[track_caller]
            pub fn store(&self, value: $value, order: Ordering) {
                let how = Op::store(order, Location::caller());
                match self.place(true) {
                    Place::Raw => self.set_raw(value),
                    Place::Modelled(object) => how.around(|order, _| object.store(value, order)),
                }
            }

            /// As core's.
            #[track_caller]
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                self.change(Op::change(order, None, Location::caller()), |object, order| object.swap(value, order), |_| value)
            }

            /// As core's.
            #[track_caller]
            pub fn compare_exchange(&self, from: $value, to: $value, success: Ordering, failure: Ordering)
                -> Result<$value, $value> {
                let how = Op::change(success, Some(failure), Location::caller());
                match self.place(true) {
                    Place::Raw if self.raw() == from => {
                        self.set_raw(to);
                        Ok(from)
                    }
                    Place::Raw => Err(self.raw()),
                    Place::Modelled(object) =>
                        how.exchange(|success, failure| object.compare_exchange(from, to, success, failure)),
                }
            }

            /// As core's, but it never fails for nothing.
            #[track_caller]
            pub fn compare_exchange_weak(&self, from: $value, to: $value, success: Ordering, failure: Ordering)
                -> Result<$value, $value> {
                self.compare_exchange(from, to, success, failure)
            }

            /// As core's.
            #[track_caller]
            pub fn fetch_update(&self, set: Ordering, fetch: Ordering, mut f: impl FnMut($value) -> Option<$value>)
                -> Result<$value, $value> {
                let how = Op::change(set, Some(fetch), Location::caller());
                match self.place(true) {
                    Place::Raw => {
                        let seen = self.raw();
                        self.set_raw(f(seen).ok_or(seen)?);
                        Ok(seen)
                    }
                    Place::Modelled(object) => {
                        object.turn();
                        let mut seen = how.fetch(|_, fetch| object.load(fetch));
                        while let Some(next) = f(seen) {
                            match how.exchange(|set, fetch| object.compare_exchange(seen, next, set, fetch)) {
                                Ok(_) => return Ok(seen),
                                Err(now) => seen = now,
                            }
                        }
                        Err(seen)
                    }
                }
            }

            fn change(&self, how: Op, modelled: impl FnOnce(&$model, Ordering) -> $value,
                      plain: impl FnOnce($value) -> $value) -> $value {
                match self.place(true) {
                    Place::Raw => {
                        let seen = self.raw();
                        self.set_raw(plain(seen));
                        seen
                    }
                    Place::Modelled(object) => how.around(|order, _| modelled(&object, order)),
                }
            }
        }
    )* };
}

macro_rules! number {
    ($($name:ident $value:ty, $model:ty;)*) => {
        atomic! { $($name $value, $model;)* }
        $(impl $name {
            number!(fetch_add $value, |a: $value, b| a.wrapping_add(b));
            number!(fetch_sub $value, |a: $value, b| a.wrapping_sub(b));
            number!(fetch_or $value, |a: $value, b| a | b);
            number!(fetch_and $value, |a: $value, b| a & b);
            number!(fetch_max $value, |a: $value, b| a.max(b));
            number!(fetch_min $value, |a: $value, b| a.min(b));
        })*
    };
    ($op:ident $value:ty, $plain:expr) => {
        /// As core's.
        #[track_caller]
        pub fn $op(&self, by: $value, order: Ordering) -> $value {
            let how = Op::change(order, None, Location::caller());
            self.change(how, |object, order| object.$op(by, order), |seen| ($plain)(seen, by))
        }
    };
}

number! {
    AtomicU8 u8, model::AtomicU8;
    AtomicU16 u16, model::AtomicU16;
    AtomicU32 u32, model::AtomicU32;
    AtomicU64 u64, model::AtomicU64;
    AtomicUsize usize, model::AtomicUsize;
    AtomicI32 i32, model::AtomicI32;
    AtomicI64 i64, model::AtomicI64;
    AtomicIsize isize, model::AtomicIsize;
}
atomic! { AtomicBool bool, model::AtomicBool; }

/// As core's.
#[repr(transparent)]
pub struct AtomicPtr<T> {
    address: AtomicUsize,
    _to: core::marker::PhantomData<*mut T>,
}

// SAFETY: as core's, a pointer is handed on and never followed here.
unsafe impl<T> Sync for AtomicPtr<T> {}
// SAFETY: as above.
unsafe impl<T> Send for AtomicPtr<T> {}

impl<T> AtomicPtr<T> {
    /// As core's, but only the null pointer.
    pub const fn new(pointer: *mut T) -> Self {
        assert!(pointer.is_null());
        AtomicPtr { address: AtomicUsize::new(0), _to: core::marker::PhantomData }
    }

    /// As core's.
    #[track_caller]
    pub fn load(&self, order: Ordering) -> *mut T {
        self.address.load(order) as *mut T
    }

    /// As core's.
    #[track_caller]
    pub fn store(&self, pointer: *mut T, order: Ordering) {
        self.address.store(pointer as usize, order);
    }

    /// As core's.
    #[track_caller]
    pub fn compare_exchange(
        &self,
        from: *mut T,
        to: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        let done = self.address.compare_exchange(from as usize, to as usize, success, failure);
        done.map(|seen| seen as *mut T).map_err(|seen| seen as *mut T)
    }
}

/// As core's.
#[track_caller]
pub fn fence(order: Ordering) {
    let how = Op::fence(order, Location::caller());
    if memory::is_running() {
        how.make();
    }
}

/// As core's: between a thread and its own signal handler, of which a model has none.
pub fn compiler_fence(_: Ordering) {}

const _: () = {
    assert!(core::mem::size_of::<AtomicPtr<u8>>() == 8 && core::mem::align_of::<AtomicU64>() == 8);
    let _ = (Acquire, Relaxed);
};
