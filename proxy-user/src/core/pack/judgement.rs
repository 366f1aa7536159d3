//! The input of the rules and their verdicts.

use std::time::Duration;

use super::awareness::Awareness;
use crate::core::frame::Opcode;
use crate::core::payload::Payload;

/// What kind of traffic a rule recognises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A person: counts, whatever later rules say.
    Person,
    /// Asks or says that the other side is still there.
    Heartbeat,
    /// Acknowledges something.
    Ack,
    /// Opens or re-opens a connection, a namespace or a subscription.
    Handshake,
    /// The app's own timer, run by the browser.
    Timer,
    /// Sent whether or not anybody is looking.
    Ambient,
    /// A request that a page repeats by itself.
    Poll,
    /// What a page does to restore its lost connection.
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

/// The number of a rule in an app's rule book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleIndex(pub u16);

/// The verdict on a message or request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It counts: a rule of class `person` matched, or no rule did.
    Activity(Option<RuleIndex>),
    /// It is ignored as machinery, by this rule.
    Ignored(RuleIndex),
    /// More of it must be seen.
    Undecided,
}

/// The handshake of a connection, as guards see it.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The request's path, without its query.
    pub path: &'a str,
    /// The query without the `?`; empty if there is none.
    pub query: &'a str,
    /// What the app chose from `Sec-WebSocket-Protocol`.
    pub subprotocol: Option<&'a str>,
    /// No navigation came before it: an open page restores its connection.
    pub unattended: bool,
}

/// A message, defragmented and inflated.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Text or binary.
    pub opcode: Opcode,
    /// The message, or the part that has arrived.
    pub payload: &'a Payload<'a>,
    /// Time since the connection was opened.
    pub age: Duration,
    /// It is the first message of its side on the connection.
    pub first: bool,
    /// What came before it.
    pub context: Context<'a>,
}

/// What came before a message, as far as rules need it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context<'a> {
    /// What clients reported about themselves on the connection.
    pub awareness: Option<&'a Awareness>,
    /// Time since the app sent something on a connection whose output pages echo on others.
    pub echo: Option<Duration>,
    /// Time since somebody requested work over plain HTTP.
    pub posted: Option<Duration>,
}

/// The head of a plain request. Handshakes are an [`Opening`].
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// `GET`, `POST` …
    pub method: &'a str,
    /// The path, without its query.
    pub path: &'a str,
    /// The query without the `?`; empty if there is none.
    pub query: &'a str,
    /// Time since the browser restored a connection by itself; `None` = not lately, or somebody has come to a
    /// page since.
    pub reopened: Option<Duration>,
}
