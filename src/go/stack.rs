//! Stacks of our own, and what is kept of a call while it is in the kernel.
//!
//! A goroutine's stack may have a few hundred bytes left, so the engine runs on a stack from a pool. A frame is such a stack and,
//! at its top, all that is known of one call; it is taken when the engine first looks at a call and given back when the call is
//! over. None free: the call passes as if we were not there. What is decided about a call belongs elsewhere.
//!
//! Lock-free: one word of 64 bits is the free list of 64 frames. Frames lie in mappings that are never unmapped, so a pointer to
//! one is always good; only who took it uses it.

use super::call::Running;
use crate::host::raw::Left;
use crate::ENGINE;
use core::mem::size_of;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::*};
use netdeadline_engine::sys::{answer, Kernel, PAGE};

/// A frame's share of a mapping: a page that nobody may touch, the stack, and the frame at its upper end. The deepest path
/// (a record that is written to a file) takes 6 KiB; a signal handler of C without a stack of its own (SA_ONSTACK) finds room.
const BLOCK: usize = 32 * 1024;
const FRAMES: usize = 64;
/// At most 1,024 calls at once; a thread that waits in epoll_wait or for a blocking socket is one.
const GROUPS: usize = 16;

/// Where in a `Frame` the trampoline finds its words.
pub mod offset {
    /// `Frame::nr`.
    pub const NR: usize = 0;
    /// `Frame::args`.
    pub const ARGS: usize = 8;
    /// `Frame::stack`.
    pub const STACK: usize = 56;
    /// `Frame::free`.
    pub const FREE: usize = 64;
    /// `Frame::bit`.
    pub const BIT: usize = 72;
    /// `Frame::next_nr`.
    pub const NEXT: usize = 80;
    /// `Frame::outcome`.
    pub const OUTCOME: usize = 136;
    /// `Frame::back`.
    pub const BACK: usize = 144;
}

/// One call.
#[repr(C, align(64))]
pub struct Frame {
    /// The program's call: number and arguments.
    pub nr: usize,
    /// Its arguments.
    pub args: [usize; 6],
    /// The caller's stack pointer. The trampoline's.
    stack: usize,
    /// The word of the free list that this frame is given back to, and its bit there. The trampoline's.
    free: usize,
    bit: u64,
    /// The call to make at Go's SYSCALL instruction.
    pub next_nr: usize,
    /// Its arguments.
    pub next_args: [usize; 6],
    /// What the kernel answered; then what the program is answered.
    pub outcome: isize,
    /// Where in Go's code the SYSCALL is that this call came from, less 6. The trampoline's.
    back: usize,
    /// From here on the trampoline looks at nothing. The operation that is going on.
    pub running: Running,
    /// The call at Go's SYSCALL instruction is a ppoll of ours on `entry`.
    pub waiting: bool,
    /// A wait for one fd.
    pub entries: [libc::pollfd; 2],
    /// Its time.
    pub time: libc::timespec,
    /// pselect6's sixth argument: a mask and its size.
    pub mask: [usize; 2],
    /// A message that stands for the program's vector (readv, writev).
    pub message: libc::msghdr,
    /// The program's time, of which it is told what is left.
    pub left: Option<Left>,
}

impl Frame {
    /// Where the caller's stack was when it made this call.
    pub fn caller(&self) -> usize {
        self.stack
    }
}

const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(Frame, nr) == offset::NR && offset_of!(Frame, args) == offset::ARGS);
    assert!(offset_of!(Frame, stack) == offset::STACK && offset_of!(Frame, outcome) == offset::OUTCOME);
    assert!(offset_of!(Frame, back) == offset::BACK);
    assert!(offset_of!(Frame, free) == offset::FREE && offset_of!(Frame, bit) == offset::BIT);
    assert!(offset_of!(Frame, next_nr) == offset::NEXT && offset_of!(Frame, next_args) == offset::NEXT + 8);
    assert!(size_of::<Frame>() < PAGE);
};

/// A set bit is a free frame. 0 in a group that is not mapped.
static FREE: [AtomicU64; GROUPS] = [const { AtomicU64::new(0) }; GROUPS];
/// Where the groups are.
static PLACES: [AtomicUsize; GROUPS] = [const { AtomicUsize::new(0) }; GROUPS];
/// Somebody is mapping the next group.
static GROWING: AtomicBool = AtomicBool::new(false);

