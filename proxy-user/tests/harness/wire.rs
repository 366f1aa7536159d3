//! One TCP connection as a test sees it: bytes out, bytes in, and how it ended.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::SockRef;

use super::wait::PATIENCE;

/// How the peer ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Fin,
    Reset,
}

#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    held: Vec<u8>,
    from: usize,
}

impl Wire {
    pub fn connect(address: SocketAddr) -> Wire {
        Wire::over(
            TcpStream::connect(address).unwrap_or_else(|e| panic!("connect to {address}: {e}")),
        )
    }

    pub fn over(stream: TcpStream) -> Wire {
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Wire { stream, held: Vec::new(), from: 0 }
    }

    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// A second handle on the same connection, for writing while this one reads. Bytes already
    /// read ahead stay with this one.
    pub fn writer(&self) -> Wire {
        Wire { stream: self.stream.try_clone().unwrap(), held: Vec::new(), from: 0 }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).unwrap_or_else(|e| panic!("send: {e}"));
    }

    /// Sends to a peer that may have closed already.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// One segment per byte, as far as the kernel can be made to.
    pub fn dribble(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.send([*byte]);
            std::thread::yield_now();
        }
    }

    /// Bytes read ahead and not yet taken.
    pub fn held(&self) -> &[u8] {
        &self.held[self.from..]
    }

    /// One read from the socket into the hold; 0 = the peer's FIN.
    pub fn fill(&mut self) -> io::Result<usize> {
        if self.from == self.held.len() {
            self.held.clear();
            self.from = 0;
        }
        let mut buffer = [0; 64 * 1024];
        let outcome = loop {
            match self.stream.read(&mut buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.held.extend_from_slice(&buffer[..*outcome.as_ref().unwrap_or(&0)]);
        outcome
    }

    /// One read into the hold; panics when the connection ends instead.
    pub fn more(&mut self, purpose: &str) {
        match self.fill() {
            Ok(1..) => {}
            Ok(_) => panic!("FIN while waiting for {purpose}; held: {}", shown(self.held())),
            Err(e) => panic!("{e} while waiting for {purpose}; held: {}", shown(self.held())),
        }
    }

    pub fn take(&mut self, count: usize) -> Vec<u8> {
        let bytes = self.held()[..count].to_vec();
        self.from += count;
        bytes
    }

    pub fn exactly(&mut self, count: usize) -> Vec<u8> {
        while self.held().len() < count {
            self.more(&format!("{count} bytes"));
        }
        self.take(count)
    }

    /// Everything up to and including `mark`.
    pub fn through(&mut self, mark: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.held().windows(mark.len()).position(|w| w == mark) {
                return self.take(at + mark.len());
            }
            self.more(&format!("{:?}", String::from_utf8_lossy(mark)));
        }
    }

    /// Everything until the peer ends the connection, and how it did.
    pub fn rest(&mut self) -> (Vec<u8>, End) {
        let end = loop {
            match self.fill() {
                Ok(0) => break End::Fin,
                Ok(_) => {}
                Err(e) if is_reset(&e) => break End::Reset,
                Err(e) => panic!("{e} while waiting for the end; held: {}", shown(self.held())),
            }
        };
        (self.take(self.held().len()), end)
    }

    /// The end of the connection with no byte before it.
    pub fn end(&mut self) -> End {
        let (bytes, end) = self.rest();
        assert!(bytes.is_empty(), "bytes before the end: {}", shown(&bytes));
        end
    }

    /// True when nothing arrives and nothing ends for `time`.
    pub fn silent_for(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let outcome = self.fill();
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        matches!(outcome, Err(e) if is_timeout(&e))
    }

    /// True when the kernel says that the peer reset the connection; reads no data.
    pub fn was_reset(&self) -> bool {
        match self.stream.take_error().unwrap() {
            Some(e) if is_reset(&e) => true,
            Some(e) => panic!("unexpected socket error: {e}"),
            None => false,
        }
    }

    pub fn half_close(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Ends the connection with a RST. Other handles on it must be gone.
    pub fn reset(self) {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

pub fn is_reset(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), ConnectionReset | ConnectionAborted | BrokenPipe)
}

pub fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Bytes for a failure message: readable, and not megabytes of them.
pub fn shown(bytes: &[u8]) -> String {
    let head = &bytes[..bytes.len().min(200)];
    format!("{} bytes \"{}\"", bytes.len(), head.escape_ascii())
}
