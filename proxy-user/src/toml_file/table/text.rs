//! Values that are written as strings, and lists of them.

use toml::Spanned;
use toml::de::DeValue;

use super::Table;
use crate::toml_file::describe::describe;
use crate::toml_file::kind::Kind;
use crate::toml_file::mistake::ValueError;

impl Table<'_> {
    /// A string value; `None` if absent or invalid.
    pub(crate) fn text<T>(
        &mut self,
        key: &'static str,
        kind: Kind<impl Fn(&str) -> Result<T, ValueError>>,
    ) -> Option<T> {
        let value = self.value(key)?;
        self.one(key, value, &kind)
    }

    /// A required string value.
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

    /// Overwrites `target`, which holds the default, if the key is present.
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

    /// A list of string values, with each mistake on its own line; `None` if absent or if any is invalid. One
    /// string without brackets is a list of one.
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

    pub(super) fn one<T>(
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
}
