//! What the lines look like, word for word, and that no name can break one.

extern crate std;
use super::*;
use crate::policy::{Addr, Class, Origin};
use std::{format, string::String, vec::Vec};

fn black_hole() -> Record<'static> {
    let mut comm = [0; 16];
    comm[..4].copy_from_slice(b"curl");
    Record {
        who: Who { realtime: 1_772_381_604_120_456_789, pid: 4711, tid: 4712, comm },
        fd: 5,
        operation: "connect",
        peer: Some(Addr::V4 { ip: [10, 0, 0, 1], port: 80 }),
        cause: policy(Class::Connect, Origin::Shorthand(Class::Connect), 1, b"", false),
        timeout: 2_000_000_000,
        waited: 2_000_345_678,
        bytes_in: Some(0),
        bytes_out: Some(0),
        rtt_us: None,
        retransmits: Some(1),
        unacked: Some(1),
        observed: false,
    }
}

fn policy(class: Class, origin: Origin, line: u32, file: &[u8], auto: bool) -> Cause<'_> {
    Cause::Policy { class, origin, line, file, auto }
}

fn shown(format: impl FnOnce(&mut Line)) -> String {
    let mut line = Line::new();
    format(&mut line);
    String::from_utf8(line.bytes().to_vec()).expect("UTF-8")
}

#[test]
fn a_plain_record_tells_the_whole_story() {
    assert_eq!(
        shown(|line| plain(line, &black_hole())),
        "netdeadline: 16:13:24.120Z curl[4711] connect to 10.0.0.1:80 (fd 5) timed out after 2.000 s: connect=2s from \
         NETDEADLINE_CONNECT; 0 bytes in, 0 out; rtt -, 1 retransmit, 1 unacked\n"
    );
    let record = Record {
        operation: "epoll_wait",
        peer: Some(Addr::V6 { ip: [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], port: 5432, scope: 2 }),
        cause: policy(Class::Write, Origin::File, 3, b"/etc/nd.conf", true),
        timeout: 3_217_123_456,
        waited: 3_218_000_000,
        bytes_in: Some(1),
        bytes_out: Some(123_456),
        rtt_us: Some(1_608_561),
        retransmits: Some(0),
        unacked: Some(12),
        observed: true,
        ..black_hole()
    };
    assert_eq!(
        shown(|line| plain(line, &record)),
        "netdeadline: 16:13:24.120Z curl[4711] epoll_wait for [fe80::1%2]:5432 (fd 5) would have timed out after 3.218 s: \
         write=auto (3.217 s) from /etc/nd.conf:3; 1 byte in, 123456 out; rtt 1608.561 ms, 0 retransmits, 12 unacked\n"
    );
}

#[test]
fn a_plain_record_leaves_out_what_is_not_known() {
    let unix = Record {
        operation: "recvmsg",
        peer: Some(Addr::Unix(b"/run/app.sock")),
        cause: Cause::SoRcvtimeo,
        timeout: 1_500_000_000,
        waited: 1_500_900_000,
        bytes_in: None,
        bytes_out: None,
        retransmits: None,
        unacked: None,
        ..black_hole()
    };
    assert_eq!(
        shown(|line| plain(line, &unix)),
        "netdeadline: 16:13:24.120Z curl[4711] recvmsg from unix:/run/app.sock (fd 5) timed out after 1.500 s: \
         SO_RCVTIMEO=1500ms set by the program itself\n"
    );
    let nameless = Record { operation: "accept", peer: None, cause: Cause::Explicit, ..unix };
    assert_eq!(
        shown(|line| plain(line, &nameless)),
        "netdeadline: 16:13:24.120Z curl[4711] accept (fd 5) timed out after 1.500 s: deadline set by the program itself\n"
    );
    let scoped = Record { cause: Cause::Scope, ..nameless };
    assert!(shown(|line| plain(line, &scoped)).ends_with(" after 1.500 s: scope entered by the program itself\n"));
    let own = Record { cause: Cause::Timeouts(Class::Response), ..nameless };
    assert!(shown(|line| plain(line, &own)).ends_with(": response=1500ms set by the program itself\n"));
    let rule = Record { cause: policy(Class::Read, Origin::Rules, 2, b"", false), operation: "sendto", ..unix };
    assert!(shown(|line| plain(line, &rule)).contains(" sendto to unix:/run/app.sock "));
    assert!(shown(|line| plain(line, &rule)).ends_with(": read=1500ms from NETDEADLINE_RULES:2\n"));
}

