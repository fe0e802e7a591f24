//! What a rule wants of a class.

use super::number;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Timeout {
    Off,
    /// Nanoseconds.
    Fixed(u128),
    Auto {
        rto: bool,
        thousandths: u128,
        min: u128,
        max: u128,
    },
}

const WRITE: usize = 3;

impl Timeout {
    pub fn read(class: usize, word: &[u8]) -> Option<Timeout> {
        let parts: Vec<&[u8]> = word.split(|byte| *byte == b':').collect();
        let (rto, multiplier, min, max) = match parts[..] {
            [b"off"] => return Some(Timeout::Off),
            [b"auto"] => (false, &b"2"[..], &b"3s"[..], &b"30s"[..]),
            [b"auto", multiplier, min, max] => (false, multiplier, min, max),
            [b"auto", b"rto", multiplier, min, max] => (true, multiplier, min, max),
            _ => return duration(word).map(Timeout::Fixed),
        };
        let thousandths = fraction(multiplier, 1000).filter(|milli| (1..=1_000_000).contains(milli))?;
        // Four parts, the first of which is `rto`, are not four.
        let (min, max) = (duration(min)?, duration(max)?);
        (class == WRITE && min <= max).then_some(Timeout::Auto { rto, thousandths, min, max })
    }
}

fn duration(word: &[u8]) -> Option<u128> {
    let units =
        [("h", 3_600_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("m", 60_000_000_000), ("s", 1_000_000_000)];
    let (digits, unit) = units.iter().find_map(|(unit, ns)| Some((word.strip_suffix(unit.as_bytes())?, *ns)))?;
    fraction(digits, unit).filter(|ns| (1..=i64::MAX as u128).contains(ns))
}

/// A decimal number of units, if that is a whole number.
fn fraction(text: &[u8], unit: u128) -> Option<u128> {
    let (whole, rest) = super::cut(text, b'.');
    let whole = number(whole)?;
    let Some(rest) = rest else { return whole.checked_mul(unit) };
    number(rest)?;
    let digits = &rest[..rest.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1)];
    // No unit has so many tens in it that more digits could come to a whole number.
    if digits.len() > 20 {
        return None;
    }
    let (parts, of) = (number(digits).unwrap_or(0) * unit, 10u128.pow(digits.len() as u32));
    if parts % of == 0 {
        whole.checked_mul(unit)?.checked_add(parts / of)
    } else {
        None
    }
}
