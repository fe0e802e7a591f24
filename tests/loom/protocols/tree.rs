//! The tree of minima: arming goes up, correcting comes down, and no instant is lost between the two.

use crate::kernel::{spawn, MEMORY};
use crate::Protocol;
use netdeadline_engine::atomic::{memory, AtomicU64, Ordering::*};
use netdeadline_engine::set::{Minimum, Set, Sets};
use netdeadline_engine::sys::Lazy;

/// The models of this file.
pub const ALL: &[Protocol] = &[
    Protocol::new("a_correction_does_not_lose_what_is_armed_meanwhile", correction),
    Protocol::new("two_corrections_do_not_lose_what_is_armed_meanwhile", corrections),
    Protocol::new("a_sweep_does_not_lose_what_is_armed_meanwhile", sweep),
    Protocol::new("two_that_arm_lose_nothing_to_a_sweep", sweep_of_two),
];

const NEVER: u64 = u64::MAX;

netdeadline_engine::zeroed! {
    struct Family {
        root: Minimum,
        parent: [Minimum; 2],
        children: [Minimum; 2],
    }
}

fn family() -> &'static Family {
    memory::place(Lazy::<Family>::new()).obtain(&MEMORY).expect("memory")
}

/// The children are lowered before their parent, as `Set::lower` does.
fn lower(of: &Family, child: usize, instant: u64) {
    let _ = of.children[child].lower(instant) && of.parent[0].lower(instant) && of.root.lower(instant);
}

fn correction() {
    let family = family();
    lower(family, 0, 50);
    memory::begin();
    let arms = spawn(1, || lower(family, 1, 60));
    // What a sweep does with an instant that is over.
    assert!(family.children[0].replace(50, NEVER));
    family.parent[0].correct(&family.children);
    family.root.correct(&family.parent);
    arms.join().unwrap();
    assert!(family.parent[0].load() <= 60 && family.root.load() <= 60, "an instant is lost");
}

fn corrections() {
    let family = family();
    lower(family, 0, 50);
    memory::begin();
    let correct = || {
        family.children[0].replace(50, NEVER);
        family.parent[0].correct(&family.children);
    };
    let arms = spawn(1, || {
        let _ = family.children[1].lower(60) && family.parent[0].lower(60);
    });
    let corrects = spawn(2, correct);
    correct();
    arms.join().unwrap();
    corrects.join().unwrap();
    assert!(family.parent[0].load() <= 60, "an instant is lost");
}

fn set_for(fds: &[i32]) -> &'static Set {
    static NONE: Sets = Sets::new();
    let sets = memory::place_like(&NONE);
    let set = sets.at(sets.create(&MEMORY, 3).expect("memory")).expect("there");
    fds.iter().for_each(|fd| assert!(set.obtain(&MEMORY, *fd).is_some()));
    set
}

/// A socket's own instant, of which the tree keeps a copy: armed before it is lowered.
fn arm(set: &Set, wanted: &AtomicU64, fd: i32, instant: u64) {
    wanted.store(instant, Relaxed);
    set.lower(fd, instant);
}

/// What a wait does: what is due is taken, what is not yet is given back.
fn sweep_once(set: &Set, wanted: &AtomicU64, now: u64) {
    set.sweep(now, |_, _| match wanted.load(Relaxed) {
        at if at <= now => {
            let _ = wanted.compare_exchange(at, NEVER, Relaxed, Relaxed);
            Some(wanted.load(Relaxed))
        }
        at => Some(at),
    });
}

fn sweep() {
    let set = set_for(&[9]);
    let wanted = memory::place(AtomicU64::new(NEVER));
    arm(set, wanted, 9, 50);
    memory::begin();
    let arms = spawn(1, || arm(set, wanted, 9, 60));
    sweep_once(set, wanted, 55);
    arms.join().unwrap();
    assert!(set.next() <= wanted.load(Relaxed), "an instant is lost");
}

fn sweep_of_two() {
    let set = set_for(&[9, 10]);
    let [nine, ten] = [(); 2].map(|()| memory::place(AtomicU64::new(NEVER)));
    arm(set, nine, 9, 50);
    memory::begin();
    let arms = spawn(1, || arm(set, nine, 9, 60));
    let also = spawn(2, || arm(set, ten, 10, 70));
    set.sweep(55, |fd, _| {
        Some(if fd == 9 { nine.load(Relaxed) } else { ten.load(Relaxed) }).filter(|at| *at > 55).or(Some(NEVER))
    });
    arms.join().unwrap();
    also.join().unwrap();
    assert!(set.next() <= nine.load(Relaxed).min(ten.load(Relaxed)), "an instant is lost");
}
