//! Brings an open session to the moment at which something is to happen.

use crate::harness::frame::Frame;
use crate::harness::wait::eventually;
use crate::matrix::{Fault, Moment};
use crate::party::FILLING;
use crate::play::Play;
use crate::scene::Scene;

/// Payload of the frame, or of the message, that the side at fault has begun, and how much of it was
/// sent.
pub(crate) const UNFINISHED: usize = 100_000;
pub(crate) const HALF: usize = UNFINISHED / 2;
/// What is streamed to a slow side, in bytes: more than it takes in the time, and little enough to catch
/// up with.
const STREAM: usize = 1 << 20;

impl Play {
    pub(crate) fn reach(&mut self, scene: &Scene) {
        let slow = self.cell.fault == Fault::Slow;
        match self.cell.moment {
            Moment::Handshake | Moment::Idle => {}
            Moment::MidFrame => {
                let mut frame = self.culprit.encode(Frame::binary([FILLING; UNFINISHED]));
                self.rest = frame.split_off(frame.len() - (UNFINISHED - HALF));
                self.culprit.send(frame);
                self.culprit.habit.inside_frame = true;
            }
            Moment::MidMessage => {
                self.culprit.say(Frame::binary([FILLING; HALF]).unfinished());
            }
            Moment::Closing => {
                self.culprit.habit.answers = None;
                self.survivor.close(1000);
                self.until("the Close is there", |play| !play.culprit.saw.closes.is_empty());
                // Its kernel may acknowledge that later, and may then be gone: the Close would be stuck.
                let leg = self.cell.who.leg();
                eventually("the Close is acknowledged", || {
                    let sessions = scene.proxy.sessions();
                    sessions.iter().all(|row| row["legs"][leg]["queued_bytes"] == 0).then_some(())
                });
            }
            Moment::Draining => {
                scene.proxy.terminate();
                eventually("/readyz says 503", || {
                    (scene.proxy.admin("/readyz", "").status() == 503).then_some(())
                });
            }
        }
        if self.cell.moment.streams() {
            self.survivor.habit.stream = if slow { STREAM } else { usize::MAX };
            self.until("the stream flows", |play| play.culprit.saw.data > 10);
            self.until("what was sent before has arrived", |play| {
                play.survivor.unfinished() > HALF || play.survivor.saw.data > HALF
            });
        }
    }
}
