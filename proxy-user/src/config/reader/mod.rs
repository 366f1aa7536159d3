//! One table of the file: asks for keys, records every mistake, and keeps going.
//!
//! A table is read inside a closure, and what was not asked for by its end is an unknown key: the
//! known keys are exactly those that are read. This module must not know any key by name.

mod found;
mod nested;
mod plain;
mod unknown;

use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Log, ValueError};
use super::pending;
use super::value::Kind;
pub(crate) use found::describe;

/// A table under reading.
pub(crate) struct Table<'a> {
    log: &'a mut Log,
    entries: &'a DeTable<'a>,
    /// As a person knows it, such as `[stall]`; empty for the top level.
    place: &'static str,
    /// Of the table's head.
    line: usize,
    /// The keys that are known here, as they turn up.
    asked: Vec<&'static str>,
    /// Keys that must be there and are not, each with what to say about it.
    missing: Vec<(&'static str, String)>,
}

impl<'a> Table<'a> {
    /// Reads the table, then reports what was left unread.
    pub(crate) fn read<R>(
        log: &'a mut Log,
        entries: &'a DeTable<'a>,
        place: &'static str,
        line: usize,
        read: impl FnOnce(&mut Table<'_>) -> R,
    ) -> R {
        let mut table = Table { log, entries, place, line, asked: Vec::new(), missing: Vec::new() };
        let result = read(&mut table);
        table.report_unknown();
        result
    }

    /// Whether the key is there, whatever its value.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The line of a key; of the table's head where the key is absent.
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

    /// Records what the author should hear of a key's value.
    pub(super) fn warning(&mut self, key: &str, says: &str) {
        let message = format!("{} {says}", self.name(key));
        self.log.warning(self.line_of(key), message);
    }

    /// Records a mistake on the line of the table's head.
    pub(crate) fn mistake_here(&mut self, message: String) {
        self.mistake(self.line, message);
    }

    /// Records that a key is missing or has nothing in it; left unsaid at the table's end where a
    /// slip in that very key explains it.
    pub(crate) fn lacks(&mut self, key: &'static str, message: String) {
        self.missing.push((key, message));
    }

    /// Makes a key known without reading it.
    pub(crate) fn know(&mut self, key: &'static str) {
        self.asked.push(key);
    }

    /// A text value; `None` when absent or mistaken.
    pub(crate) fn text<T>(
        &mut self,
        key: &'static str,
        kind: Kind<impl Fn(&str) -> Result<T, ValueError>>,
    ) -> Option<T> {
        let value = self.value(key)?;
        self.one(key, value, &kind)
    }

    /// A text value that must be there.
    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        kind: Kind<impl Fn(&str) -> Result<T, ValueError>>,
    ) -> Option<T> {
        if !self.has(key) {
            let place = if self.place.is_empty() { "the file" } else { self.place };
            let example = kind.example;
            let message = format!("{place} has no `{key}`; add one, such as {key} = {example}");
            self.lacks(key, message);
        }
        self.text(key, kind)
    }

    /// Overwrites `target`, which holds the default, when the key is there.
    pub(crate) fn set<T>(
        &mut self,
        target: &mut T,
        key: &'static str,
        kind: Kind<impl Fn(&str) -> Result<T, ValueError>>,
    ) {
        if let Some(value) = self.text(key, kind) {
            *target = value;
        }
    }

    /// Overwrites `target`, which holds the default, when the key is there: a whole number.
    pub(crate) fn set_integer<T: TryFrom<u64>>(
        &mut self,
        target: &mut T,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) {
        let Some(value) = self.value(key) else { return };
        let number = match value.get_ref() {
            DeValue::Integer(digits) => u64::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        let number = number.filter(|number| range.contains(number));
        match number.and_then(|number| T::try_from(number).ok()) {
            Some(number) => *target = number,
            None => {
                let found = describe(value.get_ref());
                let (least, most) = (range.start(), range.end());
                let message = format!(
                    "{} is {found}; write a whole number from {least} to {most}",
                    self.name(key)
                );
                self.mistake(self.line_of(key), message);
            }
        }
    }

    /// A list of text values, each mistake on its own line; `None` when absent or any is mistaken.
    /// One text without brackets is a list of one.
    pub(crate) fn list<T>(
        &mut self,
        key: &'static str,
        kind: Kind<impl Fn(&str) -> Result<T, ValueError>>,
    ) -> Option<Vec<T>> {
        let value = self.value(key)?;
        let DeValue::Array(items) = value.get_ref() else {
            return self.one(key, value, &kind).map(|item| vec![item]);
        };
        let read: Vec<Option<T>> = items.iter().map(|item| self.one(key, item, &kind)).collect();
        read.into_iter().collect()
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.push(key);
        let value = self.entries.get(key)?;
        if let Some(effect) = pending::ignored(self.place, key, value.get_ref()) {
            let line = self.line_of(key);
            let name = self.name(key);
            let message =
                format!("{name} is understood, but this version does not act on it yet; {effect}");
            self.log.warning(line, message);
        }
        Some(value)
    }

    fn one<T>(
        &mut self,
        key: &str,
        value: &Spanned<DeValue<'_>>,
        kind: &Kind<impl Fn(&str) -> Result<T, ValueError>>,
    ) -> Option<T> {
        let message = match value.get_ref() {
            DeValue::String(text) => match (kind.parse)(text) {
                Ok(value) => return Some(value),
                Err(error) => format!("{}: {error}", self.name(key)),
            },
            other => {
                let (name, found) = (self.name(key), describe(other));
                let (wants, example) = (kind.wants, kind.example);
                format!("{name} is {found}, not {wants}; write it like {example}")
            }
        };
        let line = self.log.line(value.span().start);
        self.mistake(line, message);
        None
    }

    /// A key as a person knows it.
    fn name(&self, key: &str) -> String {
        if self.place.is_empty() {
            format!("`{key}`")
        } else {
            format!("`{key}` in {}", self.place)
        }
    }
}
