//! A cgroup of the test's own, a server in it, and clients.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ebbtide::sockets::cgroup;
use socket2::{Domain, Socket, Type};

use crate::harness::cgroup::Cgroup;
use crate::harness::wait::{Stopwatch, pause};

/// Seconds without progress that the trials allow.
pub(crate) const GRACE: u64 = 3;
/// What a release may take beyond the grace.
pub(crate) const SLACK: u64 = 2;

/// The cgroup that the whole test process is in.
#[derive(Debug)]
pub(crate) struct Home {
    cgroup: Cgroup,
    before: PathBuf,
}

impl Home {
    pub(crate) fn enter() -> Result<Home, String> {
        let before = cgroup::own().map_err(|error| error.to_string())?;
        let home = Home { cgroup: Cgroup::create()?, before };
        let moved = fs::write(home.path().join("cgroup.procs"), "0");
        moved.map_err(|error| format!("{}: {error}", home.path().display()))?;
        Ok(home)
    }

    pub(crate) fn path(&self) -> &Path {
        self.cgroup.path()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Err(error) = fs::write(self.before.join("cgroup.procs"), "0") {
            eprintln!("cannot leave {}: {error}", self.path().display());
        }
    }
}

/// A server that sends to whoever connects until the send fails, as simple servers do.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    ends: Receiver<(SocketAddr, std::io::ErrorKind)>,
}

impl Server {
    pub(crate) fn start() -> Server {
        Server::listen("127.0.0.1:0")
    }

    /// Clients connect over IPv4 whatever it listens on.
    pub(crate) fn listen(on: &str) -> Server {
        let listener = TcpListener::bind(on).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().unwrap().port()));
        let (end, ends) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let end = end.clone();
                std::thread::spawn(move || {
                    let mut stream: TcpStream = stream;
                    let peer = stream.peer_addr().unwrap();
                    let error = loop {
                        if let Err(error) = stream.write_all(&[0x5A; 16 * 1024]) {
                            break error;
                        }
                    };
                    let _ = end.send((peer, error.kind()));
                });
            }
        });
        Server { address, ends }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The next send that failed within this time: to whom, and how.
    pub(crate) fn next_end(&self, within: Duration) -> Option<(SocketAddr, std::io::ErrorKind)> {
        self.ends.recv_timeout(within).ok()
    }
}

/// A listener that answers each byte with two kilobytes, until the peer closes.
pub(crate) fn answer() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                while stream.read_exact(&mut [0]).is_ok() {
                    let _ = stream.write_all(&[0x5A; 2048]);
                }
            });
        }
    });
    address
}

/// A client that never reads. What it was sent wedges the server.
pub(crate) struct Frozen {
    pub(crate) stream: TcpStream,
}

impl Frozen {
    pub(crate) fn connect(address: SocketAddr) -> Frozen {
        Frozen { stream: TcpStream::connect(address).unwrap() }
    }

    /// Waits until nothing more arrives in its buffer; a watch that runs since the last byte came.
    pub(crate) fn wedged(&self) -> Stopwatch {
        let (mut bytes, mut since) = (0, Stopwatch::start());
        while bytes == 0 || since.elapsed() < Duration::from_millis(300) {
            let now = waiting(&self.stream);
            if now != bytes {
                (bytes, since) = (now, Stopwatch::start());
            }
            pause(Duration::from_millis(5));
        }
        since
    }
}

/// Bytes that arrived and were not read.
fn waiting(stream: &TcpStream) -> libc::c_int {
    let mut bytes: libc::c_int = 0;
    // SAFETY: the call writes one int to a live int.
    let told = unsafe { libc::ioctl(stream.as_raw_fd(), libc::FIONREAD, &raw mut bytes) };
    assert_eq!(told, 0, "{}", std::io::Error::last_os_error());
    bytes
}

/// A connection whose receive buffer is the smallest, so that its window moves at a slow reader's
/// pace.
pub(crate) fn narrow(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.into()
}

/// Upgrades as a browser does and reads the answer's head.
pub(crate) fn upgrade(stream: &mut TcpStream) {
    stream
        .write_all(
            b"GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", head.escape_ascii());
}
