//! The keys by which a rule asks something of bytes.

use super::json::{self, Keys};
use super::value::{Patterns, digest, exact_text, field_path, hex, layout, word};
use crate::core::pack::ask::{Ask, Asks, Kinds, MAX_PATH, ProtobufAsk, Records};
use crate::core::pack::{MOST_MAX, USUAL_MAX};
use crate::core::skeleton::Skeleton;
use crate::toml_file::Table;

/// The most alternatives of one rule.
const MAX_ANY: usize = 64;

/// Field numbers of protobuf have 29 bits.
const FIELDS: std::ops::RangeInclusive<u32> = 1..=(1 << 29) - 1;

/// What the bytes are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A WebSocket message.
    Message,
    /// A request's body.
    Body,
}

/// Reads what is asked; `None` where that is nothing.
pub(super) fn read(table: &mut Table<'_>, patterns: &Patterns, place: Place) -> Option<Asks> {
    let kinds = (place == Place::Message).then(|| opcode(table)).flatten();
    let records = records(table);
    let split = records.is_some() || table.has("records");
    let fixed = kinds.or((split || place == Place::Body).then_some(Kinds::ANY));
    let keys = json::keys(table);
    let all = one(table, patterns, fixed, keys.clone());
    let any = alternatives(table, patterns, fixed, keys.as_ref());
    if keys.is_some() && !table.has("json") && !table.has("any") {
        let message = "`keys` says which other keys a `json` object may have; add `json`";
        table.mistake(table.line_of("keys"), message.to_owned());
    }
    let max = max(table);
    if all.is_none() && any.is_empty() && kinds.is_none() {
        if table.has("max") || split {
            let message = "nothing is asked of what `max` and `records` are for; say what";
            table.mistake_here(message.to_owned());
        }
        return None;
    }
    let none = || Ask { kinds: fixed.unwrap_or(Kinds::ANY), ..Ask::default() };
    Some(Asks::new(all.unwrap_or_else(none), any, records, max, USUAL_MAX))
}

/// The longest that fits.
pub(super) fn max(table: &mut Table<'_>) -> Option<usize> {
    let mut max = usize::MAX;
    table.set_integer(&mut max, "max", 1..=u64::try_from(MOST_MAX).unwrap_or(u64::MAX));
    (max != usize::MAX).then_some(max)
}

fn opcode(table: &mut Table<'_>) -> Option<Kinds> {
    let words = [
        ("text", Kinds { text: true, binary: false }),
        ("binary", Kinds { text: false, binary: true }),
        ("any", Kinds::ANY),
    ];
    table.text("opcode", word("\"text\"", &words))
}

fn records(table: &mut Table<'_>) -> Option<Records> {
    table.text("records", word("\"lines\"", &Records::WORDS))
}

fn alternatives(
    table: &mut Table<'_>,
    patterns: &Patterns,
    fixed: Option<Kinds>,
    keys: Option<&Keys>,
) -> Vec<Ask> {
    let mut read = |table: &mut Table<'_>| {
        let keys = json::keys(table).or_else(|| keys.cloned());
        let ask = one(table, patterns, fixed, keys);
        if ask.is_none() {
            table.mistake_here("this alternative asks nothing; say what".to_owned());
        }
        ask
    };
    let any = table.tables("any", "any", &mut read);
    let any: Vec<Ask> = any.unwrap_or_default().into_iter().flatten().collect();
    if any.len() > MAX_ANY {
        let message = format!("`any` has {} alternatives; write at most {MAX_ANY}", any.len());
        table.mistake(table.line_of("any"), message);
    }
    any
}

/// Conditions that stand together; `None` where there are none.
fn one(
    table: &mut Table<'_>,
    patterns: &Patterns,
    fixed: Option<Kinds>,
    keys: Option<Keys>,
) -> Option<Ask> {
    let text = [table.text("text", exact_text()), table.text("starts", exact_text())];
    let regex = table.text("regex", patterns.whole());
    let json = json::read(table, patterns, keys);
    let bytes = [table.text("hex", hex()), table.text("starts_hex", hex())];
    let layout = table.text("layout", layout());
    let protobuf = protobuf(table);
    let numberless = table.text("digest", digest());
    let idless = table.text("digest_without_ids", digest());
    if numberless.is_some() && idless.is_some() {
        table.mistake_here("two keys give a digest; write one of them".to_owned());
    }
    let digest = numberless
        .map(|digest| (Skeleton::WithoutNumbers, digest))
        .or(idless.map(|digest| (Skeleton::WithoutIds, digest)));
    let has = |keys: &[&str]| keys.iter().any(|key| table.has(key));
    let of_text = has(&["text", "starts", "regex", "json"]);
    let of_bytes = has(&["hex", "starts_hex", "layout", "protobuf"]);
    let of_any = !of_text && !of_bytes;
    if of_any && !has(&["digest", "digest_without_ids"]) {
        return None;
    }
    let doubled = has(&["text"]) && has(&["hex"]) || has(&["starts"]) && has(&["starts_hex"]);
    if doubled {
        table.mistake_here("two keys say the same bytes; write one of them".to_owned());
    } else if fixed.is_none() && of_text && of_bytes {
        let message = "some of this is asked of text messages only, some of binary ones only; \
                       say by `opcode` which are meant";
        table.mistake_here(message.to_owned());
    }
    let kinds = fixed.unwrap_or(Kinds { text: of_text || of_any, binary: of_bytes || of_any });
    let ([text, starts], [hex, starts_hex]) = (text, bytes);
    let (exact, starts) = (text.or(hex), starts.or(starts_hex));
    Some(Ask { kinds, exact, starts, layout, regex, json, protobuf, digest })
}

fn protobuf(table: &mut Table<'_>) -> Option<ProtobufAsk> {
    let read = |table: &mut Table<'_>| {
        let path = table.integers("path", FIELDS).unwrap_or_default();
        if !table.has("path") || path.len() > MAX_PATH {
            let message = format!("`protobuf` needs a `path` of 1 to {MAX_PATH} field numbers");
            table.lacks("path", message);
        }
        let only = table.integers("only", FIELDS);
        let mut value = u64::MAX;
        let most = u64::try_from(i64::MAX).unwrap_or(u64::MAX);
        table.set_integer(&mut value, "value", 0..=most);
        let without = table.list("without", field_path()).unwrap_or_default();
        ProtobufAsk::new(path, (value != u64::MAX).then_some(value), only).without(without)
    };
    table.table("protobuf", "protobuf", read)
}
