//! From the stop in execve to the program's first instruction: map the library into the stopped program, let it look around,
//! write its patches, and leave no trace of having been there but these.
//!
//! Rules: no page is ever writable and executable; until the last patch is written any failure can be undone; what is not as
//! expected is a failure and never tried to be made good. Who traces whom and when is helper.rs's.

use super::payload::{Fix, Payload, Segment, PAGE};
use super::request::{self, status, Request};
use super::stub;
use super::tracee::{Registers, Tracee, Trouble, ALL_SIGNALS};

/// The library's stack while it looks around, unmapped when it has. The program's own has no room that one could count on: the
/// kernel fills it with arguments and environment up to the edge of what it has mapped.
const STACK: u64 = 256 * 1024;

/// The code segment of 64-bit programs (__USER_CS).
const USER_CODE: u64 = 0x33;

/// What became of a program that can run.
pub enum Outcome {
    /// The patches are in place.
    Protected,
    /// The library wants to do nothing in it, and rightly so.
    Inert,
}

/// A program stopped before its first instruction, and how it was found.
pub struct Stopped<'a> {
    tracee: &'a mut Tracee,
    mask: u64,
    registers: Registers,
    extended: Vec<u8>,
    /// Where `syscall; int3` stands now.
    call_at: u64,
    /// Our page of code, once it is mapped.
    page: Option<u64>,
    /// What the program's first word was, while ours stands there.
    first_word: Option<u64>,
}

impl<'a> Stopped<'a> {
    /// Look at a program that has stopped in execve, and hold its signals. Nothing else is changed.
    pub fn find(tracee: &'a mut Tracee) -> Result<Self, Trouble> {
        let (mask, registers, extended) = (tracee.mask()?, tracee.registers()?, tracee.extended()?);
        tracee.set_mask(ALL_SIGNALS)?;
        let call_at = registers.rip;
        Ok(Stopped { tracee, mask, registers, extended, call_at, page: None, first_word: None })
    }

    /// Come out of execve, and map the page of code from `file`, its descriptor.
    pub fn enter(&mut self, file: i32) -> Result<(), Trouble> {
        if self.registers.cs != USER_CODE {
            return Err(Trouble::Said(String::from("it is a 32-bit program")));
        }
        // On its way out of execve the kernel writes rax: nothing can be called before that is over.
        let at = self.registers.rip;
        let word = self.tracee.peek(at)?;
        let [a, b, c] = stub::CALL_CODE;
        let [_, _, _, rest @ ..] = word.to_le_bytes();
        let [d, e, f, g, h] = rest;
        self.first_word = Some(word);
        self.tracee.poke(at, u64::from_le_bytes([a, b, c, d, e, f, g, h]))?;
        self.run(Registers { rip: at + 2, ..self.registers }, at + 2)?;
        self.registers.rax = self.tracee.registers()?.rax;
        // Any page of the file will do: it is the mapping that must be executable, and from a file (SELinux, execmem).
        let protection = (libc::PROT_READ | libc::PROT_EXEC) as u64;
        let page = self.call(libc::SYS_mmap, [0, PAGE, protection, libc::MAP_PRIVATE as u64, file as u64, 0])?;
        self.tracee.write(page, &stub::code())?;
        self.page = Some(page);
        self.restore_first_word()?;
        self.call_at = page + stub::CALL;
        Ok(())
    }

    /// Map the library, ask it, and do what it says. On failure the program is as it was.
    pub fn protect(&mut self, payload: &Payload, file: i32) -> Result<Outcome, Trouble> {
        let nowhere = (-1_i32) as u64;
        let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as u64;
        let base = self.call(libc::SYS_mmap, [0, payload.span, libc::PROT_NONE as u64, flags, nowhere, 0])?;
        let protection = (libc::PROT_READ | libc::PROT_WRITE) as u64;
        let stack = self.call(libc::SYS_mmap, [0, STACK, protection, flags, nowhere, 0])?;
        let outcome = self.fill(payload, file, base).and_then(|()| self.ask(payload, base, stack + STACK));
        self.call(libc::SYS_munmap, [stack, STACK, 0, 0, 0, 0])?;
        if !matches!(outcome, Ok(Outcome::Protected)) {
            self.call(libc::SYS_munmap, [base, payload.span, 0, 0, 0, 0])?;
        }
        outcome
    }

