//! `--resolve D`: bounding DNS through RES_OPTIONS, which glibc's resolver reads in every program and musl's does not.
//!
//! glibc asks each name server in turn and goes round `attempts` times, waiting `timeout` whole seconds for each answer
//! (resolv.conf(5)). A lookup therefore takes at most servers x attempts x timeout seconds; that must fit D.

use std::ffi::{OsStr, OsString};
use std::fs;

use netdeadline_engine::policy::{Class, Policy, Timeout};
use std::os::unix::ffi::OsStrExt;

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
    if seconds < servers {
        return Err(Failure::own(format!(
            "--resolve: read \"{}\", expected {servers}s or more: /etc/resolv.conf names {servers} servers, and glibc gives each a second",
            text::printable(limit.as_bytes())
        )));
    }
    // Two attempts where they fit: one lost packet is then no failure.
    let attempts = if seconds >= 2 * servers { 2 } else { 1 };
    let timeout = (seconds / (servers * attempts)).min(MOST_TIMEOUT);
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
    let expected = || {
        let read = text::printable(bytes);
        Failure::own(format!(
            "--resolve: read \"{read}\", expected whole seconds, such as 2s: glibc's resolver counts in them"
        ))
    };
    let mut policy = Policy::new();
    // Any class but write has no word but a duration and `off`.
    policy
        .parse_shorthand(Class::Lifetime, bytes)
        .map_err(|error| Failure::own(error.naming(b"--resolve").to_string()))?;
    match policy.rules().first().map(|rule| rule.timeout(Class::Lifetime)) {
        Some(Timeout::Fixed(ns)) if ns % SECOND == 0 => Ok(ns / SECOND),
        _ => Err(expected()),
    }
}

/// How many name servers glibc would ask: those of the file, or the one on this machine.
fn servers(configuration: &[u8]) -> u64 {
    let named = configuration.split(|&byte| byte == b'\n').filter(|line| {
        line.strip_prefix(b"nameserver")
            .is_some_and(|rest| rest.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')))
    });
    named.count().clamp(1, MOST_SERVERS) as u64
}
