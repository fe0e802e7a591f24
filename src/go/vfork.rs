//! Go's children: os/exec and syscall.ForkExec start them by a clone that shares our memory until exec (CLONE_VFORK), and such a
//! child closes and duplicates its descriptors through the same Syscall6, in its parent's memory. It may read the tables and
//! never writes them, so the engine is told before it comes into being and after it is gone.
//!
//! Both are known for certain: rawVforkSyscall is patched to call `before_vfork`, which has it return to `after_vfork`. There may
//! be several such children at a time (syscall/forkpipe2.go, acquireForkLock, from go1.21).
//!
//! What a child must be given back when it has executed another program, the parent gives back: its `Loan` says what. A child
//! finds its loan by the stack: it runs on its parent's, below the place where that waits for it, and nobody else can be there.
//! (Not by its number: a PID 1 and its child in another namespace both have 1.)

use super::stack::{give_back, Frame};
use crate::host::child::Door;
use crate::ENGINE;
use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::*};
use netdeadline_engine::sys::{answer, process, program, Kernel, PAGE};

/// One parent that waits for its vfork child.
struct Loan {
    /// Its stack pointer, as it waits. 0: nobody's loan.
    stack: AtomicUsize,
    /// The child is a PID 1, like its parent.
    nameless: AtomicBool,
    /// The frame on which the child calls exec, or 0.
    frame: AtomicUsize,
    /// The room that the child mapped for exec, and its size, or 0.
    room: AtomicUsize,
    size: AtomicUsize,
}

impl Loan {
    const fn new() -> Loan {
        let [stack, frame, room, size] = [const { AtomicUsize::new(0) }; 4];
        Loan { stack, nameless: AtomicBool::new(false), frame, room, size }
    }
}

static LOANS: [Loan; 128] = [const { Loan::new() }; 128];
/// Loans to children whose number is their parent's.
static NAMELESS: AtomicU32 = AtomicU32::new(0);

/// Below the parent's stack pointer this much is certainly of the same stack, and the child's calls are made from here: what Go's
/// linker leaves to any chain of nosplit functions (cmd/link/internal/ld/stackcheck.go).
const NOSPLIT: usize = 800;

/// Before the SYSCALL of rawVforkSyscall, in place of the instructions that set r10, r8 and r9 to 0. rdi, rsi and rdx hold the
/// call's arguments; above this return address lie the function's own, and its caller's arguments (abi0), the number first.
///
/// # Safety
/// Only the patch in rawVforkSyscall calls it.
#[unsafe(naked)]
pub unsafe extern "C" fn before_vfork() {
    core::arch::naked_asm!(
        ".cfi_startproc",
        "push rdi",                    // flags, or the address of clone3's arguments
        ".cfi_adjust_cfa_offset 8",
        "push rsi",
        ".cfi_adjust_cfa_offset 8",
        "push rdx",
        ".cfi_adjust_cfa_offset 8",
        "mov rbx, rsp",                // Rust keeps rbx, and Go (abi0) nothing
        ".cfi_def_cfa_register rbx",
        "and rsp, -16",                // C's alignment
        "mov rsi, rdi",                // second argument
        "mov rdi, [rbx + 40]",         // first: the number
        "lea rdx, [rbx + 32]",         // third: where the stack is
        "call {lend}",                 // our memory is about to be lent
        "mov rsp, rbx",
        ".cfi_def_cfa_register rsp",
        "pop rdx",
        ".cfi_adjust_cfa_offset -8",
        "pop rsi",
        ".cfi_adjust_cfa_offset -8",
        "pop rdi",
        ".cfi_adjust_cfa_offset -8",
        "mov ebx, eax",                // the loan: lives through the SYSCALL, in parent and child
        "mov r13, [rsp + 8]",          // so does rawVforkSyscall's return address,
        "lea r12, [rip + {after}]",    // for it is to return to
        "mov [rsp + 8], r12",          // `after_vfork` (it keeps that in r12, as it would have kept its own)
        "xorps xmm15, xmm15",          // as Go's code after a call of abi0 expects
        "xor r10d, r10d",              // what the patch replaced
        "xor r8d, r8d",
        "xor r9d, r9d",
        "ret",                         // the number is loaded there
        ".cfi_endproc",
        lend = sym lend,
        after = sym after_vfork,
    )
}

/// rawVforkSyscall has returned: twice, in the child and then in the parent, on the same stack. rax: 0 in the child; in the parent
/// the child's number, or why there is none. Its results are where its caller looks for them.
#[unsafe(naked)]
unsafe extern "C" fn after_vfork() {
    core::arch::naked_asm!(
        ".cfi_startproc",
        ".cfi_def_cfa rsp, 0",         // the return address has been taken from the stack,
        ".cfi_register rip, r13",      // and this is where to go on
        "test rax, rax",
        "jz 2f",                       // the child changes nothing
        "mov r12, rsp",                // C keeps r12, r13 and r14 (Go's g)
        ".cfi_def_cfa r12, 0",
        "and rsp, -16",                // C's alignment
        "mov edi, ebx",                // the loan
        "call {returned}",             // the memory is ours again
        "mov rsp, r12",
        ".cfi_def_cfa rsp, 0",
        "xorps xmm15, xmm15",          // as above
        "2:",
        "jmp r13",                     // to rawVforkSyscall's caller
        ".cfi_endproc",
        returned = sym returned,
    )
}

