//! One end of a session, moved step by step: it streams, answers pings and Close frames as RFC 6455
//! asks, and notes what it sees. A habit can be bad: slow, silent, late.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use crate::harness::frame::{CLOSE, Frame, PING, PONG};
use crate::harness::session::Role;
use crate::harness::wait::Stopwatch;
use crate::harness::wire::{End, Wire, is_reset};

/// Payload of the frames that are streamed, and how many of them in one step.
const FRAME: usize = 16 * 1024;
const BURST: usize = 2;
/// What all payload consists of.
pub(crate) const FILLING: u8 = 0x5A;

/// What one end has seen.
#[derive(Debug, Default)]
pub(crate) struct Saw {
    /// The other side's head: a request, or the answer to it.
    pub(crate) head: Option<String>,
    /// Payload bytes of whole data frames.
    pub(crate) data: usize,
    /// Close frames, by code and reason.
    pub(crate) closes: Vec<(u16, String)>,
    /// Frames that nobody in this test sends.
    pub(crate) strange: Vec<Frame>,
    /// Bytes of a frame that is not whole.
    pub(crate) cut: usize,
    pub(crate) end: Option<End>,
    /// When the first Close, refusal or end was seen, on the party's watch.
    pub(crate) news: Option<Duration>,
}

/// How it behaves.
#[derive(Debug)]
pub(crate) struct Habit {
    /// Payload bytes that it still wants to stream.
    pub(crate) stream: usize,
    /// Most bytes read in one step; 0 = it does not read.
    pub(crate) reads: usize,
    /// Most bytes written in one step.
    pub(crate) writes: usize,
    /// How late its answers to pings and Close frames are; `None` = it gives none.
    pub(crate) answers: Option<Duration>,
    /// It is inside a frame: answers wait for the end of it.
    pub(crate) inside_frame: bool,
}

pub(crate) struct Party {
    role: Role,
    stream: Option<TcpStream>,
    held: Vec<u8>,
    outbox: Vec<u8>,
    /// What it will answer, and when.
    due: Vec<(Duration, Frame)>,
    said_close: bool,
    shut: bool,
    pub(crate) habit: Habit,
    pub(crate) saw: Saw,
    /// Payload bytes of data that it has put on its way.
    pub(crate) said: usize,
    pub(crate) watch: Stopwatch,
}

/// Without the bytes.
impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Party { role, habit, saw, said, .. } = self;
        let (held, outbox) = (self.held.len(), self.outbox.len());
        write!(f, "{role:?} {habit:?} {saw:?} said {said} held {held} outbox {outbox}")
    }
}

impl Party {
    pub(crate) fn new(wire: &Wire, role: Role) -> Party {
        let stream = wire.stream().try_clone().unwrap();
        stream.set_nonblocking(true).unwrap();
        let all = usize::MAX;
        let now = Some(Duration::ZERO);
        Party {
            role,
            stream: Some(stream),
            held: Vec::new(),
            outbox: Vec::new(),
            due: Vec::new(),
            said_close: false,
            shut: false,
            habit: Habit { stream: 0, reads: all, writes: all, answers: now, inside_frame: false },
            saw: Saw::default(),
            said: 0,
            watch: Stopwatch::start(),
        }
    }

    /// The bytes of a frame as this end must send it.
    pub(crate) fn encode(&self, frame: Frame) -> Vec<u8> {
        match self.role {
            Role::Client => frame.masked([1, 2, 3, 4]).encode(),
            Role::App => frame.encode(),
        }
    }

