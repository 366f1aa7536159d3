//! Publishes events to listeners: one bounded channel for the whole process.
//!
//! Events are not built while nobody listens. A listener that falls behind loses events and is told so; the
//! sender never waits. Notices, the events that control planes may want, have a channel of their own, so that
//! the many events about traffic cannot push them out.

mod event;
mod notices;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::broadcast;

pub use self::event::{Event, EventKind};
use self::notices::NoticeSender;
pub use self::notices::{Notice, Notices};

/// How many events a listener may be behind.
const BEHIND: usize = 1024;
/// The most listeners at a time.
const LISTENERS: usize = 16;

/// A handle for publishing events and for listening.
#[derive(Clone, Debug)]
pub struct Events(Arc<Hub>);

#[derive(Debug)]
struct Hub {
    sender: broadcast::Sender<Arc<Event>>,
    listeners: AtomicUsize,
    notices: NoticeSender,
}

/// A listener. Dropping it makes room for another.
#[derive(Debug)]
pub struct Listener {
    receiver: broadcast::Receiver<Arc<Event>>,
    hub: Arc<Hub>,
}

impl Default for Events {
    fn default() -> Events {
        let (sender, _) = broadcast::channel(BEHIND);
        let (listeners, notices) = (AtomicUsize::new(0), NoticeSender::default());
        Events(Arc::new(Hub { sender, listeners, notices }))
    }
}

impl Events {
    /// Publishes an event to all listeners; `make` is only called if there are any.
    pub fn tell(&self, make: impl FnOnce() -> Event) {
        if self.0.listeners.load(Relaxed) > 0 {
            // An error means that the last listener has just left.
            let _ = self.0.sender.send(Arc::new(make()));
        }
    }

    /// Publishes an event that a control plane may want as well. `sessions`: how many the app has left.
    pub fn tell_notice(&self, sessions: usize, make: impl FnOnce() -> Event) {
        let listened = self.0.listeners.load(Relaxed) > 0;
        let wanted = self.0.notices.are_wanted();
        if listened || wanted {
            let event = Arc::new(make());
            if wanted {
                self.0.notices.send(Notice { event: Arc::clone(&event), sessions });
            }
            if listened {
                let _ = self.0.sender.send(event);
            }
        }
    }

    /// Whether notices are to be kept for their reader from now on.
    pub fn want_notices(&self, wanted: bool) {
        self.0.notices.want(wanted);
    }

    /// The one reader of the notices; `None` if it was taken before.
    #[must_use]
    pub fn take_notices(&self) -> Option<Notices> {
        self.0.notices.subscribe()
    }

    /// Listens from now on; `None` if there are too many listeners.
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
    /// How many events were lost, if this listener fell behind.
    pub async fn next(&mut self) -> Result<Arc<Event>, u64> {
        match self.receiver.recv().await {
            Ok(event) => Ok(event),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::loss::Loss;
    use crate::core::time::Nanos;

    fn loss(session: u64) -> Event {
        let kind = EventKind::Loss { session: Some(session), loss: Loss::Reset };
        Event { app: "demo".into(), at: Nanos(1), kind }
    }

    #[tokio::test]
    async fn nothing_is_built_for_nobody() {
        let events = Events::default();
        events.tell(|| panic!("nobody listens"));
        let mut listener = events.listen().unwrap();
        events.tell(|| loss(7));
        assert_eq!(*listener.next().await.unwrap(), loss(7));
        drop(listener);
        events.tell(|| panic!("nobody listens any more"));
    }

    #[tokio::test]
    async fn traffic_pushes_no_notice_out() {
        let events = Events::default();
        let mut notices = events.take_notices().unwrap();
        assert!(events.take_notices().is_none());
        events.tell_notice(0, || panic!("nobody reads them"));
        events.want_notices(true);
        events.tell_notice(3, || loss(7));
        (0..10 * BEHIND as u64).for_each(|session| events.tell(|| loss(session)));
        events.tell_notice(2, || loss(8));
        for (session, sessions) in [(7, 3), (8, 2)] {
            let notice = notices.next().await;
            assert_eq!((&*notice.event, notice.sessions), (&loss(session), sessions));
        }
        assert!(notices.try_next().is_none());
        assert_eq!(notices.take_lost(), 0);
    }

    #[tokio::test]
    async fn who_does_not_keep_up_is_told_how_much_was_lost() {
        let events = Events::default();
        let mut listener = events.listen().unwrap();
        for session in 0..BEHIND as u64 + 5 {
            events.tell(|| loss(session));
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
