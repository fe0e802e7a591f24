//! A deadline that another thread sets, moves or takes away while a thread waits, in every way of waiting.

use crate::any_wait::{How, Waiting, ALL};
use crate::door::World;
use crate::machine::S;
use crate::program::{FOREVER, IN};
use netdeadline_engine::op::Ways;

/// In a fresh process, one whose socket's deadline is `when` from now (0: none, but it has called the API): a thread waits.
fn waiting(how: How, when: u64) -> (World, Waiting) {
    let world = World::new("");
    let fd = how.socket(&world);
    world.set_deadline(fd, if when == 0 { 0 } else { world.now() + when });
    let waiting = how.begin(&world, fd);
    (world, waiting)
}

#[test]
fn a_wait_ends_at_the_deadline_that_it_began_with() {
    for how in ALL {
        let (world, mut waiting) = waiting(how, 7 * S);
        let at = world.now() + 7 * S;
        let at = world.deadlines(waiting.fd).map_or(at, |(_, write)| write as u64);
        waiting.expires_at(&world, at);
    }
}

#[test]
fn a_deadline_set_while_a_thread_waits_ends_its_wait() {
    for how in ALL {
        let (world, mut waiting) = waiting(how, 0);
        waiting.waits_until(&world, world.now() + 5 * S);
        let at = world.now() + 3 * S;
        world.set_deadline(waiting.fd, at);
        waiting.expires_at(&world, at);
    }
}

#[test]
fn a_deadline_moved_earlier_ends_the_wait_then() {
    for how in ALL {
        let (world, mut waiting) = waiting(how, 60 * S);
        waiting.waits_until(&world, world.now() + S);
        let at = world.now() + S;
        world.set_deadline(waiting.fd, at);
        waiting.expires_at(&world, at);
    }
}

#[test]
fn a_deadline_moved_later_lets_the_wait_go_on() {
    for how in ALL {
        let (world, mut waiting) = waiting(how, 2 * S);
        waiting.waits_until(&world, world.now() + S);
        let at = world.now() + 9 * S;
        world.set_deadline(waiting.fd, at);
        waiting.expires_at(&world, at);
    }
}

#[test]
fn a_deadline_taken_away_lets_the_wait_go_on_until_what_it_waits_for_comes() {
    for how in ALL {
        let (world, mut waiting) = waiting(how, 2 * S);
        waiting.waits_until(&world, world.now() + S);
        world.set_deadline(waiting.fd, 0);
        waiting.waits_until(&world, world.now() + 5 * S);
        waiting.ends_well(&world);
    }
}

#[test]
fn a_deadline_that_is_moved_about_ends_the_wait_where_it_was_left() {
    for how in ALL {
        let (world, mut waiting) = waiting(how, 60 * S);
        for second in [50, 4, 30, 0, 5, 90, 6] {
            let at = if second == 0 { 0 } else { world.now() + second * S };
            world.set_deadline(waiting.fd, at);
            waiting.waits_until(&world, world.now() + S);
        }
        let at = world.now() + 5 * S;
        waiting.expires_at(&world, at);
    }
}

#[test]
fn a_deadline_set_to_the_past_ends_the_wait_at_once() {
    for how in ALL {
        for when in [-1, i64::MIN, 1, 0x7fff] {
            let (world, mut waiting) = waiting(how, 60 * S);
            waiting.waits_until(&world, world.now() + S);
            assert_eq!(world.set(waiting.fd, Ways::Both, when), Ok(()));
            let now = world.now();
            waiting.expires_at(&world, now);
        }
    }
}

#[test]
fn the_deadline_of_the_other_direction_ends_no_wait() {
    for how in ALL {
        let (world, mut waiting) = waiting(how, 0);
        let (other, own) = if how.ways() == Ways::Read { (Ways::Write, Ways::Read) } else { (Ways::Read, Ways::Write) };
        let soon = world.now() as i64 + S as i64;
        assert_eq!(world.set(waiting.fd, other, soon), Ok(()));
        waiting.waits_until(&world, world.now() + 5 * S);
        assert_eq!(world.set(waiting.fd, other, 1), Ok(()));
        waiting.waits_until(&world, world.now() + 5 * S);
        let at = world.now() + 2 * S;
        assert_eq!(world.set(waiting.fd, own, at as i64), Ok(()));
        waiting.expires_at(&world, at);
    }
}

#[test]
fn a_deadline_moved_by_another_number_of_the_socket_moves_the_wait() {
    for how in ALL {
        let world = World::new("");
        let fd = how.socket(&world);
        let dup = world.dup(fd);
        world.set_deadline(dup, world.now() + 60 * S);
        let mut waiting = how.begin(&world, fd);
        waiting.waits_until(&world, world.now() + S);
        let at = world.now() + S;
        world.set_deadline(dup, at);
        waiting.expires_at(&world, at);
    }
}

