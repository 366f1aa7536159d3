//! Whether apps answer, and how they were lost.

use std::sync::Arc;

use prometheus::{Registry, Result};

use super::{counter, gauge};
use crate::session::App;

/// Adds the families to `registry`.
pub(super) fn collect(apps: &[Arc<App>], registry: &Registry) -> Result<()> {
    let up = gauge(
        registry,
        "ebbtide_app_up",
        "Whether the app answered the latest request or handshake; absent before the first",
        &["app"],
    )?;
    let lost = counter(
        registry,
        "ebbtide_app_losses_total",
        "Times that an app failed a request (refused, broken, slow) or a session (the others)",
        &["app", "reason"],
    )?;
    for app in apps {
        if let Some(answers) = app.losses.answers() {
            up.with_label_values(&[&*app.name]).set(i64::from(answers));
        }
        for (loss, count) in app.losses.counts() {
            lost.with_label_values(&[&*app.name, loss.as_str()]).inc_by(count);
        }
    }
    Ok(())
}
