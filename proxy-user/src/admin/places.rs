//! Limits the connections of the admin address: the other descriptors are for users.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Places for connections.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    /// Notified when a connection waits for a place.
    wanted: watch::Sender<()>,
}

/// A connection's place, free again when this is dropped.
#[derive(Debug)]
pub(super) struct ConnectionPermit {
    _permit: Option<OwnedSemaphorePermit>,
    wanted: watch::Receiver<()>,
}

impl Places {
    pub(super) fn new(count: usize) -> Places {
        Places { free: Arc::new(Semaphore::new(count)), wanted: watch::Sender::new(()) }
    }

    /// Waits for a free place. Until there is one, idle connections are asked to close.
    pub(super) async fn take(&self) -> ConnectionPermit {
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => {
                self.wanted.send_replace(());
                // The semaphore is never closed.
                Arc::clone(&self.free).acquire_owned().await.ok()
            }
        };
        ConnectionPermit { _permit: permit, wanted: self.wanted.subscribe() }
    }
}

impl ConnectionPermit {
    /// Waits until another connection wants the place.
    pub(super) async fn wanted(&mut self) {
        // An error means that the process is ending.
        let _ = self.wanted.changed().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_place_is_wanted_when_all_are_taken() {
        let places = Places::new(2);
        let (mut first, second) = (places.take().await, places.take().await);
        assert!(first.wanted().now_or_never().is_none());
        let mut third = Box::pin(places.take());
        assert!(third.as_mut().now_or_never().is_none());
        first.wanted().await;
        drop(second);
        let mut third = third.await;
        assert!(third.wanted().now_or_never().is_none(), "it has just got it");
    }
}
