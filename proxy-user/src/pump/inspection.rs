//! How one session's messages are judged: the rules of its app that apply to this connection, a decoder for
//! each direction that needs one, and heartbeats.
//!
//! A session to which no rule applies has none of this and pays nothing.

use std::sync::Arc;

use super::heartbeats::Heartbeats;
use crate::clock;
use crate::core::cadence::{self, Cadence};
use crate::core::decoder::{MessageDecoder, Workspace};
use crate::core::extension::{Deflate, Extensions};
use crate::core::frame::{Chunk, Header, Opcode};
use crate::core::gate::Reason;
use crate::core::heartbeat::Fate;
use crate::core::pack::{
    Class, Connection, Context, Judgement, Message, MessageJudge, RuleBook, RuleIndex,
};
use crate::core::payload::Payload;
use crate::core::side::Direction;
use crate::core::time::Nanos;
use crate::session::{AppPolicy, MetRules, Session};

/// One session's rules and their state.
#[derive(Debug)]
pub struct Inspection {
    book: Arc<RuleBook>,
    judge: MessageJudge,
    input: Option<View>,
    output: Option<View>,
    heartbeats: Option<Box<Heartbeats>>,
    cadence: Option<Box<Paced>>,
    met: MetRules,
    listening: Option<Box<Listening>>,
}

/// A session whose messages are signs of work; dropping this ends that work.
#[derive(Debug)]
struct Listening(Arc<Session>);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.app.close_work(clock::coarse(), self.0.id);
    }
}

/// One direction that is inspected.
#[derive(Debug)]
struct View {
    decoder: MessageDecoder,
    counts: bool,
    /// Payload length of the newest data frame in bytes.
    frame: u64,
    /// Judgements since they were last taken.
    judged: Judged,
    /// A message has been judged, so the next one is not the first.
    begun: bool,
}

const _: () = assert!(size_of::<Inspection>() <= 224, "there is one for each session");

/// How the messages of one burst were judged.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Judged {
    /// Messages that counted.
    pub(super) activity: u32,
    /// Messages that would have counted if they had come from the client.
    pub(super) uncounted: u32,
    /// Heartbeats.
    pub(super) heartbeat: u32,
}

/// The cadence of the client's messages that no rule matches.
#[derive(Debug)]
struct Paced {
    cadence: Cadence,
    path: Box<str>,
}

/// An action required by heartbeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HeartbeatAction {
    /// Send this frame to the client this many times.
    Answer(Vec<u8>, u32),
    /// Send this frame to the app.
    ToApp(Vec<u8>),
    /// The app has not answered in time.
    End,
}

impl Inspection {
    /// The inspection of a connection for this path, or `None` if no rule needs it. `counts_output`: messages
    /// from the app can be activity. `extensions`: the negotiated ones.
    #[must_use]
    pub fn new(
        policy: &AppPolicy,
        path: &str,
        connection: Connection,
        counts_output: bool,
        extensions: Extensions,
    ) -> Option<Box<Inspection>> {
        let judge = MessageJudge::new(&connection);
        let heartbeat = connection.heartbeat;
        let paced = policy.seeks_cadence();
        let view = |direction, counts, deflate: Option<Deflate>, least| {
            let longest = judge.longest(direction).max(least);
            (longest > 0).then(|| View {
                decoder: MessageDecoder::new(longest, deflate),
                counts,
                frame: 0,
                judged: Judged::default(),
                begun: false,
            })
        };
        let unknown = if paced { cadence::LONGEST } else { 0 };
        let input = view(Direction::Input, true, extensions.client, unknown);
        let output = view(Direction::Output, counts_output, extensions.server, 0);
        let hears = counts_output || heartbeat.is_some() || judge.hears();
        let inspection = Inspection {
            book: Arc::clone(&policy.book),
            output: output.filter(|_| hears),
            judge,
            cadence: paced
                .then(|| Box::new(Paced { cadence: Cadence::default(), path: path.into() })),
            heartbeats: heartbeat.map(|known| Box::new(Heartbeats::new(known))),
            input,
            met: MetRules::default(),
            listening: None,
        };
        let any = inspection.input.is_some() || inspection.output.is_some();
        any.then(|| Box::new(inspection))
    }

    /// Sets the session that the messages belong to.
    pub(super) fn for_session(&mut self, session: &Arc<Session>) {
        if self.judge.watches_work() {
            self.judge.open(session.id);
            self.listening = Some(Box::new(Listening(Arc::clone(session))));
            session.app.note_work(session.opened, self.judge.signs().into_iter().flatten());
        }
    }

