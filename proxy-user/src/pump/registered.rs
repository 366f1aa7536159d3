//! A session's entry in the table of those that live.

use std::sync::Arc;

use super::SessionHost;
use crate::session::Session;

/// Takes the session out of the registry and gives its rows back, even if the pump panics.
#[derive(Debug)]
pub(super) struct Registered<H: SessionHost> {
    pub(super) session: Arc<Session>,
    pub(super) host: H,
}

impl<H: SessionHost> Drop for Registered<H> {
    fn drop(&mut self) {
        self.host.registry().remove(&self.session);
        self.session.legs.iter().for_each(|(_, leg)| leg.socket.release());
    }
}
