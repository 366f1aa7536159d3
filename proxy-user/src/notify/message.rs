//! A notice as it is sent, with a unique id.

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

/// Makes messages from notices.
#[derive(Debug)]
pub(super) struct Messages {
    /// Different in each process, on any machine.
    origin: u64,
    /// How many messages were made.
    made: u64,
}

impl Messages {
    pub(super) fn new() -> Messages {
        // The standard library's hashers are seeded by random numbers.
        Messages { origin: RandomState::new().hash_one(std::process::id()), made: 0 }
    }

    /// The message for a notice; `None` = no table can ask for it.
    pub(super) fn make(&mut self, notice: &Notice) -> Option<Message> {
        let event = event(&notice.event.kind)?;
        self.made += 1;
        let id = format!("{:016x}-{}", self.origin, self.made);
        let json = notice_json(notice, &id);
        Some(Message { app: (*notice.event.app).into(), event, json })
    }
}

/// Its name in the configuration.
fn event(kind: &EventKind) -> Option<NotifyEvent> {
    match kind {
        EventKind::Reap { .. } => Some(NotifyEvent::Reap),
        EventKind::Loss { .. } => Some(NotifyEvent::Loss),
        EventKind::Suspend => Some(NotifyEvent::Suspend),
        EventKind::Wake { .. } => Some(NotifyEvent::Wake),
        EventKind::Failed { .. } => Some(NotifyEvent::Failed),
        // A control plane acts on what it receives, so it gets no events about what only would have
        // happened.
        EventKind::ShadowSuspend { .. } | EventKind::Traffic { .. } | EventKind::Work { .. } => {
            None
        }
    }
}
