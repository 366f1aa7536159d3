//! `[app.driver]` of kind `http`: a control plane with Ebbtide's own API, or with another one that is
//! described.

use std::path::Path;
use std::time::Duration;

use http::Method;

use super::super::driver::{Call, HttpDriver, StateCall};
use super::super::value::SECOND;
use super::super::value::place::token_file;
use super::super::value::pointer::POINTER;
use super::super::value::web::{BODY, METHOD, URL};
use super::driver::{Readiness, readiness, stop_timeout, words};
use super::telling::token_header;
use crate::toml_file::Table;

/// The `url` of the driver itself.
enum Base {
    Absent,
    Mistaken,
    Url(String),
}

/// The defaults of a request.
struct Default {
    key: &'static str,
    place: &'static str,
    method: Method,
    /// Appended to the driver's `url`.
    suffix: &'static str,
}

const STATE: Default =
    Default { key: "state", place: "[app.driver.state]", method: Method::GET, suffix: "" };

const WAKE: Default =
    Default { key: "wake", place: "[app.driver.wake]", method: Method::POST, suffix: "/wake" };

const SUSPEND: Default = Default {
    key: "suspend",
    place: "[app.driver.suspend]",
    method: Method::POST,
    suffix: "/suspend",
};

pub(super) fn http_driver(table: &mut Table<'_>, base: &Path) -> Option<HttpDriver> {
    let url = match (table.text("url", URL), table.has("url")) {
        (Some(url), _) => Base::Url(url),
        (None, true) => Base::Mistaken,
        (None, false) => Base::Absent,
    };
    if matches!(url, Base::Absent) && [STATE, WAKE, SUSPEND].iter().any(|call| !table.has(call.key))
    {
        let message = "[app.driver] has no `url`; add one, such as url = \
                       \"http://control.internal/apps/{app}\", or describe each of `state`, `wake` and \
                       `suspend` with a `url` of its own";
        table.lacks("url", message.to_owned());
    }
    let state = called(table, STATE, &url, state);
    let wake = called(table, WAKE, &url, |_, call| Some(call));
    let suspend = called(table, SUSPEND, &url, |_, call| Some(call));
    let token_file = table.text("token_file", token_file(base));
    let token_header = token_header(table);
    let Readiness { path, timeout } = readiness(table);
    let stop_timeout = stop_timeout(table, SECOND, Duration::from_secs(60));
    Some(HttpDriver {
        state: state?,
        wake: wake?,
        suspend: suspend?,
        token_file,
        token_header,
        ready_path: path,
        ready_timeout: timeout,
        stop_timeout,
    })
}

/// A request, and what `more` reads from the same table. An absent table is read like an empty one.
fn called<T>(
    table: &mut Table<'_>,
    default: Default,
    base: &Base,
    more: impl FnOnce(&mut Table<'_>, Call) -> Option<T>,
) -> Option<T> {
    let Default { key, place, .. } = default;
    let written = table.has(key);
    let read = |table: &mut Table<'_>| {
        let call = call(table, default, base, written);
        // Reads on after a mistake, so that all mistakes are found.
        let failed = call.is_none();
        let stand_in = || Call { method: Method::GET, url: String::new(), body: None };
        more(table, call.unwrap_or_else(stand_in)).filter(|_| !failed)
    };
    match written {
        true => table.table(key, place, read).flatten(),
        false => table.absent(key, place, read),
    }
}

/// `written`: whether its table is there.
fn call(table: &mut Table<'_>, default: Default, base: &Base, written: bool) -> Option<Call> {
    let Default { place, mut method, suffix, .. } = default;
    table.set(&mut method, "method", METHOD);
    let body = table.text("body", BODY);
    let url = match base {
        _ if table.has("url") => table.text("url", URL),
        Base::Url(url) if suffix.is_empty() => Some(url.clone()),
        Base::Url(url) if !url.contains('?') => {
            Some(format!("{}{suffix}", url.trim_end_matches('/')))
        }
        Base::Url(_) => {
            let message = format!(
                "{place} has no `url`, and `url` in [app.driver] has a query, to which {suffix} cannot be \
                 added; write the whole URL here"
            );
            table.lacks("url", message);
            None
        }
        Base::Absent if written => table.required("url", URL),
        // Already reported.
        Base::Absent | Base::Mistaken => None,
    };
    table.know("url");
    Some(Call { method, url: url?, body })
}

fn state(table: &mut Table<'_>, call: Call) -> Option<StateCall> {
    let pointer = match table.has("pointer") {
        true => table.text("pointer", POINTER),
        false => {
            table.know("pointer");
            Some("/state".to_owned())
        }
    };
    let mut list = |key, default| words(table, key, default);
    let running = list("running", &["running"]);
    let starting = list("starting", &["starting"]);
    let suspended = list("suspended", &["suspended"]);
    let disabled = list("disabled", &["disabled"]);
    let call = StateCall {
        call,
        pointer: pointer?,
        running: running?,
        starting: starting?,
        suspended: suspended?,
        disabled: disabled?,
    };
    if let Some(word) = said_twice(&call) {
        let fix = "leave it in one of them";
        table.mistake_here(format!(
            "[app.driver.state] has {word:?} in more than one of `running`, `starting`, `suspended` and \
             `disabled`; {fix}"
        ));
    }
    Some(call)
}

/// A word that is in more than one list. A list may repeat a word.
fn said_twice(call: &StateCall) -> Option<&str> {
    let lists = [&call.running, &call.starting, &call.suspended, &call.disabled];
    let later = |index: usize, word| lists[index + 1..].iter().any(|list| list.contains(word));
    let mut words = lists
        .iter()
        .enumerate()
        .flat_map(|(index, list)| list.iter().map(move |word| (index, word)));
    words.find(|(index, word)| later(*index, word)).map(|(_, word)| word.as_str())
}
