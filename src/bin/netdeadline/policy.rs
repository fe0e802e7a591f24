//! `netdeadline policy`: the view on rules. What they mean is the engine's.

use std::ffi::{CString, OsStr, OsString};
use std::io::{self, Write};
use std::net::{Ipv6Addr, SocketAddrV4};
use std::os::unix::ffi::OsStrExt;

use netdeadline_engine::policy::{Addr, Class, Side, Timeout};

use crate::error::Failure;
use crate::settings::{Options, Settings};
use crate::text;

/// One `--explain`.
pub struct Question {
    /// A connect to the address, or a socket accepted on it.
    pub side: Side,
    /// The address as given.
    pub address: OsString,
}

/// Print the rules, or answer the questions.
pub fn main(options: &Options, questions: &[Question]) -> Result<io::Result<u8>, Failure> {
    let settings = Settings::read(options)?;
    let mut addresses = Vec::new();
    for question in questions {
        addresses.push((question.side, Address::parse(&question.address)?));
    }
    let mut out = io::stdout().lock();
    let mut print = || {
        match addresses.is_empty() {
            true => rules(&mut out, &settings)?,
            false => {
                for (side, address) in &addresses {
                    explain(&mut out, &settings, *side, &address.borrowed())?;
                }
            }
        }
        out.flush().map(|()| 0)
    };
    Ok(print())
}

fn rules(out: &mut dyn Write, settings: &Settings) -> io::Result<()> {
    let rules: Vec<_> = settings.policy.rules().iter().map(|rule| (rule.to_string(), settings.source(rule))).collect();
    if rules.is_empty() {
        writeln!(out, "no rules: no deadline but the program's own")?;
    } else {
        writeln!(out, "for each class the first rule decides that matches and names it:")?;
    }
    let width = rules.iter().map(|(rule, _)| rule.chars().count()).max().unwrap_or_default().min(50);
    for (index, (rule, source)) in rules.iter().enumerate() {
        writeln!(out, "{:4}  {rule:width$}  {source}", index + 1)?;
    }
    for (name, label) in [
        ("NETDEADLINE_MODE", "mode"),
        ("NETDEADLINE_LOG", "log"),
        ("NETDEADLINE_LOG_FORMAT", "log format"),
        ("NETDEADLINE_STATS", "stats"),
        ("NETDEADLINE_SO_TIMEO", "SO_RCVTIMEO, SO_SNDTIMEO"),
        ("NETDEADLINE_IO_URING", "io_uring"),
        ("NETDEADLINE_CHILDREN", "children"),
        ("RES_OPTIONS", "resolver (glibc)"),
    ] {
        if let Some(value) = settings.variable(name) {
            writeln!(out, "{label}: {}", text::printable(value.as_bytes()))?;
        }
    }
    Ok(())
}

fn explain(out: &mut dyn Write, settings: &Settings, side: Side, address: &Addr<'_>) -> io::Result<()> {
    match side {
        Side::To => writeln!(out, "a connection to {address}")?,
        Side::On => writeln!(out, "a connection accepted on {address}")?,
    }
    for (class, number) in Class::ALL.into_iter().zip(settings.policy.deciding(side, address)) {
        let name = class.name();
        let Some(rule) = settings.policy.rule(number) else {
            writeln!(out, "  {name:9} -       no rule for it names this class")?;
            continue;
        };
        let timeout = match rule.timeout(class) {
            Timeout::Off => String::from("off"),
            timeout => timeout.to_string(),
        };
        writeln!(out, "  {name:9} {timeout:7} rule {number}, {}: {rule}", settings.source(rule))?;
    }
    Ok(())
}

/// An address that owns its bytes.
enum Address {
    V4(SocketAddrV4),
    V6 { ip: Ipv6Addr, port: u16, scope: u32 },
    Unix(Vec<u8>),
}

impl Address {
    /// `10.0.0.1:80`, `[::1]:80`, `[fe80::1%eth0]:80`, `unix:/path`, `unix:@abstract`.
    fn parse(text: &OsStr) -> Result<Address, Failure> {
        let wrong = || {
            let read = text::printable(text.as_bytes());
            let forms = "10.0.0.1:80, [::1]:80 or unix:/path";
            Failure::own(format!("--explain: read \"{read}\", expected an address with its port, such as {forms}"))
        };
        if let Some(name) = text.as_bytes().strip_prefix(b"unix:") {
            return match name {
                [b'@', name @ ..] => Ok(Address::Unix([b"\0", name].concat())),
                [b'/', ..] => Ok(Address::Unix(name.to_vec())),
                _ => Err(wrong()),
            };
        }
        let text = text.to_str().ok_or_else(wrong)?;
        if let Ok(address) = text.parse() {
            return Ok(Address::V4(address));
        }
        let (host, port) = text.strip_prefix('[').and_then(|rest| rest.split_once("]:")).ok_or_else(wrong)?;
        let (ip, scope) = host.split_once('%').unwrap_or((host, "0"));
        let ip: Ipv6Addr = ip.parse().map_err(|_| wrong())?;
        let port = port.parse().map_err(|_| wrong())?;
        let scope = match scope.parse() {
            Ok(number) => number,
            Err(_) => interface(scope).ok_or_else(wrong)?,
        };
        Ok(match ip.to_ipv4_mapped() {
            // As the library sees such an address.
            Some(ip) => Address::V4(SocketAddrV4::new(ip, port)),
            None => Address::V6 { ip, port, scope },
        })
    }

    fn borrowed(&self) -> Addr<'_> {
        match self {
            Address::V4(address) => Addr::V4 { ip: address.ip().octets(), port: address.port() },
            Address::V6 { ip, port, scope } => Addr::V6 { ip: ip.octets(), port: *port, scope: *scope },
            Address::Unix(name) => Addr::Unix(name),
        }
    }
}

/// The number of a network interface.
fn interface(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: `name` is a C string that outlives the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}
