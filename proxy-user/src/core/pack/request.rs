//! Judges plain requests, handshakes and server-sent events.

use super::book::{Entry, RuleBook};
use super::condition::{Candidate, MatchResult};
use super::judgement::{Class, Judgement, Opening, RequestHead, RuleIndex};
use super::matcher::Matcher;
use super::rule::{EventRule, RequestRule};
use crate::core::payload::Payload;

/// The verdict on the head of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestJudgement {
    /// The final verdict.
    Decided(Judgement),
    /// This many bytes of the body are needed, or all of a shorter one: call [`RuleBook::request_body`] with
    /// them.
    NeedsBody(usize),
}

impl RuleBook {
    /// Judges a request that is not a handshake. `recognised`: the packs recognised in the app's traffic.
    #[must_use]
    pub fn request(&self, head: &RequestHead<'_>, recognised: u64) -> RequestJudgement {
        let mut longest = 0;
        for (index, rule) in self.requests(head, recognised) {
            match &rule.body {
                Some(matcher) => longest = longest.max(matcher.needs()),
                None if longest == 0 => {
                    return RequestJudgement::Decided(by_class(rule.class, index));
                }
                // An earlier rule needs to see the body first.
                None => break,
            }
        }
        if longest == 0 {
            RequestJudgement::Decided(Judgement::Activity(None))
        } else {
            RequestJudgement::NeedsBody(longest)
        }
    }

    /// Judges a request by its head and `body`, which is `whole` or only its first bytes. If as many bytes as
    /// [`RuleBook::request`] asked for are given, and more follow, [`Judgement::Undecided`] means activity.
    #[must_use]
    pub fn request_body(
        &self,
        head: &RequestHead<'_>,
        recognised: u64,
        body: &[u8],
        whole: bool,
    ) -> Judgement {
        for (index, rule) in self.requests(head, recognised) {
            let fits =
                rule.body.as_ref().map_or(MatchResult::Yes, |matcher| test(matcher, body, whole));
            match fits {
                MatchResult::Yes => return by_class(rule.class, index),
                MatchResult::NeedMore => return Judgement::Undecided,
                MatchResult::No => {}
            }
        }
        Judgement::Activity(None)
    }

    /// Judges a WebSocket handshake. `recognised`: the packs recognised in the app's traffic, this handshake
    /// included.
    #[must_use]
    pub fn upgrade(&self, opening: &Opening<'_>, recognised: u64) -> Judgement {
        let Opening { path, query, .. } = *opening;
        let head = RequestHead { method: "GET", path, query, reopened: None };
        for person in [true, false] {
            for entry in self.applicable(recognised) {
                let found = entry.requests().find(|(_, rule)| {
                    rule.upgrade
                        && (rule.class == Class::Person) == person
                        && rule.guard.fits(&head)
                });
                if let Some((number, rule)) = found {
                    return by_class(rule.class, number);
                }
            }
        }
        if !opening.unattended {
            return Judgement::Activity(None);
        }
        let known = self.applicable_set(recognised);
        let expects = |entry: &&Entry| entry.expects(opening, entry.bit & known != 0);
        match self.packs.iter().find(expects) {
            Some(entry) => Judgement::Ignored(entry.reopened()),
            None => Judgement::Activity(None),
        }
    }

    /// The most bytes of an event's data that are needed, in the answer to a request for this path; 0 = there
    /// are no rules, so events need not be parsed.
    #[must_use]
    pub fn event_needs(&self, path: &str, recognised: u64) -> usize {
        self.events(path, recognised).map(|(_, rule)| rule.data.needs()).max().unwrap_or(0)
    }

    /// Judges a server-sent event in the answer to a request for `path`: its name (`message` if it has none)
    /// and its whole data, with lines joined by `\n`.
    #[must_use]
    pub fn event(&self, path: &str, event: &str, data: &[u8], recognised: u64) -> Judgement {
        for person in [true, false] {
            for (index, rule) in self.events(path, recognised) {
                let named = rule.event.as_ref().is_none_or(|name| **name == *event);
                if named
                    && (rule.class == Class::Person) == person
                    && test(&rule.data, data, true) == MatchResult::Yes
                {
                    return by_class(rule.class, index);
                }
            }
        }
        Judgement::Activity(None)
    }

    /// The rules that match a request's head, those of class `person` first.
    fn requests<'a>(
        &'a self,
        head: &'a RequestHead<'_>,
        recognised: u64,
    ) -> impl Iterator<Item = (RuleIndex, &'a RequestRule)> {
        let rules = move |person: bool| {
            self.applicable(recognised)
                .flat_map(Entry::requests)
                .filter(move |(_, rule)| (rule.class == Class::Person) == person && !rule.upgrade)
        };
        let timely = |rule: &RequestRule| {
            rule.reopened.is_none_or(|within| head.reopened.is_some_and(|since| since <= within))
        };
        let all = rules(true).chain(rules(false));
        all.filter(move |(_, rule)| rule.guard.fits(head) && timely(rule))
    }

    fn events(&self, path: &str, recognised: u64) -> impl Iterator<Item = (RuleIndex, &EventRule)> {
        self.applicable(recognised).flat_map(Entry::events).filter(move |(_, rule)| {
            rule.path.as_ref().is_none_or(|pattern| pattern.fits(path.as_bytes()))
        })
    }
}

/// Bodies and events have no opcode: they match both kinds.
fn test(matcher: &Matcher, bytes: &[u8], whole: bool) -> MatchResult {
    let payload = &if whole { Payload::whole(bytes) } else { Payload::head(bytes) };
    match matcher.test(&Candidate { payload, text: true }) {
        MatchResult::No => matcher.test(&Candidate { payload, text: false }),
        fits => fits,
    }
}

fn by_class(class: Class, index: RuleIndex) -> Judgement {
    match class {
        Class::Person => Judgement::Activity(Some(index)),
        _ => Judgement::Ignored(index),
    }
}
