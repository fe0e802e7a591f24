//! Which rule decides.

use super::{canonical, empty, policy, v4, v6};
use crate::policy::{Addr, Class, Decision, Origin, Side, Timeout};

const ONE: u64 = 1_000_000_000;

#[test]
fn for_each_class_the_first_matching_rule_that_names_it_decides() {
    let policy = policy(
        "to 10.0.0.0/8:5432 connect=1s read=off
         to 10.0.0.0/8 connect=2s write=3s
         on * read=9s write=9s lifetime=9s
         to * connect=4s read=5s lifetime=6s",
    );
    let database = policy.destination(&v4(10, 1, 2, 3, 5432));
    assert_eq!(database, Decision { rule: [1, 0, 0, 2, 4] });
    assert_eq!(policy.timeout(&database, Class::Connect), Timeout::Fixed(ONE));
    assert_eq!(policy.timeout(&database, Class::Response), Timeout::Unset);
    assert_eq!(policy.timeout(&database, Class::Read), Timeout::Unset);
    assert_eq!(policy.timeout(&database, Class::Write), Timeout::Fixed(3 * ONE));
    assert_eq!(policy.timeout(&database, Class::Lifetime), Timeout::Fixed(6 * ONE));
    // To explain it, the `off` is named.
    assert_eq!(policy.deciding(Side::To, &v4(10, 1, 2, 3, 5432)), [1, 0, 1, 2, 4]);
    assert_eq!(policy.destination(&v4(11, 0, 0, 1, 5432)), Decision { rule: [4, 0, 4, 0, 4] });
    assert_eq!(policy.accepted(&v4(10, 1, 2, 3, 5432)), Decision { rule: [0, 0, 3, 3, 3] });
}

#[test]
fn rules_come_before_the_file_and_the_file_before_the_shorthands() {
    let mut policy = empty();
    policy.parse(b"to :80 connect=1s", Origin::Rules).unwrap();
    policy.parse(b"to :80 connect=2s read=off\nto :81 read=2s", Origin::File).unwrap();
    policy.parse_shorthand(Class::Connect, b"3s").unwrap();
    policy.parse_shorthand(Class::Read, b"3s").unwrap();
    let origin = |addr, class| {
        let number = policy.deciding(Side::To, &addr)[class as usize];
        policy.rule(number).map(|rule| rule.origin)
    };
    assert_eq!(origin(v4(1, 2, 3, 4, 80), Class::Connect), Some(Origin::Rules));
    assert_eq!(origin(v4(1, 2, 3, 4, 80), Class::Read), Some(Origin::File));
    assert_eq!(policy.destination(&v4(1, 2, 3, 4, 80)).of(Class::Read), 0);
    assert_eq!(origin(v4(1, 2, 3, 4, 81), Class::Connect), Some(Origin::Shorthand(Class::Connect)));
    assert_eq!(origin(v4(1, 2, 3, 4, 81), Class::Read), Some(Origin::File));
    assert_eq!(origin(v4(1, 2, 3, 4, 82), Class::Read), Some(Origin::Shorthand(Class::Read)));
    assert_eq!(origin(v4(1, 2, 3, 4, 82), Class::Write), None);
}

#[test]
fn a_star_leaves_unix_sockets_alone() {
    let policy = policy("to * read=1s; on * read=1s; to :1-65535 read=1s; to 0.0.0.0/0 read=1s; to [::/0] read=1s");
    for name in [&b"/run/a"[..], b"\0a", b"", b"a"] {
        assert!(policy.destination(&Addr::Unix(name)).is_none());
        assert!(policy.accepted(&Addr::Unix(name)).is_none());
    }
    assert!(!policy.names_unix());
}

#[test]
fn an_unnamed_unix_socket_is_named_by_no_rule() {
    let policy = policy("to unix:* read=1s; to unix:@* read=1s; to unix:** read=1s");
    assert!(policy.names_unix());
    assert!(policy.destination(&Addr::Unix(b"")).is_none());
    assert!(!policy.destination(&Addr::Unix(b"/")).is_none());
}

#[test]
fn a_v4_mapped_destination_obeys_ipv4_rules_and_a_mapped_rule_is_one() {
    let mut sockaddr = [0; 28];
    sockaddr[..2].copy_from_slice(&(libc::AF_INET6 as u16).to_ne_bytes());
    sockaddr[2..4].copy_from_slice(&80u16.to_be_bytes());
    sockaddr[18..24].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
    let addr = Addr::from_sockaddr(&sockaddr).unwrap();
    for rule in ["10.0.0.1:80", "10.0.0.0/8", "[::ffff:10.0.0.1]:80", "[::ffff:10.0.0.0/104]", "*"] {
        let text = [b"to ", rule.as_bytes(), b" read=1s"].concat();
        assert_eq!(policy(text).destination(&addr).of(Class::Read), 1, "{rule}");
    }
    assert!(policy("to [::/0] read=1s").destination(&addr).is_none());
}

