//! Texts that nobody meant: nothing panics, every error has a place inside the text, and what is read reads back the same.

use std::string::{String, ToString};
use std::vec::Vec;

use super::std;
use super::{canonical, empty, Random};
use crate::policy::{Class, Error, Found, Origin, Policy};

/// Pieces that get a random text further than random bytes do.
const PIECES: [&str; 64] = [
    "to",
    "on",
    " ",
    " ",
    " ",
    "\n",
    ";",
    "#",
    "\t",
    "*",
    ":",
    "/",
    "[",
    "]",
    "%",
    "-",
    ".",
    "=",
    "unix:",
    "@",
    "\\x",
    "\\",
    "connect=",
    "response=",
    "read=",
    "write=",
    "lifetime=",
    "off",
    "auto",
    "auto:",
    "rto:",
    "0",
    "1",
    "2",
    "255",
    "256",
    "80",
    "65535",
    "65536",
    "10.0.0.1",
    "10.0.0.0/8",
    "[::1]",
    "fe80::",
    "::",
    "ffff:",
    "::ffff:1.2.3.4",
    "%2",
    "/32",
    "/128",
    ":80",
    "1s",
    "500ms",
    "1.5h",
    "250us",
    "5m",
    "18446744073709551616",
    "4294967296",
    "to * read=1s",
    "\r\n",
    "ü",
    "\0",
    "\u{202e}",
    "on :8080 write=auto:2:3s:30s",
    "to unix:/run/*.sock read=5s",
];

fn text(random: &mut Random) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..random.below(24) {
        match random.below(12) {
            0 => text.push(random.next() as u8),
            _ => text.extend_from_slice(random.of(&PIECES).as_bytes()),
        }
    }
    text
}

/// A rule that is right, with one byte of it changed, dropped or doubled.
fn almost_right(random: &mut Random) -> Vec<u8> {
    let side = random.of(&["to", "on"]);
    let address = random.of(&[
        "*",
        "10.0.0.0/8:5432",
        "[fe80::%2/64]:1-9",
        "unix:/a*\\x20",
        "unix:@b",
        ":80",
        "[::ffff:1.2.3.4]",
    ]);
    let deadline =
        random.of(&["read=1.5s", "write=auto:rto:1.5:3s:30s", "lifetime=1h", "response=off", "connect=250us"]);
    let mut text = std::format!("{side} {address} {deadline}").into_bytes();
    let at = random.below(text.len());
    match random.below(4) {
        0 => text[at] = random.next() as u8,
        1 => drop(text.remove(at)),
        2 => text.insert(at, text[at]),
        _ => {}
    }
    text
}

fn has_a_place_in(error: &Error, text: &[u8]) {
    let line = text.split(|&byte| byte == b'\n').nth(error.line as usize - 1).expect("a line of the text");
    let starts: Vec<usize> =
        (0..=line.len()).filter(|&at| line.get(at).is_none_or(|byte| byte & 0xc0 != 0x80)).collect();
    let mark = if error.line == 1 && text.starts_with(b"\xef\xbb\xbf") { 1 } else { 0 };
    let found = error.found.as_bytes();
    // A word that starts inside a broken character has no column of its own: that of the character before stands for it.
    let from = starts.get(error.column as usize - 1 + mark).copied().expect("a column of the line");
    let broken = line.get(..from).is_some_and(|head| std::str::from_utf8(head).is_err())
        || found.first().is_some_and(|byte| byte & 0xc0 == 0x80);
    let separator = found == b";" || found.is_empty();
    assert!(broken || separator || line[from..].starts_with(found), "{error}\n{:?}", String::from_utf8_lossy(text));
    assert!(!error.found.is_cut() || found.len() == Found::MAX);
}

/// One line, and nothing in it that a terminal obeys.
fn is_plain(line: &str) {
    assert!(!line.chars().any(char::is_control), "{line:?}");
    assert!(!line.contains('\u{202e}'), "{line:?}");
}

