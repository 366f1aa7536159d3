//! The command line: commands and exit codes.

mod apps;
mod check;
mod demo;
mod doctor;
mod explain;
mod flags;
mod observe;
mod packs;
mod result;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::drivers::process::guard;
use crate::toml_file::Mistakes;

/// A reverse proxy that knows whether anybody is really there.
#[derive(Debug, Parser)]
#[command(name = "ebbtide", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  ebbtide run -- streamlit run app.py --server.port {port}
                                                 Start one app when somebody comes, stop it when idle
  ebbtide run --upstream http://127.0.0.1:8501   Put one running app behind the proxy
  ebbtide run --config ebbtide.toml              Serve the apps of a configuration file
  ebbtide check --config ebbtide.toml            Show every mistake in it
  ebbtide demo                                   See it at work without any set-up
  ebbtide observe --cgroup DIR --port 8000       Watch a server's sockets, no proxy in its path
  ebbtide explain                                See which apps are awake, and why
  ebbtide apps suspend demo                      Stop an app now; the next person starts it
  ebbtide packs test RECORDINGS/                 Try the rules on recorded traffic
  ebbtide doctor                                 See what this machine's kernel offers

Exit codes: 0 = done, 1 = failed at run time, 2 = wrong usage or configuration.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy; flags override the configuration file
    Run(run::Run),
    /// Validate a configuration file: exit 0, or 2 with all mistakes
    Check(check::Check),
    /// Show what this machine offers for watching sockets, and how to improve it
    Doctor(doctor::Doctor),
    /// Watch the server sockets of other processes, and free those that are stalled
    Observe(observe::Observe),
    /// Show why an app is awake: what counted last, what was ignored, when it will be suspended
    Explain(explain::Explain),
    /// Show all apps with their state, or start or stop one
    Apps(apps::Apps),
    /// Show the rules that tell automatic traffic from people, and try them on recorded traffic
    Packs(packs::PacksCommand),
    /// See it at work: a bundled app, clients that behave well and badly, and a live table
    Demo(demo::Demo),
    /// Kills the apps that Ebbtide started once Ebbtide is gone; Ebbtide runs this itself
    #[command(hide = true)]
    Guard {
        /// The cgroup to remove at the end
        root: Option<PathBuf>,
    },
}

/// A command's configuration file.
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

/// Kinds of failure, by exit code.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The configuration has mistakes.
    #[error("{0}")]
    Mistakes(#[from] Mistakes),
    /// Wrong usage.
    #[error("error: {0}")]
    Usage(String),
    /// A failure at run time.
    #[error("error: {0:#}")]
    Run(#[from] anyhow::Error),
}

/// Runs the command line.
#[must_use]
#[allow(clippy::print_stderr, reason = "messages to the user go to standard error")]
/// `settled` is called in a long-running process once it has given up its privileges, before it starts
/// threads.
pub fn main(settled: fn()) -> ExitCode {
    let Cli { command } = Cli::parse();
    let result = match command {
        Command::Run(run) => run.execute(settled),
        Command::Check(check) => check.execute(),
        Command::Doctor(doctor) => doctor.execute(),
        Command::Observe(observe) => observe.execute(),
        Command::Explain(explain) => explain.execute(),
        Command::Apps(apps) => apps.execute(),
        Command::Packs(packs) => packs.execute(),
        Command::Demo(demo) => demo.execute(settled),
        Command::Guard { root } => {
            guard::run(root.as_deref());
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(if matches!(failure, Failure::Run(_)) { 1 } else { 2 })
        }
    }
}
