//! A pack and its rules, compiled: plain data, built by the loader and read by the rule book.

use std::sync::Arc;
use std::time::Duration;

use super::judgement::{Class, Opening, RequestHead};
use super::matcher::Matcher;
use super::pattern::Pattern;
use super::work::WorkRule;

/// The longest message, in bytes, that a rule without `max` inspects if it must see all of it.
pub const USUAL_MAX: usize = 256;
/// The largest value of `max`, in bytes.
pub const MOST_MAX: usize = 65_536;

/// The rules of one framework.
#[derive(Clone, Debug, Default)]
pub struct Pack {
    /// As written in `packs = [...]`.
    pub name: Arc<str>,
    /// Its description.
    pub about: About,
    /// Packs that come with it: those of what its framework is built on.
    pub with: Vec<Arc<str>>,
    /// It applies only where it is named, because what it matches is too common to identify a framework.
    pub named_only: bool,
    /// What it advises to count; `None` = no advice.
    pub count: Option<Advice>,
    /// The connections that its message rules apply to: any one must match. Empty = every connection.
    pub connections: Vec<Guard>,
    /// Messages that the app sends on one connection, and that pages echo on others.
    pub echoed: Vec<EchoRule>,
    /// Requests by which the framework is recognised.
    pub recognise: Vec<RequestGuard>,
    /// In the order of the file.
    pub messages: Vec<MessageRule>,
    /// In the order of the file.
    pub requests: Vec<RequestRule>,
    /// In the order of the file.
    pub events: Vec<EventRule>,
    /// In the order of the file.
    pub works: Vec<Arc<WorkRule>>,
    /// How its heartbeats are answered, if they are.
    pub heartbeat: Option<Answering>,
}

/// Prose for people; empty if the file says nothing.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// What the pack is for.
    pub about: String,
    /// Framework versions that were run or read.
    pub versions: String,
    /// The sources of its facts.
    pub source: String,
    /// `run`, `client-run` or `source`.
    pub confidence: String,
    /// What a forgotten tab does while the app is down.
    pub away: String,
    /// How to recognise a person.
    pub people: String,
}

/// Which data frames a pack advises to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Those of both sides.
    Both,
    /// Those of the client only.
    Input,
}

impl Advice {
    /// The word in pack files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Advice::Both => "both",
            Advice::Input => "input",
        }
    }
}

/// Selects connections: everything given must match.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Must match somewhere in the path.
    pub path: Option<Pattern>,
    /// Must match somewhere in the query.
    pub query: Option<Pattern>,
    /// Must match somewhere in the subprotocol; a connection without one does not match.
    pub subprotocol: Option<Pattern>,
}

impl Guard {
    /// Whether the connection matches.
    pub(super) fn fits(&self, opening: &Opening<'_>) -> bool {
        let protocol = opening.subprotocol;
        let fits = |pattern: &Pattern| protocol.is_some_and(|name| pattern.fits(name.as_bytes()));
        self.fits_place(opening) && self.subprotocol.as_ref().is_none_or(fits)
    }

    /// Whether its path and query match: all that is known before the app has chosen a subprotocol.
    pub(super) fn fits_place(&self, opening: &Opening<'_>) -> bool {
        found(&self.path, opening.path) && found(&self.query, opening.query)
    }
}

fn found(pattern: &Option<Pattern>, text: &str) -> bool {
    pattern.as_ref().is_none_or(|pattern| pattern.fits(text.as_bytes()))
}

/// Selects requests: everything given must match.
#[derive(Clone, Debug, Default)]
pub struct RequestGuard {
    /// One of these; empty = any.
    pub methods: Vec<Box<str>>,
    /// Must match somewhere in the path.
    pub path: Option<Pattern>,
    /// Must match somewhere in the query.
    pub query: Option<Pattern>,
}

impl RequestGuard {
    /// Whether the request matches.
    pub(super) fn fits(&self, head: &RequestHead<'_>) -> bool {
        let methods = &self.methods;
        (methods.is_empty() || methods.iter().any(|method| **method == *head.method))
            && found(&self.path, head.path)
            && found(&self.query, head.query)
    }
}

/// The full name of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleName {
    /// Its pack.
    pub pack: Arc<str>,
    /// Its id in the pack.
    pub id: Arc<str>,
    /// What it recognises.
    pub class: Class,
}

impl std::fmt::Display for RuleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.pack, self.id)
    }
}

/// A WebSocket message that is machinery, or certainly a person's.
#[derive(Clone, Debug)]
pub struct MessageRule {
    /// Unique in its pack.
    pub id: Arc<str>,
    /// What it recognises.
    pub class: Class,
    /// Applies to messages from the client.
    pub input: bool,
    /// Applies to messages from the app.
    pub output: bool,
    /// The connections that it applies to.
    pub guard: Guard,
    /// Only for this long after the connection was opened; `None` = always.
    pub within: Option<Duration>,
    /// Only on a connection that a page re-opened by itself.
    pub unattended: bool,
    /// Only the first message of its side on the connection.
    pub first: bool,
    /// Only for this long after the app sent something that pages echo; `None` = always.
    pub echo: Option<Duration>,
    /// Only awareness that says nothing new.
    pub unchanged: bool,
    /// The conditions on the message.
    pub matcher: Arc<Matcher>,
}

/// A message of the app that pages echo on their other connections.
#[derive(Clone, Debug)]
pub struct EchoRule {
    /// The connections that it comes on.
    pub guard: Guard,
    /// The conditions on the message.
    pub matcher: Arc<Matcher>,
}

/// A plain request or a WebSocket handshake that is machinery.
#[derive(Clone, Debug)]
pub struct RequestRule {
    /// Unique in its pack.
    pub id: Arc<str>,
    /// What it recognises.
    pub class: Class,
    /// The conditions on its head.
    pub guard: RequestGuard,
    /// For handshakes only.
    pub upgrade: bool,
    /// Only for this long after the browser restored a connection by itself; `None` = always.
    pub reopened: Option<Duration>,
    /// The conditions on the body; `None` = none.
    pub body: Option<Matcher>,
}

/// A server-sent event that is machinery.
#[derive(Clone, Debug)]
pub struct EventRule {
    /// Unique in its pack.
    pub id: Arc<str>,
    /// What it recognises.
    pub class: Class,
    /// Must match somewhere in the path of the request.
    pub path: Option<Pattern>,
    /// The event's name; `None` = any.
    pub event: Option<Box<str>>,
    /// The conditions on its data.
    pub data: Matcher,
}

/// Who answers heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answerer {
    /// The app, if it was seen to; until then the proxy.
    Auto,
    /// Always the app.
    App,
    /// Always the proxy.
    Proxy,
}

/// How a framework's heartbeats are answered.
#[derive(Clone, Debug)]
pub struct Answering {
    /// Index of the rule for the client's heartbeat among the pack's message rules.
    pub ask: usize,
    /// Index of the rule for the app's answer.
    pub answer: usize,
    /// The payload of the answer.
    pub payload: Arc<[u8]>,
    /// Whether the answer is a binary message; otherwise it is text.
    pub binary: bool,
    /// Who answers.
    pub answerer: Answerer,
    /// How long the app may take to answer.
    pub timeout: Duration,
}
