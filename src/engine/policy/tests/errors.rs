//! Every error, with the exact place it names, what it says was read, and a phrase of what it says was expected.

use std::string::{String, ToString};

use super::std;
use super::{canonical, empty, error, policy};
use crate::policy::{Class, Error, Found, Origin, Policy};

fn is(error: Error, line: u32, column: u32, found: &str, expected: &str) {
    let read = String::from_utf8_lossy(error.found.as_bytes()).into_owned();
    assert_eq!((error.line, error.column, read.as_str()), (line, column, found), "{error}");
    assert!(error.expected.contains(expected), "{error}");
}

#[test]
fn a_rule_that_is_none_is_refused() {
    for (text, line, column, found, expected) in [
        ("at * read=1s", 1, 1, "at", "starts with to or on"),
        ("TO * read=1s", 1, 1, "TO", "starts with to or on"),
        ("read=1s", 1, 1, "read=1s", "starts with to or on"),
        ("to* read=1s", 1, 1, "to*", "starts with to or on"),
        ("to * read=1s\n\n  nonsense", 3, 3, "nonsense", "starts with to or on"),
        ("to * read=1s # ü\n\tö x", 2, 2, "ö", "starts with to or on"),
        (";", 1, 1, ";", "a rule before the ;"),
        ("to * read=1s;;", 1, 14, ";", "a rule before the ;"),
        ("to * read=1s\n ; to * read=1s", 2, 2, ";", "a rule before the ;"),
        ("to", 1, 3, "", "an address, such as"),
        ("to  ; to * read=1s", 1, 5, "", "an address, such as"),
        ("on # *\nto * read=1s", 1, 7, "", "an address, such as"),
        ("to *", 1, 5, "", "a deadline, as in read=5s"),
        ("to * ; to * read=1s", 1, 6, "", "a deadline, as in read=5s"),
        ("to *\nread=1s", 1, 5, "", "a deadline, as in read=5s"),
        ("to größe/ß read=1s", 1, 4, "größe", "not a host name"),
    ] {
        is(error(text), line, column, found, expected);
    }
}

#[test]
fn a_deadline_that_is_none_is_refused() {
    for (text, column, found, expected) in [
        ("to * raed=1s", 6, "raed", "connect, response, read, write or lifetime"),
        ("to * READ=1s", 6, "READ", "connect, response, read, write or lifetime"),
        ("to * =1s", 6, "=1s", "connect, response, read, write or lifetime"),
        ("to * read", 6, "read", "right behind the ="),
        ("to * read=", 6, "read=", "right behind the ="),
        ("to * read= 1s", 6, "read=", "right behind the ="),
        ("to * read =1s", 6, "read", "right behind the ="),
        ("to * 1s", 6, "1s", "CLASS=DURATION"),
        ("to * read=1s to * read=2s", 14, "to", "CLASS=DURATION"),
        ("to * read=1s, write=2s", 11, "1s,", "one of the units"),
        ("to * read=1s junk", 14, "junk", "the end of the rule"),
        ("to * read=1s write=2s read=1s", 23, "read=1s", "each class once"),
        ("to * read=off read=1s", 15, "read=1s", "each class once"),
        ("to ü read=1s ü read=2s", 4, "ü", "not a host name"),
        ("to unix:/ü connect=1s ü", 23, "ü", "CLASS=DURATION"),
        ("on * connect=1s", 6, "connect", "an accepted socket is connected already"),
        ("on * connect=off", 6, "connect", "an accepted socket is connected already"),
    ] {
        is(error(text), 1, column, found, expected);
    }
}

#[test]
fn a_duration_that_is_none_is_refused() {
    for (value, expected) in [
        ("0", "one of the units"),
        ("5", "one of the units"),
        ("5x", "one of the units"),
        ("5S", "one of the units"),
        ("5sec", "one of the units"),
        ("5ns", "one of the units"),
        ("1d", "one of the units"),
        ("1h30m", "one of the units"),
        ("1,5s", "one of the units"),
        ("1e3s", "one of the units"),
        ("1s#c", "one of the units"),
        ("s", "a duration, such as"),
        ("+1s", "a duration, such as"),
        (".5s", "a duration, such as"),
        ("5.s", "a duration, such as"),
        ("1.2.3s", "a duration, such as"),
        ("1..2s", "a duration, such as"),
        ("=1s", "a duration, such as"),
        ("OFF", "or off"),
        ("none", "or off"),
        ("-1s", "above zero"),
        ("-", "above zero"),
        ("0s", "above zero"),
        ("0.000ms", "above zero"),
        ("00000000000000000000000000h", "above zero"),
        ("0.0001us", "whole nanoseconds"),
        ("1.0000000001s", "whole nanoseconds"),
        ("0.000000000001h", "whole nanoseconds"),
        ("0.0000000000005h", "whole nanoseconds"),
        ("0.0000000000500000000000000000000000000000001s", "whole nanoseconds"),
        ("2562048h", "at most 2562047h"),
        ("9223372036854775.808us", "at most 2562047h"),
        ("18446744073709551615us", "at most 2562047h"),
        ("18446744073709551616us", "at most 2562047h"),
        ("99999999999999999999999999999999999s", "at most 2562047h"),
        ("auto", "auto is for write only"),
        ("auto:2:3s:30s", "auto is for write only"),
    ] {
        is(error(std::format!("to *\tread={value}")), 1, 11, value, expected);
        let mut policy = empty();
        let error = policy.parse_shorthand(Class::Read, value.as_bytes()).unwrap_err();
        assert_eq!(error.origin, Origin::Shorthand(Class::Read));
        is(error, 1, 1, value, expected);
        assert!(policy.is_empty());
    }
    for class in ["connect", "response", "read", "lifetime"] {
        is(error(std::format!("to * {class}=auto")), 1, 7 + class.len() as u32, "auto", "auto is for write only");
    }
}

