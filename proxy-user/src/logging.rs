//! The process's log: on standard error, for people or for machines.

use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people; in colour on a terminal.
    Text,
    /// One JSON object per line.
    Json,
}

/// Starts logging, `log` crate included (aya-log writes there).
///
/// # Errors
/// Logging was started before.
pub fn start(filter: Targets, format: Format) -> Result<(), TryInitError> {
    let registry = tracing_subscriber::registry().with(filter);
    let lines = fmt::layer().with_writer(std::io::stderr);
    match format {
        Format::Text => {
            let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            registry.with(lines.with_ansi(colour)).try_init()
        }
        Format::Json => registry.with(lines.json()).try_init(),
    }
}

/// Reads a level (`info`) or levels by target (`info,ebbtide::reaper=debug`). A bare level leaves
/// the libraries at `info`.
///
/// # Errors
/// A sentence for the user.
pub fn parse_filter(text: &str) -> Result<Targets, String> {
    let wrong = "write error, warn, info, debug, trace or off, or TARGET=LEVEL with commas between";
    let bare = text.parse::<tracing::level_filters::LevelFilter>();
    match bare {
        Ok(level) => Ok(Targets::new()
            .with_default(level.min(tracing::level_filters::LevelFilter::INFO))
            .with_target("ebbtide", level)
            .with_target("aya_log", level)),
        Err(_) => text.parse().map_err(|_| wrong.to_owned()),
    }
}
