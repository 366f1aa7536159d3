//! One direction of a session: read, parse frames, write what was read, and only then read again.

mod leaving;

use std::io;
use std::task::{Poll, ready};

use bytes::{Buf, Bytes};

use super::buffer::PooledBuffer;
use super::frames::Frames;
use super::inserts::Inserts;
use super::observer::FrameObserver;
use super::socket::Socket;
use crate::core::frame::{Chunk, Header, Opcode, Rules, Violation};
use crate::core::heartbeat::Fate;
use crate::session::{Counts, Leg};

/// The result of polling a direction.
#[derive(Debug)]
pub(super) enum FlowEvent {
    /// `from` has sent FIN, and everything before it has been written.
    Eof,
    /// FIN has been sent to `to`.
    Ended,
    /// Reading failed.
    ReadFailed(io::Error),
    /// Writing failed; nothing more is read from `from`.
    WriteFailed,
    /// A protocol violation; the frames before it still wait to be written.
    Violation(Violation),
    /// Bytes were read whose frames are no longer passed on.
    Discarded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// The session is over, but a frame is incomplete: the rest of it is still passed on.
    LastFrame,
    /// Only waiting bytes, our last frame and FIN remain to be written.
    Finishing,
    /// FIN has been sent.
    Ended,
    /// Writing failed.
    Broken,
}

/// The state of one direction. With no bytes in flight, this is little more than the parser's state.
#[derive(Debug)]
pub(super) struct Flow {
    frames: Frames,
    stage: Stage,
    /// Bytes that must be written before reading more.
    buffer: Option<Box<PooledBuffer>>,
    own: Option<Box<Own>>,
    /// FIN is held back until the peer has answered our Close.
    fin_waits: bool,
    /// Nothing more can be read.
    source_over: bool,
}

/// Our own bytes that have not been written.
#[derive(Debug, Default)]
struct Own {
    /// Frames to insert at the next opportunity between two frames.
    inserts: Inserts,
    /// What is written after the last frame, before FIN.
    last_words: Bytes,
}

const _: () = assert!(size_of::<Flow>() <= 72, "there are two for each session");

impl Flow {
    /// `early`: bytes that arrived directly after the handshake.
    pub(super) fn new(rules: Rules, early: &[u8]) -> Flow {
        Flow {
            frames: Frames::new(rules),
            stage: Stage::Open,
            buffer: (!early.is_empty()).then(|| PooledBuffer::of(early.into())),
            own: None,
            fin_waits: false,
            source_over: false,
        }
    }

    /// Whether the parser is between two frames.
    pub(super) fn at_boundary(&self) -> bool {
        self.frames.at_boundary()
    }

    /// Whether a Close frame has been seen.
    pub(super) fn closed(&self) -> bool {
        self.frames.closed()
    }

    /// Whether a Close frame has been seen, or none can follow.
    pub(super) fn heard_close(&self) -> bool {
        self.frames.closed() || self.frames.invalid()
    }

    /// The source has ended: from now on only waiting bytes and FIN are written. Our own last frame is
    /// dropped if it was waiting for the end of an incomplete frame.
    pub(super) fn finish(&mut self) {
        if matches!(self.stage, Stage::Open | Stage::LastFrame) {
            self.say_last(Bytes::copy_from_slice(self.frames.kept()));
            self.stage = Stage::Finishing;
            self.fin_waits = false;
        }
    }

    /// Writes a Close frame of our own (or nothing, if empty) at the next boundary between frames, then ends
    /// the direction. The start of an incomplete header is dropped. `fin_waits`: see [`Flow::release_fin`].
    pub(super) fn close(&mut self, frame: Bytes, fin_waits: bool) {
        if self.stage != Stage::Open {
            return;
        }
        // No frame may follow a Close (RFC 6455 section 5.5.1).
        self.say_last(if self.frames.closed() { Bytes::new() } else { frame });
        self.fin_waits = fin_waits;
        let between = self.frames.at_boundary() || self.frames.invalid();
        self.stage = if between { Stage::Finishing } else { Stage::LastFrame };
    }

    fn say_last(&mut self, words: Bytes) {
        if self.own.is_some() || !words.is_empty() {
            self.own.get_or_insert_default().last_words = words;
        }
    }

    /// The peer has answered our Close: FIN may be sent.
    pub(super) fn release_fin(&mut self) {
        self.fin_waits = false;
    }

    /// Queues a control frame of our own, to be inserted at the next boundary between frames. It is dropped
    /// if the direction ends first.
    pub(super) fn insert_control(&mut self, frame: &[u8]) {
        self.own.get_or_insert_default().inserts.add_control(frame);
    }

    /// Queues a message of our own `times` times. False, without effect, if more than `most` messages would
    /// then be queued.
    pub(super) fn insert_messages(&mut self, frame: &[u8], times: u32, most: u32) -> bool {
        let inserts = &mut self.own.get_or_insert_default().inserts;
        let fits = inserts.messages().saturating_add(times) <= most;
        if fits {
            inserts.add_messages(frame, times);
        }
        fits
    }

    /// Queues a ping for the sweep. It may never be sent, because no frame may follow a Close (RFC 6455
    /// section 5.5.1).
    pub(super) fn ping(&mut self, frame: &[u8]) {
        if self.stage == Stage::Open {
            self.own.get_or_insert_default().inserts.add_ping(frame);
        }
    }

