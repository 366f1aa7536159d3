//! `ebbtide check`: validates a configuration without acting on it.

use std::fmt::Write as _;

use clap::Args;

use super::{ConfigFile, Failure, result};
use crate::config::{self, App, Config, Driver, OnIdle};
use crate::tls::Certificate;
use crate::toml_file::{quote_url, show_duration};

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
        let apps = &parsed.config.apps;
        let noun = if apps.len() == 1 { "app" } else { "apps" };
        let mut said =
            format!("{}: no mistakes, {} {noun}\n", self.file.config.display(), apps.len());
        for (index, certificate) in parsed.config.certificates().iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = writeln!(said, "  {}", serves(certificate, index == 0));
        }
        for app in apps {
            // Writing to a string cannot fail.
            let _ = writeln!(said, "  {}: {}, {}{}", app.name, driver(app), idle(app), access(app));
        }
        result::write(format_args!("{said}"))
    }
}

/// Which servers a certificate is for. `first`: of all.
fn serves(certificate: &Certificate, first: bool) -> String {
    let file = certificate.files().next().map(|file| file.display().to_string());
    let mut names = certificate.names();
    if first {
        names.push("every other name".to_owned());
    }
    format!("{}: the certificate for {}", file.unwrap_or_default(), names.join(", "))
}

/// What starts and stops the app. Arguments may be secrets; the program's name is not.
fn driver(app: &App) -> String {
    let program = |words: &[String]| quote_url(words.first().map_or("", |program| program));
    match &app.driver {
        None => "always running".to_owned(),
        Some(Driver::Process(driver)) => format!("a process of {}", program(&driver.command)),
        Some(Driver::Command(driver)) => {
            format!(
                "started by {} and stopped by {}",
                program(&driver.wake),
                program(&driver.suspend)
            )
        }
        Some(Driver::Http(driver)) => {
            format!("started and stopped by {}", quote_url(&driver.wake.url))
        }
    }
}

/// Who may use it; empty where everybody may.
fn access(app: &App) -> String {
    let config::Access { allow, users_file, forward_auth, .. } = &app.access;
    let mut said = String::new();
    if let Some(networks) = allow {
        let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
        said.push_str(&format!(", from {}", networks.join(" ")));
    }
    if let Some(file) = users_file {
        let noun = if file.users.len() == 1 { "user" } else { "users" };
        said.push_str(&format!(", {} {noun} of {}", file.users.len(), file.file.display()));
    }
    if let Some(url) = forward_auth {
        said.push_str(&format!(", asking {}", quote_url(url)));
    }
    said
}

/// What happens to it when it is idle.
fn idle(app: &App) -> String {
    match (app.idle_after, app.on_idle, &app.driver) {
        (None, ..) => "never suspended".to_owned(),
        (Some(after), OnIdle::Suspend, Some(_)) => {
            format!("suspended after {}", show_duration(after))
        }
        (Some(after), ..) => format!("shown as idle after {}", show_duration(after)),
    }
}