    /// Puts bytes behind those that wait.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.outbox.extend_from_slice(bytes.as_ref());
    }

    /// Puts a whole data frame, or a fragment, behind what waits.
    pub(crate) fn say(&mut self, frame: Frame) {
        self.said += frame.payload.len();
        let bytes = self.encode(frame);
        self.send(bytes);
    }

    pub(crate) fn close(&mut self, code: u16) {
        self.said_close = true;
        let bytes = self.encode(Frame::close(code, ""));
        self.send(bytes);
    }

    /// Closes its sending side, and says nothing more.
    pub(crate) fn half_close(&mut self) {
        self.write();
        self.habit.answers = None;
        self.habit.stream = 0;
        self.shut();
    }

    /// Resets its connection.
    pub(crate) fn reset(&mut self) {
        if let Some(stream) = self.stream.take() {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
    }

    /// Nothing waits to be written.
    pub(crate) fn is_done(&self) -> bool {
        self.outbox.is_empty() && self.due.is_empty() && self.habit.stream == 0
    }

    /// Bytes of a frame that has not come to its end yet.
    pub(crate) fn unfinished(&self) -> usize {
        self.held.len()
    }

    /// Its connection is over.
    pub(crate) fn is_gone(&self) -> bool {
        self.stream.is_none()
    }

    /// The status of the answer to a handshake.
    pub(crate) fn status(&self) -> Option<u16> {
        self.saw.head.as_ref()?.split(' ').nth(1)?.parse().ok()
    }

    /// Writes what can be written, reads what has come, and does what manners ask.
    pub(crate) fn step(&mut self) {
        self.answer_what_is_due();
        if self.outbox.len() < FRAME {
            for _ in 0..BURST.min(self.habit.stream.div_ceil(FRAME)) {
                self.habit.stream = self.habit.stream.saturating_sub(FRAME);
                self.say(Frame::binary(vec![FILLING; FRAME]));
            }
        }
        self.write();
        self.read();
        // RFC 6455 section 7.1.1: the server closes the TCP connection first.
        if self.role == Role::App
            && self.said_close
            && !self.saw.closes.is_empty()
            && self.is_done()
        {
            self.shut();
        }
    }

    fn answer_what_is_due(&mut self) {
        let now = self.watch.elapsed();
        if self.habit.inside_frame {
            return;
        }
        let (due, later): (Vec<_>, _) = self.due.drain(..).partition(|(at, _)| *at <= now);
        self.due = later;
        for (_, frame) in due {
            self.said_close |= frame.opcode == CLOSE;
            let bytes = self.encode(frame);
            self.send(bytes);
        }
    }

    fn shut(&mut self) {
        if let Some(stream) = self.stream.as_ref().filter(|_| !self.shut) {
            // One that was reset meanwhile is found by the next read.
            let _ = stream.shutdown(Shutdown::Write);
        }
        self.shut = true;
    }

    fn write(&mut self) {
        let Some(mut stream) = self.stream.as_ref().filter(|_| !self.shut) else { return };
        let mut room = self.habit.writes.min(self.outbox.len());
        while room > 0 {
            match stream.write(&self.outbox[..room]) {
                Ok(count) => {
                    self.outbox.drain(..count);
                    room -= count;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                // The next read tells how it ended.
                Err(_) => {
                    self.outbox.clear();
                    self.habit.stream = 0;
                    return;
                }
            }
        }
    }

    fn read(&mut self) {
        let Some(mut stream) = self.stream.as_ref() else { return };
        let (mut room, mut bytes) = (self.habit.reads, [0; 64 * 1024]);
        let end = loop {
            let limit = room.min(bytes.len());
            if limit == 0 {
                break None;
            }
            match stream.read(&mut bytes[..limit]) {
                Ok(0) => break Some(End::Fin),
                Ok(count) => {
                    self.held.extend_from_slice(&bytes[..count]);
                    room -= count;
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => break None,
                Err(e) if is_reset(&e) => break Some(End::Reset),
                Err(e) => panic!("read: {e}"),
            }
        };
        self.decode();
        if end.is_some() {
            // A Close in front of a FIN wants its answer all the same (RFC 6455 section 5.5.1).
            self.answer_what_is_due();
            self.write();
            self.saw.cut = self.held.len();
            self.saw.end = end;
            self.stream = None;
            self.note_news();
        }
    }

    fn note_news(&mut self) {
        self.saw.news.get_or_insert(self.watch.elapsed());
    }

    fn decode(&mut self) {
        if self.saw.head.is_none() {
            let Some(end) = self.held.windows(4).position(|w| w == b"\r\n\r\n") else { return };
            let head: Vec<u8> = self.held.drain(..end + 4).collect();
            self.saw.head = Some(String::from_utf8(head).unwrap());
            if self.role == Role::Client && self.status() != Some(101) {
                self.note_news();
                self.stream = None;
                return;
            }
        }
        while let Some((frame, size)) = Frame::parse(&self.held) {
            self.held.drain(..size);
            self.hear(frame);
        }
    }

    fn hear(&mut self, mut frame: Frame) {
        let masked = frame.mask.take().is_some();
        assert_eq!(masked, self.role == Role::App, "masking of {frame:?} towards {:?}", self.role);
        match frame.opcode {
            PING => self.answer(Frame::new(PONG, frame.payload)),
            CLOSE => {
                let code = frame.close_code().unwrap_or(1005);
                self.saw.closes.push((code, frame.close_reason()));
                self.note_news();
                self.habit.stream = 0;
                if !self.said_close {
                    self.answer(Frame::close(code, ""));
                }
            }
            0..=2 if frame.rsv == 0 => self.saw.data += frame.payload.len(),
            _ => self.saw.strange.push(frame),
        }
    }

    fn answer(&mut self, frame: Frame) {
        if let Some(delay) = self.habit.answers {
            self.due.push((self.watch.elapsed() + delay, frame));
        }
    }
}
