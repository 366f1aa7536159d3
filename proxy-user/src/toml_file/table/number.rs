//! Whole numbers, lists of them, and booleans.

use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::DeValue;

use super::Table;
use crate::toml_file::describe::describe;

impl Table<'_> {
    /// Overwrites `target`, which holds the default, with a whole number if the key is present.
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

    /// `true` or `false`; `None` if absent or invalid.
    pub(crate) fn truth(&mut self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        if let DeValue::Boolean(truth) = value.get_ref() {
            return Some(*truth);
        }
        let message =
            format!("{} is {}; write true or false", self.name(key), describe(value.get_ref()));
        self.mistake(self.line_of(key), message);
        None
    }

    /// A list of whole numbers; `None` if absent or if any is invalid. One number without brackets is a list
    /// of one.
    pub(crate) fn integers(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u32>,
    ) -> Option<Vec<u32>> {
        let value = self.value(key)?;
        let items = match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        let number = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
            DeValue::Integer(digits) => u32::from_str_radix(digits.as_str(), digits.radix()).ok(),
            _ => None,
        };
        let mut numbers = Vec::with_capacity(items.len());
        for item in items {
            match number(item).filter(|number| range.contains(number)) {
                Some(number) => numbers.push(number),
                None => {
                    let (least, most) = (range.start(), range.end());
                    let found = describe(item.get_ref());
                    let message = format!(
                        "{} has {found}; write whole numbers from {least} to {most}, such as \
                         [11, 6]",
                        self.name(key)
                    );
                    let line = self.line_at(item);
                    self.mistake(line, message);
                    return None;
                }
            }
        }
        Some(numbers)
    }
}
