//! The replay itself: runs through a recording and collects the result.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, REFERER, SEC_WEBSOCKET_PROTOCOL};
use http::{Method, Uri};

use super::labels::Labels;
use super::outcome::Outcome;
use super::reader::START;
use super::recording::{Frame, RecordedEvent, Recording, Request, Tab};
use super::wire::{Whole, Wire};
use crate::core::event_stream::EventStream;
use crate::core::judge::{self, Asker};
use crate::core::navigation::{Navigation, navigation};
use crate::core::pack::{Context, Judgement, RequestHead, RequestJudgement, RuleBook, work_needs};
use crate::core::side::Direction;
use crate::core::time::Nanos;
use crate::core::visit::{VISIT, Visits};
use crate::core::work::{Change, Sign, Works};

/// A recording has one browser.
const CLIENT: u64 = 1;
/// How long a page may take to load on a busy machine.
const LOADING: Duration = Duration::from_secs(90);
/// While a page loads, how soon one of its parts or connections is followed by another.
const PART: Duration = Duration::from_secs(10);

/// Replays one recording. `labels`: what is known about its messages.
#[must_use]
pub fn replay(book: &RuleBook, recording: &Recording, labels: &Labels) -> Outcome {
    let mut replay = Replay {
        book,
        recording,
        labels,
        visits: Visits::default(),
        recognised: 0,
        wires: HashMap::new(),
        streams: HashMap::new(),
        opened: HashSet::new(),
        echoed: None,
        posted: None,
        works: Works::default(),
        worked: Vec::new(),
        asked: HashMap::new(),
        loads_from: recording.events.first().map_or(Nanos(0), |(now, _)| *now),
        loads_until: Nanos(0),
        alone: false,
        outcome: Outcome::new(&recording.name, recording.tab),
    };
    // A client that is not a browser opens no page: its load starts with the recording.
    replay.loads_until = replay.loads_from + VISIT;
    let has_requests = recording.events.iter().any(|(_, e)| matches!(e, RecordedEvent::Request(_)));
    for (index, (now, event)) in recording.events.iter().enumerate() {
        replay.settle(*now, None);
        match event {
            RecordedEvent::Closed { conn } => replay.settle(*now, Some(Sign::Closed(*conn))),
            RecordedEvent::Answered { conn, body } => replay.answered(*now, *conn, body.as_deref()),
            RecordedEvent::Request(request) => replay.request(*now, request),
            RecordedEvent::Opened { conn, target, agreed } => {
                let whole = replay.whole(*conn, &recording.events[index + 1..]);
                replay.open(*now, *conn, target, agreed, whole, !has_requests);
            }
            RecordedEvent::Frame { conn, direction, frame } => {
                replay.frame(*now, *conn, *direction, frame)
            }
            RecordedEvent::Stream { conn, target, bytes } => {
                replay.stream(*now, *conn, target, bytes)
            }
            RecordedEvent::Cut => {
                replay.wires.clear();
                replay.streams.clear();
                replay.works = Works::default();
                replay.alone = !recording.tab.is_attended();
            }
        }
    }
    let last = recording.events.last().map_or(Nanos(START), |(now, _)| *now);
    if let Some(since) = replay.works.busy() {
        replay.worked.push((seconds(since), seconds(last)));
    }
    let truth = labels.work(&recording.name);
    replay.outcome.work = truth.measure(&replay.worked, seconds(last));
    replay.outcome
}

/// A request whose answer may be a sign of work.
struct Asked {
    path: String,
    query: String,
    method: String,
}

/// The number of a request on a connection, distinct from the numbers of connections.
fn number(conn: u64) -> u64 {
    1 << 32 | conn
}

fn seconds(now: Nanos) -> f64 {
    now.since(Nanos(START)).as_secs_f64()
}

struct Replay<'a> {
    book: &'a RuleBook,
    recording: &'a Recording,
    labels: &'a Labels,
    visits: Visits,
    recognised: u64,
    wires: HashMap<u64, Wire>,
    streams: HashMap<u64, EventStream>,
    /// Paths of the connections opened since the page was.
    opened: HashSet<String>,
    /// When the app last sent something that pages echo.
    echoed: Option<Nanos>,
    /// When somebody last requested work over plain HTTP.
    posted: Option<Nanos>,
    works: Works,
    /// When the app was at work for somebody, as far as detected.
    worked: Vec<(f64, f64)>,
    /// The newest request of each connection, and whether a rule needs its answer.
    asked: HashMap<u64, Asked>,
    /// When somebody last opened the page.
    loads_from: Nanos,
    /// Until when the page is being opened; what it does until then is part of a visit.
    loads_until: Nanos,
    /// Nobody is there any more: a page that loads does so by itself.
    alone: bool,
    outcome: Outcome,
}

