//! One kind of traffic, and how it was judged.

use serde::{Deserialize, Serialize};

use crate::core::frame::Opcode;
use crate::core::gate::Reason;
use crate::core::history::{Key, Kind, What};
use crate::core::pack::RuleName;

/// Traffic as shown in the API and in events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TrafficView {
    /// If it counted: `input`, `output`, `request` or `upgrade`. If not: the class of the rule, such as
    /// `heartbeat`.
    pub(crate) reason: String,
    /// The rule, as `pack/id`; absent if no rule matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    /// Absent for plain requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<u64>,
    /// `text`, `binary`, `request` or `upgrade`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    /// For a message: the range of its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<(u64, u64)>,
    /// For a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) method: Option<String>,
    /// For a request or handshake: its path without the query, cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
}

impl TrafficView {
    /// Traffic of which only the reason is known.
    pub(crate) fn unknown(reason: Reason) -> TrafficView {
        let reason = reason.as_str().to_owned();
        TrafficView {
            reason,
            rule: None,
            session: None,
            kind: None,
            bytes: None,
            method: None,
            path: None,
        }
    }

    /// The view of a key. `rule`: the rule named in it.
    pub(crate) fn of(key: &Key, rule: Option<&RuleName>) -> TrafficView {
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
        TrafficView {
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
