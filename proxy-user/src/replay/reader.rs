//! Reads recordings from files. Unknown fields and lines are ignored: taps differ in what they record.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::header::HeaderMap;
use http::{HeaderName, HeaderValue};
use thiserror::Error;

use super::line::Line;
use super::recording::{Frame, RecordedEvent, Recording, Request, Tab};
use crate::core::frame::Opcode;
use crate::core::side::Direction;
use crate::core::time::Nanos;

/// Why a recording cannot be read.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// A file or folder cannot be read.
    #[error("{}: cannot be read: {error}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// A line is invalid.
    #[error("{}:{line}: this is not a JSON object", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// There is nothing to replay.
    #[error("{}: there is no recording here (looked for NAME.jsonl and NAME.http.jsonl)", .0.display())]
    Nothing(PathBuf),
}

/// Finds the recordings in files and folders, ordered by name.
///
/// # Errors
/// If one cannot be read, or there are none.
pub fn find(paths: &[PathBuf]) -> Result<Vec<Recording>, RecordingError> {
    let mut found: BTreeSet<(PathBuf, String)> = BTreeSet::new();
    for path in paths {
        let files = if path.is_dir() { list(path)? } else { vec![path.clone()] };
        let before = found.len();
        for file in files {
            if let Some(name) = recording_name(&file) {
                let folder = file.parent().unwrap_or(Path::new("")).to_owned();
                found.insert((folder, name));
            }
        }
        if found.len() == before && !found.iter().any(|(folder, _)| path.starts_with(folder)) {
            return Err(RecordingError::Nothing(path.clone()));
        }
    }
    found.into_iter().map(|(folder, name)| read(&folder, name)).collect()
}

/// The file name of labelled messages, which are not a recording.
pub(super) const VECTORS: &str = "vectors.jsonl";
/// The file name of what is known about work in recordings.
pub(super) const WORK: &str = "work.jsonl";

fn recording_name(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let stem = name.strip_suffix(".http.jsonl").or_else(|| name.strip_suffix(".jsonl"))?;
    (![VECTORS, WORK].contains(&name)).then(|| stem.to_owned())
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, RecordingError> {
    let wrong = |error| RecordingError::Unreadable { path: folder.to_owned(), error };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(wrong)? {
        files.push(entry.map_err(wrong)?.path());
    }
    Ok(files)
}

/// All lines of a file; empty if it is missing.
pub(super) fn lines(path: &Path) -> Result<Vec<Line>, RecordingError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RecordingError::Unreadable { path: path.to_owned(), error }),
    };
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = || RecordingError::Line { path: path.to_owned(), line: number + 1 };
        lines.push(Line::parse(line).ok_or_else(wrong)?);
    }
    Ok(lines)
}

fn read(folder: &Path, name: String) -> Result<Recording, RecordingError> {
    let frames = lines(&folder.join(format!("{name}.jsonl")))?;
    let requests = lines(&folder.join(format!("{name}.http.jsonl")))?;
    if frames.is_empty() && requests.is_empty() {
        return Err(RecordingError::Nothing(folder.join(name)));
    }
    // A tap that is restarted counts from 0 again: what follows comes after everything before.
    let parts = [split(frames), split(requests)];
    let count = parts.iter().map(Vec::len).max().unwrap_or(0);
    let (mut events, mut start) = (Vec::new(), START);
    for part in 0..count {
        let [frames, requests] =
            parts.each_ref().map(|half| half.get(part).map_or(&[][..], |part| part));
        if part > 0 {
            events.push((Nanos(start), RecordedEvent::Cut));
        }
        let mut both = self::frames(frames, start);
        both.extend(self::requests(requests, start));
        // A stable sort: events of one file with equal times keep their order.
        both.sort_by_key(|(at, _)| *at);
        start = both.last().map_or(start, |(at, _)| at.0);
        events.extend(both);
    }
    Ok(Recording { tab: Tab::of(&name), name, events })
}

/// A recording starts at this time: an hour in, so that no page was opened just before.
pub(super) const START: u64 = 3_600_000_000_000;

fn split(lines: Vec<Line>) -> Vec<Vec<Line>> {
    let mut parts = vec![Vec::new()];
    for line in lines {
        match line.text("event") {
            Some("TAP-RESTART") => parts.push(Vec::new()),
            _ => parts.last_mut().into_iter().for_each(|part| part.push(line.clone())),
        }
    }
    parts
}

fn moment(line: &Line, start: u64) -> Nanos {
    let seconds = line.decimal("t").unwrap_or(0.0).clamp(0.0, 1e9);
    Nanos(start) + Duration::from_secs_f64(seconds)
}

