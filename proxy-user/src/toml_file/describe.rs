//! Describes a value that was found where another one was expected. Says what it is, not what to do.

use toml::de::DeValue;

use super::quote::quote;

/// The value with its type, cut to fit a line.
pub(crate) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text {}", quote(text)),
        DeValue::Integer(number) => format!("the number {}", cut(number.to_string())),
        DeValue::Float(number) => format!("the number {}", cut(number.to_string())),
        DeValue::Boolean(truth) => format!("{truth}"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// Numbers are ASCII digits, but there may be a million of them.
fn cut(digits: String) -> String {
    digits.chars().take(40).collect()
}
