//! `ebbtide observe`: watches the sockets of a server that runs without the proxy.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;

use super::flags::WatchFlags;
use super::{Failure, run};
use crate::config::{Config, HostPattern};
use crate::observe::{self, Setup, Task};
use crate::signals::Stop;
use crate::toml_file::parse_duration;

/// `ebbtide observe --cgroup DIRECTORY --port PORT [--reap]`
#[derive(Debug, Args)]
pub(super) struct Observe {
    /// The cgroup v2 directory of the server's processes, such as
    /// /sys/fs/cgroup/system.slice/app.service
    #[arg(long, value_name = "DIRECTORY")]
    cgroup: PathBuf,
    /// A port that the server listens on; can be repeated
    #[arg(long = "port", value_name = "PORT", required = true, action = clap::ArgAction::Append)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    ports: Vec<u16>,
    /// Destroy stalled connections; without this, only report them
    #[arg(long)]
    reap: bool,
    /// How long bytes may be queued without the peer taking any, such as 30s
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "30s")]
    grace: Duration,
    /// File with the token for the admin address; required when it is not a loopback address
    #[arg(long, value_name = "FILE")]
    admin_token_file: Option<PathBuf>,
    /// A name by which browsers may reach the admin address, besides localhost; can be repeated
    #[arg(long = "admin-host", value_name = "HOST", action = clap::ArgAction::Append)]
    admin_hosts: Vec<HostPattern>,
    #[command(flatten)]
    flags: WatchFlags,
}

impl Observe {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let mut config = Config {
            admin_token_file: self.admin_token_file,
            admin_hosts: self.admin_hosts,
            ..Config::default()
        };
        self.flags.apply(&mut config);
        if config.admin_needs_token() {
            return Err(Failure::Usage(format!(
                "--admin {}: other machines can reach it; give --admin-token-file, or choose a \
                 loopback address",
                config.admin
            )));
        }
        if self.grace.is_zero() {
            return Err(Failure::Usage("--grace: must be more than nothing".to_owned()));
        }
        let task =
            Task { cgroup: self.cgroup, ports: self.ports, reap: self.reap, grace: self.grace };
        task.check().map_err(|error| Failure::Usage(error.to_string()))?;
        // Before the kernel programs are loaded: the level decides whether their log messages are included.
        self.flags.start_logging("info")?;
        // One thread for the sweep, and one for the admin address.
        let runtime = run::runtime()?;
        runtime.block_on(async {
            let mut stop = Stop::listen().context("cannot listen to signals")?;
            let setup = Setup { task, config };
            tokio::select! {
                result = observe::run(setup) => result?,
                () = stop.asked() => tracing::info!("stopped"),
            }
            Ok(())
        })
    }
}
