//! Addresses: out of a sockaddr, and onto a line.

use std::string::ToString;
use std::vec::Vec;

use super::std;
use super::{policy, v4, v6, Random};
use crate::policy::{Addr, Class};

fn sockaddr(family: i32, rest: &[u8]) -> Vec<u8> {
    let mut bytes = (family as u16).to_ne_bytes().to_vec();
    bytes.extend_from_slice(rest);
    bytes
}

#[test]
fn an_ipv4_sockaddr_is_read() {
    let bytes = sockaddr(libc::AF_INET, &[0x1f, 0x90, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(bytes.len(), size_of::<libc::sockaddr_in>());
    assert_eq!(Addr::from_sockaddr(&bytes), Some(v4(10, 0, 0, 1, 8080)));
}

#[test]
fn an_ipv6_sockaddr_is_read_and_a_mapped_one_is_ipv4() {
    let bytes = |ip: &str| {
        let mut rest = std::vec![0, 80, 9, 9, 9, 9];
        rest.extend_from_slice(&ip.parse::<std::net::Ipv6Addr>().unwrap().octets());
        rest.extend_from_slice(&7u32.to_ne_bytes());
        sockaddr(libc::AF_INET6, &rest)
    };
    assert_eq!(bytes("::1").len(), size_of::<libc::sockaddr_in6>());
    assert_eq!(Addr::from_sockaddr(&bytes("fe80::1")), Some(v6("fe80::1", 80, 7)));
    assert_eq!(Addr::from_sockaddr(&bytes("fe80::1")[..24]), Some(v6("fe80::1", 80, 0)));
    assert_eq!(Addr::from_sockaddr(&bytes("::ffff:10.0.0.1")), Some(v4(10, 0, 0, 1, 80)));
    assert_eq!(Addr::from_sockaddr(&bytes("::10.0.0.1")), Some(v6("::10.0.0.1", 80, 7)));
}

#[test]
fn a_unix_sockaddr_is_a_path_an_abstract_name_or_unnamed() {
    let unix = |name: &[u8]| sockaddr(libc::AF_UNIX, name);
    assert_eq!(Addr::from_sockaddr(&unix(b"")), Some(Addr::Unix(b"")));
    assert_eq!(Addr::from_sockaddr(&unix(b"/run/a\0rest of the buffer")), Some(Addr::Unix(b"/run/a")));
    assert_eq!(Addr::from_sockaddr(&unix(b"/no/end")), Some(Addr::Unix(b"/no/end")));
    assert_eq!(Addr::from_sockaddr(&unix(b"\0a\0b\0")), Some(Addr::Unix(b"\0a\0b\0")));
    assert_eq!(Addr::from_sockaddr(&unix(&[b'a'; 109])), Some(Addr::Unix(&[b'a'; 108])));
}

#[test]
fn what_is_too_short_or_of_another_family_is_no_address() {
    let inet = sockaddr(libc::AF_INET, &[0; 14]);
    let inet6 = sockaddr(libc::AF_INET6, &[0; 26]);
    assert!((0..8).all(|len| Addr::from_sockaddr(&inet[..len]).is_none()));
    assert!((8..=16).all(|len| Addr::from_sockaddr(&inet[..len]).is_some()));
    assert!((0..24).all(|len| Addr::from_sockaddr(&inet6[..len]).is_none()));
    assert!((24..=28).all(|len| Addr::from_sockaddr(&inet6[..len]).is_some()));
    for family in [libc::AF_UNSPEC, libc::AF_NETLINK, libc::AF_VSOCK, libc::AF_PACKET, 0xffff] {
        assert_eq!(Addr::from_sockaddr(&sockaddr(family, &[0; 100])), None);
    }
}

#[test]
fn an_address_is_shown_as_a_selector_is_written() {
    for (addr, shown) in [
        (v4(10, 0, 200, 1, 80), "10.0.200.1:80"),
        (v4(0, 0, 0, 0, 0), "0.0.0.0:0"),
        (v6("::1", 65535, 0), "[::1]:65535"),
        (v6("fe80::1", 80, 2), "[fe80::1%2]:80"),
        (Addr::Unix(b""), "unix:(unnamed)"),
        (Addr::Unix(b"/run/a b.sock"), r"unix:/run/a\x20b.sock"),
        (Addr::Unix(b"\0name\0\x01"), r"unix:@name\x00\x01"),
        (Addr::Unix(b"\0"), "unix:@"),
        (Addr::Unix(b"@path"), r"unix:\x40path"),
        (
            Addr::Unix("/größe\u{7}\u{85}\u{202e}\u{feff}".as_bytes()),
            r"unix:/größe\x07\xc2\x85\xe2\x80\xae\xef\xbb\xbf",
        ),
        (Addr::Unix(b"/\xff\xc3(\n\x1b[31m"), r"unix:/\xff\xc3(\x0a\x1b[31m"),
        (Addr::Unix(b"/*;\\\""), r"unix:/\x2a\x3b\x5c\x22"),
    ] {
        assert_eq!(addr.to_string(), shown);
    }
}

#[test]
fn ipv6_is_shown_as_the_standard_library_shows_it() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut compressed = 0;
    for _ in 0..20_000 {
        let ip: [u8; 16] = std::array::from_fn(|_| if random.below(3) == 0 { random.next() as u8 } else { 0 });
        let theirs = std::net::Ipv6Addr::from(ip);
        // std shows mapped addresses with dots; ours never come here as IPv6.
        if theirs.to_ipv4_mapped().is_some() {
            continue;
        }
        compressed += usize::from(theirs.to_string().contains("::"));
        assert_eq!(Addr::V6 { ip, port: 1, scope: 0 }.to_string(), std::format!("[{theirs}]:1"));
    }
    assert!((1_000..19_000).contains(&compressed), "both forms were seen: {compressed}");
}

#[test]
fn a_shown_address_pasted_into_a_rule_selects_itself_and_not_its_neighbour() {
    let mut random = Random(7);
    for round in 0..5_000u32 {
        let port = 1 + random.below(65_535) as u16;
        let name: Vec<u8> =
            (0..2 + random.below(106)).map(|_| random.of(b"/a.\0@*;# \\\"\xff\xc3\xbc\x1b\n")).collect();
        let name = match name.first() {
            // Only an abstract name has NUL bytes.
            Some(0) => name,
            _ => name.into_iter().map(|byte| byte.max(1)).collect(),
        };
        let addr = match round % 3 {
            0 => Addr::V4 { ip: (random.next() as u32).to_be_bytes(), port },
            1 => Addr::V6 { ip: (u128::from(random.next()) << 64 | 1).to_be_bytes(), port, scope: round },
            _ => Addr::Unix(&name),
        };
        let mut other = name.clone();
        if let Some(last) = other.last_mut() {
            *last ^= 2;
        }
        let neighbour = match addr {
            Addr::V4 { mut ip, port } => {
                ip[3] ^= 1;
                Addr::V4 { ip, port }
            }
            Addr::V6 { mut ip, port, scope } => {
                ip[0] ^= 0x80;
                Addr::V6 { ip, port, scope }
            }
            Addr::Unix(_) => Addr::Unix(&other),
        };
        let policy = policy(std::format!("to {addr} read=1s"));
        assert_eq!(policy.destination(&addr).of(Class::Read), 1, "{addr}");
        assert_eq!(policy.destination(&neighbour).of(Class::Read), 0, "{addr} {neighbour}");
    }
}
