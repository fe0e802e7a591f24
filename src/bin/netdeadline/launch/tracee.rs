//! One stopped or running thread under ptrace: its registers, its memory, its signals. What is done with them is inject.rs's.
//!
//! Rules: memory is read and written without /proc, which an empty root file system lacks; a signal that arrives is never lost;
//! each wait ends when the thread stops or is gone. Sources: ptrace(2), kernel/signal.c and kernel/ptrace.c of Linux 6.18.

use std::io;

use super::raw;

/// The registers, as ptrace has them.
pub type Registers = libc::user_regs_struct;

/// Every signal blocked. (SIGKILL and SIGSTOP cannot be.)
pub const ALL_SIGNALS: u64 = u64::MAX;

/// The state of the vector units: more than any processor has today.
const EXTENDED: usize = 32 << 10;
/// The regset of xsave (elf.h).
const NT_X86_XSTATE: usize = 0x202;
/// What follows a stop's signal in the status: the kind of event.
const EVENT: i32 = 16;

/// Why a thread could not be worked on.
#[derive(Debug)]
pub enum Trouble {
    /// It has ended, whatever the reason.
    Gone,
    /// It is there, and this went wrong.
    Said(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ESRCH) => Trouble::Gone,
            _ => Trouble::Said(format!("ptrace failed: {}", crate::text::reason(&error))),
        }
    }
}

/// May many words be copied by one call (process_vm_writev), rather than one by one? ptrace takes a microsecond for each. To be
/// asked before anybody is traced: a sandbox may end us for the attempt.
pub fn copies_in_bulk() -> bool {
    // SAFETY: it takes nothing and cannot fail.
    let us = unsafe { libc::getpid() };
    let (mut to, from) = (0_u8, 1_u8);
    copy(libc::SYS_process_vm_writev, us, &raw const from as usize, &[(&raw mut to as u64, 1)]).is_ok() && to == from
}

/// A process that we trace.
pub struct Tracee {
    pid: libc::pid_t,
    /// `copies_in_bulk`
    bulk: bool,
    /// SIGSTOP came while the process could not be stopped: it is due.
    stop_due: bool,
}

/// What the wait for exec came to.
pub enum Reached {
    /// The process is stopped in execve, the old program gone and the new one not begun.
    Exec,
    /// It could not exec and wants to be alone.
    Recalled,
}

impl Tracee {
    /// Begin to trace; the process runs on. From here on it dies if we do.
    pub fn seize(pid: libc::pid_t, bulk: bool) -> io::Result<Tracee> {
        let options = libc::PTRACE_O_TRACEEXEC | libc::PTRACE_O_EXITKILL;
        ptrace(libc::PTRACE_SEIZE, pid, 0, options as usize)?;
        Ok(Tracee { pid, bulk, stop_due: false })
    }

    /// Let it run until it has executed a program. Its signals are its own meanwhile.
    pub fn wait_for_exec(&mut self) -> Result<Reached, Trouble> {
        loop {
            let status = self.wait()?;
            let signal = libc::WSTOPSIG(status);
            match status >> EVENT {
                libc::PTRACE_EVENT_EXEC => return Ok(Reached::Exec),
                // Stopped as a whole: it stays so until somebody continues it.
                libc::PTRACE_EVENT_STOP if signal != libc::SIGTRAP => {
                    ptrace(libc::PTRACE_LISTEN, self.pid, 0, 0)?;
                }
                libc::PTRACE_EVENT_STOP => self.resume(0)?,
                _ if signal == libc::SIGTRAP && self.recalls()? => return Ok(Reached::Recalled),
                _ => self.resume(signal)?,
            }
        }
    }

    /// Did it send itself the signal that it stopped for? (`Helper::recall`)
    fn recalls(&self) -> io::Result<bool> {
        // SAFETY: siginfo_t is plain integers, for which zero is a value.
        let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
        ptrace(libc::PTRACE_GETSIGINFO, self.pid, 0, &raw mut info as usize)?;
        // SAFETY: a signal sent by a process says by which.
        Ok(info.si_code == libc::SI_TKILL && unsafe { info.si_pid() } == self.pid)
    }

    /// Let it run, with every signal held back, until it meets an `int3`; where that was. It must be blocking all signals.
    pub fn run_to_trap(&mut self) -> Result<u64, Trouble> {
        self.resume(0)?;
        loop {
            let status = self.wait()?;
            let signal = libc::WSTOPSIG(status);
            match (status >> EVENT, signal) {
                (0, libc::SIGTRAP) => return Ok(self.registers()?.rip.wrapping_sub(1)),
                // It cannot be blocked, but it can come later.
                (0, libc::SIGSTOP) => self.stop_due = true,
                (0, signal) => {
                    let at = self.registers()?.rip;
                    return Err(Trouble::Said(format!(
                        "it met signal {signal} at {at:#x} in the library's first steps"
                    )));
                }
                // A SIGCONT is told of in this way; nothing else stops a process that blocks its signals.
                _ => {}
            }
            self.resume(0)?;
        }
    }

