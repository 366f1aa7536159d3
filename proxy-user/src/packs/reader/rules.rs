//! `[[message]]`, `[[request]]` and `[[event]]`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::json;
use super::matcher::{self, Subject};
use super::value::{Patterns, exact_text, id, token, word};
use crate::core::pack::condition::{Condition, MessageKinds};
use crate::core::pack::{
    AllOf, Class, EchoRule, EventRule, Guard, Matcher, MessageRule, Pack, REOPENED, RequestGuard,
    RequestRule, USUAL_MAX,
};
use crate::toml_file::{Table, duration};

/// The limits of `within` and similar durations.
const MOMENTS: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_secs(600);

/// The line of each id that was read, to detect duplicates.
#[derive(Default)]
struct Ids(HashMap<Arc<str>, usize>);

/// Reads every rule into the pack.
pub(super) fn all(table: &mut Table<'_>, patterns: &Patterns, pack: &mut Pack) {
    let mut ids = Ids::default();
    let messages =
        table.tables("message", "[[message]]", |table| message(table, patterns, &mut ids));
    pack.messages = messages.unwrap_or_default();
    let requests =
        table.tables("request", "[[request]]", |table| request(table, patterns, &mut ids));
    pack.requests = requests.unwrap_or_default();
    let echoed = table.tables("echo", "[[echo]]", |table| echo(table, patterns));
    pack.echoed = echoed.unwrap_or_default();
    let events = table.tables("event", "[[event]]", |table| event(table, patterns, &mut ids));
    pack.events = events.unwrap_or_default();
}

fn message(table: &mut Table<'_>, patterns: &Patterns, ids: &mut Ids) -> MessageRule {
    let (id, class) = ids.read(table);
    let ways = [("client", (true, false)), ("app", (false, true)), ("both", (true, true))];
    let (input, output) = table.required("from", word("\"client\"", &ways)).unwrap_or((true, true));
    let guard = guard(table, patterns);
    let within = table.text("within", duration(MOMENTS));
    let unattended = table.truth("unattended").unwrap_or(false);
    let first = table.truth("first").unwrap_or(false);
    let echo = table.text("echo", duration(MOMENTS));
    let words = [("unchanged", true)];
    let unchanged = table.text("awareness", word("\"unchanged\"", &words)).unwrap_or(false);
    if unchanged && !table.has("max") {
        let message = "`awareness` looks at the whole message; limit its length with `max`";
        table.lacks("max", message.to_owned());
    }
    let matcher = matcher::read(table, patterns, Subject::Message);
    let matcher = matcher.unwrap_or_else(|| {
        let names: String = matcher::names().map(|name| format!("`{name}`, ")).collect();
        let fix = format!("say which messages by one of {names}`any` and `opcode`");
        table.lacks("text", format!("this [[message]] is every message; {fix}"));
        anything(Vec::new(), None)
    });
    let matcher = matcher.into();
    MessageRule {
        id,
        class,
        input,
        output,
        guard,
        within,
        unattended,
        first,
        echo,
        unchanged,
        matcher,
    }
}

/// The connections that a rule applies to.
pub(super) fn guard(table: &mut Table<'_>, patterns: &Patterns) -> Guard {
    Guard {
        path: table.text("path", patterns.anywhere()),
        query: table.text("query", patterns.anywhere()),
        subprotocol: table.text("subprotocol", patterns.anywhere()),
    }
}

fn echo(table: &mut Table<'_>, patterns: &Patterns) -> EchoRule {
    let guard = guard(table, patterns);
    let matcher = matcher::read(table, patterns, Subject::Message);
    let matcher = matcher.unwrap_or_else(|| {
        table.lacks("json", "this [[echo]] is every message; say which".to_owned());
        anything(Vec::new(), None)
    });
    EchoRule { guard, matcher: matcher.into() }
}

fn request(table: &mut Table<'_>, patterns: &Patterns, ids: &mut Ids) -> RequestRule {
    let (id, class) = ids.read(table);
    let guard = request_guard(table, patterns);
    let upgrade = table.truth("upgrade").unwrap_or(false);
    let reopened = table.text("reopened", duration(MOMENTS));
    let body = matcher::read(table, patterns, Subject::Body);
    if !table.has("path") && !table.has("query") && body.is_none() {
        let message = "this [[request]] is every request; say which by `path`, `query` or the body";
        table.lacks("path", message.to_owned());
    }
    if upgrade && body.is_some() {
        let message = "`upgrade` in [[request]] is for handshakes, which have no body; use \
                       one of the two";
        table.mistake(table.line_of("upgrade"), message.to_owned());
    }
    if upgrade && reopened.is_some() {
        let message = "`reopened` is for requests after a page has restored its connection, and \
                       `upgrade` for that connection; use one of the two";
        table.mistake(table.line_of("reopened"), message.to_owned());
    }
    RequestRule { id, class, guard, upgrade, reopened, body }
}

/// The head of a request, for a rule or for recognition.
pub(super) fn request_guard(table: &mut Table<'_>, patterns: &Patterns) -> RequestGuard {
    RequestGuard {
        methods: table.list("method", token()).unwrap_or_default(),
        path: table.text("path", patterns.anywhere()),
        query: table.text("query", patterns.anywhere()),
    }
}

fn event(table: &mut Table<'_>, patterns: &Patterns, ids: &mut Ids) -> EventRule {
    let (id, class) = ids.read(table);
    let path = table.text("path", patterns.anywhere());
    let event = table.text("event", token());
    let exact = table.text("data", exact_text()).map(Condition::Equals);
    let regex = table.text("data_regex", patterns.whole()).map(Condition::Regex);
    let keys = json::keys(table);
    let json = json::read(table, patterns, keys).map(Condition::Json);
    let conditions = [exact, regex, json].into_iter().flatten().collect();
    let data = anything(conditions, matcher::max(table));
    let asked = ["event", "data", "data_regex", "json"];
    if !asked.iter().any(|key| table.has(key)) {
        let message = "this [[event]] is every event; say which by `event`, `data`, `data_regex` \
                       or `json`";
        table.lacks("data", message.to_owned());
    }
    EventRule { id, class, path, event, data }
}

/// Text or bytes that meet the conditions.
fn anything(conditions: Vec<Condition>, max: Option<usize>) -> Matcher {
    let all = AllOf::new(MessageKinds::ANY, conditions);
    Matcher::new(all, Vec::new(), None, max, USUAL_MAX)
}

impl Ids {
    /// Reads the keys that every rule has.
    fn read(&mut self, table: &mut Table<'_>) -> (Arc<str>, Class) {
        let id = table.required("id", id());
        let line = table.line_of("id");
        if let Some(id) = &id {
            let before = self.0.insert(id.clone(), line);
            let taken = match before {
                Some(first) => format!("the id of the rule on line {first}"),
                None if **id == *REOPENED => "the id of a rule that every pack has".to_owned(),
                None => String::new(),
            };
            if !taken.is_empty() {
                let message = format!("`id` is \"{id}\", which is {taken}; give each rule its own");
                table.mistake(line, message);
            }
        }
        let classes = Class::ALL.map(|class| (class.as_str(), class));
        let class = table.required("class", word("\"heartbeat\"", &classes));
        (id.unwrap_or_default(), class.unwrap_or(Class::Person))
    }
}
