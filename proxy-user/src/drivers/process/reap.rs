//! Processes that became children of this one when their parents ended: where Ebbtide is process 1 of a
//! container, or a subreaper (prctl(2)) as apps have no cgroups. Somebody must wait for them, or they stay in
//! the process table for ever.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use super::table;

/// A child that has ended is waited for at once by whoever started it. What nobody has waited for in this
/// time nobody will.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits for them, for ever.
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

/// Their ids, and when they were started.
fn dead_children() -> Vec<(i32, u64)> {
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    let all = table::all().into_iter();
    all.filter(|one| one.parent == own && one.is_dead).map(|one| (one.id, one.start)).collect()
}
