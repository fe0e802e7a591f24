//! Durations as text: `250us`, `500ms`, `1.5s`, `5m`, `1h`.

use core::fmt;

use super::error::Error;
use super::word::Word;

/// A duration in nanoseconds that is shown in the largest unit that keeps it whole: 90 s is `90s`, 300 s is `5m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub u64);

/// The units, largest first. No ns: no wait is that precise.
const UNITS: [(&str, u64); 5] =
    [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];

const EXPECTED: &str = "a duration, such as 250us, 500ms, 1.5s, 5m or 1h";
const UNIT: &str = "a number and one of the units us, ms, s, m, h, as in 500ms";
const POSITIVE: &str = "a duration above zero (off means no deadline)";
const TOO_LONG: &str = "a duration of at most 2562047h (off means no deadline)";
const TOO_FINE: &str = "a duration of whole nanoseconds";

impl Duration {
    /// The longest that is accepted, 292 years: added to any clock it does not overflow.
    pub const MAX: Duration = Duration(i64::MAX as u64);

    /// Reads the whole of a word.
    pub(super) fn parse(word: Word<'_>) -> Result<Duration, Error> {
        if word.bytes.first() == Some(&b'-') {
            return Err(word.error(POSITIVE));
        }
        let number = word.take_while(|byte| byte.is_ascii_digit() || byte == b'.');
        let (number, unit) = word.split_at(number);
        if number.bytes.is_empty() {
            return Err(word.error(EXPECTED));
        }
        let Some(&(_, unit)) = UNITS.iter().find(|(name, _)| name.as_bytes() == unit.bytes) else {
            return Err(word.error(UNIT));
        };
        let mut parts = number.bytes.split(|&byte| byte == b'.');
        let (whole, fraction) = (parts.next().unwrap_or_default(), parts.next());
        // `1.2.3s`, `.5s`, `5.s`
        if parts.next().is_some() || whole.is_empty() || fraction.is_some_and(<[u8]>::is_empty) {
            return Err(word.error(EXPECTED));
        }
        let ns = whole
            .iter()
            .try_fold(0u64, |number, byte| number.checked_mul(10)?.checked_add(u64::from(byte.wrapping_sub(b'0'))))
            .and_then(|number| number.checked_mul(unit))
            .ok_or_else(|| word.error(TOO_LONG))?;
        let part = part(fraction.unwrap_or_default(), unit).ok_or_else(|| word.error(TOO_FINE))?;
        let ns = ns.checked_add(part).ok_or_else(|| word.error(TOO_LONG))?;
        match Duration(ns) {
            Duration(0) => Err(word.error(POSITIVE)),
            ns if ns > Duration::MAX => Err(word.error(TOO_LONG)),
            ns => Ok(ns),
        }
    }
}

/// The decimals of a number of `unit`s, in ns. None where that is no whole number: nothing is rounded behind the operator's back.
/// All of them count together: 0.000000000005h is 18 ns, though no hour has a whole trillionth.
fn part(decimals: &[u8], unit: u64) -> Option<u64> {
    let significant = decimals.iter().rposition(|byte| *byte != b'0').map_or(0, |last| last.saturating_add(1));
    let (mut ns, mut scale) = (0u128, 1u128);
    // With more decimals than fit, no unit is whole: 3.6e12 has 13 factors of 2 and 11 of 5.
    for byte in decimals.get(..significant)? {
        let digit = u128::from(byte.wrapping_sub(b'0'));
        ns = ns.checked_mul(10)?.checked_add(digit.checked_mul(unit.into())?)?;
        scale = scale.checked_mul(10)?;
    }
    match ns.checked_rem(scale)? {
        0 => ns.checked_div(scale)?.try_into().ok(),
        _ => None,
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, unit) in UNITS {
            if self.0.is_multiple_of(unit) && self.0 != 0 {
                return write!(f, "{}{name}", self.0 / unit);
            }
        }
        // Below a microsecond three decimals say it all; trailing zeros may stay, they read back the same.
        write!(f, "{}.{:03}us", self.0 / 1_000, self.0 % 1_000)
    }
}
