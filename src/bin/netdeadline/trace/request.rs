//! What `trace` was asked for: the words of the command line with a meaning.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use clap::ArgMatches;
use netdeadline_engine::policy::{Class, Policy, Timeout};

use crate::error::Failure;
use crate::text;

/// Whose connections.
#[derive(Clone, Debug)]
pub enum Target {
    Everyone,
    Process(u32),
    Named(Vec<u8>),
    Command(Vec<OsString>),
}

/// All of it.
#[derive(Clone, Debug)]
pub struct Request {
    pub target: Target,
    pub json: bool,
    /// Nanoseconds.
    pub slow: Option<u64>,
    pub output: Option<PathBuf>,
    pub tracefs: bool,
    /// Bytes of the ring buffer.
    pub buffer: u32,
    pub connections: u32,
}

impl Request {
    /// From the parser's words.
    pub fn read(matches: &ArgMatches) -> Result<Request, Failure> {
        let one = |name: &str| matches.get_one::<OsString>(name);
        let command: Vec<OsString> = matches.get_many::<OsString>("command").into_iter().flatten().cloned().collect();
        let target = match (one("pid"), one("comm"), command.is_empty()) {
            (None, None, true) => Target::Everyone,
            (None, None, false) => Target::Command(command),
            (Some(pid), None, true) => Target::Process(number("-p", pid, 1..=i32::MAX as u32)?),
            (None, Some(name), true) => Target::Named(named(name)?),
            _ => return Err(Failure::own("-p, --comm and a command exclude each other: what is to be traced?")),
        };
        Ok(Request {
            target,
            json: matches.get_flag("json"),
            slow: one("slow").map(|word| duration("--slow", word)).transpose()?,
            output: one("output").map(PathBuf::from),
            tracefs: matches.get_flag("tracefs"),
            buffer: one("buffer").map_or(Ok(16 << 20), |word| size("--buffer", word))?,
            connections: one("connections").map_or(Ok(65_536), |word| number("--connections", word, 1..=1 << 24))?,
        })
    }
}

fn unexpected(option: &str, word: &OsStr, expected: &str) -> Failure {
    Failure::own(format!("{option}: read \"{}\", expected {expected}", text::printable(word.as_bytes())))
}

fn number(option: &str, word: &OsStr, range: std::ops::RangeInclusive<u32>) -> Result<u32, Failure> {
    let number = word.to_str().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
    number.and_then(|word| word.parse().ok()).filter(|number| range.contains(number)).ok_or_else(|| {
        let what = if option == "-p" { "the number of a process" } else { "a number" };
        unexpected(option, word, &format!("{what}, {} to {}", range.start(), range.end()))
    })
}

fn named(word: &OsStr) -> Result<Vec<u8>, Failure> {
    let name = word.to_owned().into_vec();
    match name.len() {
        0 => Err(unexpected("--comm", word, "a name, as in /proc/PID/comm")),
        // The kernel keeps no more: a longer one is what ps shows of it.
        16.. => Ok(name[..15].to_vec()),
        _ => Ok(name),
    }
}

/// A duration as the policy has them.
fn duration(option: &str, word: &OsStr) -> Result<u64, Failure> {
    let mut policy = Policy::new();
    let parsed = policy.parse_shorthand(Class::Connect, word.as_bytes());
    let anywhere = netdeadline_engine::policy::Addr::V4 { ip: [0; 4], port: 0 };
    match parsed.map(|()| policy.timeout(&policy.destination(&anywhere), Class::Connect)) {
        Ok(Timeout::Fixed(ns)) => Ok(ns),
        Ok(_) => Err(unexpected(option, word, "a duration, such as 500ms, 1.5s or 5m")),
        Err(error) => Err(Failure::own(error.naming(option.as_bytes()).to_string())),
    }
}

/// `65536`, `64k`, `16m`: a power of two of at least a page, as the ring buffer has to be.
fn size(option: &str, word: &OsStr) -> Result<u32, Failure> {
    let text = word.to_str().unwrap_or_default();
    let digits = text.trim_end_matches(['k', 'K', 'm', 'M']);
    let unit = match text.get(digits.len()..) {
        Some("") => Some(1),
        Some("k" | "K") => Some(1 << 10),
        Some("m" | "M") => Some(1 << 20),
        _ => None,
    };
    let number: Option<u32> = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    let bytes = unit.and_then(|unit: u32| number?.checked_mul(unit));
    bytes
        .filter(|bytes| bytes.is_power_of_two() && (1 << 12..=1 << 30).contains(bytes))
        .ok_or_else(|| unexpected(option, word, "a size that is a power of two, 4k to 1024m"))
}
