//! A session's registration, undone when dropped.

use std::sync::Arc;

use super::SessionHost;
use crate::session::Session;

/// Removes the session from the registry and releases its rows, even if the pump panics.
#[derive(Debug)]
pub(super) struct Registered<H: SessionHost> {
    pub(super) session: Arc<Session>,
    pub(super) host: H,
}

impl<H: SessionHost> Drop for Registered<H> {
    fn drop(&mut self) {
        self.host.registry().remove(&self.session);
        self.session.legs.iter().for_each(|(_, leg)| leg.socket.release());
        self.host.over(&self.session);
    }
}
