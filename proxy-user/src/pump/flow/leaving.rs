//! The end of a direction: writes what remains and FIN, while still reading what the source may send.

use std::task::{Poll, ready};

use super::{Flow, FlowEvent, Stage};
use crate::pump::observer::FrameObserver;
use crate::pump::socket::Socket;
use crate::session::Leg;

impl Flow {
    /// [`Flow::poll`] for a session that has ended: writes what is left to `to`, if it is still open, then
    /// keeps reading from `from` until its Close. Closing a socket with unread bytes would send RST, which
    /// could make the peer's kernel discard our Close.
    pub(in crate::pump) fn poll_out(
        &mut self,
        from: Option<(&mut Socket, &Leg)>,
        to: Option<(&mut Socket, &Leg)>,
        observer: &mut impl FrameObserver,
    ) -> Poll<FlowEvent> {
        let passes = matches!(self.stage, Stage::Open | Stage::LastFrame);
        match (from, to) {
            (Some(from), Some(to)) if passes => self.poll(from, to, observer),
            (None, Some(_)) if passes => {
                self.finish();
                Poll::Ready(FlowEvent::Discarded)
            }
            (from, Some(to)) => match self.poll_finish(to) {
                Poll::Pending if !self.waits() => self.poll_discard(from),
                polled => polled,
            },
            (from, None) => {
                self.stage = Stage::Broken;
                self.poll_discard(from)
            }
        }
    }

    /// Whether something that was read still has to be written.
    fn waits(&self) -> bool {
        self.buffer.as_ref().is_some_and(|buffer| !buffer.waiting().is_empty())
    }

    /// Writes the last frame and FIN.
    pub(super) fn poll_finish(&mut self, (to, leg): (&mut Socket, &Leg)) -> Poll<FlowEvent> {
        // Nothing more will be written.
        if matches!(self.stage, Stage::Ended | Stage::Broken) {
            return Poll::Pending;
        }
        if ready!(self.poll_flush(to, leg)).is_err() {
            self.stage = Stage::Broken;
            return Poll::Ready(FlowEvent::WriteFailed);
        }
        if self.fin_waits {
            return Poll::Pending;
        }
        self.stage = Stage::Ended;
        Poll::Ready(FlowEvent::Ended)
    }

    /// Reads and parses frames that are not passed on.
    fn poll_discard(&mut self, from: Option<(&mut Socket, &Leg)>) -> Poll<FlowEvent> {
        if self.buffer.is_none() {
            let Some((from, leg)) = from.filter(|_| !self.source_over) else {
                return Poll::Pending;
            };
            match ready!(self.poll_read(from, leg)) {
                Ok(true) => {}
                Ok(false) => return Poll::Ready(FlowEvent::Eof),
                Err(error) => return Poll::Ready(FlowEvent::ReadFailed(error)),
            }
        }
        if let Some(buffer) = self.buffer.take() {
            self.frames.discard(buffer.unparsed());
            buffer.give_back();
        }
        Poll::Ready(FlowEvent::Discarded)
    }
}
