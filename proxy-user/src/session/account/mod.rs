//! An app's account: what counted, what was ignored as machinery, by which rule, and in which session.
//!
//! The pump calls it for every message. If the current 4 ms already had one, that costs a load and a compare.
//! The account keeps no payload and decides nothing: the caller has already decided what counts, and also
//! updates `App::gate`, which holds the app's newest activity.

mod newest;
mod read;
mod rule;

use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::{Mutex, MutexGuard};

use self::newest::{Due, Newest, SharedDue};
pub use self::read::Last;
use self::rule::Tally;
pub use self::rule::{MetRules, RuleCount};
use crate::config::{self, OnIdle};
use crate::core::cadence::{Cadence, Hints, Paces};
use crate::core::frame::Opcode;
use crate::core::gate::{Gate, Reason};
use crate::core::history::{History, Key, Kind, Method, Path, Size, What};
use crate::core::pack::{Judgement, RuleIndex, RuleName};
use crate::core::payload::Payload;
use crate::core::shadow::Shadow;
use crate::core::time::Nanos;
use crate::events::{Event, EventKind, Events};
use crate::session::Lost;

/// What the account needs to know about a request or handshake.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// `GET`, `POST` …
    pub method: &'a str,
    /// The path, without the query.
    pub path: &'a str,
    /// It is a WebSocket handshake.
    pub upgrade: bool,
    /// The session that it opened, if known.
    pub session: Option<u64>,
}

impl Asked<'_> {
    fn reason(&self) -> Reason {
        if self.upgrade { Reason::Upgrade } else { Reason::Request }
    }

    fn kind(&self) -> Kind {
        let path = Path::shown(self.path);
        match self.upgrade {
            true => Kind::Upgrade(path),
            false => Kind::Request(Method::named(self.method), path),
        }
    }
}

/// State that is rarely written, behind a lock.
#[derive(Debug, Default)]
struct Kept {
    history: History,
    hints: Hints,
    paces: Paces,
    recognised: Vec<Box<str>>,
    /// The newest request and the newest handshake that counted.
    asked: [Option<(Nanos, Key)>; 2],
    asked_due: [Due; 2],
}

/// The account of one app.
#[derive(Debug)]
pub struct Account {
    app: Box<str>,
    /// Indexed by the number of the rule, which is the same in every book of the app. Only grows.
    rules: ArcSwap<Vec<Arc<Tally>>>,
    /// The newest frame, request or handshake that did not count.
    uncounted: Gate,
    /// The newest request or handshake, counted or not.
    requests: Gate,
    newest_input: Newest,
    newest_output: Newest,
    event_due: SharedDue,
    loss_due: SharedDue,
    kept: Mutex<Kept>,
    shadow: Mutex<Option<Shadow>>,
    since: Nanos,
    events: Events,
}

impl Account {
    /// The account of an app that was not used before `now`, without any rules.
    #[must_use]
    pub fn new(app: &config::App, events: Events, now: Nanos) -> Account {
        let account = Account {
            app: app.name.as_str().into(),
            rules: ArcSwap::default(),
            uncounted: Gate::default(),
            requests: Gate::default(),
            newest_input: Newest::default(),
            newest_output: Newest::default(),
            event_due: SharedDue::default(),
            loss_due: SharedDue::default(),
            kept: Mutex::default(),
            shadow: Mutex::default(),
            since: now,
            events,
        };
        account.configure(app, now);
        account
    }

    /// Applies a new configuration of the app.
    pub fn configure(&self, app: &config::App, now: Nanos) {
        let mut shadow = self.shadow.lock();
        match (app.idle_after.filter(|_| app.on_idle == OnIdle::Shadow), &mut *shadow) {
            (Some(idle_after), Some(shadow)) => shadow.set_idle_after(idle_after),
            (Some(idle_after), none) => *none = Some(Shadow::new(idle_after, now)),
            (None, shadow) => *shadow = None,
        }
    }

