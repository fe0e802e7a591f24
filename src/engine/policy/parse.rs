//! Policy text to rules: words, the order they come in, and what each may be.
//!
//! The words themselves are read where their types live: `selector`, `timeout`, `duration`.

use super::class::{Class, Origin};
use super::error::Error;
use super::rule::{Rule, Side};
use super::selector::{self, Selector};
use super::timeout::Timeout;
use super::word::Word;

const RULE: &str = "a rule, which starts with to or on, as in to 10.0.0.0/8:5432 connect=500ms read=2s";
const EMPTY: &str = "a rule before the ;";
const NO_DEADLINE: &str = "a deadline, as in read=5s";
const CLASS: &str = "connect, response, read, write or lifetime";
const FORM: &str = "CLASS=DURATION, as in read=5s, or the end of the rule (a newline or ;)";
const VALUE: &str = "a duration right behind the =, as in read=5s";
const TWICE: &str = "each class once in a rule";
const ACCEPTED: &str = "response, read, write or lifetime: an accepted socket is connected already";
const ONE: &str = "one duration and nothing more";

/// What the text consists of.
enum Token<'a> {
    Word(Word<'a>),
    /// A newline, a `;` or the end of the text.
    End(Word<'a>),
}

/// The next token, and the text behind it. The end of the text is an end for ever.
fn next(text: Word<'_>) -> (Token<'_>, Word<'_>) {
    let mut text = text.split_at(text.take_while(is_space)).1;
    if text.bytes.first() == Some(&b'#') {
        text = text.split_at(text.take_while(|byte| byte != b'\n')).1;
    }
    match text.bytes.first() {
        Some(b'\n' | b';') => {
            let (end, rest) = text.split_at(1);
            (Token::End(end), rest)
        }
        None => (Token::End(text), text),
        Some(_) => {
            let (word, rest) = text.split_at(text.take_while(|byte| !is_space(byte) && byte != b'\n' && byte != b';'));
            (Token::Word(word), rest)
        }
    }
}

/// Space inside a line. The carriage return is here for files that were written elsewhere.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\x0b' | b'\x0c')
}

/// Hands over each rule of the text in order, with its first word. Stops at the first error, also at the receiver's.
pub(super) fn rules<'a>(
    text: &'a [u8],
    origin: Origin,
    mut push: impl FnMut(Rule, Word<'a>) -> Result<(), Error>,
) -> Result<(), Error> {
    // The mark that some editors put in front of UTF-8.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut rest = Word::whole(text, origin);
    loop {
        let (token, behind) = next(rest);
        rest = match token {
            Token::End(end) if end.bytes == b";" => return Err(end.error(EMPTY)),
            Token::End(end) if end.bytes.is_empty() => return Ok(()),
            Token::End(_) => behind,
            Token::Word(first) => {
                let (rule, behind) = rule(first, behind)?;
                push(rule, first)?;
                behind
            }
        };
    }
}

/// The rest of a rule, with the end that it reads up to.
fn rule<'a>(first: Word<'a>, rest: Word<'a>) -> Result<(Rule, Word<'a>), Error> {
    let side = match first.bytes {
        b"to" => Side::To,
        b"on" => Side::On,
        _ => return Err(first.error(RULE)),
    };
    let (token, mut rest) = next(rest);
    let address = match token {
        Token::Word(word) => word,
        Token::End(end) => return Err(ended(end, selector::FORMS)),
    };
    let selector = Selector::parse(address)?;
    let (origin, line, column) = (first.origin, first.line, first.column);
    let mut rule = Rule { side, selector, timeouts: [Timeout::Unset; 5], origin, line, column };
    loop {
        let (token, behind) = next(rest);
        rest = behind;
        match token {
            Token::Word(word) => deadline(word, &mut rule)?,
            Token::End(end) if rule.timeouts == [Timeout::Unset; 5] => return Err(ended(end, NO_DEADLINE)),
            Token::End(_) => return Ok((rule, rest)),
        }
    }
}

/// Something is missing in front of this end.
fn ended(end: Word<'_>, expected: &'static str) -> Error {
    Word { bytes: &[], ..end }.error(expected)
}

/// Reads one CLASS=DURATION into the rule.
fn deadline(word: Word<'_>, rule: &mut Rule) -> Result<(), Error> {
    let Some((name, value)) = word.split_once(b'=') else {
        return Err(word.error(if Class::named(word.bytes).is_some() { VALUE } else { FORM }));
    };
    let Some(class) = Class::named(name.bytes) else {
        return Err(if name.bytes.is_empty() { word } else { name }.error(CLASS));
    };
    if rule.side == Side::On && class == Class::Connect {
        return Err(name.error(ACCEPTED));
    }
    if rule.timeout(class) != Timeout::Unset {
        return Err(word.error(TWICE));
    }
    if value.bytes.is_empty() {
        return Err(word.error(VALUE));
    }
    *class.of_mut(&mut rule.timeouts) = Timeout::parse(value, class)?;
    Ok(())
}

/// The rule that a shorthand stands for; none where it is empty.
pub(super) fn shorthand(class: Class, text: &[u8]) -> Result<Option<Rule>, Error> {
    let origin = Origin::Shorthand(class);
    let blank = |byte: u8| is_space(byte) || byte == b'\n';
    let text = Word::whole(text, origin);
    let text = text.split_at(text.take_while(blank)).1;
    if text.bytes.is_empty() {
        return Ok(None);
    }
    let (word, rest) = text.split_at(text.take_while(|byte| !blank(byte)));
    let timeout = Timeout::parse(word, class)?;
    let rest = rest.split_at(rest.take_while(blank)).1;
    if !rest.bytes.is_empty() {
        let (junk, _) = rest.split_at(rest.take_while(|byte| !blank(byte)));
        return Err(junk.error(ONE));
    }
    let mut rule = Rule { origin, line: word.line, column: word.column, ..Rule::EMPTY };
    *class.of_mut(&mut rule.timeouts) = timeout;
    Ok(Some(rule))
}
