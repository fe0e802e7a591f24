//! What a rule says of one class: nothing, off, a duration, or one made from the connection's own round trip.

use core::fmt;

use super::class::Class;
use super::duration::Duration;
use super::error::Error;
use super::word::Word;

/// What is wanted for one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Timeout {
    /// The rule does not name the class; the next one may.
    Unset,
    /// No deadline, and no later rule is asked.
    Off,
    /// Nanoseconds, at least 1.
    Fixed(u64),
    /// From the round trip; only for [`Class::Write`].
    Auto(Auto),
}

/// The figure of TCP_INFO that `auto` starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Base {
    /// `tcpi_rtt`, the smoothed round trip.
    Rtt,
    /// `tcpi_rto`, the retransmission timeout.
    Rto,
}

/// A timeout made from the round trip when the wait begins: clamp(multiplier x base, min, max).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Auto {
    /// Which figure.
    pub base: Base,
    /// Thousandths.
    pub multiplier_milli: u32,
    /// Nanoseconds.
    pub min: u64,
    /// Nanoseconds, at least `min`.
    pub max: u64,
}

impl Auto {
    /// What `auto` alone means. With a round trip under 1.5 s this is simply its floor.
    pub const DEFAULT: Auto =
        Auto { base: Base::Rtt, multiplier_milli: 2_000, min: 3_000_000_000, max: 30_000_000_000 };

    /// The timeout in ns of a connection with these figures of TCP_INFO, in us.
    pub fn timeout(&self, rtt_us: u32, rto_us: u32) -> u64 {
        let base = match self.base {
            Base::Rtt => rtt_us,
            Base::Rto => rto_us,
        };
        // us x thousandths is ns, and two u32 cannot overflow. Not clamp(): that panics where min > max.
        let wanted = u64::from(base).wrapping_mul(u64::from(self.multiplier_milli));
        wanted.max(self.min).min(self.max)
    }
}

const EXPECTED: &str = "a duration, such as 500ms, 1.5s or 5m, or off";
const EXPECTED_WRITE: &str = "a duration, such as 500ms, 1.5s or 5m, or off, or auto";
const WRITE_ONLY: &str = "a duration or off: auto is for write only";
const FORM: &str = "auto, auto:MULT:MIN:MAX or auto:rto:MULT:MIN:MAX, as in auto:2:3s:30s";
const MULTIPLIER: &str = "a multiplier from 0.001 to 1000 with at most three decimals, as in 2 or 1.5";
const ORDER: &str = "a maximum that is not below the minimum";

impl Timeout {
    /// Reads the whole of a word, as what `class` is to have.
    pub(super) fn parse(word: Word<'_>, class: Class) -> Result<Timeout, Error> {
        if word.bytes == b"off" {
            return Ok(Timeout::Off);
        }
        if word.bytes == b"auto" || word.bytes.starts_with(b"auto:") {
            return match class {
                Class::Write => parse_auto(word).map(Timeout::Auto),
                _ => Err(word.error(WRITE_ONLY)),
            };
        }
        // A word that has no number at all gets told the other choices too.
        if !word.bytes.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'-') {
            return Err(word.error(if class == Class::Write { EXPECTED_WRITE } else { EXPECTED }));
        }
        Ok(Timeout::Fixed(Duration::parse(word)?.0))
    }
}

fn parse_auto(word: Word<'_>) -> Result<Auto, Error> {
    let mut parts = word.split(b':');
    let (_auto, first) = (parts.next(), parts.next());
    let Some(first) = first else { return Ok(Auto::DEFAULT) };
    let (base, multiplier) = match first.bytes {
        b"rto" => (Base::Rto, parts.next()),
        _ => (Base::Rtt, Some(first)),
    };
    let (Some(multiplier), Some(min), Some(max), None) = (multiplier, parts.next(), parts.next(), parts.next()) else {
        return Err(word.error(FORM));
    };
    if [multiplier, min, max].iter().any(|part| part.bytes.is_empty()) {
        return Err(word.error(FORM));
    }
    let multiplier_milli = parse_milli(multiplier.bytes).ok_or_else(|| multiplier.error(MULTIPLIER))?;
    let (Duration(min), Duration(most)) = (Duration::parse(min)?, Duration::parse(max)?);
    if most < min {
        return Err(max.error(ORDER));
    }
    Ok(Auto { base, multiplier_milli, min, max: most })
}

/// A decimal number from 0.001 to 1000, in thousandths.
fn parse_milli(text: &[u8]) -> Option<u32> {
    let mut milli = 0u32;
    let mut decimals = None::<u32>;
    for &byte in text {
        match byte {
            b'.' if decimals.is_none() && milli_begun(text) => decimals = Some(0),
            b'0'..=b'9' => {
                milli = milli.checked_mul(10)?.checked_add(u32::from(byte.wrapping_sub(b'0')))?;
                decimals = decimals.map(|n| n.wrapping_add(1));
            }
            _ => return None,
        }
    }
    let scale = match decimals {
        None => 1_000,
        Some(1) => 100,
        Some(2) => 10,
        Some(3) => 1,
        Some(_) => return None,
    };
    let milli = milli.checked_mul(scale)?;
    (1..=1_000_000).contains(&milli).then_some(milli)
}

/// `.5` is no number here, as it is none in a duration.
fn milli_begun(text: &[u8]) -> bool {
    text.first().is_some_and(u8::is_ascii_digit)
}

/// As policy text; nothing at all for [`Timeout::Unset`].
impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Timeout::Unset => Ok(()),
            Timeout::Off => f.write_str("off"),
            Timeout::Fixed(ns) => Duration(*ns).fmt(f),
            Timeout::Auto(auto) => auto.fmt(f),
        }
    }
}

impl fmt::Display for Auto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Auto::DEFAULT {
            return f.write_str("auto");
        }
        f.write_str(match self.base {
            Base::Rtt => "auto:",
            Base::Rto => "auto:rto:",
        })?;
        let (whole, milli) = (self.multiplier_milli / 1_000, self.multiplier_milli % 1_000);
        match (milli % 10, milli / 10 % 10) {
            _ if milli == 0 => write!(f, "{whole}")?,
            (0, 0) => write!(f, "{whole}.{}", milli / 100)?,
            (0, _) => write!(f, "{whole}.{:02}", milli / 10)?,
            _ => write!(f, "{whole}.{milli:03}")?,
        }
        write!(f, ":{}:{}", Duration(self.min), Duration(self.max))
    }
}
