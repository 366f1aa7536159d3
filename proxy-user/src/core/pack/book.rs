//! The rule book of one app: its packs joined, every rule under one number, and which of them apply
//! to a connection.
//!
//! Which packs an app was recognised by is a set of bits that the caller keeps; the book itself never
//! changes.

use std::sync::Arc;
use std::time::Duration;

use super::lane::Lane;
use super::rule::{Advice, Answerer, Guard, MessageRule, Pack, RuleName};
use super::verdict::{Class, Direction, Opening, RequestHead, RuleIndex};

/// Most packs in one book: as many as the set of the recognised has bits.
pub const MAX_PACKS: usize = 64;

/// Joined packs.
#[derive(Debug, Default)]
pub struct RuleBook {
    pub(super) packs: Vec<Entry>,
    /// Packs that need not be recognised.
    always: u64,
    names: Vec<RuleName>,
    /// Per rule, its pack and its place among that pack's messages; others have none.
    messages: Vec<Option<(usize, usize)>>,
}

/// A pack with its number and the number of its first rule.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) pack: Arc<Pack>,
    pub(super) bit: u64,
    messages: usize,
    requests: usize,
    events: usize,
    reopened: usize,
}

/// The rules for one connection.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// For messages from the client.
    pub input: Lane,
    /// For messages from the app.
    pub output: Lane,
    /// The packs that know this connection; it recognises the app by them.
    pub packs: u64,
    /// Messages from the app count, as far as the packs' advice goes.
    pub counts_output: bool,
    /// How its heartbeats are answered.
    pub heartbeat: Option<Heartbeat>,
}

/// How the heartbeats of a connection are answered.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// The rule that knows the client's heartbeat.
    pub ask: RuleIndex,
    /// The rule that knows the app's answer.
    pub answer: RuleIndex,
    /// The answer itself.
    pub payload: Arc<[u8]>,
    /// The answer is a binary message, else text.
    pub binary: bool,
    /// Who answers.
    pub answerer: Answerer,
    /// How long an app that answers may take.
    pub timeout: Duration,
}

impl RuleBook {
    /// Joins packs, of which it takes the first [`MAX_PACKS`]. `auto` = a pack applies once the app
    /// was recognised by it.
    #[must_use]
    pub fn new(packs: Vec<Arc<Pack>>, auto: bool) -> RuleBook {
        RuleBook::with_pinned(packs, if auto { 0 } else { usize::MAX })
    }

    /// Joins packs of which the first `pinned` apply without being recognised.
    #[must_use]
    pub fn with_pinned(packs: Vec<Arc<Pack>>, pinned: usize) -> RuleBook {
        let mut book = RuleBook::default();
        for (place, pack) in packs.into_iter().take(MAX_PACKS).enumerate() {
            let bit = 1_u64 << place;
            if place < pinned {
                book.always |= bit;
            }
            book.add(pack, bit);
        }
        book
    }

    fn add(&mut self, pack: Arc<Pack>, bit: u64) {
        let place = self.packs.len();
        let name =
            |id: &Arc<str>, class| RuleName { pack: pack.name.clone(), id: id.clone(), class };
        let messages = self.names.len();
        self.names.extend(pack.messages.iter().map(|rule| name(&rule.id, rule.class)));
        self.messages.extend((0..pack.messages.len()).map(|rule| Some((place, rule))));
        let requests = self.names.len();
        self.names.extend(pack.requests.iter().map(|rule| name(&rule.id, rule.class)));
        let events = self.names.len();
        self.names.extend(pack.events.iter().map(|rule| name(&rule.id, rule.class)));
        let reopened = self.names.len();
        self.names.push(name(&REOPENED.into(), Class::Reconnect));
        self.messages.resize(self.names.len(), None);
        self.packs.push(Entry { pack, bit, messages, requests, events, reopened });
    }

    /// Names a rule; `None` for a number that this book did not give.
    #[must_use]
    pub fn rule(&self, index: RuleIndex) -> Option<&RuleName> {
        self.names.get(usize::from(index.0))
    }

    /// The names of all rules, in the order of their numbers.
    #[must_use]
    pub fn rules(&self) -> &[RuleName] {
        &self.names
    }

    /// The packs of a set by name.
    pub fn pack_names(&self, set: u64) -> impl Iterator<Item = &str> {
        self.packs.iter().filter(move |entry| entry.bit & set != 0).map(|entry| &*entry.pack.name)
    }

