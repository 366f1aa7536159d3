//! A framework's own heartbeats: messages by which the page asks whether the app is alive, and the app's
//! answers.
//!
//! An app that answers must do so in time, or its page is made to reconnect. For an app too old to answer,
//! Ebbtide answers, but only after the app has proven to be alive with a WebSocket pong: nobody vouches for a
//! frozen app. No heartbeat is answered twice.
//!
//! Each call returns at most one thing to do; `due` must be called at `deadline`.

use std::time::Duration;

use super::time::Nanos;

/// The most answers that may be queued for a page. A page that sends heartbeats but does not read would make
/// us queue more and more.
pub const MOST_OWED: u32 = 64;

/// How long an app may take to answer, before it is known whether it does so at all.
const LEARN: Duration = Duration::from_secs(1);

/// Who is to answer, according to the pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Learn on each connection whether the app does.
    Auto,
    /// The app must answer.
    App,
    /// The app never does.
    Proxy,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Wait,
    /// Send a ping to the app; call [`Heartbeat::ponged`] for its pong.
    Ping,
    /// Send the page this many answers.
    Answer(u32),
    /// End the session: the app did not answer in time.
    End,
}

/// Whether a message is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is passed on.
    Pass,
    /// It is removed.
    Swallow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    Unknown,
    App,
    Proxy,
}

/// The heartbeats of one connection.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    answers: Answers,
    timeout: Duration,
    /// Heartbeats that have not been answered.
    open: u32,
    /// When the oldest of them came; after an answer, the newest.
    oldest: Nanos,
    newest: Nanos,
    /// A ping to the app has not been answered.
    pinged: bool,
    /// Answers given for the app, which may still send its own.
    given: u32,
}

impl Heartbeat {
    /// A connection without heartbeats so far. `timeout`: how long the app may take to answer.
    #[must_use]
    pub fn new(mode: Mode, timeout: Duration) -> Heartbeat {
        let answers = match mode {
            Mode::Auto => Answers::Unknown,
            Mode::App => Answers::App,
            Mode::Proxy => Answers::Proxy,
        };
        Heartbeat {
            answers,
            timeout,
            open: 0,
            oldest: Nanos(0),
            newest: Nanos(0),
            pinged: false,
            given: 0,
        }
    }

    /// The page sent a heartbeat.
    pub fn asked(&mut self, now: Nanos) -> Step {
        if self.open == 0 {
            self.oldest = now;
        }
        self.newest = now;
        self.open = self.open.saturating_add(1);
        if self.answers == Answers::Proxy { self.ping() } else { Step::Wait }
    }

    /// The app sent an answer.
    pub fn answered(&mut self) -> Fate {
        self.answers = Answers::App;
        // Heartbeats that we answered came first.
        if self.given > 0 {
            self.given -= 1;
            return Fate::Swallow;
        }
        self.open = self.open.saturating_sub(1);
        self.oldest = self.newest;
        Fate::Pass
    }

    /// The pong to our ping arrived: the app is alive.
    pub fn ponged(&mut self) -> Step {
        self.pinged = false;
        if self.open == 0 || self.answers == Answers::App {
            return Step::Wait;
        }
        self.answers = Answers::Proxy;
        self.given = self.given.saturating_add(self.open);
        Step::Answer(std::mem::take(&mut self.open))
    }

    /// When to call [`Heartbeat::due`], if at all.
    #[must_use]
    pub fn deadline(&self) -> Option<Nanos> {
        let learning = self.answers == Answers::Unknown && !self.pinged;
        let patience = if learning { LEARN.min(self.timeout / 2) } else { self.timeout };
        (self.open > 0).then(|| self.oldest + patience)
    }

    /// The deadline may have passed.
    pub fn due(&mut self, now: Nanos) -> Step {
        match self.deadline() {
            Some(deadline) if deadline <= now => {}
            _ => return Step::Wait,
        }
        if self.answers == Answers::Unknown && !self.pinged { self.ping() } else { Step::End }
    }

    fn ping(&mut self) -> Step {
        if self.pinged {
            return Step::Wait;
        }
        self.pinged = true;
        Step::Ping
    }
}

#[cfg(test)]
#[path = "heartbeat_tests.rs"]
mod tests;
