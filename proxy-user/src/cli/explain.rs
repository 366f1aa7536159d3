//! `ebbtide explain [APP]`: why apps are awake.

use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::flags::AdminFlag;
use super::{Failure, result};
use crate::admin::Token;
use crate::config::Config;
use crate::explain::Admin;

/// `ebbtide explain [APP]`
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The app's name [default: all apps in short]
    #[arg(value_name = "APP")]
    app: Option<String>,
    #[command(flatten)]
    admin: AdminFlag,
    /// File with the token that the admin address asks for
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Write JSON: an object, or an array of all apps
    #[arg(long)]
    json: bool,
}

impl Explain {
    pub(super) fn execute(self) -> Result<(), Failure> {
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
        let admin = Admin { address: config.admin, token };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start")?;
        let answer = match &self.app {
            Some(app) => runtime.block_on(admin.explain(app)),
            None => runtime.block_on(admin.explain_all()),
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
