//! The states of an app, its events, and its commands.

use std::fmt::{self, Display, Formatter};

use crate::core::time::Nanos;

/// The state of an app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It answers, as far as known.
    Running,
    /// It is being suspended.
    Suspending(Step),
    /// It is not running, and is started when somebody comes.
    Suspended,
    /// It has been started and does not answer yet.
    Starting,
    /// It could not start, or exited while in use.
    Failed {
        /// When it may be tried again.
        until: Nanos,
        /// When it was last tried.
        tried: Nanos,
    },
    /// Its control plane forbids it to run.
    Disabled,
}

/// The steps of a suspension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A check shows whether it can be stopped, and whether it is at work. Its sessions are untouched, and a
    /// request can still cancel the suspension.
    Probing {
        /// Requested by an operator: it need not be idle.
        asked: bool,
    },
    /// Its sessions are being ended. A request can still cancel the suspension.
    Closing {
        /// Requested by an operator: it need not be idle.
        asked: bool,
    },
    /// The driver has been told to stop it.
    Stopping {
        /// Whether it was running before.
        ran: bool,
        /// Somebody came meanwhile: start it as soon as it is down.
        wanted: bool,
    },
}

/// An event. The number is that of the command whose result it reports.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LifecycleEvent {
    /// Time has passed.
    Tick,
    /// A request or handshake needs it. `person`: sent by a browser's navigation.
    Wanted {
        /// Somebody opens or reloads the page.
        person: bool,
    },
    /// An operator wants it to run.
    Wake,
    /// An operator wants it suspended.
    Suspend,
    /// It answers.
    Ready(u32),
    /// It could not be started, or did not answer in time.
    StartFailed(u32, Failure),
    /// It is at work, or could not be asked.
    Busy(u32),
    /// It is not at work.
    Idle(u32),
    /// All its sessions have been told.
    Closed(u32),
    /// It is down.
    Stopped(u32),
    /// It could not be stopped, or the check before that failed.
    StopFailed(u32),
    /// It has exited by itself.
    Exited(Failure),
    /// The driver has checked its state.
    Observed(Observed),
    /// Another driver has taken the place of its driver, and the app does not run under the new one.
    Replaced,
}

/// Why an app could not start, or exited. Displayed with the last line of its output.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// In words, without any output of the app. May name commands, folders and URLs.
    pub why: Box<str>,
    /// The same for visitors, who must not learn how the app is run.
    pub public: Box<str>,
    /// The last lines of the app's output, the newest last. They may hold secrets.
    pub output: Box<[String]>,
}

impl Failure {
    /// A failure to start, without output.
    #[must_use]
    pub fn new(why: impl Into<Box<str>>) -> Failure {
        let public = "it could not be started".into();
        Failure { why: why.into(), public, output: Box::default() }
    }

    /// The app has exited, as `how` says.
    #[must_use]
    pub fn exited(how: impl Into<Box<str>>) -> Failure {
        let why = how.into();
        Failure { public: why.clone(), why, output: Box::default() }
    }

    /// The app was started and did not answer.
    #[must_use]
    pub fn silent(why: impl Into<Box<str>>) -> Failure {
        Failure { public: "it did not answer in time".into(), ..Failure::new(why) }
    }

    /// Adds output.
    #[must_use]
    pub fn with_output(self, output: Vec<String>) -> Failure {
        Failure { output: output.into(), ..self }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)?;
        match self.output.iter().rev().map(|line| line.trim()).find(|line| !line.is_empty()) {
            Some(line) => write!(f, "; its last line: {line}"),
            None => Ok(()),
        }
    }
}

/// The state of an app as its driver sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Observed {
    /// It runs.
    Running,
    /// It is starting.
    Starting,
    /// It is not running.
    Suspended,
    /// It is not allowed to run.
    Disabled,
}

/// What to do, with the number of the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Start it and wait until it answers: [`LifecycleEvent::Ready`] or [`LifecycleEvent::StartFailed`].
    Start(u32),
    /// Somebody else has started it. Wait until it answers, as after [`Command::Start`].
    Await(u32),
    /// Check whether it can be stopped, and ask it whether it is at work: [`LifecycleEvent::StopFailed`],
    /// [`LifecycleEvent::Busy`] or [`LifecycleEvent::Idle`].
    Probe(u32),
    /// End its sessions: [`LifecycleEvent::Closed`].
    Close(u32),
    /// Stop it: [`LifecycleEvent::Stopped`] or [`LifecycleEvent::StopFailed`]. Cancels a start in progress.
    Stop(u32),
}

impl State {
    /// The word used in the API, metrics and pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Suspending(_) => "suspending",
            State::Suspended => "suspended",
            State::Starting => "starting",
            State::Failed { .. } => "failed",
            State::Disabled => "disabled",
        }
    }

    /// Whether the app has answered and its driver has not been told to stop it.
    #[must_use]
    pub fn is_ready(self) -> bool {
        matches!(
            self,
            State::Running | State::Suspending(Step::Probing { .. } | Step::Closing { .. })
        )
    }

    /// Whether it is running or being suspended, whatever the step.
    #[must_use]
    pub fn is_running_or_suspending(self) -> bool {
        matches!(self, State::Running | State::Suspending(_))
    }

    /// All words, in the order of an app's life.
    pub const WORDS: [&'static str; 6] =
        ["running", "suspending", "suspended", "starting", "failed", "disabled"];
}
