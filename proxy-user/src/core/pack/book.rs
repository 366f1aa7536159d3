//! The rule book of an app, or of several apps with the same packs: joins the packs, numbers their rules, and
//! selects those that apply to a connection.
//!
//! The caller keeps the set of packs recognised in an app's traffic, as bits. Once in use, a book never
//! changes.

use std::sync::Arc;
use std::time::Duration;

use super::judgement::{Class, Opening, RequestHead, RuleIndex};
use super::matcher::Matcher;
use super::rule::{Advice, Answerer, EventRule, Guard, MessageRule, Pack, RequestRule, RuleName};
use super::rule_set::{CompiledRule, RuleSet};
use super::work::{ConnectionWork, WorkRule};
use crate::core::side::Direction;

/// The most packs in one book: one for each bit of the set.
pub const MAX_PACKS: usize = 64;

/// Packs joined into one book.
#[derive(Clone, Debug, Default)]
pub struct RuleBook {
    pub(super) packs: Vec<Entry>,
    /// Packs that apply without being recognised, as a set.
    always: u64,
    names: Vec<RuleName>,
    /// The message rules, pack by pack.
    compiled: Vec<CompiledRule>,
    /// For each number, the rule's index in `names`.
    places: Vec<Option<u16>>,
    /// The number of the rule for a page that no pack knows; `None` = there are no packs.
    page: Option<RuleIndex>,
}

/// A pack, its bit, and the numbers of its rules.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) pack: Arc<Pack>,
    pub(super) bit: u64,
    /// Where its message rules start among the book's compiled rules.
    first_compiled: u16,
    messages: Vec<RuleIndex>,
    requests: Vec<RuleIndex>,
    events: Vec<RuleIndex>,
    reopened: RuleIndex,
}

/// The rules for one connection.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// For messages from the client.
    pub input: RuleSet,
    /// For messages from the app.
    pub output: RuleSet,
    /// The packs that match this connection; they count as recognised for the app.
    pub packs: u64,
    /// Whether messages from the app count, according to the packs.
    pub counts_output: bool,
    /// How its heartbeats are answered.
    pub heartbeat: Option<Heartbeat>,
    /// Messages of the app that pages echo on other connections.
    pub echoed: Vec<Arc<Matcher>>,
    /// Work shown by its messages.
    pub work: Vec<ConnectionWork>,
    /// What a page sends by itself when it opens such a connection, of any class. Empty if no rule needs it.
    pub by_itself: RuleSet,
}

/// How the heartbeats of a connection are answered.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// The rule that matches the client's heartbeat.
    pub ask: RuleIndex,
    /// The rule that matches the app's answer.
    pub answer: RuleIndex,
    /// The payload of the answer.
    pub payload: Arc<[u8]>,
    /// Whether the answer is a binary message; otherwise it is text.
    pub binary: bool,
    /// Who answers.
    pub answerer: Answerer,
    /// How long the app may take to answer.
    pub timeout: Duration,
}

impl RuleBook {
    /// Joins packs (the first [`MAX_PACKS`] of them). `auto`: a pack only applies once the app's traffic was
    /// recognised by it.
    #[must_use]
    pub fn new(packs: Vec<Arc<Pack>>, auto: bool) -> RuleBook {
        RuleBook::with_pinned(packs, if auto { 0 } else { usize::MAX })
    }

