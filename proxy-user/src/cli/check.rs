//! `ebbtide check`: validates a configuration without acting on it.

use clap::Args;

use super::{ConfigFile, Failure, result};
use crate::config::Config;

/// `ebbtide check --config FILE`
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    file: ConfigFile,
}

impl Check {
    #[allow(clippy::print_stderr, reason = "messages to the user go to standard error")]
    pub(super) fn execute(self) -> Result<(), Failure> {
        let parsed = Config::load(&self.file.config)?;
        for warning in &parsed.warnings {
            eprintln!("{warning}");
        }
        let apps = parsed.config.apps.len();
        let noun = if apps == 1 { "app" } else { "apps" };
        let path = self.file.config.display();
        result::write(format_args!("{path}: no mistakes, {apps} {noun}\n"))
    }
}
