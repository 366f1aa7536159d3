//! A configuration with everything that was read and made for it.

use std::sync::Arc;

use anyhow::Context;

use crate::admin::Guard;
use crate::config::Config;
use crate::core::pack::RuleBook;
use crate::packs::Packs;
use crate::{activity, notify};

/// What a configuration needs to be put in force.
#[derive(Debug)]
pub(super) struct LoadedConfig {
    pub(super) config: Config,
    /// The rules of each app.
    pub(super) books: Vec<Arc<RuleBook>>,
    /// Whom the admin address answers.
    pub(super) guard: Guard,
    /// Where activity is told.
    pub(super) reports: Option<activity::Client>,
    /// Where it is told what happens.
    pub(super) notify: Vec<notify::Client>,
}

impl LoadedConfig {
    /// Reads and makes what `config` needs.
    ///
    /// # Errors
    /// A token file that cannot be read or used, or an app that names a pack that there is not.
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
