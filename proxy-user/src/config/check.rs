//! Checks between values: an unprotected admin address, names and routes claimed twice.
//!
//! Single values have been checked before. Those with mistakes are skipped here, so that one slip gives one
//! message.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::app::{App, OnIdle};
use super::driver::Driver;
use super::model::Config;
use crate::core::listening::overlap;
use crate::toml_file::Table;

/// An app as read, with the lines that messages about it point at.
pub(super) struct Draft {
    pub(super) app: App,
    /// `None` if the name is missing or wrong.
    pub(super) name_line: Option<usize>,
    /// `None` if the upstream is missing or wrong.
    pub(super) upstream_line: Option<usize>,
    /// The line of `hosts`, else `path`, else the app; `None` if one of them is wrong.
    pub(super) claim_line: Option<usize>,
}

/// Checks `listen` and `admin` against each other and the token.
pub(super) fn addresses(table: &mut Table<'_>, config: &Config) {
    if config.listen.is_empty() {
        let line = table.line_of("listen");
        let fix = "write one, such as \"127.0.0.1:8080\", or leave `listen` out";
        table.mistake(line, format!("`listen` has no address; {fix}"));
    }
    for (index, address) in config.listen.iter().enumerate() {
        let before = &config.listen[..index];
        if let Some(other) = before.iter().find(|other| overlap(*address, **other)) {
            let line = table.line_of("listen");
            let message = format!("`listen` has both {other} and {address}; remove one");
            table.mistake(line, message);
        }
    }
    let admin = config.admin;
    let line = table.line_of("admin");
    if let Some(clash) = config.admin_clash() {
        table.mistake(line, clash);
    }
    // An unreadable token file has its own message.
    if config.admin_needs_token() && !table.has("admin_token_file") {
        let message = format!(
            "`admin` is {admin}, which other machines can reach, and nothing asks them for a \
             token; set `admin_token_file`, or use a loopback address"
        );
        table.mistake(line, message);
    }
}

/// Warns of an app's values that are valid but have no effect.
pub(super) fn app(table: &mut Table<'_>, app: &App) {
    // A wrong driver has its own message.
    let has_driver = table.has("driver");
    match (app.idle_after, app.on_idle) {
        (Some(_), OnIdle::Suspend) if !has_driver => table.warning(
            "idle_after",
            "suspends nothing without [app.driver]: the app always runs, and that it is idle is only shown",
        ),
        (None, OnIdle::Shadow) if !table.has("idle_after") => {
            table.warning("on_idle", "has nothing to tell without `idle_after`");
        }
        _ => {}
    }
    if !has_driver {
        for key in [
            "keep_awake",
            "wake",
            "wake_timeout",
            "waiting_page",
            "show_output",
            "busy_probe",
            "busy_cpu",
        ] {
            if table.has(key) {
                table.warning(key, "has no effect without [app.driver]: the app always runs");
            }
        }
    }
    if app.strip_path && app.path == "/" {
        table.warning("strip_path", "has no effect without a `path` to take off");
    }
    let owns_cgroup = matches!(app.driver, Some(Driver::Process(_)) | None);
    if !owns_cgroup && app.busy_cpu.is_some() && table.has("busy_cpu") {
        table.warning("busy_cpu", "has no effect: only a driver of kind \"process\" owns a cgroup");
    }
}

/// Checks that no app's upstream is one of Ebbtide's own addresses. `lines`: of each app's `upstream`.
pub(super) fn upstreams(table: &mut Table<'_>, config: &Config, lines: &[Option<usize>]) {
    for own in config.own_upstreams() {
        if let Some(line) = lines[own.index] {
            table.mistake(line, format!("`upstream` in [[app]]: {own}"));
        }
    }
}

/// Checks that there is an app, and that no two apps have the same name or the same route.
pub(super) fn apps(table: &mut Table<'_>, drafts: &[Draft]) {
    // `[kubernetes]` has its own message: discovery is not built.
    if drafts.is_empty() && !table.has("kubernetes") {
        let fix = "add an [[app]] with a `name` and an `upstream`";
        table.lacks("app", format!("there is no app; {fix}"));
    }
    names(table, drafts);
    places(table, drafts);
}

fn names(table: &mut Table<'_>, drafts: &[Draft]) {
    let mut taken = HashMap::new();
    for draft in drafts {
        let (name, Some(line)) = (&draft.app.name, draft.name_line) else { continue };
        match taken.entry(name) {
            Entry::Vacant(free) => _ = free.insert(line),
            Entry::Occupied(first) => {
                let first = first.get();
                let message = format!(
                    "`name` in [[app]]: \"{name}\" is already the name of the app on line \
                     {first}; give each app its own"
                );
                table.mistake(line, message);
            }
        }
    }
}

fn places(table: &mut Table<'_>, drafts: &[Draft]) {
    let mut taken = HashMap::new();
    for draft in drafts {
        let Some(line) = draft.claim_line else { continue };
        let path = &draft.app.path;
        let mut hosts: Vec<_> = draft.app.hosts.iter().map(Some).collect();
        if hosts.is_empty() {
            hosts.push(None);
        }
        for host in hosts {
            match taken.entry((host, path)) {
                Entry::Vacant(free) => _ = free.insert(line),
                Entry::Occupied(first) => {
                    let first = first.get();
                    let host = host.map_or("any host".to_owned(), |host| format!("\"{host}\""));
                    let message = format!(
                        "[[app]] takes {host} with path \"{path}\", which line {first} has \
                         taken already; change `hosts` or `path` of one"
                    );
                    table.mistake(line, message);
                }
            }
        }
    }
}
