//! Which key of which table fills which field, and in which range.
//!
//! Fields start with their defaults, which `model` and `app` hold; a mistaken value leaves its
//! default, and the mistake keeps the result from being used.

mod access;
mod answer;
mod app;
mod driver;
mod http_driver;
mod telling;
mod tls;

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use super::access::Access;
use super::model::{Config, Keepalive, Limits, Log, Sockets, Stall};
use super::value::keepalive;
use super::value::net::{LISTEN, NETWORK};
use super::value::place::{CGROUP, path, token_file};
use super::value::{DAY, SECOND};
use super::{check, pending};
use crate::packs::Packs;
use crate::toml_file::{Table, duration, kind, or_off, size};

/// More sessions or rows than this must be a typing mistake: their memory alone would be gigabytes.
const MOST: u64 = 1 << 24;

/// hyper refuses a smaller read buffer, and the request head must fit into it.
const LEAST_HEADER: u64 = 8 * 1024;

/// With fewer lines browsers would be refused; each head reserves room for the maximum.
const HEADERS: RangeInclusive<u64> = 16..=1024;

/// RFC 6455 section 5.5: control frames carry up to 125 bytes, and must never be refused for size.
const LEAST_FRAME: u64 = 125;

/// A larger limit would be the same as "off".
const MOST_FRAME: u64 = 1 << 40;

/// Reads the whole file.
pub(super) fn document(table: &mut Table<'_>, file: &Path) -> Config {
    let base = file.parent().unwrap_or(Path::new(""));
    let mut config = Config::default();
    if let Some(listen) = table.list("listen", LISTEN) {
        config.listen = listen;
    }
    table.set(&mut config.admin, "admin", LISTEN);
    table.table("tls", "[tls]", |table| tls::tls(table, base, &mut config));
    config.admin_token_file = table.text("admin_token_file", token_file(base));
    let admin_host = kind("a host", "\"ebbtide.internal\"");
    config.admin_hosts = table.list("admin_hosts", admin_host).unwrap_or_default();
    config.trusted_proxies = table.list("trusted_proxies", NETWORK).unwrap_or_default();
    table.set_integer(&mut config.workers, "workers", 0..=1024);
    table.set(&mut config.drain, "drain", duration(Duration::ZERO..=DAY));
    config.pack_dir = table.text("pack_dir", path(base));
    table.table("sockets", "[sockets]", |table| sockets(table, &mut config.sockets));
    table.table("stall", "[stall]", |table| stall(table, &mut config.stall));
    table.table("keepalive", "[keepalive]", |table| pings(table, &mut config.keepalive));
    config.report =
        table.table("report", "[report]", |table| telling::report(table, base)).flatten();
    let notify = |table: &mut Table<'_>| telling::notify(table, base);
    config.notify = table.tables("notify", "[[notify]]", notify).unwrap_or_default();
    table.table("limits", "[limits]", |table| limits(table, &mut config.limits));
    table.table("log", "[log]", |table| log(table, &mut config.log));
    let outer = Access::default();
    let read = |table: &mut Table<'_>| access::access(table, base, &outer);
    config.access = table.table("access", "[access]", read).unwrap_or_default();
    pending::document(table);
    check::addresses(table, &config);
    let packs = packs(table, &config);
    let outer = &config.access;
    let read = |table: &mut Table<'_>| app::app(table, base, packs.as_ref(), outer);
    if let Some(drafts) = table.tables("app", "[[app]]", read) {
        check::apps(table, &drafts);
        let lines: Vec<_> = drafts.iter().map(|draft| draft.upstream_line).collect();
        config.apps = drafts.into_iter().map(|draft| draft.app).collect();
        check::upstreams(table, &config, &lines);
    }
    config
}

fn sockets(table: &mut Table<'_>, sockets: &mut Sockets) {
    table.set(&mut sockets.source, "source", kind("a socket source", "\"auto\""));
    table.set(&mut sockets.cgroup, "cgroup", CGROUP);
    table.set_integer(&mut sockets.max_legs, "max_legs", 2..=MOST);
}

fn stall(table: &mut Table<'_>, stall: &mut Stall) {
    table.set(&mut stall.grace, "grace", duration(SECOND..=DAY));
}

fn pings(table: &mut Table<'_>, keepalive: &mut Keepalive) {
    table.set(&mut keepalive.interval, "interval", or_off(keepalive::interval()));
    table.set(&mut keepalive.timeout, "timeout", or_off(duration(SECOND..=DAY)));
}

fn limits(table: &mut Table<'_>, limits: &mut Limits) {
    let header_bytes = size(LEAST_HEADER..=1 << 20);
    if let Some(bytes) = table.text("header_bytes", header_bytes) {
        limits.header_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    table.set_integer(&mut limits.headers, "headers", HEADERS);
    let patience = Duration::from_millis(100)..=DAY;
    table.set(&mut limits.header_timeout, "header_timeout", duration(patience));
    table.set_integer(&mut limits.sessions, "sessions", 1..=MOST);
    table.set(&mut limits.frame_bytes, "frame_bytes", or_off(size(LEAST_FRAME..=MOST_FRAME)));
    table.set_integer(&mut limits.held, "held", 1..=MOST);
}

fn log(table: &mut Table<'_>, log: &mut Log) {
    table.set(&mut log.access, "access", kind("an access log", "\"json\""));
}

/// The packs that apps may name; `None` after a mistake that keeps them from being read.
fn packs(table: &mut Table<'_>, config: &Config) -> Option<Packs> {
    match Packs::open(config.pack_dir.as_deref()) {
        Ok(packs) => Some(packs),
        Err(error) => {
            let line = table.line_of("pack_dir");
            table.mistake(line, format!("`pack_dir`: {error}"));
            None
        }
    }
}
