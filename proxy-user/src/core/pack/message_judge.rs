//! The messages of one connection, both ways, before the rules that are for it, and what these must
//! remember of what went before.

use std::sync::Arc;
use std::time::Duration;

use super::awareness::{self, Awareness};
use super::book::{Connection, RuleBook};
use super::condition::{Candidate, MatchResult};
use super::judgement::{Context, Judgement, Message};
use super::matcher::Matcher;
use super::rule_set::RuleSet;
use crate::core::frame::Opcode;
use crate::core::payload::Payload;
use crate::core::side::{Direction, PerSide};

/// Judges the messages of one connection.
#[derive(Debug)]
pub struct MessageJudge {
    /// Each under the side that the messages come from.
    rules: PerSide<RuleSet>,
    /// Few connections need one.
    memory: Option<Box<Memory>>,
}

/// What is remembered of a connection.
#[derive(Debug)]
struct Memory {
    awareness: Option<Awareness>,
    /// What pages echo on other connections.
    echoed: Box<[Arc<Matcher>]>,
    /// The newest message of the app is such a one.
    is_echoed: bool,
}

impl MessageJudge {
    /// A judge by the rules of a connection that was just opened.
    #[must_use]
    pub fn new(connection: &Connection) -> MessageJudge {
        let Connection { input, output, echoed, .. } = connection;
        let awareness = input.asks().awareness.then(Awareness::default);
        let remembers = awareness.is_some() || !echoed.is_empty();
        let memory = || Memory { awareness, echoed: echoed.as_slice().into(), is_echoed: false };
        MessageJudge {
            rules: PerSide { client: input.clone(), app: output.clone() },
            memory: remembers.then(|| Box::new(memory())),
        }
    }

    /// The most bytes of a message that must be shown, as [`RuleSet::longest`] says it.
    #[must_use]
    pub fn longest(&self, direction: Direction) -> usize {
        let memory = self.memory.as_ref().map_or(0, |memory| memory.longest(direction));
        self.rules[direction.source()].longest().max(memory)
    }

    /// Whether messages of the app must be shown even where they cannot be activity.
    #[must_use]
    pub fn hears(&self) -> bool {
        self.memory.is_some()
    }

    /// Whether the newest message of the app is one that pages echo on other connections.
    #[must_use]
    pub fn is_echoed(&self) -> bool {
        self.memory.as_ref().is_some_and(|memory| memory.is_echoed)
    }

    /// Whether the rules ask how long ago the app said something that pages echo.
    #[must_use]
    pub fn asks_for_echo(&self) -> bool {
        self.rules.client.asks().echo
    }

    /// Judges a message or its head, as [`RuleSet::judge`] does; its context is filled in here. `echo`:
    /// see [`Context::echo`]. To be shown each message in its order.
    pub fn judge(
        &mut self,
        book: &RuleBook,
        direction: Direction,
        Message { opcode, payload, age, first, .. }: Message<'_>,
        echo: Option<Duration>,
    ) -> Judgement {
        let awareness = self.memory.as_ref().and_then(|memory| memory.awareness.as_ref());
        let context = Context { awareness, echo };
        let message = Message { opcode, payload, age, first, context };
        let judgement = self.rules[direction.source()].judge(book, &message);
        let Some(memory) = &mut self.memory else { return judgement };
        if memory.note(direction, opcode, payload, age) { judgement } else { Judgement::Undecided }
    }
}

impl Memory {
    fn longest(&self, direction: Direction) -> usize {
        let awareness = self.awareness.as_ref().map_or(0, |_| awareness::LONGEST);
        let echoed = self.echoed.iter().map(|matcher| matcher.needs());
        let echoed = if direction == Direction::Output { echoed.max().unwrap_or(0) } else { 0 };
        awareness.max(echoed)
    }

    /// Notes a message; false = more of it must be seen.
    fn note(
        &mut self,
        direction: Direction,
        opcode: Opcode,
        payload: &Payload<'_>,
        age: Duration,
    ) -> bool {
        if let (Some(awareness), Opcode::Binary) = (&mut self.awareness, opcode) {
            if awareness::wants_more(payload) {
                return false;
            }
            if payload.is_whole() {
                awareness.note(direction, payload, age);
            }
        }
        if direction == Direction::Input || self.echoed.is_empty() {
            return true;
        }
        let candidate = Candidate { payload, text: opcode == Opcode::Text };
        let mut needs_more = false;
        self.is_echoed = self.echoed.iter().any(|matcher| {
            let result = matcher.test(&candidate);
            // Of one that is longer than it looks at it is told no more.
            needs_more |= result == MatchResult::NeedMore && payload.seen().len() < matcher.needs();
            result == MatchResult::Yes
        });
        self.is_echoed || !needs_more
    }
}