fn frames(lines: &[Line], start: u64) -> Vec<(Nanos, RecordedEvent)> {
    let mut events = Vec::new();
    for line in lines {
        let (at, conn) = (moment(line, start), line.number("conn").unwrap_or(0));
        if line.text("event") == Some("open") {
            let mut agreed = HeaderMap::new();
            add(&mut agreed, "sec-websocket-protocol", line.text("server_protocol"));
            add(&mut agreed, "sec-websocket-extensions", line.text("server_ext"));
            let target = target(line).1;
            events.push((at, RecordedEvent::Opened { conn, target, agreed }));
        } else if line.text("event") == Some("eof") {
            events.push((at, RecordedEvent::Closed { conn }));
        } else if let Some((direction, frame)) = frame(line) {
            events.push((at, RecordedEvent::Frame { conn, direction, frame }));
        }
    }
    events
}

/// A whole message or a control frame. A fragment is skipped, as the last one has the whole message.
fn frame(line: &Line) -> Option<(Direction, Frame)> {
    let direction = match line.text("dir")? {
        "c2s" => Direction::Input,
        "s2c" => Direction::Output,
        _ => return None,
    };
    let opcode = match line.number("msg_opcode").or(line.number("opcode"))? {
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => return None,
    };
    if !opcode.is_control() && !line.flag("fin") {
        return None;
    }
    let payload = line.bytes("payload_base64").unwrap_or_default();
    let whole = line.number("frags").unwrap_or(1) == 1;
    let compressed = !whole || line.flag("rsv1");
    let deflated = line
        .bytes("raw_base64")
        .filter(|raw| whole && compressed && line.number("frame_len") == Some(raw.len() as u64));
    let length = line.number("msg_len").unwrap_or(payload.len() as u64);
    Some((direction, Frame { opcode, length, payload, compressed, deflated }))
}

/// `GET /path?query HTTP/1.1`
fn target(line: &Line) -> (String, String) {
    let mut words = line.text("req").unwrap_or_default().split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    (word(), word())
}

fn requests(lines: &[Line], start: u64) -> Vec<(Nanos, RecordedEvent)> {
    let mut events: Vec<(Nanos, RecordedEvent)> = Vec::new();
    // The index of the newest request of each connection.
    let mut newest: HashMap<u64, usize> = HashMap::new();
    for line in lines {
        let (at, conn) = (moment(line, start), line.number("conn").unwrap_or(0));
        let (method, target) = target(line);
        match line.text("ev") {
            Some("req") => {
                let mut request = Request { conn, method, target, ..Request::default() };
                for (name, value) in line.texts("hdr") {
                    add(&mut request.fields, name, Some(value));
                }
                newest.insert(conn, events.len());
                events.push((at, RecordedEvent::Request(Box::new(request))));
            }
            Some("sse-data") => {
                let bytes = line.text("data").unwrap_or_default().as_bytes().to_vec();
                events.push((at, RecordedEvent::Stream { conn, target, bytes }));
            }
            Some(what) => {
                let place = newest.get(&conn).and_then(|&index| events.get_mut(index));
                if let Some((_, RecordedEvent::Request(request))) = place {
                    became(request, what, line);
                }
                if what == "resp" {
                    events.push((at, RecordedEvent::Answered { conn, body: answer(line) }));
                }
            }
            None => {}
        }
    }
    events
}

/// The body of an answer, if it was recorded completely.
fn answer(line: &Line) -> Option<Vec<u8>> {
    let body = line.text("body").unwrap_or_default().as_bytes();
    (line.number("len") == Some(body.len() as u64)).then(|| body.to_vec())
}

/// Adds what a later line says about a request.
fn became(request: &mut Request, what: &str, line: &Line) {
    match what {
        "reqbody" => request.body = line.text("body").map(|body| body.as_bytes().to_vec()),
        "ws-open" => {
            let mut agreed = HeaderMap::new();
            for (name, value) in line.texts("resp") {
                add(&mut agreed, name, Some(value));
            }
            request.agreed = Some(agreed);
        }
        "resp" | "sse-open" => {
            request.status = line.text("status").and_then(|status| status.parse().ok());
            line.text("ct").unwrap_or_default().clone_into(&mut request.media);
        }
        _ => {}
    }
}

fn add(fields: &mut HeaderMap, name: &str, value: Option<&str>) {
    let name = HeaderName::from_bytes(name.as_bytes()).ok();
    if let (Some(name), Some(Ok(value))) = (name, value.map(HeaderValue::from_str)) {
        fields.insert(name, value);
    }
}
