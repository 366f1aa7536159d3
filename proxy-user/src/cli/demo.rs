//! `ebbtide demo`: everything in one minute, without any set-up.

use std::time::Duration;

use clap::Args;

use super::flags::ProxyFlags;
use super::{Failure, run};
use crate::config::Config;
use crate::demo::{self, Setup};
use crate::server;
use crate::toml_file::parse_duration;

/// The help of `--log`, whose default is the demo's own.
const LOG: &str = "error, warn, info, debug or trace; also by target: info,ebbtide::reaper=debug \
                   [default: warn]";

/// `ebbtide demo [--duration 60s]`
#[derive(Debug, Args)]
#[command(mut_arg("log", |log| log.help(LOG)))]
pub(super) struct Demo {
    /// End after this time, such as 60s [default: when told to stop]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    duration: Option<Duration>,
    #[command(flatten)]
    flags: ProxyFlags,
}

impl Demo {
    pub(super) fn execute(self, settled: fn()) -> Result<(), Failure> {
        let mut config = Config::default();
        self.flags.apply(&mut config);
        if config.admin_needs_token() {
            return Err(Failure::Usage(format!(
                "--admin {}: other machines can reach it, and the demo has no token to ask them \
                 for; choose a loopback address",
                config.admin
            )));
        }
        // The table shows what a log at `info` would say.
        self.flags.watch.start_logging("warn")?;
        let resources = server::open(&config)?;
        settled();
        let runtime = run::runtime()?;
        let setup = Setup {
            config,
            // An address given by the user is used or refused.
            any_port: self.flags.listen.is_none(),
            any_admin_port: self.flags.watch.admin.admin.is_none(),
            duration: self.duration,
        };
        Ok(runtime.block_on(demo::run(setup, resources))?)
    }
}
