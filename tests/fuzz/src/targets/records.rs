//! Records of expiries, whatever names and numbers they are made of: one line that a pipe takes whole, that no terminal obeys,
//! and that as JSON says again what it was given.

use super::{is_harmless, Taken};
use crate::naive::json::{object, Value};
use netdeadline_engine::evidence::{
    json, json_more, json_note, plain, plain_more, plain_note, Cause, Line, Record, Who,
};
use netdeadline_engine::policy::{Addr, Class, Escaped, Origin};

const OPERATIONS: [&str; 5] = ["connect", "recvmsg", "epoll_pwait2", "", "sendfile64"];

pub fn run(bytes: &[u8]) {
    let mut taken = Taken(bytes);
    let mut comm = [0; 16];
    comm.iter_mut().for_each(|byte| *byte = taken.byte());
    let who = Who { realtime: taken.number(), pid: taken.number() as i32, tid: taken.number() as i32, comm };
    let peer = taken.counted();
    let peer = &peer[..peer.len().min(110)];
    let file = match taken.byte() % 4 {
        0 => taken.counted().repeat(20),
        _ => taken.counted().to_vec(),
    };
    let class = Class::ALL[usize::from(taken.byte() % 5)];
    let origin = [Origin::Rules, Origin::File, Origin::File, Origin::Shorthand(class)][usize::from(taken.byte() % 4)];
    let cause = match taken.byte() % 8 {
        0 => Cause::SoRcvtimeo,
        1 => Cause::SoSndtimeo,
        2 => Cause::Explicit,
        3 => Cause::Scope,
        4 => Cause::Timeouts(class),
        kind => Cause::Policy { class, origin, line: taken.number() as u32, file: &file, auto: kind == 5 },
    };
    let flags = taken.byte();
    let mut maybe = |bit: u8| (flags & bit != 0).then(|| taken.number());
    let record = Record {
        bytes_in: maybe(1),
        bytes_out: maybe(2),
        rtt_us: maybe(4).map(|number| number as u32),
        retransmits: maybe(8).map(|number| number as u32),
        unacked: maybe(16).map(|number| number as u32),
        observed: flags & 32 != 0,
        who,
        fd: taken.number() as i32,
        operation: OPERATIONS[usize::from(taken.byte() % 5)],
        peer: Addr::from_sockaddr(peer),
        cause,
        timeout: taken.number(),
        waited: taken.number(),
    };
    line(|line| plain(line, &record), 16);
    says_it_again(&line(|line| json(line, &record), 16), &record);
    let more = record.waited;
    line(|line| plain_more(line, &who, more), 16);
    assert!(object(&line(|line| json_more(line, &who, more), 16)).is_some());
    // Who writes a note makes it fit for a terminal.
    let words = Escaped { bytes: &file, special: b"" };
    line(|line| plain_note(line, words), 14);
    assert!(object(&line(|line| json_note(line, &who, words), 16)).is_some());
    // More than there is room for.
    if flags & 64 != 0 {
        let words = words.to_string().repeat(40);
        line(|line| plain_note(line, &words), 14);
        assert!(object(&line(|line| json_note(line, &who, &words), 16)).is_some());
    }
}

/// One line in words, as the formatter made it.
fn line(format: impl FnOnce(&mut Line), least: usize) -> String {
    let mut line = Line::new();
    format(&mut line);
    let bytes = line.bytes();
    assert!((least..=1024).contains(&bytes.len()), "{} bytes", bytes.len());
    let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let inside = text.strip_suffix('\n').expect("a newline at the end");
    assert!(inside.chars().all(is_harmless), "{text:?}");
    text
}

