//! Environments and arguments as programs hand them on: what is kept of ours, what a child is given, and the list in LD_PRELOAD,
//! against lists of strings.

use super::Taken;
use crate::host::child::{Door, Strings};
use crate::host::environment::{leave_out_library, our_entry, Kept, KEPT};
use crate::host::handover::{Change, Handover, Preload};
use std::ffi::{c_char, c_int, CStr, CString};
use std::ptr::null;

pub fn run(bytes: &[u8]) {
    let mut taken = Taken(bytes);
    let (how, times) = (taken.byte(), usize::from(taken.byte() % 40) + 1);
    let strings = |bytes: &[u8]| -> Vec<CString> {
        let strings = bytes.split(|byte| *byte == 0).map(|string| CString::new(string).expect("no NUL in it"));
        strings.collect()
    };
    let size = usize::from(taken.byte());
    let mut arguments = strings(taken.some(size));
    if how & 1 != 0 {
        arguments.clear();
    }
    let environment = strings(taken.0);
    let (kept, wanted) = keeps(&environment, times);
    hands_over(how, &kept, &wanted, &arguments, &environment);
    leaves_out(&environment);
}

/// Kept, and the model of it: ours, and how LD_PRELOAD names us; none if it is all off.
type Wanted = Option<(Vec<Vec<u8>>, Option<Vec<u8>>)>;

/// Names that are ours begin so; an input may have many long ones.
fn keeps(environment: &[CString], times: usize) -> (Kept, Wanted) {
    let empty = KEPT.publish(|_| {});
    let _ = empty;
    let empty = KEPT.peek().expect("it was published");
    // SAFETY: plain data that owns nothing, and nobody writes to it any more.
    let mut kept = unsafe { std::ptr::read(empty) };
    let (mut ours, mut library, mut used, mut full) = (Vec::new(), None, 0, false);
    for string in environment {
        let bytes = string.to_bytes();
        if bytes.starts_with(b"N") {
            let long = bytes.repeat(times);
            kept.keep(&long);
            // Room for so many bytes and so many strings; who does not fit takes all with it.
            let fits = used + long.len() + 1 <= 16_384;
            used += if fits { long.len() + 1 } else { 0 };
            full |= !fits || ours.len() == Kept::COUNT;
            if fits && ours.len() < Kept::COUNT {
                ours.push(long);
            }
        } else if let Some(list) = bytes.strip_prefix(b"LD_PRELOAD=") {
            kept.keep_library(list);
            library = named(list).filter(|name| used + name.len() + 1 <= 16_384);
            used += library.as_ref().map_or(0, |name: &Vec<u8>| name.len() + 1);
        }
    }
    assert_eq!(kept.is_off(), full);
    let wanted = (!full).then_some((ours, library));
    // SAFETY: each is a string of `kept`.
    let has = kept.strings().map(|string| unsafe { CStr::from_ptr(string) }.to_bytes().to_vec()).collect::<Vec<_>>();
    assert_eq!(has, wanted.as_ref().map_or(Vec::new(), |wanted| wanted.0.clone()));
    let library = wanted.as_ref().and_then(|wanted| wanted.1.clone());
    assert_eq!(kept.library().map(|name| name.to_bytes().to_vec()), library);
    (kept, wanted)
}

/// The first entry whose file is ours.
fn named(list: &[u8]) -> Option<Vec<u8>> {
    let file =
        |entry: &&[u8]| entry.iter().rposition(|byte| *byte == b'/').map_or(*entry, |at| &entry[at + 1..]).to_vec();
    let found = list.split(|byte| b": ".contains(byte)).find(|entry| file(entry).starts_with(b"libnetdeadline.so"));
    assert_eq!(our_entry(list), found);
    found.map(<[u8]>::to_vec)
}

/// Room for exactly as much as is asked for, or none.
struct Room {
    none: bool,
}

impl Door for Room {
    fn with_room(&self, words: usize, then: &mut dyn FnMut(&mut [usize]) -> c_int) -> Option<c_int> {
        (!self.none).then(|| then(&mut vec![usize::MAX; words]))
    }

    fn parent_says(&self) -> bool {
        false
    }
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([null()]).collect()
}

/// # Safety
/// Null, or an array of C strings with a null behind.
unsafe fn read(strings: Strings) -> Vec<Vec<u8>> {
    // SAFETY: the caller's word.
    unsafe { crate::host::environment::strings(strings) }.map(|string| string.to_bytes().to_vec()).collect()
}