/// A child is about to come into being: the number of its loan, or 0 if it gets none. On the goroutine's stack.
extern "C" fn lend(nr: usize, first: usize, stack: usize) -> usize {
    let flags = match nr as i64 {
        libc::SYS_clone => first,
        // SAFETY: Go's own structure (syscall.cloneArgs), of which the flags come first.
        libc::SYS_clone3 => unsafe { (first as *const u64).read() as usize },
        _ => libc::CLONE_VM as usize,
    };
    // With CLONE_NEWUSER Go makes a child with a memory of its own.
    if flags & libc::CLONE_VM as usize == 0 {
        return 0;
    }
    let k = &ENGINE.kernel;
    ENGINE.process.lend(k, 1);
    let nameless = flags & libc::CLONE_NEWPID as usize != 0 && process::pid(k) == 1;
    if nameless {
        NAMELESS.fetch_add(1, AcqRel);
    }
    let claimed = |loan: &Loan| loan.stack.compare_exchange(0, stack, Acquire, Relaxed).is_ok();
    match LOANS.iter().position(claimed) {
        Some(i) => {
            if let Some(loan) = LOANS.get(i) {
                loan.nameless.store(nameless, Relaxed);
            }
            i + 1
        }
        // A child more than there are loans: what it takes is not given back, and neither is our memory.
        None => 0,
    }
}

/// The child of this loan is gone, or never was. On the goroutine's stack.
extern "C" fn returned(number: usize) {
    let Some(loan) = number.checked_sub(1).and_then(|i| LOANS.get(i)) else { return };
    let k = &ENGINE.kernel;
    let room = loan.room.swap(0, Relaxed);
    if room != 0 {
        k.call(libc::SYS_munmap, [room, loan.size.load(Relaxed), 0, 0, 0, 0]);
    }
    let frame = loan.frame.swap(0, Relaxed) as *mut Frame;
    if !frame.is_null() {
        // SAFETY: the child had taken it to call exec; it did not come back from there.
        unsafe { give_back(frame) };
    }
    if loan.nameless.load(Relaxed) {
        NAMELESS.fetch_sub(1, AcqRel);
    }
    // Release pairs with the Acquire in `lend`.
    loan.stack.store(0, Release);
    ENGINE.process.lend(k, -1);
}

/// Is this a call of a child that the engine, which goes by the number, would take for its parent? Then none of it concerns us
/// but exec.
#[inline]
pub fn is_nameless(frame: &Frame) -> bool {
    NAMELESS.load(Relaxed) != 0 && loan_of(frame).is_some_and(|loan| loan.nameless.load(Relaxed))
}

/// The loan of the vfork child that makes this call, if it is one.
fn loan_of(frame: &Frame) -> Option<&'static Loan> {
    LOANS.iter().find(|loan| loan.stack.load(Relaxed).wrapping_sub(frame.caller()) < NOSPLIT)
}

/// clone, clone3 or vfork is about to be made through Syscall6 itself. Go never does so for a child that shares memory, for its
/// return address would be overwritten; whoever finds a way has it on loan for good.
pub fn cloning(nr: i64, first: usize) {
    let mut flags = [0; 8];
    let flags = match nr {
        libc::SYS_clone => first,
        libc::SYS_clone3 if program::copy_in(&ENGINE.kernel, &mut flags, first) => usize::from_le_bytes(flags),
        _ => libc::CLONE_VM as usize,
    };
    if flags & libc::CLONE_VM as usize != 0 && flags & libc::CLONE_THREAD as usize == 0 {
        ENGINE.process.lend(&ENGINE.kernel, 1);
    }
}

/// Who calls exec: a vfork child, which leaves what it has taken to its parent, or the process itself.
pub struct Child(Option<&'static Loan>);

impl Child {
    /// Whoever called on this frame.
    pub fn of(frame: &Frame) -> Child {
        let child = Child(loan_of(frame));
        if let Some(loan) = child.0 {
            loan.frame.store(frame as *const Frame as usize, Relaxed);
        }
        child
    }

    /// exec failed: the frame is its user's again.
    pub fn lives_on(self) {
        if let Some(loan) = self.0 {
            loan.frame.store(0, Relaxed);
        }
    }
}

impl Door for Child {
    fn with_room(&self, words: usize, then: &mut dyn FnMut(&mut [usize]) -> c_int) -> Option<c_int> {
        let k = &ENGINE.kernel;
        let size = words.checked_mul(size_of::<usize>())?.checked_next_multiple_of(PAGE)?;
        let access = (libc::PROT_READ | libc::PROT_WRITE) as usize;
        let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
        let room = answer(k.call(libc::SYS_mmap, [0, size, access, flags, usize::MAX, 0])).ok()?;
        if let Some(loan) = self.0 {
            loan.size.store(size, Relaxed);
            loan.room.store(room, Relaxed);
        }
        // SAFETY: just mapped, nobody else's, and of zeros.
        let outcome = then(unsafe { core::slice::from_raw_parts_mut(room as *mut usize, words) });
        if let Some(loan) = self.0 {
            loan.room.store(0, Relaxed);
        }
        k.call(libc::SYS_munmap, [room, size, 0, 0, 0, 0]);
        Some(outcome)
    }

    fn parent_says(&self) -> bool {
        self.0.is_some()
    }
}