#[test]
fn a_json_record_has_every_key() {
    assert_eq!(
        shown(|line| json(line, &black_hole())),
        concat!(
            r#"{"time":"2026-03-01T16:13:24.120456Z","pid":4711,"comm":"curl","tid":4712,"fd":5,"operation":"connect","#,
            r#""peer":"10.0.0.1:80","class":"connect","source":"NETDEADLINE_CONNECT","deadline_ms":2000.000,"#,
            r#""waited_ms":2000.345,"bytes_in":0,"bytes_out":0,"rtt_us":null,"retransmits":1,"unacked":1,"observed":false}"#,
            "\n"
        )
    );
}

#[test]
fn sources_are_named_as_the_operator_knows_them() {
    let source = |cause| {
        let line = shown(|line| json(line, &Record { cause, ..black_hole() }));
        strict::object(&line).expect("JSON").into_iter().find(|(key, _)| key == "source").expect("source").1
    };
    assert_eq!(source(policy(Class::Read, Origin::Rules, 2, b"", false)), "\"NETDEADLINE_RULES:2");
    assert_eq!(source(policy(Class::Read, Origin::File, 3, b"/etc/nd.conf", false)), "\"/etc/nd.conf:3");
    assert_eq!(
        source(policy(Class::Read, Origin::Shorthand(Class::Lifetime), 1, b"", false)),
        "\"NETDEADLINE_LIFETIME"
    );
    assert_eq!(source(Cause::SoRcvtimeo), "\"SO_RCVTIMEO");
    assert_eq!(source(Cause::SoSndtimeo), "\"SO_SNDTIMEO");
    for cause in [Cause::Explicit, Cause::Scope, Cause::Timeouts(Class::Read)] {
        assert_eq!(source(cause), "\"api");
    }
    let long = [b'x'; 4096];
    let cut = source(policy(Class::Read, Origin::File, u32::MAX, &long, false));
    assert!(cut.ends_with("x...:4294967295") && cut.len() < 200, "{cut}");
}

#[test]
fn lines_about_other_things_look_like_their_records() {
    let who = black_hole().who;
    let plain = |more| shown(|line| plain_more(line, &who, more));
    assert_eq!(plain(1), "netdeadline: 16:13:24.120Z curl[4711] 1 more expiry not shown\n");
    assert_eq!(plain(37), "netdeadline: 16:13:24.120Z curl[4711] 37 more expiries not shown\n");
    let start = r#"{"time":"2026-03-01T16:13:24.120456Z","pid":4711,"comm":"curl","#;
    assert_eq!(shown(|line| json_more(line, &who, 37)), format!("{start}\"suppressed\":37}}\n"));
    assert_eq!(shown(|line| json_note(line, &who, "say \"x\"")), format!("{start}\"note\":\"say \\\"x\\\"\"}}\n"));
    assert_eq!(shown(|line| plain_note(line, "io_uring is refused")), "netdeadline: io_uring is refused\n");
}

/// Names that try to end the string, the line or the terminal's patience; each fills what the kernel allows.
fn hostile() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = (0..=255_u8).map(|byte| std::vec![byte; 108]).collect();
    names.push(b"\",\"class\":\"forged\",\"x\":\"".to_vec());
    names.push(b"\x1b]0;owned\x07\x1b[2J\r\nnetdeadline: forged".to_vec());
    names.push("\u{202e}\u{2028}\u{9b}31m\u{feff}\u{1f980}\u{d7ff}".repeat(5).into_bytes());
    names.push("\u{1f980}".repeat(27).into_bytes());
    names.push(b"\xf0\x9f\xa6\xff\xc3(\xed\xa0\x80".repeat(12));
    names.push(b"\\u0022\\".repeat(15));
    for length in 90..108 {
        names.push([b"/".repeat(length), b"\xe2\x82\xac\"\\\x01".to_vec()].concat());
    }
    names
}

