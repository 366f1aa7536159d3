//! A session's heartbeats: passes messages and the time to `core::heartbeat`, and turns its decisions into
//! frames.

use std::sync::Arc;

use super::inspection::HeartbeatAction;
use super::random::{masking_key, ping_payload};
use crate::core::frame::{Chunk, Opcode, own_frame};
use crate::core::heartbeat::{Fate, Heartbeat, Mode, Step};
use crate::core::pack::{self, Answerer, RuleIndex};
use crate::core::time::Nanos;

/// One session's heartbeats.
#[derive(Debug)]
pub(super) struct Heartbeats {
    ask: RuleIndex,
    answer: RuleIndex,
    /// The answer's opcode and payload.
    reply: (Opcode, Arc<[u8]>),
    machine: Heartbeat,
    /// The state machine's last decision, if it has not been carried out.
    step: Step,
    /// The payload of our ping to the app that has not been answered.
    ping: Option<[u8; 8]>,
}

impl Heartbeats {
    /// Heartbeats as a pack describes them.
    pub(super) fn new(known: pack::Heartbeat) -> Heartbeats {
        let mode = match known.answerer {
            Answerer::Auto => Mode::Auto,
            Answerer::App => Mode::App,
            Answerer::Proxy => Mode::Proxy,
        };
        let machine = Heartbeat::new(mode, known.timeout);
        let opcode = if known.binary { Opcode::Binary } else { Opcode::Text };
        Heartbeats {
            ask: known.ask,
            answer: known.answer,
            reply: (opcode, known.payload),
            machine,
            step: Step::Wait,
            ping: None,
        }
    }

    /// A message passed that matched this rule.
    pub(super) fn message(&mut self, rule: RuleIndex, now: Nanos) -> Fate {
        if rule == self.ask {
            self.step = self.machine.asked(now);
        } else if rule == self.answer {
            return self.machine.answered();
        }
        Fate::Pass
    }

    /// Whether a pong from the app answers our ping.
    pub(super) fn pong(&mut self, chunk: &Chunk, payload: &[u8]) -> bool {
        let Some(sent) = self.ping else { return false };
        if !chunk.ends || payload != sent {
            return false;
        }
        self.ping = None;
        self.step = self.machine.ponged();
        true
    }

    /// When to call [`Heartbeats::next`] at the latest.
    pub(super) fn deadline(&self) -> Option<Nanos> {
        self.machine.deadline()
    }

    /// The next thing to do, if any.
    pub(super) fn next(&mut self, now: Nanos) -> Option<HeartbeatAction> {
        loop {
            match std::mem::replace(&mut self.step, Step::Wait) {
                Step::Wait => {}
                Step::Ping => {
                    let payload = ping_payload(now.0);
                    self.ping = Some(payload);
                    let frame = own_frame(Opcode::Ping, &payload, Some(masking_key(now.0)));
                    return Some(HeartbeatAction::ToApp(frame));
                }
                Step::Answer(times) => {
                    let (opcode, payload) = &self.reply;
                    let frame = own_frame(*opcode, payload, None);
                    return Some(HeartbeatAction::Answer(frame, times));
                }
                Step::End => return Some(HeartbeatAction::End),
            }
            self.deadline().filter(|deadline| *deadline <= now)?;
            self.step = self.machine.due(now);
        }
    }
}