fn survives(text: &[u8], policy: &mut Policy) -> bool {
    *policy = Policy::new();
    match policy.parse(text, Origin::File) {
        Ok(()) => {
            let shown = canonical(policy);
            shown.iter().for_each(|line| is_plain(line));
            let mut again = empty();
            again.parse(shown.join("\n").as_bytes(), Origin::File).unwrap();
            assert_eq!(canonical(&again), shown);
            for (one, other) in policy.rules().iter().zip(again.rules()) {
                assert_eq!((one.side, one.selector, one.timeouts), (other.side, other.selector, other.timeouts));
            }
            !policy.is_empty()
        }
        Err(error) => {
            assert!(policy.is_empty());
            has_a_place_in(&error, text);
            is_plain(&error.to_string());
            false
        }
    }
}

#[test]
fn random_texts_never_panic_and_what_is_read_reads_back_the_same() {
    let (mut random, mut policy) = (Random(0xbb67_ae85_84ca_a73b), empty());
    let mut read = 0;
    for round in 0..40_000 {
        let text = if round % 2 == 0 { text(&mut random) } else { almost_right(&mut random) };
        read += usize::from(survives(&text, &mut policy));
    }
    assert!(read > 2_000, "enough of them were policies: {read}");
}

#[test]
fn random_bytes_never_panic() {
    let (mut random, mut policy) = (Random(0x3c6e_f372_fe94_f82b), empty());
    for _ in 0..10_000 {
        let text: Vec<u8> = (0..random.below(64)).map(|_| random.next() as u8).collect();
        survives(&text, &mut policy);
        let selector = [&b"to unix:"[..], &text, b" read=1s"].concat();
        survives(&selector, &mut policy);
    }
}

#[test]
fn random_shorthands_never_panic_and_what_is_read_reads_back_the_same() {
    let mut random = Random(0xa54f_f53a_5f1d_36f1);
    let mut read = 0;
    for _ in 0..20_000 {
        let class = random.of(&Class::ALL);
        let value: String = (0..random.below(4)).map(|_| random.of(&PIECES[28..])).collect();
        let mut policy = empty();
        match policy.parse_shorthand(class, value.as_bytes()) {
            Err(error) => has_a_place_in(&error, value.as_bytes()),
            Ok(()) => {
                if let Some(rule) = policy.rule(1) {
                    let mut again = empty();
                    again.parse_shorthand(class, rule.timeout(class).to_string().as_bytes()).unwrap();
                    assert_eq!(again.rule(1).unwrap().timeouts, rule.timeouts);
                    read += 1;
                }
            }
        }
    }
    assert!(read > 300, "enough of them were durations: {read}");
}

#[test]
fn every_prefix_of_a_policy_is_a_policy_or_an_error() {
    let text =
        "# all\nto [fe80::%2/64]:1-9 connect=1.5s write=auto:rto:2:3s:30s; on unix:/a\\x20*b read=off\r\nto * read=1h";
    let mut policy = empty();
    let read = (0..=text.len()).filter(|&len| survives(&text.as_bytes()[..len], &mut policy)).count();
    assert!(read > 5, "{read}");
}

#[test]
fn a_mebibyte_of_anything_is_read_in_a_moment() {
    let mut policy = empty();
    let begin = std::time::Instant::now();
    for piece in
        ["#", "\n", " ", "a", ";", "to * read=1s\n", "to unix:", "*", "9", "[", ":", "=", "ü", "to * write=auto:"]
    {
        survives(piece.repeat((1 << 20) / piece.len()).as_bytes(), &mut policy);
        let word = std::format!("to unix:{} read={}s", piece.repeat(1 << 18), "9".repeat(1 << 18));
        survives(word.as_bytes(), &mut policy);
    }
    assert!(begin.elapsed() < std::time::Duration::from_secs(60), "{:?}", begin.elapsed());
}

#[test]
fn a_pattern_of_stars_takes_no_exponential_time() {
    let policy = super::policy(std::format!("to unix:/{}b read=1s", "*a".repeat(53)));
    let name = [b"/".to_vec(), std::vec![b'a'; 107]].concat();
    let begin = std::time::Instant::now();
    assert!(policy.destination(&crate::policy::Addr::Unix(&name)).is_none());
    assert!(begin.elapsed() < std::time::Duration::from_secs(5));
}