fn says_it_again(line: &str, record: &Record) {
    let members = object(line).unwrap_or_else(|| panic!("not JSON: {line}"));
    let value = |key: &str| &members.iter().find(|member| member.0 == key).expect("every key").1;
    let number = |key, wanted: Option<i128>| {
        assert_eq!(*value(key), Value::Word(wanted.map_or("null".into(), |number| number.to_string())), "{key}");
    };
    let thousandths = |key, ns: u64| {
        assert_eq!(*value(key), Value::Word(format!("{}.{:03}", ns / 1_000_000, ns / 1_000 % 1_000)), "{key}");
    };
    let text = |key: &str| match value(key) {
        Value::Text(text) => text.as_str(),
        Value::Word(word) => panic!("{key} is {word}"),
    };
    number("pid", Some(record.who.pid.into()));
    number("tid", Some(record.who.tid.into()));
    number("fd", Some(record.fd.into()));
    number("bytes_in", record.bytes_in.map(Into::into));
    number("bytes_out", record.bytes_out.map(Into::into));
    number("rtt_us", record.rtt_us.map(Into::into));
    number("retransmits", record.retransmits.map(Into::into));
    number("unacked", record.unacked.map(Into::into));
    thousandths("deadline_ms", record.timeout);
    thousandths("waited_ms", record.waited);
    assert_eq!(text("operation"), record.operation);
    assert_eq!(text("class"), record.cause.name());
    assert_eq!(*value("observed"), Value::Word(record.observed.to_string()));
    assert_eq!(text("time"), when(record.who.realtime));
    match &record.peer {
        None => assert_eq!(*value("peer"), Value::Word("null".into())),
        Some(peer) => assert!(is_or_begins(text("peer"), &peer.to_string())),
    }
    let Cause::Policy { origin: Origin::File, line, file, .. } = record.cause else { return };
    let name = text("source").strip_suffix(&format!(":{line}")).expect("the line's number");
    assert!(is_or_begins(name, &Escaped { bytes: file, special: b"" }.to_string()));
    for text in members.iter().filter_map(|(_, value)| if let Value::Text(text) = value { Some(text) } else { None }) {
        assert!(text.chars().all(is_harmless), "{text:?}");
    }
}

/// Whole, or cut with dots.
fn is_or_begins(shown: &str, whole: &str) -> bool {
    shown == whole || shown.strip_suffix("...").is_some_and(|begins| whole.starts_with(begins))
}

/// As the calendar is counted by hand.
fn when(realtime: u64) -> String {
    let (seconds, us) = (realtime / 1_000_000_000, realtime / 1_000 % 1_000_000);
    let (mut days, mut year) = (seconds / 86_400, 1970);
    let leap = |year: u64| u64::from(year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    while days >= 365 + leap(year) {
        days -= 365 + leap(year);
        year += 1;
    }
    let mut month = 0;
    let lengths = [31, 28 + leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    let [hour, minute, second] = [seconds / 3600 % 24, seconds / 60 % 60, seconds % 60];
    format!("{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{us:06}Z", month + 1, days + 1)
}

pub fn seeds() -> Vec<Vec<u8>> {
    let head = [
        &b"a name\x1b[2J\n\"\\"[..],
        &[0xe2, 0x80, 0xae, 8],
        &1_772_381_604_120_456_789u64.to_be_bytes(),
        &[1, 7, 1, 8],
    ];
    let head = head.concat();
    let paths: [&[u8]; 3] = [b"\x01\x00/run/\xe2\x80\xa8\"\xff", b"\x02\x00\x00\x50\x0a\x00\x00\x01", b"\x01\x00\x00a"];
    let seed = |path: &&[u8]| {
        let file = b"/etc/\x1b]0;x\x07\xf0\x9f\xa6\x80\"";
        [
            &head[..],
            &[path.len() as u8],
            path,
            &[0, file.len() as u8],
            file,
            &[2, 1, 6, 1, 3, 63, 1, 1, 1, 1, 1, 1, 1, 1],
        ]
        .concat()
    };
    let longest = || {
        let number = [8, 255, 255, 255, 255, 255, 255, 255, 255];
        let (name, path) = ([0x1b; 16], [&[1, 0][..], &[0x1b; 108]].concat());
        let file = [0x1b; 255];
        // Who; the peer; the file, by mode 0 twenty times; class, origin and cause: a file's line; all the rest that there is.
        let (class, origin, cause, flags, operation) = (1, 1, 6, 0x7f, 2);
        let who = [&name[..], &number, &number, &number].concat();
        let cause =
            [&[class, origin, cause][..], &number, &[flags], &number.repeat(6), &[operation], &number.repeat(2)];
        [&who[..], &[path.len() as u8], &path, &[0, file.len() as u8], &file, &cause.concat()].concat()
    };
    paths.iter().map(seed).chain([longest()]).collect()
}
