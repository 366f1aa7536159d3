//! `[[app.answer]]`.

use bytes::Bytes;
use http::StatusCode;

use super::super::answer::OwnAnswer;
use super::super::value::header::VALUE;
use super::super::value::pattern::PATTERN;
use super::super::value::web::METHOD;
use crate::toml_file::{Kind, Table};

pub(super) fn answer(table: &mut Table<'_>) -> OwnAnswer {
    let mut answer = OwnAnswer::new(table.text("path", PATTERN));
    answer.method = table.text("method", METHOD);
    answer.user_agent = table.text("user_agent", PATTERN);
    if !["path", "method", "user_agent"].iter().any(|key| table.has(key)) {
        let fix = "add `path`, `method` or `user_agent`";
        table.lacks("path", format!("[[app.answer]] fits every request; {fix}"));
    }
    let mut status = answer.status.as_u16();
    table.set_integer(&mut status, "status", 200..=599);
    answer.status = StatusCode::from_u16(status).unwrap_or(answer.status);
    let body = Kind {
        wants: "a text",
        example: "\"ok\"",
        parse: |text: &str| Ok(Bytes::from(text.to_owned())),
    };
    table.set(&mut answer.body, "body", body);
    table.set(&mut answer.content_type, "content_type", VALUE);
    // RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5.
    if matches!(status, 204 | 205 | 304) && !answer.body.is_empty() {
        let line = table.line_of("body");
        let fix = "leave `body` out or change `status`";
        table.mistake(line, format!("`body` in [[app.answer]]: {status} has no body; {fix}"));
    }
    answer
}
