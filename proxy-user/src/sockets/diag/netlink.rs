//! A `NETLINK_SOCK_DIAG` socket: sends one request at a time and reads the answer to its end.
//!
//! The socket belongs to the network namespace in which it was created, and lists that namespace's sockets.

use std::{
    fs::File,
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::Duration,
};

use super::{
    Error,
    wire::{self, Entry, Family, Message, SocketId},
};

/// A message of a list is up to 32 KiB (`netlink_dump`).
const BUFFER: usize = 64 * 1024;
/// The kernel answers synchronously; this is only a safety net.
const PATIENCE: Duration = Duration::from_secs(2);

/// A connection to sock_diag; see the module's documentation.
#[derive(Debug)]
pub(crate) struct Diag {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Diag {
    /// For this thread's network namespace.
    ///
    /// # Errors
    /// [`Error::Socket`] if the kernel has no sock_diag, or a seccomp profile forbids it.
    pub(crate) fn open() -> Result<Diag, Error> {
        let open = || -> io::Result<OwnedFd> {
            let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
            // SAFETY: the call takes plain numbers.
            let socket = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_SOCK_DIAG) };
            if socket < 0 {
                return Err(io::Error::last_os_error());
            }
            // SAFETY: the descriptor is new, and nobody else owns it.
            let socket = unsafe { OwnedFd::from_raw_fd(socket) };
            socket2::SockRef::from(&socket).set_read_timeout(Some(PATIENCE))?;
            Ok(socket)
        };
        let socket = open().map_err(Error::Socket)?;
        Ok(Diag { socket, sequence: 0, buffer: vec![0; BUFFER] })
    }

    /// For another network namespace (`/proc/PID/ns/net`). The calling thread stays in its own.
    ///
    /// # Errors
    /// [`Error::Socket`], also without CAP_SYS_ADMIN.
    pub(crate) fn open_in(namespace: &File) -> Result<Diag, Error> {
        let thread = std::thread::Builder::new();
        std::thread::scope(|scope| {
            let inside = move || {
                // SAFETY: the call takes a descriptor that outlives it, and only affects this thread, which
                // ends here.
                if unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) } != 0 {
                    return Err(Error::Socket(io::Error::last_os_error()));
                }
                Diag::open()
            };
            let handle = thread.spawn_scoped(scope, inside).map_err(Error::Socket)?;
            handle.join().unwrap_or_else(|_| Err(Error::Socket(io::Error::other("it panicked"))))
        })
    }

    /// Lists the sockets of a family on these local ports. False = the list changed while it was written and
    /// may be incomplete.
    ///
    /// # Errors
    /// See [`Error`]; what was listed before it has already been passed to the caller.
    pub(crate) fn dump(
        &mut self,
        family: Family,
        ports: &[u16],
        mut each: impl FnMut(Entry),
    ) -> Result<bool, Error> {
        let sequence = self.next_sequence();
        self.send(&wire::list(family, ports, sequence))?;
        self.answer(sequence, |message| match message {
            Message::Socket(entry) => {
                if ports.contains(&entry.id.local_port()) {
                    each(entry);
                }
                None
            }
            Message::Done { whole } => Some(Ok(whole)),
            Message::Error(number) => Some(Err(refused(number))),
            Message::Other => None,
        })
    }

    /// Queries one socket; `None` = it is gone.
    ///
    /// # Errors
    /// See [`Error`].
    pub(crate) fn one(&mut self, id: &SocketId) -> Result<Option<Entry>, Error> {
        let sequence = self.next_sequence();
        self.send(&wire::about(wire::BY_FAMILY, wire::REQUEST, id, sequence))?;
        self.answer(sequence, |message| match message {
            Message::Socket(entry) => Some(Ok(Some(entry))),
            Message::Error(number) if is_gone(number) => Some(Ok(None)),
            Message::Error(number) => Some(Err(refused(number))),
            // The remaining state is not a full socket any more.
            Message::Done { .. } | Message::Other => Some(Ok(None)),
        })
    }

    /// Ends a connection like a reset: its owner's calls return ECONNABORTED, its queue is freed, and the
    /// peer gets RST. False = it was already gone.
    ///
    /// # Errors
    /// See [`Error`]; EPERM without CAP_NET_ADMIN, EOPNOTSUPP without CONFIG_INET_DIAG_DESTROY.
    pub(crate) fn destroy(&mut self, id: &SocketId) -> Result<bool, Error> {
        let sequence = self.next_sequence();
        self.send(&wire::about(wire::DESTROY, wire::REQUEST | wire::ACK, id, sequence))?;
        self.answer(sequence, |message| match message {
            Message::Error(0) => Some(Ok(true)),
            Message::Error(number) if is_gone(number) => Some(Ok(false)),
            Message::Error(number) => Some(Err(refused(number))),
            _ => None,
        })
    }

    /// Whether the kernel supports `SOCK_DESTROY`, checked with a socket that does not exist.
    ///
    /// # Errors
    /// See [`Error`].
    pub(crate) fn can_destroy(&mut self) -> Result<bool, Error> {
        match self.destroy(&SocketId::nobody()) {
            Ok(_) => Ok(true),
            Err(Error::Refused(error)) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    fn send(&self, request: &[u8]) -> Result<(), Error> {
        socket2::SockRef::from(&self.socket).send(request).map(drop).map_err(Error::Socket)
    }

    /// Reads the messages for the request with this number until `take` returns a result.
    fn answer<T>(
        &mut self,
        sequence: u32,
        mut take: impl FnMut(Message) -> Option<Result<T, Error>>,
    ) -> Result<T, Error> {
        loop {
            let length = self.receive()?;
            let mut rest = self.buffer.get(..length).ok_or(Error::Malformed)?;
            while let Some((message, of, after)) = wire::next(rest)? {
                rest = after;
                // A leftover of a request that was abandoned.
                if of != sequence {
                    continue;
                }
                if let Some(result) = take(message) {
                    return result;
                }
            }
        }
    }

    fn receive(&mut self) -> Result<usize, Error> {
        loop {
            // SAFETY: the kernel writes at most the buffer's length to it. MSG_TRUNC makes it return the full
            // length.
            let length = unsafe {
                libc::recv(
                    self.socket.as_raw_fd(),
                    self.buffer.as_mut_ptr().cast(),
                    self.buffer.len(),
                    libc::MSG_TRUNC,
                )
            };
            match usize::try_from(length) {
                Ok(length) if length <= self.buffer.len() => return Ok(length),
                Ok(_) => return Err(Error::Malformed),
                Err(_) => {
                    let error = io::Error::last_os_error();
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(Error::Socket(error));
                    }
                }
            }
        }
    }
}

fn refused(number: i32) -> Error {
    Error::Refused(io::Error::from_raw_os_error(number.saturating_neg()))
}

/// ENOENT: no such socket. ESTALE: there is one, but with another cookie.
fn is_gone(number: i32) -> bool {
    [-libc::ENOENT, -libc::ESTALE].contains(&number)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn own_sockets_are_listed_and_asked() {
        let Ok(mut diag) = Diag::open() else { return };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        let mut found = Vec::new();
        assert!(diag.dump(Family::V4, &[1, port], |entry| found.push(entry)).unwrap());
        let [entry] = found[..] else { panic!("{found:?}") };
        assert_eq!(entry.id.cookie(), socket2::SockRef::from(&server).cookie().unwrap());
        assert_eq!(entry.id.peer(), client.local_addr().unwrap());
        assert_ne!(entry.inode, 0);
        let again = diag.one(&entry.id).unwrap().unwrap();
        assert_eq!(again.id, entry.id);
        drop((server, client));
        // Reset or in TIME_WAIT: either way, soon no full socket has this cookie.
        assert!(diag.one(&SocketId::nobody()).unwrap().is_none());
    }
}
