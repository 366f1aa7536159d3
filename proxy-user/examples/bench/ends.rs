//! Both ends of every session, browser and app, in one epoll loop.
//!
//! A session has one message under way at most, so each end needs to count bytes only.

use std::{
    io::{self, Read, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, net::TcpListener, net::TcpStream};
use socket2::SockRef;

use crate::{message, plan::Load};

const LISTENER: Token = Token(usize::MAX - 1);
/// Handshakes under way at a time while sessions are opened.
const OPENING: usize = 64;
/// A proxy that moves nothing for this long has failed.
const PATIENCE: Duration = Duration::from_secs(10);
const PONG: u8 = 0x8a;
const PING: u8 = 0x89;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The head of the request, or of the answer to it, has not come.
    Head,
    Open,
    Closing,
}

/// One socket.
struct End {
    stream: TcpStream,
    stage: Stage,
    head: Vec<u8>,
    /// Bytes of the message under way that have come.
    got: usize,
    /// Bytes of the own message that have not gone.
    left: usize,
    /// The client of an app's end, the app's end of a client.
    other: usize,
    /// When the turn began, in ns of the loop's clock.
    began: u64,
}

/// All of them.
pub(crate) struct Ends {
    poll: Poll,
    listener: TcpListener,
    clients: Vec<Option<End>>,
    apps: Vec<Option<End>>,
    /// Places in `apps` that are free.
    free: Vec<usize>,
    proxy: SocketAddr,
    load: Load,
    /// What a client says, and what the app says.
    messages: [Vec<u8>; 2],
    turns: Vec<u32>,
    failed: usize,
    opened: usize,
    zero: Instant,
    /// Turns follow each other.
    busy: bool,
    buffer: Vec<u8>,
}