#[test]
fn an_auto_that_is_none_is_refused() {
    for (value, column, found, expected) in [
        ("aut", 12, "aut", "or auto"),
        ("auto2", 12, "auto2", "or auto"),
        ("auto:", 12, "auto:", "auto:MULT:MIN:MAX"),
        ("auto:2", 12, "auto:2", "auto:MULT:MIN:MAX"),
        ("auto:rto", 12, "auto:rto", "auto:MULT:MIN:MAX"),
        ("auto:2:3s", 12, "auto:2:3s", "auto:MULT:MIN:MAX"),
        ("auto:rto:2:3s", 12, "auto:rto:2:3s", "auto:MULT:MIN:MAX"),
        ("auto:2:3s:30s:", 12, "auto:2:3s:30s:", "auto:MULT:MIN:MAX"),
        ("auto:2::30s", 12, "auto:2::30s", "auto:MULT:MIN:MAX"),
        ("auto::3s:30s", 12, "auto::3s:30s", "auto:MULT:MIN:MAX"),
        ("auto:rtt:2:3s:30s", 12, "auto:rtt:2:3s:30s", "auto:MULT:MIN:MAX"),
        ("auto:x:3s:30s", 17, "x", "a multiplier"),
        ("auto:0:3s:30s", 17, "0", "a multiplier"),
        ("auto:-1:3s:30s", 17, "-1", "a multiplier"),
        ("auto:.5:3s:30s", 17, ".5", "a multiplier"),
        ("auto:5.:3s:30s", 17, "5.", "a multiplier"),
        ("auto:1.2.3:3s:30s", 17, "1.2.3", "a multiplier"),
        ("auto:0.0001:3s:30s", 17, "0.0001", "a multiplier"),
        ("auto:1000.001:3s:30s", 17, "1000.001", "a multiplier"),
        ("auto:4294967297:3s:30s", 17, "4294967297", "a multiplier"),
        ("auto:rto:x:3s:30s", 21, "x", "a multiplier"),
        ("auto:2:3:30s", 19, "3", "one of the units"),
        ("auto:2:0s:30s", 19, "0s", "above zero"),
        ("auto:2:.5s:30s", 19, ".5s", "a duration, such as"),
        ("auto:2:off:30s", 19, "off", "a duration, such as"),
        ("auto:2:3s:2s", 22, "2s", "not below the minimum"),
        ("auto:rto:2:3s:2999ms", 26, "2999ms", "not below the minimum"),
    ] {
        is(error(std::format!("to * write={value}")), 1, column, found, expected);
    }
}

