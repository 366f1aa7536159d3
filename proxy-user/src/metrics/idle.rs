//! What did not count, what may be automatic, and what shadow mode reports: read from the accounts.

use std::sync::Arc;

use prometheus::{Registry, Result};

use super::{counter, gauge};
use crate::core::pack::Class;
use crate::core::side::PerSide;
use crate::session::{App, Counts, Totals};

/// Adds the families to `registry`. `counts`: the totals of each app, by side.
pub(super) fn collect(
    apps: &[Arc<App>],
    counts: &[PerSide<Counts>],
    registry: &Registry,
) -> Result<()> {
    let ignored = counter(
        registry,
        "ebbtide_ignored_total",
        "Messages and requests that did not count, by the class of the rule; `output`: frames from \
         the app where only input counts",
        &["app", "reason"],
    )?;
    let hints = gauge(
        registry,
        "ebbtide_cadence_hints",
        "Kinds of steady client messages that match no rule; `ebbtide explain` shows them",
        &["app"],
    )?;
    let suspends = counter(
        registry,
        "ebbtide_suspends_total",
        "Apps suspended; `shadow`: would have been, `cancelled`: somebody came",
        &["app", "result"],
    )?;
    for (app, counts) in apps.iter().zip(counts) {
        let (name, account) = (&*app.name, &app.account);
        for (class, count) in account.ignored_by_class() {
            if class != Class::Person {
                ignored.with_label_values(&[name, class.as_str()]).inc_by(count);
            }
        }
        ignored
            .with_label_values(&[name, "output"])
            .inc_by(counts.client.uncounted + counts.app.uncounted);
        let known = i64::try_from(account.hint_count()).unwrap_or(i64::MAX);
        hints.with_label_values(&[name]).set(known);
        let results = Totals::SUSPENDS.iter().zip(app.lives.totals().suspends);
        for (result, times) in results.filter(|_| app.life.is_driven()) {
            suspends.with_label_values(&[name, result]).inc_by(times);
        }
        if let Some(times) = account.shadow(|shadow| shadow.times()) {
            suspends.with_label_values(&[name, "shadow"]).inc_by(times);
        }
    }
    Ok(())
}
