//! The keys by which a rule sets conditions on bytes.

use super::json::{self, Keys};
use super::value::{Patterns, digest, exact_text, field_path, hex, layout, word};
use crate::core::pack::condition::{Condition, MAX_PATH, MessageKinds, ProtobufMessage, Records};
use crate::core::pack::{AllOf, MOST_MAX, Matcher, USUAL_MAX};
use crate::core::skeleton::{Digest, Skeleton};
use crate::toml_file::Table;

/// The most alternatives of one rule.
const MAX_ANY: usize = 64;

/// Field numbers in protobuf have 29 bits.
const FIELDS: std::ops::RangeInclusive<u32> = 1..=(1 << 29) - 1;

/// What the bytes are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// A WebSocket message.
    Message,
    /// A request's body.
    Body,
}

/// Reads the conditions; `None` if there are none.
pub(super) fn read(
    table: &mut Table<'_>,
    patterns: &Patterns,
    subject: Subject,
) -> Option<Matcher> {
    let kinds = (subject == Subject::Message).then(|| opcode(table)).flatten();
    let records = records(table);
    let split = records.is_some() || table.has("records");
    let both = (split || subject == Subject::Body).then_some(MessageKinds::ANY);
    let fixed = kinds.or(both);
    let context = Context { patterns, keys: json::keys(table) };
    let all = one(table, fixed, &context);
    let any = alternatives(table, fixed, &context);
    if context.keys.is_some() && !table.has("json") && !table.has("any") {
        let message = "`keys` says which other keys a `json` object may have; add `json`";
        table.mistake(table.line_of("keys"), message.to_owned());
    }
    let max = max(table);
    if all.is_none() && any.is_empty() && kinds.is_none() {
        if table.has("max") || split {
            let message = "`max` and `records` need a condition to apply to; add one";
            table.mistake_here(message.to_owned());
        }
        return None;
    }
    let none = || AllOf::new(fixed.unwrap_or(MessageKinds::ANY), Vec::new());
    Some(Matcher::new(all.unwrap_or_else(none), any, records, max, USUAL_MAX))
}

/// The length of the longest match.
pub(super) fn max(table: &mut Table<'_>) -> Option<usize> {
    let mut max = usize::MAX;
    table.set_integer(&mut max, "max", 1..=u64::try_from(MOST_MAX).unwrap_or(u64::MAX));
    (max != usize::MAX).then_some(max)
}

fn opcode(table: &mut Table<'_>) -> Option<MessageKinds> {
    let words = [
        ("text", MessageKinds { text: true, binary: false }),
        ("binary", MessageKinds { text: false, binary: true }),
        ("any", MessageKinds::ANY),
    ];
    table.text("opcode", word("\"text\"", &words))
}

fn records(table: &mut Table<'_>) -> Option<Records> {
    table.text("records", word("\"lines\"", &Records::WORDS))
}

fn alternatives(
    table: &mut Table<'_>,
    fixed: Option<MessageKinds>,
    outer: &Context<'_>,
) -> Vec<AllOf> {
    let mut read = |table: &mut Table<'_>| {
        let keys = json::keys(table).or_else(|| outer.keys.clone());
        let alternative = one(table, fixed, &Context { keys, ..*outer });
        if alternative.is_none() {
            table.mistake_here("this alternative asks nothing; say what".to_owned());
        }
        alternative
    };
    let any = table.tables("any", "any", &mut read);
    let any: Vec<AllOf> = any.unwrap_or_default().into_iter().flatten().collect();
    if any.len() > MAX_ANY {
        let message = format!("`any` has {} alternatives; write at most {MAX_ANY}", any.len());
        table.mistake(table.line_of("any"), message);
    }
    any
}

/// A key that defines a condition.
struct Key {
    name: &'static str,
    of: Of,
    read: fn(&mut Table<'_>, &Context<'_>) -> Option<Condition>,
}

/// The kinds of message that a key applies to, unless specified otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Text,
    Binary,
    Any,
}

