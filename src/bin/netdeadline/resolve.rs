//! `--resolve D`: bounding DNS through RES_OPTIONS, which glibc's resolver reads in every program and musl's does not.
//!
//! glibc asks each name server in turn and goes round `attempts` times, waiting `timeout` whole seconds for each answer; a
//! name that gets none is tried once more with the first domain of the search list (resolv.conf(5); the count of seconds
//! was measured with silent servers on glibc 2.36). All of it together must fit D.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;

use netdeadline_engine::policy::{Class, Policy, Timeout};

use crate::env::ambient;
use crate::error::Failure;
use crate::text;

const SECOND: u64 = 1_000_000_000;
/// glibc's own limits: RES_MAXRETRANS, MAXNS.
const MOST_TIMEOUT: u64 = 30;
const MOST_SERVERS: usize = 3;

/// RES_OPTIONS for a lookup of at most `limit`, after what is there already (the last one counts).
pub fn options(limit: &OsStr, existing: Option<&OsStr>) -> Result<OsString, Failure> {
    let seconds = seconds(limit)?;
    let configuration = fs::read("/etc/resolv.conf").unwrap_or_default();
    let servers = servers(&configuration);
    let searches = searches(&configuration);
    let questions = servers * if searches { 2 } else { 1 };
    if seconds < questions {
        let search = if searches { " and a search list" } else { "" };
        return Err(Failure::own(format!(
            "--resolve: read \"{}\", expected {questions}s or more: there are {servers} name servers{search}, and glibc waits a \
             second at least for each answer",
            text::printable(limit.as_bytes())
        )));
    }
    // Two attempts where they fit: one lost packet is then no failure.
    let attempts = if seconds >= 2 * questions { 2 } else { 1 };
    let timeout = (seconds / (questions * attempts)).min(MOST_TIMEOUT);
    let mut options = existing.unwrap_or_default().to_owned();
    if !options.is_empty() {
        options.push(" ");
    }
    options.push(format!("timeout:{timeout} attempts:{attempts}"));
    Ok(options)
}

/// A duration in the words of the policy, in whole seconds.
fn seconds(limit: &OsStr) -> Result<u64, Failure> {
    let bytes = limit.as_bytes();
    let mut policy = Policy::new();
    // Any class but write has no word but a duration and `off`.
    policy
        .parse_shorthand(Class::Lifetime, bytes)
        .map_err(|error| Failure::own(error.naming(b"--resolve").to_string()))?;
    match policy.rules().first().map(|rule| rule.timeout(Class::Lifetime)) {
        Some(Timeout::Fixed(ns)) if ns % SECOND == 0 => Ok(ns / SECOND),
        _ => Err(Failure::own(format!(
            "--resolve: read \"{}\", expected whole seconds, such as 2s: glibc's resolver counts in them",
            text::printable(bytes)
        ))),
    }
}

/// The lines of resolv.conf that begin with this keyword.
fn lines<'a>(configuration: &'a [u8], keyword: &'a str) -> impl Iterator<Item = &'a [u8]> {
    configuration.split(|&byte| byte == b'\n').filter(move |line| {
        let rest = line.strip_prefix(keyword.as_bytes());
        rest.is_some_and(|rest| rest.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')))
    })
}

/// How many name servers glibc would ask: those of the file, or the one on this machine.
fn servers(configuration: &[u8]) -> u64 {
    lines(configuration, "nameserver").count().clamp(1, MOST_SERVERS) as u64
}

/// Whether there is a search list: from the file, the environment, or the domain of the machine's own name.
fn searches(configuration: &[u8]) -> bool {
    let named = |keyword| lines(configuration, keyword).next().is_some();
    let host = || fs::read("/proc/sys/kernel/hostname").is_ok_and(|name| name.contains(&b'.'));
    named("search") || named("domain") || ambient("LOCALDOMAIN").is_some() || host()
}
