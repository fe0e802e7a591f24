//! The control: one timerfd for each descriptor, all in one epoll set, through the kernel. Where a process may not have so many
//! descriptors, children hold the rest: in the same set, armed in the same kernel.

use crate::broken;
use crate::meter::Meter;
use crate::random::Random;
use std::os::fd::RawFd;

const HOUR: u64 = 3_600_000_000_000;
const BATCH: usize = 500;

/// CLOCK_MONOTONIC.
pub fn now() -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a place of our own.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut t) };
    t.tv_sec as u64 * 1_000_000_000 + t.tv_nsec as u64
}

/// How many timers one process may hold.
fn room() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: places of our own.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
    }
    // A child begins with its parent's.
    (limit.rlim_cur.min(1 << 20) as usize - 100) / 2
}

/// Timers `0..n` in the set, armed for what `at` says: the first are ours, the rest are held by children that end with us.
pub fn held(n: usize, set: RawFd, edge: bool, at: impl Fn(usize) -> u64) -> Vec<RawFd> {
    let room = room();
    let mut pipe = [0; 2];
    // SAFETY: a place of our own.
    must(unsafe { libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) }, "pipe2");
    let make = |from: usize, to: usize| -> Vec<RawFd> {
        let fds: Vec<RawFd> = (from..to).map(|i| timer_in(set, i as u64, edge)).collect();
        fds.iter().zip(from..).for_each(|(fd, i)| arm(*fd, at(i)));
        fds
    };
    let mut children = 0;
    // SAFETY: no pointers; one thread only, so that the child may go on.
    let parent = unsafe { libc::getpid() };
    for from in (room.min(n)..n).step_by(room) {
        // SAFETY: as above.
        if must(unsafe { libc::fork() }, "fork") == 0 {
            // SAFETY: no pointers but a byte of our own.
            unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                if libc::getppid() != parent {
                    libc::_exit(0);
                }
                make(from, n.min(from + room));
                libc::write(pipe[1], c"r".as_ptr().cast(), 1);
                loop {
                    libc::pause();
                }
            }
        }
        children += 1;
    }
    let own = make(0, room.min(n));
    for _ in 0..children {
        let mut byte = 0_u8;
        // SAFETY: a byte of our own.
        must((unsafe { libc::read(pipe[0], (&raw mut byte).cast(), 1) } - 1) as i32, "a child holds no timers");
    }
    own
}

fn must(answer: i32, what: &str) -> i32 {
    if answer < 0 {
        eprintln!("scale: {what}: {}", std::io::Error::last_os_error());
        std::process::exit(2);
    }
    answer
}

/// An epoll set.
pub fn epoll() -> RawFd {
    // SAFETY: no pointers.
    must(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }, "epoll_create1")
}

/// A timerfd in the set, `data` being its data.
pub fn timer_in(set: RawFd, data: u64, edge: bool) -> RawFd {
    // SAFETY: no pointers.
    let fd =
        must(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) }, "timerfd");
    let events = (libc::EPOLLIN | if edge { libc::EPOLLET } else { 0 }) as u32;
    let mut event = libc::epoll_event { events, u64: data };
    // SAFETY: an event of our own.
    must(unsafe { libc::epoll_ctl(set, libc::EPOLL_CTL_ADD, fd, &mut event) }, "epoll_ctl");
    fd
}

/// Let it expire at this instant; 0: not.
pub fn arm(fd: RawFd, at: u64) {
    let value = libc::timespec { tv_sec: (at / 1_000_000_000) as i64, tv_nsec: (at % 1_000_000_000) as i64 };
    let time = libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
    // SAFETY: a value of our own.
    must(unsafe { libc::timerfd_settime(fd, libc::TFD_TIMER_ABSTIME, &time, std::ptr::null_mut()) }, "timerfd_settime");
}

/// The data of what is ready, at most as many as there is room for.
pub fn wait(set: RawFd, events: &mut [libc::epoll_event], timeout: i32) -> usize {
    // SAFETY: an array of our own with its length.
    must(unsafe { libc::epoll_wait(set, events.as_mut_ptr(), events.len() as i32, timeout) }, "epoll_wait") as usize
}

/// It has expired.
pub fn take(fd: RawFd) {
    let mut expirations = 0_u64;
    // SAFETY: a place of our own.
    if unsafe { libc::read(fd, (&raw mut expirations).cast(), 8) } != 8 {
        broken("a timer was reported that is not due");
    }
}

/// Measure with `n` timerfds armed.
pub fn run(n: usize, mut meter: Meter) -> Meter {
    let set = epoll();
    let mut random = Random::new(n as u64);
    let base = now() + HOUR;
    let mut at: Vec<u64> = (0..n).map(|_| base + random.next() % HOUR).collect();
    let fds = held(n, set, false, |i| at[i]);
    let n = fds.len();
    let k = (n / 2).clamp(1, BATCH);
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; 512];
    meter.rounds(|meter| {
        let chosen = random.some(k, n);
        meter.batch("timerfd: disarm", k, || chosen.iter().for_each(|&i| arm(fds[i], 0)));
        meter.batch("timerfd: arm", k, || chosen.iter().for_each(|&i| arm(fds[i], at[i])));
        let later: Vec<(usize, u64)> = random.some(k, n).into_iter().map(|i| (i, at[i] + HOUR / 100)).collect();
        meter.batch("timerfd: re-arm later", k, || later.iter().for_each(|&(i, at)| arm(fds[i], at)));
        let earlier: Vec<(usize, u64)> =
            random.some(k, n).into_iter().map(|i| (i, base + (at[i] - base) / 2)).collect();
        meter.batch("timerfd: re-arm earlier", k, || earlier.iter().for_each(|&(i, at)| arm(fds[i], at)));
        later.iter().chain(&earlier).for_each(|&(i, to)| at[i] = to);
        meter.batch("timerfd: wait, nothing due", 100, || {
            (0..100).for_each(|_| {
                if wait(set, &mut events, 0) != 0 {
                    broken("a timer is early");
                }
            })
        });
        // One at a time: due at once, told by one wait, and read.
        meter.batch("timerfd: expire one", k, || {
            for &i in &chosen {
                arm(fds[i], 1);
                if wait(set, &mut events[..1], 1000) != 1 || events[0].u64 != i as u64 {
                    broken("a timer that is due was not told");
                }
                take(fds[i]);
            }
        });
        chosen.iter().for_each(|&i| arm(fds[i], at[i]));
    });
    for fd in &fds {
        arm(*fd, 1);
    }
    meter.batch("timerfd: expire all", n, || {
        let mut told = 0;
        while told < n {
            let count = wait(set, &mut events, 1000);
            if count == 0 {
                broken("a timer that is due was not told");
            }
            for event in &events[..count] {
                take(fds[event.u64 as usize]);
            }
            told += count;
        }
    });
    meter.batch("timerfd: close", n, || {
        for fd in &fds {
            // SAFETY: ours.
            unsafe { libc::close(*fd) };
        }
    });
    meter
}
