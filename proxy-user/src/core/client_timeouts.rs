//! How long an HTTP client may keep us waiting for a head, for a body, or for room to send an answer. When
//! the client owes nothing there is no deadline: a long poll or a silent event stream may last for ever, as
//! long as the client is there.

use std::time::Duration;

use super::blocked::{Blocked, pace};
use super::time::Nanos;

/// A kept-alive connection without a request. Longer than the 60 s that load balancers usually allow, so that
/// they close first: a request that crosses our close would become a 502.
const IDLE: Duration = Duration::from_secs(75);
/// A request body of which nothing arrives.
const BODY: Duration = Duration::from_secs(60);
/// An answer of which the client takes nothing.
const ANSWER: Duration = Duration::from_secs(60);
/// How often to check a client that waits for the app and from which nothing is read.
const PRESENCE: Duration = Duration::from_secs(10);
/// A client that keeps sending after its last answer, and one that is silent then. nginx's values
/// (`lingering_time`, `lingering_timeout`).
const LINGER: Duration = Duration::from_secs(30);
const QUIET: Duration = Duration::from_secs(5);

/// How long each state may last.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the first byte of a head to its last. For the first head, counted from the start of the
    /// connection.
    pub head: Duration,
    /// Idle, without a request.
    pub idle: Duration,
    /// A request body of which nothing arrives.
    pub body: Duration,
    /// An answer of which the client takes nothing.
    pub answer: Duration,
    /// Between two checks whether a client that waits for the app is still there.
    pub presence: Duration,
    /// Receiving the rest of what a client was sending when its last answer was complete.
    pub linger: Duration,
    /// The same, while nothing arrives.
    pub quiet: Duration,
}

impl Limits {
    /// The default limits, with this one for heads.
    #[must_use]
    pub fn new(head: Duration) -> Limits {
        Limits {
            head,
            idle: IDLE,
            body: BODY,
            answer: ANSWER,
            presence: PRESENCE,
            linger: LINGER,
            quiet: QUIET,
        }
    }
}

/// What the client failed to do in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// Send a complete head, or anything at all.
    Head,
    /// Send the rest of a request body.
    Body,
    /// Take the answer.
    Answer,
    /// Close its end of the connection, after we closed ours.
    Close,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing until this time; `None` = until something happens.
    Wait(Option<Nanos>),
    /// Check whether the client is still there.
    Look,
    /// Close the connection gracefully: nobody is using it.
    Retire,
    /// Close it at once.
    Cut(Overdue),
}

/// The number of a request on its connection. Keeps late events of one request from being taken for the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn(u64);

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Waiting for a head since then.
    Head(Nanos),
    /// The app has the request; when the client's presence was last checked.
    Asked(Nanos),
    /// The answer is complete, the request body is not; when the body last made progress.
    Lingering(Nanos),
    /// No request since then.
    Idle(Nanos),
    /// We have closed our end.
    Closing { since: Nanos, heard: Nanos },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upload {
    Over,
    /// The app has not yet taken what has arrived.
    Ours,
    /// The app has been waiting for more of it since then.
    Owed(Nanos),
}

/// The timeouts of one connection.
#[derive(Debug)]
pub struct ClientTimeouts {
    limits: Limits,
    turn: Turn,
    phase: Phase,
    upload: Upload,
    /// Nobody reads the rest of the request body.
    abandoned: bool,
    /// A refused write of an answer.
    blocked: Option<Blocked>,
}

impl ClientTimeouts {
    /// A connection that starts now.
    #[must_use]
    pub fn new(limits: Limits, now: Nanos) -> ClientTimeouts {
        let phase = Phase::Head(now);
        ClientTimeouts {
            limits,
            turn: Turn::default(),
            phase,
            upload: Upload::Over,
            abandoned: false,
            blocked: None,
        }
    }

    /// Bytes arrived.
    pub fn arrived(&mut self, now: Nanos) {
        match &mut self.phase {
            Phase::Idle(_) => self.phase = Phase::Head(now),
            Phase::Closing { heard, .. } => *heard = now,
            Phase::Head(_) | Phase::Asked(_) | Phase::Lingering(_) => {}
        }
    }

    /// A head is complete. `body`: a body follows.
    pub fn asked(&mut self, body: bool, now: Nanos) -> Turn {
        self.turn.0 += 1;
        self.phase = Phase::Asked(now);
        self.upload = if body { Upload::Ours } else { Upload::Over };
        self.abandoned = false;
        self.turn
    }

