//! Reaps processes that became children of this one when their parents ended. That happens if Ebbtide is
//! process 1 of a container, or a subreaper (prctl(2)) because apps have no cgroups. If nobody waits for them, they
//! stay in the process table for ever.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::table;

/// The code that starts a child waits for it at once. Nobody else waits for a child that is still there after this
/// time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reaps them for ever.
pub(super) async fn adopted() {
    let Ok(mut ended) = signal(SignalKind::child()) else { return };
    while ended.recv().await.is_some() {
        let before = dead_children();
        if before.is_empty() {
            continue;
        }
        sleep(PATIENCE).await;
        for child in dead_children().into_iter().filter(|child| before.contains(child)) {
            // SAFETY: takes plain numbers, and a pointer that may be null.
            unsafe { libc::waitpid(child.0, std::ptr::null_mut(), libc::WNOHANG) };
        }
    }
}

/// The ids and start times of children that have ended.
fn dead_children() -> Vec<(i32, u64)> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let all = table::all().into_iter();
    all.filter(|one| one.parent == own && one.is_dead).map(|one| (one.id, one.start)).collect()
}
