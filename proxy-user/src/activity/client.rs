//! One activity report over HTTP.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde::Serialize;

use crate::clock;
use crate::config::Report;
use crate::control_plane::{Recipient, RecipientError};
use crate::core::report::LastUse;
use crate::error::chain;
use crate::session::App;

/// Sends reports to one control plane.
#[derive(Debug)]
pub struct Client {
    recipient: Recipient,
    report: Report,
}

/// The default body of a report.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    app: &'a str,
    last_activity: String,
    reason: &'static str,
    sessions: usize,
}

impl Client {
    /// A client for `report`; reads its token file.
    ///
    /// # Errors
    /// The token file cannot be read or used, or TLS cannot be set up.
    pub fn new(report: Report) -> Result<Client, RecipientError> {
        let recipient = Recipient::new(report.token_file.as_deref(), report.token_header.as_ref())?;
        Ok(Client { recipient, report })
    }

    /// At most one report per app in this time.
    pub fn interval(&self) -> Duration {
        self.report.interval
    }

    /// Sends one report. True if the control plane accepted it.
    pub(super) async fn send(self: Arc<Self>, app: Arc<App>, last_use: LastUse) -> bool {
        let name = &*app.name;
        let body = Body {
            app: name,
            last_activity: humantime::format_rfc3339_seconds(clock::wall(last_use.at)).to_string(),
            reason: last_use.reason,
            sessions: app.live.load(Relaxed),
        };
        let filled = match &self.report.body {
            // Strings and numbers: this cannot fail.
            None => serde_json::to_string(&body).unwrap_or_default(),
            Some(template) => {
                let Body { app, last_activity, reason, sessions } = &body;
                template.fill(app, last_activity, reason, *sessions)
            }
        };
        let (method, url) = (self.report.method.clone(), self.report.url_for(name));
        match self.recipient.send(method, &url, filled).await {
            Ok(()) => {
                tracing::debug!(
                    app = name,
                    reason = body.reason,
                    at = body.last_activity,
                    "reported"
                );
                true
            }
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(app = name, error, "the control plane did not take a report");
                false
            }
        }
    }
}
