//! The machine as the engine's kernel: only calls that cannot block, and only on what is the engine's to touch.
//!
//! Everything that is not listed here, or is asked in a form that could block, fails the test on the spot.

use super::calls::whole;
use super::{memory, File, Machine, State, Timer};
use netdeadline_engine::sys::Kernel;
use std::ptr::NonNull;

fn in_kernel_form(answer: Result<usize, i32>) -> isize {
    answer.map_or_else(|errno| -(errno as isize), |value| value as isize)
}

const TICK: u64 = 4_000_000;

impl Kernel for Machine {
    fn call(&self, nr: i64, args: [usize; 6]) -> isize {
        self.run_hook(nr);
        let mut state = self.change();
        *state.asked.entry(nr).or_default() += 1;
        in_kernel_form(state.engine_call(nr, args))
    }

    fn now(&self) -> u64 {
        self.state().now
    }

    fn coarse(&self) -> u64 {
        // Of the last tick, HZ=250.
        self.now() / TICK * TICK
    }

    fn pages(&self, bytes: usize) -> Option<NonNull<u8>> {
        self.change().bytes += bytes;
        let layout = std::alloc::Layout::from_size_align(bytes, 4096).ok()?;
        assert!(bytes.is_multiple_of(4096) && bytes > 0, "{bytes} bytes are no pages");
        // SAFETY: the size is not 0. Never freed, as the trait wants it.
        NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) })
    }

    fn wiped_pages(&self, bytes: usize) -> Option<NonNull<u8>> {
        let pages = self.pages(bytes)?;
        self.change().wiped.push((pages.as_ptr() as usize, bytes));
        Some(pages)
    }
}

/// libc's `struct sigaction` is not the kernel's.
#[repr(C)]
#[derive(Clone, Copy)]
struct Action {
    handler: usize,
    flags: usize,
    restorer: usize,
    mask: u64,
}

