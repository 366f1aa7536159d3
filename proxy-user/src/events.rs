//! What happens, told to whoever listens: one bounded channel for the whole process.
//!
//! Nothing is built while nobody listens. A listener that does not keep up loses events and is told
//! so; nobody ever waits for one. Payloads and addresses are never told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use serde::Serialize;
use tokio::sync::broadcast;

use crate::core::ending::Reap;
use crate::core::history::{Key, What};
use crate::core::pack::RuleName;
use crate::core::shadow::Comparison;
use crate::core::time::Nanos;
use crate::session::{Compared, Traffic, time};

/// Events that a listener may be behind.
const BEHIND: usize = 1024;
/// Listeners at a time.
const LISTENERS: usize = 16;

/// An event, ready to be sent.
#[derive(Debug)]
pub struct Told {
    /// Its name: `activity`, `ignored`, `reap` or `suspend`.
    pub name: &'static str,
    /// Whose it is.
    pub app: Box<str>,
    /// What it says, as JSON.
    pub json: String,
}

/// Where events come from and go to.
#[derive(Clone, Debug)]
pub struct Events(Arc<Hub>);

#[derive(Debug)]
struct Hub {
    sender: broadcast::Sender<Arc<Told>>,
    listeners: AtomicUsize,
}

/// One who listens; makes room for another when dropped.
#[derive(Debug)]
pub struct Listener {
    receiver: broadcast::Receiver<Arc<Told>>,
    hub: Arc<Hub>,
}

impl Default for Events {
    fn default() -> Events {
        let (sender, _) = broadcast::channel(BEHIND);
        Events(Arc::new(Hub { sender, listeners: AtomicUsize::new(0) }))
    }
}

impl Events {
    /// Tells an event to all who listen; `make` is called if there is one.
    pub fn tell(&self, make: impl FnOnce() -> Told) {
        if self.0.listeners.load(Relaxed) > 0 {
            // An error says that the last listener has just left.
            let _ = self.0.sender.send(Arc::new(make()));
        }
    }

    /// Listens from now on; `None` when too many do.
    #[must_use]
    pub fn listen(&self) -> Option<Listener> {
        let more = |listeners| (listeners < LISTENERS).then_some(listeners + 1);
        self.0.listeners.fetch_update(Relaxed, Relaxed, more).ok()?;
        Some(Listener { receiver: self.0.sender.subscribe(), hub: Arc::clone(&self.0) })
    }
}

impl Listener {
    /// The next event.
    ///
    /// # Errors
    /// How many were lost, if this listener did not keep up.
    pub async fn next(&mut self) -> Result<Arc<Told>, u64> {
        match self.receiver.recv().await {
            Ok(told) => Ok(told),
            Err(broadcast::error::RecvError::Lagged(lost)) => Err(lost),
            // The hub holds a sender for as long as we hold the hub.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.hub.listeners.fetch_sub(1, Relaxed);
    }
}

/// The members that every event has, and then its own.
#[derive(Serialize)]
struct Envelope<'a, T> {
    event: &'static str,
    app: &'a str,
    time: String,
    #[serde(flatten)]
    rest: T,
}

#[derive(Serialize)]
struct Reaped {
    session: u64,
    leg: &'static str,
    reason: &'static str,
}

#[derive(Serialize)]
struct Suspended {
    result: &'static str,
    reason: &'static str,
    idle_since: String,
    #[serde(flatten)]
    comparison: Compared,
}

impl Told {
    /// Traffic counted (`activity`) or was taken for machinery (`ignored`).
    #[must_use]
    pub fn traffic(app: &str, at: Nanos, key: &Key, rule: Option<&RuleName>) -> Told {
        let name = match key.what {
            What::Counted(..) => "activity",
            What::Ignored(_) => "ignored",
        };
        Told::new(name, app, at, Traffic::of(key, rule))
    }

    /// A session was ended because one leg's peer was gone.
    #[must_use]
    pub fn reap(app: &str, at: Nanos, session: u64, reap: Reap) -> Told {
        Told::new("reap", app, at, Reaped { session, leg: reap.leg.as_str(), reason: reap.reason })
    }

    /// An app would have been suspended, idle since `idle`.
    #[must_use]
    pub fn shadow(app: &str, at: Nanos, idle: Nanos, comparison: &Comparison) -> Told {
        let rest = Suspended {
            result: "shadow",
            reason: "idle",
            idle_since: time(idle),
            comparison: Compared::of(comparison, at),
        };
        Told::new("suspend", app, at, rest)
    }

    fn new(name: &'static str, app: &str, at: Nanos, rest: impl Serialize) -> Told {
        let envelope = Envelope { event: name, app, time: time(at), rest };
        // Strings, numbers and nothing else: this cannot fail.
        let json = serde_json::to_string(&envelope).unwrap_or_default();
        Told { name, app: app.into(), json }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::side::Side;

    fn reap(session: u64) -> Told {
        Told::reap("demo", Nanos(1), session, Reap { leg: Side::Client, reason: "stalled" })
    }

    #[tokio::test]
    async fn nothing_is_built_for_nobody() {
        let events = Events::default();
        events.tell(|| panic!("nobody listens"));
        let mut listener = events.listen().unwrap();
        events.tell(|| reap(7));
        let told = listener.next().await.unwrap();
        let json: serde_json::Value = serde_json::from_str(&told.json).unwrap();
        assert_eq!(
            (told.name, &json["session"], &json["app"]),
            ("reap", &7.into(), &"demo".into())
        );
        drop(listener);
        events.tell(|| panic!("nobody listens any more"));
    }

    #[tokio::test]
    async fn who_does_not_keep_up_is_told_how_much_was_lost() {
        let events = Events::default();
        let mut listener = events.listen().unwrap();
        for session in 0..BEHIND as u64 + 5 {
            events.tell(|| reap(session));
        }
        assert_eq!(listener.next().await.unwrap_err(), 5);
        assert!(listener.next().await.is_ok());
    }

    #[test]
    fn listeners_are_few() {
        let events = Events::default();
        let mut all: Vec<_> = (0..LISTENERS).map(|_| events.listen().unwrap()).collect();
        assert!(events.listen().is_none());
        all.pop();
        assert!(events.listen().is_some());
    }
}