    /// Registers the rules of a book and returns the number to use for each. A rule of the same name keeps
    /// its number from book to book, and with it its counts. Only one thread may do this at a time.
    pub fn adopt(&self, names: &[RuleName]) -> Vec<RuleIndex> {
        let mut rules = Vec::clone(&self.rules.load());
        let numbers = names.iter().map(|name| {
            let known = rules.iter().position(|rule| rule.name() == name);
            let number = known.unwrap_or_else(|| {
                rules.push(Arc::new(Tally::new(name.clone())));
                rules.len() - 1
            });
            // Packs have far fewer rules than this; only endless renaming would get here.
            RuleIndex(u16::try_from(number).unwrap_or(u16::MAX))
        });
        let numbers = numbers.collect();
        self.rules.store(Arc::new(rules));
        numbers
    }

    /// A message of a session counted as input or output (a frame, if no rule inspects messages). `rule`: the
    /// rule of class `person`; `None` = no rule matched. `len`: its length in bytes, as far as known.
    #[inline]
    pub fn counted(
        &self,
        now: Nanos,
        session: u64,
        reason: Reason,
        rule: Option<RuleIndex>,
        opcode: Opcode,
        len: u64,
    ) {
        let newest = match reason {
            Reason::Output => &self.newest_output,
            _ => &self.newest_input,
        };
        if newest.is_older(now) {
            let key = || Key {
                session: Some(session),
                what: What::Counted(reason, rule),
                kind: Kind::Message(opcode, Size::of(len)),
            };
            if newest.set(now, session, rule, opcode, Size::of(len)) {
                self.note(now, key());
            }
        }
    }

    /// A message was ignored as machinery, in either direction. `met`: the rules that its
    /// session has met.
    pub fn ignored(
        &self,
        now: Nanos,
        (session, met): (u64, &MetRules),
        rule: RuleIndex,
        (opcode, length): (Opcode, u64),
    ) {
        self.uncounted.touch(now, Reason::Input);
        let first = met.meets(rule);
        let kind = || Kind::Message(opcode, Size::of(length));
        self.note_ignored(now, Some(session), rule, first, kind);
    }

    /// Something in a session does not count, because only input does.
    #[inline]
    pub fn uncounted(&self, now: Nanos, reason: Reason) {
        self.uncounted.touch(now, reason);
    }

    /// A request or handshake counted.
    pub fn asked(&self, now: Nanos, asked: &Asked<'_>, rule: Option<RuleIndex>) {
        let what = What::Counted(asked.reason(), rule);
        self.counted_request(now, Key { session: asked.session, what, kind: asked.kind() });
    }

    /// Bytes of a request that counted, or of its answer, have moved.
    pub fn moved(&self, now: Nanos, kind: Kind) {
        let what = What::Counted(Reason::Request, None);
        self.counted_request(now, Key { session: None, what, kind });
    }

    fn counted_request(&self, now: Nanos, key: Key) {
        let upgrade = matches!(key.kind, Kind::Upgrade(_));
        self.requests.touch(now, if upgrade { Reason::Upgrade } else { Reason::Request });
        let due = {
            let at = usize::from(upgrade);
            let mut kept = self.kept();
            kept.asked[at] = Some((now, key.clone()));
            kept.asked_due[at].take(now)
        };
        if due {
            self.note(now, key);
        }
    }

    /// A request or handshake was ignored as machinery.
    pub fn asked_in_vain(&self, now: Nanos, asked: &Asked<'_>, rule: RuleIndex) {
        self.requests.touch(now, asked.reason());
        self.uncounted.touch(now, asked.reason());
        // Requests have no trace: the first in each second is published.
        self.note_ignored(now, asked.session, rule, false, || asked.kind());
    }

