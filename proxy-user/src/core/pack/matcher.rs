//! All conditions of a rule: on one message, on each of its records, or on a request body.

use super::condition::{self, Candidate, Condition, MatchResult, MessageKinds, Part, Records};
use super::first_bytes::FirstBytes;
use crate::core::payload::{Masked, Payload};

/// Conditions that must all hold. Without any, every message of these kinds matches.
#[derive(Clone, Debug)]
pub struct AllOf {
    kinds: MessageKinds,
    conditions: Box<[Condition]>,
}

impl AllOf {
    /// Matches messages of these kinds that meet all conditions.
    #[must_use]
    pub fn new(kinds: MessageKinds, mut conditions: Vec<Condition>) -> AllOf {
        conditions.sort_by_key(Condition::cost);
        AllOf { kinds, conditions: conditions.into() }
    }

    /// Whether the whole text is needed to decide.
    fn needs_all(&self) -> bool {
        self.conditions.iter().any(|condition| condition.head().is_none())
    }

    /// The length of a matching text, if fixed.
    fn length(&self) -> Option<usize> {
        self.conditions.iter().find_map(Condition::length)
    }

    /// How many bytes are needed to decide, if not all are.
    fn head(&self) -> usize {
        self.conditions.iter().filter_map(Condition::head).max().unwrap_or(0)
    }

    /// The possible first bytes of a non-empty matching text.
    fn first_bytes(&self) -> FirstBytes {
        let each = self.conditions.iter().map(Condition::first_bytes);
        each.fold(FirstBytes::ANY, FirstBytes::and)
    }

    /// Whether Jupyter's binary message meets all conditions, which are all JSON.
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

/// All conditions of a rule on a message or body.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// Conditions on the message, or on each of its records.
    all: AllOf,
    /// And one of these must hold; empty = no more conditions.
    any: Box<[AllOf]>,
    records: Option<Records>,
    /// The longest matching text in bytes; `None` = any length.
    longest: Option<usize>,
    /// The most bytes that are needed to decide.
    needs: usize,
    prefilter: Prefilter,
}

/// A cheap test that rules out most messages first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prefilter {
    /// The longest matching message in bytes.
    longest: u64,
    /// The possible first bytes.
    first_bytes: FirstBytes,
}

impl Prefilter {
    /// Admits no message that has a first byte.
    pub(super) const NONE: Prefilter = Prefilter { longest: 0, first_bytes: FirstBytes::NONE };

    /// Admits what either of them admits.
    pub(super) fn or(self, other: Prefilter) -> Prefilter {
        Prefilter {
            longest: self.longest.max(other.longest),
            first_bytes: self.first_bytes.or(other.first_bytes),
        }
    }

    /// Whether a message of at least `least` bytes may match; `first`: its first byte, if it has arrived.
    #[inline]
    pub(super) fn admit(&self, first: Option<u8>, least: u64) -> bool {
        least <= self.longest && first.is_none_or(|first| self.first_bytes.has(first))
    }
}

impl Matcher {
    /// `all` and one of `any` must hold, for each record if the message is split into `records`. `max`: the
    /// longest matching message in bytes; `None` = `otherwise` if the whole message is needed, else any
    /// length.
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
        // At least one byte, because zero would mean that there are no rules.
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
        // For a message in parts, only one part must be short.
        let most = longest.filter(|_| !within).map_or(u64::MAX, |longest| longest as u64);
        let prefilter = Prefilter { longest: most, first_bytes };
        Matcher { all, any: any.into(), records, longest, needs, prefilter }
    }

    /// The most bytes of a message that are needed to decide. For a longer message, `NeedMore` after this
    /// many bytes means `No` after one more.
    #[must_use]
    pub fn needs(&self) -> usize {
        self.needs
    }

    /// How a message is split into records.
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

    /// Tests a message that [`Prefilter::admit`] did not rule out.
    pub(super) fn test_inside(&self, candidate: &Candidate<'_>) -> MatchResult {
        let Candidate { payload, text } = *candidate;
        match self.records {
            // Decided by its head, so only that must be short.
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
