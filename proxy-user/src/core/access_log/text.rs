//! The combined format of Apache and nginx, followed by what Ebbtide knows as `key=value`. What is absent is
//! `-`.

use std::fmt::Display;
use std::io::Write;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use super::client_text::escape;
use super::{ClientText, Request, Session, Traffic};

/// Appends the line of a request.
pub(super) fn request(request: &Request<'_>, line: &mut Vec<u8>) {
    let Request { at, client, head, status, bytes, complete, .. } = *request;
    start(client, at, line);
    match head {
        Some(head) => {
            line.push(b'"');
            head.method.write_text(line);
            add(line, format_args!(" {} {}\"", head.path.as_str(), head.protocol));
        }
        None => line.extend(b"\"-\""),
    }
    add(line, format_args!(" {status} {bytes} "));
    quoted(head.and_then(|head| head.referrer.as_ref()), line);
    line.push(b' ');
    quoted(head.and_then(|head| head.user_agent.as_ref()), line);
    line.extend(b" host=");
    quoted(head.and_then(|head| head.host.as_ref()), line);
    let end = if complete { "complete" } else { "cut" };
    app(request.app.unwrap_or("-"), line);
    let (state, reason) = (word(request.state), word(request.reason));
    let (wake, took) = (seconds(request.wake), seconds(request.took));
    add(line, format_args!(" state={state} reason={reason} wake={wake} time={took} end={end}\n"));
}

/// Appends the line of a session, in the form of a request, so that tools for the combined format read it.
pub(super) fn session(session: &Session<'_>, line: &mut Vec<u8>) {
    let Session { at, id, client, path, state, cause, took, input, output, .. } = *session;
    let Traffic { frames: in_frames, bytes: in_bytes } = input;
    let Traffic { frames: out_frames, bytes: out_bytes } = output;
    let (path, took) = (path.as_str(), seconds(Some(took)));
    start(client, at, line);
    add(line, format_args!("\"SESSION {path} -\" 101 {out_bytes} \"-\" \"-\" session={id}"));
    app(session.app, line);
    add(
        line,
        format_args!(
            " state={state} cause={cause} time={took} in_frames={in_frames} in_bytes={in_bytes} \
             out_frames={out_frames} out_bytes={out_bytes}\n"
        ),
    );
}

fn start(client: Option<IpAddr>, at: Timestamp, line: &mut Vec<u8>) {
    match client {
        Some(client) => add(line, client),
        None => line.push(b'-'),
    }
    // A timestamp is formatted in UTC.
    add(line, format_args!(" - - [{}] ", at.strftime("%d/%b/%Y:%H:%M:%S +0000")));
}

fn quoted(value: Option<&ClientText>, line: &mut Vec<u8>) {
    line.push(b'"');
    match value {
        Some(value) => value.write_text(line),
        None => line.push(b'-'),
    }
    line.push(b'"');
}

fn app(name: &str, line: &mut Vec<u8>) {
    line.extend(b" app=\"");
    escape(name.as_bytes(), line);
    line.push(b'"');
}

fn word(word: Option<&str>) -> &str {
    word.unwrap_or("-")
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{:.6}", time.as_secs_f64()))
}

fn add(line: &mut Vec<u8>, what: impl Display) {
    // Writing to a Vec cannot fail.
    let _ = write!(line, "{what}");
}
