//! What the engine may not do: block, touch what is not its own, cost anything where nothing is asked of it, or spin.

use crate::door::World;
use crate::machine::{Machine, MS, S};
use crate::program::{FOREVER, IN};
use netdeadline_engine::sys::{event, file, socket, Kernel};
use netdeadline_engine::Engine;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Does the pretended machine refuse this as a call of the engine's own?
fn refused(nr: i64, args: [usize; 6]) -> bool {
    let machine = Machine::new();
    catch_unwind(AssertUnwindSafe(|| machine.call(nr, args))).is_err()
}

#[test]
fn the_machine_refuses_every_call_that_could_block_or_change_what_is_the_programs() {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let second = Box::new(libc::timespec { tv_sec: 1, tv_nsec: 0 });
    let second = &raw const *second as usize;
    let address = crate::machine::memory::address([10, 0, 0, 1], 80);
    let poll = Box::new(libc::pollfd { fd: 0, events: IN, revents: 0 });
    let poll = &raw const *poll as usize;
    let refusals = [
        (libc::SYS_read, [0, second, 8, 0, 0, 0]),
        (libc::SYS_recvfrom, [0, second, 8, 0, 0, 0]),
        (libc::SYS_sendto, [0, second, 8, 0, 0, 0]),
        (libc::SYS_write, [0, second, 8, 0, 0, 0]),
        (libc::SYS_ppoll, [poll, 1, second, 0, 0, 0]),
        (libc::SYS_ppoll, [poll, 1, 0, 0, 0, 0]),
        (libc::SYS_epoll_wait, [0, second, 1, 0, 0, 0]),
        (libc::SYS_connect, [0, address.as_ptr() as usize, 16, 0, 0, 0]),
        (libc::SYS_fcntl, [0, libc::F_SETFL as usize, 0, 0, 0, 0]),
        (libc::SYS_setsockopt, [0, libc::SOL_SOCKET as usize, libc::SO_RCVLOWAT as usize, second, 4, 0]),
        (libc::SYS_close, [0, 0, 0, 0, 0, 0]),
        (libc::SYS_futex, [0, 0, 0, 0, 0, 0]),
        (libc::SYS_nanosleep, [second, 0, 0, 0, 0, 0]),
        (libc::SYS_kill, [1, 9, 0, 0, 0, 0]),
        (libc::SYS_shutdown, [0, 2, 0, 0, 0, 0]),
    ];
    let accepted: Vec<i64> = refusals.iter().filter(|(nr, args)| !refused(*nr, *args)).map(|(nr, _)| *nr).collect();
    std::panic::set_hook(hook);
    assert_eq!(accepted, [0; 0], "these went through");
}

#[test]
fn the_wrappers_of_sys_work_on_the_pretended_machine() {
    let world = World::new("");
    let fd = world.connected();
    let k = &world.engine.kernel;
    assert_eq!(event::poll_now(k, fd, IN), 0);
    assert_eq!(event::poll_now(k, 900, IN), libc::POLLNVAL as isize);
    assert_eq!(socket::kind(k, fd), Ok(libc::SOCK_STREAM));
    assert_eq!(socket::kind(k, 0), Err(libc::ENOTSOCK));
    assert_eq!(socket::unsent(k, fd), Ok(0));
    assert_eq!(socket::is_nonblocking(k, fd), Ok(false));
    assert_eq!(file::number_limit(k), Ok(1024));
    assert_eq!(socket::destination(k, fd).map(|name| name.bytes().to_vec()), Ok(world.machine.socket(fd).peer.clone()));
    assert_eq!(socket::tcp_info(k, fd).map(|info| (info.state, info.bytes_acked)), Ok((1, 1)));
}

#[test]
fn an_engine_that_was_never_started_asks_nothing() {
    let machine = Machine::new();
    let engine = Box::new(Engine::new(machine.clone()));
    let world = World::of(machine, engine);
    let fd = world.connected();
    let set = world.epoll_create();
    world.epoll_add(set, fd, libc::EPOLLIN);
    world.set_receive_timeout(fd, S);
    assert!(world.hangs(&mut world.begin_poll(&[(fd, IN)], FOREVER)));
    assert!(!world.engine.active() && !world.engine.anything_tracked());
    assert_eq!(world.close(fd), Ok(0));
    assert_eq!(world.machine.state().asked.keys().filter(|nr| **nr != libc::SYS_getpid).count(), 0);
    assert_eq!(world.machine.state().bytes, 0, "no memory");
}

#[test]
fn numbers_that_nobody_asked_about_cost_no_memory() {
    let world = World::new("");
    let before = world.machine.state().bytes;
    for fd in 0..1_000_000 {
        assert!(!world.engine.concerns(fd));
    }
    assert_eq!(world.machine.state().bytes, before);
    assert!(!world.engine.concerns(-1) && !world.engine.concerns(i32::MAX));
}

#[test]
fn a_wait_makes_a_handful_of_steps() {
    let world = World::new("to * read=2s");
    let fd = world.connected_nonblocking();
    let mut poller = world.begin_poll(&[(fd, IN)], FOREVER);
    assert_eq!(world.end(&mut poller), Ok(1));
    assert!(poller.steps() <= 4, "{} steps", poller.steps());
    world.set_nonblocking(fd, false);
    assert_eq!(world.read(fd, 1), Err(libc::ETIMEDOUT));
    let mut reader = world.begin_read(fd, 1);
    assert_eq!(world.end(&mut reader), Err(libc::ETIMEDOUT));
    assert!(reader.steps() <= 3, "{} steps", reader.steps());
    world.arrive(fd, b"there");
    let mut reader = world.begin_read(fd, 9);
    assert_eq!((world.end(&mut reader), reader.steps()), (Ok(5), 1), "a read that finds data is one call");
}

#[test]
fn a_read_that_finds_data_asks_the_kernel_for_nothing_else() {
    let world = World::new("to * read=2s");
    let fd = world.connected();
    world.arrive(fd, &[b'x'; 100]);
    assert_eq!(world.read(fd, 1), Ok(1));
    world.machine.change().asked.clear();
    for _ in 0..99 {
        assert_eq!(world.read(fd, 1), Ok(1));
        assert_eq!(world.write(fd, 1), Ok(1));
    }
    assert_eq!(world.machine.state().asked.values().sum::<u64>(), 0, "{:?}", world.machine.state().asked);
    world.pass(MS);
}
