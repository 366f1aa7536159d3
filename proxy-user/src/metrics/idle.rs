//! What did not count, what might be machinery, and what the shadow says: read off the accounts.

use prometheus::{Registry, Result};

use super::{counter, gauge};
use crate::core::pack::Class;
use crate::proxy::Proxy;
use crate::session::Counts;

/// Adds the families to `registry`, given the input and output of each app.
pub(super) fn collect(
    proxy: &Proxy,
    counts: &[(Counts, Counts)],
    registry: &Registry,
) -> Result<()> {
    let ignored = counter(
        registry,
        "ebbtide_ignored_total",
        "Messages and requests taken for machinery, by the class of the rule; `output`: frames of \
         the app where only input counts",
        &["app", "reason"],
    )?;
    let hints = gauge(
        registry,
        "ebbtide_cadence_hints",
        "Kinds of steady client messages that no rule knows; `ebbtide explain` shows them",
        &["app"],
    )?;
    let suspends = counter(
        registry,
        "ebbtide_suspends_total",
        "Apps suspended; `shadow`: would have been",
        &["app", "result"],
    )?;
    for (app, (input, output)) in proxy.apps.iter().zip(counts) {
        let (name, account) = (app.config.name.as_str(), &app.account);
        for (class, count) in account.ignored_by_class() {
            if class != Class::Person {
                ignored.with_label_values(&[name, class.as_str()]).inc_by(count);
            }
        }
        ignored.with_label_values(&[name, "output"]).inc_by(input.uncounted + output.uncounted);
        let known = i64::try_from(account.hint_count()).unwrap_or(i64::MAX);
        hints.with_label_values(&[name]).set(known);
        if let Some(shadow) = account.shadow() {
            suspends.with_label_values(&[name, "shadow"]).inc_by(shadow.times());
        }
    }
    Ok(())
}
