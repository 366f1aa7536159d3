//! What is shown to the rules, and what they say of it.

use std::time::Duration;

use super::awareness::Awareness;
use crate::core::frame::Opcode;
use crate::core::payload::Payload;

/// What kind of traffic a rule recognises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A person: counts, whatever the rules behind it say.
    Person,
    /// Matcher or says that the other side is still there.
    Heartbeat,
    /// Says that something arrived.
    Ack,
    /// Opens or re-opens a connection, a namespace or a subscription.
    Handshake,
    /// The app's own timer, run by the browser.
    Timer,
    /// Sent whether or not anybody looks.
    Ambient,
    /// A request that a page repeats by itself.
    Poll,
    /// What a page does to get its lost connection back.
    Reconnect,
}

impl Class {
    /// All of them.
    pub const ALL: [Class; 8] = [
        Class::Person,
        Class::Heartbeat,
        Class::Ack,
        Class::Handshake,
        Class::Timer,
        Class::Ambient,
        Class::Poll,
        Class::Reconnect,
    ];

    /// The word in pack files, metrics and explanations.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Person => "person",
            Class::Heartbeat => "heartbeat",
            Class::Ack => "ack",
            Class::Handshake => "handshake",
            Class::Timer => "timer",
            Class::Ambient => "ambient",
            Class::Poll => "poll",
            Class::Reconnect => "reconnect",
        }
    }
}

/// Names one rule of an app's rule book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleIndex(pub u16);

/// What the rules say of a message or request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It counts: a rule of class `person` says so, or no rule knows it.
    Activity(Option<RuleIndex>),
    /// It is machinery, by this rule.
    Ignored(RuleIndex),
    /// More of it must be seen.
    Undecided,
}

/// The opening handshake of a connection, as its rules' guards see it.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The request's path, without its query.
    pub path: &'a str,
    /// Its query without the `?`; empty where there is none.
    pub query: &'a str,
    /// What the app chose from `Sec-WebSocket-Protocol`.
    pub subprotocol: Option<&'a str>,
    /// No navigation came before it: a page that was open gets its connection back.
    pub unattended: bool,
}

/// A message, joined and inflated.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Text or binary.
    pub opcode: Opcode,
    /// The message, or what has come of it.
    pub payload: &'a Payload<'a>,
    /// Time since its connection was opened.
    pub age: Duration,
    /// No message of its side came before it on its connection.
    pub first: bool,
    /// What was before it.
    pub context: Context<'a>,
}

/// What was before a message, as far as rules ask for it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// What clients said of themselves on its connection.
    pub awareness: Option<&'a Awareness>,
    /// Time since the app said something on a connection whose output pages echo on others.
    pub echo: Option<Duration>,
    /// Time since somebody asked for work by a request.
    pub posted: Option<Duration>,
}

/// A plain request's head. Upgrades are an [`Opening`].
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// `GET`, `POST` …
    pub method: &'a str,
    /// The path, without its query.
    pub path: &'a str,
    /// The query without the `?`; empty where there is none.
    pub query: &'a str,
    /// Time since its browser got a connection back by itself; `None` = not lately, or somebody has
    /// come to a page since.
    pub reopened: Option<Duration>,
}
