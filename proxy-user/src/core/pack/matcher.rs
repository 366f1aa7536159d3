//! All that a rule asks of one message, of each of its records, or of a request's body.

use super::condition::{self, Candidate, Condition, MatchResult, MessageKinds, Part, Records};
use super::first_bytes::FirstBytes;
use crate::core::payload::{Masked, Payload};

/// Conditions of which all must hold; without any, everything of these kinds fits.
#[derive(Clone, Debug)]
pub struct AllOf {
    kinds: MessageKinds,
    conditions: Box<[Condition]>,
}

impl AllOf {
    /// What holds for messages of these kinds that are as all of the conditions ask.
    #[must_use]
    pub fn new(kinds: MessageKinds, mut conditions: Vec<Condition>) -> AllOf {
        conditions.sort_by_key(Condition::cost);
        AllOf { kinds, conditions: conditions.into() }
    }

    /// The whole text must be seen to answer.
    fn needs_all(&self) -> bool {
        self.conditions.iter().any(|condition| condition.head().is_none())
    }

    /// The length of what fits, where that is fixed.
    fn length(&self) -> Option<usize> {
        self.conditions.iter().find_map(Condition::length)
    }

    /// The bytes that must be seen to answer, where not all must be.
    fn head(&self) -> usize {
        self.conditions.iter().filter_map(Condition::head).max().unwrap_or(0)
    }

    /// The bytes that what fits can start with, if it is not empty.
    fn first_bytes(&self) -> FirstBytes {
        let each = self.conditions.iter().map(Condition::first_bytes);
        each.fold(FirstBytes::ANY, FirstBytes::and)
    }

    /// Whether Jupyter's binary message is as all of them ask, of which only JSON is asked.
    fn fits_parts(&self, message: &[u8]) -> bool {
        let message = Masked::new(message, None);
        let part = |name: &str| match condition::jupyter_part(&message, name) {
            Part::Is(part) => part.bare(),
            _ => None,
        };
        self.conditions.iter().all(|condition| match condition {
            Condition::Json(object) => object.fits_parts(condition::jupyter_parts(), part),
            _ => false,
        })
    }

    #[inline]
    fn test(&self, candidate: &Candidate<'_>) -> MatchResult {
        let Candidate { payload, text } = *candidate;
        if !(if text { self.kinds.text } else { self.kinds.binary }) {
            return MatchResult::No;
        }
        let mut result = MatchResult::Yes;
        for condition in &self.conditions {
            match condition.test(payload) {
                MatchResult::Yes => {}
                MatchResult::No => return MatchResult::No,
                MatchResult::NeedMore => result = MatchResult::NeedMore,
            }
        }
        result
    }
}

/// All that a rule asks of one message or body.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// Asked of the message, or of each of its records.
    all: AllOf,
    /// And one of these; empty = nothing more.
    any: Box<[AllOf]>,
    records: Option<Records>,
    /// The longest that fits in bytes; `None` = any length.
    longest: Option<usize>,
    /// The most bytes that must be seen.
    needs: usize,
    prefilter: Prefilter,
}

/// What refuses most messages before anything else is asked of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prefilter {
    /// The longest that fits in bytes.
    longest: u64,
    /// What its first byte can be.
    first_bytes: FirstBytes,
}

impl Prefilter {
    /// Whether a message that starts with `first`, if anything of it has come, and has at least
    /// `least` bytes may fit.
    #[inline]
    pub(super) fn admit(&self, first: Option<u8>, least: u64) -> bool {
        least <= self.longest && first.is_none_or(|first| self.first_bytes.has(first))
    }
}

