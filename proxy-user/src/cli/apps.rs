//! `ebbtide apps`: shows the apps' states, and starts or stops an app.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};

use super::flags::AskFlags;
use super::{Failure, result};
use crate::admin_client::{Action, AdminClient, AskError};
use crate::explain;
use crate::views::AppView;

/// Time between two polls of an app's state.
const LOOK: Duration = Duration::from_millis(200);

const EXAMPLES: &str = "\
Examples:
  ebbtide apps                Which apps run, since when, and when they will be suspended
  ebbtide apps wake demo      Start an app before anybody comes
  ebbtide apps suspend demo   Stop an app now, even if it is in use

Exit codes of wake and suspend: 0 = done, 1 = it could not be done, with the reason.";

/// `ebbtide apps [list]`, `ebbtide apps wake|suspend APP`
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Apps {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    ask: AskFlags,
    /// Write JSON: an array of apps, or the one that was acted on
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show all apps with their state [default]
    List,
    /// Start an app, and wait until it answers
    Wake(App),
    /// Stop an app, even if it is in use, and wait until it is down
    Suspend(App),
}

#[derive(Debug, Args)]
struct App {
    /// The app's name
    #[arg(value_name = "APP")]
    app: String,
}

impl Apps {
    pub(super) fn execute(self) -> Result<(), Failure> {
        let client = self.ask.client()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot start")?;
        let (name, action) = match &self.what {
            None | Some(What::List) => {
                let answer = runtime.block_on(explain::explain_apps(&client));
                let answer = answer.map_err(anyhow::Error::from)?;
                return match self.json {
                    true => result::write(format_args!("{}\n", answer.json())),
                    false => result::write(answer.table()),
                };
            }
            Some(What::Wake(App { app })) => (app, Action::Wake),
            Some(What::Suspend(App { app })) => (app, Action::Suspend),
        };
        let view = runtime.block_on(carry_out(&client, name, action))?;
        if self.json {
            let json = serde_json::to_string(&view).context("cannot write JSON")?;
            return result::write(format_args!("{json}\n"));
        }
        result::write(format_args!("{name} is {}.\n", view.state))
    }
}

/// Begins the action and waits until it is done.
async fn carry_out(client: &AdminClient, name: &str, action: Action) -> anyhow::Result<AppView> {
    let mut view = client.act(name, action).await?;
    let mut progress = Progress::default();
    loop {
        match judge(action, &view) {
            Some(Ok(())) => return Ok(view),
            Some(Err(why)) => return Err(anyhow!("{name} {why}")),
            None => progress.show(&view),
        }
        tokio::time::sleep(LOOK).await;
        view = look(client, name).await?;
    }
}

async fn look(client: &AdminClient, name: &str) -> Result<AppView, AskError> {
    Ok(client.app(name).await?.told.view)
}

/// The outcome; `None` = not done yet.
fn judge(action: Action, view: &AppView) -> Option<Result<(), String>> {
    let failure = view.life.failure.as_deref();
    match (action, view.state.as_str()) {
        (Action::Wake, "running") | (Action::Suspend, "suspended" | "disabled") => Some(Ok(())),
        (_, "suspending") | (Action::Wake, "starting") => None,
        (Action::Wake, "disabled") => {
            Some(Err("is not allowed to run by its control plane".to_owned()))
        }
        (Action::Wake, _) => Some(Err(match failure {
            Some(reason) => format!("could not start: {reason}"),
            None => "was suspended meanwhile".to_owned(),
        })),
        (Action::Suspend, state) => Some(Err(format!(
            "is {state} again: somebody came meanwhile, or it could not be stopped; Ebbtide's log says \
             which"
        ))),
    }
}

/// A progress line on the terminal, which is erased at the end.
#[derive(Default)]
struct Progress {
    is_shown: bool,
}

impl Progress {
    fn show(&mut self, view: &AppView) {
        let mut out = std::io::stderr().lock();
        if !out.is_terminal() {
            return;
        }
        let seconds = view.life.since_seconds.unwrap_or_default();
        // A failure to show progress does not matter.
        let _ = write!(out, "\r\x1b[K{} is {} ({seconds:.0} s)", view.app, view.state);
        let _ = out.flush();
        self.is_shown = true;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_shown {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}
