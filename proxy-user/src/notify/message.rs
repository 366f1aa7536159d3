//! A notice as it is sent, under an id that no other has.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::config::NotifyEvent;
use crate::events::{EventKind, Notice};
use crate::views::notice_json;

/// What is sent.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) app: Arc<str>,
    pub(super) event: NotifyEvent,
    pub(super) json: String,
}

/// Makes messages of notices.
#[derive(Debug)]
pub(super) struct Messages {
    /// Another one in each process, also in those of other machines.
    origin: u64,
    /// How many were made.
    made: u64,
}

impl Messages {
    pub(super) fn new() -> Messages {
        // The standard library's hashers are seeded by random numbers.
        Messages { origin: RandomState::new().hash_one(std::process::id()), made: 0 }
    }

    /// The message of a notice; `None` = nobody can ask for it.
    pub(super) fn make(&mut self, notice: &Notice) -> Option<Message> {
        let event = event(&notice.event.kind)?;
        self.made += 1;
        let id = format!("{:016x}-{}", self.origin, self.made);
        let json = notice_json(notice, &id);
        Some(Message { app: (*notice.event.app).into(), event, json })
    }
}

/// What a configuration calls it.
fn event(kind: &EventKind) -> Option<NotifyEvent> {
    match kind {
        EventKind::Reap { .. } => Some(NotifyEvent::Reap),
        EventKind::Loss { .. } => Some(NotifyEvent::Loss),
        EventKind::Suspend => Some(NotifyEvent::Suspend),
        EventKind::Wake { .. } => Some(NotifyEvent::Wake),
        EventKind::Failed { .. } => Some(NotifyEvent::Failed),
        // A control plane acts on what it is told: what only would have happened is not for it.
        EventKind::ShadowSuspend { .. } | EventKind::Traffic { .. } | EventKind::Work { .. } => {
            None
        }
    }
}