#[test]
fn a_scope_holds_for_that_interface_and_no_scope_for_all() {
    let policy = policy("to [fe80::1%2] connect=1s\nto [fe80::%3/10]:80 read=1s\nto [fe80::1] write=1s");
    assert_eq!(policy.destination(&v6("fe80::1", 80, 2)), Decision { rule: [1, 0, 0, 3, 0] });
    assert_eq!(policy.destination(&v6("fe80::1", 80, 3)), Decision { rule: [0, 0, 2, 3, 0] });
    assert_eq!(policy.destination(&v6("fe80::2", 80, 3)), Decision { rule: [0, 0, 2, 0, 0] });
    assert_eq!(policy.destination(&v6("fe80::1", 81, 0)), Decision { rule: [0, 0, 0, 3, 0] });
}

#[test]
fn a_pattern_names_paths_and_an_at_sign_names_abstract_names() {
    for (pattern, name, matches) in [
        ("/run/a.sock", &b"/run/a.sock"[..], true),
        ("/run/a.sock", b"/run/a.sockx", false),
        ("/run/a.sock", b"/run/a.soc", false),
        ("/run/*.sock", b"/run/a.sock", true),
        ("/run/*.sock", b"/run/.sock", true),
        ("/run/*.sock", b"/run/deep/er/a.sock", true),
        ("/run/*.sock", b"/run/a.sock.sock", true),
        ("/run/*.sock", b"/run/a.sock.bak", false),
        ("/*/a*b/*", b"/x/ab/", true),
        ("/*/a*b/*", b"/x/y/acb/z/ab", true),
        ("/*/a*b/*", b"/x/ab", false),
        ("*", b"/", true),
        ("*", b"\0abstract", false),
        ("*bstract", b"\0abstract", false),
        ("**", b"a", true),
        ("*a*a*a*", b"aa", false),
        ("@x", b"\0x", true),
        ("@x", b"@x", false),
        ("@x", b"\0x\0", false),
        ("@x*", b"\0x\0", true),
        ("@*", b"\0", true),
        (r"\x40x", b"@x", true),
        (r"\x40x", b"\0x", false),
        (r"/a\x2ab", b"/a*b", true),
        (r"/a\x2ab", b"/acb", false),
        (r"/a\xff", b"/a\xff", true),
        ("/run/[ab]?", b"/run/a1", false),
    ] {
        let policy = policy([b"to unix:", pattern.as_bytes(), b" read=1s"].concat());
        assert_eq!(!policy.destination(&Addr::Unix(name)).is_none(), matches, "{pattern} {name:?}");
        assert!(policy.accepted(&Addr::Unix(name)).is_none());
    }
}

#[test]
fn a_star_is_one_at_every_place_of_a_long_pattern() {
    for at in 1..108 {
        let pattern = ["/", &"a".repeat(at - 1), "*", &"b".repeat(107 - at)].concat();
        let policy = policy(["to unix:", &pattern, " read=1s"].concat());
        assert_eq!(canonical(&policy), [["to unix:", &pattern, " read=1s"].concat()]);
        for run in ["", "z", "*"] {
            let name = pattern.replace('*', run);
            assert_eq!(policy.destination(&Addr::Unix(name.as_bytes())).of(Class::Read), 1, "{pattern} {name}");
        }
        let other = pattern.replacen('/', "x", 1);
        assert!(policy.destination(&Addr::Unix(other.as_bytes())).is_none());
    }
}

#[test]
fn a_policy_knows_what_it_speaks_of() {
    let told = |text: &str| {
        let policy = policy(text);
        (policy.is_empty(), policy.any_to(), policy.any_on(), policy.names_unix())
    };
    assert_eq!(told(""), (true, false, false, false));
    assert_eq!(told("to * read=1s"), (false, true, false, false));
    assert_eq!(told("on * read=1s"), (false, false, true, false));
    assert_eq!(told("on unix:/a read=1s"), (false, false, true, true));
    assert_eq!(told("to * read=off; on unix:@a read=1s"), (false, true, true, true));
}

#[test]
fn there_is_no_rule_0_and_none_behind_the_last() {
    let policy = policy("to * read=1s");
    assert!(policy.rule(0).is_none());
    assert!(policy.rule(1).is_some());
    assert!(policy.rule(2).is_none());
    assert!(policy.rule(255).is_none());
    assert_eq!(policy.timeout(&Decision { rule: [9; 5] }, Class::Read), Timeout::Unset);
}
