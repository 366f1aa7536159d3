//! Lets the fault happen, and lets a slow side come to the end of what it had to do.

use std::time::Duration;

use crate::harness::frame::{CONTINUATION, Frame};
use crate::matrix::{Cell, Fault, Moment, Who};
use crate::moment::{HALF, UNFINISHED};
use crate::party::FILLING;
use crate::play::Play;
use crate::scene::{GRACE, PONG, Scene};

/// How slow a slow side is, in bytes per step: with its handshake, and later.
pub(crate) const DRIBBLE: usize = 2;
const CRAWL: usize = 1300;
/// Neither HTTP nor a frame: all reserved bits, and an opcode that does not exist.
const GARBAGE: [u8; 64] = [0xFF; 64];

impl Play {
    pub(crate) fn strike(&mut self, scene: &Scene) {
        let Cell { who, fault, moment } = self.cell;
        let culprit = &mut self.culprit;
        match fault {
            Fault::Fin => culprit.half_close(),
            Fault::Rst => culprit.reset(),
            Fault::Freeze => self.culprit_acts = false,
            Fault::Vanish => {
                self.culprit_acts = false;
                scene.cut();
            }
            Fault::Slow => match moment {
                Moment::Handshake => culprit.habit.writes = DRIBBLE,
                Moment::Idle => culprit.habit.answers = Some(PONG / 2),
                Moment::MidFrame | Moment::MidMessage => {
                    (culprit.habit.reads, culprit.habit.writes) = (CRAWL, CRAWL);
                }
                Moment::Closing | Moment::Draining => culprit.habit.reads = 0,
            },
            Fault::Garbage => {
                // What fits into a frame that has begun is its payload.
                culprit.send(vec![GARBAGE[0]; self.rest.len()]);
                culprit.habit.inside_frame = false;
                culprit.send(GARBAGE);
            }
        }
        let app_answers = match (who, fault) {
            // A client that is gone is to be noticed before the app has answered.
            (Who::Client, Fault::Fin | Fault::Rst) => false,
            (Who::Client, _) | (Who::App, Fault::Slow) => true,
            (Who::App, _) => false,
        };
        if moment == Moment::Handshake && app_answers {
            self.agree();
        }
    }

    /// The slow side was slow for long enough: it comes to the end of what it had to do.
    pub(crate) fn get_well(&mut self) {
        match self.cell.moment {
            Moment::Handshake => self.open(),
            Moment::Idle => self.last(2 * PONG),
            Moment::MidFrame => {
                let rest = std::mem::take(&mut self.rest);
                self.culprit.send(rest);
                self.culprit.said += UNFINISHED;
                self.last(3 * GRACE);
                self.culprit.habit.inside_frame = false;
            }
            Moment::MidMessage => {
                let rest = Frame::new(CONTINUATION, [FILLING; UNFINISHED - HALF]);
                self.culprit.say(rest);
                self.last(3 * GRACE);
            }
            Moment::Closing => {
                self.last(GRACE);
                self.culprit.close(1000);
            }
            Moment::Draining => self.pass(GRACE),
        }
        let habit = &mut self.culprit.habit;
        (habit.reads, habit.writes, habit.answers) = (usize::MAX, usize::MAX, Some(Duration::ZERO));
        if self.cell.moment.ends_by_itself() {
            return;
        }
        self.until("all that was said has arrived", |play| {
            let (one, other) = (&play.survivor, &play.culprit);
            one.is_done() && one.saw.data == other.said && other.saw.data == one.said
        });
        self.survivor.close(1000);
    }
}