impl Ends {
    pub(crate) fn new() -> Ends {
        let poll = Poll::new().unwrap();
        let mut listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE).unwrap();
        Ends {
            poll,
            proxy: listener.local_addr().unwrap(),
            listener,
            clients: Vec::new(),
            apps: Vec::new(),
            free: Vec::new(),
            load: Load::Http { sessions: 0 },
            messages: Default::default(),
            turns: Vec::new(),
            failed: 0,
            opened: 0,
            zero: Instant::now(),
            busy: false,
            buffer: vec![0; 256 * 1024],
        }
    }

    /// Where the app listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    /// Opens the sessions of a load; they wait for [`Ends::start`], or [`Ends::run`].
    pub(crate) fn open(&mut self, proxy: SocketAddr, load: Load) {
        (self.proxy, self.load, self.failed, self.opened) = (proxy, load, 0, 0);
        self.messages = match load {
            Load::Echo { size, .. } | Load::Push { size, .. } => {
                [message::frame(size, true), message::frame(size, false)]
            }
            Load::Fan { frames, size, .. } => {
                [Vec::new(), message::frame(size, false).repeat(frames)]
            }
            Load::Setup { .. } => {
                let code = 1000_u16.to_be_bytes();
                [message::framed(0x88, &code, true), message::framed(0x88, &code, false)]
            }
            Load::Http { .. } => [message::request(), message::answer()],
        };
        self.clients = (0..load.sessions()).map(|_| None).collect();
        if matches!(load, Load::Setup { .. } | Load::Http { .. }) {
            return;
        }
        let patience = Instant::now() + PATIENCE;
        for client in 0..load.sessions() {
            self.connect(client);
            while client + 1 - self.opened > OPENING && Instant::now() < patience {
                self.step();
            }
        }
        while self.opened < load.sessions() && Instant::now() < patience {
            self.step();
        }
        self.failed += load.sessions() - self.opened;
    }

    /// Turns of all sessions for this long, started if they are not under way; how long it took.
    pub(crate) fn run(&mut self, time: Duration) -> Duration {
        self.start();
        self.steps(time)
    }

    /// Nothing but answers to pings.
    pub(crate) fn rest(&mut self, time: Duration) {
        self.busy = false;
        self.steps(time);
    }

    /// Lets the turns under way come to their end.
    pub(crate) fn drain(&mut self) {
        self.busy = false;
        let deadline = Instant::now() + PATIENCE;
        let idle = |end: &Option<End>| end.as_ref().is_none_or(|end| end.began == 0);
        while !self.clients.iter().all(idle) && Instant::now() < deadline {
            self.step();
        }
    }

    fn steps(&mut self, time: Duration) -> Duration {
        let began = Instant::now();
        while began.elapsed() < time {
            self.step();
        }
        began.elapsed()
    }

    pub(crate) fn start(&mut self) {
        if self.busy {
            return;
        }
        self.busy = true;
        for client in 0..self.clients.len() {
            match self.load {
                Load::Setup { .. } | Load::Http { .. } => self.connect(client),
                _ => self.turn(client),
            }
        }
    }

    /// What was counted so far does not count.
    pub(crate) fn forget(&mut self) {
        self.turns.clear();
    }

    /// Nanoseconds of each turn.
    pub(crate) fn turns(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.turns)
    }

    /// Ends all sessions at once; how many had failed.
    pub(crate) fn close(&mut self) -> usize {
        self.busy = false;
        for end in self.clients.drain(..).chain(self.apps.drain(..)).flatten() {
            // A reset leaves no TIME_WAIT behind, of which the machine has not enough for all rounds.
            let _ = SockRef::from(&end.stream).set_linger(Some(Duration::ZERO));
        }
        self.free.clear();
        // What comes late belongs to nobody.
        self.steps(Duration::from_millis(50));
        self.apps.clear();
        self.free.clear();
        self.turns.clear();
        self.failed
    }

    fn now(&self) -> u64 {
        u64::try_from(self.zero.elapsed().as_nanos()).unwrap() + 1
    }

    fn connect(&mut self, client: usize) {
        // Over loopback this is done at once, but for a backlog that is full.
        let stream = std::net::TcpStream::connect(self.proxy).unwrap();
        stream.set_nodelay(true).unwrap();
        let first = match self.load {
            Load::Http { .. } => message::request(),
            _ => message::handshake(client),
        };
        (&stream).write_all(&first).unwrap();
        stream.set_nonblocking(true).unwrap();
        let mut end = end(TcpStream::from_std(stream));
        end.began = self.now();
        self.register(&mut end, 2 * client);
        self.clients[client] = Some(end);
    }

    fn register(&self, end: &mut End, token: usize) {
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut end.stream, Token(token), both).unwrap();
    }

    /// Begins a session's next turn.
    fn turn(&mut self, client: usize) {
        let now = self.now();
        let Some(end) = &mut self.clients[client] else { return };
        end.began = now;
        let app = end.other;
        match self.load {
            Load::Push { .. } | Load::Fan { .. } => self.say(1, app),
            _ => self.say(0, client),
        }
    }

    fn say(&mut self, side: usize, at: usize) {
        let message = &self.messages[side];
        if let Some(Some(end)) = [&mut self.clients, &mut self.apps][side].get_mut(at) {
            end.left = message.len();
            end.write(message);
        }
    }

    fn step(&mut self) {
        let mut events = Events::with_capacity(1024);
        let waited = self.poll.poll(&mut events, Some(Duration::from_millis(20)));
        if waited.is_err() {
            return;
        }
        for event in &events {
            if event.token() == LISTENER {
                self.accept();
                continue;
            }
            let (at, side) = (event.token().0 / 2, event.token().0 % 2);
            let ends = [&mut self.clients, &mut self.apps];
            let Some(Some(end)) = ends.into_iter().nth(side).unwrap().get_mut(at) else { continue };
            if event.is_writable() && end.left > 0 {
                end.write(&self.messages[side]);
            }
            if event.is_readable() && self.read(side, at, event.is_read_closed()).is_err() {
                self.over(side, at);
            }
        }
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            let _ = stream.set_nodelay(true);
            let mut end = end(stream);
            let at = self.free.pop().unwrap_or_else(|| {
                self.apps.push(None);
                self.apps.len() - 1
            });
            self.register(&mut end, 2 * at + 1);
            self.apps[at] = Some(end);
        }
    }

    /// Reads all there is; an error is the end of the socket, which `ending` announces.
    fn read(&mut self, side: usize, at: usize, ending: bool) -> io::Result<()> {
        loop {
            let Some(end) = [&mut self.clients, &mut self.apps][side][at].as_mut() else {
                return Ok(());
            };
            let size = match end.stream.read(&mut self.buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(size) => size,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let bytes = std::mem::take(&mut self.buffer);
            let taken = self.take(side, at, &bytes[..size]);
            self.buffer = bytes;
            taken?;
            if size < self.buffer.len() && !ending {
                return Ok(());
            }
        }
    }

    fn take(&mut self, side: usize, at: usize, bytes: &[u8]) -> io::Result<()> {
        let http = matches!(self.load, Load::Http { .. });
        let Some(end) = [&mut self.clients, &mut self.apps][side][at].as_mut() else {
            return Ok(());
        };
        if end.stage == Stage::Head {
            end.head.extend(bytes);
            let Some(size) = message::head(&end.head) else { return Ok(()) };
            if http && side == 0 && end.head.len() < size + message::BODY {
                return Ok(());
            }
            let head = std::mem::take(&mut end.head);
            return if side == 0 { self.answered(at, &head) } else { self.asked(at, &head) };
        }
        if end.got == 0 && bytes[0] == PING {
            return end.pong(side, bytes);
        }
        end.got += bytes.len();
        // What comes to one side is what the other says.
        let whole = self.messages[1 - side].len();
        if end.got < whole {
            return Ok(());
        }
        end.got -= whole;
        match side {
            0 => self.done(at),
            _ => self.heard(at),
        }
        Ok(())
    }

    /// The app has a whole request.
    fn asked(&mut self, at: usize, head: &[u8]) -> io::Result<()> {
        let Some(end) = self.apps[at].as_mut() else { return Ok(()) };
        if head.starts_with(b"GET /plain") {
            return end.stream.write_all(&message::answer());
        }
        let text = String::from_utf8_lossy(head);
        let number = text.split("id=").nth(1).and_then(|rest| rest.split(' ').next());
        let client = number.and_then(|number| number.parse().ok()).unwrap_or(usize::MAX);
        end.stage = Stage::Open;
        end.other = client;
        end.stream.write_all(&message::switching())?;
        if let Some(Some(client)) = self.clients.get_mut(client) {
            client.other = at;
        }
        Ok(())
    }

    /// The client has a whole answer.
    fn answered(&mut self, client: usize, head: &[u8]) -> io::Result<()> {
        let wanted: &[u8] = if matches!(self.load, Load::Http { .. }) { b"200" } else { b"101" };
        if head.get(9..12) != Some(wanted) {
            eprintln!("{}", String::from_utf8_lossy(head));
            return Err(io::ErrorKind::InvalidData.into());
        }
        if matches!(self.load, Load::Http { .. }) {
            self.done(client);
            return Ok(());
        }
        let Some(end) = self.clients[client].as_mut() else { return Ok(()) };
        end.stage = Stage::Open;
        self.opened += 1;
        if matches!(self.load, Load::Setup { .. }) {
            end.stage = Stage::Closing;
            self.say(0, client);
        } else {
            end.began = 0;
        }
        Ok(())
    }

    /// The app has heard a message.
    fn heard(&mut self, at: usize) {
        self.say(1, at);
        if matches!(self.load, Load::Setup { .. })
            && let Some(end) = &self.apps[at]
        {
            let _ = end.stream.shutdown(std::net::Shutdown::Write);
        }
    }

    /// A turn has come to its end.
    fn done(&mut self, client: usize) {
        let now = self.now();
        let Some(end) = &mut self.clients[client] else { return };
        if end.stage == Stage::Closing {
            return;
        }
        self.turns.push(u32::try_from(now - end.began).unwrap_or(u32::MAX));
        end.began = 0;
        if self.busy {
            self.turn(client);
        }
    }

    /// A socket has ended.
    fn over(&mut self, side: usize, at: usize) {
        if side == 1 {
            self.apps[at] = None;
            self.free.push(at);
            return;
        }
        let Some(end) = self.clients[at].take() else { return };
        if end.stage != Stage::Closing {
            self.failed += 1;
            return;
        }
        self.turns.push(u32::try_from(self.now() - end.began).unwrap_or(u32::MAX));
        drop(end);
        if self.busy {
            self.connect(at);
        }
    }
}

fn end(stream: TcpStream) -> End {
    End {
        stream,
        stage: Stage::Head,
        head: Vec::new(),
        got: 0,
        left: 0,
        other: usize::MAX,
        began: 0,
    }
}

impl End {
    /// Writes what is left of the message; what does not go now goes when the socket says so.
    fn write(&mut self, message: &[u8]) {
        while self.left > 0 {
            match self.stream.write(&message[message.len() - self.left..]) {
                Ok(size) => self.left -= size,
                // The end of the socket is seen by the read that follows.
                Err(_) => return,
            }
        }
    }

    fn pong(&mut self, side: usize, bytes: &[u8]) -> io::Result<()> {
        let size = usize::from(bytes[1] & 0x7f);
        let start = bytes.len().saturating_sub(size);
        let mut payload = bytes[start..].to_vec();
        if side == 1 && start >= 4 {
            let key = &bytes[start - 4..start];
            payload.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        }
        self.stream.write_all(&message::framed(PONG, &payload, side == 0))
    }
}
