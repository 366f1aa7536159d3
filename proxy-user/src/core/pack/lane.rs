//! The rules that apply to one direction of one connection, tried in their order.
//!
//! Messages of connections without rules never come here; a message costs as much as the rules that
//! its first byte leaves.

use super::ask::{Fits, Sight};
use super::book::RuleBook;
use super::verdict::{Class, Message, RuleIndex, Verdict};
use crate::core::frame::Opcode;

/// The rules of one direction.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    /// Those of class `person` first.
    rules: Box<[RuleIndex]>,
    longest: usize,
}

impl Lane {
    /// Takes the rules in the order in which they are tried.
    pub(super) fn new(book: &RuleBook, rules: Vec<RuleIndex>) -> Lane {
        let needs = |&index: &RuleIndex| book.message(index).map_or(0, |rule| rule.asks.needs());
        let longest = rules.iter().map(needs).max().unwrap_or(0);
        Lane { rules: rules.into(), longest }
    }

    /// The most bytes of a message that must be shown; 0 = there are no rules. A message of which
    /// so many bytes were shown, of which more come, and which is still [`Verdict::Undecided`] is
    /// activity.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Judges a message or its head. What is said of a head holds for the whole.
    #[must_use]
    pub fn judge(&self, book: &RuleBook, message: &Message<'_>) -> Verdict {
        let text = message.opcode == Opcode::Text;
        let sight = Sight { bytes: message.payload, whole: message.whole, text };
        for &index in &self.rules {
            let Some(rule) = book.message(index) else { continue };
            let late = rule.within.is_some_and(|within| message.age > within);
            if late || rule.first && !message.first {
                continue;
            }
            match rule.asks.look(&sight) {
                Fits::Yes if rule.class == Class::Person => return Verdict::Activity(Some(index)),
                Fits::Yes => return Verdict::Ignored(index),
                Fits::Later => return Verdict::Undecided,
                Fits::No => {}
            }
        }
        Verdict::Activity(None)
    }
}
