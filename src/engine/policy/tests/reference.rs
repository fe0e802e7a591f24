//! The policy against a second one that is written to be seen through: it shares no code with the first and is slow.

use std::string::{String, ToString};
use std::vec::Vec;

use super::std;
use super::{empty, Random};
use crate::policy::{Addr, Class, Origin, Side, Timeout};

/// A rule, in the simplest terms: every address as 128 bits, every port as a list's bounds, a pattern as characters.
#[derive(Clone, Debug)]
struct Plain {
    side: Side,
    hosts: PlainHosts,
    ports: (u16, u16),
    timeouts: [Option<u64>; 5],
    text: String,
}

#[derive(Clone, Debug)]
enum PlainHosts {
    Any,
    Bits { v4: bool, bits: String, scope: u32 },
    Pattern(Vec<char>),
}

/// An address as a line of `0` and `1`.
fn bits(ip: &[u8]) -> String {
    ip.iter().map(|byte| std::format!("{byte:08b}")).collect()
}

fn pattern_matches(pattern: &[char], name: &[char]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some(('*', rest)) => (0..=name.len()).any(|skip| pattern_matches(rest, &name[skip..])),
        Some((c, rest)) => name.first() == Some(c) && pattern_matches(rest, &name[1..]),
    }
}

impl Plain {
    fn matches(&self, side: Side, addr: &Addr<'_>) -> bool {
        let (ip, port, scope) = match addr {
            Addr::V4 { ip, port } => (&ip[..], *port, 0),
            Addr::V6 { ip, port, scope } => (&ip[..], *port, *scope),
            Addr::Unix(name) => {
                let PlainHosts::Pattern(pattern) = &self.hosts else { return false };
                let name: Vec<char> = name.iter().map(|&byte| if byte == 0 { '@' } else { char::from(byte) }).collect();
                let both_or_neither = (pattern.first() == Some(&'@')) == (name.first() == Some(&'@'));
                return self.side == side && !name.is_empty() && both_or_neither && pattern_matches(pattern, &name);
            }
        };
        let host = match &self.hosts {
            PlainHosts::Any => true,
            PlainHosts::Bits { v4, bits: prefix, scope: wanted } => {
                *v4 == (ip.len() == 4) && bits(ip).starts_with(prefix.as_str()) && (*wanted == 0 || *wanted == scope)
            }
            PlainHosts::Pattern(_) => false,
        };
        self.side == side && host && (self.ports == (0, 0) || (self.ports.0..=self.ports.1).contains(&port))
    }
}

/// Few distinct values, so that rules and addresses meet often.
fn v4(random: &mut Random) -> [u8; 4] {
    std::array::from_fn(|_| random.of(&[0, 10, 10, 127, 128, 255]))
}

fn v6(random: &mut Random) -> [u8; 16] {
    let start = random.of(&[[0xfe, 0x80], [0xfd, 0], [0, 0]]);
    std::array::from_fn(|at| if at < 2 { start[at] } else { random.of(&[0, 0, 0, 0, 0, 1, 0x80]) })
}

fn name(random: &mut Random, pattern: bool) -> String {
    let letters: &[char] = if pattern { &['a', 'b', '/', '*'] } else { &['a', 'b', '/'] };
    let start = random.of(&["", "@", "/", "/a"]);
    let rest: String = (0..random.below(7)).map(|_| random.of(letters)).collect();
    if start == "@" && rest.is_empty() || start.is_empty() && rest.is_empty() {
        return "/".to_string();
    }
    start.to_string() + &rest
}