    /// Inspects a chunk, and reports the judgement of its message to the session's app.
    pub(super) fn chunk(
        &mut self,
        session: &Session,
        workspace: &Workspace,
        now: Nanos,
        direction: Direction,
        chunk: &Chunk,
        payload: &[u8],
    ) -> Fate {
        let (view, reason) = match direction {
            Direction::Input => (&mut self.input, Reason::Input),
            Direction::Output => (&mut self.output, Reason::Output),
        };
        let pong = |header: Header| header.start.opcode == Opcode::Pong;
        if direction == Direction::Output
            && chunk.header.is_some_and(pong)
            && self.heartbeats.as_mut().is_some_and(|heartbeats| heartbeats.pong(chunk, payload))
        {
            return Fate::Swallow;
        }
        let Some(View { decoder, counts, frame, judged, begun }) = view else {
            return Fate::Pass;
        };
        if let Some(header) = chunk.header.filter(|header| !header.start.opcode.is_control()) {
            *frame = header.length;
        }
        let (app, book, age) = (&*session.app, &self.book, now.since(session.opened));
        let account = &app.account;
        let mut paced = self.cadence.as_mut().filter(|_| direction == Direction::Input);
        let (session, first) = (session.id, !*begun);
        let (mut known_opcode, mut length) = (Opcode::Text, 0);
        let rules = &mut self.judge;
        let echo = rules.asks_for_echo().then(|| app.echoed.age(now)).flatten();
        let posted = rules.watches_work().then(|| app.posted.age(now)).flatten();
        let context = Context { awareness: None, echo, posted };
        let judge = |opcode, payload: &Payload<'_>| {
            (known_opcode, length) = (opcode, payload.seen().len() as u64);
            let message = Message { opcode, payload, age, first, context };
            let judgement = rules.judge(book, direction, message);
            if let (Some(paced), Judgement::Activity(None), true) =
                (&mut paced, judgement, payload.is_whole())
            {
                let Paced { cadence, path } = &mut ***paced;
                account.unknown(now, cadence, (session, path), opcode, payload);
            }
            judgement
        };
        let judgement = decoder.chunk(workspace, chunk, payload, judge);
        *begun |= judgement.is_some();
        if judgement.is_some() && direction == Direction::Output && self.judge.is_echoed() {
            app.echoed.note(now);
        }
        if judgement.is_some()
            && let Some(signs) = self.judge.signs()
        {
            app.note_work(now, signs);
        }
        // The judge is not shown more of a long message than its rules need.
        length = length.max(*frame);
        match judgement {
            Some(Judgement::Activity(_)) if !*counts => {
                judged.uncounted += 1;
                Fate::Pass
            }
            Some(Judgement::Activity(rule)) => {
                judged.activity += 1;
                account.counted(now, session, reason, rule, known_opcode, length);
                Fate::Pass
            }
            Some(Judgement::Ignored(rule)) => {
                let class = book.rule(rule).map(|name| name.class);
                judged.heartbeat += u32::from(class == Some(Class::Heartbeat));
                account.ignored(now, (session, &self.met), rule, (known_opcode, length));
                self.heartbeat(rule, now)
            }
            Some(Judgement::Undecided) | None => Fate::Pass,
        }
    }

    fn heartbeat(&mut self, rule: RuleIndex, now: Nanos) -> Fate {
        let heartbeats = self.heartbeats.as_mut();
        heartbeats.map_or(Fate::Pass, |heartbeats| heartbeats.message(rule, now))
    }

    /// The judgements in one direction since the last call; `None` = messages are not judged, so frames
    /// count.
    pub(super) fn take_judged(&mut self, direction: Direction) -> Option<Judged> {
        let view = match direction {
            Direction::Input => &mut self.input,
            Direction::Output => &mut self.output,
        };
        view.as_mut().map(|view| std::mem::take(&mut view.judged))
    }

    /// The next heartbeat action, if any.
    pub(super) fn action(&mut self, now: Nanos) -> Option<HeartbeatAction> {
        self.heartbeats.as_mut()?.next(now)
    }

    /// When to call [`Inspection::action`] at the latest.
    pub(super) fn deadline(&self) -> Option<Nanos> {
        self.heartbeats.as_ref()?.deadline()
    }
}
