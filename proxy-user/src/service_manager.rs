//! Reports the process's state to the service manager (sd_notify(3)), if there is one.

use sd_notify::NotifyState;

/// Sends these states. Without `NOTIFY_SOCKET` in the environment this does nothing.
pub fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "cannot tell the service manager");
    }
}

/// Reports that a reload has begun, with its time: systemd needs it to tell several reloads apart
/// (`Type=notify-reload`).
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "cannot tell the service manager"),
    }
}