    /// Joins packs. The first `pinned` of them apply without being recognised.
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
        if !book.packs.is_empty() {
            book.page = Some(book.name(&PAGE.into(), &REOPENED.into(), Class::Reconnect));
        }
        book
    }

    fn name(&mut self, pack: &Arc<str>, id: &Arc<str>, class: Class) -> RuleIndex {
        let number = index(self.names.len());
        self.names.push(RuleName { pack: pack.clone(), id: id.clone(), class });
        self.places.push(Some(number.0));
        number
    }

    fn add(&mut self, pack: Arc<Pack>, bit: u64) {
        let first_compiled = index(self.compiled.len()).0;
        let mut add = |id: &Arc<str>, class| self.name(&pack.name, id, class);
        let entry = Entry {
            first_compiled,
            messages: pack.messages.iter().map(|rule| add(&rule.id, rule.class)).collect(),
            requests: pack.requests.iter().map(|rule| add(&rule.id, rule.class)).collect(),
            events: pack.events.iter().map(|rule| add(&rule.id, rule.class)).collect(),
            reopened: add(&REOPENED.into(), Class::Reconnect),
            pack: Arc::clone(&pack),
            bit,
        };
        let numbered = pack.messages.iter().zip(&entry.messages);
        self.compiled.extend(numbered.map(|(rule, number)| CompiledRule::new(rule, *number)));
        self.packs.push(entry);
    }

    /// The book renumbered with `numbers` as by [`RuleBook::renumber`]: this one if it already has these
    /// numbers, otherwise a copy.
    #[must_use]
    pub fn numbered(self: Arc<Self>, numbers: &[RuleIndex]) -> Arc<RuleBook> {
        let has = |(place, number): (usize, &RuleIndex)| self.place(*number) == Some(place);
        if numbers.iter().enumerate().all(has) {
            return self;
        }
        let mut book = RuleBook::clone(&self);
        book.renumber(numbers);
        Arc::new(book)
    }

    /// Renumbers the rules. `numbers` has a distinct number for each of [`RuleBook::rules`], in that order.
    /// Call it before the book is used. So the successive books of an app can agree on the numbers of the
    /// rules that they share.
    pub fn renumber(&mut self, numbers: &[RuleIndex]) {
        let end = numbers.iter().map(|number| usize::from(number.0) + 1).max();
        let old = std::mem::replace(&mut self.places, vec![None; end.unwrap_or(0)]);
        for (place, number) in (0..).zip(numbers) {
            self.places[usize::from(number.0)] = Some(place);
        }
        let place = |number: RuleIndex| old.get(usize::from(number.0)).copied().flatten();
        let compiled = self.compiled.iter_mut().map(|rule| &mut rule.number);
        let packs = self.packs.iter_mut().flat_map(Entry::numbers);
        for number in packs.chain(compiled).chain(&mut self.page) {
            let new = place(*number).and_then(|place| numbers.get(usize::from(place)));
            *number = new.copied().unwrap_or(*number);
        }
    }

    /// The name of a rule; `None` for a number that this book does not use.
    #[must_use]
    pub fn rule(&self, index: RuleIndex) -> Option<&RuleName> {
        self.names.get(self.place(index)?)
    }

    fn place(&self, index: RuleIndex) -> Option<usize> {
        self.places.get(usize::from(index.0)).copied().flatten().map(usize::from)
    }

    /// The names of all rules, pack by pack.
    #[must_use]
    pub fn rules(&self) -> &[RuleName] {
        &self.names
    }

    /// The names of the packs in a set.
    pub fn pack_names(&self, set: u64) -> impl Iterator<Item = &str> {
        self.packs.iter().filter(move |entry| entry.bit & set != 0).map(|entry| &*entry.pack.name)
    }

    /// The set of the packs with these names; names unknown to the book are ignored.
    #[must_use]
    pub fn packs_named<'a>(&self, names: impl Iterator<Item = &'a str>) -> u64 {
        let bit = |name: &str| self.packs.iter().find(|entry| *entry.pack.name == *name);
        names.filter_map(bit).fold(0, |set, entry| set | entry.bit)
    }

    /// Whether there is no rule at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packs.is_empty()
    }

    /// The rule for a page that re-opens its connection by itself: that of the first of these packs, or the
    /// generic one. `None` if there are no packs, because everything counts then.
    #[must_use]
    pub fn reopened(&self, recognised: u64) -> Option<RuleIndex> {
        self.applicable(recognised).next().map(Entry::reopened).or(self.page)
    }

    /// The packs that apply to the requests of an app, given those recognised in its traffic.
    #[must_use]
    pub fn applicable_set(&self, recognised: u64) -> u64 {
        recognised | self.always
    }

    pub(super) fn applicable(&self, recognised: u64) -> impl Iterator<Item = &Entry> {
        let set = self.applicable_set(recognised);
        self.packs.iter().filter(move |entry| entry.bit & set != 0)
    }

    /// The packs that match a connection. A pack without any `[[connection]]` matches every connection if it
    /// need not be recognised, and none otherwise.
    #[must_use]
    pub fn recognise(&self, opening: &Opening<'_>) -> u64 {
        let knows = |entry: &&Entry| {
            let any = entry.for_any_connection() && self.always & entry.bit != 0;
            any || entry.pack.connections.iter().any(|guard| guard.fits(opening))
        };
        self.packs.iter().filter(knows).fold(0, |set, entry| set | entry.bit)
    }

    /// The packs recognised by a plain request.
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
        let work = self.connection_work(opening, packs);
        let asks = work.iter().any(ConnectionWork::by_asker);
        let again = Opening { unattended: true, ..*opening };
        let by_itself = asks.then(|| self.rule_set(&again, packs, Direction::Input));
        Connection {
            work,
            by_itself: by_itself.unwrap_or_default(),
            input: self.rule_set(opening, packs, Direction::Input),
            output: self.rule_set(opening, packs, Direction::Output),
            packs,
            counts_output: self.counts_output(packs),
            heartbeat: known().find_map(Entry::heartbeat),
            echoed: known()
                .flat_map(|entry| &entry.pack.echoed)
                .filter(|rule| rule.guard.fits(opening))
                .map(|rule| Arc::clone(&rule.matcher))
                .collect(),
        }
    }

    /// Whether messages from the app count on a connection matched by these packs: yes, unless one of them
    /// advises against it.
    #[must_use]
    pub fn counts_output(&self, packs: u64) -> bool {
        let against = |entry: &Entry| entry.pack.count == Some(Advice::Input);
        !self.packs.iter().any(|entry| entry.bit & packs != 0 && against(entry))
    }

    fn rule_set(&self, opening: &Opening<'_>, packs: u64, direction: Direction) -> RuleSet {
        let applies = |rule: &MessageRule| {
            let way = if direction == Direction::Input { rule.input } else { rule.output };
            way && (opening.unattended || !rule.unattended) && rule.guard.fits(opening)
        };
        let mut rules = Vec::new();
        for entry in self.packs.iter().filter(|entry| entry.bit & packs != 0) {
            let placed = entry.pack.messages.iter().zip(entry.first_compiled..);
            rules.extend(placed.filter(|(rule, _)| applies(rule)).map(|(_, place)| place));
        }
        let is_person = |&place: &u16| self.compiled(place).is_some_and(CompiledRule::person);
        let (mut ordered, others): (Vec<_>, Vec<_>) = rules.into_iter().partition(is_person);
        ordered.extend(others);
        RuleSet::new(self, ordered)
    }

    #[inline]
    pub(super) fn compiled(&self, place: u16) -> Option<&CompiledRule> {
        self.compiled.get(usize::from(place))
    }
}

