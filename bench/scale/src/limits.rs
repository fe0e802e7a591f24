//! At the limits, where no machine here gets with real descriptors: the last number that is covered and the first that is not, and
//! more epoll sets than there is room for. What is beyond them is left alone; what is within goes on.

use crate::door::Process;
use crate::{broken, FIRST};
use netdeadline_engine::op;

/// fs.nr_open's default, and how many numbers are covered.
const NUMBERS: usize = 1 << 20;
/// So many sets are covered: sixteen bits name one.
const SETS: usize = 0xfffe;

fn check(what: &str, holds: bool) {
    if !holds {
        broken(what);
    }
    println!("pass {what}");
}

/// Try them all.
pub fn run() {
    numbers();
    sets();
}

fn numbers() {
    let process = Process::new(|_| {});
    process.begin_movable();
    let here = |fd: usize| fd - FIRST as usize;
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; 16];
    for fd in [NUMBERS - 2, NUMBERS - 1, NUMBERS, NUMBERS + 1, i32::MAX as usize - 1] {
        process.create(here(fd));
        process.register(here(fd));
        let set = op::set_deadline(process.engine(), fd as i32, op::Ways::Read, 1);
        let told = process.wait(&mut events, 0);
        if fd < NUMBERS {
            check(&format!("number {fd} is covered"), set.is_ok() && told == 1 && process.receive(here(fd)));
            process.set_deadline(here(fd), 0);
        } else {
            let refused = set == Err(libc::ENOMEM);
            check(
                &format!("number {fd} is left to the kernel, and the API says ENOMEM"),
                refused && told == 0 && !process.receive(here(fd)),
            );
        }
        process.close(here(fd));
    }
}

fn sets() {
    let process = Process::new(|_| {});
    process.begin_movable();
    process.create(0);
    // The process has one already.
    let numbers: Vec<usize> = (0..SETS + 500).map(|i| 1_000 + i).collect();
    for i in &numbers {
        op::epoll_created(process.engine(), FIRST + *i as i32);
    }
    let known = numbers.iter().filter(|i| process.engine().known(FIRST + **i as i32)).count();
    check(&format!("{SETS} epoll sets are covered, and 501 more are left to the kernel"), known == SETS - 1);
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; 16];
    let last = FIRST + *numbers.last().expect("one") as i32;
    process.register_in(last, 0);
    process.register(0);
    process.set_deadline(0, 1);
    check("a set that is covered tells of a deadline beside them", process.wait(&mut events, 0) == 1);
    process.set_deadline(0, 0);
    // Places of sets that are gone are used again.
    for i in &numbers {
        op::close(process.engine(), FIRST + *i as i32);
    }
    op::epoll_created(process.engine(), last);
    check("when sets are closed others are covered", process.engine().known(last));
}
