//! The cadence of requests of the browsers that sent some most recently.

use super::Cadence;

/// Browsers remembered; beyond that, the one that was idle longest is forgotten.
const BROWSERS: usize = 64;

/// The cadence of each browser of one app. A browser is a number that the caller derives from what tells
/// browsers apart.
#[derive(Clone, Debug, Default)]
pub struct Paces(Vec<(u64, Cadence)>);

impl Paces {
    /// The cadence of a browser, which becomes the most recent one.
    pub fn of(&mut self, browser: u64) -> &mut Cadence {
        let Paces(all) = self;
        let at = all.iter().position(|(its, _)| *its == browser);
        if at.is_none() && all.len() >= BROWSERS {
            all.remove(0);
        }
        let pace = at.map(|at| all.remove(at)).unwrap_or((browser, Cadence::default()));
        let newest = all.len();
        all.push(pace);
        &mut all[newest].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::history::Method;
    use crate::core::time::Nanos;

    #[test]
    fn browsers_keep_their_own_pace_and_are_forgotten_in_turn() {
        let mut paces = Paces::default();
        let mut ask = |browser: u64, second: u64| {
            let now = Nanos(second * 1_000_000_000);
            paces.of(browser).ask(now, Method::named("POST"), "/tick", b"{}").is_some()
        };
        let found: Vec<bool> =
            (0..8).map(|n| [ask(1, 100 + 5 * n), ask(2, 102 + 7 * n)][0]).collect();
        assert_eq!(found, [false, false, false, false, true, true, true, true]);
        (10..10 + BROWSERS as u64).for_each(|browser| _ = ask(browser, 150));
        assert!(!ask(1, 140), "it starts over");
        assert_eq!(paces.0.len(), BROWSERS);
    }
}
