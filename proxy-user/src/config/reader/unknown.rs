//! The end of a table: keys that nobody asked for, and keys that should have been there. Values
//! are not looked at.

use super::super::mistake::quote;
use super::super::value::name::nearest;
use super::Table;

impl Table<'_> {
    /// Records every key that was not asked for, then every missing key that none of them looks
    /// like: a slip in a required key is one mistake, not two.
    pub(super) fn report_unknown(&mut self) {
        let mut meant = Vec::new();
        for (key, _) in self.entries {
            let text: &str = key.get_ref();
            if self.asked.contains(&text) {
                continue;
            }
            let known = nearest(text, &self.asked);
            meant.extend(known);
            let fix = match known {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("known here: {}", self.asked.join(", ")),
            };
            let name = self.name(quote(text).trim_matches('"'));
            let line = self.log.line(key.span().start);
            self.mistake(line, format!("unknown key {name}; {fix}"));
        }
        for (key, message) in std::mem::take(&mut self.missing) {
            if !meant.contains(&key) {
                self.mistake(self.line_of(key), message);
            }
        }
    }
}