    /// Whether there is no rule at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packs.is_empty()
    }

    /// The rule by which a page that comes back by itself is known, of the first of these packs.
    #[must_use]
    pub fn reopened(&self, recognised: u64) -> Option<RuleIndex> {
        self.applicable(recognised).next().map(Entry::reopened)
    }

    /// The packs that apply to the requests of an app that was recognised by these.
    #[must_use]
    pub fn applicable_set(&self, recognised: u64) -> u64 {
        recognised | self.always
    }

    pub(super) fn applicable(&self, recognised: u64) -> impl Iterator<Item = &Entry> {
        let set = self.applicable_set(recognised);
        self.packs.iter().filter(move |entry| entry.bit & set != 0)
    }

    /// The packs that know a connection. Those without any `[[connection]]` know every one if they
    /// need not be recognised, and none if they must be.
    #[must_use]
    pub fn recognise(&self, opening: &Opening<'_>) -> u64 {
        let knows = |entry: &&Entry| {
            let any = entry.for_any_connection() && self.always & entry.bit != 0;
            any || entry.pack.connections.iter().any(|guard| guard.fits(opening))
        };
        self.packs.iter().filter(knows).fold(0, |set, entry| set | entry.bit)
    }

    /// The packs that a plain request gives away.
    #[must_use]
    pub fn recognise_request(&self, head: &RequestHead<'_>) -> u64 {
        let knows = |entry: &&Entry| entry.pack.recognise.iter().any(|guard| guard.fits(head));
        self.packs.iter().filter(knows).fold(0, |set, entry| set | entry.bit)
    }

    /// The rules for a connection that was just opened.
    #[must_use]
    pub fn connection(&self, opening: &Opening<'_>) -> Connection {
        let packs = self.recognise(opening);
        let known = || self.packs.iter().filter(|entry| entry.bit & packs != 0);
        Connection {
            input: self.lane(opening, packs, Direction::Input),
            output: self.lane(opening, packs, Direction::Output),
            packs,
            counts_output: self.counts_output(packs),
            heartbeat: known().find_map(Entry::heartbeat),
        }
    }

    /// Whether messages from the app count on a connection that these packs know: they do, unless
    /// one of them advises against it.
    #[must_use]
    pub fn counts_output(&self, packs: u64) -> bool {
        let against = |entry: &Entry| entry.pack.count == Some(Advice::Input);
        !self.packs.iter().any(|entry| entry.bit & packs != 0 && against(entry))
    }

    fn lane(&self, opening: &Opening<'_>, packs: u64, direction: Direction) -> Lane {
        let applies = |rule: &MessageRule| {
            let way = if direction == Direction::Input { rule.input } else { rule.output };
            way && (opening.unattended || !rule.unattended) && rule.guard.fits(opening)
        };
        let mut rules = Vec::new();
        for entry in self.packs.iter().filter(|entry| entry.bit & packs != 0) {
            let fit = entry.pack.messages.iter().enumerate().filter(|(_, rule)| applies(rule));
            rules.extend(fit.map(|(place, _)| index(entry.messages + place)));
        }
        let is_person = |&rule: &RuleIndex| self.class(rule) == Some(Class::Person);
        let (mut ordered, others): (Vec<_>, Vec<_>) = rules.into_iter().partition(is_person);
        ordered.extend(others);
        Lane::new(self, ordered)
    }

    pub(super) fn class(&self, rule: RuleIndex) -> Option<Class> {
        self.rule(rule).map(|name| name.class)
    }

    pub(super) fn message(&self, rule: RuleIndex) -> Option<&MessageRule> {
        let (pack, place) = (*self.messages.get(usize::from(rule.0))?)?;
        self.packs.get(pack)?.pack.messages.get(place)
    }
}

/// The id of the rule that every pack has: a page gets its lost connection back by itself.
pub const REOPENED: &str = "reopened";

impl Entry {
    pub(super) fn request(&self, place: usize) -> RuleIndex {
        index(self.requests + place)
    }

    pub(super) fn event(&self, place: usize) -> RuleIndex {
        index(self.events + place)
    }

    pub(super) fn reopened(&self) -> RuleIndex {
        index(self.reopened)
    }

    /// Whether a handshake that the app has not answered yet is for one of the pack's connections.
    /// What the app will choose is not known, so that of a pack that has `known` the app before, path
    /// and query are enough.
    pub(super) fn expects(&self, opening: &Opening<'_>, known: bool) -> bool {
        let fits = |guard: &Guard| {
            guard.fits(opening)
                || known && opening.subprotocol.is_none() && guard.fits_place(opening)
        };
        self.pack.connections.iter().any(fits) || known && self.for_any_connection()
    }

    fn for_any_connection(&self) -> bool {
        self.pack.connections.is_empty() && !self.pack.messages.is_empty()
    }

    fn heartbeat(&self) -> Option<Heartbeat> {
        let answering = self.pack.heartbeat.as_ref()?;
        Some(Heartbeat {
            ask: index(self.messages + answering.ask),
            answer: index(self.messages + answering.answer),
            payload: answering.payload.clone(),
            binary: answering.binary,
            answerer: answering.answerer,
            timeout: answering.timeout,
        })
    }
}

/// Packs are limited to far fewer rules than the number has room for.
fn index(rule: usize) -> RuleIndex {
    RuleIndex(u16::try_from(rule).unwrap_or(u16::MAX))
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