    /// Let it go. A stop that is due is had first, unless a SIGCONT has come since (which took the SIGSTOP's place in the
    /// kernel's queue: kernel/signal.c, prepare_signal).
    pub fn detach(&self) -> io::Result<()> {
        let stop = self.stop_due && !self.is_pending(libc::SIGCONT);
        ptrace(libc::PTRACE_DETACH, self.pid, 0, if stop { libc::SIGSTOP as usize } else { 0 }).map(drop)
    }

    /// Is this signal waiting for it?
    pub fn is_pending(&self, signal: i32) -> bool {
        /// struct ptrace_peeksiginfo_args
        #[repr(C)]
        struct Peek {
            offset: u64,
            flags: u32,
            count: i32,
        }
        const MOST: usize = 32;
        // SAFETY: siginfo_t is plain integers, for which zero is a value.
        let mut found: [libc::siginfo_t; MOST] = unsafe { std::mem::zeroed() };
        [0, libc::PTRACE_PEEKSIGINFO_SHARED].into_iter().any(|flags| {
            let peek = Peek { offset: 0, flags, count: MOST as i32 };
            let count =
                ptrace(libc::PTRACE_PEEKSIGINFO, self.pid, &raw const peek as usize, found.as_mut_ptr() as usize);
            found.iter().take(count.unwrap_or_default()).any(|info| info.si_signo == signal)
        })
    }

    fn resume(&self, signal: i32) -> io::Result<()> {
        ptrace(libc::PTRACE_CONT, self.pid, 0, signal as usize).map(drop)
    }

    /// Wait until it stops.
    fn wait(&self) -> Result<i32, Trouble> {
        let mut status = 0;
        loop {
            // SAFETY: the status is ours to be written.
            let result = unsafe { libc::waitpid(self.pid, &mut status, libc::__WALL) };
            match result {
                -1 if io::Error::last_os_error().raw_os_error() == Some(libc::EINTR) => {}
                pid if pid == self.pid && libc::WIFSTOPPED(status) => return Ok(status),
                _ => return Err(Trouble::Gone),
            }
        }
    }

    /// All general registers.
    pub fn registers(&self) -> io::Result<Registers> {
        // SAFETY: plain integers, for which zero is a value.
        let mut registers: Registers = unsafe { std::mem::zeroed() };
        ptrace(libc::PTRACE_GETREGS, self.pid, 0, &raw mut registers as usize)?;
        Ok(registers)
    }

    /// Give it registers. The kernel is told that it is in no system call, so that it restarts none.
    pub fn set_registers(&self, registers: &Registers) -> io::Result<()> {
        let registers = Registers { orig_rax: u64::MAX, ..*registers };
        ptrace(libc::PTRACE_SETREGS, self.pid, 0, &raw const registers as usize).map(drop)
    }

