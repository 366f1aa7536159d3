//! Reads the rules in a pack file, reporting every mistake at once.
//!
//! Which key of which table sets which field is decided here and in the files below; `toml_file` finds
//! unknown keys and wrong types. The limits here bound the memory that a pack can take.

mod json;
mod matcher;
mod rules;
mod value;
mod work;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use toml::de::DeValue;

pub use self::value::AUTO;
use self::value::{Patterns, id, pack_name, prose, word};
use crate::core::pack::{About, Advice, Answerer, Answering, Guard, Pack, RequestGuard};
use crate::toml_file::{self, Mistakes, Table, duration};

/// The largest pack file in bytes.
const MAX_FILE: usize = 256 * 1024;
/// The most rules of one pack, of all kinds together.
const MAX_RULES: usize = 256;
/// How long an app may take to answer a heartbeat; no page waits longer than this.
const ANSWER: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_secs(600);
/// The default.
const USUAL_ANSWER: Duration = Duration::from_secs(10);

/// Reads a pack.
pub(super) fn parse(text: &str, file: &Path) -> Result<Pack, Mistakes> {
    if text.len() > MAX_FILE {
        let most = MAX_FILE / 1024;
        let message = format!("the file is too large; a pack has at most {most} KiB");
        return Err(Mistakes::one(file, Some(1), message));
    }
    let stem = file.file_stem().and_then(|stem| stem.to_str());
    toml_file::parse(text, file, |table| pack(table, stem)).map(|(pack, _)| pack)
}

fn pack(table: &mut Table<'_>, stem: Option<&str>) -> Pack {
    let patterns = Patterns::default();
    let mut pack = Pack { name: name(table, stem), about: about(table), ..Pack::default() };
    let with = table.list("with", pack_name()).unwrap_or_default();
    pack.with = with.into_iter().map(Arc::from).collect();
    let advice = [("both", Advice::Both), ("input", Advice::Input)];
    pack.count = table.text("count", word("\"input\"", &advice));
    pack.named_only = table.truth("auto") == Some(false);
    let guards = table.tables("connection", "[[connection]]", |table| connection(table, &patterns));
    pack.connections = guards.unwrap_or_default();
    let requests = table.tables("recognise", "[[recognise]]", |table| recognise(table, &patterns));
    pack.recognise = requests.unwrap_or_default();
    if !too_many(table) {
        rules::all(table, &patterns, &mut pack);
        let name = Arc::clone(&pack.name);
        let works = table.tables("work", "[[work]]", |table| work::work(table, &patterns, &name));
        pack.works = works.unwrap_or_default();
    }
    pack.heartbeat =
        table.table("heartbeat", "[heartbeat]", |table| heartbeat(table, &pack)).flatten();
    pack
}

/// The pack's name, which must be that of its file.
fn name(table: &mut Table<'_>, stem: Option<&str>) -> Arc<str> {
    let name = table.required("name", pack_name()).unwrap_or_default();
    if let Some(stem) = stem.filter(|stem| !name.is_empty() && *stem != name) {
        let message =
            format!("`name` is \"{name}\" in a file called \"{stem}.toml\"; give both one name");
        table.mistake(table.line_of("name"), message);
    }
    name.into()
}

fn about(table: &mut Table<'_>) -> About {
    let mut text = |key| table.text(key, prose()).unwrap_or_default();
    let (about, versions) = (text("about"), text("versions"));
    let (source, away, people) = (text("source"), text("away"), text("people"));
    let words = ["run", "client-run", "source"].map(|word| (word, word));
    let confidence = table.text("confidence", word("\"run\"", &words));
    let confidence = confidence.unwrap_or_default().to_owned();
    About { about, versions, source, confidence, away, people }
}

/// Whether there are so many rules that none are read.
fn too_many(table: &mut Table<'_>) -> bool {
    let kinds = ["message", "request", "event", "echo", "work"];
    let count = |key| match table.peek(key).map(|value| value.get_ref()) {
        Some(DeValue::Array(rules)) => rules.len(),
        _ => 0,
    };
    let rules: usize = kinds.into_iter().map(count).sum();
    if rules > MAX_RULES {
        kinds.into_iter().for_each(|key| table.know(key));
        let message = format!("there are {rules} rules; a pack has at most {MAX_RULES}");
        table.mistake(1, message);
    }
    rules > MAX_RULES
}

fn connection(table: &mut Table<'_>, patterns: &Patterns) -> Guard {
    let guard = Guard {
        path: table.text("path", patterns.anywhere()),
        query: table.text("query", patterns.anywhere()),
        subprotocol: table.text("subprotocol", patterns.anywhere()),
    };
    if !["path", "query", "subprotocol"].iter().any(|key| table.has(key)) {
        let message = "[[connection]] is for every connection; say which by `path`, `query` or \
                       `subprotocol`";
        table.lacks("path", message.to_owned());
    }
    guard
}

fn recognise(table: &mut Table<'_>, patterns: &Patterns) -> RequestGuard {
    let guard = rules::request_guard(table, patterns);
    if !table.has("path") && !table.has("query") {
        let message = "[[recognise]] is for every request; say which by `path` or `query`";
        table.lacks("path", message.to_owned());
    }
    guard
}

fn heartbeat(table: &mut Table<'_>, pack: &Pack) -> Option<Answering> {
    let mut rule = |key, input: bool| {
        let name: Arc<str> = table.required(key, id())?;
        let sent = |rule: &&crate::core::pack::MessageRule| {
            if input { rule.input } else { rule.output }
        };
        let place = pack.messages.iter().position(|rule| rule.id == name && sent(&rule));
        if place.is_none() {
            let from = if input { "client" } else { "app" };
            let message = format!(
                "`{key}` in [heartbeat] is \"{name}\", and no [[message]] from the {from} has \
                 this id; write the id of one"
            );
            table.mistake(table.line_of(key), message);
        }
        place
    };
    let (ask, answer) = (rule("ask", true), rule("answer", false));
    let hex = table.text("answer_hex", value::hex());
    let text = table.text("answer_text", value::exact_text());
    if table.has("answer_hex") == table.has("answer_text") {
        let message = "[heartbeat] says what to answer by one of `answer_hex` and `answer_text`";
        table.lacks("answer_hex", message.to_owned());
    }
    let words = [("auto", Answerer::Auto), ("app", Answerer::App), ("proxy", Answerer::Proxy)];
    let answerer = table.text("ack", word("\"auto\"", &words)).unwrap_or(Answerer::Auto);
    let timeout = table.text("timeout", duration(ANSWER)).unwrap_or(USUAL_ANSWER);
    let binary = hex.is_some();
    let payload = hex.or(text)?;
    Some(Answering {
        ask: ask?,
        answer: answer?,
        payload: payload.into(),
        binary,
        answerer,
        timeout,
    })
}