#[test]
fn an_address_that_is_none_is_refused() {
    for (address, column, found, expected) in [
        ("localhost", 4, "localhost", "not a host name"),
        ("db.example.com:5432", 4, "db.example.com", "not a host name"),
        ("my-db_1", 4, "my-db_1", "not a host name"),
        ("any", 4, "any", "not a host name"),
        ("http://10.0.0.1/", 4, "http", "not a host name"),
        ("read=5s", 4, "read=5s", "an address, such as"),
        ("/run/app.sock", 4, "/run/app.sock", "an address, such as"),
        ("@name", 4, "@name", "an address, such as"),
        ("*/8", 4, "*/8", "an address, such as"),
        ("**", 4, "**", "an address, such as"),
        ("10.0.0.*", 4, "10.0.0.*", "an address, such as"),
        ("10.0.0", 4, "10.0.0", "four numbers from 0 to 255"),
        ("10.0.0.256:80", 4, "10.0.0.256", "four numbers from 0 to 255"),
        ("10.0.0.01", 4, "10.0.0.01", "without leading zeros"),
        ("10.0.0.1.1", 4, "10.0.0.1.1", "four numbers from 0 to 255"),
        ("10.0.0.1.", 4, "10.0.0.1.", "four numbers from 0 to 255"),
        ("10..0.1", 4, "10..0.1", "four numbers from 0 to 255"),
        ("8080", 4, "8080", "four numbers from 0 to 255"),
        ("10.0.0.0/33:80", 13, "33", "from 0 to 32"),
        ("10.0.0.0/:80", 4, "10.0.0.0/", "from 0 to 32"),
        ("10.0.0.0/-1", 13, "-1", "from 0 to 32"),
        ("10.0.0.0/8/8", 13, "8/8", "from 0 to 32"),
        ("10.0.0.0/255.0.0.0", 13, "255.0.0.0", "from 0 to 32"),
        ("10.0.0.0/264", 13, "264", "from 0 to 32"),
        ("10.0.0.0/4294967304", 13, "4294967304", "from 0 to 32"),
        ("::1", 4, "::1", "in brackets"),
        ("fd00::1:443", 4, "fd00::1:443", "in brackets"),
        ("10.0.0.1:80:81", 4, "10.0.0.1:80:81", "in brackets"),
        ("[::1", 4, "[::1", "a ] after"),
        ("[", 4, "[", "a ] after"),
        ("[]:80", 4, "[]:80", "an IPv6 address"),
        ("[:1]", 5, ":1", "an IPv6 address"),
        ("[:::]", 5, ":::", "an IPv6 address"),
        ("[1::2::3]", 5, "1::2::3", "an IPv6 address"),
        ("[1:2:3:4:5:6:7]", 5, "1:2:3:4:5:6:7", "an IPv6 address"),
        ("[1:2:3:4:5:6:7:8:9]", 5, "1:2:3:4:5:6:7:8:9", "an IPv6 address"),
        ("[1:2:3:4::5:6:7:8]", 5, "1:2:3:4::5:6:7:8", "an IPv6 address"),
        ("[12345::]", 5, "12345::", "an IPv6 address"),
        ("[g::]", 5, "g::", "an IPv6 address"),
        ("[10.0.0.1]", 5, "10.0.0.1", "an IPv6 address"),
        ("[10.0.0.1::]", 5, "10.0.0.1::", "an IPv6 address"),
        ("[::10.0.0.1:1]", 5, "::10.0.0.1:1", "an IPv6 address"),
        ("[::10.0.0.256]", 5, "::10.0.0.256", "an IPv6 address"),
        ("[localhost]", 5, "localhost", "an IPv6 address"),
        ("[fe80::1%eth0]", 13, "eth0", "an interface's number"),
        ("[fe80::1%0]", 13, "0", "an interface's number"),
        ("[fe80::1%]", 4, "[fe80::1%]", "an interface's number"),
        ("[fe80::1%4294967296]", 13, "4294967296", "an interface's number"),
        ("[::ffff:10.0.0.1%2]", 4, "[::ffff:10.0.0.1%2]", "without a scope"),
        ("[fd00::/129]", 12, "129", "from 0 to 128"),
        ("[fd00::/]", 4, "[fd00::/]", "from 0 to 128"),
        ("[fd00::/8%2]", 12, "8%2", "from 0 to 128"),
        ("[fd00::]/8", 12, "/8", "inside the brackets"),
        ("[fd00::]8", 12, "8", "a : and a port"),
        ("[::1]]", 9, "]", "a : and a port"),
        (":", 4, ":", "a port from 1 to 65535"),
        ("10.0.0.1:", 4, "10.0.0.1:", "a port from 1 to 65535"),
        ("[::1]:", 4, "[::1]:", "a port from 1 to 65535"),
        (":0", 5, "0", "a port from 1 to 65535"),
        (":65536", 5, "65536", "a port from 1 to 65535"),
        (":99999999999", 5, "99999999999", "a port from 1 to 65535"),
        (":http", 5, "http", "a port from 1 to 65535"),
        (":80,81", 5, "80,81", "a port from 1 to 65535"),
        (":80/8", 5, "80/8", "a port from 1 to 65535"),
        (":*", 5, "*", "a port from 1 to 65535"),
        ("[::1]:-5", 10, "-5", "a port from 1 to 65535"),
        (":80-", 5, "80-", "a port from 1 to 65535"),
        (":80-x", 8, "x", "a port from 1 to 65535"),
        (":80-90-99", 8, "90-99", "a port from 1 to 65535"),
        (":81-80", 5, "81-80", "a range of ports that rises"),
        ("unix:", 4, "unix:", "a path or @name"),
        ("unix:@", 4, "unix:@", "a path or @name"),
        (r"unix:/a\", 11, r"\", "two hexadecimal digits"),
        (r"unix:/a\n", 11, r"\n", "two hexadecimal digits"),
        (r"unix:/a\x4", 11, r"\x4", "two hexadecimal digits"),
        (r"unix:/ü\xg0", 11, r"\xg0", "two hexadecimal digits"),
    ] {
        is(error(std::format!("to {address} read=1s")), 1, column, found, expected);
        is(error(std::format!("on {address} read=1s")), 1, column, found, expected);
    }
}

#[test]
fn a_unix_path_longer_than_any_name_is_refused() {
    let path = std::format!("/{}", "a".repeat(107));
    assert_eq!(canonical(&policy(std::format!("to unix:{path} read=1s"))), [std::format!("to unix:{path} read=1s")]);
    policy(std::format!("to unix:@{} read=1s", "a".repeat(107)));
    is(error(std::format!("to unix:{path}b read=1s")), 1, 9, &path[..Found::MAX], "at most 108 bytes");
    is(
        error(std::format!("to unix:@{} read=1s", "a".repeat(108))),
        1,
        9,
        "@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "108",
    );
}

#[test]
fn a_shorthand_is_one_duration() {
    let shorthand = |text: &str| empty().parse_shorthand(Class::Write, text.as_bytes()).unwrap_err();
    is(shorthand("1s 2s"), 1, 4, "2s", "nothing more");
    is(shorthand("1s\n  # no comment"), 2, 3, "#", "nothing more");
    is(shorthand("1s;"), 1, 1, "1s;", "one of the units");
    is(shorthand("read=1s"), 1, 1, "read=1s", "or auto");
    is(shorthand("auto:2:x:3s"), 1, 8, "x", "a duration, such as");
}

#[test]
fn the_256th_rule_is_refused_and_the_text_adds_nothing() {
    let mut full = policy("to :1 read=1s\n".repeat(254));
    let text = b"to * read=1s; to * read=2s";
    is(full.parse(text, Origin::File).unwrap_err(), 1, 15, "to", "255 rules");
    assert_eq!(full.rules().len(), 254);
    full.parse(b"to * read=1s", Origin::File).unwrap();
    assert_eq!(full.rules().len(), Policy::MAX);
    assert_eq!(full.rule(255).unwrap().to_string(), "to * read=1s");
    is(full.parse_shorthand(Class::Read, b"3s").unwrap_err(), 1, 1, "3s", "255 rules");
    assert_eq!(full.rules().len(), Policy::MAX);
}

#[test]
fn a_text_with_an_error_adds_nothing() {
    let mut policy = policy("to :1 read=1s");
    is(policy.parse(b"to * read=1s\nto * read=x", Origin::File).unwrap_err(), 2, 11, "x", "or off");
    assert_eq!(canonical(&policy), ["to :1 read=1s"]);
    assert_eq!(policy.parse(b"to * read=3s", Origin::File), Ok(()));
    assert_eq!(canonical(&policy), ["to :1 read=1s", "to * read=3s"]);
}

#[test]
fn an_error_is_one_line_that_says_it_all() {
    assert_eq!(
        error("to * read=1s\n  to * read=5x").to_string(),
        "NETDEADLINE_RULES, line 2, column 13: read \"5x\", expected a number and one of the units us, ms, s, m, h, as in \
         500ms"
    );
    assert_eq!(
        error("to *").to_string(),
        "NETDEADLINE_RULES, line 1, column 5: read the end of the rule, expected a deadline, as in read=5s"
    );
    let error = empty().parse(b"nonsense", Origin::File).unwrap_err();
    assert!(error.to_string().starts_with("NETDEADLINE_CONFIG, line 1, column 1: read \"nonsense\", expected a rule"));
    assert!(error.naming(b"/etc/a\n\x1b.conf").to_string().starts_with(r"/etc/a\x0a\x1b.conf, line 1, column 1: read"));
}

#[test]
fn an_error_shows_a_bounded_part_of_a_word_and_nothing_that_a_terminal_obeys() {
    let long = error("x".repeat(1000));
    assert!(long.found.is_cut());
    assert_eq!(long.found.to_string(), std::format!("\"{}...\"", "x".repeat(Found::MAX)));
    assert!(!error("x".repeat(Found::MAX)).found.is_cut());
    assert_eq!(error(b"\x1b[2J\x07\"\\\xff\x00").found.to_string(), r#""\x1b[2J\x07\x22\x5c\xff\x00""#);
    assert_eq!(error("a\u{202e}b\u{9b}c\u{200b}ü").found.to_string(), r#""a\xe2\x80\xaeb\xc2\x9bc\xe2\x80\x8bü""#);
    // A character that the bound cuts through.
    let cut = error(std::format!("{}ü", "x".repeat(Found::MAX - 1)));
    assert_eq!(cut.found.to_string(), std::format!("\"{}\\xc3...\"", "x".repeat(Found::MAX - 1)));
}
