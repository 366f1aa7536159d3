//! The states of an app, what can happen to it, and what is to be done.

use crate::core::time::Nanos;

/// What an app is at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It answers, as far as is known.
    Running,
    /// It is on its way to be suspended.
    Suspending(Step),
    /// It does not run, and is started when somebody comes.
    Suspended,
    /// It has been told to start and does not answer yet.
    Starting,
    /// It could not start, or ended while it was used.
    Failed {
        /// It is tried again from then on.
        until: Nanos,
        /// When it was tried last.
        tried: Nanos,
    },
    /// Its control plane forbids it to run.
    Disabled,
}

/// How far a suspension has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// It is being asked whether it is at work.
    Probing,
    /// Its sessions are being told. Whoever comes now still keeps it running.
    Closing {
        /// An operator asked for it: it need not be idle.
        asked: bool,
    },
    /// The driver has been told.
    Stopping {
        /// It had answered before.
        ran: bool,
        /// Somebody came meanwhile: it is to be started as soon as it is down.
        wanted: bool,
    },
}

/// Something that happened. The number is that of the command that it answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LifecycleEvent {
    /// Time has passed.
    Tick,
    /// A request or handshake needs it. `person`: by a browser's navigation.
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
    /// It could not be stopped.
    StopFailed(u32),
    /// It has ended by itself.
    Exited(Failure),
    /// The driver has looked.
    Observed(Observed),
}

/// Why an app could not start, or ended; in words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure(pub Box<str>);

/// What a driver sees of its app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Observed {
    /// It runs.
    Running,
    /// It is on its way up.
    Starting,
    /// It does not run.
    Suspended,
    /// It may not run.
    Disabled,
}

/// What is to be done, and the number of the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Start it and wait until it answers: [`LifecycleEvent::Ready`] or [`LifecycleEvent::StartFailed`].
    Start(u32),
    /// Somebody else has started it; wait until it answers, as after [`Command::Start`].
    Await(u32),
    /// Ask it whether it is at work: [`LifecycleEvent::Busy`] or [`LifecycleEvent::Idle`].
    Probe(u32),
    /// Tell its sessions: [`LifecycleEvent::Closed`].
    Close(u32),
    /// Stop it: [`LifecycleEvent::Stopped`] or [`LifecycleEvent::StopFailed`]. A start that is under way ends here.
    Stop(u32),
}

impl State {
    /// The word that the API, metrics and pages use.
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

    /// Whether the app has answered and not gone since.
    #[must_use]
    pub fn is_up(&self) -> bool {
        matches!(self, State::Running | State::Suspending(_))
    }

    /// All words, in the order of an app's life.
    pub const WORDS: [&'static str; 6] =
        ["running", "suspending", "suspended", "starting", "failed", "disabled"];
}
