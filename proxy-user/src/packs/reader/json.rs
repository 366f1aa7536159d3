//! `json` and `keys`: tables that are read as the shape of an object.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::value::{Patterns, token};
use crate::config::reader::{Table, describe};
use crate::core::pack::ask::{JsonAsk, MAX_FIELDS, Scalar, Want};

/// Reads `json` with the `keys` beside it; `None` when absent or mistaken.
pub(super) fn read(table: &mut Table<'_>, patterns: &Patterns) -> Option<JsonAsk> {
    let value = table.raw("json");
    let keys = table.list("keys", token());
    let Some(value) = value else {
        if table.has("keys") {
            let message = "`keys` says which other keys a `json` object may have; add `json`";
            table.mistake(table.line_of("keys"), message.to_owned());
        }
        return None;
    };
    match value.get_ref() {
        DeValue::Table(entries) => object(table, patterns, entries, keys),
        other => {
            let found = describe(other);
            let message = format!(
                "`json` is {found}, not the fields of an object; write it like {{ type = \"ping\" }}"
            );
            table.mistake(table.line_at(value), message);
            None
        }
    }
}

/// As deep as the TOML parser lets tables nest.
fn object(
    table: &mut Table<'_>,
    patterns: &Patterns,
    entries: &DeTable<'_>,
    keys: Option<Vec<Box<str>>>,
) -> Option<JsonAsk> {
    if entries.len() > MAX_FIELDS {
        let message = format!("`json` asks for {} fields; at most {MAX_FIELDS}", entries.len());
        table.mistake(table.line_of("json"), message);
        return None;
    }
    let fields = entries.iter().map(|(key, value)| {
        let key: &str = key.get_ref();
        want(table, patterns, value).map(|want| (Box::from(key), want))
    });
    // Every field is read, so that each mistake is found.
    let fields: Vec<Option<_>> = fields.collect();
    Some(JsonAsk::new(fields.into_iter().collect::<Option<_>>()?, keys))
}

fn want(table: &mut Table<'_>, patterns: &Patterns, value: &Spanned<DeValue<'_>>) -> Option<Want> {
    match value.get_ref() {
        DeValue::Array(items) => {
            let items: Vec<Option<Scalar>> = items.iter().map(|item| scalar(table, item)).collect();
            let ones: Vec<Scalar> = items.into_iter().collect::<Option<_>>()?;
            if ones.is_empty() {
                let message = "`json` has a list without values, which nothing fits; add some";
                table.mistake(table.line_at(value), message.to_owned());
            }
            Some(Want::OneOf(ones.into()))
        }
        DeValue::Table(entries) => match pattern_of(entries) {
            Some((kind, text)) => {
                let pattern = match (patterns.whole().parse)(text) {
                    Ok(pattern) => Want::Text(pattern),
                    Err(error) => {
                        table.mistake(table.line_at(value), format!("`{kind}` in json: {error}"));
                        return None;
                    }
                };
                Some(if kind == "each" { Want::Each(pattern.into()) } else { pattern })
            }
            None => object(table, patterns, entries, None).map(Want::Object),
        },
        _ => scalar(table, value).map(|one| Want::OneOf([one].into())),
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