/// Frames of the first group that are kept for calls which must not pass: an event of our own timer that Go found among its own
/// would be a pointer to it.
const RESERVED: u64 = 0xffff << 48;

/// A free frame, or null. Called on the program's own stack, so it calls nothing and needs next to no room.
#[inline(always)]
pub fn take() -> *mut Frame {
    take_but(RESERVED)
}

/// A free frame for a call that must not pass.
#[inline(always)]
pub fn take_reserved() -> *mut Frame {
    take_but(0)
}

/// A free frame, but none of these in the first group.
#[inline(always)]
fn take_but(reserved: u64) -> *mut Frame {
    let mut reserved = reserved;
    for (free, place) in FREE.iter().zip(&PLACES) {
        let place = place.load(Relaxed);
        if place == 0 {
            break;
        }
        let mut bits = free.load(Relaxed);
        while bits & !reserved != 0 {
            let bit = bits & !reserved & (bits & !reserved).wrapping_neg();
            // Acquire pairs with the trampoline's `lock or`: the frame's last user is done with it.
            match free.compare_exchange_weak(bits, bits & !bit, Acquire, Relaxed) {
                Ok(_) => {
                    let end = place + (bit.trailing_zeros() as usize + 1) * BLOCK;
                    return place_frame(end, free, bit);
                }
                Err(now) => bits = now,
            }
        }
        reserved = 0;
    }
    null_mut()
}

#[inline(always)]
fn place_frame(end: usize, free: &AtomicU64, bit: u64) -> *mut Frame {
    let frame = (end - size_of::<Frame>()) as *mut Frame;
    // SAFETY: within a mapping of ours that is never unmapped; the bit that was just cleared makes it ours alone.
    unsafe {
        (*frame).free = free as *const AtomicU64 as usize;
        (*frame).bit = bit;
    }
    frame
}

/// Map the first frames. False if there is no memory.
pub fn prepare() -> bool {
    grow()
}

/// Map more when few are left: frames are taken from the lower end of a group, so a high one says so. Not on the goroutine's
/// stack: this runs on the frame itself.
#[inline]
pub fn replenish(frame: &Frame) {
    const HIGH: u64 = 1 << (FRAMES / 2);
    if frame.bit >= HIGH {
        grow();
    }
}

#[cold]
fn grow() -> bool {
    // One more group than are crowded: those that were mapped before may be full of calls that wait.
    let spare = |(place, free): (&AtomicUsize, &AtomicU64)| place.load(Relaxed) != 0 && free.load(Relaxed) == u64::MAX;
    if PLACES.iter().zip(&FREE).any(spare) {
        return true;
    }
    if GROWING.swap(true, Acquire) {
        return false;
    }
    let grown = PLACES.iter().zip(&FREE).find(|(place, _)| place.load(Relaxed) == 0).and_then(|(place, free)| {
        let start = map(FRAMES, BLOCK)?;
        place.store(start, Relaxed);
        // Release pairs with the Acquire in `take`: who finds a bit finds the place.
        free.store(u64::MAX, Release);
        Some(())
    });
    GROWING.store(false, Release);
    grown.is_some()
}

/// Map `count` blocks of memory, each with a page at its lower end that nobody may touch.
fn map(count: usize, block: usize) -> Option<usize> {
    let k = &ENGINE.kernel;
    let access = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    // NORESERVE: of most frames nothing is ever touched.
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as usize;
    let start = answer(k.call(libc::SYS_mmap, [0, count * block, access, flags, usize::MAX, 0])).ok()?;
    for i in 0..count {
        let guard = [start + i * block, PAGE, libc::PROT_NONE as usize, 0, 0, 0];
        if k.call(libc::SYS_mprotect, guard) != 0 {
            k.call(libc::SYS_munmap, [start, count * block, 0, 0, 0, 0]);
            return None;
        }
    }
    Some(start)
}

/// Give back the frame of one who will never do so himself: a vfork child that has executed another program.
///
/// # Safety
/// He had taken it, and nobody uses it any more.
pub unsafe fn give_back(frame: *mut Frame) {
    // SAFETY: the caller's word; frames lie in mappings that stay. `free` is a word of `FREE`.
    unsafe { (*((*frame).free as *const AtomicU64)).fetch_or((*frame).bit, Release) };
}
