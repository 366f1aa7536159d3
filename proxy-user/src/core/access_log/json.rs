//! One JSON object per line. What is absent has no member.

use std::fmt::Display;
use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use super::client_text::json_string;
use super::{ClientText, Request, Session, Traffic};

/// Appends the line of a request.
pub(super) fn request(request: &Request<'_>, line: &mut Vec<u8>) {
    start("request", request.at, request.client, line);
    if let Some(head) = request.head {
        text("method", Some(&head.method), line);
        string("path", Some(head.path.as_str()), line);
        string("protocol", Some(head.protocol), line);
        text("host", head.host.as_ref(), line);
        text("referer", head.referrer.as_ref(), line);
        text("user_agent", head.user_agent.as_ref(), line);
    }
    plain("status", request.status, line);
    plain("bytes", request.bytes, line);
    plain("complete", request.complete, line);
    string("app", request.app, line);
    string("state", request.state, line);
    string("reason", request.reason, line);
    seconds("wake_seconds", request.wake, line);
    seconds("seconds", request.took, line);
    line.extend(b"}\n");
}

/// Appends the line of a session.
pub(super) fn session(session: &Session<'_>, line: &mut Vec<u8>) {
    start("session", session.at, session.client, line);
    plain("session", session.id, line);
    string("path", Some(session.path.as_str()), line);
    string("app", Some(session.app), line);
    string("state", Some(session.state), line);
    string("cause", Some(session.cause), line);
    seconds("seconds", Some(session.took), line);
    for (direction, Traffic { frames, bytes }) in
        [("input", session.input), ("output", session.output)]
    {
        plain(direction, format_args!("{{\"frames\":{frames},\"bytes\":{bytes}}}"), line);
    }
    line.extend(b"}\n");
}

fn start(kind: &str, at: Timestamp, client: Option<IpAddr>, line: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = write!(line, "{{\"time\":\"{at:.3}\",\"kind\":\"{kind}\"");
    if let Some(client) = client {
        plain("client", format_args!("\"{client}\""), line);
    }
}

fn text(name: &str, value: Option<&ClientText>, line: &mut Vec<u8>) {
    if let Some(value) = value {
        plain(name, "", line);
        value.write_json(line);
    }
}

fn string(name: &str, value: Option<&str>, line: &mut Vec<u8>) {
    if let Some(value) = value {
        plain(name, "", line);
        json_string(value, line);
    }
}

fn seconds(name: &str, time: Option<Duration>, line: &mut Vec<u8>) {
    if let Some(time) = time {
        plain(name, format_args!("{:.6}", time.as_secs_f64()), line);
    }
}

/// A member whose value is JSON as it is.
fn plain(name: &str, value: impl Display, line: &mut Vec<u8>) {
    // Writing to a Vec cannot fail.
    let _ = write!(line, ",\"{name}\":{value}");
}
