//! `ebbtide explain [APP]`: why apps are awake.

use std::io::IsTerminal;

use anyhow::Context;
use clap::Args;

use super::flags::AskFlags;
use super::{Failure, result};
use crate::explain;

/// `ebbtide explain [APP]`
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The app's name [default: all apps in brief]
    #[arg(value_name = "APP")]
    app: Option<String>,
    #[command(flatten)]
    ask: AskFlags,
    /// Write JSON: an object, or an array of all apps
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let client = self.ask.client()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start")?;
        let answer = match &self.app {
            Some(app) => runtime.block_on(explain::explain(&client, app)),
            None => runtime.block_on(explain::explain_all(&client)),
        };
        let answer = answer.map_err(anyhow::Error::from)?;
        if self.json {
            result::write(format_args!("{}\n", answer.json()))
        } else {
            let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            result::write(answer.words(std::io::stdout().is_terminal() && !plain))
        }
    }
}