    /// The registers of the vector and floating point units.
    pub fn extended(&self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0_u8; EXTENDED];
        let mut vector = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
        ptrace(libc::PTRACE_GETREGSET, self.pid, NT_X86_XSTATE, &raw mut vector as usize)?;
        bytes.truncate(vector.iov_len);
        Ok(bytes)
    }

    /// Give them back.
    pub fn set_extended(&self, bytes: &[u8]) -> io::Result<()> {
        let vector = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        ptrace(libc::PTRACE_SETREGSET, self.pid, NT_X86_XSTATE, &raw const vector as usize).map(drop)
    }

    /// The blocked signals.
    pub fn mask(&self) -> io::Result<u64> {
        let mut mask = 0_u64;
        ptrace(libc::PTRACE_GETSIGMASK, self.pid, size_of::<u64>(), &raw mut mask as usize)?;
        Ok(mask)
    }

    /// Block these signals and no others.
    pub fn set_mask(&self, mask: u64) -> io::Result<()> {
        ptrace(libc::PTRACE_SETSIGMASK, self.pid, size_of::<u64>(), &raw const mask as usize).map(drop)
    }

    /// Eight bytes of its memory.
    pub fn peek(&self, at: u64) -> io::Result<u64> {
        let mut word = 0_u64;
        // The kernel's own form writes the word where the fourth argument points (libc's function would return it).
        ptrace(libc::PTRACE_PEEKDATA, self.pid, at as usize, &raw mut word as usize)?;
        Ok(word)
    }

    /// Write eight bytes, also into memory that the process itself may only read or execute: its own copy of the page then.
    pub fn poke(&self, at: u64, word: u64) -> io::Result<()> {
        ptrace(libc::PTRACE_POKEDATA, self.pid, at as usize, word as usize).map(drop)
    }

    /// Write eight bytes to each of these addresses, which the process itself may write.
    pub fn scatter(&self, words: &[(u64, u64)]) -> io::Result<()> {
        for words in words.chunks(MOST_PIECES) {
            let values: Vec<u64> = words.iter().map(|(_, word)| *word).collect();
            let places: Vec<(u64, u64)> = words.iter().map(|(at, _)| (*at, 8)).collect();
            if !self.copied(libc::SYS_process_vm_writev, values.as_ptr() as usize, &places) {
                words.iter().try_for_each(|(at, word)| self.poke(*at, *word))?;
            }
        }
        Ok(())
    }

    /// Bytes of memory that the process itself may read.
    pub fn read_own(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        match self.copied(libc::SYS_process_vm_readv, bytes.as_mut_ptr() as usize, &[(at, bytes.len() as u64)]) {
            true => Ok(()),
            false => self.read(at, bytes),
        }
    }

    /// Write bytes where the process itself may write.
    pub fn write_own(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        match self.copied(libc::SYS_process_vm_writev, bytes.as_ptr() as usize, &[(at, bytes.len() as u64)]) {
            true => Ok(()),
            false => self.write(at, bytes),
        }
    }

    /// All of it in bulk? Where not, word by word is the way that also says what is wrong.
    fn copied(&self, number: libc::c_long, ours: usize, theirs: &[(u64, u64)]) -> bool {
        self.bulk && copy(number, self.pid, ours, theirs).is_ok()
    }

    /// Bytes of its memory.
    pub fn read(&self, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        for (index, part) in bytes.chunks_mut(8).enumerate() {
            let size = part.len();
            let place = at.wrapping_add(8 * index as u64);
            // The last word ends with the bytes asked for, lest it reach into a page that is not there.
            let (from, skip) =
                if size < 8 && index > 0 { (place.wrapping_sub(8 - size as u64), 8 - size) } else { (place, 0) };
            let word = self.peek(from)?.to_le_bytes();
            part.iter_mut().zip(word.iter().skip(skip)).for_each(|(to, from)| *to = *from);
        }
        Ok(())
    }

    /// Write bytes; those beside them stay.
    pub fn write(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        for (index, part) in bytes.chunks(8).enumerate() {
            let place = at.wrapping_add(8 * index as u64);
            let (from, skip) = if part.len() < 8 && index > 0 {
                (place.wrapping_sub(8 - part.len() as u64), 8 - part.len())
            } else {
                (place, 0)
            };
            let mut word = if part.len() < 8 { self.peek(from)?.to_le_bytes() } else { [0; 8] };
            word.iter_mut().skip(skip).zip(part).for_each(|(to, from)| *to = *from);
            self.poke(from, u64::from_le_bytes(word))?;
        }
        Ok(())
    }
}

/// UIO_MAXIOV (readv(2)).
const MOST_PIECES: usize = 1024;

/// process_vm_readv or _writev between our memory at `ours`, in one piece, and these pieces (address, length) of `pid`'s.
fn copy(number: libc::c_long, pid: libc::pid_t, ours: usize, theirs: &[(u64, u64)]) -> io::Result<()> {
    let size = theirs.iter().map(|(_, length)| *length as usize).sum();
    let local = libc::iovec { iov_base: ours as *mut libc::c_void, iov_len: size };
    let remote: Vec<libc::iovec> = theirs
        .iter()
        .map(|(at, length)| libc::iovec { iov_base: *at as *mut libc::c_void, iov_len: *length as usize })
        .collect();
    let arguments = [pid as usize, &raw const local as usize, 1, remote.as_ptr() as usize, remote.len(), 0];
    // SAFETY: the callers give memory of theirs of that size; the other side is another process's (or the callers' own).
    match raw::answer(unsafe { raw::call(number, arguments) })? {
        copied if copied == size => Ok(()),
        _ => Err(io::Error::from_raw_os_error(libc::EFAULT)),
    }
}

/// ptrace, by our own instruction: libc's function changes the result of some requests.
fn ptrace(request: libc::c_uint, pid: libc::pid_t, address: usize, data: usize) -> io::Result<usize> {
    // SAFETY: each request above gives the kernel what it wants to read or write, of the size it has.
    raw::answer(unsafe { raw::call(libc::SYS_ptrace, [request as usize, pid as usize, address, data, 0, 0]) })
}
