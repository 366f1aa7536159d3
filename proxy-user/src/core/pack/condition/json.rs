//! Conditions on JSON: an object in which some fields have certain values. Compared while parsing; nothing of
//! the message is kept.
//!
//! Every occurrence of a field must match, because parsers differ on which of two they use. The parser's
//! recursion limit stays in force.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::core::pack::first_bytes::FirstBytes;
use crate::core::pack::pattern::Pattern;

/// The most fields of one object that a rule may check.
pub const MAX_FIELDS: usize = 32;

/// A JSON object with these fields.
#[derive(Clone, Debug)]
pub struct JsonObject {
    fields: Box<[(Box<str>, Expected)]>,
    /// Other keys that the object may have; `None` = any.
    others: Option<Box<[Box<str>]>>,
}

/// The expected value of a field.
#[derive(Clone, Debug)]
pub enum Expected {
    /// One of these.
    OneOf(Box<[Scalar]>),
    /// A string that matches.
    Text(Pattern),
    /// A non-empty list whose elements all match.
    Each(Box<Expected>),
    /// An object.
    Object(JsonObject),
}

/// A value without parts. 1 and 1.0 differ: no serialiser writes one for the other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "JSON names them")]
pub enum Scalar {
    Boolean(bool),
    Integer(i64),
    Text(Box<str>),
}

impl JsonObject {
    /// An object with these fields, of which the first [`MAX_FIELDS`] are checked. If `keys` is given, no
    /// other keys than those and the fields are allowed.
    #[must_use]
    pub fn new(mut fields: Vec<(Box<str>, Expected)>, keys: Option<Vec<Box<str>>>) -> JsonObject {
        fields.truncate(MAX_FIELDS);
        JsonObject { fields: fields.into(), others: keys.map(Into::into) }
    }

    /// Whether `text` is one such object, with nothing after it. Allocates for escaped strings, for nested
    /// values that no rule checks, and for input that is not JSON.
    #[must_use]
    pub fn fits(&self, text: &[u8]) -> bool {
        if text.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            return false;
        }
        let mut parser = serde_json::Deserializer::from_slice(text);
        // A message that ends after its first mismatch is rejected as well, so what follows it need not be
        // parsed to the end.
        parser.deserialize_any(Object(self)).is_ok_and(|fits| fits) && parser.end().is_ok()
    }

    /// Whether the object with these parts as fields matches; `names`: the order in which they are checked.
    pub(in crate::core::pack) fn fits_parts<'a>(
        &self,
        names: impl Iterator<Item = &'static str>,
        part: impl Fn(&str) -> Option<&'a [u8]>,
    ) -> bool {
        let mut left = self.fields.len();
        for name in names {
            let Some((_, expected)) = self.fields.iter().find(|(field, _)| **field == *name) else {
                continue;
            };
            let Expected::Object(object) = expected else { return false };
            if !part(name).is_some_and(|part| object.fits(part)) {
                return false;
            }
            left -= 1;
        }
        left == 0
    }

    /// The possible first bytes of an object: RFC 8259 section 2.
    pub(super) fn first_bytes() -> FirstBytes {
        FirstBytes::of(b" \t\n\r{")
    }

    fn all(&self) -> u32 {
        u32::try_from((1_u64 << self.fields.len()) - 1).unwrap_or(u32::MAX)
    }
}

/// Compares a value with the expected one; the result is whether it matches.
struct Value<'a>(&'a Expected);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
        Ok(matches!(self.0, Expected::OneOf(ones) if ones.contains(&Scalar::Boolean(value))))
    }

    fn visit_i64<E>(self, value: i64) -> Result<bool, E> {
        Ok(matches!(self.0, Expected::OneOf(ones) if ones.contains(&Scalar::Integer(value))))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<bool, E> {
        i64::try_from(value).map_or(Ok(false), |value| self.visit_i64(value))
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(match self.0 {
            Expected::OneOf(ones) => {
                ones.iter().any(|one| matches!(one, Scalar::Text(one) if **one == *text))
            }
            Expected::Text(pattern) => pattern.fits(text.as_bytes()),
            Expected::Each(_) | Expected::Object(_) => false,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        let Expected::Each(item) = self.0 else {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(false);
        };
        let (mut any, mut all) = (false, true);
        while let Some(fits) = items.next_element_seed(Value(item))? {
            any = true;
            all &= fits;
        }
        Ok(any && all)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<bool, A::Error> {
        if let Expected::Object(wanted) = self.0 {
            return Object(wanted).visit_map(entries);
        }
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(false)
    }
}

/// Compares an object.
struct Object<'a>(&'a JsonObject);

impl<'de> Visitor<'de> for Object<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<bool, A::Error> {
        let wanted = self.0;
        let (mut seen, mut fits) = (0_u32, true);
        while let Some(key) = entries.next_key_seed(Key(wanted))? {
            match key {
                KeyIs::Field(index) => {
                    fits &= entries.next_value_seed(Value(&wanted.fields[index].1))?;
                    seen |= 1 << index;
                }
                KeyIs::Allowed => _ = entries.next_value::<IgnoredAny>()?,
                KeyIs::Foreign => {
                    fits = false;
                    entries.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(fits && seen == wanted.all())
    }
}

/// What a key means to a rule.
enum KeyIs {
    Field(usize),
    Allowed,
    Foreign,
}

/// Looks up a key among the fields.
struct Key<'a>(&'a JsonObject);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = KeyIs;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<KeyIs, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = KeyIs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<KeyIs, E> {
        let wanted = self.0;
        if let Some(index) = wanted.fields.iter().position(|(field, _)| **field == *key) {
            return Ok(KeyIs::Field(index));
        }
        let allowed = match &wanted.others {
            None => true,
            Some(keys) => keys.iter().any(|known| **known == *key),
        };
        Ok(if allowed { KeyIs::Allowed } else { KeyIs::Foreign })
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
