//! A pack and its rules, compiled: plain data, filled by the loader and read by the rule book.

use std::sync::Arc;
use std::time::Duration;

use super::judgement::{Class, Opening, RequestHead};
use super::matcher::Matcher;
use super::pattern::Pattern;
use super::work::WorkRule;

/// The longest message that a rule without `max` looks at in bytes, where it must see all of it.
pub const USUAL_MAX: usize = 256;
/// The longest that `max` may say in bytes.
pub const MOST_MAX: usize = 65_536;

/// The rules of one framework.
#[derive(Clone, Debug, Default)]
pub struct Pack {
    /// As written in `packs = [...]`.
    pub name: Arc<str>,
    /// What it says of itself.
    pub about: About,
    /// Packs that come along wherever it is named: what its framework is built on.
    pub with: Vec<Arc<str>>,
    /// It applies only where it is named: what it recognises is too common to tell a framework by.
    pub named_only: bool,
    /// What it advises to count; `None` = nothing.
    pub count: Option<Advice>,
    /// Connections that the message rules are for: any one is enough. Empty = every connection.
    pub connections: Vec<Guard>,
    /// What the app says on one connection, and pages echo on others.
    pub echoed: Vec<EchoRule>,
    /// Requests that give the framework away.
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

/// Prose for people, empty where the file says nothing.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// What the pack is for.
    pub about: String,
    /// Versions that were seen or read.
    pub versions: String,
    /// Where its facts are from.
    pub source: String,
    /// `run`, `client-run` or `source`.
    pub confidence: String,
    /// What a forgotten tab does while the app is away.
    pub away: String,
    /// How a person shows.
    pub people: String,
}

/// Which data frames a pack advises to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Those of both sides.
    Both,
    /// Those of the client.
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

/// Which connections something is for: all that is given must fit.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// Found in the path.
    pub path: Option<Pattern>,
    /// Found in the query.
    pub query: Option<Pattern>,
    /// Found in the subprotocol; a connection without one does not fit.
    pub subprotocol: Option<Pattern>,
}

impl Guard {
    /// Whether the connection fits.
    pub(super) fn fits(&self, opening: &Opening<'_>) -> bool {
        let protocol = opening.subprotocol;
        let fits = |pattern: &Pattern| protocol.is_some_and(|name| pattern.fits(name.as_bytes()));
        self.fits_place(opening) && self.subprotocol.as_ref().is_none_or(fits)
    }

    /// Whether its path and query fit: all there is to see before the app has chosen.
    pub(super) fn fits_place(&self, opening: &Opening<'_>) -> bool {
        found(&self.path, opening.path) && found(&self.query, opening.query)
    }
}

fn found(pattern: &Option<Pattern>, text: &str) -> bool {
    pattern.as_ref().is_none_or(|pattern| pattern.fits(text.as_bytes()))
}

/// Which requests something is for: all that is given must fit.
#[derive(Clone, Debug, Default)]
pub struct RequestGuard {
    /// One of these; empty = any.
    pub methods: Vec<Box<str>>,
    /// Found in the path.
    pub path: Option<Pattern>,
    /// Found in the query.
    pub query: Option<Pattern>,
}

impl RequestGuard {
    /// Whether the request fits.
    pub(super) fn fits(&self, head: &RequestHead<'_>) -> bool {
        let methods = &self.methods;
        (methods.is_empty() || methods.iter().any(|method| **method == *head.method))
            && found(&self.path, head.path)
            && found(&self.query, head.query)
    }
}

/// Names a rule to people.
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

/// A WebSocket message that is machinery, or surely a person's.
#[derive(Clone, Debug)]
pub struct MessageRule {
    /// Unique in its pack.
    pub id: Arc<str>,
    /// What it recognises.
    pub class: Class,
    /// For messages from the client.
    pub input: bool,
    /// For messages from the app.
    pub output: bool,
    /// The connection it came on.
    pub guard: Guard,
    /// Only this long after the connection was opened; `None` = always.
    pub within: Option<Duration>,
    /// Only on a connection that a page opened again by itself.
    pub unattended: bool,
    /// Only what its side says first on the connection.
    pub first: bool,
    /// Only this long after the app said something that pages echo; `None` = always.
    pub echo: Option<Duration>,
    /// Only awareness that tells nothing new.
    pub unchanged: bool,
    /// What is asked of the message.
    pub matcher: Arc<Matcher>,
}

/// A message of the app that pages echo on their other connections.
#[derive(Clone, Debug)]
pub struct EchoRule {
    /// The connection that it comes on.
    pub guard: Guard,
    /// What is asked of the message.
    pub matcher: Arc<Matcher>,
}

/// A plain request that is machinery, or a WebSocket handshake.
#[derive(Clone, Debug)]
pub struct RequestRule {
    /// Unique in its pack.
    pub id: Arc<str>,
    /// What it recognises.
    pub class: Class,
    /// Its head.
    pub guard: RequestGuard,
    /// For handshakes, and for nothing else.
    pub upgrade: bool,
    /// Only this long after the browser got a connection back by itself; `None` = always.
    pub reopened: Option<Duration>,
    /// What is asked of the body; `None` = nothing.
    pub body: Option<Matcher>,
}

/// A server-sent event that is machinery.
#[derive(Clone, Debug)]
pub struct EventRule {
    /// Unique in its pack.
    pub id: Arc<str>,
    /// What it recognises.
    pub class: Class,
    /// Found in the path of the request that it answers.
    pub path: Option<Pattern>,
    /// The event's name; `None` = any.
    pub event: Option<Box<str>>,
    /// What is asked of its data.
    pub data: Matcher,
}

/// Who answers heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answerer {
    /// The app, once it was seen to; the proxy until then.
    Auto,
    /// The app always.
    App,
    /// The proxy always.
    Proxy,
}

/// How a framework's heartbeats are answered.
#[derive(Clone, Debug)]
pub struct Answering {
    /// Place among the pack's messages of the client's heartbeat.
    pub ask: usize,
    /// Place among the pack's messages of the app's answer.
    pub answer: usize,
    /// The answer itself.
    pub payload: Arc<[u8]>,
    /// The answer is a binary message, else text.
    pub binary: bool,
    /// Who answers.
    pub answerer: Answerer,
    /// How long an app that answers may take.
    pub timeout: Duration,
}