    /// Map every segment over the room that was reserved at `base`.
    fn fill(&mut self, payload: &Payload, file: i32, base: u64) -> Result<(), Trouble> {
        for segment in &payload.segments {
            self.map(segment, file, base)?;
            let word = |fix: &Fix| (base + fix.at, if fix.relative { base.wrapping_add(fix.value) } else { fix.value });
            self.tracee.scatter(&segment.fixes.iter().map(word).collect::<Vec<_>>())?;
        }
        if let Some((start, end)) = payload.relro {
            self.call(libc::SYS_mprotect, [base + start, end - start, libc::PROT_READ as u64, 0, 0, 0])?;
        }
        Ok(())
    }

    fn map(&mut self, segment: &Segment, file: i32, base: u64) -> Result<(), Trouble> {
        let protection = segment.protection as u64;
        let flags = (libc::MAP_PRIVATE | libc::MAP_FIXED) as u64;
        let skew = segment.address % PAGE;
        let start = base + segment.address - skew;
        let in_file = if segment.in_file == 0 { 0 } else { (segment.in_file + skew).next_multiple_of(PAGE) };
        let whole = (segment.in_memory + skew).next_multiple_of(PAGE);
        if in_file > 0 {
            let arguments = [start, in_file, protection, flags, file as u64, segment.offset - skew];
            self.call(libc::SYS_mmap, arguments)?;
        }
        if whole > in_file {
            let flags = flags | libc::MAP_ANONYMOUS as u64;
            self.call(libc::SYS_mmap, [start + in_file, whole - in_file, protection, flags, (-1_i32) as u64, 0])?;
        }
        Ok(())
    }

    /// Enter the library with a question, on the stack that ends at `top`, and write the patches of its answer.
    fn ask(&mut self, payload: &Payload, base: u64, top: u64) -> Result<Outcome, Trouble> {
        let size = size_of::<Request>() as u64;
        let question = (top - size) & !63;
        self.tracee.write_own(question, bytes_of(&Request::new()))?;
        let start = Registers {
            rip: base + payload.entry,
            rdi: self.registers.rsp,
            rsi: question,
            rsp: question,
            ..self.registers
        };
        self.tracee.set_registers(&start)?;
        let at = self.tracee.run_to_trap()?;
        if at.wrapping_sub(base) >= payload.span {
            return Err(Trouble::Said(format!("the library stopped at {at:#x}, outside itself")));
        }
        let mut bytes = vec![0_u8; size as usize];
        self.tracee.read_own(question, &mut bytes)?;
        // SAFETY: every field of a Request is plain integers: any bytes are one.
        let answer: Request = unsafe { bytes.as_ptr().cast::<Request>().read_unaligned() };
        match answer.status {
            status::PATCH => self.patch(&answer).map(|()| Outcome::Protected),
            status::INERT => Ok(Outcome::Inert),
            status::REFUSED => Err(Trouble::Said(words(&answer.reason))),
            other => Err(Trouble::Said(format!("the library did not come to an end (state {other})"))),
        }
    }

    /// Write all patches, or none: each place must hold what the library saw there.
    fn patch(&self, answer: &Request) -> Result<(), Trouble> {
        let said = |text: &str| Trouble::Said(String::from(text));
        let count = usize::try_from(answer.count).unwrap_or(usize::MAX);
        let patches = answer.patches.get(..count).ok_or_else(|| said("the library asks for too many patches"))?;
        let mut pieces = Vec::new();
        for patch in patches {
            let length = usize::try_from(patch.length).unwrap_or(usize::MAX);
            match (patch.old.get(..length), patch.new.get(..length)) {
                (Some(old), Some(new)) => pieces.push((patch.address, old, new)),
                _ => return Err(said("the library asks for too long a patch")),
            }
        }
        for (address, old, _) in &pieces {
            if !self.holds(*address, old)? {
                return Err(said("the program's code is not what the library saw"));
            }
        }
        for (address, _, new) in &pieces {
            self.tracee.write(*address, new)?;
        }
        for (address, _, new) in &pieces {
            if !self.holds(*address, new)? {
                // The old bytes go back, so that it may run without us.
                for (address, old, _) in &pieces {
                    self.tracee.write(*address, old)?;
                }
                return Err(said("a patch did not stay in the program's code"));
            }
        }
        Ok(())
    }

    fn holds(&self, address: u64, bytes: &[u8]) -> Result<bool, Trouble> {
        let mut found = [0_u8; request::LONGEST];
        let found = found.get_mut(..bytes.len()).unwrap_or_default();
        self.tracee.read(address, found)?;
        Ok(found == bytes)
    }

