//! One direction of a session: read, follow the frames, write what was read, and only then read on.

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

/// What a direction came to.
#[derive(Debug)]
pub(super) enum FlowEvent {
    /// `from` has sent its FIN and all before it has been written.
    Eof,
    /// The FIN has been passed on.
    Ended,
    /// Reading failed.
    ReadFailed(io::Error),
    /// Writing failed; nothing more is read in this direction.
    WriteFailed,
    /// The frames before it are waiting to be written.
    Violation(Violation),
    /// Something was heard of a peer whose frames are not passed on any more.
    Discarded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// The session is over, but a frame is cut in half: its rest is still passed on.
    LastFrame,
    /// Only what waits, the last words and the FIN are left to be written.
    Finishing,
    /// The FIN has been passed on.
    Ended,
    /// Writing failed.
    Broken,
}

/// The state of one direction: nothing but that of its frames while no byte is on its way.
#[derive(Debug)]
pub(super) struct Flow {
    frames: Frames,
    stage: Stage,
    /// Bytes that must be written before anything else is read.
    buffer: Option<Box<PooledBuffer>>,
    own: Option<Box<Own>>,
    /// The FIN waits for the answer to the last words.
    fin_waits: bool,
    /// Nothing more can be read.
    source_over: bool,
}

/// Bytes of our own that have not been written.
#[derive(Debug, Default)]
struct Own {
    /// Frames that wait for the next place between two frames.
    inserts: Inserts,
    /// What is written between the last frame and the FIN.
    last_words: Bytes,
}

const _: () = assert!(size_of::<Flow>() <= 72, "there are two for each session");

impl Flow {
    /// `early`: what came right behind the handshake.
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

    /// No frame is cut in half.
    pub(super) fn at_boundary(&self) -> bool {
        self.frames.at_boundary()
    }

    /// A Close frame went by.
    pub(super) fn closed(&self) -> bool {
        self.frames.closed()
    }

    /// The same, or none can come any more.
    pub(super) fn heard_close(&self) -> bool {
        self.frames.closed() || self.frames.invalid()
    }

    /// The source is at its end: from now on only what waits and the FIN are written. Last words that
    /// wait for the end of a frame are lost, as it never comes.
    pub(super) fn finish(&mut self) {
        if matches!(self.stage, Stage::Open | Stage::LastFrame) {
            self.say_last(Bytes::copy_from_slice(self.frames.kept()));
            self.stage = Stage::Finishing;
            self.fin_waits = false;
        }
    }

    /// Puts a Close frame of our own, or nothing, in the next place that takes it, and ends with it.
    /// The start of an unfinished header is dropped. `fin_waits`: see [`Flow::release_fin`].
    pub(super) fn close(&mut self, frame: Bytes, fin_waits: bool) {
        if self.stage != Stage::Open {
            return;
        }
        // Nothing comes behind a Close (RFC 6455 section 5.5.1).
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

    /// The last words have been answered: the FIN may follow them.
    pub(super) fn release_fin(&mut self) {
        self.fin_waits = false;
    }

    /// Puts a control frame of our own behind what waits, in the next place that takes it. Lost if the
    /// direction ends before there is one.
    pub(super) fn insert_control(&mut self, frame: &[u8]) {
        self.own.get_or_insert_default().inserts.add_control(frame);
    }

    /// The same with a message, so many times. False: more than `most` of them would wait then.
    pub(super) fn insert_messages(&mut self, frame: &[u8], times: u32, most: u32) -> bool {
        let inserts = &mut self.own.get_or_insert_default().inserts;
        let fits = inserts.messages().saturating_add(times) <= most;
        if fits {
            inserts.add_messages(frame, times);
        }
        fits
    }

    /// The same with a ping of the sweep's. Its place may never come (RFC 6455 section 5.5.1).
    pub(super) fn ping(&mut self, frame: &[u8]) {
        if self.stage == Stage::Open {
            self.own.get_or_insert_default().inserts.add_ping(frame);
        }
    }

    /// A ping of the sweep's waits.
    pub(super) fn pings(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.inserts.ping())
    }

    /// Moves bytes until neither side can go on. `observer` sees every frame.
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

    /// Reads once, and notes when that was the last time. False = end of the stream.
    fn poll_read(&mut self, from: &mut Socket, leg: &Leg) -> Poll<io::Result<bool>> {
        let read = ready!(self.poll_fill(from, leg));
        self.source_over = !matches!(read, Ok(true));
        Poll::Ready(read)
    }

    /// Reads behind the bytes that were kept, into a buffer that is taken only when there is something
    /// to read.
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

    /// Follows the frames in what was read, up to a place where something is put in or taken out.
    /// Whole chunks stay to be written, the start of a header is kept for the next read. What comes
    /// behind a Close is discarded (RFC 6455 section 1.4), and so is what comes behind the last frame.
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

    /// Writes what waits, then frames of our own if this is a place for them, and gives the buffer
    /// back when nothing is left in it; at the end the last words and the FIN.
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
        if self.stage == Stage::Finishing {
            if let Some(own) = &mut self.own {
                while !own.last_words.is_empty() {
                    let written = ready!(to.poll_write(leg, &own.last_words))?;
                    own.last_words.advance(written);
                }
            }
            if !self.fin_waits {
                to.shutdown()?;
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The chunk is all of a frame that is all of a message, or a control frame.
fn whole_message(chunk: &Chunk) -> bool {
    let whole = |header: Header| header.start.fin && header.start.opcode != Opcode::Continuation;
    chunk.ends && chunk.header.is_some_and(whole)
}
