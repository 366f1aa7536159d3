//! One direction of a session: read, follow the frames, write what was read, and only then read on.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::buffer::Lent;
use super::inserts::Inserts;
use super::witness::Witness;
use crate::core::frame::{Chunk, Header, MAX_HEADER, Opcode, Parser, Rules, Violation};
use crate::core::heartbeat::Fate;
use crate::session::{Counts, Leg};

/// What a direction came to.
#[derive(Debug)]
pub(super) enum Event {
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

/// The state of one direction: nothing but the parser's while no byte is on its way.
#[derive(Debug)]
pub(super) struct Flow {
    parser: Parser,
    stage: Stage,
    /// The start of a header, or of a frame no longer than one, whose rest has not come yet.
    carry: [u8; MAX_HEADER],
    carried: u8,
    /// Bytes that must be written before anything else is read.
    lent: Option<Lent>,
    /// Frames of our own that wait for the next place between two frames.
    inserts: Inserts,
    /// Bytes that came right behind the handshake.
    early: Bytes,
    /// What is written between the last frame and the FIN.
    last_words: Bytes,
}

impl Flow {
    pub(super) fn new(rules: Rules, early: Bytes) -> Flow {
        Flow {
            parser: Parser::new(rules),
            stage: Stage::Open,
            carry: [0; MAX_HEADER],
            carried: 0,
            lent: None,
            inserts: Inserts::default(),
            early: held(early),
            last_words: Bytes::new(),
        }
    }

    /// A Close frame can be put behind what waits: none went by, and no frame is cut in half.
    pub(super) fn takes_close(&self) -> bool {
        self.parser.at_boundary() && !self.parser.closed() && self.stage == Stage::Open
    }

    /// Writing failed.
    pub(super) fn broken(&self) -> bool {
        self.stage == Stage::Broken
    }

    /// A Close frame went by.
    pub(super) fn closed(&self) -> bool {
        self.parser.closed()
    }

    /// Nothing more will be written, as the FIN has been passed on or writing failed.
    pub(super) fn over(&self) -> bool {
        matches!(self.stage, Stage::Ended | Stage::Broken)
    }

    /// The FIN has been passed on.
    pub(super) fn ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    /// From now on only what waits and the FIN are written.
    pub(super) fn finish(&mut self) {
        let unfinished = Bytes::copy_from_slice(&self.carry[..usize::from(self.carried)]);
        self.finish_with(unfinished);
    }

    /// The same, with `last_words` between. The start of an unfinished header is dropped.
    pub(super) fn finish_with(&mut self, last_words: Bytes) {
        if matches!(self.stage, Stage::Open | Stage::LastFrame) {
            self.stage = Stage::Finishing;
            self.last_words = last_words;
        }
    }

    /// Puts a Close frame of our own in the next place that takes one, and ends with it.
    pub(super) fn close(&mut self, frame: Bytes) {
        if self.takes_close() {
            self.finish_with(frame);
        } else if self.parser.closed() {
            self.finish_with(Bytes::new());
        } else if self.stage == Stage::Open {
            self.stage = Stage::LastFrame;
            self.last_words = frame;
        }
    }

    /// Puts a frame of our own behind what waits, in the next place that takes it. Lost if the
    /// direction ends before there is one.
    pub(super) fn insert(&mut self, frame: &[u8]) {
        self.inserts.add(frame);
    }

    /// Moves bytes until neither side can go on. `witness` sees every frame. A `from` that is gone is
    /// at its end.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut from: Option<(&mut TcpStream, &Leg)>,
        (to, to_leg): (&mut TcpStream, &Leg),
        witness: &mut impl Witness,
    ) -> Poll<Event> {
        loop {
            if self.over() {
                return Poll::Pending;
            }
            if ready!(self.poll_flush(cx, to, to_leg)).is_err() {
                self.stage = Stage::Broken;
                return Poll::Ready(Event::WriteFailed);
            }
            if self.stage == Stage::Finishing {
                self.stage = Stage::Ended;
                return Poll::Ready(Event::Ended);
            }
            if self.lent.is_none() {
                let Some((from, from_leg)) = &mut from else { return Poll::Ready(Event::Eof) };
                match ready!(self.poll_read(cx, from, from_leg)) {
                    Ok(true) => {}
                    Ok(false) => return Poll::Ready(Event::Eof),
                    Err(error) => return Poll::Ready(Event::ReadFailed(error)),
                }
            }
            if let Err(violation) = self.follow(witness) {
                return Poll::Ready(Event::Violation(violation));
            }
        }
    }

