//! Policy texts: the product's parser against the naive one, and its decisions against ranges of numbers.
//!
//! Both accept the same texts and mean the same; what is refused is refused at the place that is named; what is shown reads
//! back as what was shown, and is fit for a terminal.

use super::{is_harmless, Taken};
use crate::naive::{self, selector::Address, selector::Hosts, selector::Piece, selector::MAPPED, time};
use netdeadline_engine::policy::{Addr, Base, Class, Error, Found, Origin, Policy, Rule, Side, Timeout};
use std::cell::RefCell;

thread_local! {
    static POLICIES: RefCell<[Box<Policy>; 2]> = RefCell::new([Box::new(Policy::new()), Box::new(Policy::new())]);
}

pub fn run(bytes: &[u8]) {
    let mut taken = Taken(bytes);
    let mode = taken.byte();
    POLICIES.with_borrow_mut(|[policy, again]| {
        (**policy, **again) = (Policy::new(), Policy::new());
        match mode % 4 {
            0 | 1 => text(taken.0, [Origin::File, Origin::Rules][usize::from(mode % 4)], policy, again),
            2 => shorthand(Class::ALL[usize::from(mode / 4 % 5)], taken.0, policy),
            _ => shown_address(taken.0, policy),
        }
    });
}

fn text(text: &[u8], origin: Origin, policy: &mut Policy, again: &mut Policy) {
    let (read, naive) = (policy.parse(text, origin), naive::rules(text));
    let (naive, error) = match (naive, read) {
        (Ok(naive), Ok(())) => (naive, None),
        (Err(line), Err(error)) => return refused(&error, line, text, policy),
        (Ok(naive), Err(error)) => (naive, Some(error)),
        (Err(line), Ok(())) => panic!("line {line} of {:?} is no rule", String::from_utf8_lossy(text)),
    };
    assert_eq!(error, None, "{naive:?}");
    assert_eq!(policy.rules().len(), naive.len());
    for (rule, naive) in policy.rules().iter().zip(&naive) {
        assert_eq!((rule.line, rule.side == Side::On, rule.origin), (naive.line, naive.on, origin));
        let timeouts = Class::ALL.map(|class| plainly(rule.timeout(class)));
        assert_eq!(timeouts, naive.timeouts, "{rule}");
    }
    decides(policy, &naive);
    reads_back(policy, again);
}

fn plainly(timeout: Timeout) -> Option<time::Timeout> {
    Some(match timeout {
        Timeout::Unset => return None,
        Timeout::Off => time::Timeout::Off,
        Timeout::Fixed(ns) => time::Timeout::Fixed(ns.into()),
        Timeout::Auto(auto) => time::Timeout::Auto {
            rto: auto.base == Base::Rto,
            thousandths: auto.multiplier_milli.into(),
            min: auto.min.into(),
            max: auto.max.into(),
        },
    })
}

/// Nothing is left of a text with an error, and the error points at what it shows.
fn refused(error: &Error, naive: u32, text: &[u8], policy: &Policy) {
    assert!(policy.is_empty());
    let shown = error.to_string();
    assert!(shown.len() < 600 && shown.chars().all(is_harmless), "{shown:?}");
    assert_eq!(error.line, naive, "{shown}");
    points_at_what_it_shows(error, text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text));
}

fn points_at_what_it_shows(error: &Error, text: &[u8]) {
    let line = text.split(|byte| *byte == b'\n').nth(error.line as usize - 1).expect("a line of the text");
    // Bytes that go on a character are in its column.
    let column = |at: &usize| 1 + line[..*at].iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    let found = error.found.as_bytes();
    assert_eq!(error.found.is_cut(), error.found.is_cut() && found.len() == Found::MAX);
    let shows = |at: &usize| match found {
        // Something is missing in front of the rule's end, which a comment may put off to the line's.
        [] => *at == line.len() || line[*at] == b';',
        found => line[*at..].starts_with(found),
    };
    let there = (0..=line.len()).filter(|at| column(at) == error.column as usize).any(|at| shows(&at));
    assert!(there, "{error} is not there: {:?}", String::from_utf8_lossy(text));
}

fn shorthand(class: Class, text: &[u8], policy: &mut Policy) {
    let read = policy.parse_shorthand(class, text);
    match naive::shorthand(class as usize, text) {
        Ok(wanted) => {
            assert_eq!(read, Ok(()));
            assert_eq!(policy.rules().len(), usize::from(wanted.is_some()));
            assert_eq!(policy.rule(1).and_then(|rule| plainly(rule.timeout(class))), wanted);
        }
        Err(()) => {
            let error = read.expect_err("two words, or none that is a duration");
            assert!(policy.is_empty() && error.to_string().chars().all(is_harmless));
            points_at_what_it_shows(&error, text);
        }
    }
}

/// As policy text, every rule is what it was.
fn reads_back(policy: &Policy, again: &mut Policy) {
    let shown: Vec<String> = policy.rules().iter().map(Rule::to_string).collect();
    assert!(shown.iter().all(|rule| rule.chars().all(is_harmless)), "{shown:?}");
    assert_eq!(again.parse(shown.join("\n").as_bytes(), Origin::File), Ok(()), "{shown:?}");
    for (one, other) in policy.rules().iter().zip(again.rules()) {
        assert_eq!((one.side, one.selector, one.timeouts), (other.side, other.selector, other.timeouts));
    }
}

