//! The synthetic clients: real WebSockets over real TCP through the proxy, each with one behaviour.
//!
//! They know only the proxy's address, not its verdicts.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{interval, sleep, timeout};

use super::ws;

/// Time between two messages of the active client.
const MESSAGES: Duration = Duration::from_secs(2);
/// Time between two pings of the idle one.
const PINGS: Duration = Duration::from_secs(5);
/// How much the slow client reads, and how often: 16 KB/s.
const SIP: (usize, Duration) = (1_600, Duration::from_millis(100));
/// How long the frozen client reads before it stops for good.
const AWAKE: Duration = Duration::from_secs(5);
/// Pause before a client reconnects.
const PAUSE: Duration = Duration::from_secs(2);

/// A client's behaviour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Active,
    Idle,
    Slow,
    Frozen,
}

impl Kind {
    pub(super) const ALL: [Kind; 4] = [Kind::Active, Kind::Idle, Kind::Slow, Kind::Frozen];

    /// Its name, which is also that of its own app: so its activity is shown separately.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Active => "active",
            Kind::Idle => "idle",
            Kind::Slow => "slow",
            Kind::Frozen => "frozen",
        }
    }

    /// The host that leads to that app.
    pub(super) fn host(self) -> String {
        format!("{}.localhost", self.name())
    }

    /// Its behaviour in words.
    pub(super) fn habit(self) -> &'static str {
        match self {
            Kind::Active => "talks every 2 s",
            Kind::Idle => "is open, pings",
            Kind::Slow => "reads 16 KB/s",
            Kind::Frozen => "stops after 5 s",
        }
    }

    /// Small if the client should fall behind soon. The kernel doubles it (socket(7)).
    fn receive_buffer(self) -> Option<u32> {
        match self {
            Kind::Active | Kind::Idle => None,
            Kind::Slow => Some(16 * 1024),
            Kind::Frozen => Some(64 * 1024),
        }
    }
}

/// Runs until the task is dropped. Clients reconnect when they lose their connection, except the frozen
/// one, which never notices.
pub(super) async fn live(kind: Kind, proxy: SocketAddr) {
    loop {
        if let Err(error) = once(kind, proxy).await {
            tracing::debug!(client = kind.name(), %error, "lost its connection");
        }
        sleep(PAUSE).await;
    }
}

async fn once(kind: Kind, proxy: SocketAddr) -> io::Result<()> {
    let mut client = Client::connect(kind, proxy).await?;
    match kind {
        Kind::Active => client.talk(ws::TEXT, b"hello", MESSAGES).await,
        Kind::Idle => client.talk(ws::PING, b"", PINGS).await,
        Kind::Slow => {
            client.send(ws::BINARY, b"stream").await?;
            loop {
                sleep(SIP.1).await;
                client.read(SIP.0).await?;
            }
        }
        Kind::Frozen => {
            client.send(ws::BINARY, b"stream").await?;
            let reading = async {
                loop {
                    client.read(64 * 1024).await?;
                }
            };
            match timeout(AWAKE, reading).await {
                Ok(lost) => lost,
                // Keeps the connection, and never reads again.
                Err(_) => std::future::pending().await,
            }
        }
    }
}

struct Client {
    stream: TcpStream,
    decoder: ws::Decoder,
}

impl Client {
    /// Connects and performs the handshake of RFC 6455 section 4.1.
    async fn connect(kind: Kind, proxy: SocketAddr) -> io::Result<Client> {
        let socket = if proxy.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        if let Some(size) = kind.receive_buffer() {
            socket.set_recv_buffer_size(size)?;
        }
        let mut stream = socket.connect(proxy).await?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
            kind.host(),
            ws::key(random()?)
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        // Byte by byte, so that what follows the head stays in the socket.
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() > 8192 {
                return Err(io::Error::other("the answer to the handshake has no end"));
            }
            head.push(stream.read_u8().await?);
        }
        if !head.starts_with(b"HTTP/1.1 101 ") {
            return Err(io::Error::other("the handshake was refused"));
        }
        Ok(Client { stream, decoder: ws::Decoder::default() })
    }

    async fn send(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let frame = ws::encode(opcode, payload, Some(random()?));
        self.stream.write_all(&frame).await
    }

    /// Sends a frame every `period` and reads everything that comes.
    async fn talk(&mut self, opcode: u8, payload: &[u8], period: Duration) -> io::Result<()> {
        let mut ticks = interval(period);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.send(opcode, payload).await?,
                ready = self.stream.readable() => {
                    ready?;
                    self.read(4096).await?;
                }
            }
        }
    }

    /// Waits for up to `most` bytes and answers pings and Close.
    async fn read(&mut self, most: usize) -> io::Result<()> {
        let mut bytes = vec![0; most];
        let size = self.stream.read(&mut bytes).await?;
        if size == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.decoder.push(&bytes[..size]);
        while let Some(frame) = self.decoder.next().map_err(io::Error::other)? {
            match frame.opcode {
                ws::PING => self.send(ws::PONG, &frame.payload).await?,
                ws::CLOSE => {
                    self.send(ws::CLOSE, &frame.payload).await?;
                    return Err(io::Error::other("the other side closed"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}