/// Another number of the socket that no call of the program's shows (dup inside libc, a descriptor that was inherited).
fn unseen(world: &World, fd: i32) -> i32 {
    let mut state = world.machine.change();
    let file = state.numbers[&fd];
    state.number(file, 0)
}

#[test]
fn numbers_that_nobody_saw_come_find_one_deadline() {
    for how in ALL {
        // Among others, some of which came before the first call of the API, and some of which are gone.
        let world = World::new("");
        let early: Vec<i32> = (0..5).map(|_| how.socket(&world)).collect();
        let early_twin = unseen(&world, early[2]);
        world.set_deadline(early[0], world.now() + 60 * S);
        let late: Vec<i32> = (0..5).map(|_| how.socket(&world)).collect();
        let late_twin = unseen(&world, late[2]);
        for gone in [early[1], late[1]] {
            assert_eq!(world.close(gone), Ok(0));
        }
        for (fd, twin) in [(early[2], early_twin), (late[2], late_twin)] {
            world.set_deadline(twin, world.now() + 60 * S);
            let mut waiting = how.begin(&world, fd);
            waiting.waits_until(&world, world.now() + S);
            let at = world.now() + S;
            world.set_deadline(twin, at);
            waiting.expires_at(&world, at);
        }
    }
}

#[test]
fn an_attempt_that_began_before_the_first_call_of_the_api_is_ended_by_a_deadline() {
    let world = World::new("");
    let fd = world.socket();
    world.set_nonblocking(fd, true);
    assert_eq!(world.connect(fd, 9), Err(libc::EINPROGRESS));
    let at = world.now() + S;
    world.set_deadline(fd, at);
    How::PollOut.begin(&world, fd).until(&world, at + S);
    world.assert_deadline(at, 0);
    assert_eq!(world.machine.socket(fd).aborted, 1);
    assert_eq!(world.socket_error(fd), libc::ETIMEDOUT);
}

#[test]
fn several_waits_for_one_socket_all_end() {
    for (one, other) in
        [(How::Read, How::Poll(1)), (How::Epoll(0), How::Read), (How::Poll(63), How::Epoll(libc::EPOLLET))]
    {
        let world = World::new("");
        let fd = world.connected();
        world.set_deadline(fd, 0);
        let (mut one, mut other, mut third) = (one.begin(&world, fd), other.begin(&world, fd), one.begin(&world, fd));
        let at = world.now() + S;
        world.set_read(fd, at);
        one.expires_at(&world, at);
        assert!(matches!(other.until(&world, at + S), Some(Ok(1) | Err(libc::ETIMEDOUT))), "{:?}", other.how);
        assert!(matches!(third.until(&world, at + S), Some(Ok(1) | Err(libc::ETIMEDOUT))), "{:?}", third.how);
        assert!(world.now() < at + 10_000);
    }
}

#[test]
fn a_move_wakes_nobody_who_waits_for_another_socket() {
    let world = World::new("");
    let (fd, other) = (world.connected(), world.connected());
    world.set_deadline(fd, 0);
    let mut thread = world.begin_read(fd, 1);
    for _ in 0..50 {
        world.set_deadline(other, world.now() + S);
        assert_eq!(thread.run(&world), None);
    }
    assert!(thread.steps() <= 2, "{} steps", thread.steps());
}

#[test]
fn a_move_to_later_wakes_nobody() {
    let world = World::new("");
    let fd = world.connected();
    world.set_deadline(fd, world.now() + S);
    let mut thread = world.begin_read(fd, 1);
    let at = world.now() + 60 * S;
    for i in 0..50 {
        world.set_deadline(fd, at + i);
        assert_eq!(thread.run(&world), None);
    }
    assert!(thread.steps() <= 2, "{} steps: a busy program moves its deadlines with every byte", thread.steps());
    assert_eq!(world.end(&mut thread), Err(libc::ETIMEDOUT));
    world.assert_deadline(at + 49, 0);
}

#[test]
fn a_number_closed_while_a_thread_waits_ends_its_wait() {
    for how in [How::Read, How::ReadAll, How::Write, How::Accept, How::Connect] {
        for when in [0, 60 * S] {
            let (world, mut waiting) = waiting(how, when);
            waiting.waits_until(&world, world.now() + S);
            assert_eq!(world.close(waiting.fd), Ok(0));
            assert_eq!(waiting.until(&world, world.now() + S), Some(Err(libc::EBADF)), "{how:?}");
        }
    }
    for count in [1, 63] {
        let (world, mut waiting) = waiting(How::Poll(count), 0);
        assert_eq!(world.close(waiting.fd), Ok(0));
        assert_eq!(waiting.until(&world, world.now() + S), Some(Ok(1)), "POLLNVAL");
    }
}

