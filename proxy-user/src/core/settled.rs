//! When to read something that others modify: once it has changed and then stayed the same.

/// Detects changes of a value that is polled.
#[derive(Debug)]
pub struct Settled<T> {
    known: T,
    seen: Option<T>,
}

impl<T: PartialEq> Settled<T> {
    /// Nothing has changed since `known`.
    pub fn new(known: T) -> Settled<T> {
        Settled { known, seen: None }
    }

    /// The last value that was reported.
    pub fn known(&self) -> &T {
        &self.known
    }

    /// Takes the current value. True once for each change, when two calls in a row see the same value, so
    /// that a writer is not interrupted.
    pub fn look(&mut self, value: T) -> bool {
        if value == self.known {
            self.seen = None;
            return false;
        }
        if self.seen.as_ref() != Some(&value) {
            self.seen = Some(value);
            return false;
        }
        self.known = value;
        self.seen = None;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_and_when_it_rests() {
        let mut settled = Settled::new(1);
        let told: Vec<bool> =
            [1, 2, 2, 2, 3, 4, 5, 5, 5, 6, 5, 5].into_iter().map(|now| settled.look(now)).collect();
        let at: Vec<_> =
            told.iter().enumerate().filter(|(_, told)| **told).map(|(at, _)| at).collect();
        assert_eq!(at, [2, 7], "6 did not last");
    }
}
