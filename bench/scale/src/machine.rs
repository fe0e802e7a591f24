//! A kernel that knows sockets which do not exist: numbers from `FIRST` on are connections to 10.0.0.1 whose peer is silent. Every
//! other number, the clock's source, timers and memory are Linux's.

use crate::FIRST;
use netdeadline_engine::sys::{Kernel, Linux, TcpInfo};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

const SO_COOKIE: i32 = 57;

/// How far the clock is ahead of Linux's.
pub static AHEAD: AtomicU64 = AtomicU64::new(0);
/// Bytes of memory that the engine asked for.
pub static BYTES: AtomicUsize = AtomicUsize::new(0);

/// The kernel.
#[derive(Clone, Copy)]
pub struct Machine;

impl Kernel for Machine {
    fn call(&self, nr: i64, args: [usize; 6]) -> isize {
        if nr == libc::SYS_ppoll {
            // SAFETY: the engine's own pollfd.
            let fd = unsafe { (*(args[0] as *const libc::pollfd)).fd };
            return if fd >= FIRST { 0 } else { Linux.call(nr, args) };
        }
        if nr == libc::SYS_timerfd_settime && AHEAD.load(Relaxed) != 0 {
            // Nobody waits for it.
            return 0;
        }
        if (args[0] as i32) < FIRST || nr == libc::SYS_mmap {
            return Linux.call(nr, args);
        }
        pretended(nr, args)
    }

    #[inline]
    fn now(&self) -> u64 {
        Linux.now() + AHEAD.load(Relaxed)
    }

    #[inline]
    fn coarse(&self) -> u64 {
        Linux.coarse() + AHEAD.load(Relaxed)
    }

    fn pages(&self, bytes: usize) -> Option<NonNull<u8>> {
        BYTES.fetch_add(bytes, Relaxed);
        Linux.pages(bytes)
    }

    fn wiped_pages(&self, bytes: usize) -> Option<NonNull<u8>> {
        Linux.wiped_pages(bytes)
    }
}

/// A silent connection answers.
fn pretended(nr: i64, args: [usize; 6]) -> isize {
    let [fd, level, name, at, length_at, _] = args;
    match nr {
        libc::SYS_getsockopt => match (level as i32, name as i32) {
            (libc::SOL_SOCKET, libc::SO_TYPE) => put(at, length_at, libc::SOCK_STREAM),
            (libc::SOL_SOCKET, libc::SO_DOMAIN) => put(at, length_at, libc::AF_INET),
            (libc::SOL_SOCKET, libc::SO_ACCEPTCONN) => put(at, length_at, 0),
            (libc::SOL_SOCKET, libc::SO_RCVLOWAT) => put(at, length_at, 1),
            (libc::SOL_SOCKET, SO_COOKIE) => put(at, length_at, fd as u64),
            (libc::IPPROTO_TCP, libc::TCP_INFO) => {
                // It called connect, and nothing has come for an hour.
                let hour = 3_600_000;
                let info = TcpInfo {
                    state: 1,
                    bytes_acked: 1,
                    last_data_recv: hour,
                    last_ack_recv: hour,
                    ..TcpInfo::default()
                };
                put(at, length_at, info)
            }
            _ => -(libc::EOPNOTSUPP as isize),
        },
        libc::SYS_getpeername => {
            let mut address = [0_u8; 16];
            address[..2].copy_from_slice(&(libc::AF_INET as u16).to_ne_bytes());
            address[3] = 7;
            address[4..8].copy_from_slice(&[10, 0, 0, 1]);
            put(level, name, address)
        }
        libc::SYS_fcntl if level as i32 == libc::F_GETFL => (libc::O_RDWR | libc::O_NONBLOCK) as isize,
        libc::SYS_ioctl => {
            // SAFETY: the engine's own place for TIOCOUTQ.
            unsafe { *(name as *mut u32) = 0 };
            0
        }
        _ => panic!("call {nr} on {fd} is not pretended"),
    }
}

fn put<T>(at: usize, length_at: usize, value: T) -> isize {
    // SAFETY: the engine's own place, which has room for what it asked for: the length says so.
    unsafe {
        assert!(*(length_at as *const u32) as usize >= size_of::<T>());
        (at as *mut T).write_unaligned(value);
        *(length_at as *mut u32) = size_of::<T>() as u32;
    }
    0
}
