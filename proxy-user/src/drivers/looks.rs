//! Which looks at an app can be believed. A look takes a while: it is void if the app was started or stopped
//! meanwhile, and soon after a start the app may still look stopped.

use std::time::Duration;

use parking_lot::Mutex;

use super::DriverError;
use crate::clock;
use crate::core::lifecycle::Observed;
use crate::core::time::Nanos;

/// How many times to look, if each look is void.
const ATTEMPTS: usize = 3;

/// The looks at one app.
#[derive(Debug)]
pub(super) struct Looks {
    /// How long the app may still look stopped after a start.
    patience: Duration,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// How many starts and stops have begun, plus how many have ended.
    turns: u64,
    /// When the app was started, until it has been seen up.
    started: Option<Nanos>,
}

/// A start or stop in progress.
#[derive(Debug)]
pub(super) struct Begun<'a>(&'a Looks);

impl Looks {
    /// `patience`: how long the app may still look stopped after a start.
    pub(super) fn new(patience: Duration) -> Looks {
        Looks { patience, inner: Mutex::default() }
    }

    /// Begins a start or stop, which ends when the result is dropped. Looks that overlap with it are void.
    pub(super) fn begin(&self) -> Begun<'_> {
        let mut inner = self.inner.lock();
        inner.turns += 1;
        inner.started = None;
        Begun(self)
    }

    /// Looks, and looks again if the result is void.
    pub(super) async fn look<F>(&self, once: impl Fn() -> F) -> Result<Observed, DriverError>
    where
        F: Future<Output = Result<Observed, DriverError>>,
    {
        for _ in 0..ATTEMPTS {
            let before = self.inner.lock().turns;
            let observed = once().await?;
            let mut inner = self.inner.lock();
            if inner.turns == before {
                return Ok(inner.believe(observed, self.patience, clock::now()));
            }
        }
        Err(DriverError::new("it was started or stopped each time its state was read"))
    }
}

impl Inner {
    fn believe(&mut self, observed: Observed, patience: Duration, now: Nanos) -> Observed {
        let is_early = self.started.is_some_and(|started| now.since(started) < patience);
        if observed == Observed::Suspended && is_early {
            return Observed::Starting;
        }
        self.started = None;
        observed
    }
}

impl Begun<'_> {
    /// The app was told to start.
    pub(super) fn started(&self) {
        self.0.inner.lock().started = Some(clock::now());
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.0.inner.lock().turns += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_start_may_go_unseen_for_a_while() {
        let patience = Duration::from_secs(60);
        let at = |seconds: u64| Nanos(seconds * 1_000_000_000);
        let mut inner = Inner { turns: 0, started: Some(at(10)) };
        assert_eq!(inner.believe(Observed::Suspended, patience, at(69)), Observed::Starting);
        assert_eq!(inner.believe(Observed::Suspended, patience, at(70)), Observed::Suspended);
        inner.started = Some(at(10));
        assert_eq!(inner.believe(Observed::Running, patience, at(11)), Observed::Running);
        assert_eq!(inner.believe(Observed::Suspended, patience, at(12)), Observed::Suspended);
    }

    #[tokio::test]
    async fn a_look_that_was_overtaken_is_made_again() {
        let looks = Looks::new(Duration::ZERO);
        let made = Cell::new(0);
        let observed = looks.look(|| async {
            made.set(made.get() + 1);
            if made.get() == 1 {
                drop(looks.begin());
                return Ok(Observed::Running);
            }
            Ok(Observed::Suspended)
        });
        assert_eq!(observed.await.ok(), Some(Observed::Suspended));
        assert_eq!(made.get(), 2);
        let never = looks.look(|| async {
            drop(looks.begin());
            Ok(Observed::Running)
        });
        assert!(never.await.is_err());
    }
}