impl Replay<'_> {
    fn recognise(&mut self, packs: u64) -> u64 {
        let new = packs & !self.recognised;
        self.recognised |= packs;
        self.outcome.packs.extend(self.book.pack_names(new).map(str::to_owned));
        self.recognised
    }

    fn request(&mut self, now: Nanos, request: &Request) {
        let uri: Uri = request.target.parse().unwrap_or_default();
        let query = uri.query().unwrap_or_default();
        let reopened = self.visits.since_back(CLIENT, now);
        let head = RequestHead { method: &request.method, path: uri.path(), query, reopened };
        let judgement = if request.upgrades() {
            self.handshake(now, &head, request.agreed.as_ref())
        } else {
            let navigation = self.navigation(request, &uri);
            match navigation {
                Navigation::Visit => {
                    (self.loads_from, self.loads_until) = (now, now + VISIT);
                    self.opened.clear();
                }
                Navigation::Part => self.loads(now),
                Navigation::Reload | Navigation::Other => {}
            }
            let recognised = self.recognise(self.book.recognise_request(&head));
            let asker = Asker { client: CLIENT, navigation };
            let judged = judge::request((self.book, recognised), &self.visits, asker, &head, now);
            judge::note_request(&self.visits, asker, now);
            match judged {
                RequestJudgement::Decided(judgement) => judgement,
                RequestJudgement::NeedsBody(longest) => {
                    let body = request.body.as_deref().unwrap_or_default();
                    let shown = body.get(..longest).unwrap_or(body);
                    let whole = request.body.is_some() && shown.len() == body.len();
                    self.book.request_body(&head, recognised, shown, whole)
                }
            }
        };
        let rule = self.ignoring(judgement);
        if rule.is_none() {
            self.counted(now, format!("{} {}", head.method, head.path));
            if self.book.asks_for_work(&head, self.recognised) {
                self.posted = Some(now);
            }
            self.outstanding(now, request, &head);
        }
        let asked = Asked {
            path: head.path.to_owned(),
            query: query.to_owned(),
            method: head.method.to_owned(),
        };
        self.asked.insert(request.conn, asked);
        if !matches!(head.method, "GET" | "HEAD" | "OPTIONS") {
            self.outcome.acts.add(rule.clone());
        }
        self.outcome.requests.add(rule);
        // 502 to 504: the app is down, whoever says so.
        let away = request.status.is_some_and(|status| (502..=504).contains(&status));
        self.alone |= away && self.recording.tab == Tab::Away;
    }

    /// Processes a sign of work, and records whether the app is at work.
    fn settle(&mut self, now: Nanos, sign: Option<Sign>) {
        let since = self.works.busy();
        let change = match sign {
            Some(sign) => self.works.on(sign, now),
            None => self.works.tick(now),
        };
        if let (Some(Change::Ended(_)), Some(since)) = (change, since) {
            self.worked.push((seconds(since), seconds(now)));
        }
    }

    /// A request that counts, which may be work until it is answered.
    fn outstanding(&mut self, now: Nanos, request: &Request, head: &RequestHead<'_>) {
        let body = request.body.as_deref().unwrap_or_default();
        let works = self.book.request_work(head, self.recognised);
        let begun: Vec<Sign> = works
            .filter(|rule| rule.fits_body(body))
            .map(|rule| rule.asked(number(request.conn)))
            .collect();
        begun.into_iter().for_each(|sign| self.settle(now, Some(sign)));
    }

    fn answered(&mut self, now: Nanos, conn: u64, body: Option<&[u8]>) {
        let Some(Asked { path, query, method }) = self.asked.remove(&conn) else { return };
        let head = RequestHead { method: &method, path: &path, query: &query, reopened: None };
        let mut signs = Vec::new();
        for rule in self.book.answer_work(&head, self.recognised) {
            rule.answer(&query, body, |sign| signs.push(sign));
        }
        signs.push(Sign::Closed(number(conn)));
        signs.into_iter().for_each(|sign| self.settle(now, Some(sign)));
    }

    /// The page has loaded something, so it is still loading.
    fn loads(&mut self, now: Nanos) {
        if !self.alone && now < self.loads_from + LOADING {
            self.loads_until = self.loads_until.max(now + PART);
        }
    }

    /// How a request relates to opening a page. If its Fetch Metadata was not recorded, the answer tells:
    /// somebody who receives a page has asked for it, unless nobody is there.
    fn navigation(&self, request: &Request, uri: &Uri) -> Navigation {
        let mode = HeaderName::from_static("sec-fetch-mode");
        let mut fields = request.fields.clone();
        if !fields.contains_key(&mode) && !fields.contains_key(ACCEPT) {
            let media = request.media.split(';').next().unwrap_or_default();
            let part = ["javascript", "/css", "image/", "font"];
            let machinery = || {
                let (method, path) = (request.method.as_str(), uri.path());
                let head = RequestHead { method, path, query: "", reopened: None };
                let known =
                    self.book.request(&head, self.recognised | self.book.recognise_request(&head));
                matches!(known, RequestJudgement::Decided(Judgement::Ignored(_)))
            };
            let mut say = |name: &'static str, value: &str| {
                if let Ok(value) = HeaderValue::from_str(value) {
                    fields.insert(HeaderName::from_static(name), value);
                }
            };
            if media == "text/html" && !machinery() {
                say("sec-fetch-mode", "navigate");
                say("sec-fetch-dest", "document");
                if self.alone {
                    say("sec-fetch-site", "same-origin");
                    say(REFERER.as_str(), &format!("http://app{}", request.target));
                }
            } else if part.iter().any(|part| media.contains(part)) {
                say("sec-fetch-mode", "no-cors");
                say("sec-fetch-dest", "script");
            }
        }
        let method = Method::from_bytes(request.method.as_bytes()).unwrap_or_default();
        navigation(&method, uri, &fields)
    }

    /// Judges a handshake. If the app did not accept it, says how it would have been judged.
    fn handshake(
        &mut self,
        now: Nanos,
        head: &RequestHead<'_>,
        agreed: Option<&HeaderMap>,
    ) -> Judgement {
        let chosen = agreed.and_then(|agreed| agreed.get(SEC_WEBSOCKET_PROTOCOL));
        let chosen = chosen.and_then(|value| value.to_str().ok());
        let opening = judge::opening(&self.visits, CLIENT, head, chosen, now);
        if agreed.is_some() {
            if self.opened.insert(head.path.to_owned()) {
                self.loads(now);
            }
            self.recognise(self.book.recognise(&opening));
        }
        // The client is taken for a browser unless something shows that it is not.
        let known = (self.book, self.recognised | self.book.recognise(&opening));
        let judgement = judge::handshake(known, &self.visits, (CLIENT, true), &opening, now);
        if agreed.is_some() {
            judge::note_accepted(&self.visits, CLIENT, opening.unattended, judgement, now);
        }
        judgement
    }

    fn open(
        &mut self,
        now: Nanos,
        conn: u64,
        target: &str,
        agreed: &HeaderMap,
        whole: Whole,
        tell: bool,
    ) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let head = RequestHead { method: "GET", path, query, reopened: None };
        let judgement = self.handshake(now, &head, Some(agreed));
        let chosen = agreed.get(SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
        let opening = judge::opening(&self.visits, CLIENT, &head, chosen, now);
        if tell {
            let rule = self.ignoring(judgement);
            if rule.is_none() {
                self.counted(now, format!("handshake {path}"));
            }
            self.outcome.requests.add(rule);
        }
        let connection = self.book.connection(&opening);
        if !opening.unattended {
            self.loads(now);
        }
        self.visits.opened(CLIENT, path);
        let mut wire = Wire::new(connection, agreed, whole, now);
        wire.open(conn);
        wire.signs().into_iter().for_each(|sign| self.settle(now, Some(sign)));
        self.wires.insert(conn, wire);
    }

    /// Whether everything needed to inflate a connection's compressed messages was recorded.
    fn whole(&self, conn: u64, later: &[(Nanos, RecordedEvent)]) -> Whole {
        let mut whole = Whole { input: true, output: true };
        for (_, event) in later {
            match event {
                RecordedEvent::Frame { conn: its, direction, frame } if *its == conn => {
                    let lacks = frame.compressed && frame.deflated.is_none();
                    match direction {
                        Direction::Input => whole.input &= !lacks,
                        Direction::Output => whole.output &= !lacks,
                    }
                }
                RecordedEvent::Opened { conn: its, .. } if *its == conn => break,
                RecordedEvent::Cut => break,
                _ => {}
            }
        }
        whole
    }

    fn frame(&mut self, now: Nanos, conn: u64, direction: Direction, frame: &Frame) {
        let Some(wire) = self.wires.get_mut(&conn) else { return };
        let counts = direction == Direction::Input || wire.counts_output;
        let age = |then: Option<Nanos>| then.map(|then| now.since(then));
        let context = Context { awareness: None, echo: age(self.echoed), posted: age(self.posted) };
        let Some(judgement) = wire.frame(self.book, direction, frame, now, context) else { return };
        if wire.is_echoed() && direction == Direction::Output {
            self.echoed = Some(now);
        }
        let signs = wire.signs();
        signs.into_iter().for_each(|sign| self.settle(now, Some(sign)));
        let mut rule = self.ignoring(judgement);
        if rule.is_none() && !counts {
            rule = Some("output".to_owned());
        }
        let what = || {
            let head = &frame.payload[..frame.payload.len().min(48)];
            let way = if direction == Direction::Input { "message" } else { "output" };
            format!("{way} of {} bytes: {}", frame.length, head.escape_ascii())
        };
        let input = direction == Direction::Input;
        match &rule {
            None if self.labels.is_act(&self.recording.name, frame) => {}
            None if input && self.labels.is_machinery(&self.recording.name, frame) => {
                *self.outcome.wrong.entry(format!("counted: {}", what())).or_default() += 1;
            }
            None => self.counted(now, what()),
            Some(rule) if input && self.labels.is_person(&self.recording.name, frame) => {
                let wrong = format!("ignored by {rule}: {}", what());
                if self.recording.tab.is_attended() {
                    *self.outcome.wrong.entry(wrong).or_default() += 1;
                }
            }
            Some(_) => {}
        }
        if input {
            self.outcome.acts.add(rule.clone());
            self.outcome.messages.add(rule);
        } else {
            self.outcome.output.add(rule);
        }
    }

    fn stream(&mut self, now: Nanos, conn: u64, target: &str, bytes: &[u8]) {
        let path = target.split('?').next().unwrap_or_default();
        let (book, recognised) = (self.book, self.recognised);
        let counts = book.counts_output(recognised);
        let mut stream = self.streams.remove(&conn).unwrap_or_else(|| {
            let work = work_needs(book.event_work(path, recognised));
            EventStream::new(book.event_needs(path, recognised).max(work))
        });
        stream.feed(bytes, |event| {
            if event.whole {
                let mut signs = Vec::new();
                for rule in book.event_work(path, recognised) {
                    rule.event(number(conn), event.data, |sign| signs.push(sign));
                }
                signs.into_iter().for_each(|sign| self.settle(now, Some(sign)));
            }
            let name = String::from_utf8_lossy(event.name);
            let judgement = match event.whole {
                true => book.event(path, &name, event.data, recognised),
                false => Judgement::Activity(None),
            };
            let mut rule = self.ignoring(judgement);
            if rule.is_none() && !counts {
                rule = Some("output".to_owned());
            }
            if rule.is_none() {
                self.counted(now, format!("event on {path}"));
            }
            self.outcome.output.add(rule);
        });
        self.streams.insert(conn, stream);
    }

    /// The rule by which a judgement ignores something.
    fn ignoring(&self, judgement: Judgement) -> Option<String> {
        match judgement {
            Judgement::Ignored(rule) => self.book.rule(rule).map(ToString::to_string),
            Judgement::Activity(_) | Judgement::Undecided => None,
        }
    }

    /// Something counted.
    fn counted(&mut self, now: Nanos, what: String) {
        if !self.recording.tab.is_attended() && now >= self.loads_until {
            *self.outcome.wrong.entry(what).or_default() += 1;
        }
    }
}