impl State {
    fn engine_call(&mut self, nr: i64, args: [usize; 6]) -> Result<usize, i32> {
        let [a, b, c, d, e, f] = args;
        let fd = a as i32;
        if let Some(answer) = self.page_call(nr, args) {
            return answer;
        }
        match nr {
            libc::SYS_getsockopt => self.getsockopt(args),
            libc::SYS_setsockopt => {
                let name = (b as i32, c as i32);
                let lent = [(libc::SOL_SOCKET, libc::SO_SNDTIMEO), (libc::SOL_SOCKET, libc::SO_RCVTIMEO)];
                assert!(lent.contains(&name), "the engine sets only the timeouts it lends, not {name:?}");
                self.setsockopt(args)
            }
            libc::SYS_getsockname => self.name(fd, false, b, c),
            libc::SYS_getpeername => self.name(fd, true, b, c),
            libc::SYS_ioctl => {
                assert_eq!(b as u64, libc::TIOCOUTQ, "the engine asks only how much is unsent");
                let unsent = self.socket(fd)?.unacknowledged as u32;
                memory::store_as(c, unsent);
                Ok(0)
            }
            libc::SYS_fcntl => match b as i32 {
                libc::F_GETFL => self.flags(fd),
                libc::F_DUPFD_CLOEXEC => {
                    let file = self.file(fd)?.0;
                    let new = self.number(file, c as i32);
                    self.ours.insert(new);
                    Ok(new as usize)
                }
                command => panic!("the engine may not fcntl({fd}, {command})"),
            },
            libc::SYS_ppoll => {
                assert_eq!(memory::time(c), Some(0), "the engine polls without waiting");
                assert_eq!((d, b), (0, 1), "one fd, no mask");
                let poll: libc::pollfd = memory::load_as(a).ok_or(libc::EFAULT)?;
                let revents = self.poll_bits(poll.fd, poll.events);
                memory::store_as(a, libc::pollfd { revents, ..poll });
                Ok((revents != 0) as usize)
            }
            libc::SYS_connect => {
                let family = memory::load_as::<u16>(b).ok_or(libc::EFAULT)?;
                assert_eq!(family as i32, libc::AF_UNSPEC, "the engine only disconnects");
                self.socket(fd)?.disconnect();
                Ok(0)
            }
            libc::SYS_timerfd_create => {
                assert_eq!(a as i32, libc::CLOCK_MONOTONIC);
                assert_eq!(b as i32, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC);
                if self.no_timers {
                    return Err(libc::EMFILE);
                }
                let timer = self.open(File::Timer(Timer::default()));
                self.ours.insert(timer);
                Ok(timer as usize)
            }
            libc::SYS_eventfd2 | libc::SYS_epoll_create1 => {
                let file = if nr == libc::SYS_eventfd2 {
                    assert_eq!((a, b as i32), (1, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK));
                    File::Event
                } else {
                    assert_eq!(a as i32, libc::EPOLL_CLOEXEC);
                    File::Epoll(super::Epoll::default())
                };
                if self.no_wakers {
                    return Err(libc::EMFILE);
                }
                let fd = self.open(file);
                self.ours.insert(fd);
                Ok(fd as usize)
            }
            libc::SYS_timerfd_settime => {
                assert_eq!(b as i32, libc::TFD_TIMER_ABSTIME);
                let new: libc::itimerspec = memory::load_as(c).ok_or(libc::EFAULT)?;
                let (_, File::Timer(timer)) = self.file(fd)? else { return Err(libc::EINVAL) };
                timer.at = whole(new.it_value.tv_sec as u64 * 1_000_000_000 + new.it_value.tv_nsec as u64);
                timer.set += 1;
                Ok(0)
            }
            libc::SYS_epoll_ctl => {
                let (operation, fd) = (b as i32, c as i32);
                let ours = self.ours.contains(&fd);
                assert!(ours || operation == libc::EPOLL_CTL_MOD, "the engine adds and removes only its own files");
                if !ours {
                    let event: libc::epoll_event = memory::load_as(d).ok_or(libc::EFAULT)?;
                    self.modified.push((fd, event.events));
                }
                self.epoll_ctl(a as i32, operation, fd, d)
            }
            libc::SYS_close => {
                assert!(self.ours.contains(&fd), "the engine closes only what it opened, not {fd}");
                self.close(fd).map(|()| 0)
            }
            libc::SYS_prlimit64 => {
                assert_eq!(c, 0, "the engine sets no limit");
                memory::store_as(d, libc::rlimit64 { rlim_cur: self.limit, rlim_max: self.limit });
                Ok(0)
            }
            libc::SYS_getpid => Ok(self.pid as usize),
            libc::SYS_gettid => Ok(self.tid.unwrap_or(self.pid) as usize),
            libc::SYS_tgkill => {
                assert_eq!((a as i32, c), (self.pid, 0), "the engine only asks whether a thread lives");
                if self.dead.contains(&(b as i32)) {
                    Err(libc::ESRCH)
                } else {
                    Ok(0)
                }
            }
            libc::SYS_prctl => {
                assert_eq!(a as i32, libc::PR_GET_NAME);
                memory::store(b, b"pretended\0\0\0\0\0\0\0");
                Ok(0)
            }
            libc::SYS_clock_gettime => {
                memory::store_as(b, libc::timespec { tv_sec: 1_700_000_000, tv_nsec: 0 });
                Ok(0)
            }
            libc::SYS_process_vm_readv => transfer(d, b),
            libc::SYS_process_vm_writev => transfer(b, d),
            libc::SYS_rt_sigprocmask => Ok(self.sigprocmask(a as i32, b, c)),
            libc::SYS_rt_sigpending => {
                memory::store_as(a, 0_u64);
                Ok(0)
            }
            libc::SYS_rt_sigaction => {
                assert_eq!(b, 0, "the engine installs no handler");
                let restarts = self.handlers.get(&fd);
                let flags = if restarts == Some(&true) { libc::SA_RESTART as usize } else { 0 };
                let handler = if restarts.is_some() { 0x40_0000 } else { libc::SIG_DFL };
                memory::store_as(c, Action { handler, flags, restorer: 0, mask: 0 });
                Ok(0)
            }
            libc::SYS_openat => {
                let wanted = libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOFOLLOW;
                assert_eq!(c as i32 & wanted, wanted, "opening may not wait");
                let path = memory::load_string(b).ok_or(libc::EFAULT)?;
                let file = match path.strip_prefix("/proc/self/fdinfo/") {
                    Some(set) => File::Plain(self.epoll_shown(set.parse().expect("a number"))?.into_bytes()),
                    None => File::Log,
                };
                let fd = self.open(file);
                self.ours.insert(fd);
                Ok(fd as usize)
            }
            libc::SYS_read => {
                assert!(self.ours.contains(&fd), "the engine reads only what it opened");
                let (_, File::Plain(rest)) = self.file(fd)? else { return Err(libc::EINVAL) };
                let bytes: Vec<u8> = rest.drain(..rest.len().min(c)).collect();
                memory::store(b, &bytes);
                Ok(bytes.len())
            }
            libc::SYS_fstat => {
                // SAFETY: a C struct of integers.
                let mut stat: libc::stat = unsafe { std::mem::zeroed() };
                let (id, file) = self.file(fd)?;
                stat.st_ino = id;
                stat.st_mode = match file {
                    File::Log => libc::S_IFREG,
                    File::Socket(_) => libc::S_IFSOCK,
                    File::Pages => libc::S_IFDIR | 0o700,
                    _ => libc::S_IFIFO,
                };
                memory::store_as(b, stat);
                Ok(0)
            }
            libc::SYS_write => {
                let bytes = memory::load(b, c).ok_or(libc::EFAULT)?;
                assert!(matches!(self.file(fd)?.1, File::Log), "the engine writes only to its log");
                self.log.push_str(&String::from_utf8(bytes).expect("records are text"));
                Ok(c)
            }
            _ => panic!("the engine may not make call {nr}({a}, {b}, {c}, {d}, {e}, {f}) itself"),
        }
    }

    fn flags(&mut self, fd: i32) -> Result<usize, i32> {
        let nonblocking = match self.file(fd)?.1 {
            File::Socket(socket) => socket.nonblocking,
            _ => false,
        };
        Ok((libc::O_RDWR | if nonblocking { libc::O_NONBLOCK } else { 0 }) as usize)
    }

    /// rt_sigprocmask.
    pub fn sigprocmask(&mut self, how: i32, set: usize, old: usize) -> usize {
        if old != 0 {
            memory::store_as(old, self.mask);
        }
        if let Some(set) = memory::load_as::<u64>(set) {
            self.mask = match how {
                libc::SIG_BLOCK => self.mask | set,
                libc::SIG_UNBLOCK => self.mask & !set,
                _ => set,
            };
        }
        0
    }
}

/// process_vm_readv and writev on ourselves, one vector each.
fn transfer(from: usize, to: usize) -> Result<usize, i32> {
    let from: libc::iovec = memory::load_as(from).ok_or(libc::EFAULT)?;
    let to: libc::iovec = memory::load_as(to).ok_or(libc::EFAULT)?;
    let bytes = memory::load(from.iov_base as usize, from.iov_len).ok_or(libc::EFAULT)?;
    if memory::store(to.iov_base as usize, &bytes) {
        Ok(bytes.len())
    } else {
        Err(libc::EFAULT)
    }
}
