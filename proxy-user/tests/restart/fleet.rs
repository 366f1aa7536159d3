//! Both ends of many sessions: each shows that bytes flow, says how it was told to go, and comes back if
//! it is to.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};

use crate::harness::frame::{CLOSE, Frame, TEXT};
use crate::harness::session::{consent, upgrade};
use crate::harness::wait::eventually;

/// Handshakes at a time.
const AT_ONCE: usize = 64;
const KEY: [u8; 4] = [1, 2, 3, 4];
/// The code by which a proxy that leaves says so.
const RESTART: u16 = 1012;

/// What became of the sessions, each counted by either end.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Bytes have flowed, and it has not ended.
    pub(crate) live: AtomicUsize,
    /// Ended by Close 1012 and FIN.
    pub(crate) client_told: AtomicUsize,
    pub(crate) app_told: AtomicUsize,
    /// Ended in any other way, but for those who left by themselves.
    pub(crate) lost: AtomicUsize,
    /// Connections or handshakes that failed.
    pub(crate) refused: AtomicUsize,
}

/// Runs on a runtime of its own.
pub(crate) struct Fleet {
    runtime: Runtime,
    app: SocketAddr,
    pub(crate) counts: Arc<Counts>,
    handshakes: Arc<Semaphore>,
    /// Counted up to have all clients leave.
    leave: watch::Sender<()>,
}

/// One end of a connection.
struct End {
    stream: TcpStream,
    held: Vec<u8>,
    mask: Option<[u8; 4]>,
}

impl Fleet {
    pub(crate) fn new() -> Fleet {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
        let counts = Arc::new(Counts::default());
        let listener = runtime.block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            socket.listen(4096).unwrap()
        });
        let app = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, Arc::clone(&counts)));
        let (handshakes, leave) = (Arc::new(Semaphore::new(AT_ONCE)), watch::Sender::new(()));
        Fleet { runtime, app, counts, handshakes, leave }
    }

    pub(crate) fn app(&self) -> SocketAddr {
        self.app
    }

    /// Opens so many sessions and waits until bytes flow in all of them. Who is told to go comes back to
    /// the same address, if `comes_back`.
    pub(crate) fn send(&self, count: usize, address: SocketAddr, comes_back: bool) {
        for _ in 0..count {
            let counts = Arc::clone(&self.counts);
            let (handshakes, leave) = (Arc::clone(&self.handshakes), self.leave.subscribe());
            self.runtime.spawn(client(address, counts, handshakes, leave, comes_back));
        }
        self.await_live(count);
    }

    pub(crate) fn await_live(&self, count: usize) {
        // Each look is bounded; what is awaited is progress.
        let looks = || (self.counts.live.load(Relaxed), self.counts.refused.load(Relaxed));
        loop {
            let before = looks();
            if before.0 == count {
                return;
            }
            assert_eq!(before.1, 0, "refused");
            eventually(&format!("{count} sessions, not {}", before.0), || {
                (looks() != before).then_some(())
            });
        }
    }

    /// All clients close their sessions.
    pub(crate) fn leave(&self) {
        self.leave.send_replace(());
        self.await_live(0);
    }
}

async fn client(
    address: SocketAddr,
    counts: Arc<Counts>,
    handshakes: Arc<Semaphore>,
    mut leave: watch::Receiver<()>,
    comes_back: bool,
) {
    loop {
        let permit = handshakes.acquire().await;
        let Ok(mut end) = open(address).await else {
            counts.refused.fetch_add(1, Relaxed);
            return;
        };
        drop(permit);
        counts.live.fetch_add(1, Relaxed);
        let closed = tokio::select! {
            closed = end.closed(true) => Some(closed),
            _ = leave.changed() => None,
        };
        let left = closed.is_none();
        match closed {
            Some(Some(RESTART)) => counts.client_told.fetch_add(1, Relaxed),
            Some(_) => counts.lost.fetch_add(1, Relaxed),
            None => {
                let _ = end.send(&Frame::close(1000, "")).await;
                end.closed(false).await;
                0
            }
        };
        counts.live.fetch_sub(1, Relaxed);
        if left || !comes_back {
            return;
        }
    }
}

async fn open(address: SocketAddr) -> io::Result<End> {
    let stream = TcpStream::connect(address).await?;
    let mut end = End { stream, held: Vec::new(), mask: Some(KEY) };
    end.stream.write_all(upgrade("demo.test", "/", "").as_bytes()).await?;
    let head = end.head().await?;
    let hello = Frame::new(TEXT, "hello");
    end.send(&hello).await?;
    if head.starts_with("HTTP/1.1 101 ") && end.frame().await? == hello {
        Ok(end)
    } else {
        Err(io::Error::other(head))
    }
}

/// The app: answers every message by itself.
async fn serve(listener: TcpListener, counts: Arc<Counts>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let counts = Arc::clone(&counts);
        tokio::spawn(async move {
            let mut end = End { stream, held: Vec::new(), mask: None };
            if end.head().await.is_err()
                || end.stream.write_all(consent("").as_bytes()).await.is_err()
            {
                return;
            }
            match end.closed(true).await {
                Some(RESTART) => counts.app_told.fetch_add(1, Relaxed),
                // The client has left.
                Some(1000) => 0,
                _ => counts.lost.fetch_add(1, Relaxed),
            };
        });
    }
}

impl End {
    async fn more(&mut self) -> io::Result<()> {
        let mut bytes = [0; 512];
        match self.stream.read(&mut bytes).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                self.held.extend_from_slice(&bytes[..count]);
                Ok(())
            }
        }
    }

    async fn head(&mut self) -> io::Result<String> {
        loop {
            if let Some(at) = self.held.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.held.drain(..at + 4).collect();
                return String::from_utf8(head).map_err(io::Error::other);
            }
            self.more().await?;
        }
    }

    async fn frame(&mut self) -> io::Result<Frame> {
        loop {
            if let Some((mut frame, size)) = Frame::parse(&self.held) {
                self.held.drain(..size);
                assert_eq!(frame.mask.take().is_some(), self.mask.is_none(), "{frame:?}");
                return Ok(frame);
            }
            self.more().await?;
        }
    }

    async fn send(&mut self, frame: &Frame) -> io::Result<()> {
        let frame = Frame { mask: self.mask, ..frame.clone() };
        self.stream.write_all(&frame.encode()).await
    }

    /// The code of the Close that ends it, if one does and the connection then ends by FIN. The app says
    /// every message back, and either end answers a Close, if `answers`.
    async fn closed(&mut self, answers: bool) -> Option<u16> {
        let code = loop {
            let frame = self.frame().await.ok()?;
            if frame.opcode == CLOSE {
                if answers {
                    self.send(&frame).await.ok()?;
                }
                break frame.close_code()?;
            }
            if self.mask.is_none() {
                self.send(&frame).await.ok()?;
            }
        };
        // RFC 6455 section 7.1.1: of a handshake that is done, the server closes the connection first.
        if self.mask.is_none() {
            return Some(code);
        }
        let end = self.more().await.err()?;
        (end.kind() == io::ErrorKind::UnexpectedEof).then_some(code)
    }
}
