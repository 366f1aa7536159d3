//! `ebbtide run`: puts the configuration, the flags and the process together.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::{Common, Failure};
use crate::config::{Config, Parsed};
use crate::packs::Packs;
use crate::server::{self, Server};
use crate::signals::Stop;

/// `ebbtide run --config FILE` or `ebbtide run --upstream URL`
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Run {
    /// Serve the apps of this configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Serve one app that runs at this address, such as http://127.0.0.1:8501
    #[arg(long, value_name = "URL")]
    upstream: Option<String>,
}

impl Run {
    pub(super) fn execute(self, common: &Common) -> Result<(), Failure> {
        let Parsed { mut config, warnings } = match (&self.config, &self.upstream) {
            (Some(file), _) => Config::load(file)?,
            (None, upstream) => {
                let upstream = upstream.as_deref().unwrap_or_default();
                let config = Config::single(upstream)
                    .map_err(|error| Failure::Usage(format!("--upstream: {error}")))?;
                Parsed { config, warnings: Vec::new() }
            }
        };
        common.apply(&mut config);
        // What the file says has been checked.
        let packs = Packs::open(config.pack_dir.as_deref()).map_err(anyhow::Error::from)?;
        packs.book(&common.pack).map_err(|error| Failure::Usage(format!("--pack: {error}")))?;
        if config.admin_needs_token() {
            return Err(Failure::Usage(format!(
                "--admin {}: other machines can reach it; set admin_token_file in a configuration \
                 file, or choose a loopback address",
                config.admin
            )));
        }
        common.start_logging("info")?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let sockets = server::open_sockets(&config)?;
        let runtime = runtime(config.workers)?;
        runtime.block_on(async {
            let mut stop = Stop::listen().context("cannot listen to signals")?;
            let server = Server::start(config, sockets)?;
            stop.asked().await;
            server.stop(stop.asked()).await;
            Ok(())
        })
    }
}

/// A runtime with this many worker threads; 0 = one per core.
pub(super) fn runtime(workers: usize) -> anyhow::Result<tokio::runtime::Runtime> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if workers > 0 {
        runtime.worker_threads(workers);
    }
    runtime.enable_all().build().context("cannot start the worker threads")
}

impl Common {
    /// Puts the flags that were given in place of what the file says.
    pub(super) fn apply(&self, config: &mut Config) {
        if let Some(listen) = self.listen {
            config.listen = vec![listen];
        }
        if let Some(admin) = self.admin {
            config.admin = admin;
        }
        if let Some(source) = self.sockets {
            config.sockets.source = source;
        }
        if !self.pack.is_empty() {
            config.apps.iter_mut().for_each(|app| app.packs.clone_from(&self.pack));
        }
    }
}
