//! A kernel with what an engine asks of it: wakers, a timer, one socket's option and cookie. `FREE`: nothing of it
//! orders anything, which is less than a system call does; where a model needs more it says so (`LOCKED`).

use crate::kernel::{thread, NOW, PID};
use netdeadline_engine::atomic::{fence, memory, AtomicI32, AtomicU32, AtomicU64, Ordering, Ordering::*};
use netdeadline_engine::sys::Kernel;
use netdeadline_engine::table::{Description, Kind};
use netdeadline_engine::Engine;
use std::ptr::NonNull;

/// The socket that the models are about.
pub const FD: i32 = 5;
/// An epoll set.
pub const EPFD: i32 = 6;
const FIRST: i32 = 100;
const SO_COOKIE: usize = 57;

/// The state of the kernel.
pub struct World {
    /// What each waker asks for, by its number.
    wakers: [AtomicU32; 16],
    /// The timer's instant; 0 = off.
    timer: AtomicU64,
    /// SO_RCVTIMEO, ns.
    option: AtomicU64,
    cookie: AtomicU64,
    fresh: AtomicI32,
    /// How the calls order what is around them.
    order: Ordering,
}

/// A kernel whose calls order nothing.
pub static FREE: Engine<World> = Engine::new(World::new(Relaxed));
/// A kernel whose calls on one file come one after the other, each knowing the one before (a lock of the kernel's).
pub static LOCKED: Engine<World> = Engine::new(World::new(AcqRel));

impl World {
    const fn new(order: Ordering) -> World {
        World {
            wakers: [const { AtomicU32::new(0) }; 16],
            timer: AtomicU64::new(0),
            option: AtomicU64::new(0),
            cookie: AtomicU64::new(1),
            fresh: AtomicI32::new(FIRST),
            order,
        }
    }

    /// Is the waker set off?
    pub fn is_set(&self, waker: i32) -> bool {
        self.wakers[(waker - FIRST) as usize].load(Relaxed) != 0
    }

    /// Is any?
    pub fn any_set(&self) -> bool {
        self.wakers.iter().any(|waker| waker.load(Relaxed) != 0)
    }

    /// When the timer fires; 0: it does not.
    pub fn timer(&self) -> u64 {
        self.timer.load(Relaxed)
    }

    /// Another socket has the number from now on. The kernel's table of descriptors is a lock: what a thread does before and after
    /// it, and before and after it asks what a number is, stays there.
    pub fn reopen(&self, cookie: u64) {
        fence(SeqCst);
        self.cookie.store(cookie, Relaxed);
        fence(SeqCst);
    }

    /// setsockopt(SO_RCVTIMEO).
    pub fn set_option(&self, ns: u64) {
        self.option.swap(ns, self.order);
    }
}

impl Kernel for World {
    fn call(&self, nr: i64, args: [usize; 6]) -> isize {
        let [a, b, c, d, ..] = args;
        match nr {
            libc::SYS_getpid => PID as isize,
            libc::SYS_gettid => thread() as isize,
            libc::SYS_close | libc::SYS_tgkill => 0,
            libc::SYS_epoll_create1 | libc::SYS_eventfd2 | libc::SYS_timerfd_create => {
                self.fresh.fetch_add(1, Relaxed) as isize
            }
            libc::SYS_fcntl if b == libc::F_DUPFD_CLOEXEC as usize => self.fresh.fetch_add(1, Relaxed) as isize,
            libc::SYS_fcntl if b == libc::F_GETFL as usize => 0,
            libc::SYS_prlimit64 => {
                // SAFETY: the engine's own structure.
                unsafe { (d as *mut libc::rlimit64).write(libc::rlimit64 { rlim_cur: 1024, rlim_max: 1024 }) };
                0
            }
            libc::SYS_epoll_ctl => {
                // SAFETY: as above.
                let event = unsafe { (d as *const libc::epoll_event).read_unaligned() };
                if b == libc::EPOLL_CTL_MOD as usize {
                    self.wakers[a - FIRST as usize].swap(event.events, self.order);
                }
                0
            }
            libc::SYS_timerfd_settime => {
                // SAFETY: as above.
                let at = unsafe { (c as *const libc::itimerspec).read() }.it_value;
                self.timer.swap(at.tv_sec as u64 * 1_000_000_000 + at.tv_nsec as u64, self.order);
                0
            }
            libc::SYS_getsockopt => {
                let value = match c {
                    SO_COOKIE => {
                        fence(SeqCst);
                        self.cookie.load(Relaxed)
                    }
                    _ if c == libc::SO_RCVTIMEO as usize => return self.timeout(d),
                    _ if c == libc::SO_DOMAIN as usize => libc::AF_UNIX as u64,
                    _ if c == libc::SO_TYPE as usize => libc::SOCK_STREAM as u64,
                    _ if c == libc::SO_RCVLOWAT as usize => 1,
                    _ => return -(libc::ENOPROTOOPT as isize),
                };
                let bytes = value.to_ne_bytes();
                let size = if c == SO_COOKIE { 8 } else { 4 };
                // SAFETY: as above; of four or eight bytes.
                unsafe { (d as *mut u8).copy_from(bytes.as_ptr(), size) };
                0
            }
            _ => -(libc::ENOSYS as isize),
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

impl World {
    fn reads(&self) -> Ordering {
        if self.order == Relaxed {
            Relaxed
        } else {
            Acquire
        }
    }

    fn timeout(&self, place: usize) -> isize {
        let ns = self.option.load(self.reads());
        // SAFETY: the engine's own 16 bytes.
        unsafe { (place as *mut [u64; 2]).write_unaligned([ns / 1_000_000_000, ns % 1_000_000_000 / 1000]) };
        0
    }
}

/// An engine whose program has called the C API, as after its start.
pub fn engine(with: &'static Engine<World>) -> &'static Engine<World> {
    let e = memory::place_like(with);
    e.start(|_| ());
    e.process.epoch(&e.kernel);
    e.model_become_movable();
    e
}

/// The socket, known.
pub fn socket(e: &'static Engine<World>) -> &'static Description {
    let (index, d) = e.model_descriptions().create(&e.kernel, 1).expect("memory");
    assert!(e.model_slots().settle(&e.kernel, FD, e.model_slots().word(FD), Kind::Socket, index));
    d
}
