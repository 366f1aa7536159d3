//! Tables below a table: one (`[stall]`) or a list (`[[app]]`). Values are read elsewhere.

use toml::Spanned;
use toml::de::DeValue;

use super::Table;
use crate::toml_file::describe::describe;

impl Table<'_> {
    /// A table below this one.
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

    /// The tables of an array of tables, empty when absent; `None` when one is no table.
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

    fn not_a_table(&mut self, key: &str, place: &str, value: &Spanned<DeValue<'_>>) {
        let found = describe(value.get_ref());
        let message = format!("`{key}` is {found}, not {place}; write {place} and its keys below");
        let line = self.log.line(value.span().start);
        self.mistake(line, message);
    }
}
