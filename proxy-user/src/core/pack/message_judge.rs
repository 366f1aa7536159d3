//! Judges the messages of one connection in both directions by the rules that apply to it, and keeps the
//! state that these rules need.

use std::sync::Arc;

use super::awareness::{self, Awareness};
use super::book::{Connection, RuleBook};
use super::condition::{Candidate, MatchResult};
use super::judgement::{Class, Context, Judgement, Message};
use super::matcher::Matcher;
use super::rule_set::RuleSet;
use super::work::WorkWatch;
use crate::core::frame::Opcode;
use crate::core::side::{Direction, PerSide};
use crate::core::work::Sign;

/// Judges the messages of one connection.
#[derive(Debug)]
pub struct MessageJudge {
    /// Rules, by the side that the messages come from.
    rules: PerSide<RuleSet>,
    /// Few connections need one.
    memory: Option<Box<Memory>>,
}

/// State of a connection that some rules need.
#[derive(Debug)]
struct Memory {
    awareness: Option<Box<Awareness>>,
    /// Messages that pages echo on other connections.
    echoed: Box<[Arc<Matcher>]>,
    /// The newest message of the app is one of these.
    is_echoed: bool,
    work: Option<WorkWatch>,
    /// What a page sends by itself when it opens the connection.
    by_itself: RuleSet,
}

const _: () =
    assert!(size_of::<Memory>() <= 256, "there is one for each session whose app may be at work");

impl MessageJudge {
    /// A judge with the rules of a connection that was just opened.
    #[must_use]
    pub fn new(connection: &Connection) -> MessageJudge {
        let Connection { input, output, echoed, work, by_itself, .. } = connection;
        let awareness = input.context_needs().awareness.then(Box::<Awareness>::default);
        let work = (!work.is_empty()).then(|| WorkWatch::new(work));
        let remembers = awareness.is_some() || !echoed.is_empty() || work.is_some();
        let memory = || Memory {
            awareness,
            echoed: echoed.as_slice().into(),
            is_echoed: false,
            work,
            by_itself: by_itself.clone(),
        };
        MessageJudge {
            rules: PerSide { client: input.clone(), app: output.clone() },
            memory: remembers.then(|| Box::new(memory())),
        }
    }

    /// The most bytes of a message that are needed, as in [`RuleSet::longest`].
    #[must_use]
    pub fn longest(&self, direction: Direction) -> usize {
        let memory = self.memory.as_ref().map_or(0, |memory| memory.longest(direction));
        self.rules[direction.source()].longest().max(memory)
    }

    /// Whether messages of the app are needed even if they cannot be activity.
    #[must_use]
    pub fn hears(&self) -> bool {
        self.memory.is_some()
    }

    /// Sets the connection's number, by which its work is identified.
    pub fn open(&mut self, connection: u64) {
        if let Some(work) = self.memory.as_mut().and_then(|memory| memory.work.as_mut()) {
            work.open(connection);
        }
    }

    /// Signs of work since the last call.
    pub fn signs(&mut self) -> Option<impl Iterator<Item = Sign>> {
        let work = self.memory.as_mut()?.work.as_mut()?;
        work.has_signs().then(|| work.signs())
    }

    /// Whether its messages may show work.
    #[must_use]
    pub fn watches_work(&self) -> bool {
        self.memory.as_ref().is_some_and(|memory| memory.work.is_some())
    }

    /// Whether the newest message of the app is one that pages echo on other connections.
    #[must_use]
    pub fn is_echoed(&self) -> bool {
        self.memory.as_ref().is_some_and(|memory| memory.is_echoed)
    }

    /// Whether a rule needs to know when the app last sent something that pages echo.
    #[must_use]
    pub fn asks_for_echo(&self) -> bool {
        self.rules.client.context_needs().echo
    }

    /// Judges a message or its head, as [`RuleSet::judge`] does; fills in the connection's part of its
    /// context. Call it for every message, in order.
    pub fn judge(
        &mut self,
        book: &RuleBook,
        direction: Direction,
        Message { opcode, payload, age, first, context }: Message<'_>,
    ) -> Judgement {
        let awareness = self.memory.as_ref().and_then(|memory| memory.awareness.as_deref());
        let (echo, posted) = (context.echo, context.posted);
        let context = Context { awareness, echo, posted };
        let message = Message { opcode, payload, age, first, context };
        let judgement = self.rules[direction.source()].judge(book, &message);
        let Some(memory) = &mut self.memory else { return judgement };
        let context = Context { awareness: None, echo, posted };
        let message = Message { opcode, payload, age, first, context };
        if !memory.note(direction, &message) {
            return Judgement::Undecided;
        }
        if direction == Direction::Input && memory.work.is_some() {
            return memory.note_asked(book, judgement, &message);
        }
        judgement
    }
}

impl Memory {
    fn longest(&self, direction: Direction) -> usize {
        let awareness = self.awareness.as_ref().map_or(0, |_| awareness::LONGEST);
        let echoed = self.echoed.iter().map(|matcher| matcher.needs());
        let echoed = if direction == Direction::Output { echoed.max().unwrap_or(0) } else { 0 };
        let work = self.work.as_ref().map_or(0, |work| {
            // For the client, at least the fact that it sent something is needed.
            let asked =
                if direction == Direction::Input { self.by_itself.longest().max(1) } else { 0 };
            work.longest(direction).max(asked)
        });
        awareness.max(echoed).max(work)
    }

    /// Records a message; false = more of it must be seen.
    fn note(&mut self, direction: Direction, message: &Message<'_>) -> bool {
        let Message { opcode, payload, age, .. } = *message;
        if let (Some(awareness), Opcode::Binary) = (&mut self.awareness, opcode) {
            if awareness::wants_more(payload) {
                return false;
            }
            if payload.is_whole() {
                awareness.note(direction, payload, age);
            }
        }
        let candidate = Candidate { payload, text: opcode == Opcode::Text };
        let mut needs_more = false;
        if direction == Direction::Output && !self.echoed.is_empty() {
            self.is_echoed = self.echoed.iter().any(|matcher| {
                let result = matcher.test(&candidate);
                // A matcher is not given more than it needs.
                let seen = payload.seen().len();
                needs_more |= result == MatchResult::NeedMore && seen < matcher.needs();
                result == MatchResult::Yes
            });
            if self.is_echoed {
                needs_more = false;
            }
        }
        let posted = message.context.posted.is_some_and(|posted| posted < age);
        let work = self.work.as_mut().filter(|_| !needs_more);
        let seen = work.is_none_or(|work| work.look(direction, &candidate, posted));
        seen && !needs_more
    }

    /// Records whether a message of the client is a person asking for something.
    fn note_asked(
        &mut self,
        book: &RuleBook,
        judgement: Judgement,
        message: &Message<'_>,
    ) -> Judgement {
        let more = message.payload.seen().len() < self.longest(Direction::Input);
        let by_itself = self.by_itself.judge(book, message);
        if more && !message.payload.is_whole() && by_itself == Judgement::Undecided {
            return Judgement::Undecided;
        }
        let Some(work) = &mut self.work else { return judgement };
        match (judgement, by_itself) {
            // There may be more of it.
            (Judgement::Undecided, _) if more => {}
            (Judgement::Ignored(rule), _) | (_, Judgement::Ignored(rule)) => {
                // Nobody asked for what the page's own timer requests.
                let class = book.rule(rule).map(|name| name.class);
                work.asked &= class != Some(Class::Timer);
            }
            _ => work.asked = true,
        }
        judgement
    }
}
