//! Traffic as the API and the events show it.

use serde::{Deserialize, Serialize};

use crate::clock;
use crate::core::frame::Opcode;
use crate::core::gate::Reason;
use crate::core::history::{Key, Kind, What};
use crate::core::pack::RuleName;
use crate::core::shadow::{Comparison, Due};
use crate::core::time::Nanos;

/// One kind of traffic, and what it was taken for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// `input`, `output`, `request` or `upgrade` where it counted; where it did not, the class of the
    /// rule, such as `heartbeat`.
    pub reason: String,
    /// The rule, as `pack/id`; absent where no rule knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Absent for plain requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<u64>,
    /// `text`, `binary`, `request` or `upgrade`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Of a message: its fewest and most bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<(u64, u64)>,
    /// Of a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Of a request or handshake: its path without the query, cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Traffic {
    /// Something of which only the reason is known.
    #[must_use]
    pub fn unknown(reason: Reason) -> Traffic {
        let reason = reason.as_str().to_owned();
        Traffic {
            reason,
            rule: None,
            session: None,
            kind: None,
            bytes: None,
            method: None,
            path: None,
        }
    }

    /// What a key says. `rule`: the rule that it names.
    #[must_use]
    pub fn of(key: &Key, rule: Option<&RuleName>) -> Traffic {
        let reason = match key.what {
            What::Counted(reason, _) => reason.as_str(),
            What::Ignored(_) => rule.map_or("unknown", |rule| rule.class.as_str()),
        };
        let (kind, bytes, method, path) = match &key.kind {
            Kind::Message(opcode, size) => {
                let kind = if *opcode == Opcode::Binary { "binary" } else { "text" };
                (kind, Some(size.range()), None, None)
            }
            Kind::Request(method, path) => ("request", None, Some(method.as_str()), Some(path)),
            Kind::Upgrade(path) => ("upgrade", None, None, Some(path)),
        };
        Traffic {
            reason: reason.to_owned(),
            rule: rule.map(ToString::to_string),
            session: key.session,
            kind: Some(kind.to_owned()),
            bytes,
            method: method.map(str::to_owned),
            path: path.map(|path| path.as_str().to_owned()),
        }
    }
}

/// When other ways of counting would suspend an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// By opcodes alone.
    pub opcode_only: Alternative,
    /// By open connections.
    pub presence: Alternative,
}

/// When one of them would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternative {
    /// When, if nothing more comes; absent while it would not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspends_at: Option<String>,
    /// It would have been by now.
    pub suspended: bool,
    /// Sessions whose being open keeps it from that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by_sessions: Option<usize>,
}

impl Compared {
    /// What a comparison says at `now`.
    #[must_use]
    pub fn of(comparison: &Comparison, now: Nanos) -> Compared {
        let alternative = |due: Due| Alternative {
            suspended: due.is_past(now),
            suspends_at: if let Due::At(at) = due { Some(time(at)) } else { None },
            held_by_sessions: if let Due::Never(open) = due { Some(open) } else { None },
        };
        Compared {
            opcode_only: alternative(comparison.opcode_only),
            presence: alternative(comparison.presence),
        }
    }
}

/// A moment as the API writes it: RFC 3339, with milliseconds.
#[must_use]
pub fn time(at: Nanos) -> String {
    humantime::format_rfc3339_millis(clock::wall(at)).to_string()
}
