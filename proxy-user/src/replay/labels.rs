//! Labelled messages (`vectors.jsonl`): each says what it is and in which recording it was seen.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::reader::{RecordingError, VECTORS, WORK, lines};
use super::recording::Frame;
use super::work::Truth;
use crate::core::frame::Opcode;
use crate::core::pack::{Context, Judgement, Message, Opening, RuleBook};
use crate::core::payload::Payload;

/// The label of a message that is not machinery.
const PERSON: &str = "not-heartbeat";

/// The labelled messages of some folders.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    vectors: Vec<Vector>,
    persons: HashSet<(String, u8, Vec<u8>)>,
    /// Those that a person caused, not the page.
    acts: HashSet<(String, u8, Vec<u8>)>,
    /// What is known about work in each recording.
    works: HashMap<String, Truth>,
    /// Messages that are machinery because of what came before them.
    machinery: HashSet<(String, u8, Vec<u8>)>,
}

#[derive(Clone, Debug)]
struct Vector {
    expect: String,
    /// `person` if the recording says that a person caused it.
    who: String,
    recording: String,
    from_client: bool,
    opcode: u64,
    path: String,
    subprotocol: Option<String>,
    payload: Vec<u8>,
}

/// A message that the rules do not judge as labelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// The label.
    pub expect: String,
    /// The recording that it comes from.
    pub recording: String,
    /// The rule that ignores it; absent if it counts.
    pub rule: Option<String>,
    /// Its first bytes, escaped.
    pub message: String,
}

impl Labels {
    /// The labels in these folders, and in the folders of these files.
    ///
    /// # Errors
    /// If a file of labels cannot be read.
    pub fn find(paths: &[PathBuf]) -> Result<Labels, RecordingError> {
        let folder = |path: &PathBuf| match path.is_dir() {
            true => path.clone(),
            false => path.parent().unwrap_or(Path::new("")).to_owned(),
        };
        let mut folders: Vec<PathBuf> = paths.iter().map(folder).collect();
        folders.sort();
        folders.dedup();
        let mut labels = Labels::default();
        for folder in folders {
            for line in lines(&folder.join(WORK))? {
                let recording = line.text("recording").unwrap_or_default().to_owned();
                labels.works.insert(recording, Truth::read(&line));
            }
            for line in lines(&folder.join(VECTORS))? {
                let text = |key| line.text(key).unwrap_or_default().to_owned();
                labels.vectors.push(Vector {
                    expect: text("expect"),
                    who: text("who"),
                    recording: text("capture"),
                    from_client: line.text("dir") == Some("c2s"),
                    opcode: line.number("opcode").unwrap_or(0),
                    path: text("path"),
                    subprotocol: line.text("subprotocol").map(str::to_owned),
                    payload: line.bytes("payload_base64").unwrap_or_default(),
                });
            }
        }
        let key = |vector: &Vector| {
            let opcode = u8::try_from(vector.opcode).unwrap_or(u8::MAX);
            (vector.recording.clone(), opcode, vector.payload.clone())
        };
        let persons = || labels.vectors.iter().filter(|vector| vector.expect == PERSON);
        let acts = persons().filter(|vector| vector.who == "person").map(key).collect();
        labels.persons = persons().filter(|vector| vector.who != "unattended").map(key).collect();
        let seen = |vector: &&Vector| {
            vector.from_client && vector.expect != PERSON && !vector.who.is_empty()
        };
        labels.acts = acts;
        // One tab may repeat what another says about itself.
        let alone = |key: &(String, u8, Vec<u8>)| !labels.persons.contains(key);
        let machinery = labels.vectors.iter().filter(seen).map(key).filter(alone).collect();
        labels.machinery = machinery;
        Ok(labels)
    }

    /// What is known about work in a recording; empty if there is none.
    pub(super) fn work(&self, recording: &str) -> Truth {
        self.works.get(recording).cloned().unwrap_or_default()
    }

    /// Whether a message of a recording is labelled as machinery because of what came before it.
    pub(super) fn is_machinery(&self, recording: &str, frame: &Frame) -> bool {
        let key = (recording.to_owned(), frame.opcode as u8, frame.payload.clone());
        !self.machinery.is_empty() && self.machinery.contains(&key)
    }

    /// Whether a message of a recording is labelled as caused by a person.
    pub(super) fn is_act(&self, recording: &str, frame: &Frame) -> bool {
        let key = (recording.to_owned(), frame.opcode as u8, frame.payload.clone());
        !self.acts.is_empty() && self.acts.contains(&key)
    }

    /// The number of labels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.vectors.len()
    }

    /// Whether there are no labels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.vectors.is_empty()
    }

    /// Whether a message of a recording is labelled as not machinery.
    pub(super) fn is_person(&self, recording: &str, frame: &Frame) -> bool {
        let key = (recording.to_owned(), frame.opcode as u8, frame.payload.clone());
        !self.persons.is_empty() && self.persons.contains(&key)
    }

    /// Judges every labelled message as if it came a minute after somebody opened the page, when rules for
    /// reconnects do not apply. Messages labelled with their sender are judged during the replay.
    #[must_use]
    pub fn judge(&self, book: &RuleBook) -> Vec<Mismatch> {
        let wrong = |vector: &&Vector| {
            let rule = vector.rule(book)?;
            let machinery = vector.expect != PERSON;
            (machinery != rule.is_some()).then(|| Mismatch {
                expect: vector.expect.clone(),
                recording: vector.recording.clone(),
                rule,
                message: vector.payload[..vector.payload.len().min(64)].escape_ascii().to_string(),
            })
        };
        let alone = self.vectors.iter().filter(|vector| vector.who.is_empty());
        alone.filter_map(|vector| wrong(&vector)).collect()
    }
}

impl Vector {
    /// The rule that ignores it; `None` for a control frame, which is never inspected.
    fn rule(&self, book: &RuleBook) -> Option<Option<String>> {
        let opcode = match self.opcode {
            1 => Opcode::Text,
            2 => Opcode::Binary,
            _ => return None,
        };
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let subprotocol = self.subprotocol.as_deref();
        let opening = Opening { path, query, subprotocol, unattended: false };
        let connection = book.connection(&opening);
        let rules = if self.from_client { &connection.input } else { &connection.output };
        let age = Duration::from_secs(60);
        let message = Message {
            opcode,
            payload: &Payload::whole(&self.payload),
            age,
            first: false,
            context: Context::default(),
        };
        Some(match rules.judge(book, &message) {
            Judgement::Ignored(rule) => book.rule(rule).map(ToString::to_string),
            Judgement::Activity(_) | Judgement::Undecided => None,
        })
    }
}
