//! Frames of our own that are put into a direction between two frames that pass.

use std::io;
use std::task::{Poll, ready};

use bytes::{Buf, Bytes};

use super::frames::Frames;
use super::socket::Socket;
use crate::clock;
use crate::session::Leg;

/// Frames that wait for their place.
#[derive(Debug, Default)]
pub(super) struct Inserts {
    frames: Bytes,
    /// So many of them are messages, which cannot stand inside another (RFC 6455 section 5.4).
    messages: u32,
    /// One of them is a ping that the sweep asked for.
    ping: bool,
    /// Some bytes of them have been written: nothing else may come before the rest.
    begun: bool,
}

impl Inserts {
    /// Adds a control frame behind the others.
    pub(super) fn add_control(&mut self, frame: &[u8]) {
        self.frames = Bytes::from([&self.frames[..], frame].concat());
    }

    /// Adds the same message so many times. They must be few: see [`Inserts::messages`].
    pub(super) fn add_messages(&mut self, frame: &[u8], times: u32) {
        self.frames = Bytes::from([&self.frames[..], &frame.repeat(times as usize)].concat());
        self.messages = self.messages.saturating_add(times);
    }

    /// Adds a ping that the sweep asked for.
    pub(super) fn add_ping(&mut self, frame: &[u8]) {
        self.add_control(frame);
        self.ping = true;
    }

    /// Messages that wait.
    pub(super) fn messages(&self) -> u32 {
        self.messages
    }

    /// Such a ping waits.
    pub(super) fn ping(&self) -> bool {
        self.ping
    }

    /// There are some, and where `around` stands they can be put in.
    pub(super) fn fit(&self, around: &Frames) -> bool {
        let place = around.at_boundary() && !around.closed();
        place && !self.frames.is_empty() && (self.messages == 0 || !around.in_message())
    }

    /// They have been written in part.
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
