//! Describes a session by the proxy's figures.
//!
//! Pure: looks go in with their time, a verdict comes out. It must not decide for the proxy: the cause of a
//! session's end comes from the proxy; the rest describes its figures.

use std::collections::VecDeque;
use std::time::Duration;

use crate::core::ending::{Cause, Reap, Tell};
use crate::core::gate::Reason;
use crate::core::side::{PerSide, Side};
use crate::core::time::Nanos;
use crate::session::Counts;

/// Activity in this time is "now".
const LATELY: Duration = Duration::from_secs(10);
/// If a queue stands for this long, the client does not keep up.
const BEHIND: Duration = Duration::from_secs(2);
/// Less than this is in flight rather than queued.
const LITTLE: u64 = 64 * 1024;
/// No progress for this long is worth mentioning.
const STILL: Duration = Duration::from_secs(3);
/// The rate is measured over this time.
const RATE: Duration = Duration::from_secs(5);

/// One look at a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) at: Nanos,
    /// Frames from the client.
    pub(super) input: Counts,
    /// Frames from the app.
    pub(super) output: Counts,
    /// Bytes queued for the client.
    pub(super) queued: u64,
    /// Bytes that the client acknowledged.
    pub(super) acked: u64,
    /// When that last grew.
    pub(super) progress: Option<Nanos>,
    /// `Some` once the session is over, with its cause if there was one.
    pub(super) over: Option<Option<Cause>>,
}

/// A session from its first look to its newest.
#[derive(Clone, Debug)]
pub(super) struct Story {
    grace: Duration,
    newest: Look,
    /// When frames last counted as activity.
    input: Option<Nanos>,
    output: Option<Nanos>,
    /// Since when something is queued, and since when it is more than little.
    waiting: Option<Nanos>,
    behind: Option<Nanos>,
    acked: VecDeque<(Nanos, u64)>,
}

/// The verdict on a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The reaper ended it.
    Reaped { reap: Reap, queued: u64, still: Duration },
    /// It ended otherwise.
    Ended(&'static str),
    /// The client currently takes nothing.
    Stalling { queued: u64, still: Duration, grace: Duration },
    /// The client takes less than it is sent.
    Draining { queued: u64, rate: u64 },
    /// The request or handshake of its page counted recently.
    Opened(Reason, Duration),
    /// Frames counted recently.
    Input(Duration),
    /// The same, but only the app's.
    Output(Duration),
    /// Data frames counted earlier, but not recently.
    Silent(Duration),
    /// No data frame yet.
    Machinery { control: u64 },
}

/// How good or bad that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Quiet,
    Warning,
    Bad,
}

impl Story {
    /// A session seen for the first time.
    pub(super) fn new(first: Look, grace: Duration) -> Story {
        let nothing = Look { input: Counts::default(), output: Counts::default(), ..first };
        let mut story = Story {
            grace,
            newest: nothing,
            input: None,
            output: None,
            waiting: None,
            behind: None,
            acked: VecDeque::new(),
        };
        story.tell(first);
        story
    }

    /// Adds a later look. After the session's end further looks are ignored.
    pub(super) fn tell(&mut self, look: Look) {
        if self.over() {
            return;
        }
        let before = std::mem::replace(&mut self.newest, look);
        if look.input.activity > before.input.activity {
            self.input = Some(look.at);
        }
        if look.output.activity > before.output.activity {
            self.output = Some(look.at);
        }
        let since = |was: Option<Nanos>, holds| if holds { was.or(Some(look.at)) } else { None };
        self.waiting = since(self.waiting, look.queued > 0);
        self.behind = since(self.behind, look.queued >= LITTLE);
        while self.acked.front().is_some_and(|(at, _)| look.at.since(*at) > RATE) {
            self.acked.pop_front();
        }
        self.acked.push_back((look.at, look.acked));
    }

    /// The newest look.
    pub(super) fn newest(&self) -> &Look {
        &self.newest
    }

    /// The session has ended.
    pub(super) fn over(&self) -> bool {
        self.newest.over.is_some()
    }

