//! What the contract has and this version does not act on yet. The one place to shrink as it does.
//!
//! A section whose silence would be dangerous (plaintext where TLS was asked for, an app that is
//! never started) is refused. A value whose silence only leaves the default is warned about.

use super::app::{App, OnIdle};
use crate::toml_file::Table;

/// A section that is refused, with the keys it will have.
struct Section {
    key: &'static str,
    place: &'static str,
    keys: &'static [&'static str],
    fix: &'static str,
}

const TLS: Section = Section {
    key: "tls",
    place: "[tls]",
    keys: &["cert", "key"],
    fix: "remove it and let a proxy in front terminate TLS",
};

const KUBERNETES: Section = Section {
    key: "kubernetes",
    place: "[kubernetes]",
    keys: &["discover"],
    fix: "remove it and list each app as [[app]]",
};

const DRIVER: Section = Section {
    key: "driver",
    place: "[app.driver]",
    keys: &["kind", "command", "url", "token_file", "namespace", "workload"],
    fix: "remove it and start the app yourself",
};

/// Refuses the sections of the top level that are not built.
pub(super) fn document(table: &mut Table<'_>) {
    refuse(table, &TLS);
    refuse(table, &KUBERNETES);
}

/// Refuses the sections of an app that are not built, and says what becomes of an idle app.
pub(super) fn app(table: &mut Table<'_>, app: &App) {
    refuse(table, &DRIVER);
    if table.has("wake") {
        table.warning(
            "wake",
            "is understood, but this version does not act on it yet; the app is never suspended",
        );
    }
    match (app.idle_after, app.on_idle) {
        (Some(_), OnIdle::Suspend) => table.warning(
            "idle_after",
            "is understood, but this version does not act on it yet; the app is never suspended; \
             on_idle = \"shadow\" tells when it would be",
        ),
        (None, OnIdle::Shadow) if !table.has("idle_after") => {
            table.warning("on_idle", "has nothing to tell without `idle_after`");
        }
        _ => {}
    }
}

fn refuse(table: &mut Table<'_>, section: &Section) {
    let Section { key, place, keys, fix } = section;
    table.table(key, place, |inner| {
        for key in *keys {
            inner.know(key);
        }
        inner.mistake_here(format!("{place} is not built in this version; {fix}"));
    });
}
