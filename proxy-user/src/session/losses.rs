//! How often requests and sessions failed because of the app, and whether it answers.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

use crate::core::loss::Loss;
use crate::core::time::Nanos;
use parking_lot::Mutex;

/// The outcome of the newest request.
const UNASKED: u8 = 0;
const ANSWERED: u8 = 1;
const FAILED: u8 = 2;
const REFUSED: u8 = 3;

/// One app's losses.
#[derive(Debug, Default)]
pub struct Losses {
    counts: [AtomicU64; Loss::ALL.len()],
    newest: AtomicU8,
    last: Mutex<Option<Lost>>,
}

/// One loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The kind of loss.
    pub loss: Loss,
    /// When it was noticed.
    pub at: Nanos,
    /// The session that was lost; `None` = a request or handshake.
    pub session: Option<u64>,
}

impl Losses {
    /// The app has answered a request or a handshake.
    pub fn answered(&self) {
        // This runs for every request. A cache line that nobody writes can be shared by all cores.
        if self.newest.load(Relaxed) != ANSWERED {
            self.newest.store(ANSWERED, Relaxed);
        }
    }

    /// Records a loss.
    pub fn note(&self, lost: Lost) {
        if lost.session.is_none() {
            let refused = lost.loss == Loss::Refused;
            self.newest.store(if refused { REFUSED } else { FAILED }, Relaxed);
        }
        self.counts[lost.loss as usize].fetch_add(1, Relaxed);
        *self.last.lock() = Some(lost);
    }

    /// Whether the newest request or handshake was answered; `None` before the first.
    pub fn answers(&self) -> Option<bool> {
        match self.newest.load(Relaxed) {
            UNASKED => None,
            newest => Some(newest == ANSWERED),
        }
    }

    /// Whether the app refused the connection for the newest request or handshake.
    pub fn refuses(&self) -> bool {
        self.newest.load(Relaxed) == REFUSED
    }

    /// The number of losses of each kind.
    pub fn counts(&self) -> impl Iterator<Item = (Loss, u64)> {
        Loss::ALL.into_iter().zip(&self.counts).map(|(loss, count)| (loss, count.load(Relaxed)))
    }

    /// The newest loss.
    pub fn last(&self) -> Option<Lost> {
        *self.last.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_says_whether_the_app_answers() {
        let losses = Losses::default();
        let lost = |loss, session| Lost { loss, at: Nanos(7), session };
        assert_eq!((losses.answers(), losses.last()), (None, None));
        losses.note(lost(Loss::Stalled, Some(3)));
        assert_eq!(losses.answers(), None, "one session does not stand for all");
        losses.answered();
        assert_eq!(losses.answers(), Some(true));
        losses.note(lost(Loss::Broken, None));
        assert_eq!((losses.answers(), losses.refuses()), (Some(false), false));
        losses.note(lost(Loss::Refused, None));
        assert_eq!((losses.answers(), losses.refuses()), (Some(false), true));
        assert_eq!(losses.last(), Some(lost(Loss::Refused, None)));
        losses.note(lost(Loss::Reset, Some(4)));
        assert!(losses.refuses(), "the end of a session changes nothing");
        let counts: Vec<_> = losses.counts().filter(|(_, count)| *count > 0).collect();
        let each = [Loss::Refused, Loss::Broken, Loss::Reset, Loss::Stalled];
        assert_eq!(counts, each.map(|loss| (loss, 1)));
        losses.answered();
        assert!(!losses.refuses());
    }
}
