//! `/api/events`: an event as published.

use serde::{Deserialize, Serialize};

use super::{Compared, TrafficView, time};
use crate::core::history::What;
use crate::core::work::Change;
use crate::events::{Event, EventKind, Notice};

/// An event; `event` is its name.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum EventView {
    /// Something counted.
    Activity(Told<TrafficView>),
    /// Something was ignored as machinery.
    Ignored(Told<TrafficView>),
    /// A session was ended because the peer of one leg was gone.
    Reap(Told<ReapView>),
    /// A request or session failed because of the app.
    Loss(Told<LossView>),
    /// The app is at work for somebody who need not be typing, or no longer is.
    Work(Told<WorkEventView>),
    /// The app was suspended, or would have been.
    Suspend(Told<SuspendView>),
    /// The app is running again.
    Wake(Told<WakeView>),
    /// The app could not start, or exited while in use.
    Failed(Told<FailedView>),
    /// Events were lost because this listener fell behind. This is the last event on the stream.
    Dropped {
        /// How many.
        lost: u64,
    },
}

/// What all events of an app have in common, and the rest.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told<T> {
    pub(crate) app: String,
    pub(crate) time: String,
    #[serde(flatten)]
    pub(crate) rest: T,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReapView {
    pub(crate) session: u64,
    pub(crate) leg: String,
    pub(crate) reason: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LossView {
    pub(crate) reason: String,
    /// Absent if a request or handshake failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<u64>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WorkEventView {
    /// `began` or `ended`.
    pub(crate) result: String,
    /// How long the work lasted, if it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) milliseconds: Option<u64>,
    /// The rules that detected the work in progress.
    pub(crate) rules: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SuspendView {
    /// `success`; `shadow`: it only would have been.
    pub(crate) result: String,
    #[serde(flatten)]
    pub(crate) shadow: Option<ShadowSuspendView>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ShadowSuspendView {
    pub(crate) reason: String,
    pub(crate) idle_since: String,
    #[serde(flatten)]
    pub(crate) comparison: Compared,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WakeView {
    /// How long the start took.
    pub(crate) milliseconds: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FailedView {
    /// In words.
    pub(crate) reason: String,
}

/// An event as a control plane is told of it.
#[derive(Serialize)]
struct NoticeView<'a> {
    #[serde(flatten)]
    event: EventView,
    id: &'a str,
    /// Sessions that the app had left.
    sessions: usize,
}

/// The JSON of a notice.
pub(crate) fn notice_json(notice: &Notice, id: &str) -> String {
    let view = NoticeView { event: EventView::of(&notice.event), id, sessions: notice.sessions };
    // Strings, numbers and nothing else: this cannot fail.
    serde_json::to_string(&view).unwrap_or_default()
}

impl EventView {
    /// The event as published.
    pub(crate) fn of(event: &Event) -> EventView {
        match &event.kind {
            EventKind::Traffic { key, rule } => {
                let told = Told::new(event, TrafficView::of(key, rule.as_ref()));
                match key.what {
                    What::Counted(..) => EventView::Activity(told),
                    What::Ignored(_) => EventView::Ignored(told),
                }
            }
            EventKind::Reap { session, reap } => EventView::Reap(Told::new(
                event,
                ReapView {
                    session: *session,
                    leg: reap.leg.as_str().to_owned(),
                    reason: reap.reason.to_owned(),
                },
            )),
            EventKind::Loss { session, loss } => EventView::Loss(Told::new(
                event,
                LossView { reason: loss.as_str().to_owned(), session: *session },
            )),
            EventKind::Work { change, rules } => {
                let (result, lasted) = match change {
                    Change::Began => ("began", None),
                    Change::Ended(lasted) => ("ended", Some(*lasted)),
                };
                let milliseconds =
                    lasted.map(|lasted| u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX));
                let rules = rules.iter().map(ToString::to_string).collect();
                let view = WorkEventView { result: result.to_owned(), milliseconds, rules };
                EventView::Work(Told::new(event, view))
            }
            EventKind::ShadowSuspend { idle_since, comparison } => EventView::Suspend(Told::new(
                event,
                SuspendView {
                    result: "shadow".to_owned(),
                    shadow: Some(ShadowSuspendView {
                        reason: "idle".to_owned(),
                        idle_since: time(*idle_since),
                        comparison: Compared::of(comparison, event.at),
                    }),
                },
            )),
            EventKind::Suspend => EventView::Suspend(Told::new(
                event,
                SuspendView { result: "success".to_owned(), shadow: None },
            )),
            EventKind::Wake { took } => {
                let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                EventView::Wake(Told::new(event, WakeView { milliseconds }))
            }
            EventKind::Failed { reason } => {
                EventView::Failed(Told::new(event, FailedView { reason: reason.to_string() }))
            }
        }
    }

    /// Its name, as in `event`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            EventView::Activity(_) => "activity",
            EventView::Ignored(_) => "ignored",
            EventView::Reap(_) => "reap",
            EventView::Loss(_) => "loss",
            EventView::Work(_) => "work",
            EventView::Suspend(_) => "suspend",
            EventView::Wake(_) => "wake",
            EventView::Failed(_) => "failed",
            EventView::Dropped { .. } => "dropped",
        }
    }
}

impl<T> Told<T> {
    fn new(event: &Event, rest: T) -> Told<T> {
        Told { app: event.app.to_string(), time: time(event.at), rest }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::ending::Reap;
    use crate::core::frame::Opcode;
    use crate::core::gate::Reason;
    use crate::core::history::{Key, Kind, Size};
    use crate::core::loss::Loss;
    use crate::core::pack::RuleIndex;
    use crate::core::shadow::{Comparison, Due};
    use crate::core::side::Side;
    use crate::core::time::Nanos;

    fn traffic(what: What) -> EventKind {
        let kind = Kind::Message(Opcode::Text, Size::of(9));
        EventKind::Traffic { key: Key { session: Some(7), what, kind }, rule: None }
    }

    #[test]
    fn a_notice_is_the_event_with_an_id_and_the_sessions_that_are_left() {
        let kind =
            EventKind::Reap { session: 7, reap: Reap { leg: Side::Client, reason: "stalled" } };
        let event = Event { app: "demo".into(), at: Nanos(9), kind };
        let mut told = serde_json::to_value(EventView::of(&event)).unwrap();
        told["id"] = "a-1".into();
        told["sessions"] = 2.into();
        let json = notice_json(&Notice { event: event.into(), sessions: 2 }, "a-1");
        let mut read: serde_json::Value = serde_json::from_str(&json).unwrap();
        // The wall clock is read anew for each.
        read["time"] = told["time"].clone();
        assert_eq!(read, told);
    }

    #[test]
    fn each_event_says_its_name_and_can_be_read_again() {
        let comparison = Comparison {
            counted: Nanos(9),
            opcode_only: Due::At(Nanos(9)),
            presence: Due::Never(2),
        };
        let kinds = [
            traffic(What::Counted(Reason::Input, None)),
            traffic(What::Ignored(RuleIndex(0))),
            EventKind::Reap { session: 7, reap: Reap { leg: Side::Client, reason: "stalled" } },
            EventKind::Loss { session: None, loss: Loss::Refused },
            EventKind::ShadowSuspend { idle_since: Nanos(5), comparison },
            EventKind::Suspend,
            EventKind::Wake { took: Duration::from_millis(1500) },
            EventKind::Failed { reason: "no such program".into() },
        ];
        let events = kinds.map(|kind| Event { app: "demo".into(), at: Nanos(9), kind });
        let views = events.iter().map(EventView::of).chain([EventView::Dropped { lost: 5 }]);
        let mut names = Vec::new();
        for view in views {
            let json = serde_json::to_string(&view).unwrap();
            assert_eq!(serde_json::from_str::<EventView>(&json).unwrap(), view, "{json}");
            let value: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!(value["event"], view.name(), "{json}");
            names.push(view.name());
        }
        let wanted = [
            "activity", "ignored", "reap", "loss", "suspend", "suspend", "wake", "failed",
            "dropped",
        ];
        assert_eq!(names, wanted);
    }
}
