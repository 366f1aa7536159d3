//! A bounded cache of answers that are valid for a while.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::core::time::Nanos;

/// A digest of what was asked. Whoever makes it must use a secret key, so that nobody can find two
/// questions with the same digest.
pub type Digest = [u8; 32];

/// Answers by the digest of their question. When it is full, the one that would expire first makes room.
#[derive(Debug)]
pub struct Remembered<V> {
    most: usize,
    answers: HashMap<Digest, (V, Nanos)>,
    ends: BTreeSet<(Nanos, Digest)>,
}

impl<V> Remembered<V> {
    /// Room for `most` answers, at least 1.
    #[must_use]
    pub fn new(most: usize) -> Remembered<V> {
        Remembered { most, answers: HashMap::new(), ends: BTreeSet::new() }
    }

    /// The answer to this question, unless it has expired.
    pub fn get(&self, question: &Digest, now: Nanos) -> Option<&V> {
        self.answers.get(question).filter(|(_, end)| now < *end).map(|(answer, _)| answer)
    }

    /// Remembers an answer for this long, in place of an earlier one.
    pub fn put(&mut self, question: Digest, answer: V, lasts: Duration, now: Nanos) {
        self.forget_until(now);
        let end = now + lasts;
        if let Some((_, earlier)) = self.answers.insert(question, (answer, end)) {
            self.ends.remove(&(earlier, question));
        }
        self.ends.insert((end, question));
        while self.answers.len() > self.most {
            let Some((_, first)) = self.ends.pop_first() else { break };
            self.answers.remove(&first);
        }
    }

    /// Forgets what has expired.
    fn forget_until(&mut self, now: Nanos) {
        while let Some((end, question)) = self.ends.first().copied() {
            if now < end {
                break;
            }
            self.ends.pop_first();
            self.answers.remove(&question);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(number: u8) -> Digest {
        [number; 32]
    }

    #[test]
    fn an_answer_is_forgotten_in_its_time() {
        let mut remembered = Remembered::new(2);
        let second = Duration::from_secs(1);
        remembered.put(digest(1), 'a', second, Nanos(0));
        assert_eq!(remembered.get(&digest(1), Nanos(999_999_999)), Some(&'a'));
        assert_eq!(remembered.get(&digest(1), Nanos(0) + second), None);
        assert_eq!(remembered.get(&digest(2), Nanos(0)), None);
        // Of three, the one that lasts longest stays, whenever it came.
        remembered.put(digest(1), 'a', second * 9, Nanos(0));
        remembered.put(digest(2), 'b', second, Nanos(0));
        remembered.put(digest(3), 'c', second * 2, Nanos(0));
        let left = [1, 2, 3].map(|number| remembered.get(&digest(number), Nanos(0)).copied());
        assert_eq!(left, [Some('a'), None, Some('c')]);
    }

    proptest! {
        /// It never holds more than fits, returns nothing that has expired, and returns the newest answer.
        #[test]
        fn it_is_bounded_and_right(
            steps in prop::collection::vec((0..20_u8, 0..50_u64, 0..9_u64), 0..200),
            most in 1..8_usize,
        ) {
            let (mut remembered, mut newest) = (Remembered::new(most), HashMap::new());
            let mut now = Nanos(0);
            for (step, (question, lasts, pause)) in steps.into_iter().enumerate() {
                let lasts = Duration::from_nanos(lasts);
                remembered.put(digest(question), step, lasts, now);
                newest.insert(question, (step, now + lasts));
                now = now + Duration::from_nanos(pause);
                prop_assert!(remembered.answers.len() <= most);
                prop_assert_eq!(remembered.answers.len(), remembered.ends.len());
                for question in 0..20 {
                    if let Some(answer) = remembered.get(&digest(question), now) {
                        let (step, end) = newest[&question];
                        prop_assert!(*answer == step && now < end);
                    }
                }
            }
        }
    }
}