    /// A server-sent event passed, in the answer to a request for this path.
    pub fn event(&self, now: Nanos, path: &str, judgement: Judgement) {
        let kind = || Kind::Request(Method::named("GET"), Path::shown(path));
        match judgement {
            Judgement::Ignored(rule) => {
                self.uncounted.touch(now, Reason::Output);
                self.note_ignored(now, None, rule, false, kind);
            }
            Judgement::Activity(rule) if self.event_due.take(now) => {
                let what = What::Counted(Reason::Output, rule);
                self.note(now, Key { session: None, what, kind: kind() });
            }
            Judgement::Activity(_) | Judgement::Undecided => {}
        }
    }

    /// A pack was recognised by `packs = ["auto"]`. Call once per connection, not per message.
    pub fn recognised(&self, pack: &str) {
        let mut kept = self.kept();
        if !kept.recognised.iter().any(|known| **known == *pack) {
            kept.recognised.push(pack.into());
        }
    }

    /// A complete message from the client that no rule matches. `path`: that of its connection.
    pub fn unknown(
        &self,
        now: Nanos,
        cadence: &mut Cadence,
        (session, path): (u64, &str),
        opcode: Opcode,
        message: &Payload<'_>,
    ) {
        if let Some(hint) = cadence.feed(now, opcode, message) {
            self.kept().hints.note(now, Some(session), path, hint);
        }
    }

    /// A request of a browser counted. `body`: its whole body, if no rule matches the request and a timer may
    /// have sent it; otherwise `None`.
    pub fn paced(&self, now: Nanos, browser: u64, asked: &Asked<'_>, body: Option<&[u8]>) {
        let Kept { paces, hints, .. } = &mut *self.kept();
        let cadence = paces.of(browser);
        let Some(body) = body else { return cadence.disturb() };
        if let Some(hint) = cadence.ask(now, Method::named(asked.method), asked.path, body) {
            hints.note(now, None, asked.path, hint);
        }
    }

    /// Counts an ignored message or request, and adds it to the history if it is the first in its session or
    /// in this second.
    fn note_ignored(
        &self,
        now: Nanos,
        session: Option<u64>,
        rule: RuleIndex,
        first: bool,
        kind: impl FnOnce() -> Kind,
    ) {
        let rules = self.rules.load();
        let Some(tally) = rules.get(usize::from(rule.0)) else { return };
        if tally.count(now, session) || first {
            let key = Key { session, what: What::Ignored(rule), kind: kind() };
            if first || session.is_none() {
                self.tell_traffic(now, &key);
            }
            self.kept().history.note(now, key);
        }
    }

    fn note(&self, now: Nanos, key: Key) {
        self.tell_traffic(now, &key);
        self.kept().history.note(now, key);
    }

    /// A request or session failed because of the app, which has so many sessions left. Only one request a
    /// second is published: there may be thousands.
    pub(super) fn lost(&self, lost: Lost, sessions: usize) {
        let Lost { loss, at, session } = lost;
        if session.is_some() || self.loss_due.take(at) {
            self.tell(at, sessions, || EventKind::Loss { session, loss });
        }
    }

    fn tell_traffic(&self, now: Nanos, key: &Key) {
        self.events.tell(|| {
            let rule = self.rule_of(key.what);
            self.make_event(now, EventKind::Traffic { key: key.clone(), rule })
        });
    }

    /// Publishes an event of the app. `sessions`: how many it has left.
    pub(super) fn tell(&self, at: Nanos, sessions: usize, kind: impl FnOnce() -> EventKind) {
        self.events.tell_notice(sessions, || self.make_event(at, kind()));
    }

    fn make_event(&self, at: Nanos, kind: EventKind) -> Event {
        Event { app: self.app.clone(), at, kind }
    }

    /// The rule by which this was counted or ignored, if any.
    #[must_use]
    pub fn rule_of(&self, what: What) -> Option<RuleName> {
        let (What::Counted(_, Some(rule)) | What::Ignored(rule)) = what else { return None };
        self.rules.load().get(usize::from(rule.0)).map(|rule| rule.name().clone())
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock()
    }
}

#[cfg(test)]
mod tests;