fn hands_over(how: u8, kept: &Kept, wanted: &Wanted, arguments: &[CString], environment: &[CString]) {
    let preload = [Preload::Kept, Preload::With, Preload::Without][usize::from(how / 2 % 3)];
    let change = Change { preload, variables: how & 16 != 0 };
    let (launched, room) = (how & 32 != 0, Room { none: how & 64 != 0 });
    let library = kept.library().unwrap_or(c"/lib/libnetdeadline.so");
    let (argv, envp) = (pointers(arguments), pointers(environment));
    let none = how & 128 != 0;
    let envp = if none { null() } else { envp.as_ptr() };
    let handover = Handover { argv: argv.as_ptr(), envp, change, kept, library, door: &room };
    let mut called = Vec::new();
    let launcher = if launched { c"/proc/self/fd/9".as_ptr() } else { null() };
    let answer = handover.exec(launcher, c"/the/program".as_ptr(), &mut |other, argv, envp| {
        // SAFETY: what the product hands over to exec.
        called.push((other == launcher, unsafe { (read(argv), read(envp)) }));
        0
    });
    let given = |strings: &[CString]| strings.iter().map(|string| string.to_bytes().to_vec()).collect::<Vec<_>>();
    let before = if none { Vec::new() } else { given(environment) };
    let nothing = !launched && preload == Preload::Kept && !change.variables;
    if room.none && !nothing {
        // The program's own call, or none at all: never half of ours.
        assert_eq!((answer, called.len()), if launched { (-1, 0) } else { (0, 1) });
        if let Some((_, (argv, envp))) = called.pop() {
            assert_eq!((argv, envp), (given(arguments), before));
        }
        return;
    }
    assert_eq!((answer, called.len()), (0, 1));
    let (same, (argv, envp)) = called.pop().expect("one call");
    assert!(same);
    let mut first = given(arguments);
    if launched {
        if first.is_empty() {
            first.push(Vec::new());
        }
        first.splice(0..0, ["netdeadline", "launch-child", "/the/program"].map(|word| word.as_bytes().to_vec()));
    }
    assert_eq!(argv, first);
    assert_eq!(envp, handed(&before, change, library.to_bytes(), wanted));
}

/// What the child's environment is to be.
fn handed(before: &[Vec<u8>], change: Change, library: &[u8], wanted: &Wanted) -> Vec<Vec<u8>> {
    let list = before.iter().find_map(|string| string.strip_prefix(b"LD_PRELOAD=")).unwrap_or_default();
    let entries = list.split(|byte| b": ".contains(byte)).filter(|entry| !entry.is_empty());
    let entries: Vec<&[u8]> = match change.preload {
        Preload::Kept => Vec::new(),
        Preload::With => [library].into_iter().chain(entries).collect(),
        Preload::Without => entries.filter(|entry| *entry != library).collect(),
    };
    let mut after = Vec::new();
    if !entries.is_empty() {
        after.push([&b"LD_PRELOAD="[..], &entries.join(&b":"[..])].concat());
    }
    let stays = |string: &&Vec<u8>| change.preload == Preload::Kept || !string.starts_with(b"LD_PRELOAD=");
    after.extend(before.iter().filter(stays).cloned());
    if change.variables {
        after.extend(wanted.iter().flat_map(|wanted| wanted.0.clone()));
    }
    after
}

/// In place, and nothing but ours.
fn leaves_out(environment: &[CString]) {
    let own: Vec<*mut c_char> = environment.iter().map(|string| string.clone().into_raw()).collect();
    let all: Vec<*const c_char> = own.iter().map(|string| string.cast_const()).chain([null()]).collect();
    // SAFETY: C strings of our own, and a null behind.
    let after = unsafe {
        leave_out_library(all.as_ptr());
        read(all.as_ptr())
    };
    for (string, after) in environment.iter().zip(after) {
        let wanted = match string.to_bytes().strip_prefix(b"LD_PRELOAD=").map(|list| (list, our_entry(list))) {
            Some((list, Some(entry))) => {
                let at = entry.as_ptr() as usize - list.as_ptr() as usize;
                [b"LD_PRELOAD=", &list[..at], &list[at + entry.len()..]].concat()
            }
            _ => string.to_bytes().to_vec(),
        };
        assert_eq!(after, wanted);
    }
    for (string, before) in own.into_iter().zip(environment) {
        // SAFETY: into_raw above; the string has become shorter, and CString would ask it for its length.
        drop(unsafe {
            Box::from_raw(std::ptr::slice_from_raw_parts_mut(string.cast::<u8>(), before.count_bytes() + 1))
        });
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let environment =
        b"LD_PRELOAD=/x/libnetdeadline.so.1:b  c\0NETDEADLINE_READ=5s\0PATH=/bin\0NETDEADLINE_RULES=to * read=1s";
    let seed = |how: u8| [&[how, how / 3, 5], &b"a\0-b\0"[..], environment].concat();
    [0, 2, 4, 16, 18, 36, 50, 52, 66, 100, 145].map(seed).to_vec()
}