/// What conditions are read with.
struct Context<'a> {
    patterns: &'a Patterns,
    /// Other keys that a `json` object may have.
    keys: Option<Keys>,
}

/// Every key that defines a condition.
const KEYS: &[Key] = &[
    Key { name: "text", of: Of::Text, read: |table, _| equals(table.text("text", exact_text())) },
    Key { name: "hex", of: Of::Binary, read: |table, _| equals(table.text("hex", hex())) },
    Key {
        name: "starts",
        of: Of::Text,
        read: |table, _| starts_with(table.text("starts", exact_text())),
    },
    Key {
        name: "starts_hex",
        of: Of::Binary,
        read: |table, _| starts_with(table.text("starts_hex", hex())),
    },
    Key {
        name: "layout",
        of: Of::Binary,
        read: |table, _| table.text("layout", layout()).map(Condition::Layout),
    },
    Key {
        name: "regex",
        of: Of::Text,
        read: |table, context| table.text("regex", context.patterns.whole()).map(Condition::Regex),
    },
    Key {
        name: "json",
        of: Of::Text,
        read: |table, context| {
            json::read(table, context.patterns, context.keys.clone()).map(Condition::Json)
        },
    },
    Key { name: "protobuf", of: Of::Binary, read: |table, _| protobuf(table) },
    Key {
        name: "digest",
        of: Of::Any,
        read: |table, _| of_skeleton(Skeleton::WithoutNumbers, table.text("digest", digest())),
    },
    Key {
        name: "digest_without_ids",
        of: Of::Any,
        read: |table, _| {
            of_skeleton(Skeleton::WithoutIds, table.text("digest_without_ids", digest()))
        },
    },
];

/// Keys that exclude each other, and why.
const TWINS: [(&str, &str, &str); 3] = [
    ("text", "hex", "say the same bytes"),
    ("starts", "starts_hex", "say the same bytes"),
    ("digest", "digest_without_ids", "give a digest"),
];

/// The names of all keys that can select a message.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().map(|key| key.name)
}

fn equals(bytes: Option<Box<[u8]>>) -> Option<Condition> {
    bytes.map(Condition::Equals)
}

fn starts_with(bytes: Option<Box<[u8]>>) -> Option<Condition> {
    bytes.map(Condition::StartsWith)
}

fn of_skeleton(skeleton: Skeleton, digest: Option<Digest>) -> Option<Condition> {
    digest.map(|digest| Condition::Digest(skeleton, digest))
}

/// Conditions that apply together; `None` if there are none.
fn one(table: &mut Table<'_>, fixed: Option<MessageKinds>, context: &Context<'_>) -> Option<AllOf> {
    // Read every key, so that every mistake is found.
    let conditions = KEYS.iter().filter_map(|key| (key.read)(table, context)).collect();
    let given: Vec<&Key> = KEYS.iter().filter(|key| table.has(key.name)).collect();
    if given.is_empty() {
        return None;
    }
    let twins = TWINS.iter().find(|(one, other, _)| table.has(one) && table.has(other));
    let of = |of: Of| given.iter().any(|key| key.of == of);
    if let Some((_, _, why)) = twins {
        table.mistake_here(format!("two keys {why}; write one of them"));
    } else if fixed.is_none() && of(Of::Text) && of(Of::Binary) {
        let message = "some of these keys are for text messages only, some for binary ones only; \
                       choose one kind with `opcode`";
        table.mistake_here(message.to_owned());
    }
    let any = !of(Of::Text) && !of(Of::Binary);
    let kinds = MessageKinds { text: of(Of::Text) || any, binary: of(Of::Binary) || any };
    Some(AllOf::new(fixed.unwrap_or(kinds), conditions))
}

fn protobuf(table: &mut Table<'_>) -> Option<Condition> {
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
        let value = (value != u64::MAX).then_some(value);
        Condition::Protobuf(ProtobufMessage::new(path, value, only).without(without))
    };
    table.table("protobuf", "protobuf", read)
}
