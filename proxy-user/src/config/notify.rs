//! Sending events to a control plane: `[[notify]]`.
//!
//! Plain data: nothing here parses or checks.

use std::fmt;
use std::path::PathBuf;

use crate::toml_file::{quote_url, words};

/// One receiver.
#[derive(Clone, PartialEq, Eq)]
pub struct Notify {
    /// `http` or `https`; `{app}` in its path or query stands for the app's name.
    pub url: String,
    /// The events to send. Default: all.
    pub events: Vec<NotifyEvent>,
    /// File with the token to send. Default: none.
    pub token_file: Option<PathBuf>,
    /// The header that carries the token as it is; `None` = `Authorization: Bearer …`.
    pub token_header: Option<http::HeaderName>,
}

impl fmt::Debug for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Notify { url, events, token_file, token_header } = self;
        let mut shown = f.debug_struct("Notify");
        shown.field("url", &format_args!("{}", quote_url(url))).field("events", events);
        shown.field("token_file", token_file).field("token_header", token_header).finish()
    }
}

impl Notify {
    /// The URL for one app. App names need no percent-encoding.
    #[must_use]
    pub fn url_for(&self, app: &str) -> String {
        self.url.replace(super::value::web::APP, app)
    }
}

words! {
    /// A kind of event, as in `/api/events`.
    pub enum NotifyEvent {
        /// A session of a client that is gone or stalled was ended.
        Reap = "reap",
        /// The app was lost to a request or session.
        Loss = "loss",
        /// The app was frozen.
        Freeze = "freeze",
        /// It was thawed.
        Thaw = "thaw",
        /// It was suspended.
        Suspend = "suspend",
        /// It was woken.
        Wake = "wake",
        /// It could not start, or ended by itself.
        Failed = "failed",
    }
}
