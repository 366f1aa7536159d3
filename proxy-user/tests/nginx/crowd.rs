//! Many idle sessions at once: clients, and the app that answers them, all moved by one thread.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::harness::app::App;
use crate::harness::frame::{CLOSE, Frame, PING, PONG, TEXT};
use crate::harness::session::{Role, consent, upgrade};
use crate::harness::wait::{Stopwatch, eventually};

/// How clients behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    /// They do nothing but answer pings.
    Answering,
    /// A broken library: they send something every second, and answer no ping.
    SendingOnly,
}

/// What the app answers with the same; it takes anything else in silence.
const QUESTION: &str = "anybody there?";

/// One end of a session.
struct End {
    stream: TcpStream,
    role: Role,
    held: Vec<u8>,
    open: bool,
    gone: bool,
    pongs: bool,
    answered: bool,
}

pub(crate) struct Crowd {
    app: App,
    clients: Vec<End>,
    servers: Vec<End>,
    manners: Manners,
    said: Stopwatch,
}

impl Crowd {
    /// So many sessions, all of them open.
    pub(crate) fn open(address: SocketAddr, app: App, count: usize, manners: Manners) -> Crowd {
        let pongs = manners == Manners::Answering;
        let client = |_| {
            let mut end = End::new(TcpStream::connect(address).unwrap(), Role::Client, pongs);
            end.write(upgrade("demo.test", "/", "").as_bytes());
            end
        };
        let clients = (0..count).map(client).collect();
        let said = Stopwatch::start();
        let mut crowd = Crowd { app, clients, servers: Vec::new(), manners, said };
        eventually("all sessions are open", || {
            crowd.step();
            crowd.clients.iter().all(|end| end.open).then_some(())
        });
        crowd
    }

    /// Lets everybody do what they have to.
    pub(crate) fn step(&mut self) {
        while let Some(wire) = self.app.accept_within(Duration::ZERO) {
            let stream = wire.stream().try_clone().unwrap();
            self.servers.push(End::new(stream, Role::App, true));
        }
        if self.manners == Manners::SendingOnly && self.said.elapsed() > Duration::from_secs(1) {
            self.said = Stopwatch::start();
            self.clients.iter_mut().for_each(|end| end.send(&Frame::text("news")));
        }
        self.clients.iter_mut().chain(&mut self.servers).for_each(End::step);
    }

    /// Asks all of them a question, and counts the answers.
    pub(crate) fn living(&mut self) -> usize {
        self.clients.iter_mut().for_each(|end| end.send(&Frame::text(QUESTION)));
        eventually("everybody has answered or is gone", || {
            self.step();
            self.clients.iter().all(|end| end.gone || end.answered).then_some(())
        });
        self.clients.iter().filter(|end| end.answered).count()
    }
}

impl End {
    fn new(stream: TcpStream, role: Role, pongs: bool) -> End {
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        let (open, gone, answered) = (false, false, false);
        End { stream, role, held: Vec::new(), open, gone, pongs, answered }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.gone |= self.stream.write_all(bytes).is_err();
    }

    fn send(&mut self, frame: &Frame) {
        let bytes = match self.role {
            Role::Client => frame.clone().masked([1, 2, 3, 4]).encode(),
            Role::App => frame.encode(),
        };
        self.write(&bytes);
    }

    fn step(&mut self) {
        let mut bytes = [0; 4096];
        while !self.gone {
            match self.stream.read(&mut bytes) {
                Ok(0) => self.gone = true,
                Ok(count) => self.held.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.gone = true,
            }
        }
        if !self.open {
            let Some(end) = self.held.windows(4).position(|w| w == b"\r\n\r\n") else { return };
            let head: Vec<u8> = self.held.drain(..end + 4).collect();
            match self.role {
                Role::App => self.write(consent("").as_bytes()),
                Role::Client => {
                    assert!(head.starts_with(b"HTTP/1.1 101"), "{}", head.escape_ascii())
                }
            }
            self.open = true;
        }
        while let Some((frame, size)) = Frame::parse(&self.held) {
            self.held.drain(..size);
            self.hear(frame);
        }
    }

    fn hear(&mut self, frame: Frame) {
        match (frame.opcode, self.role) {
            (PING, _) if self.pongs => self.send(&Frame::new(PONG, frame.payload)),
            (CLOSE, _) => self.gone = true,
            (TEXT, Role::App) if frame.payload == QUESTION.as_bytes() => {
                self.send(&Frame::text(QUESTION));
            }
            (TEXT, Role::Client) => self.answered = true,
            _ => {}
        }
    }
}
