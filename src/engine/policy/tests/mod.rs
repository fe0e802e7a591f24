//! What the policy promises, sentence by sentence. Here: the tools that the files beside it share.

extern crate std;

mod addresses;
mod errors;
mod grammar;
mod hostile;
mod precedence;
mod reference;

use std::boxed::Box;
use std::string::{String, ToString};
use std::vec::Vec;

use super::{Addr, Error, Origin, Policy};

/// A policy on the heap: it is large for a test's stack.
fn empty() -> Box<Policy> {
    Box::new(Policy::new())
}

/// The policy of a text that must be right.
fn policy(text: impl AsRef<[u8]>) -> Box<Policy> {
    let mut policy = empty();
    if let Err(error) = policy.parse(text.as_ref(), Origin::Rules) {
        panic!("{error}");
    }
    policy
}

/// The error of a text that must be wrong.
fn error(text: impl AsRef<[u8]>) -> Error {
    let mut policy = empty();
    match policy.parse(text.as_ref(), Origin::Rules) {
        Err(error) => error,
        Ok(()) => panic!("{:?} was read as {:?}", String::from_utf8_lossy(text.as_ref()), canonical(&policy)),
    }
}

/// Every rule as the policy itself writes it.
fn canonical(policy: &Policy) -> Vec<String> {
    policy.rules().iter().map(|rule| rule.to_string()).collect()
}

const fn v4(a: u8, b: u8, c: u8, d: u8, port: u16) -> Addr<'static> {
    Addr::V4 { ip: [a, b, c, d], port }
}

/// An IPv6 address as std reads it, so that our reader is not checked against itself.
fn v6(ip: &str, port: u16, scope: u32) -> Addr<'static> {
    Addr::V6 { ip: ip.parse::<std::net::Ipv6Addr>().unwrap().octets(), port, scope }
}

/// Numbers that look random and are the same in every run (xorshift64*, Vigna 2016).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}