    /// The verdict at `now`. `active`: the latest activity of its app, and how long ago it was.
    pub(super) fn verdict(&self, now: Nanos, active: Option<(Duration, Reason)>) -> Verdict {
        let Look { at, queued, progress, over, .. } = self.newest;
        // After its end, a session is described as it was at that time.
        let now = if over.is_some() { at } else { now };
        let still = self.waiting.map_or(Duration::ZERO, |waiting| {
            now.since(progress.map_or(waiting, |progress| progress.max(waiting)))
        });
        match over {
            Some(cause) => return ending(cause, queued, still),
            None if still >= STILL => {
                return Verdict::Stalling { queued, still, grace: self.grace };
            }
            None => {}
        }
        if self.behind.is_some_and(|behind| now.since(behind) >= BEHIND) {
            return Verdict::Draining { queued, rate: self.rate() };
        }
        let ago = |newest: Option<Nanos>| newest.map(|newest| now.since(newest));
        let opened = active.filter(|(ago, reason)| {
            *ago < LATELY && matches!(reason, Reason::Request | Reason::Upgrade)
        });
        match (ago(self.input), ago(self.output), opened) {
            (Some(input), ..) if input < LATELY => Verdict::Input(input),
            (_, Some(output), _) if output < LATELY => Verdict::Output(output),
            (_, _, Some((ago, reason))) => Verdict::Opened(reason, ago),
            (None, None, None) => Verdict::Machinery {
                control: self.newest.input.control + self.newest.output.control,
            },
            _ => Verdict::Silent(ago(self.input.max(self.output)).unwrap_or_default()),
        }
    }

    /// Bytes per second that the client took recently.
    fn rate(&self) -> u64 {
        let (Some(first), Some(last)) = (self.acked.front(), self.acked.back()) else { return 0 };
        let millis = last.0.since(first.0).as_millis().max(1);
        u64::try_from(u128::from(last.1.saturating_sub(first.1)) * 1000 / millis).unwrap_or(0)
    }
}

fn ending(cause: Option<Cause>, queued: u64, still: Duration) -> Verdict {
    let Some(cause) = cause else { return Verdict::Ended("both sides closed") };
    if let Some(reap) = cause.reap() {
        return Verdict::Reaped { reap, queued, still };
    }
    Verdict::Ended(match cause.tell() {
        PerSide { client: Tell::Close(_, why), .. } | PerSide { app: Tell::Close(_, why), .. } => {
            why
        }
        _ => "close timed out",
    })
}

impl Verdict {
    /// The verdict with its reason.
    pub(super) fn words(&self) -> String {
        match *self {
            Verdict::Reaped { reap: Reap { leg: Side::Client, reason }, queued, still } => {
                let (queued, still) = (bytes(queued), seconds(still));
                let reason = reason.replace('_', " ");
                format!("reaped: {reason} — {queued} queued, no progress for {still}")
            }
            Verdict::Reaped { reap, .. } => {
                format!("reaped: {} {}", reap.leg.as_str(), reap.reason.replace('_', " "))
            }
            Verdict::Ended(why) => format!("ended: {why}"),
            Verdict::Stalling { queued, still, grace } => format!(
                "stalling: {} queued, no progress for {}, reaped at {}",
                bytes(queued),
                seconds(still),
                seconds(grace)
            ),
            Verdict::Draining { queued, rate } => {
                format!("alive: draining slowly — {}/s, {} queued", bytes(rate), bytes(queued))
            }
            Verdict::Opened(reason, ago) => {
                format!("activity: {} {} ago", reason.as_str(), seconds(ago))
            }
            Verdict::Input(ago) => format!("activity: input {} ago", seconds(ago)),
            Verdict::Output(ago) => format!("activity: output {} ago", seconds(ago)),
            Verdict::Silent(ago) => format!("not activity: no data frame for {}", seconds(ago)),
            Verdict::Machinery { control: 0 } => "not activity: no frame yet".to_owned(),
            Verdict::Machinery { .. } => "not activity: only control frames".to_owned(),
        }
    }

    /// How good or bad it is.
    pub(super) fn tone(&self) -> Tone {
        match self {
            Verdict::Reaped { .. } => Tone::Bad,
            Verdict::Stalling { .. } => Tone::Warning,
            Verdict::Draining { .. }
            | Verdict::Opened(..)
            | Verdict::Input(_)
            | Verdict::Output(_) => Tone::Good,
            Verdict::Ended(_) | Verdict::Silent(_) | Verdict::Machinery { .. } => Tone::Quiet,
        }
    }
}

/// Bytes with a unit, in thousands.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..1_000 => format!("{count} B"),
        1_000..1_000_000 => format!("{} KB", count / 1_000),
        _ => format!("{}.{} MB", count / 1_000_000, count / 100_000 % 10),
    }
}

/// Whole seconds.
pub(super) fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
