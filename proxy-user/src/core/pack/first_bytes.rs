//! Which first bytes a message can have if a rule matches it. Most rules are ruled out by this alone.

use regex_syntax::hir::{Class, Hir, HirKind};

/// A set of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FirstBytes([u64; 4]);

impl FirstBytes {
    /// Every byte.
    pub(super) const ANY: FirstBytes = FirstBytes([u64::MAX; 4]);
    /// No byte.
    pub(super) const NONE: FirstBytes = FirstBytes([0; 4]);

    /// These bytes.
    pub(super) fn of(bytes: &[u8]) -> FirstBytes {
        let mut first_bytes = FirstBytes::NONE;
        bytes.iter().for_each(|byte| first_bytes.add(*byte));
        first_bytes
    }

    pub(super) fn add(&mut self, byte: u8) {
        let [word, bit] = [byte / 64, byte % 64];
        if let Some(word) = self.0.get_mut(usize::from(word)) {
            *word |= 1 << bit;
        }
    }

    #[inline]
    pub(super) fn has(&self, byte: u8) -> bool {
        let word = self.0.get(usize::from(byte / 64)).copied().unwrap_or_default();
        word >> (byte % 64) & 1 == 1
    }

    /// The intersection of both sets.
    pub(super) fn and(mut self, other: FirstBytes) -> FirstBytes {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= other);
        self
    }

    /// The union of both sets.
    pub(super) fn or(mut self, other: FirstBytes) -> FirstBytes {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
        self
    }

    /// The first bytes of a non-empty text that the expression matches from the start. The second value is
    /// whether the expression may match without consuming a byte.
    pub(super) fn of_expression(hir: &Hir) -> (FirstBytes, bool) {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => (FirstBytes::NONE, true),
            HirKind::Literal(literal) => {
                (literal.0.get(..1).map_or(FirstBytes::NONE, FirstBytes::of), literal.0.is_empty())
            }
            HirKind::Class(class) => (of_class(class), false),
            HirKind::Repetition(repeated) => {
                let (first_bytes, empty) = FirstBytes::of_expression(&repeated.sub);
                (first_bytes, empty || repeated.min == 0)
            }
            HirKind::Capture(group) => FirstBytes::of_expression(&group.sub),
            HirKind::Concat(parts) => {
                let mut all = FirstBytes::NONE;
                for part in parts {
                    let (first_bytes, empty) = FirstBytes::of_expression(part);
                    all = all.or(first_bytes);
                    if !empty {
                        return (all, false);
                    }
                }
                (all, true)
            }
            HirKind::Alternation(parts) => {
                let each = parts.iter().map(FirstBytes::of_expression);
                each.fold((FirstBytes::NONE, false), |(all, any), (first_bytes, empty)| {
                    (all.or(first_bytes), any || empty)
                })
            }
        }
    }
}

fn of_class(class: &Class) -> FirstBytes {
    let mut first_bytes = FirstBytes::NONE;
    match class {
        Class::Bytes(bytes) => {
            let ranges = bytes.ranges().iter().map(|range| range.start()..=range.end());
            ranges.flatten().for_each(|byte| first_bytes.add(byte));
        }
        // Characters beyond ASCII can start with many different bytes.
        Class::Unicode(_) => return FirstBytes::ANY,
    }
    first_bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::pattern::Pattern;
    use super::*;

    #[test]
    fn expressions_say_what_they_can_start_with() {
        let first_bytes = |pattern| Pattern::whole(pattern).unwrap().first_bytes();
        assert_eq!(first_bytes("42(/x)?|2|"), FirstBytes::of(b"42"));
        assert_eq!(first_bytes(r"(a?\b)*[0-2]x"), FirstBytes::of(b"a012"));
        assert_eq!(first_bytes(r"(?i)p{0}q"), FirstBytes::of(b"qQ"));
        assert_eq!(first_bytes("(?s-u).*"), FirstBytes::ANY);
        assert!(first_bytes("[^x]").has(b'\xff') && !first_bytes("[^x]").has(b'x'));
        assert_eq!(first_bytes("(?u)é"), FirstBytes::of(&[0xc3]));
    }

    proptest! {
        /// No matching text is ruled out by its first byte.
        #[test]
        fn what_fits_starts_with_one_of_them(
            parts in prop::collection::vec(prop::sample::select(vec![
                "a", "b", "|", "(a|b)", "(|b)", "[^a]", "a?", "b*", "(?i:A)", r"\b", "^", "$", ".",
                "c{0,2}", "(?u:[ß-ü])", "(?s-u:.)",
            ]), 0..6),
            texts in prop::collection::vec(prop::collection::vec(prop::sample::select(
                "abcABé\n".as_bytes().to_vec()), 1..5), 40),
        ) {
            let pattern = Pattern::whole(&parts.concat()).unwrap();
            for text in texts {
                prop_assert!(!pattern.fits(&text) || pattern.first_bytes().has(text[0]), "{text:?}");
            }
        }
    }
}