    /// The app wants more of the body than has arrived.
    pub fn wanted(&mut self, turn: Turn, now: Nanos) {
        if turn == self.turn && self.upload == Upload::Ours {
            self.upload = Upload::Owed(now);
        }
    }

    /// The app was given a part of the body.
    pub fn given(&mut self, turn: Turn, now: Nanos) {
        if turn != self.turn || self.upload == Upload::Over {
            return;
        }
        self.upload = Upload::Ours;
        if let Phase::Lingering(_) = self.phase {
            self.phase = Phase::Lingering(now);
        }
    }

    /// The body is complete or was cut short.
    pub fn uploaded(&mut self, turn: Turn, now: Nanos) {
        if turn != self.turn {
            return;
        }
        self.upload = Upload::Over;
        if let Phase::Lingering(_) = self.phase {
            self.phase = Phase::Idle(now);
        }
    }

    /// Nobody wants the rest of the body.
    pub fn abandoned(&mut self, turn: Turn, now: Nanos) {
        self.abandoned |= turn == self.turn;
        self.uploaded(turn, now);
    }

    /// The answer is complete, though not all of it may have reached the socket.
    pub fn answered(&mut self, turn: Turn, now: Nanos) {
        if turn == self.turn {
            let over = self.upload == Upload::Over;
            self.phase = if over { Phase::Idle(now) } else { Phase::Lingering(now) };
        }
    }

    /// The socket took bytes of an answer.
    pub fn written(&mut self, now: Nanos) {
        if self.blocked.take().is_some()
            && let Phase::Idle(_) = self.phase
        {
            self.phase = Phase::Idle(now);
        }
    }

    /// The socket took nothing. True once the client should be given up on. `acked` returns how many bytes
    /// the client has acknowledged.
    pub fn refused(&mut self, now: Nanos, acked: impl FnOnce() -> u64) -> bool {
        match &mut self.blocked {
            Some(blocked) => blocked.refused(now, self.limits.answer, acked),
            none => {
                *none = Some(Blocked::new(now, acked()));
                false
            }
        }
    }

    /// We have closed our end. True: the client may still be sending.
    pub fn closing(&mut self, now: Nanos) -> bool {
        self.phase = Phase::Closing { since: now, heard: now };
        self.abandoned || self.upload != Upload::Over
    }

    /// What to do now.
    pub fn step(&mut self, now: Nanos) -> Step {
        let Limits { head, idle, body, answer, presence, linger, quiet } = self.limits;
        let mut looks = [None, None];
        if let Some(blocked) = &self.blocked {
            if blocked.is_overdue() {
                return Step::Cut(Overdue::Answer);
            }
            let look = blocked.next_look(answer);
            looks[0] = Some(if look > now { look } else { now + pace(answer) });
        }
        let phase = match self.phase {
            Phase::Head(since) => Some((since + head, Step::Cut(Overdue::Head))),
            Phase::Lingering(since) => Some((since + body, Step::Cut(Overdue::Body))),
            // Unsent bytes of an answer have their own deadline.
            Phase::Idle(since) if self.blocked.is_none() => Some((since + idle, Step::Retire)),
            Phase::Asked(looked) => Some((looked + presence, Step::Look)),
            Phase::Idle(_) => None,
            Phase::Closing { since, heard } => {
                Some(((since + linger).min(heard + quiet), Step::Cut(Overdue::Close)))
            }
        };
        let upload = match self.upload {
            Upload::Owed(since) => Some((since + body, Step::Cut(Overdue::Body))),
            Upload::Ours => {
                // Another task reads the body and does not report when it starts to wait.
                looks[1] = Some(now + pace(body));
                None
            }
            Upload::Over => None,
        };
        let due = [upload, phase];
        if let Some((_, step)) = due.into_iter().flatten().find(|(at, _)| *at <= now) {
            match step {
                // The first bytes of a new head may have arrived unnoticed after the last request; it may
                // still be completed.
                Step::Retire => self.phase = Phase::Head(now),
                Step::Look => self.phase = Phase::Asked(now),
                Step::Wait(_) | Step::Cut(_) => {}
            }
            return step;
        }
        let due = due.map(|due| due.map(|(at, _)| at));
        Step::Wait(due.into_iter().chain(looks).flatten().min())
    }
}

#[cfg(test)]
#[path = "client_timeouts_tests.rs"]
mod tests;
