//! One line of a recording: a JSON object whose fields are optional. Must not know what they mean.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Line(Map<String, Value>);

impl Line {
    /// Parses a line; `None` if it is not a JSON object.
    pub(super) fn parse(text: &str) -> Option<Line> {
        serde_json::from_str(text).ok().map(Line)
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(Value::as_str)
    }

    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.0.get(key).and_then(Value::as_u64)
    }

    /// A time or another number, which may be fractional or negative.
    pub(super) fn decimal(&self, key: &str) -> Option<f64> {
        self.0.get(key).and_then(Value::as_f64)
    }

    /// A list of times, some of which may be missing.
    pub(super) fn decimals(&self, key: &str) -> Vec<Option<f64>> {
        let list = self.0.get(key).and_then(Value::as_array);
        list.map_or(Vec::new(), |list| list.iter().map(Value::as_f64).collect())
    }

    /// A list of lists that each start with a time.
    pub(super) fn moments(&self, key: &str) -> Vec<f64> {
        let list = self.0.get(key).and_then(Value::as_array);
        let moment = |item: &Value| item.get(0).and_then(Value::as_f64);
        list.map_or(Vec::new(), |list| list.iter().filter_map(moment).collect())
    }

    /// Flags are written as booleans or as 0 and 1.
    pub(super) fn flag(&self, key: &str) -> bool {
        match self.0.get(key) {
            Some(Value::Bool(flag)) => *flag,
            Some(value) => value.as_u64().is_some_and(|number| number != 0),
            None => false,
        }
    }

    /// Bytes in base64.
    pub(super) fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        BASE64_STANDARD.decode(self.text(key)?).ok()
    }

    /// An object whose values are strings, such as header fields.
    pub(super) fn texts(&self, key: &str) -> Vec<(&str, &str)> {
        let Some(Value::Object(fields)) = self.0.get(key) else { return Vec::new() };
        fields.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))).collect()
    }
}
