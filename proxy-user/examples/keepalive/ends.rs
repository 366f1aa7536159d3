//! Both ends of all sessions, in one epoll loop: they answer pings, and ping and speak if they are to.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpStream};

const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;
/// Masks and does not change the payload (RFC 6455 section 5.3).
const NO_MASK: [u8; 4] = [0; 4];
/// What is said.
const SPEECH: [u8; 64] = [b'a'; 64];

/// Something that each session does once in a time, spread evenly over it.
struct Beat {
    every: Duration,
    done: u64,
}

pub(crate) struct Ends {
    poll: Poll,
    listener: TcpListener,
    /// Of each session its client and its app.
    sessions: Vec<[TcpStream; 2]>,
    lost: Vec<bool>,
    pings: Option<Beat>,
    speech: Option<Beat>,
    start: Instant,
}

impl Ends {
    pub(crate) fn new(pings: Option<Duration>, speech: Option<Duration>) -> Ends {
        let beat = |every| Beat { every, done: 0 };
        Ends {
            poll: Poll::new().unwrap(),
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            sessions: Vec::new(),
            lost: Vec::new(),
            pings: pings.map(beat),
            speech: speech.map(beat),
            start: Instant::now(),
        }
    }

    /// Where the app listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Opens a session.
    pub(crate) fn open(&mut self, proxy: SocketAddr) {
        let mut client = std::net::TcpStream::connect(proxy).unwrap();
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13";
        let upgrade = "Connection: Upgrade\r\nUpgrade: websocket";
        write!(client, "GET / HTTP/1.1\r\nHost: a\r\n{upgrade}\r\n{key}\r\n\r\n").unwrap();
        let (mut app, _) = self.listener.accept().unwrap();
        head(&mut app);
        let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        write!(app, "HTTP/1.1 101 Switching Protocols\r\n{upgrade}\r\n{accept}\r\n\r\n").unwrap();
        head(&mut client);
        let at = self.sessions.len();
        let mut side = 0;
        self.sessions.push([client, app].map(|stream| {
            stream.set_nonblocking(true).unwrap();
            stream.set_nodelay(true).unwrap();
            let mut stream = TcpStream::from_std(stream);
            let token = Token(2 * at + side);
            self.poll.registry().register(&mut stream, token, Interest::READABLE).unwrap();
            side += 1;
            stream
        }));
        self.lost.push(false);
    }

    /// Sessions that are open.
    pub(crate) fn living(&self) -> usize {
        self.lost.iter().filter(|lost| !**lost).count()
    }

    /// Goes on for this long.
    pub(crate) fn run(&mut self, time: Duration) {
        self.start = Instant::now();
        self.pings.iter_mut().chain(&mut self.speech).for_each(|beat| beat.done = 0);
        let mut events = Events::with_capacity(1024);
        while self.start.elapsed() < time {
            self.beat();
            if self.poll.poll(&mut events, Some(Duration::from_millis(10))).is_err() {
                continue;
            }
            for event in &events {
                self.read(event.token().0 / 2, event.token().0 % 2);
            }
        }
    }

    /// What has fallen due.
    fn beat(&mut self) {
        let (now, count) = (self.start.elapsed(), self.sessions.len() as u64);
        let due = |beat: &mut Beat| {
            let all = (now.as_secs_f64() / beat.every.as_secs_f64() * count as f64) as u64;
            std::mem::replace(&mut beat.done, all)..all
        };
        for number in self.pings.as_mut().map_or(0..0, due) {
            let [_, app] = &mut self.sessions[(number % count) as usize];
            send(app, PING, b"are you ?", false);
        }
        for number in self.speech.as_mut().map_or(0..0, due).filter(|number| number % 2 == 0) {
            let [client, _] = &mut self.sessions[(number % count) as usize];
            send(client, TEXT, &SPEECH, true);
        }
    }

    /// Reads what is small enough to come whole.
    fn read(&mut self, at: usize, side: usize) {
        let stream = &mut self.sessions[at][side];
        let mut bytes = [0; 2048];
        loop {
            let size = match stream.read(&mut bytes) {
                Ok(0) => return self.lost[at] = true,
                Ok(size) => size,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.lost[at] = true,
            };
            let mut rest = &mut bytes[..size];
            while let [opcode, length, ..] = *rest {
                let start = if length & 0x80 == 0 { 2 } else { 6 };
                let (frame, behind) = rest.split_at_mut(start + usize::from(length & 0x7f));
                let (header, payload) = frame.split_at_mut(start);
                let mask = header[2..].iter().copied().cycle();
                payload.iter_mut().zip(mask).for_each(|(byte, key)| *byte ^= key);
                match (opcode, side) {
                    (PING, _) => send(stream, PONG, payload, side == 0),
                    (TEXT, 1) => send(stream, TEXT, &SPEECH, false),
                    _ => {}
                }
                rest = behind;
            }
        }
    }
}

fn send(stream: &mut TcpStream, opcode: u8, payload: &[u8], masked: bool) {
    let mut frame = vec![opcode, payload.len() as u8 | if masked { 0x80 } else { 0 }];
    if masked {
        frame.extend(NO_MASK);
    }
    frame.extend(payload);
    // The end of a socket is seen by the next read.
    let _ = stream.write_all(&frame);
}

/// Reads a head to its end, behind which nothing has been sent yet.
fn head(stream: &mut std::net::TcpStream) {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 1024]);
    while !bytes.ends_with(b"\r\n\r\n") {
        let size = stream.read(&mut chunk).unwrap();
        assert!(size > 0, "{}", String::from_utf8_lossy(&bytes));
        bytes.extend(&chunk[..size]);
    }
    assert!(bytes.starts_with(b"GET ") || bytes.starts_with(b"HTTP/1.1 101"));
}
