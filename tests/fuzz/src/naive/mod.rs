//! What the product reads and writes once more: JSON, and here the policy, written to be seen through: addresses are ranges of 128-bit numbers, times are fractions, a pattern is
//! matched by trying everything. It shares no line with the product's.

pub mod json;
pub mod selector;
pub mod time;

use selector::Selector;
use time::Timeout;

pub const CLASSES: [&str; 5] = ["connect", "response", "read", "write", "lifetime"];

#[derive(Debug)]
pub struct Rule {
    pub on: bool,
    pub selector: Selector,
    pub timeouts: [Option<Timeout>; 5],
    /// From 1.
    pub line: u32,
}

/// Rules, or the line of the first that is none.
pub fn rules(text: &[u8]) -> Result<Vec<Rule>, u32> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let mut rules = Vec::new();
    for (line, number) in text.split(|byte| *byte == b'\n').zip(1..) {
        let mut statements = without_comment(line).split(|byte| *byte == b';').peekable();
        while let Some(statement) = statements.next() {
            let words: Vec<&[u8]> = statement.split(is_space).filter(|word| !word.is_empty()).collect();
            if words.is_empty() && statements.peek().is_none() {
                break;
            }
            let (on, selector, timeouts) = rule(&words).ok_or(number)?;
            if rules.len() == 255 {
                return Err(number);
            }
            rules.push(Rule { on, selector, timeouts, line: number });
        }
    }
    Ok(rules)
}

/// What `NETDEADLINE_READ` and its like may be: nothing, or one duration.
pub fn shorthand(class: usize, text: &[u8]) -> Result<Option<Timeout>, ()> {
    let words = text.split(|byte| is_space(byte) || *byte == b'\n').filter(|word| !word.is_empty());
    match words.collect::<Vec<_>>()[..] {
        [] => Ok(None),
        [word] => Timeout::read(class, word).map(Some).ok_or(()),
        _ => Err(()),
    }
}

fn is_space(byte: &u8) -> bool {
    b" \t\r\x0b\x0c".contains(byte)
}

/// A `#` begins a comment where a word could begin.
fn without_comment(line: &[u8]) -> &[u8] {
    let free = |at: usize| at == 0 || is_space(&line[at - 1]) || line[at - 1] == b';';
    let end = (0..line.len()).find(|at| line[*at] == b'#' && free(*at));
    &line[..end.unwrap_or(line.len())]
}

type Parts = (bool, Selector, [Option<Timeout>; 5]);

fn rule(words: &[&[u8]]) -> Option<Parts> {
    let [side, selector, deadlines @ ..] = words else { return None };
    let on = match *side {
        b"to" => false,
        b"on" => true,
        _ => return None,
    };
    let mut timeouts = [None; 5];
    for deadline in deadlines {
        let equals = deadline.iter().position(|byte| *byte == b'=')?;
        let class = CLASSES.iter().position(|class| class.as_bytes() == &deadline[..equals])?;
        if on && class == 0 || timeouts[class].is_some() {
            return None;
        }
        timeouts[class] = Some(Timeout::read(class, &deadline[equals + 1..])?);
    }
    (!deadlines.is_empty()).then_some((on, Selector::read(selector)?, timeouts))
}

/// Digits alone, whatever their number.
pub fn number(digits: &[u8]) -> Option<u128> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let significant = std::str::from_utf8(digits).expect("digits").trim_start_matches('0');
    match significant.len() {
        0 => Some(0),
        1..=38 => significant.parse().ok(),
        _ => Some(u128::MAX),
    }
}

/// The two sides of the first `byte`, if it is there.
pub fn cut(bytes: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    match bytes.iter().position(|found| *found == byte) {
        Some(at) => (&bytes[..at], Some(&bytes[at + 1..])),
        None => (bytes, None),
    }
}
