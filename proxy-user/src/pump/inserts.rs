//! Our own frames, inserted between two frames that pass.

use std::io;
use std::task::{Poll, ready};

use bytes::{Buf, Bytes};

use super::frames::Frames;
use super::socket::Socket;
use crate::clock;
use crate::session::Leg;

/// Frames that wait to be inserted.
#[derive(Debug, Default)]
pub(super) struct Inserts {
    frames: Bytes,
    /// How many of them are messages, which cannot be inserted inside another message (RFC 6455 section 5.4).
    messages: u32,
    /// Whether one of them is a ping requested by the sweep.
    ping: bool,
    /// They have been partly written: nothing else may be written before the rest.
    begun: bool,
}

impl Inserts {
    /// Appends a control frame.
    pub(super) fn add_control(&mut self, frame: &[u8]) {
        self.frames = Bytes::from([&self.frames[..], frame].concat());
    }

    /// Appends the same message several times. Keep the number small: see [`Inserts::messages`].
    pub(super) fn add_messages(&mut self, frame: &[u8], times: u32) {
        self.frames = Bytes::from([&self.frames[..], &frame.repeat(times as usize)].concat());
        self.messages = self.messages.saturating_add(times);
    }

    /// Appends a ping requested by the sweep.
    pub(super) fn add_ping(&mut self, frame: &[u8]) {
        self.add_control(frame);
        self.ping = true;
    }

    /// How many messages are waiting.
    pub(super) fn messages(&self) -> u32 {
        self.messages
    }

    /// Whether a ping requested by the sweep is waiting.
    pub(super) fn ping(&self) -> bool {
        self.ping
    }

    /// Whether there are frames to insert and the current position in `around` allows it.
    pub(super) fn fit(&self, around: &Frames) -> bool {
        let place = around.at_boundary() && !around.closed();
        place && !self.frames.is_empty() && (self.messages == 0 || !around.in_message())
    }

    /// Whether they have been partly written.
    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    /// Writes all of them.
    pub(super) fn poll_write(&mut self, to: &mut Socket, leg: &Leg) -> Poll<io::Result<()>> {
        while !self.frames.is_empty() {
            let written = ready!(to.poll_write(leg, &self.frames))?;
            self.frames.advance(written);
            self.begun = true;
        }
        if std::mem::take(self).ping {
            leg.pinged(clock::now());
        }
        Poll::Ready(Ok(()))
    }
}
