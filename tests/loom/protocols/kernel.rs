//! The kernel of the models: memory, a clock that stands still, and a thread's number. What a model asks of it beyond that it
//! says itself (`Calls`).

use netdeadline_engine::atomic::memory;
use netdeadline_engine::sys::Kernel;
use std::cell::Cell;
use std::ptr::NonNull;

/// What a model's kernel answers.
pub type Calls = fn(nr: i64, args: [usize; 6]) -> isize;

/// The kernel.
pub struct Model {
    calls: Calls,
}

/// The instant at which everything happens.
pub const NOW: u64 = 1_000_000_000_000;
/// The process.
pub const PID: i32 = 70;

/// Memory and nothing else.
pub static MEMORY: Model = Model { calls: |_, _| -(libc::ENOSYS as isize) };

impl Model {
    /// One that answers so.
    pub const fn new(calls: Calls) -> Model {
        Model { calls }
    }
}

impl Kernel for Model {
    fn call(&self, nr: i64, args: [usize; 6]) -> isize {
        match nr {
            libc::SYS_getpid => PID as isize,
            libc::SYS_gettid => thread() as isize,
            _ => (self.calls)(nr, args),
        }
    }
    fn now(&self) -> u64 {
        NOW
    }
    fn pages(&self, bytes: usize) -> Option<NonNull<u8>> {
        Some(memory::pages(bytes))
    }
    fn wiped_pages(&self, bytes: usize) -> Option<NonNull<u8>> {
        Some(memory::pages(bytes))
    }
}

loom::thread_local! {
    static THREAD: Cell<i32> = Cell::new(PID);
}

/// The number of the thread.
pub fn thread() -> i32 {
    THREAD.with(Cell::get)
}

/// Make a thread of this number.
pub fn spawn<T: 'static>(number: i32, run: impl FnOnce() -> T + 'static) -> loom::thread::JoinHandle<T> {
    loom::thread::spawn(move || {
        THREAD.with(|own| own.set(number));
        run()
    })
}
