//! Files that are cut off, damaged or made to hurt: `check` says something about each and lives, within bounded memory and
//! time. The numbers are drawn from fixed seeds, so a failure repeats.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::furniture::{build, folder, mode, nd, plain, text, LIKE_GO};
use netdeadline_tests::Finished;

/// xorshift64*: enough to spread over a file.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
    }
}

/// Checked with at most 512 MiB: a size that the file merely claims must not be believed.
fn check(files: &[PathBuf]) -> Finished {
    let names: Vec<&str> = files.iter().map(|file| text(file)).collect();
    nd(&[&["check"][..], &names].concat()).limit(libc::RLIMIT_AS, 512 << 20).bound(Duration::from_secs(60)).run()
}

/// One verdict for each file, and no signal.
#[track_caller]
fn survived(files: &[PathBuf], seed: u64) {
    let finished = check(files);
    assert!(matches!(finished.code(), Some(0 | 1)), "seed {seed}: {finished:#?}");
    let verdicts =
        finished.stdout.lines().filter(|line| line.contains(": covered: ") || line.contains(": NOT covered: "));
    assert_eq!(verdicts.count(), files.len(), "seed {seed}: {finished:#?}");
    assert!(!finished.stdout.chars().any(|c| c.is_control() && c != '\n'), "seed {seed}: {finished:#?}");
}

fn originals(folder: &Path) -> Vec<Vec<u8>> {
    let file = folder.join("original");
    let mut originals = Vec::new();
    plain(&file);
    originals.push(fs::read(&file).expect("it was just built"));
    assert!(build("cc", &file, LIKE_GO, &["-s"]));
    originals.push(fs::read(&file).expect("it was just built"));
    if build("musl-gcc", &file, "int main(void) { return 0; }", &["-s"]) {
        originals.push(fs::read(&file).expect("it was just built"));
    }
    originals.push(b"#!/usr/bin/env -S A='b c' \"sh\" ${HOME} \\_x -e # end\n".to_vec());
    originals
}

#[test]
fn files_that_are_cut_off_anywhere_are_survived() {
    let folder = folder("hostile-cut");
    for (index, original) in originals(&folder).iter().enumerate() {
        // Every length of the headers, then random ones.
        let mut numbers = Numbers(0x1234_5678 + index as u64);
        let lengths = (0..original.len().min(600)).chain((0..200).map(|_| numbers.below(original.len())));
        let files: Vec<PathBuf> = lengths
            .map(|length| {
                let file = folder.join(format!("cut-{index}-{length}"));
                fs::write(&file, &original[..length]).expect("the scratch directory is writable");
                mode(&file, 0o755);
                file
            })
            .collect();
        survived(&files, index as u64);
    }
}

#[test]
fn flipped_bits_are_survived() {
    let folder = folder("hostile-flip");
    let originals = originals(&folder);
    for seed in 1..=12u64 {
        let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let files: Vec<PathBuf> = (0..150)
            .map(|number| {
                let mut bytes = originals[numbers.below(originals.len())].clone();
                for _ in 0..=numbers.below(12) {
                    // Mostly in what is parsed: the headers, and the tables that they point to.
                    let end = if numbers.below(3) == 0 { bytes.len() } else { bytes.len().min(1200) };
                    let at = numbers.below(end);
                    match numbers.below(3) {
                        0 => bytes[at] ^= 1 << numbers.below(8),
                        1 => bytes[at] = 0xff,
                        _ => bytes[at] = numbers.below(256) as u8,
                    }
                }
                let file = folder.join(format!("flip-{number}"));
                fs::write(&file, bytes).expect("the scratch directory is writable");
                mode(&file, 0o755);
                file
            })
            .collect();
        survived(&files, seed);
    }
}

/// A sparse file lets a header's lies come true: a terabyte of names, of notes, of data, of sections.
#[test]
fn a_terabyte_that_costs_nothing_to_claim_is_not_read() {
    let folder = folder("hostile-huge");
    let source = folder.join("source");
    plain(&source);
    let bytes = fs::read(&source).expect("it was just built");
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let (table, count) = (word(32) as usize, bytes[56] as usize);
    let mut files = Vec::new();
    let mut keep = |name: String, bytes: &[u8]| {
        let file = folder.join(name);
        fs::write(&file, bytes).expect("the scratch directory is writable");
        let opened = fs::OpenOptions::new().write(true).open(&file).expect("it was just written");
        if opened.set_len(1 << 40).is_err() {
            println!("smaller: this file system has no such files");
            opened.set_len(1 << 32).expect("4 GiB of nothing");
        }
        mode(&file, 0o755);
        files.push(file);
    };
    for index in 0..count {
        let mut lie = bytes.clone();
        let at = table + index * 56 + 32;
        lie[at..at + 8].copy_from_slice(&(1u64 << 39).to_le_bytes());
        keep(format!("segment-{index}"), &lie);
    }
    // Ten thousand sections, and as many segments as the field holds.
    let mut lie = bytes.clone();
    lie[60..62].copy_from_slice(&60000u16.to_le_bytes());
    keep(String::from("sections"), &lie);
    let mut lie = bytes.clone();
    lie[56..58].copy_from_slice(&u16::MAX.to_le_bytes());
    keep(String::from("segments"), &lie);
    survived(&files, 0);
    fs::remove_dir_all(folder).expect("it is ours");
}

