//! Where pages are made: in a directory that is ours alone, and nowhere else.

extern crate std;
use super::*;
use crate::sys::{Found, Linux};
use std::fs;
use std::os::unix::fs::{symlink, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;
use std::{format, println};

/// A directory for a test, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("netdeadline-place-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).expect("scratch");
        Scratch(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn place(directory: &Path) -> Place {
    let mut place = Place::new();
    place.set(directory.as_os_str().as_encoded_bytes(), b"").expect("set");
    place
}

fn refusal(directory: &Path) -> Option<Refusal> {
    place(directory).make(&Linux).err()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("directory");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("entry").file_name().into_string().expect("name")).collect();
    names.sort();
    names
}

#[test]
fn a_page_is_made_whole_and_for_its_user_alone() {
    let scratch = Scratch::new("made");
    let directory = scratch.at("pages");
    let shared = Shared::new();
    let made = place(&directory).make(&Linux).expect("made");
    made.page().begin([7, made.start], [1, 2], *b"abc\0\0\0\0\0\0\0\0\0\0\0\0\0", false);
    let start = made.start;
    assert!(made.settle(&Linux, &shared));
    assert_eq!(fs::metadata(&directory).expect("directory").permissions().mode() & 0o777, 0o700);
    let name = format!("{}.{start}.0", std::process::id());
    assert_eq!(names(&directory), std::slice::from_ref(&name));
    let file = fs::metadata(directory.join(&name)).expect("file");
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
    assert_eq!(file.len(), core::mem::size_of::<Page>() as u64);
    assert!(file.blocks() * 512 >= file.len(), "a hole would be SIGBUS on a full file system");
    let Found::Here(page) = shared.find() else { panic!("settled") };
    let bytes = fs::read(directory.join(&name)).expect("read");
    assert_eq!(&bytes[..8], b"NDSTATS\n");
    page.lost.store(99, core::sync::atomic::Ordering::Relaxed);
    let again = fs::read(directory.join(&name)).expect("read");
    assert!(bytes != again, "what is counted is in the file");
}

#[test]
fn who_loses_the_race_leaves_nothing_behind() {
    let scratch = Scratch::new("race");
    let directory = scratch.at("pages");
    let (place, shared) = (place(&directory), Shared::new());
    let (first, second) = (place.make(&Linux).expect("made"), place.make(&Linux).expect("made"));
    assert_eq!(names(&directory).len(), 2);
    assert!(second.settle(&Linux, &shared));
    assert!(!first.settle(&Linux, &shared));
    assert_eq!(names(&directory).len(), 1);
    assert!(names(&directory)[0].ends_with(".1"));
}

#[test]
fn a_directory_that_others_may_touch_is_refused() {
    let scratch = Scratch::new("refused");
    let open = scratch.at("open");
    fs::create_dir(&open).expect("mkdir");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o750)).expect("chmod");
    assert_eq!(refusal(&open), Some(Refusal::NotPrivate));
    fs::write(scratch.at("file"), "").expect("write");
    assert_eq!(refusal(&scratch.at("file")), Some(Refusal::NotPrivate));
    fs::create_dir(scratch.at("real")).expect("mkdir");
    fs::set_permissions(scratch.at("real"), fs::Permissions::from_mode(0o700)).expect("chmod");
    symlink(scratch.at("real"), scratch.at("link")).expect("symlink");
    assert_eq!(refusal(&scratch.at("link")), Some(Refusal::NotPrivate));
    assert_eq!(refusal(&scratch.at("no/such")), Some(Refusal::NoDirectory));
    if std::os::unix::fs::chown(scratch.at("real"), Some(1), None).is_ok() {
        assert_eq!(refusal(&scratch.at("real")), Some(Refusal::NotPrivate), "another user's");
    } else {
        println!("not shown: another user's directory (not root)");
    }
    assert_eq!((names(&open).len(), names(&scratch.at("real")).len()), (0, 0));
}

#[test]
fn on_means_the_runtime_directory_and_else_shared_memory() {
    let scratch = Scratch::new("usual");
    let mut place = Place::new();
    assert!(!place.is_on());
    place.set(b"on", scratch.0.as_os_str().as_encoded_bytes()).expect("set");
    assert!(place.is_on());
    let shared = Shared::new();
    assert!(place.make(&Linux).expect("made").settle(&Linux, &shared));
    assert_eq!(names(&scratch.at("netdeadline")).len(), 1);
    let mut elsewhere = Place::new();
    elsewhere.set(b"on", b"/no/such").expect("set");
    let made = elsewhere.make(&Linux).expect("in /dev/shm");
    assert!(!made.settle(&Linux, &shared), "there is one; and so the file is gone again");
}

#[test]
fn what_is_no_place_says_what_was_expected() {
    for text in [&b""[..], b"yes", b"./here", b"ON", &[b'/'; PATH_MAX]] {
        assert_eq!(Place::new().set(text, b""), Err(Place::EXPECTED));
    }
    for text in [&b"off"[..], b"on", b"/run/netdeadline"] {
        assert_eq!(Place::new().set(text, b"relative"), Ok(()));
    }
}

#[test]
fn the_oldest_page_of_a_dead_process_makes_room() {
    let scratch = Scratch::new("room");
    let directory = scratch.at("pages");
    fs::create_dir(&directory).expect("mkdir");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).expect("chmod");
    let dead = i32::MAX;
    for start in 100..100 + KEPT {
        fs::write(directory.join(format!("{dead}.{start}.0")), "").expect("write");
    }
    // Older, but alive; and what is no page.
    fs::write(directory.join(format!("{}.5.0", std::process::id())), "").expect("write");
    fs::write(directory.join("1.2"), "").expect("write");
    let shared = Shared::new();
    assert!(place(&directory).make(&Linux).expect("made").settle(&Linux, &shared));
    let left = names(&directory);
    assert!(!left.contains(&format!("{dead}.100.0")), "the oldest dead one stayed");
    assert!(left.contains(&format!("{}.5.0", std::process::id())), "a living one went");
    assert_eq!(left.len(), KEPT + 1, "{left:?}");
}

#[test]
fn a_name_says_whose_page_it_is() {
    assert_eq!(process_of(b"12.345.0"), Some((12, 345)));
    for name in [&b"12.345"[..], b"12.345.0.1", b"x.1.0", b"1.x.0", b"1.1.x", b"", b".."] {
        assert_eq!(process_of(name), None, "{}", String::from_utf8_lossy(name));
    }
}