    /// Whether a ping for the sweep is queued.
    pub(super) fn pings(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.inserts.ping())
    }

    /// Moves bytes until neither side can make progress. `observer` sees every frame.
    pub(super) fn poll(
        &mut self,
        (from, from_leg): (&mut Socket, &Leg),
        (to, to_leg): (&mut Socket, &Leg),
        observer: &mut impl FrameObserver,
    ) -> Poll<FlowEvent> {
        loop {
            if matches!(self.stage, Stage::Finishing | Stage::Ended | Stage::Broken) {
                return self.poll_finish((to, to_leg));
            }
            if ready!(self.poll_flush(to, to_leg)).is_err() {
                self.stage = Stage::Broken;
                return Poll::Ready(FlowEvent::WriteFailed);
            }
            if self.buffer.is_none() {
                match ready!(self.poll_read(from, from_leg)) {
                    Ok(true) => {}
                    Ok(false) => return Poll::Ready(FlowEvent::Eof),
                    Err(error) => return Poll::Ready(FlowEvent::ReadFailed(error)),
                }
            }
            if let Err(violation) = self.follow(observer) {
                return Poll::Ready(FlowEvent::Violation(violation));
            }
        }
    }

    /// Reads once, and records whether the source has ended. False = end of the stream.
    fn poll_read(&mut self, from: &mut Socket, leg: &Leg) -> Poll<io::Result<bool>> {
        let read = ready!(self.poll_fill(from, leg));
        self.source_over = !matches!(read, Ok(true));
        Poll::Ready(read)
    }

    /// Appends what is read to the bytes that were kept. A buffer is taken only if there may be something to read.
    fn poll_fill(&mut self, from: &mut Socket, leg: &Leg) -> Poll<io::Result<bool>> {
        if !from.may_read() {
            return Poll::Pending;
        }
        let kept = self.frames.kept();
        let mut buffer = PooledBuffer::take();
        let (before, behind) = buffer.space().split_at_mut(kept.len());
        before.copy_from_slice(kept);
        let polled = from.poll_read(leg, behind);
        let Poll::Ready(Ok(read @ 1..)) = polled else {
            buffer.give_back();
            return polled.map_ok(|_| false);
        };
        buffer.fill(kept.len() + read);
        self.frames.joined();
        self.buffer = Some(buffer);
        Poll::Ready(Ok(true))
    }

    /// Parses the frames in what was read, up to a point where frames must be inserted or removed. Complete
    /// chunks stay in the buffer to be written; the start of a header is kept for the next read. Whatever
    /// follows a Close (RFC 6455 section 1.4) or the last frame is discarded.
    fn follow(&mut self, observer: &mut impl FrameObserver) -> Result<(), Violation> {
        let Flow { frames, stage, buffer: Some(buffer), own, .. } = self else { return Ok(()) };
        let bytes = buffer.unparsed();
        let (mut burst, mut pass, mut skip) = (Counts::default(), 0, 0);
        let result = loop {
            let rest = &bytes[pass..];
            if frames.at_boundary() {
                if frames.closed() || *stage != Stage::Open {
                    frames.discard(rest);
                    skip = rest.len();
                    break Ok(());
                }
                if pass > 0 && own.as_ref().is_some_and(|own| own.inserts.fit(frames)) {
                    break Ok(());
                }
            }
            let chunk = match frames.next(rest) {
                Ok(Some(chunk)) => chunk,
                none => {
                    skip = rest.len();
                    break none.map(drop);
                }
            };
            let header = chunk.header.map_or(0, |header| header.size);
            let fate = observer.chunk(&chunk, &rest[header..chunk.size]);
            let swallowed = fate == Fate::Swallow && whole_message(&chunk);
            let own = |header: &Header| swallowed && header.start.opcode == Opcode::Pong;
            if let Some(header) = chunk.header.filter(|header| !own(header)) {
                burst.bytes += header.length;
                match header.start.opcode.is_control() {
                    true => burst.control += 1,
                    false => burst.data += 1,
                }
            }
            if swallowed {
                skip = chunk.size;
                break Ok(());
            }
            pass += chunk.size;
            if chunk.ends && *stage == Stage::LastFrame {
                *stage = Stage::Finishing;
            }
        };
        buffer.pass(pass);
        buffer.skip(skip);
        if burst != Counts::default() {
            observer.burst(burst, frames.message());
        }
        result
    }

    /// Writes waiting bytes, then our own frames if they can be inserted here, and returns the buffer to the
    /// pool once it is empty. At the end of the direction, writes the last frame and FIN.
    pub(super) fn poll_flush(&mut self, to: &mut Socket, leg: &Leg) -> Poll<io::Result<()>> {
        if let Some(buffer) = &mut self.buffer {
            while !buffer.waiting().is_empty() {
                let written = ready!(to.poll_write(leg, buffer.waiting()))?;
                buffer.advance(written);
            }
        }
        let open = matches!(self.stage, Stage::Open | Stage::LastFrame);
        if let Some(own) = &mut self.own
            && (own.inserts.begun() || (open && own.inserts.fit(&self.frames)))
        {
            ready!(own.inserts.poll_write(to, leg))?;
            self.own = self.own.take().filter(|own| !own.last_words.is_empty());
        }
        if let Some(buffer) = self.buffer.take_if(|buffer| buffer.unparsed().is_empty()) {
            buffer.give_back();
        }
        let finishing = self.stage == Stage::Finishing;
        if let Some(own) = self.own.as_mut().filter(|_| finishing) {
            while !own.last_words.is_empty() {
                let written = ready!(to.poll_write(leg, &own.last_words))?;
                own.last_words.advance(written);
            }
        }
        ready!(to.poll_flush(leg))?;
        if finishing && !self.fin_waits {
            ready!(to.poll_shutdown(leg))?;
        }
        Poll::Ready(Ok(()))
    }
}

/// Whether the chunk is a whole frame that is a whole message, or a control frame.
fn whole_message(chunk: &Chunk) -> bool {
    let whole = |header: Header| header.start.fin && header.start.opcode != Opcode::Continuation;
    chunk.ends && chunk.header.is_some_and(whole)
}
