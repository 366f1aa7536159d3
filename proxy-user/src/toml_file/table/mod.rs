//! One table of the file: reads keys, records every mistake, and keeps going.
//!
//! A table is read inside a closure. Keys that were not asked for by its end are unknown: the known keys are
//! exactly those that are read. This module must not know any key by name.

mod nested;
mod number;
mod text;

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::log::Log;
use super::nearest::nearest;
use super::quote::quote;

/// A table being read.
pub(crate) struct Table<'a> {
    log: &'a mut Log,
    entries: &'a DeTable<'a>,
    /// Its name for people, such as `[stall]`; empty for the top level.
    place: &'static str,
    /// The line of the table's header.
    line: usize,
    /// The keys asked for so far.
    asked: Vec<&'static str>,
    /// Whether keys that were not asked for are allowed.
    takes_any: bool,
    /// Required keys that are missing, each with its message.
    missing: Vec<(&'static str, String)>,
}

impl<'a> Table<'a> {
    /// Reads the table, then reports the unread keys.
    pub(super) fn read<R>(
        log: &'a mut Log,
        entries: &'a DeTable<'a>,
        place: &'static str,
        line: usize,
        read: impl FnOnce(&mut Table<'_>) -> R,
    ) -> R {
        let mut table = Table {
            log,
            entries,
            place,
            line,
            asked: Vec::new(),
            takes_any: false,
            missing: Vec::new(),
        };
        let result = read(&mut table);
        table.report_unknown();
        result
    }

    /// Whether the key is present, whatever its value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The line of a key; that of the table's header if the key is absent.
    pub(crate) fn line_of(&self, key: &str) -> usize {
        match self.entries.get_key_value(key) {
            Some((key, _)) => self.log.line(key.span().start),
            None => self.line,
        }
    }

    /// Records a mistake on a line of this file.
    pub(crate) fn mistake(&mut self, line: usize, message: String) {
        self.log.mistake(line, message);
    }

    /// Records a mistake in a key's value.
    pub(crate) fn mistake_at(&mut self, key: &str, says: &str) {
        let message = format!("{} {says}", self.name(key));
        self.mistake(self.line_of(key), message);
    }

    /// Records a mistake in another file that this one names.
    pub(crate) fn mistake_in(&mut self, file: &Path, line: usize, message: String) {
        self.log.mistake_in(file, line, message);
    }

    /// Records a warning about a key's value.
    pub(crate) fn warning(&mut self, key: &str, says: &str) {
        let message = format!("{} {says}", self.name(key));
        self.log.warning(self.line_of(key), message);
    }

    /// Records a mistake on the line of the table's header.
    pub(crate) fn mistake_here(&mut self, message: String) {
        self.mistake(self.line, message);
    }

    /// Records that a key is missing or empty. Not reported if a misspelling of that very key explains it.
    pub(crate) fn lacks(&mut self, key: &'static str, message: String) {
        self.missing.push((key, message));
    }

    /// Marks a key as known without reading it.
    pub(crate) fn know(&mut self, key: &'static str) {
        self.asked.push(key);
    }

    /// Marks every key as known, if it can no longer be said which ones are.
    pub(crate) fn know_all(&mut self) {
        self.takes_any = true;
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.push(key);
        self.entries.get(key)
    }

    /// A value of any type, without marking the key as known.
    pub(crate) fn peek(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.entries.get(key)
    }

    /// A value of any type.
    pub(crate) fn raw(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.value(key)
    }

    /// The line where a value starts.
    pub(crate) fn line_at(&self, value: &Spanned<DeValue<'_>>) -> usize {
        self.log.line(value.span().start)
    }

    /// A key's name for people.
    fn name(&self, key: &str) -> String {
        if self.place.is_empty() {
            format!("`{key}`")
        } else {
            format!("`{key}` in {}", self.place)
        }
    }

    /// Records every key that was not asked for, then every missing key that none of them resembles: a
    /// misspelt required key is one mistake, not two.
    fn report_unknown(&mut self) {
        let mut meant = Vec::new();
        for (key, _) in self.entries {
            let text: &str = key.get_ref();
            if self.takes_any || self.asked.contains(&text) {
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
