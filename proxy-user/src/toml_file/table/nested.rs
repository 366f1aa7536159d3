//! Tables inside a table: a single one (`[stall]`), a list (`[[app]]`), or one with user-defined keys.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Table;
use crate::toml_file::describe::describe;
use crate::toml_file::kind::Kind;
use crate::toml_file::mistake::ValueError;

impl Table<'_> {
    /// A table inside this one.
    pub(crate) fn table<R>(
        &mut self,
        key: &'static str,
        place: &'static str,
        read: impl FnOnce(&mut Table<'_>) -> R,
    ) -> Option<R> {
        let value = self.value(key)?;
        let line = self.log.line(value.span().start);
        let DeValue::Table(entries) = value.get_ref() else {
            self.not_a_table(key, place, value);
            return None;
        };
        Some(Table::read(self.log, entries, place, line, read))
    }

    /// Reads a table that is absent, to get its defaults. Keys that it lacks are reported on the line of this
    /// table's header.
    pub(crate) fn absent<R>(
        &mut self,
        key: &'static str,
        place: &'static str,
        read: impl FnOnce(&mut Table<'_>) -> R,
    ) -> R {
        self.know(key);
        Table::read(self.log, &DeTable::new(), place, self.line, read)
    }

    /// The tables of an array of tables, empty if absent; `None` if an element is not a table.
    pub(crate) fn tables<R>(
        &mut self,
        key: &'static str,
        place: &'static str,
        mut read: impl FnMut(&mut Table<'_>) -> R,
    ) -> Option<Vec<R>> {
        let Some(value) = self.value(key) else { return Some(Vec::new()) };
        let DeValue::Array(items) = value.get_ref() else {
            self.not_a_table(key, place, value);
            return None;
        };
        let mut results = Some(Vec::with_capacity(items.len()));
        for item in items.iter() {
            let line = self.log.line(item.span().start);
            if let DeValue::Table(entries) = item.get_ref() {
                let result = Table::read(self.log, entries, place, line, &mut read);
                if let Some(results) = results.as_mut() {
                    results.push(result)
                }
            } else {
                self.not_a_table(key, place, item);
                results = None;
            }
        }
        results
    }

    /// The entries of a table with user-defined keys, with each mistake on its own line. Empty if absent,
    /// `None` if any entry is invalid.
    pub(crate) fn entries<K, V>(
        &mut self,
        key: &'static str,
        names: impl Fn(&str) -> Result<K, ValueError>,
        kind: Kind<impl Fn(&str) -> Result<V, ValueError>>,
    ) -> Option<Vec<(K, V)>> {
        self.entries_by(key, names, kind.example, |table, value| table.one(key, value, &kind))
    }

    /// The same, but a value may also be `false`, which is returned as `None`.
    pub(crate) fn entries_or_false<K, V>(
        &mut self,
        key: &'static str,
        names: impl Fn(&str) -> Result<K, ValueError>,
        kind: Kind<impl Fn(&str) -> Result<V, ValueError>>,
    ) -> Option<Vec<(K, Option<V>)>> {
        let example = format!("{} or false", kind.example);
        self.entries_by(key, names, &example, |table, value| match value.get_ref() {
            DeValue::Boolean(false) => Some(None),
            DeValue::String(_) => table.one(key, value, &kind).map(Some),
            other => {
                let (name, found) = (table.name(key), describe(other));
                let message = format!("{name} is {found}, not {}; write {example}", kind.wants);
                table.mistake(table.line_at(value), message);
                None
            }
        })
    }

    fn entries_by<K, V>(
        &mut self,
        key: &'static str,
        names: impl Fn(&str) -> Result<K, ValueError>,
        example: &str,
        read: impl Fn(&mut Self, &Spanned<DeValue<'_>>) -> Option<V>,
    ) -> Option<Vec<(K, V)>> {
        let Some(value) = self.value(key) else { return Some(Vec::new()) };
        let line = self.line_at(value);
        let DeValue::Table(entries) = value.get_ref() else {
            let (name, found) = (self.name(key), describe(value.get_ref()));
            let message =
                format!("{name} is {found}, not a table; write {key} = {{ NAME = {example} }}");
            self.mistake(line, message);
            return None;
        };
        let mut results = Some(Vec::with_capacity(entries.len()));
        for (name, value) in entries {
            let read = match names(name.get_ref()) {
                Ok(name) => read(self, value).map(|value| (name, value)),
                Err(error) => {
                    let line = self.log.line(name.span().start);
                    let message = format!("{}: {error}", self.name(key));
                    self.mistake(line, message);
                    None
                }
            };
            match (read, results.as_mut()) {
                (Some(read), Some(results)) => results.push(read),
                _ => results = None,
            }
        }
        results
    }

    fn not_a_table(&mut self, key: &str, place: &str, value: &Spanned<DeValue<'_>>) {
        let found = describe(value.get_ref());
        let message = format!("`{key}` is {found}, not {place}; write {place} and its keys below");
        let line = self.log.line(value.span().start);
        self.mistake(line, message);
    }
}
