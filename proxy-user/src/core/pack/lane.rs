//! The rules that apply to one direction of one connection, tried in their order.
//!
//! Messages of connections without rules never come here; a message costs as much as the rules that
//! its length and its first byte leave.

use std::sync::Arc;
use std::time::Duration;

use super::ask::{Asks, Bounds, Fits, Sight};
use super::book::RuleBook;
use super::rule::MessageRule;
use super::verdict::{Class, Message, RuleIndex, Verdict};
use crate::core::frame::Opcode;

/// The rules of one direction.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    /// Places among the book's trials. Those of class `person` first.
    rules: Box<[u16]>,
    longest: usize,
}

/// What a lane tries of a message rule.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) number: RuleIndex,
    person: bool,
    first: bool,
    /// [`Duration::MAX`] = always.
    within: Duration,
    /// Those of `asks`, close at hand.
    bounds: Bounds,
    asks: Arc<Asks>,
}

impl Trial {
    pub(super) fn new(rule: &MessageRule, number: RuleIndex) -> Trial {
        Trial {
            number,
            person: rule.class == Class::Person,
            first: rule.first,
            within: rule.within.unwrap_or(Duration::MAX),
            bounds: rule.asks.bounds(),
            asks: Arc::clone(&rule.asks),
        }
    }

    /// Knows a person.
    pub(super) fn person(&self) -> bool {
        self.person
    }
}

impl Lane {
    /// Takes the places of the rules in the order in which they are tried.
    pub(super) fn new(book: &RuleBook, rules: Vec<u16>) -> Lane {
        let needs = |&place: &u16| book.trial(place).map_or(0, |trial| trial.asks.needs());
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
        let payload = message.payload;
        let sight = Sight { payload, text: message.opcode == Opcode::Text };
        let (first, least) = (payload.seen().at(0), payload.least());
        for &place in &self.rules {
            let Some(trial) = book.trial(place) else { continue };
            if !trial.bounds.admit(first, least)
                || trial.first && !message.first
                || message.age > trial.within
            {
                continue;
            }
            match trial.asks.look_inside(&sight) {
                Fits::Yes if trial.person => return Verdict::Activity(Some(trial.number)),
                Fits::Yes => return Verdict::Ignored(trial.number),
                Fits::Later => return Verdict::Undecided,
                Fits::No => {}
            }
        }
        Verdict::Activity(None)
    }
}
