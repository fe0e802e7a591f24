//! All rules together, and the question they exist for: what holds for this connection?

use super::addr::Addr;
use super::class::{Class, Origin};
use super::error::Error;
use super::parse;
use super::rule::{Rule, Side};
use super::timeout::Timeout;
use super::word::Word;

/// Every rule, in the order of precedence. About 80 KiB, all zeroes when new: keep it in a static, where it costs nothing
/// until a rule is written.
#[derive(Clone, Debug)]
pub struct Policy {
    rules: [Rule; Policy::MAX],
    len: u8,
}

/// Which rule decides each class of one connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The number of a rule from 1, in the order of [`Class::ALL`]; 0: no deadline.
    pub rule: [u8; 5],
}

impl Decision {
    /// No class has a deadline.
    pub const NONE: Decision = Decision { rule: [0; 5] };

    /// Is there no deadline at all?
    pub fn is_none(&self) -> bool {
        *self == Decision::NONE
    }

    /// The number of the rule that decides this class; 0: none.
    pub const fn of(&self, class: Class) -> u8 {
        *class.of(&self.rule)
    }
}

const FULL: &str = "at most 255 rules in all";

impl Policy {
    /// The most rules there can be: a rule's number fits a byte.
    pub const MAX: usize = 255;

    /// No rules.
    pub const fn new() -> Policy {
        Policy { rules: [Rule::EMPTY; Policy::MAX], len: 0 }
    }

    /// Adds the rules of a text after those that are there: call it for `NETDEADLINE_RULES`, then for the file. A text with an
    /// error adds nothing. A text of nothing but space and comments has no rules and no error.
    pub fn parse(&mut self, text: &[u8], origin: Origin) -> Result<(), Error> {
        let kept = self.len;
        let result = parse::rules(text, origin, |rule, word| self.push(rule, word));
        if result.is_err() {
            self.len = kept;
        }
        result
    }

    /// Adds the rule `to *` with one class, after all texts. `text` is what would stand behind the `=`; an empty one is as good
    /// as a variable that is not set.
    pub fn parse_shorthand(&mut self, class: Class, text: &[u8]) -> Result<(), Error> {
        match parse::shorthand(class, text)? {
            Some(rule) => self.push(rule, Word::whole(text, rule.origin)),
            None => Ok(()),
        }
    }

    fn push(&mut self, rule: Rule, word: Word<'_>) -> Result<(), Error> {
        let Some(place) = self.rules.get_mut(usize::from(self.len)) else { return Err(word.error(FULL)) };
        *place = rule;
        self.len = self.len.wrapping_add(1);
        Ok(())
    }

    /// What holds for a connection to this address.
    pub fn destination(&self, addr: &Addr<'_>) -> Decision {
        self.decide(Side::To, addr)
    }

    /// What holds for a socket that was accepted on this local address.
    pub fn accepted(&self, local: &Addr<'_>) -> Decision {
        self.decide(Side::On, local)
    }

    /// An `off` decides, and what it decides is that there is no deadline.
    fn decide(&self, side: Side, addr: &Addr<'_>) -> Decision {
        let mut rule = self.deciding(side, addr);
        for (number, class) in rule.iter_mut().zip(Class::ALL) {
            if self.rule(*number).is_some_and(|rule| rule.timeout(class) == Timeout::Off) {
                *number = 0;
            }
        }
        Decision { rule }
    }

    /// The first matching rule that names each class, `off` or not; 0: none names it. To explain a decision.
    pub fn deciding(&self, side: Side, addr: &Addr<'_>) -> [u8; 5] {
        let mut deciding = [0; 5];
        for (number, rule) in (1..=u8::MAX).zip(self.rules()) {
            if !rule.matches(side, addr) {
                continue;
            }
            for (decided, timeout) in deciding.iter_mut().zip(&rule.timeouts) {
                if *decided == 0 && *timeout != Timeout::Unset {
                    *decided = number;
                }
            }
        }
        deciding
    }

    /// A rule by its number, from 1.
    pub fn rule(&self, number: u8) -> Option<&Rule> {
        self.rules().get(usize::from(number).checked_sub(1)?)
    }

    /// All rules in order; the first has number 1.
    pub fn rules(&self) -> &[Rule] {
        self.rules.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// What a decision wants for a class.
    pub fn timeout(&self, decision: &Decision, class: Class) -> Timeout {
        self.rule(decision.of(class)).map_or(Timeout::Unset, |rule| rule.timeout(class))
    }

    /// Are there no rules?
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Does any rule speak of destinations?
    pub fn any_to(&self) -> bool {
        self.rules().iter().any(|rule| rule.side == Side::To)
    }

    /// Does any rule speak of accepted sockets?
    pub fn any_on(&self) -> bool {
        self.rules().iter().any(|rule| rule.side == Side::On)
    }

    /// Does any rule name a unix path? If not, unix sockets need not be looked at.
    pub fn names_unix(&self) -> bool {
        self.rules().iter().any(|rule| rule.selector.is_unix())
    }
}

impl Default for Policy {
    fn default() -> Policy {
        Policy::new()
    }
}
