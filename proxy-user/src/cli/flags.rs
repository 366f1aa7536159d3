//! Flags shared by several commands. Each can also be set in the environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use tracing_subscriber::filter::Targets;

use super::Failure;
use crate::admin::Token;
use crate::admin_client::AdminClient;
use crate::config::{Config, SocketSource};
use crate::logging;

/// For commands that forward traffic.
#[derive(Debug, Args)]
pub(super) struct ProxyFlags {
    /// Where browsers connect [default: 127.0.0.1:8080]
    #[arg(long, env = "EBBTIDE_LISTEN", value_name = "ADDRESS")]
    pub(super) listen: Option<SocketAddr>,
    #[command(flatten)]
    pub(super) watch: WatchFlags,
}

/// For commands that watch sockets.
#[derive(Debug, Args)]
pub(super) struct WatchFlags {
    #[command(flatten)]
    pub(super) admin: AdminFlag,
    /// How sockets are watched: auto, ebpf or tcp-info [default: auto]
    #[arg(long, env = "EBBTIDE_SOCKETS", value_name = "SOURCE")]
    sockets: Option<SocketSource>,
    /// error, warn, info, debug or trace; also by target: info,ebbtide::reaper=debug [default: info]
    #[arg(long, env = "EBBTIDE_LOG", value_name = "LEVEL")]
    #[arg(value_parser = logging::parse_filter)]
    log: Option<Targets>,
    /// How the log is written
    #[arg(long, env = "EBBTIDE_LOG_FORMAT", value_name = "FORMAT")]
    #[arg(value_enum, default_value = "text")]
    log_format: logging::Format,
}

/// The admin address, to serve or to query.
#[derive(Debug, Args)]
pub(super) struct AdminFlag {
    /// Where metrics, health and the API are [default: 127.0.0.1:9090]
    #[arg(long, env = "EBBTIDE_ADMIN", value_name = "ADDRESS", global = true)]
    pub(super) admin: Option<SocketAddr>,
}

/// For commands that query a running proxy.
#[derive(Debug, Args)]
pub(super) struct AskFlags {
    #[command(flatten)]
    admin: AdminFlag,
    /// File with the token for the admin address
    #[arg(long, value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,
}

/// Replaces the packs named in a file.
#[derive(Debug, Args)]
pub(super) struct PackFlag {
    /// The rules that tell automatic traffic from people, for every app: a pack's name, or auto; see
    /// `ebbtide packs list` [default: auto]
    #[arg(long, alias = "packs", env = "EBBTIDE_PACK")]
    #[arg(value_name = "NAME", value_delimiter = ',')]
    pub(super) pack: Vec<String>,
}

impl ProxyFlags {
    /// Overrides the file's values with the given flags.
    pub(super) fn apply(&self, config: &mut Config) {
        if let Some(listen) = self.listen {
            config.listen = vec![listen];
        }
        self.watch.apply(config);
    }
}

impl WatchFlags {
    /// The same.
    pub(super) fn apply(&self, config: &mut Config) {
        self.admin.apply(config);
        if let Some(source) = self.sockets {
            config.sockets.source = source;
        }
    }

    /// Starts logging at the given level, else at the command's default.
    pub(super) fn start_logging(&self, level: &str) -> anyhow::Result<()> {
        let filter = match &self.log {
            Some(filter) => filter.clone(),
            None => logging::parse_filter(level).map_err(anyhow::Error::msg)?,
        };
        logging::start(filter, self.log_format).context("cannot start logging")
    }
}

impl AdminFlag {
    /// The same.
    pub(super) fn apply(&self, config: &mut Config) {
        if let Some(admin) = self.admin {
            config.admin = admin;
        }
    }
}

impl AskFlags {
    /// The client for the admin address.
    pub(super) fn client(&self) -> Result<AdminClient, Failure> {
        let mut config = Config::default();
        self.admin.apply(&mut config);
        let token = match &self.token_file {
            Some(file) => {
                let token = Token::read(file).map_err(|error| Failure::Usage(error.to_string()))?;
                let field = token.field();
                let wrong =
                    || format!("{} does not hold one line of visible ASCII", file.display());
                Some(field.map_err(|_| Failure::Usage(wrong()))?)
            }
            None => None,
        };
        Ok(AdminClient { address: config.admin, token })
    }
}

impl PackFlag {
    /// The same.
    pub(super) fn apply(&self, config: &mut Config) {
        if !self.pack.is_empty() {
            config.apps.iter_mut().for_each(|app| app.packs.clone_from(&self.pack));
        }
    }
}