impl Matcher {
    /// What `all` asks and one of `any`, of each of the `records` where it is split. `max` is the
    /// longest message that fits, in bytes; `None` = `otherwise` where the whole message must be
    /// seen, else any length.
    #[must_use]
    pub fn new(
        all: AllOf,
        any: Vec<AllOf>,
        records: Option<Records>,
        max: Option<usize>,
        otherwise: usize,
    ) -> Matcher {
        let parts = || std::iter::once(&all).chain(&any);
        let exact = if any.is_empty() {
            all.length()
        } else {
            let lengths = any.iter().map(|one| one.length().or(all.length()));
            lengths.reduce(|one, other| Some(one?.max(other?))).flatten()
        };
        let needs_all = records.is_some() || parts().any(AllOf::needs_all);
        let head = parts().map(AllOf::head).max().unwrap_or(0);
        let longest = match (max, exact) {
            (max, Some(exact)) if records.is_none() => {
                Some(max.map_or(exact, |max| max.min(exact)))
            }
            (Some(max), _) => Some(max),
            (None, _) => needs_all.then_some(otherwise.max(head)),
        };
        // At least one byte: none would say that there is nothing to ask.
        let needs = longest.unwrap_or(head).max(1);
        let within = records.is_some_and(Records::is_part);
        let first_bytes = match records {
            Some(_) => FirstBytes::ANY,
            None if any.is_empty() => all.first_bytes(),
            None => any
                .iter()
                .map(AllOf::first_bytes)
                .fold(FirstBytes::NONE, FirstBytes::or)
                .and(all.first_bytes()),
        };
        // Of a message in parts only one must be short.
        let most = longest.filter(|_| !within).map_or(u64::MAX, |longest| longest as u64);
        let prefilter = Prefilter { longest: most, first_bytes };
        Matcher { all, any: any.into(), records, longest, needs, prefilter }
    }

    /// The most bytes of a message that must be seen to answer: of one that is longer, `NeedMore` after
    /// so many bytes is `No` after one more.
    #[must_use]
    pub fn needs(&self) -> usize {
        self.needs
    }

    /// How a message is split.
    pub(super) fn records(&self) -> Option<Records> {
        self.records
    }

    /// Tests a message or its first bytes.
    #[must_use]
    pub fn test(&self, candidate: &Candidate<'_>) -> MatchResult {
        let payload = candidate.payload;
        if self.prefilter.admit(payload.seen().at(0), payload.least()) {
            self.test_inside(candidate)
        } else {
            MatchResult::No
        }
    }

    pub(super) fn prefilter(&self) -> Prefilter {
        self.prefilter
    }

    /// Tests what [`Prefilter::admit`] has let in.
    pub(super) fn test_inside(&self, candidate: &Candidate<'_>) -> MatchResult {
        let Candidate { payload, text } = *candidate;
        match self.records {
            // Decided from its head, so that only this must be short.
            Some(way) if way.is_part() => match condition::part(payload.seen(), way) {
                Part::Is(part) => {
                    let part = Payload::new(part, 0, true).with_scratch(payload.scratch());
                    let result = self.one(&Candidate { payload: &part, text });
                    part.give_back();
                    result
                }
                Part::Needs(end) if !payload.is_whole() && end <= self.needs => {
                    MatchResult::NeedMore
                }
                _ => MatchResult::No,
            },
            Some(_) if !payload.is_whole() => MatchResult::NeedMore,
            Some(Records::JupyterMessage) if text => self.one(candidate),
            Some(Records::JupyterMessage) => {
                let parts = |all: &AllOf| all.fits_parts(payload.plain());
                let any = self.any.is_empty() || self.any.iter().any(parts);
                (any && parts(&self.all)).into()
            }
            Some(records) => {
                let fits = |bytes: &[u8]| {
                    self.one(&Candidate { payload: &Payload::whole(bytes), text })
                        == MatchResult::Yes
                };
                records.all(payload.plain(), fits).into()
            }
            // A longer message may follow this head.
            None => match self.one(candidate) {
                MatchResult::Yes if !payload.is_whole() && self.longest.is_some() => {
                    MatchResult::NeedMore
                }
                fits => fits,
            },
        }
    }

    fn one(&self, candidate: &Candidate<'_>) -> MatchResult {
        let all = self.all.test(candidate);
        if all == MatchResult::No || self.any.is_empty() {
            return all;
        }
        let mut any = MatchResult::No;
        for one in &self.any {
            match one.test(candidate) {
                MatchResult::Yes => return all,
                MatchResult::NeedMore => any = MatchResult::NeedMore,
                MatchResult::No => {}
            }
        }
        any
    }
}

#[cfg(test)]
#[path = "matcher_tests.rs"]
mod tests;
