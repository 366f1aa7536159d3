//! `[[app]]`.

use std::path::Path;

use http::HeaderName;

use super::super::access::Access;
use super::super::app::App;
use super::super::check::{self, Draft};
use super::super::probe::BusyProbe;
use super::super::value::header::{self, VALUE};
use super::super::value::name::{APP_NAME, PACK_NAME};
use super::super::value::pem::chain;
use super::super::value::percent::PERCENT;
use super::super::value::place::page;
use super::super::value::pointer::POINTERS;
use super::super::value::upstream::Upstream;
use super::super::value::web::{PREFIX, TARGET};
use super::super::value::window::WINDOW;
use super::super::value::{DAY, SECOND, YEAR};
use super::MOST;
use super::access::access;
use super::answer::answer;
use super::driver::{driver, knows_upstream, words};
use crate::core::headers::{HeaderChange, alike};
use crate::packs::Packs;
use crate::tls::ClientTls;
use crate::toml_file::{Table, ValueError, duration, kind, or_off};

/// `outer`: who may use all apps.
pub(super) fn app(
    table: &mut Table<'_>,
    base: &Path,
    packs: Option<&Packs>,
    outer: &Access,
) -> Draft {
    let name = table.required("name", APP_NAME);
    let hosts = table.list("hosts", kind("a host", "\"demo.localhost\""));
    let path = table.text("path", PREFIX);
    let url = kind("a URL", "\"http://127.0.0.1:8501\"");
    let upstream = match knows_upstream(table) {
        true => table.text("upstream", url),
        false => table.required("upstream", url),
    };
    let upstream = upstream_tls(table, base, upstream);
    let name_line = name.is_some().then(|| table.line_of("name"));
    let claims = |table: &Table<'_>, key, is_read: bool| is_read || !table.has(key);
    let claims = claims(table, "hosts", hosts.is_some()) && claims(table, "path", path.is_some());
    let claim_line = table.line_of(if table.has("hosts") { "hosts" } else { "path" });
    let upstream_line = upstream.is_some().then(|| table.line_of("upstream"));
    let mut app = App::new(name.unwrap_or_default(), upstream);
    app.hosts = hosts.unwrap_or_default();
    app.path = path.unwrap_or(app.path);
    app.strip_path = table.truth("strip_path").unwrap_or(app.strip_path);
    app.request_headers = headers(table, "request_headers", header::of_request);
    app.response_headers = headers(table, "response_headers", header::of_answer);
    if let Some(names) = table.list("packs", PACK_NAME) {
        if let Some(Err(error)) = packs.map(|packs| packs.check(&names)) {
            let line = table.line_of("packs");
            table.mistake(line, error.to_string());
        }
        app.packs = names;
    }
    table.set(&mut app.count, "count", kind("a word", "\"pack\""));
    app.idle_after = table.text("idle_after", duration(SECOND..=YEAR));
    table.set(&mut app.busy_limit, "busy_limit", or_off(duration(SECOND..=YEAR)));
    app.busy_probe = table.table("busy_probe", "[app.busy_probe]", busy_probe).flatten();
    table.set(&mut app.busy_cpu, "busy_cpu", or_off(PERCENT));
    app.keep_awake = table.list("keep_awake", WINDOW).unwrap_or_default();
    table.set(&mut app.on_idle, "on_idle", kind("a word", "\"suspend\""));
    table.set(&mut app.wake, "wake", kind("a word", "\"auto\""));
    table.set(&mut app.wake_timeout, "wake_timeout", duration(SECOND..=DAY));
    table.set(&mut app.handshake_timeout, "handshake_timeout", duration(SECOND..=DAY));
    app.waiting_page = table.text("waiting_page", page(base));
    app.show_output = table.truth("show_output").unwrap_or(app.show_output);
    table.set_integer(&mut app.max_sessions, "max_sessions", 0..=MOST);
    table.set(&mut app.compression, "compression", kind("a word", "\"inspect\""));
    app.answers = table.tables("answer", "[[app.answer]]", answer).unwrap_or_default();
    let read = |table: &mut Table<'_>| access(table, base, outer);
    app.access = table.table("access", "[app.access]", read).unwrap_or_else(|| outer.clone());
    let read = |table: &mut Table<'_>| driver(table, base);
    app.driver = table.table("driver", "[app.driver]", read).flatten();
    check::app(table, &app);
    Draft { app, name_line, upstream_line, claim_line: claims.then_some(claim_line) }
}