#[test]
fn no_name_breaks_a_line_or_reaches_a_terminal_unescaped() {
    let names = hostile();
    for (index, name) in names.iter().enumerate() {
        let mut comm = [0; 16];
        comm.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
        let long = names[(index + 7) % names.len()].repeat(50);
        let record = Record {
            who: Who { realtime: u64::MAX, pid: i32::MIN, tid: i32::MIN, comm },
            fd: i32::MIN,
            operation: "an operation with a name far longer than any libc has ever had",
            peer: Some(Addr::Unix(name)),
            cause: policy(Class::Response, Origin::File, u32::MAX, &long, true),
            timeout: u64::MAX,
            waited: u64::MAX,
            bytes_in: Some(u64::MAX),
            bytes_out: Some(u64::MAX),
            rtt_us: Some(u32::MAX),
            retransmits: Some(u32::MAX),
            unacked: Some(u32::MAX),
            observed: true,
        };
        let line = shown(|line| json(line, &record));
        assert!(line.ends_with("}\n") && line.len() <= Line::CAPACITY, "{line}");
        let object = strict::object(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let keys: Vec<&str> = object.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "time",
                "pid",
                "comm",
                "tid",
                "fd",
                "operation",
                "peer",
                "class",
                "source",
                "deadline_ms",
                "waited_ms",
                "bytes_in",
                "bytes_out",
                "rtt_us",
                "retransmits",
                "unacked",
                "observed"
            ]
        );
        for text in object
            .iter()
            .map(|(_, value)| value.as_str())
            .chain([shown(|line| plain(line, &record)).trim_end_matches('\n')])
        {
            assert!(
                !text.chars().any(|c| c.is_control() || matches!(c, '\u{2028}'..='\u{202f}' | '\u{feff}')),
                "{text:?}"
            );
        }
        let note = shown(|line| json_note(line, &record.who, String::from_utf8_lossy(&long)));
        strict::object(&note).unwrap_or_else(|error| panic!("{error}: {note}"));
    }
}

#[test]
fn a_path_of_plain_characters_is_never_cut() {
    let path = [b'x'; 108];
    let line = shown(|line| json(line, &Record { peer: Some(Addr::Unix(&path)), ..black_hole() }));
    assert!(line.contains(&format!("\"unix:{}\"", "x".repeat(108))));
}

/// A JSON reader that forgives nothing, for one flat object on one line.
mod strict {
    use super::std::{string::String, string::ToString, vec::Vec};

    /// Keys and values; a string's value starts with `"`.
    pub fn object(line: &str) -> Result<Vec<(String, String)>, &'static str> {
        let mut rest = line.strip_suffix('\n').ok_or("no newline at the end")?.strip_prefix('{').ok_or("no {")?;
        let mut members = Vec::new();
        loop {
            let key = string(&mut rest)?;
            rest = rest.strip_prefix(':').ok_or("no :")?;
            let value = match rest.chars().next() {
                Some('"') => String::from("\"") + &string(&mut rest)?,
                _ => word(&mut rest)?,
            };
            members.push((key, value));
            if let Some(after) = rest.strip_prefix(',') {
                rest = after;
            } else {
                return if rest == "}" { Ok(members) } else { Err("neither , nor } at the end") };
            }
        }
    }

    fn word(rest: &mut &str) -> Result<String, &'static str> {
        let (word, after) = rest.split_at(rest.find([',', '}']).ok_or("no end of a value")?);
        *rest = after;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (whole, fraction) = word.split_once('.').unwrap_or((word, "0"));
        let whole = whole.strip_prefix('-').unwrap_or(whole);
        let number = digits(whole) && digits(fraction) && (whole == "0" || !whole.starts_with('0'));
        (number || ["null", "true", "false"].contains(&word)).then(|| word.to_string()).ok_or("neither number nor word")
    }

    fn string(rest: &mut &str) -> Result<String, &'static str> {
        let mut chars = rest.strip_prefix('"').ok_or("no quote")?.chars();
        let mut value = String::new();
        loop {
            match chars.next().ok_or("no end of a string")? {
                '"' => break,
                '\\' => match chars.next().ok_or("no end of an escape")? {
                    c @ ('"' | '\\' | '/') => value.push(c),
                    'u' => {
                        let hex: String = chars.by_ref().take(4).collect();
                        let code = u32::from_str_radix(&hex, 16).map_err(|_| "no number after \\u")?;
                        value.push(char::from_u32(code).filter(|_| hex.len() == 4).ok_or("no character after \\u")?);
                    }
                    _ => return Err("an unknown escape"),
                },
                c if (c as u32) < 0x20 => return Err("a control character"),
                c => value.push(c),
            }
        }
        *rest = chars.as_str();
        Ok(value)
    }
}
