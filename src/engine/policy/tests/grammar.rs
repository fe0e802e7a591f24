//! Every form of the grammar, beside the form it is shown in.

use std::string::ToString;

use super::std;
use super::{canonical, empty, policy};
use crate::policy::{Auto, Base, Class, Duration, Origin, Side, Timeout};

/// The text reads as one rule, and that rule is shown as `shown`.
fn reads_as(text: &str, shown: &str) {
    let read = canonical(&policy(text));
    assert_eq!(read, [shown], "{text}");
    assert_eq!(canonical(&policy(shown)), [shown], "the canonical form reads back");
}

#[test]
fn the_text_of_the_manual_is_read() {
    let text = "\
# selector               deadlines
to 10.0.0.0/8:5432       connect=500ms read=off
to [fd00::/8]:6379       connect=200ms read=2s
to unix:/run/app/*.sock  read=5s
on :8080                 read=60s write=auto lifetime=1h
to *                     connect=2s read=5m write=30s
";
    let policy = policy(text);
    assert_eq!(
        canonical(&policy),
        [
            "to 10.0.0.0/8:5432 connect=500ms read=off",
            "to [fd00::/8]:6379 connect=200ms read=2s",
            "to unix:/run/app/*.sock read=5s",
            "on :8080 read=1m write=auto lifetime=1h",
            "to * connect=2s read=5m write=30s",
        ]
    );
    let lines: std::vec::Vec<_> = policy.rules().iter().map(|rule| (rule.line, rule.column)).collect();
    assert_eq!(lines, [(2, 1), (3, 1), (4, 1), (5, 1), (6, 1)]);
    let [to, .., on, _] = policy.rules() else { panic!() };
    assert_eq!((to.side, on.side), (Side::To, Side::On));
    assert_eq!(
        to.timeouts,
        [Timeout::Fixed(500_000_000), Timeout::Unset, Timeout::Off, Timeout::Unset, Timeout::Unset]
    );
    assert_eq!(on.timeout(Class::Write), Timeout::Auto(Auto::DEFAULT));
}

#[test]
fn selectors_are_read() {
    for (text, shown) in [
        ("*", "*"),
        (":8080", ":8080"),
        ("*:8080", ":8080"),
        (":8000-8100", ":8000-8100"),
        (":80-80", ":80"),
        (":1-65535", ":1-65535"),
        ("10.0.0.1", "10.0.0.1"),
        ("10.0.0.1:80", "10.0.0.1:80"),
        ("10.0.0.1/32:80", "10.0.0.1:80"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("255.255.255.255/31:1-2", "255.255.255.254/31:1-2"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("[::]", "[::]"),
        ("[::/0]", "[::/0]"),
        ("[::1]:80", "[::1]:80"),
        ("[FD00::/8]:6379", "[fd00::/8]:6379"),
        ("[fd12::/8]", "[fd00::/8]"),
        ("[2001:DB8:0:0:1:0:0:1]:1-9", "[2001:db8::1:0:0:1]:1-9"),
        ("[1:0:0:2:0:0:0:3]", "[1:0:0:2::3]"),
        ("[1:0:3:4:5:6:7:8]", "[1:0:3:4:5:6:7:8]"),
        ("[1:2:3:4:5:6:7::]", "[1:2:3:4:5:6:7:0]"),
        ("[1::]", "[1::]"),
        ("[64:ff9b::10.0.0.1]", "[64:ff9b::a00:1]"),
        ("[1:2:3:4:5:6:10.0.0.1]", "[1:2:3:4:5:6:a00:1]"),
        ("[fe80::1%2]", "[fe80::1%2]"),
        ("[fe80::%4294967295/10]:5353", "[fe80::%4294967295/10]:5353"),
        ("[::ffff:10.0.0.1]:80", "10.0.0.1:80"),
        ("[::ffff:10.0.0.0/104]:80", "10.0.0.0/8:80"),
        ("[::ffff:0:0/96]", "0.0.0.0/0"),
        ("[::ffff:10.0.0.1/95]", "[::fffe:0:0/95]"),
        ("unix:/run/app.sock", "unix:/run/app.sock"),
        ("unix:/run/*/a*.sock", "unix:/run/*/a*.sock"),
        ("unix:*", "unix:*"),
        ("unix:rel.sock", "unix:rel.sock"),
        ("unix:@name", "unix:@name"),
        ("unix:@*", "unix:@*"),
        (r"unix:\x00name", "unix:@name"),
        (r"unix:\x40name", r"unix:\x40name"),
        (r"unix:/a\x20b\x2a\x3B\x5c", r"unix:/a\x20b\x2a\x3b\x5c"),
        (r"unix:/plain\x41", "unix:/plainA"),
        (r"unix:/\xff", r"unix:/\xff"),
        ("unix:/größe#1", "unix:/größe#1"),
        ("unix:/a:b[c]=d", "unix:/a:b[c]=d"),
    ] {
        for side in ["to", "on"] {
            reads_as(&std::format!("{side} {text} read=1s"), &std::format!("{side} {shown} read=1s"));
        }
    }
}

#[test]
fn durations_are_read() {
    for (text, ns, shown) in [
        ("250us", 250_000, "250us"),
        ("500ms", 500_000_000, "500ms"),
        ("2s", 2_000_000_000, "2s"),
        ("1.5s", 1_500_000_000, "1500ms"),
        ("5m", 300_000_000_000, "5m"),
        ("1h", 3_600_000_000_000, "1h"),
        ("60s", 60_000_000_000, "1m"),
        ("90s", 90_000_000_000, "90s"),
        ("0.5h", 1_800_000_000_000, "30m"),
        ("007s", 7_000_000_000, "7s"),
        ("0.001us", 1, "0.001us"),
        ("1.25us", 1_250, "1.250us"),
        ("1.000000001s", 1_000_000_001, "1000000.001us"),
        ("1.50000000000000000000000000000000s", 1_500_000_000, "1500ms"),
        ("0.00000000001h", 36, "0.036us"),
        // Whole together, though not decimal by decimal.
        ("0.000000000005h", 18, "0.018us"),
        ("0.0000000005m", 30, "0.030us"),
        ("0.0000000000025h", 9, "0.009us"),
        ("0.00000000000250h", 9, "0.009us"),
        ("2562047h", 9_223_369_200_000_000_000, "2562047h"),
        ("9223372036854775.807us", i64::MAX as u64, "9223372036854775.807us"),
    ] {
        let rule = std::format!("to * read={text}");
        assert_eq!(policy(&rule).rules()[0].timeout(Class::Read), Timeout::Fixed(ns), "{text}");
        reads_as(&rule, &std::format!("to * read={shown}"));
    }
}

#[test]
fn off_is_for_every_class_and_classes_are_shown_in_their_order() {
    reads_as(
        "to * lifetime=off write=off read=off response=off connect=off",
        "to * connect=off response=off read=off write=off lifetime=off",
    );
    reads_as("on * lifetime=1h write=2s read=3s response=4s", "on * response=4s read=3s write=2s lifetime=1h");
}

#[test]
fn auto_is_read_in_its_three_forms() {
    let second = 1_000_000_000;
    let rtt = |milli, min, max| Auto { base: Base::Rtt, multiplier_milli: milli, min, max };
    for (text, auto, shown) in [
        ("auto", Auto::DEFAULT, "auto"),
        ("auto:2:3s:30s", Auto::DEFAULT, "auto"),
        ("auto:4:1s:1m", rtt(4_000, second, 60 * second), "auto:4:1s:1m"),
        ("auto:1.5:1s:1s", rtt(1_500, second, second), "auto:1.5:1s:1s"),
        ("auto:0.001:1us:1h", rtt(1, 1_000, 3_600 * second), "auto:0.001:1us:1h"),
        ("auto:1000:1s:2s", rtt(1_000_000, second, 2 * second), "auto:1000:1s:2s"),
        ("auto:1.25:1s:2s", rtt(1_250, second, 2 * second), "auto:1.25:1s:2s"),
        ("auto:1.05:1s:2s", rtt(1_050, second, 2 * second), "auto:1.05:1s:2s"),
        ("auto:1.005:1s:2s", rtt(1_005, second, 2 * second), "auto:1.005:1s:2s"),
        ("auto:rto:2:3s:30s", Auto { base: Base::Rto, ..Auto::DEFAULT }, "auto:rto:2:3s:30s"),
        (
            "auto:rto:10:100ms:5m",
            Auto { base: Base::Rto, ..rtt(10_000, second / 10, 300 * second) },
            "auto:rto:10:100ms:5m",
        ),
    ] {
        let rule = std::format!("to * write={text}");
        assert_eq!(policy(&rule).rules()[0].timeout(Class::Write), Timeout::Auto(auto), "{text}");
        reads_as(&rule, &std::format!("to * write={shown}"));
    }
}

#[test]
fn auto_is_twice_the_round_trip_between_3_and_30_seconds() {
    let second = 1_000_000_000;
    assert_eq!(Auto::DEFAULT.timeout(0, 9_000_000), 3 * second);
    assert_eq!(Auto::DEFAULT.timeout(1_500_000, 0), 3 * second);
    assert_eq!(Auto::DEFAULT.timeout(1_500_001, 0), 3 * second + 2_000);
    assert_eq!(Auto::DEFAULT.timeout(15_000_001, 0), 30 * second);
    assert_eq!(Auto::DEFAULT.timeout(u32::MAX, 0), 30 * second);
    let rto = Auto { base: Base::Rto, multiplier_milli: u32::MAX, min: 1, max: u64::MAX };
    assert_eq!(rto.timeout(7, 0), 1);
    assert_eq!(rto.timeout(7, 1), u64::from(u32::MAX));
    assert_eq!(rto.timeout(7, u32::MAX), u64::from(u32::MAX) * u64::from(u32::MAX));
}

#[test]
fn rules_end_at_newlines_and_semicolons() {
    let policy = policy("to * read=1s; on * read=2s;\n\tto :80\twrite=3s\r\n\r\n   # all\n;".trim_end_matches(";"));
    assert_eq!(canonical(&policy), ["to * read=1s", "on * read=2s", "to :80 write=3s"]);
    let places: std::vec::Vec<_> = policy.rules().iter().map(|rule| (rule.line, rule.column)).collect();
    assert_eq!(places, [(1, 1), (1, 15), (2, 2)]);
}

#[test]
fn a_comment_runs_to_the_end_of_the_line_and_starts_only_where_a_word_could() {
    reads_as("# a; to * read=9s\nto * read=1s # b; to * read=9s", "to * read=1s");
    reads_as("to * read=1s;#c", "to * read=1s");
    reads_as("to unix:/a#b read=1s", "to unix:/a#b read=1s");
}

#[test]
fn texts_without_rules_are_no_error() {
    for text in ["", " ", "\n\n\r\n", "# only words", "\u{feff}", "\u{feff}# marked\n"] {
        assert!(policy(text).is_empty(), "{text:?}");
    }
    reads_as("\u{feff}to * read=1s", "to * read=1s");
}

#[test]
fn a_shorthand_is_a_last_rule_for_all_of_ip() {
    let mut policy = empty();
    for (class, text) in Class::ALL.into_iter().zip(["2s", " off\n", "5m", "auto", ""]) {
        policy.parse_shorthand(class, text.as_bytes()).unwrap();
    }
    assert_eq!(canonical(&policy), ["to * connect=2s", "to * response=off", "to * read=5m", "to * write=auto"]);
    let origins: std::vec::Vec<_> = policy.rules().iter().map(|rule| rule.origin.to_string()).collect();
    assert_eq!(origins, ["NETDEADLINE_CONNECT", "NETDEADLINE_RESPONSE", "NETDEADLINE_READ", "NETDEADLINE_WRITE"]);
    assert_eq!((policy.rules()[1].line, policy.rules()[1].column), (1, 2));
    assert_eq!(Origin::Shorthand(Class::Lifetime).variable(), "NETDEADLINE_LIFETIME");
}

#[test]
fn durations_are_shown_even_where_they_cannot_be_written() {
    assert_eq!(Duration(0).to_string(), "0.000us");
    assert_eq!(Duration(u64::MAX).to_string(), "18446744073709551.615us");
    assert_eq!(Timeout::Unset.to_string(), "");
}