/// The id of the rule, present in every pack, for a page that re-opens its lost connection by itself.
pub const REOPENED: &str = "reopened";
/// Stands for the pack of a page that no pack knows.
pub const PAGE: &str = "page";

impl Entry {
    /// Its request rules, each with its number.
    pub(super) fn requests(&self) -> impl Iterator<Item = (RuleIndex, &RequestRule)> {
        self.requests.iter().copied().zip(&self.pack.requests)
    }

    /// Its rules for server-sent events, each with its number.
    pub(super) fn events(&self) -> impl Iterator<Item = (RuleIndex, &EventRule)> {
        self.events.iter().copied().zip(&self.pack.events)
    }

    /// Its rules for work.
    pub(super) fn works(&self) -> impl Iterator<Item = &Arc<WorkRule>> {
        self.pack.works.iter()
    }

    pub(super) fn reopened(&self) -> RuleIndex {
        self.reopened
    }

    fn numbers(&mut self) -> impl Iterator<Item = &mut RuleIndex> {
        let Entry { messages, requests, events, reopened, .. } = self;
        messages.iter_mut().chain(requests).chain(events).chain([reopened])
    }

    /// Whether a handshake that the app has not answered yet is for one of the pack's connections. The app's
    /// choice of subprotocol is not known yet; if the pack was already recognised for the app (`known`), path
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
            ask: *self.messages.get(answering.ask)?,
            answer: *self.messages.get(answering.answer)?,
            payload: answering.payload.clone(),
            binary: answering.binary,
            answerer: answering.answerer,
            timeout: answering.timeout,
        })
    }
}

/// Packs are limited to far fewer rules than fit the number.
fn index(rule: usize) -> RuleIndex {
    RuleIndex(u16::try_from(rule).unwrap_or(u16::MAX))
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
