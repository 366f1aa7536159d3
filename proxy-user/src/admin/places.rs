//! How many connections the admin address may have: the descriptors of all others are for users.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Places for connections.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    /// Told whenever somebody waits for a place.
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

    /// The next place that is free. Until there is one, connections that are idle are asked for theirs.
    pub(super) async fn take(&self) -> ConnectionPermit {
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => {
                self.wanted.send_replace(());
                // It is never closed.
                Arc::clone(&self.free).acquire_owned().await.ok()
            }
        };
        ConnectionPermit { _permit: permit, wanted: self.wanted.subscribe() }
    }
}

impl ConnectionPermit {
    /// Waits until somebody wants the place.
    pub(super) async fn wanted(&mut self) {
        // An error means that nobody is left to want it, and comes at the process's end.
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