fn rule(random: &mut Random) -> Plain {
    let side = random.of(&[Side::To, Side::On]);
    let ports = match random.below(3) {
        0 => (0, 0),
        1 => {
            let port = random.of(&[1, 80, 443, 65535]);
            (port, port)
        }
        _ => (random.of(&[1, 79, 80]), random.of(&[80, 443, 65535])),
    };
    let (hosts, address) = match random.below(4) {
        0 => (PlainHosts::Any, if ports == (0, 0) || random.below(2) == 0 { "*".to_string() } else { String::new() }),
        1 => {
            let (ip, len) = (v4(random), random.below(33));
            let address = std::format!("{}/{len}", std::net::Ipv4Addr::from(ip));
            (PlainHosts::Bits { v4: true, bits: bits(&ip)[..len].to_string(), scope: 0 }, address)
        }
        2 => {
            let (ip, len, scope) = (v6(random), random.below(129), random.of(&[0, 0, 1, 2]));
            let scoped = if scope == 0 { String::new() } else { std::format!("%{scope}") };
            let address = std::format!("[{}{scoped}/{len}]", std::net::Ipv6Addr::from(ip));
            (PlainHosts::Bits { v4: false, bits: bits(&ip)[..len].to_string(), scope }, address)
        }
        _ => {
            let pattern = name(random, true);
            (PlainHosts::Pattern(pattern.chars().collect()), std::format!("unix:{pattern}"))
        }
    };
    let mut text = std::format!("{} {address}", if side == Side::To { "to" } else { "on" });
    let unix = matches!(hosts, PlainHosts::Pattern(_));
    match ports {
        _ if unix => {}
        (0, 0) => {}
        (low, high) if low == high => text += &std::format!(":{low}"),
        (low, high) => text += &std::format!(":{low}-{high}"),
    }
    let mut timeouts = [None; 5];
    while timeouts == [None; 5] {
        for (class, timeout) in Class::ALL.into_iter().zip(&mut timeouts) {
            if random.below(3) == 0 && !(side == Side::On && class == Class::Connect) {
                // 0 is off.
                let seconds = random.below(4) as u64;
                *timeout = Some(seconds);
                text += &match seconds {
                    0 => std::format!(" {class}=off"),
                    _ => std::format!(" {class}={seconds}s"),
                };
            }
        }
    }
    Plain { side, hosts, ports, timeouts, text }
}

#[test]
fn a_random_policy_decides_as_the_plain_one_does() {
    let mut random = Random(0x6a09_e667_f3bc_c908);
    let (mut decided, mut stopped, mut nothing) = (0, 0, 0);
    for _ in 0..1_500 {
        let rules: Vec<Plain> = (0..1 + random.below(12)).map(|_| rule(&mut random)).collect();
        let text: Vec<_> = rules.iter().map(|rule| rule.text.as_str()).collect();
        let mut policy = empty();
        policy.parse(text.join(random.of(&["\n", ";", "; # no more\n\n"])).as_bytes(), Origin::File).unwrap();
        for _ in 0..40 {
            let unix = name(&mut random, false).replace('@', "\0");
            let port = random.of(&[0, 1, 2, 80, 81, 443, 65535]);
            let addr = match random.below(3) {
                0 => Addr::V4 { ip: v4(&mut random), port },
                1 => Addr::V6 { ip: v6(&mut random), port, scope: random.of(&[0, 1, 2, 3]) },
                _ => Addr::Unix(unix.as_bytes()),
            };
            for side in [Side::To, Side::On] {
                let decision = if side == Side::To { policy.destination(&addr) } else { policy.accepted(&addr) };
                for (at, class) in Class::ALL.into_iter().enumerate() {
                    let first = rules.iter().position(|rule| rule.matches(side, &addr) && rule.timeouts[at].is_some());
                    let wanted = first.and_then(|first| rules[first].timeouts[at]);
                    let (number, timeout) = match (first, wanted) {
                        (Some(_), Some(0)) => (0, Timeout::Unset),
                        (Some(first), Some(seconds)) => (first + 1, Timeout::Fixed(seconds * 1_000_000_000)),
                        _ => (0, Timeout::Unset),
                    };
                    assert_eq!(usize::from(decision.of(class)), number, "{addr} {class}\n{}", text.join("\n"));
                    assert_eq!(policy.timeout(&decision, class), timeout);
                    let explained = policy.deciding(side, &addr)[at];
                    assert_eq!(usize::from(explained), first.map_or(0, |first| first + 1));
                    match wanted {
                        None => nothing += 1,
                        Some(0) => stopped += 1,
                        Some(_) => decided += 1,
                    }
                }
            }
        }
    }
    // The test would prove nothing if one of the outcomes were rare.
    assert!(decided > 20_000 && stopped > 8_000 && nothing > 20_000, "{decided} {stopped} {nothing}");
}