    /// Reads once, behind the carried bytes, into a buffer that is lent only when there is
    /// something to read. False = end of the stream.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut TcpStream,
        leg: &Leg,
    ) -> Poll<io::Result<bool>> {
        if self.early.is_empty() {
            ready!(from.poll_read_ready(cx))?;
        }
        let carried = usize::from(self.carried);
        let mut lent = Lent::new();
        let (before, behind) = lent.space().split_at_mut(carried);
        before.copy_from_slice(&self.carry[..carried]);
        let read = if self.early.is_empty() {
            let mut read = ReadBuf::new(behind);
            ready!(Pin::new(from).poll_read(cx, &mut read))?;
            leg.socket.add_read(read.filled().len() as u64);
            read.filled().len()
        } else {
            let size = behind.len().min(self.early.len());
            self.early.copy_to_slice(&mut behind[..size]);
            self.early = held(std::mem::take(&mut self.early));
            size
        };
        if read == 0 {
            return Poll::Ready(Ok(false));
        }
        lent.fill(carried + read);
        self.lent = Some(lent);
        Poll::Ready(Ok(true))
    }

    /// Follows the frames in what was read, up to a place where something is put in or taken out.
    /// Whole chunks stay to be written, the start of a header is carried to the next read. What comes
    /// behind a Close is discarded (RFC 6455 section 1.4), and so is what comes behind the last frame.
    fn follow(&mut self, witness: &mut impl Witness) -> Result<(), Violation> {
        let Some(lent) = &mut self.lent else { return Ok(()) };
        let (mut burst, mut good) = (Counts::default(), 0);
        let result = loop {
            let bytes = lent.unfollowed();
            if self.parser.at_boundary() {
                if self.parser.closed() || self.stage != Stage::Open {
                    let rest = bytes.len() - good;
                    lent.pass(good);
                    lent.skip(rest);
                    break Ok(());
                }
                if good > 0 && self.inserts.fit(&self.parser) {
                    lent.pass(good);
                    break Ok(());
                }
            }
            let chunk = match self.parser.next(&bytes[good..]) {
                Ok(Some(chunk)) => chunk,
                Ok(None) => {
                    let rest = bytes.len() - good;
                    self.carry[..rest].copy_from_slice(&bytes[good..]);
                    #[allow(clippy::cast_possible_truncation, reason = "shorter than MAX_HEADER")]
                    let carried = rest as u8;
                    self.carried = carried;
                    lent.pass(good);
                    lent.skip(rest);
                    break Ok(());
                }
                Err(violation) => {
                    let rest = bytes.len() - good;
                    lent.pass(good);
                    lent.skip(rest);
                    break Err(violation);
                }
            };
            let header = chunk.header.map_or(0, |header| header.size);
            let fate = witness.chunk(&chunk, &bytes[good + header..good + chunk.size]);
            if let Some(header) = chunk.header {
                burst.bytes += header.length;
                match header.start.opcode.is_control() {
                    true => burst.control += 1,
                    false => burst.data += 1,
                }
            }
            if fate == Fate::Swallow && whole_message(&chunk) {
                lent.pass(good);
                lent.skip(chunk.size);
                break Ok(());
            }
            good += chunk.size;
            if chunk.ends && self.stage == Stage::LastFrame {
                self.stage = Stage::Finishing;
            }
        };
        if burst != Counts::default() {
            witness.burst(burst);
        }
        result
    }

    /// Writes what waits, then frames of our own if this is a place for them, and gives the buffer
    /// back when nothing is left in it; at the end the last words and the FIN.
    pub(super) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut TcpStream,
        leg: &Leg,
    ) -> Poll<io::Result<()>> {
        if let Some(lent) = &mut self.lent {
            while !lent.waiting().is_empty() {
                let written = ready!(poll_write(cx, to, leg, lent.waiting()))?;
                lent.advance(written);
            }
        }
        let open = matches!(self.stage, Stage::Open | Stage::LastFrame);
        if self.inserts.begun() || (open && self.inserts.fit(&self.parser)) {
            ready!(self.inserts.poll_write(cx, to, leg))?;
        }
        if self.lent.as_ref().is_some_and(|lent| lent.unfollowed().is_empty()) {
            self.lent = None;
        }
        if self.stage == Stage::Finishing {
            while !self.last_words.is_empty() {
                let written = ready!(poll_write(cx, to, leg, &self.last_words))?;
                self.last_words.advance(written);
            }
            ready!(Pin::new(to).poll_shutdown(cx))?;
        }
        Poll::Ready(Ok(()))
    }
}

/// The chunk is all of a frame that is all of a message, or a control frame.
fn whole_message(chunk: &Chunk) -> bool {
    let whole = |header: Header| header.start.fin && header.start.opcode != Opcode::Continuation;
    chunk.ends && chunk.header.is_some_and(whole)
}

/// The bytes, without the allocation behind them once there are none: hyper hands over its whole
/// read buffer, however little is left in it.
fn held(bytes: Bytes) -> Bytes {
    if bytes.is_empty() { Bytes::new() } else { bytes }
}

/// Writes once.
pub(super) fn poll_write(
    cx: &mut Context<'_>,
    to: &mut TcpStream,
    leg: &Leg,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    let written = ready!(Pin::new(to).poll_write(cx, bytes))?;
    if written == 0 {
        return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
    }
    leg.socket.add_written(written as u64);
    Poll::Ready(Ok(written))
}
