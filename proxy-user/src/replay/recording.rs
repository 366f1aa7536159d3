//! Recordings: what a byte-level tap between a browser and its app saw, as two files of JSON lines,
//! `NAME.jsonl` for frames and `NAME.http.jsonl` for requests. Either may be missing.
//!
//! They tell what happened, and when. What it means is decided by the replay.

use http::header::HeaderMap;

use crate::core::frame::Opcode;
use crate::core::side::Direction;
use crate::core::time::Nanos;

/// What a person did during the recording, according to the prefix of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// No prefix: the page was opened and left alone.
    Idle,
    /// `act-`: a person used it.
    Person,
    /// `busy-`: a person started work and waited.
    Busy,
    /// `rc-`: left alone, and its connections were cut.
    Cut,
    /// `down-`: left alone, and the app was stopped.
    Away,
}

impl Tab {
    pub(super) fn of(name: &str) -> Tab {
        let prefixes =
            [("act-", Tab::Person), ("busy-", Tab::Busy), ("rc-", Tab::Cut), ("down-", Tab::Away)];
        let tab = |(prefix, tab): (&str, Tab)| name.starts_with(prefix).then_some(tab);
        prefixes.into_iter().find_map(tab).unwrap_or(Tab::Idle)
    }

    /// Whether a person is there.
    #[must_use]
    pub fn is_attended(self) -> bool {
        matches!(self, Tab::Person | Tab::Busy)
    }

    /// The word in tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Tab::Idle => "idle",
            Tab::Person => "person",
            Tab::Busy => "busy",
            Tab::Cut => "cut",
            Tab::Away => "app away",
        }
    }
}

/// One recording.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its name, without extensions.
    pub name: String,
    /// The kind of tab.
    pub tab: Tab,
    /// In order of time.
    pub(super) events: Vec<(Nanos, RecordedEvent)>,
}

/// What happened.
#[derive(Clone, Debug)]
pub(super) enum RecordedEvent {
    Request(Box<Request>),
    /// A connection was upgraded; its frames follow.
    Opened {
        conn: u64,
        target: String,
        agreed: HeaderMap,
    },
    Frame {
        conn: u64,
        direction: Direction,
        frame: Frame,
    },
    /// An upgraded connection has ended.
    Closed {
        conn: u64,
    },
    /// The answer to the newest request of a connection is complete.
    Answered {
        conn: u64,
        /// The whole body; `None` = not recorded.
        body: Option<Vec<u8>>,
    },
    /// Bytes of a server-sent stream.
    Stream {
        conn: u64,
        target: String,
        bytes: Vec<u8>,
    },
    /// All connections were cut, and the tap was restarted.
    Cut,
}

/// A request and what became of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) conn: u64,
    pub(super) method: String,
    pub(super) target: String,
    /// As far as recorded.
    pub(super) fields: HeaderMap,
    /// As far as recorded.
    pub(super) body: Option<Vec<u8>>,
    pub(super) status: Option<u16>,
    /// The answer's media type.
    pub(super) media: String,
    /// The header fields of a 101.
    pub(super) agreed: Option<HeaderMap>,
}

impl Request {
    pub(super) fn upgrades(&self) -> bool {
        self.agreed.is_some() || self.fields.contains_key(http::header::UPGRADE)
    }
}

/// A frame, or the joined frames of a message.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) opcode: Opcode,
    /// Length of the message, inflated; larger than `payload` if the recording was cut.
    pub(super) length: u64,
    /// Unmasked and inflated.
    pub(super) payload: Vec<u8>,
    /// It was compressed, or came in fragments that may have been.
    pub(super) compressed: bool,
    /// The compressed bytes, if recorded completely.
    pub(super) deflated: Option<Vec<u8>>,
}
