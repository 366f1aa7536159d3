//! `ebbtide doctor`: what this machine's kernel offers, for a person or for a program.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::{Failure, result};
use crate::doctor;

/// `ebbtide doctor`
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Write one JSON object
    #[arg(long)]
    json: bool,
    /// The cgroup v2 directory to attach to [default: the process's own]
    #[arg(long, value_name = "DIRECTORY")]
    cgroup: Option<PathBuf>,
}

impl Doctor {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let report = doctor::examine(self.cgroup.as_deref());
        if self.json {
            let json = serde_json::to_string_pretty(&report).context("cannot write the report")?;
            result::write(format_args!("{json}\n"))
        } else {
            result::write(report)
        }
    }
}
