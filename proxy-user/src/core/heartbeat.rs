//! A framework's own heartbeat: a message by which the page asks whether the app is there, and the
//! app's answer to it.
//!
//! An app that answers must do so in time, or its page is sent to reconnect. An app too old to answer
//! is answered for, but only when it has just proven to be alive by a WebSocket pong: nobody vouches
//! for a frozen app. No heartbeat is answered twice.
//!
//! Each call says at most one thing to do; `due` must be called at `deadline`.

use std::time::Duration;

use super::time::Nanos;

/// Most answers that wait for a page at a time. One that asks and does not read would have us keep more
/// and more of them.
pub const MOST_OWED: u32 = 64;

/// How long an app that is not known yet may take to answer by itself before it is answered for.
const LEARN: Duration = Duration::from_secs(1);

/// Who is to answer, as a pack says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Whether the app does is learnt on each connection.
    Auto,
    /// The app must.
    App,
    /// The app never does.
    Proxy,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Wait,
    /// Send the app a ping; tell of its pong by [`Heartbeat::ponged`].
    Ping,
    /// Answer the page so many heartbeats.
    Answer(u32),
    /// End the session: the app has not answered in time.
    End,
}

/// Whether a message goes on to its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It does.
    Pass,
    /// It is taken out.
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
    /// Heartbeats without an answer.
    open: u32,
    /// When the oldest of them came; after an answer to it, the newest.
    oldest: Nanos,
    newest: Nanos,
    /// A ping is on its way to the app.
    pinged: bool,
    /// Answers that were given for the app and that it may still give itself.
    given: u32,
}

impl Heartbeat {
    /// A connection without heartbeats so far. `timeout`: how long the app may take.
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

    /// The page asked.
    pub fn asked(&mut self, now: Nanos) -> Step {
        if self.open == 0 {
            self.oldest = now;
        }
        self.newest = now;
        self.open = self.open.saturating_add(1);
        if self.answers == Answers::Proxy { self.ping() } else { Step::Wait }
    }

    /// The app answered by itself.
    pub fn answered(&mut self) -> Fate {
        self.answers = Answers::App;
        // What was answered for it was asked first.
        if self.given > 0 {
            self.given -= 1;
            return Fate::Swallow;
        }
        self.open = self.open.saturating_sub(1);
        self.oldest = self.newest;
        Fate::Pass
    }

    /// The pong to our ping came: the app lives.
    pub fn ponged(&mut self) -> Step {
        self.pinged = false;
        if self.open == 0 || self.answers == Answers::App {
            return Step::Wait;
        }
        self.answers = Answers::Proxy;
        self.given = self.given.saturating_add(self.open);
        Step::Answer(std::mem::take(&mut self.open))
    }

    /// When [`Heartbeat::due`] must be called, if ever.
    #[must_use]
    pub fn deadline(&self) -> Option<Nanos> {
        let learning = self.answers == Answers::Unknown && !self.pinged;
        let patience = if learning { LEARN.min(self.timeout / 2) } else { self.timeout };
        (self.open > 0).then(|| self.oldest + patience)
    }

    /// Time has passed.
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
