//! One rule: a selector and what it wants for each class.

use core::fmt;

use super::addr::Addr;
use super::class::{Class, Origin};
use super::selector::Selector;
use super::timeout::Timeout;

/// Which end of a connection a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Side {
    /// `to`: the destination of a connect.
    To,
    /// `on`: the local address of an accepted socket.
    On,
}

/// One rule. Displayed as policy text that reads back as the same rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `to` or `on`.
    pub side: Side,
    /// Which addresses.
    pub selector: Selector,
    /// What it wants, in the order of [`Class::ALL`].
    pub timeouts: [Timeout; 5],
    /// Which text it was read from.
    pub origin: Origin,
    /// Where its first word stands, from 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl Rule {
    pub(super) const EMPTY: Rule = Rule {
        side: Side::To,
        selector: Selector::ANY,
        timeouts: [Timeout::Unset; 5],
        origin: Origin::Rules,
        line: 0,
        column: 0,
    };

    /// What it wants for this class.
    pub const fn timeout(&self, class: Class) -> Timeout {
        *class.of(&self.timeouts)
    }

    /// Does it speak of this address, on this side?
    pub fn matches(&self, side: Side, addr: &Addr<'_>) -> bool {
        self.side == side && self.selector.matches(addr)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.side {
            Side::To => "to ",
            Side::On => "on ",
        })?;
        self.selector.fmt(f)?;
        for class in Class::ALL {
            match self.timeout(class) {
                Timeout::Unset => {}
                timeout => write!(f, " {class}={timeout}")?,
            }
        }
        Ok(())
    }
}
