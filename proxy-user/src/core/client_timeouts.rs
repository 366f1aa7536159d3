//! How long an HTTP connection's client may keep us waiting: for a head, for a body, for room to
//! answer. What the client does not owe has no deadline: a long poll and a silent event stream may
//! last for ever, as long as the client is there.

use std::time::Duration;

use super::blocked::{Blocked, pace};
use super::time::Nanos;

/// A kept-alive connection without a request. Longer than the usual load balancers' 60 s, so that
/// they are the ones who close: a request that crosses our close on its way is a 502 to its sender.
const IDLE: Duration = Duration::from_secs(75);
/// A request's body of which nothing arrives.
const BODY: Duration = Duration::from_secs(60);
/// An answer of which the client takes nothing.
const ANSWER: Duration = Duration::from_secs(60);
/// A client that waits for the app, of which nothing is read meanwhile.
const PRESENCE: Duration = Duration::from_secs(10);
/// A client that goes on sending behind its last answer, and one that then sends nothing; what nginx waits
/// (`lingering_time`, `lingering_timeout`).
const LINGER: Duration = Duration::from_secs(30);
const QUIET: Duration = Duration::from_secs(5);

/// How long each kind of silence may last.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A head, from its first byte to its last; a connection's first head from the connection's
    /// start.
    pub head: Duration,
    /// No request.
    pub idle: Duration,
    /// A request's body of which nothing arrives.
    pub body: Duration,
    /// An answer of which the client takes nothing.
    pub answer: Duration,
    /// Between two looks whether a client that waits for the app is still there.
    pub presence: Duration,
    /// The rest of what a client was sending when its last answer was over.
    pub linger: Duration,
    /// The same, of which nothing arrives.
    pub quiet: Duration,
}

impl Limits {
    /// The usual ones, with this limit for heads.
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

/// What the client owed for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// The end of a head, or any sign at all.
    Head,
    /// The rest of a request's body.
    Body,
    /// Taking what it asked for.
    Answer,
    /// Its end of the connection, of which ours is closed.
    Close,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing, and asking again by then at the latest; `None` = when something has happened.
    Wait(Option<Nanos>),
    /// Looking whether the client is still there.
    Look,
    /// Ending the connection as if nobody wanted it any more, which nobody does.
    Retire,
    /// Ending it at once.
    Cut(Overdue),
}

/// A request by its number on the connection, so that what is left of one is not taken for the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn(u64);

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// A head is awaited since then.
    Head(Nanos),
    /// The app has the request; whether the client is still there was last looked at then.
    Asked(Nanos),
    /// The answer is over, the request's body is not; nothing of it moved since then.
    Lingering(Nanos),
    /// No request since then.
    Idle(Nanos),
    /// Our end is closed.
    Closing { since: Nanos, heard: Nanos },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upload {
    Over,
    /// What has arrived is still to be taken by the app.
    Ours,
    /// The app waits for more of it since then.
    Owed(Nanos),
}

/// One connection's account.
#[derive(Debug)]
pub struct ClientTimeouts {
    limits: Limits,
    turn: Turn,
    phase: Phase,
    upload: Upload,
    /// Nobody reads the rest of the request's body.
    abandoned: bool,
    /// A write of an answer.
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

    /// A head is whole; `body`: and a body follows.
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

    /// The app was given some of the body.
    pub fn given(&mut self, turn: Turn, now: Nanos) {
        if turn != self.turn || self.upload == Upload::Over {
            return;
        }
        self.upload = Upload::Ours;
        if let Phase::Lingering(_) = self.phase {
            self.phase = Phase::Lingering(now);
        }
    }

    /// The body is whole, or has broken off.
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

    /// The answer is over; some of it may still be on its way to the socket.
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

    /// The socket took none. True once the client is to be given up. `acked` tells how many bytes
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

    /// Our end is closed. True: the client may still be sending.
    pub fn closing(&mut self, now: Nanos) -> bool {
        self.phase = Phase::Closing { since: now, heard: now };
        self.abandoned || self.upload != Upload::Over
    }

    /// What is to be done now.
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
            // What is left of an answer keeps to its own deadline.
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
                // Another task takes it, and will not tell when it begins to wait.
                looks[1] = Some(now + pace(body));
                None
            }
            Upload::Over => None,
        };
        let due = [upload, phase];
        if let Some((_, step)) = due.into_iter().flatten().find(|(at, _)| *at <= now) {
            match step {
                // A head that has begun unseen, behind the last request, may still be ended.
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
