//! Memory of a file, shared with whoever reads the file: once in a process, and not with its children.
//!
//! Where it is stands in a page that fork wipes, so that a child never writes to what is its parent's. What the memory means, and
//! which file it is, does not belong here.

use super::{answer, Kernel, Lazy, Zeroed};
use crate::atomic::{AtomicPtr, AtomicUsize, Ordering::*};
use core::marker::PhantomData;
use core::ptr::{null_mut, NonNull};

crate::zeroed! {
    /// In a page that fork wipes.
    struct Cell {
        /// 0: nothing yet; 1: there is none to be had; else where it is.
        address: AtomicUsize,
    }
}

const NONE: usize = 1;

/// Memory of a file, mapped and not yet settled.
pub struct Mapping<T> {
    place: NonNull<T>,
}

impl<T: Zeroed + 'static> Mapping<T> {
    /// Map the first bytes of `fd`, which has as many, all of them zero and allocated (touching a hole of a full file system is
    /// SIGBUS). The error is a positive errno.
    pub fn new(k: &impl Kernel, fd: i32) -> Result<Mapping<T>, i32> {
        let access = (libc::PROT_READ | libc::PROT_WRITE) as usize;
        let bytes = core::mem::size_of::<T>();
        let mapped = answer(k.call(libc::SYS_mmap, [0, bytes, access, libc::MAP_SHARED as usize, fd as usize, 0]))?;
        NonNull::new(mapped as *mut T).map(|place| Mapping { place }).ok_or(libc::ENOMEM)
    }

    /// What is there.
    pub fn get(&self) -> &'static T {
        // SAFETY: mapped, page-aligned, as long as T and never unmapped but by `unmap`, which takes the last mapping that nobody has
        // a reference from. Zero bytes are a T, whose fields are all atomic: others who write there change values, no more.
        unsafe { self.place.as_ref() }
    }

    /// It is not wanted.
    fn unmap(self, k: &impl Kernel) {
        k.call(libc::SYS_munmap, [self.place.as_ptr() as usize, core::mem::size_of::<T>(), 0, 0, 0, 0]);
    }
}

/// Where the memory is, in this process.
pub struct Shared<T> {
    cell: Lazy<Cell>,
    /// The same where a child still finds it, and may read it.
    last: AtomicPtr<T>,
    is: PhantomData<T>,
}

/// What there is.
pub enum Found<T: 'static> {
    /// Nothing yet.
    Nothing,
    /// There is none to be had.
    Unavailable,
    /// This.
    Here(&'static T),
}

impl<T: Zeroed + 'static> Shared<T> {
    /// Nothing yet.
    pub const fn new() -> Shared<T> {
        const { assert!(core::mem::align_of::<T>() <= super::PAGE) };
        Shared { cell: Lazy::new(), last: AtomicPtr::new(null_mut()), is: PhantomData }
    }

    /// What there is in this process.
    pub fn find(&self) -> Found<T> {
        // Acquire pairs with the exchange in `settle`.
        match self.cell.peek().map_or(0, |cell| cell.address.load(Acquire)) {
            0 => Found::Nothing,
            NONE => Found::Unavailable,
            address => match NonNull::new(address as *mut T) {
                // SAFETY: only `settle` stores an address: that of a `Mapping`, see there.
                Some(place) => Found::Here(unsafe { place.as_ref() }),
                None => Found::Nothing,
            },
        }
    }

    /// What the parent had when it forked, or what this process has: to be read.
    pub fn last(&self) -> Option<&'static T> {
        // Acquire pairs with the Release in `settle`.
        // SAFETY: as in `find`. A forked child has its parent's mappings.
        NonNull::new(self.last.load(Acquire)).map(|place| unsafe { place.as_ref() })
    }

    /// From now on this is it. False if another thread was faster (or nothing can be wiped on fork): it is unmapped.
    pub fn settle(&self, k: &impl Kernel, mapping: Mapping<T>) -> bool {
        let address = mapping.place.as_ptr() as usize;
        if !self.change(k, address) {
            mapping.unmap(k);
            return false;
        }
        self.last.store(address as *mut T, Release);
        true
    }

    /// From now on there is none to be had. False if there is one after all, or this cannot be noted.
    pub fn give_up(&self, k: &impl Kernel) -> bool {
        self.change(k, NONE)
    }

    fn change(&self, k: &impl Kernel, to: usize) -> bool {
        let cell = self.cell.obtain_wiped_on_fork(k);
        cell.is_some_and(|cell| cell.address.compare_exchange(0, to, AcqRel, Relaxed).is_ok())
    }
}

impl<T: Zeroed + 'static> Default for Shared<T> {
    fn default() -> Self {
        Shared::new()
    }
}
