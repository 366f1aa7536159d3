//! One `[[notify]]` table: where notices are sent, and which.

use http::Method;

use crate::config::{Notify, NotifyEvent};
use crate::control_plane::{NotTold, Recipient, RecipientError};
use crate::toml_file::quote_url;

/// Sends notices to one control plane.
#[derive(Debug)]
pub struct Client {
    recipient: Recipient,
    config: Notify,
}

impl Client {
    /// A client for `config`; reads its token file.
    ///
    /// # Errors
    /// The token file cannot be read or used, or TLS cannot be set up.
    pub fn new(config: Notify) -> Result<Client, RecipientError> {
        let recipient = Recipient::new(config.token_file.as_deref(), config.token_header.as_ref())?;
        Ok(Client { recipient, config })
    }

    /// Whether it wants this event.
    pub(super) fn wants(&self, event: NotifyEvent) -> bool {
        self.config.events.contains(&event)
    }

    /// Whether both send to the same control plane.
    pub(super) fn is_same(&self, other: &Client) -> bool {
        self.config.url == other.config.url
    }

    /// Its URL without secrets, for logs.
    pub(super) fn url(&self) -> String {
        quote_url(&self.config.url)
    }

    /// Sends one notice about `app`.
    pub(super) async fn send(&self, app: &str, json: String) -> Result<(), NotTold> {
        self.recipient.send(Method::POST, &self.config.url_for(app), json).await
    }
}
