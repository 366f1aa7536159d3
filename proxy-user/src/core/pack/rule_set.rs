//! The rules for one direction of one connection, tried in order.
//!
//! Messages of connections without rules never get here. The cost of a message is that of the rules that are
//! left after checking its length and its first byte.

use std::sync::Arc;
use std::time::Duration;

use super::book::RuleBook;
use super::condition::{Candidate, MatchResult};
use super::judgement::{Class, Judgement, Message, RuleIndex};
use super::matcher::{Matcher, Prefilter};
use super::rule::MessageRule;
use crate::core::frame::Opcode;

/// The rules of one direction.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// Indices into the book's compiled rules, those of class `person` first.
    rules: Box<[u16]>,
    longest: u32,
    context_needs: ContextNeeds,
}

/// Which context the rules of a direction need.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ContextNeeds {
    /// [`Context::awareness`](super::Context).
    pub(super) awareness: bool,
    /// [`Context::echo`](super::Context).
    pub(super) echo: bool,
}

/// A message rule, prepared for matching.
#[derive(Clone, Debug)]
pub(super) struct CompiledRule {
    pub(super) number: RuleIndex,
    person: bool,
    first: bool,
    /// [`Duration::MAX`] = always.
    within: Duration,
    echo: Option<Duration>,
    unchanged: bool,
    /// Copied from `matcher`, for locality.
    prefilter: Prefilter,
    matcher: Arc<Matcher>,
}

impl CompiledRule {
    pub(super) fn new(rule: &MessageRule, number: RuleIndex) -> CompiledRule {
        CompiledRule {
            number,
            person: rule.class == Class::Person,
            first: rule.first,
            within: rule.within.unwrap_or(Duration::MAX),
            echo: rule.echo,
            unchanged: rule.unchanged,
            prefilter: rule.matcher.prefilter(),
            matcher: Arc::clone(&rule.matcher),
        }
    }

    /// Whether its class is `person`.
    pub(super) fn person(&self) -> bool {
        self.person
    }
}

impl RuleSet {
    /// Takes the indices of the rules, in the order in which they are tried.
    pub(super) fn new(book: &RuleBook, rules: Vec<u16>) -> RuleSet {
        let needs = |&place: &u16| book.compiled(place).map_or(0, |rule| rule.matcher.needs());
        let longest = rules.iter().map(needs).max().unwrap_or(0);
        let compiled = || rules.iter().filter_map(|&place| book.compiled(place));
        let context_needs = ContextNeeds {
            awareness: compiled().any(|rule| rule.unchanged),
            echo: compiled().any(|rule| rule.echo.is_some()),
        };
        // A rule that inspects whole messages has a limit far below this.
        let longest = u32::try_from(longest).unwrap_or(u32::MAX);
        RuleSet { rules: rules.into(), longest, context_needs }
    }

    pub(super) fn context_needs(&self) -> ContextNeeds {
        self.context_needs
    }

    /// The most bytes of a message that are needed; 0 = there are no rules. If this many bytes are given, and
    /// more follow, [`Judgement::Undecided`] means activity.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest as usize
    }

    /// Judges a message or its head. The verdict on a head holds for the whole message.
    #[must_use]
    pub fn judge(&self, book: &RuleBook, message: &Message<'_>) -> Judgement {
        let payload = message.payload;
        let candidate = Candidate { payload, text: message.opcode == Opcode::Text };
        let (first, least) = (payload.seen().at(0), payload.least());
        for &place in &self.rules {
            let Some(rule) = book.compiled(place) else { continue };
            if !rule.prefilter.admit(first, least)
                || rule.first && !message.first
                || message.age > rule.within
                || rule.echo.is_some_and(|within| message.context.echo.is_none_or(|e| e > within))
            {
                continue;
            }
            match rule.matcher.test_inside(&candidate) {
                MatchResult::Yes if rule.unchanged && !is_unchanged(message) => {}
                MatchResult::Yes if rule.person => return Judgement::Activity(Some(rule.number)),
                MatchResult::Yes => return Judgement::Ignored(rule.number),
                MatchResult::NeedMore => return Judgement::Undecided,
                MatchResult::No => {}
            }
        }
        Judgement::Activity(None)
    }
}

/// Only called for whole messages: such a rule has a `max`.
fn is_unchanged(message: &Message<'_>) -> bool {
    let known = message.context.awareness;
    known.is_some_and(|known| known.repeats(message.payload, message.age))
}
