//! When something that others change may be read: once it has changed and come to rest.

/// Tells changes of a value that is looked at again and again.
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

    /// The value that it was told of last.
    pub fn known(&self) -> &T {
        &self.known
    }

    /// Takes the value as it is. True once for each change, when two looks in a row show the same: who
    /// is still writing is not interrupted.
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
        assert_eq!(at, [2, 7], "6 was gone before it rested");
    }
}
