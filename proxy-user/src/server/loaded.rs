//! A configuration with everything that it needs to take effect.

use std::sync::Arc;

use anyhow::Context;

use crate::access_log::AccessLog;
use crate::admin::Guard;
use crate::config::{self, Config};
use crate::core::access_log::Format;
use crate::core::pack::RuleBook;
use crate::packs::Packs;
use crate::{activity, notify};

/// Switches the access log on or off.
///
/// # Errors
/// The thread that writes it cannot be started.
pub(super) fn set_access_log(log: &AccessLog, access: config::AccessLog) -> anyhow::Result<()> {
    let format = match access {
        config::AccessLog::Off => None,
        config::AccessLog::Text => Some(Format::Text),
        config::AccessLog::Json => Some(Format::Json),
    };
    log.set(format).context("cannot start the access log")
}

/// A configuration, and what was read and built for it.
#[derive(Debug)]
pub(super) struct LoadedConfig {
    pub(super) config: Config,
    /// The rules of each app.
    pub(super) books: Vec<Arc<RuleBook>>,
    /// The guard of the admin address.
    pub(super) guard: Guard,
    /// The receiver of activity reports.
    pub(super) reports: Option<activity::Client>,
    /// The receivers of notifications.
    pub(super) notify: Vec<notify::Client>,
}

impl LoadedConfig {
    /// Reads and builds what `config` needs.
    ///
    /// # Errors
    /// A token file cannot be read or used, or an app names an unknown pack.
    pub(super) fn new(config: Config, packs: &Packs) -> anyhow::Result<LoadedConfig> {
        let reports = config.report.clone().map(activity::Client::new).transpose();
        let notify = config.notify.iter().cloned().map(notify::Client::new);
        Ok(LoadedConfig {
            books: packs.books(config.apps.iter().map(|app| &*app.packs))?,
            guard: Guard::read(&config)?,
            reports: reports.context("[report]")?,
            notify: notify.collect::<Result<_, _>>().context("[[notify]]")?,
            config,
        })
    }
}
