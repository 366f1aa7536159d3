//! `json` and `keys`: tables that describe the shape of an object.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::value::{Patterns, token};
use crate::core::pack::condition::{Expected, JsonObject, MAX_FIELDS, Scalar};
use crate::toml_file::{Table, describe};

/// The most steps of one dotted key.
const MAX_STEPS: usize = 16;

/// Keys that an object may have.
pub(super) type Keys = Vec<Box<str>>;

/// Reads `keys`.
pub(super) fn keys(table: &mut Table<'_>) -> Option<Keys> {
    table.list("keys", token())
}

/// Reads `json`; `None` if absent or invalid. `keys`: other keys that the object may have.
pub(super) fn read(
    table: &mut Table<'_>,
    patterns: &Patterns,
    keys: Option<Keys>,
) -> Option<JsonObject> {
    let value = table.raw("json")?;
    if let DeValue::Table(entries) = value.get_ref() {
        return shape(table, patterns, entries).map(|shape| shape.into_object(keys));
    }
    let found = describe(value.get_ref());
    let message = format!(
        "`json` is {found}, not the fields of an object; write it like {{ type = \"ping\" }}"
    );
    table.mistake(table.line_at(value), message);
    None
}

/// An object whose fields are being collected: dotted keys may set fields of one object in several places.
#[derive(Default)]
struct Shape(Vec<(Box<str>, Field)>);

enum Field {
    Is(Expected),
    Has(Shape),
}

impl Shape {
    /// Adds the expected value at a path; false if there already is a different one.
    fn add(&mut self, path: &str, field: Field) -> bool {
        let (step, rest) = match path.split_once('.') {
            Some((step, rest)) => (step, Some(rest)),
            None => (path, None),
        };
        let place = self.0.iter().position(|(key, _)| **key == *step);
        match (rest, place) {
            (None, Some(place)) => match (&mut self.0[place].1, field) {
                (Field::Has(shape), Field::Has(more)) => {
                    more.0.into_iter().all(|(key, field)| shape.add(&key, field))
                }
                _ => false,
            },
            (None, None) => {
                self.0.push((step.into(), field));
                true
            }
            (Some(rest), Some(place)) => match &mut self.0[place].1 {
                Field::Has(shape) => shape.add(rest, field),
                Field::Is(_) => false,
            },
            (Some(rest), None) => {
                let mut shape = Shape::default();
                let added = shape.add(rest, field);
                self.0.push((step.into(), Field::Has(shape)));
                added
            }
        }
    }

    fn into_object(self, keys: Option<Keys>) -> JsonObject {
        let want = |field| match field {
            Field::Is(want) => want,
            Field::Has(shape) => Expected::Object(shape.into_object(None)),
        };
        JsonObject::new(self.0.into_iter().map(|(key, field)| (key, want(field))).collect(), keys)
    }
}

/// Recursion is limited by how deeply the TOML parser lets tables nest.
fn shape(table: &mut Table<'_>, patterns: &Patterns, entries: &DeTable<'_>) -> Option<Shape> {
    if entries.len() > MAX_FIELDS {
        let message = format!("`json` asks for {} fields; at most {MAX_FIELDS}", entries.len());
        table.mistake(table.line_of("json"), message);
        return None;
    }
    let mut shape = Some(Shape::default());
    for (key, value) in entries {
        // Read every field, so that every mistake is found.
        let field = field(table, patterns, value);
        let path: &str = key.get_ref();
        let line = table.line_at(value);
        match (field, &mut shape) {
            (Some(_), _) if path.split('.').count() > MAX_STEPS => {
                let message = format!("a key of `json` has at most {MAX_STEPS} steps");
                table.mistake(line, message);
            }
            (Some(field), Some(shape)) => {
                if !shape.add(path, field) {
                    let message = "`json` has two values for one field; keep one of them";
                    table.mistake(line, message.to_owned());
                }
            }
            _ => shape = None,
        }
    }
    shape
}

fn field(
    table: &mut Table<'_>,
    patterns: &Patterns,
    value: &Spanned<DeValue<'_>>,
) -> Option<Field> {
    match value.get_ref() {
        DeValue::Array(items) => {
            let items: Vec<Option<Scalar>> = items.iter().map(|item| scalar(table, item)).collect();
            let ones: Vec<Scalar> = items.into_iter().collect::<Option<_>>()?;
            if ones.is_empty() {
                let message = "`json` has a list without values, which nothing fits; add some";
                table.mistake(table.line_at(value), message.to_owned());
            }
            Some(Field::Is(Expected::OneOf(ones.into())))
        }
        DeValue::Table(entries) => match pattern_of(entries) {
            Some((kind, text)) => {
                let pattern = match (patterns.whole().parse)(text) {
                    Ok(pattern) => Expected::Text(pattern),
                    Err(error) => {
                        table.mistake(table.line_at(value), format!("`{kind}` in json: {error}"));
                        return None;
                    }
                };
                let each = kind == "each";
                Some(Field::Is(if each { Expected::Each(pattern.into()) } else { pattern }))
            }
            None => shape(table, patterns, entries).map(Field::Has),
        },
        _ => scalar(table, value).map(|one| Field::Is(Expected::OneOf([one].into()))),
    }
}

/// `{ regex = '…' }` or `{ each = '…' }`.
fn pattern_of<'a>(entries: &'a DeTable<'_>) -> Option<(&'static str, &'a str)> {
    let kind = ["regex", "each"].into_iter().find(|&kind| entries.contains_key(kind))?;
    match entries.get(kind)?.get_ref() {
        DeValue::String(text) if entries.len() == 1 => Some((kind, text)),
        _ => None,
    }
}

fn scalar(table: &mut Table<'_>, value: &Spanned<DeValue<'_>>) -> Option<Scalar> {
    let scalar = match value.get_ref() {
        DeValue::String(text) => Some(Scalar::Text(Box::from(&**text))),
        DeValue::Boolean(truth) => Some(Scalar::Boolean(*truth)),
        DeValue::Integer(digits) => {
            i64::from_str_radix(digits.as_str(), digits.radix()).ok().map(Scalar::Integer)
        }
        _ => None,
    };
    if scalar.is_none() {
        let found = describe(value.get_ref());
        let message = format!("`json` asks for {found}; write a text, a whole number or a truth");
        table.mistake(table.line_at(value), message);
    }
    scalar
}
