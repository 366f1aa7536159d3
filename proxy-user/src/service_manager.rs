//! Tells the service manager how far this process is (sd_notify(3)), where it wants to know.

use sd_notify::NotifyState;

/// Tells it. Without `NOTIFY_SOCKET` in the environment this does nothing.
pub fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}

/// Tells it that the configuration is read again, and since when: systemd wants to know which of several
/// reloads is answered (`Type=notify-reload`).
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot tell the service manager"),
    }
}