#[test]
fn who_waits_for_a_closed_number_does_not_read_its_next_owners_bytes() {
    let (world, mut waiting) = waiting(How::Read, 60 * S);
    assert_eq!(world.close(waiting.fd), Ok(0));
    assert_eq!(world.connected(), waiting.fd);
    world.arrive(waiting.fd, b"for another");
    assert_eq!(waiting.until(&world, world.now() + S), Some(Err(libc::EBADF)));
    assert_eq!(world.read_text(waiting.fd, 100), Ok("for another".to_owned()));
}

#[test]
fn a_new_owner_of_a_number_has_no_deadline() {
    for how in ALL {
        let world = World::new("");
        let first = how.socket(&world);
        world.set_deadline(first, 1);
        assert_eq!(world.close(first), Ok(0));
        let fd = how.socket(&world);
        assert_eq!(world.deadlines(fd), Ok((0, 0)), "{how:?}");
        let mut waiting = how.begin(&world, fd);
        waiting.waits_until(&world, world.now() + 10 * S);
        waiting.ends_well(&world);
    }
}

#[test]
fn with_no_descriptor_to_be_had_a_wait_notices_within_milliseconds() {
    for how in ALL {
        let world = World::new("");
        let fd = how.socket(&world);
        world.machine.change().no_wakers = true;
        world.machine.change().no_timers = true;
        world.set_deadline(fd, world.now() + 60 * S);
        let mut waiting = how.begin(&world, fd);
        let soon = world.now() + 2 * S;
        if how == How::Nested {
            // A poll for a set is woken by the set's timer or not at all.
            continue;
        }
        waiting.waits_until(&world, soon - S);
        world.set_deadline(fd, soon);
        waiting.waits_until(&world, soon - 1);
        let answer = waiting.until(&world, soon + S);
        assert!(answer.is_some(), "{how:?}");
        assert!(world.now() < soon + 12_000_000, "{how:?} after {} ns", world.now() - soon);
    }
}

#[test]
fn a_forked_child_and_its_parent_move_their_own_waits() {
    let world = World::new("");
    let fd = world.connected();
    world.set_deadline(fd, 0);
    assert_eq!(world.until(&mut world.begin_read(fd, 1), world.now() + S), None);
    world.set_deadline(fd, 1);
    world.set_deadline(fd, 0);
    world.machine.fork();
    let mut child = world.begin_read(fd, 1);
    assert_eq!(world.until(&mut child, world.now() + S), None);
    let at = world.now() + S;
    world.set_deadline(fd, at);
    assert_eq!(world.end(&mut child), Err(libc::ETIMEDOUT));
    world.assert_deadline(at, 0);
    let made = world.machine.state().asked[&libc::SYS_epoll_create1];
    assert_eq!(made, 2, "a waker shared with the parent would wake the parent's threads");
}

#[test]
fn a_wait_of_a_thread_that_was_cancelled_is_in_nobodys_way() {
    let world = World::new("");
    let fd = world.connected();
    world.set_deadline(fd, 0);
    for thread in 1..600 {
        world.as_thread(thread);
        // It never comes back from its wait.
        assert_eq!(world.begin_read(fd, 1).run(&world), None);
        world.machine.change().dead.insert(5000 + thread);
    }
    world.as_thread(700);
    let mut thread = world.begin_read(fd, 1);
    assert_eq!(thread.run(&world), None);
    let at = world.now() + S;
    world.set_deadline(fd, at);
    assert_eq!(world.end(&mut thread), Err(libc::ETIMEDOUT));
    world.assert_deadline(at, 0);
    assert!(thread.steps() < 10, "it was woken, and did not look again and again: {} steps", thread.steps());
}

#[test]
fn a_poll_that_is_woken_in_vain_keeps_its_own_time() {
    let world = World::new("");
    let fd = world.connected();
    world.set_deadline(fd, 0);
    let began = world.now();
    let mut thread = world.begin_poll(&[(fd, IN)], 2 * S);
    for _ in 0..10 {
        assert_eq!(world.until(&mut thread, world.now() + S / 10), None);
        world.set_deadline(fd, world.now() + 60 * S);
        world.set_timeouts(fd, [0, 0, 90 * S, 0, 0]);
    }
    assert_eq!(world.end(&mut thread), Ok(0));
    world.assert_deadline(began, 2 * S);
    let mut set = world.begin_poll(&[(fd, IN)], FOREVER);
    assert_eq!(set.run(&world), None);
}