/// Reads a table of fields to set, or with `false` to remove.
fn headers(
    table: &mut Table<'_>,
    key: &'static str,
    names: impl Fn(&str) -> Result<HeaderName, ValueError>,
) -> Vec<HeaderChange> {
    let mut changes: Vec<HeaderChange> = Vec::new();
    for (name, mut value) in table.entries_or_false(key, names, VALUE).unwrap_or_default() {
        if let Some((before, _)) =
            changes.iter().find(|(before, _)| alike(before.as_str(), name.as_str()))
        {
            let message = format!("has both {before} and {name}, which apps may take for the same");
            table.mistake_at(key, &message);
            continue;
        }
        // It may be a password.
        if let Some(value) = &mut value {
            value.set_sensitive(true);
        }
        changes.push((name, value));
    }
    changes
}

/// Reads `upstream_tls`, and checks that there is something to verify the app with.
fn upstream_tls(
    table: &mut Table<'_>,
    base: &Path,
    upstream: Option<Upstream>,
) -> Option<Upstream> {
    let tls = table.table("upstream_tls", "[app.upstream_tls]", |table| client_tls(table, base));
    let is_misread = upstream.is_none() && table.has("upstream");
    let is_https = upstream.as_ref().is_some_and(|upstream| upstream.tls().is_some());
    if !is_https {
        if table.has("upstream_tls") && !is_misread {
            table.mistake_at("upstream_tls", "needs an `upstream` with https://; remove it");
        }
        return upstream;
    }
    let upstream = upstream?;
    match tls {
        Some(tls) => Some(tls.map_or(upstream.clone(), |tls| upstream.with_tls(tls))),
        None => {
            if let Some(Err(error)) = upstream.tls().map(ClientTls::config) {
                let says = format!("cannot be verified: {error}; set `upstream_tls` with a `ca`");
                table.mistake_at("upstream", &says);
            }
            Some(upstream)
        }
    }
}

fn client_tls(table: &mut Table<'_>, base: &Path) -> Option<ClientTls> {
    let ca = table.text("ca", chain(base));
    let tls = match table.truth("verify") {
        Some(false) if table.has("ca") => {
            table.mistake_at("ca", "is not used with `verify = false`; remove one");
            return None;
        }
        Some(false) => {
            let risk = "is off: anybody on the way to the app can read and change everything";
            table.warning("verify", risk);
            ClientTls::unverified()
        }
        Some(true) | None if table.has("ca") => ClientTls::trusting(ca?),
        Some(true) | None => Ok(ClientTls::system()),
    };
    let key = if table.has("ca") { "ca" } else { "verify" };
    let tls = tls.and_then(|tls| tls.config().map(|_| tls));
    tls.map_err(|error| table.mistake_at(key, &format!("cannot be used: {error}"))).ok()
}

fn busy_probe(table: &mut Table<'_>) -> Option<BusyProbe> {
    let path = table.required("path", TARGET);
    let mut headers = http::HeaderMap::new();
    for (name, mut value) in table.entries("headers", header::name, VALUE).unwrap_or_default() {
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    let pointer = table.required("pointer", POINTERS);
    if !table.has("busy") {
        let example = "busy = [\"busy\", \"starting\"]";
        table.lacks("busy", format!("[app.busy_probe] has no `busy`; add it, such as {example}"));
    }
    let busy = words(table, "busy", &[]);
    Some(BusyProbe { path: path?, headers, pointer: pointer?, busy: busy? })
}