/// At the edges of every range, and beside them.
fn decides(policy: &Policy, naive: &[naive::Rule]) {
    let mut addresses = Vec::new();
    for rule in naive.iter().take(24) {
        let (low, high) = rule.selector.ports;
        let ports = [low, high, low.saturating_sub(1), high.saturating_add(1), 80];
        match &rule.selector.hosts {
            Hosts::Any => addresses.extend(ports.map(|port| Address::V4(0x0a00_0001, port))),
            Hosts::V4(first, last) => {
                let near = [*first, *last, first.saturating_sub(1), (last + 1).min(u32::MAX.into())];
                addresses.extend(near.into_iter().zip(ports).map(|(ip, port)| Address::V4(ip, port)));
                addresses.push(Address::V6((1 << 32) + first, low, 0));
            }
            Hosts::V6(first, last, scope) => {
                let near = [*first, *last, first.saturating_sub(1), last.saturating_add(1)];
                let scopes = [scope.unwrap_or(7), 0];
                let both = |(ip, port)| scopes.map(|scope| Address::V6(ip, port, scope));
                addresses.extend(near.into_iter().zip(ports).flat_map(both));
            }
            Hosts::Unix(pieces) => addresses.extend(names(pieces).map(Address::Unix)),
        }
    }
    for address in addresses {
        // A v4-mapped address is seen as IPv4 from the start.
        if matches!(address, Address::V6(ip, ..) if ip & !0xffff_ffff == MAPPED) {
            continue;
        }
        for on in [false, true] {
            let first = |class: usize| {
                let speaks = |rule: &naive::Rule| rule.on == on && rule.timeouts[class].is_some();
                let at = naive.iter().position(|rule| speaks(rule) && rule.selector.matches(&address));
                at.map_or((0, None), |at| (at + 1, naive[at].timeouts[class]))
            };
            let addr = seen(&address);
            let (side, decision) = match on {
                false => (Side::To, policy.destination(&addr)),
                true => (Side::On, policy.accepted(&addr)),
            };
            let deciding = policy.deciding(side, &addr);
            for class in Class::ALL {
                let (number, wanted) = first(class as usize);
                let wanted = wanted.filter(|wanted| *wanted != time::Timeout::Off);
                assert_eq!(usize::from(deciding[class as usize]), number, "{class} of {addr}");
                assert_eq!(plainly(policy.timeout(&decision, class)), wanted, "{class} of {addr}");
            }
        }
    }
}

/// Names that a pattern speaks of, and such that it nearly does.
fn names(pieces: &[Piece]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let with = |run: &[u8]| -> Vec<u8> {
        let bytes = pieces.iter().flat_map(|piece| match piece {
            Piece::Byte(byte) => vec![*byte],
            Piece::Run => run.to_vec(),
        });
        bytes.take(108).collect()
    };
    let mut longer = with(b"ab/");
    longer.push(b'*');
    let shorter = longer[..longer.len().saturating_sub(2)].to_vec();
    let other = [&[0][..], &with(b"")].concat();
    [with(b""), with(b"ab/"), with(b"*"), longer, shorter, other].into_iter()
}

fn seen(address: &Address) -> Addr<'_> {
    match address {
        Address::V4(ip, port) => Addr::V4 { ip: (*ip as u32).to_be_bytes(), port: *port },
        Address::V6(ip, port, scope) => Addr::V6 { ip: ip.to_be_bytes(), port: *port, scope: *scope },
        Address::Unix(name) => Addr::Unix(name),
    }
}

/// An address as the kernel hands it over: what a record shows of it can be pasted into a rule, and speaks of it alone.
fn shown_address(bytes: &[u8], policy: &mut Policy) {
    let Some(addr) = Addr::from_sockaddr(bytes) else { return };
    let shown = addr.to_string();
    assert!(shown.chars().all(is_harmless), "{shown:?}");
    // Port 0 is no peer's; a name that is nothing but the NUL before it has no form in a rule.
    if let Addr::V4 { port: 0, .. } | Addr::V6 { port: 0, .. } | Addr::Unix([] | [0]) = addr {
        return;
    }
    assert_eq!(policy.parse(format!("to {shown} read=1s").as_bytes(), Origin::Rules), Ok(()));
    assert!(!policy.destination(&addr).is_none(), "{shown}");
    let mut other = bytes.to_vec();
    for at in 2..bytes.len() {
        other[at] ^= 1;
        if let Some(another) = Addr::from_sockaddr(&other).filter(|another| *another != addr) {
            let scoped = matches!((addr, another), (Addr::V6 { scope: 0, .. }, Addr::V6 { ip, port, .. })
                if addr == Addr::V6 { ip, port, scope: 0 });
            assert_eq!(policy.destination(&another).is_none(), !scoped, "{shown} speaks of {another}");
        }
        other[at] ^= 1;
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 9] = [
        b"\x00# all\nto 10.0.0.0/8:5432 connect=500ms read=off\nto [fd00::/8]:6379 connect=200ms read=2s\n",
        b"\x01to unix:/run/app/*.sock read=5s; on :8080 read=60s write=auto lifetime=1h",
        b"\x00\xef\xbb\xbfto * connect=2s read=5m\r\nto [::ffff:1.2.3.4/100]:1-9 write=auto:rto:1.5:3s:30s",
        b"\x01on [fe80::1%2]:80 response=250us\nto unix:@a\\x20*b lifetime=1.5h # c",
        b"\x00to \xc3\xbc:80 read=1s\nto x.example read=\xe2\x82\xac",
        b"\x0e auto:0.001:1us:2562047h \n",
        b"\x02 1.5s",
        b"\x03\x02\x00\x00\x50\x0a\x00\x00\x01",
        b"\x03\x01\x00/run/a b\xff*",
    ];
    texts.map(<[u8]>::to_vec).to_vec()
}