    /// Close one of its descriptors.
    pub fn close(&mut self, file: i32) -> Result<(), Trouble> {
        self.call(libc::SYS_close, [file as u64, 0, 0, 0, 0, 0]).map(drop)
    }

    /// Let it begin, with everything as the kernel left it. It waits for us to end first, where our page of code is there.
    pub fn start(self) -> Result<(), Trouble> {
        let registers = self.registers;
        self.go_on_with(&registers)
    }

    /// Let it end with this exit code, before its first instruction.
    pub fn end(self, code: u8) -> Result<(), Trouble> {
        let (rax, rdi, rip) = (libc::SYS_exit_group as u64, u64::from(code), self.call_at);
        let registers = Registers { rax, rdi, rip, ..self.registers };
        if self.page.is_none() {
            // The call stands in the program's own place; that program is not going to run.
            self.tracee.set_registers(&registers)?;
            return Ok(self.tracee.detach()?);
        }
        self.go_on_with(&registers)
    }

    fn go_on_with(mut self, registers: &Registers) -> Result<(), Trouble> {
        self.restore_first_word()?;
        self.tracee.set_extended(&self.extended)?;
        match self.page {
            Some(page) => {
                // SAFETY: it takes nothing and cannot fail.
                let us = unsafe { libc::getpid() };
                let (slots, at) = (stub::slots(us, registers, self.mask), page + stub::slots_at());
                self.tracee.write(at, &slots)?;
                self.tracee.set_registers(&Registers { rip: page + stub::leave(), ..*registers })?;
            }
            None => self.tracee.set_registers(registers)?,
        }
        // Last: what has been waiting is delivered when it runs.
        self.tracee.set_mask(match self.page {
            Some(_) => self.mask_while_leaving(),
            None => self.mask,
        })?;
        Ok(self.tracee.detach()?)
    }

    /// The kernel tells of our end by SIGCHLD, although we were cloned without an exit signal: our parent has executed a program
    /// since (kernel/signal.c, do_notify_parent). No handler can be there yet, and unblocked it vanishes, as it should; blocked
    /// it would wait for the program, so it is unblocked until we have been waited for. One that waits already is another's.
    fn mask_while_leaving(&self) -> u64 {
        match self.tracee.is_pending(libc::SIGCHLD) {
            true => self.mask,
            false => self.mask & !(1 << (libc::SIGCHLD - 1)),
        }
    }

    fn restore_first_word(&mut self) -> Result<(), Trouble> {
        if let Some(word) = self.first_word {
            self.tracee.poke(self.registers.rip, word)?;
            self.first_word = None;
        }
        Ok(())
    }

    /// Make it call the kernel. An error of the kernel's is a failure.
    fn call(&mut self, number: libc::c_long, arguments: [u64; 6]) -> Result<u64, Trouble> {
        let [rdi, rsi, rdx, r10, r8, r9] = arguments;
        let registers =
            Registers { rip: self.call_at, rax: number as u64, rdi, rsi, rdx, r10, r8, r9, ..self.registers };
        self.run(registers, self.call_at + 2)?;
        let result = self.tracee.registers()?.rax;
        super::raw::answer(result as isize).map_err(|error| {
            let name = match number {
                libc::SYS_mmap => "mmap",
                libc::SYS_mprotect => "mprotect",
                libc::SYS_munmap => "munmap",
                _ => "close",
            };
            Trouble::Said(format!("{name} in the program: {}", crate::text::reason(&error)))
        })?;
        Ok(result)
    }

    /// Run from these registers to the `int3` at `end`.
    fn run(&mut self, registers: Registers, end: u64) -> Result<(), Trouble> {
        self.tracee.set_registers(&registers)?;
        let at = self.tracee.run_to_trap()?;
        if at != end {
            return Err(Trouble::Said(format!("it stopped at {at:#x} instead of {end:#x}")));
        }
        Ok(())
    }
}

fn bytes_of(request: &Request) -> &[u8] {
    // SAFETY: repr(C) and made of u64 and byte arrays of sizes that leave no padding between them.
    unsafe { std::slice::from_raw_parts((&raw const *request).cast(), size_of::<Request>()) }
}

/// The library's reason, as far as it is fit for a terminal.
fn words(reason: &[u8]) -> String {
    crate::text::printable(reason.split(|byte| *byte == 0).next().unwrap_or_default())
}
