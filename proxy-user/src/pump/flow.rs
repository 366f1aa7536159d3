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
    /// Something was heard of a peer whose frames are not passed on any more.
    Heard,
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
    /// The FIN waits for the answer to the last words.
    fin_waits: bool,
    /// What comes breaks RFC 6455, and is no longer followed.
    nonsense: bool,
    /// Nothing more can be read.
    source_over: bool,
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
            fin_waits: false,
            nonsense: false,
            source_over: false,
        }
    }

    /// No frame is cut in half.
    pub(super) fn at_boundary(&self) -> bool {
        self.parser.at_boundary()
    }

    /// A Close frame went by.
    pub(super) fn closed(&self) -> bool {
        self.parser.closed()
    }

    /// The same, or none can come any more.
    pub(super) fn heard_close(&self) -> bool {
        self.parser.closed() || self.nonsense
    }

    /// Nothing more will be written, as the FIN has been passed on or writing failed.
    fn over(&self) -> bool {
        matches!(self.stage, Stage::Ended | Stage::Broken)
    }

    /// The source is at its end: from now on only what waits and the FIN are written. Last words that
    /// wait for the end of a frame are lost, as it never comes.
    pub(super) fn finish(&mut self) {
        if matches!(self.stage, Stage::Open | Stage::LastFrame) {
            self.last_words = Bytes::copy_from_slice(&self.carry[..usize::from(self.carried)]);
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
        self.last_words = if self.parser.closed() { Bytes::new() } else { frame };
        self.fin_waits = fin_waits;
        let between = self.parser.at_boundary() || self.nonsense;
        self.stage = if between { Stage::Finishing } else { Stage::LastFrame };
    }

    /// The last words have been answered: the FIN may follow them.
    pub(super) fn release_fin(&mut self) {
        self.fin_waits = false;
    }

    /// Puts a frame of our own behind what waits, in the next place that takes it. Lost if the
    /// direction ends before there is one.
    pub(super) fn insert(&mut self, frame: &[u8]) {
        self.inserts.add(frame);
    }

    /// The same with a ping of the sweep's. Its place may never come (RFC 6455 section 5.5.1).
    pub(super) fn ping(&mut self, frame: &[u8]) {
        if self.stage == Stage::Open {
            self.inserts.add_ping(frame);
        }
    }

    /// A ping of the sweep's waits.
    pub(super) fn pings(&self) -> bool {
        self.inserts.ping()
    }

    /// Moves bytes until neither side can go on. `witness` sees every frame.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        (from, from_leg): (&mut TcpStream, &Leg),
        (to, to_leg): (&mut TcpStream, &Leg),
        witness: &mut impl Witness,
    ) -> Poll<Event> {
        loop {
            if matches!(self.stage, Stage::Finishing | Stage::Ended | Stage::Broken) {
                return self.poll_finish(cx, (to, to_leg));
            }
            if ready!(self.poll_flush(cx, to, to_leg)).is_err() {
                self.stage = Stage::Broken;
                return Poll::Ready(Event::WriteFailed);
            }
            if self.lent.is_none() {
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

    /// The same when the session has ended: what is left goes to `to`, if that is still there, and
    /// then `from` is read on, for the Close that it may still say. Closing earlier with bytes unread
    /// would send RST, and the peer's kernel might throw our Close away with it.
    pub(super) fn poll_out(
        &mut self,
        cx: &mut Context<'_>,
        from: Option<(&mut TcpStream, &Leg)>,
        to: Option<(&mut TcpStream, &Leg)>,
        witness: &mut impl Witness,
    ) -> Poll<Event> {
        let passes = matches!(self.stage, Stage::Open | Stage::LastFrame);
        match (from, to) {
            (Some(from), Some(to)) if passes => self.poll(cx, from, to, witness),
            (None, Some(_)) if passes => {
                self.finish();
                Poll::Ready(Event::Heard)
            }
            (from, Some(to)) => match self.poll_finish(cx, to) {
                Poll::Pending if self.lent.is_none() => self.poll_hear(cx, from),
                polled => polled,
            },
            (from, None) => {
                self.stage = Stage::Broken;
                if let Some(lent) = self.lent.take() {
                    self.hear(lent.unfollowed());
                }
                self.poll_hear(cx, from)
            }
        }
    }

    /// Writes the last words and the FIN.
    fn poll_finish(
        &mut self,
        cx: &mut Context<'_>,
        (to, leg): (&mut TcpStream, &Leg),
    ) -> Poll<Event> {
        if self.over() {
            return Poll::Pending;
        }
        if ready!(self.poll_flush(cx, to, leg)).is_err() {
            self.stage = Stage::Broken;
            return Poll::Ready(Event::WriteFailed);
        }
        if self.fin_waits {
            return Poll::Pending;
        }
        self.stage = Stage::Ended;
        Poll::Ready(Event::Ended)
    }

    /// Reads and follows frames that are for nobody.
    fn poll_hear(
        &mut self,
        cx: &mut Context<'_>,
        from: Option<(&mut TcpStream, &Leg)>,
    ) -> Poll<Event> {
        let Some((from, leg)) = from.filter(|_| !self.source_over) else { return Poll::Pending };
        Poll::Ready(match ready!(self.poll_read(cx, from, leg)) {
            Ok(true) => {
                if let Some(lent) = self.lent.take() {
                    self.hear(lent.unfollowed());
                }
                Event::Heard
            }
            Ok(false) => Event::Eof,
            Err(error) => Event::ReadFailed(error),
        })
    }

    fn hear(&mut self, mut bytes: &[u8]) {
        while !self.heard_close() {
            match self.parser.next(bytes) {
                Ok(Some(chunk)) => bytes = &bytes[chunk.size..],
                Ok(None) => return self.carry(bytes),
                Err(_) => self.nonsense = true,
            }
        }
        self.carry(&[]);
    }

    /// Keeps the start of a header for the next read.
    fn carry(&mut self, bytes: &[u8]) {
        self.carry[..bytes.len()].copy_from_slice(bytes);
        #[allow(clippy::cast_possible_truncation, reason = "shorter than MAX_HEADER")]
        let carried = bytes.len() as u8;
        self.carried = carried;
    }

    /// Reads once, and notes when that was the last time. False = end of the stream.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut TcpStream,
        leg: &Leg,
    ) -> Poll<io::Result<bool>> {
        let read = ready!(self.poll_fill(cx, from, leg));
        self.source_over = !matches!(read, Ok(true));
        Poll::Ready(read)
    }

    /// Reads behind the carried bytes, into a buffer that is lent only when there is something to
    /// read.
    fn poll_fill(
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
        self.carried = 0;
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
                    let rest = bytes[good..].to_vec();
                    lent.pass(good);
                    lent.skip(rest.len());
                    self.hear(&rest);
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
                    self.nonsense = true;
                    let rest = bytes.len() - good;
                    lent.pass(good);
                    lent.skip(rest);
                    break Err(violation);
                }
            };
            let header = chunk.header.map_or(0, |header| header.size);
            let fate = witness.chunk(&chunk, &bytes[good + header..good + chunk.size]);
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
            if !self.fin_waits {
                ready!(Pin::new(to).poll_shutdown(cx))?;
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