/// Scripts that lead in circles end.
#[test]
fn circles_end() {
    let folder = folder("hostile-circles");
    let me = folder.join("circle");
    for line in [
        format!("#!{}\n", text(&me)),
        format!("#!/usr/bin/env {}\n", text(&me)),
        String::from("#!/usr/bin/env -S env env env\n"),
    ] {
        crate::furniture::script(&me, &line);
        let finished = check(std::slice::from_ref(&me));
        assert!(matches!(finished.code(), Some(0 | 1)), "{line}: {finished:#?}");
    }
}

/// 4096 sections that all have the same name, a megabyte long: 4 GiB, if each is copied.
#[test]
fn a_name_that_all_sections_share_is_not_copied_for_each() {
    const SECTIONS: u16 = 4096;
    const NAMES: u64 = 1 << 20;
    let names_at = 128 + 64 * u64::from(SECTIONS);
    let mut file = header(1, 128, SECTIONS);
    file.extend(segment(PT_LOAD, 4, 0, 64));
    file.resize(128, 0);
    let section: Vec<u8> = [3 << 32, 0, 0, names_at, NAMES, 0, 1, 0].into_iter().flat_map(u64::to_le_bytes).collect();
    file.extend(section.repeat(SECTIONS.into()));
    file.resize((names_at + NAMES) as usize, b'A');
    let path = folder("hostile-names").join("names");
    fs::write(&path, file).expect("the scratch directory is writable");
    mode(&path, 0o755);
    survived(&[path], 0);
}

/// What claims to be Go's is read through, to say whether it can be patched.
#[test]
fn segments_of_a_gigabyte_over_each_other_are_not_all_read() {
    const SEGMENTS: u16 = 60;
    const LOADER: &[u8] = b"/lib64/ld-linux-x86-64.so.2\0";
    let folder = folder("hostile-segments");
    let claims = |name: &str, size: u64| {
        let mut file = header(SEGMENTS + 2, 0, 0);
        let at = 64 + 56 * (u64::from(SEGMENTS) + 2);
        file.extend(segment(PT_INTERP, 4, at, LOADER.len() as u64));
        file.extend(segment(PT_NOTE, 4, at + 28, 20));
        file.extend(segment(PT_LOAD, 5, 0, size).repeat(SEGMENTS.into()));
        file.extend(LOADER);
        for word in [4_u32, 4, 4, u32::from_le_bytes(*b"Go\0\0"), 0] {
            file.extend(word.to_le_bytes());
        }
        let path = folder.join(name);
        fs::write(&path, file).expect("the scratch directory is writable");
        let opened = fs::OpenOptions::new().write(true).open(&path).expect("it was just written");
        opened.set_len(size).expect("a sparse file");
        mode(&path, 0o755);
        path
    };
    // Together 15 GiB, each of which fits into memory; and one for which there is not enough.
    for file in [claims("many", 256 << 20), claims("large", 1 << 30)] {
        let check = nd(&["check", text(&file)]).limit(libc::RLIMIT_AS, 512 << 20).limit(libc::RLIMIT_CPU, 3);
        let finished = check.bound(Duration::from_secs(60)).run();
        assert_eq!(finished.code(), Some(1), "{finished:#?}");
        assert!(finished.stdout.contains("Syscall6 is not in it"), "{finished:#?}");
    }
}

const PT_LOAD: u32 = 1;
const PT_INTERP: u32 = 3;
const PT_NOTE: u32 = 4;

/// The head of a program for x86-64 that can be loaded anywhere. The program headers follow.
fn header(segments: u16, sections_at: u64, sections: u16) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    for half in [3_u16, 62, 1, 0] {
        bytes.extend(half.to_le_bytes());
    }
    for word in [0x1000_u64, 64, sections_at] {
        bytes.extend(word.to_le_bytes());
    }
    for half in [0_u16, 0, 64, 56, segments, 64, sections, 0] {
        bytes.extend(half.to_le_bytes());
    }
    bytes
}

/// A program header, whose address is its place in the file.
fn segment(kind: u32, flags: u32, at: u64, size: u64) -> Vec<u8> {
    let words = [u64::from(kind) | u64::from(flags) << 32, at, at, at, size, size, 1];
    words.into_iter().flat_map(u64::to_le_bytes).collect()
}
