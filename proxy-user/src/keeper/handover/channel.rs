//! The socket over which one Ebbtide hands its apps to the next: messages with descriptors.
//!
//! It has a name in the kernel's abstract namespace (unix(7)), which needs no folder and disappears with its
//! process. Anybody may take or reach such a name, so each side asks the kernel who the other is.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::sockopt::socket_peercred;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::wire::Message;
use crate::drivers::process::pidfd;

/// How long the other side may take for one message.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time until the next try to accept.
const RETRY: Duration = Duration::from_millis(100);
/// The longest message, in bytes. The kernel's default limit is lower (net.core.wmem_default).
const LONGEST: usize = 512 * 1024;
/// The most descriptors of a message.
const DESCRIPTORS: usize = 4;

/// A conversation with another Ebbtide of the same user.
#[derive(Debug)]
pub(in crate::keeper) struct Channel(Socket);

/// The Ebbtide that this one takes over from.
#[derive(Debug)]
pub(in crate::keeper) struct Predecessor {
    pub(super) channel: Channel,
    /// A pidfd.
    pub(super) process: OwnedFd,
}

/// Where the next Ebbtide knocks.
#[derive(Debug)]
pub(in crate::keeper) struct Door(AsyncFd<Socket>);

fn watch(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: a socket has one descriptor, which it keeps open until it is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }?)
}

fn name(process: u32) -> io::Result<SockAddr> {
    SockAddr::unix(format!("\0ebbtide-takeover-{process}"))
}

impl Door {
    /// Needs a tokio runtime.
    ///
    /// # Errors
    /// Another process has the name: one with the same id in another pid namespace.
    pub(in crate::keeper) fn open() -> io::Result<Door> {
        let socket = Socket::new(Domain::UNIX, Type::SEQPACKET, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&name(std::process::id())?)?;
        socket.listen(1)?;
        Ok(Door(watch(socket)?))
    }

    /// The next process of the same user that wants to take over.
    pub(in crate::keeper) async fn knock(&self) -> Channel {
        loop {
            let Ok(mut ready) = self.0.readable().await else {
                // The runtime is ending.
                return std::future::pending().await;
            };
            let Ok(accepted) = ready.try_io(|door| door.get_ref().accept()) else { continue };
            let channel = accepted.and_then(|(socket, _)| Channel::new(socket, PATIENCE));
            match channel {
                Ok(channel) if channel.peer().is_ok_and(|(_, ours)| ours) => return channel,
                Ok(_) => tracing::warn!("a process of another user wants to take over; refused"),
                Err(error) => {
                    tracing::debug!(%error, "a process that wants to take over cannot be heard");
                    // Without a free descriptor it is still to be accepted.
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

impl Channel {
    /// `patience`: how long the other side may take for one message.
    pub(super) fn new(socket: Socket, patience: Duration) -> io::Result<Channel> {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(patience))?;
        socket.set_write_timeout(Some(patience))?;
        // The kernel caps this at net.core.wmem_max.
        let _ = socket.set_send_buffer_size(LONGEST);
        Ok(Channel(socket))
    }

    /// A conversation with the Ebbtide that has this process id. Blocks for a moment.
    ///
    /// # Errors
    /// It has no door, or another process has its door's name.
    fn to(process: u32) -> io::Result<Channel> {
        let socket = Socket::new(Domain::UNIX, Type::SEQPACKET, None)?;
        // Others may be waiting at its door.
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.connect(&name(process)?)?;
        let channel = Channel::new(socket, PATIENCE)?;
        match channel.peer()? {
            (id, true) if u32::try_from(id).is_ok_and(|id| id == process) => Ok(channel),
            _ => Err(io::Error::from(io::ErrorKind::PermissionDenied)),
        }
    }

    /// The other side's process id, and whether it is of this process's user.
    fn peer(&self) -> io::Result<(i32, bool)> {
        let peer = socket_peercred(&self.0)?;
        // SAFETY: takes nothing.
        let own = unsafe { libc::geteuid() };
        Ok((peer.pid.as_raw_nonzero().get(), peer.uid.as_raw() == own))
    }

    /// Blocks while the other side does not read.
    ///
    /// # Errors
    /// The other side has left or does not read, or the message is too long.
    pub(super) fn send(&self, message: &Message, with: &[BorrowedFd<'_>]) -> io::Result<()> {
        let text = serde_json::to_vec(message)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !with.is_empty() && !control.push(SendAncillaryMessage::ScmRights(with)) {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let sent = sendmsg(&self.0, &[IoSlice::new(&text)], &mut control, SendFlags::NOSIGNAL)?;
        match sent == text.len() {
            true => Ok(()),
            false => Err(io::Error::from(io::ErrorKind::WriteZero)),
        }
    }

    /// The next message, with its descriptors. Blocks until it comes.
    ///
    /// # Errors
    /// The other side has left, sends nothing, or sends something that is not understood.
    pub(super) fn receive(&self) -> io::Result<(Message, Vec<OwnedFd>)> {
        let mut text = vec![0; LONGEST];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let parts = &mut [IoSliceMut::new(&mut text)];
        let received = recvmsg(&self.0, parts, &mut control, RecvFlags::CMSG_CLOEXEC);
        let received = received.map_err(|error| match error {
            rustix::io::Errno::AGAIN => {
                io::Error::new(io::ErrorKind::TimedOut, "the other Ebbtide does not answer")
            }
            error => error.into(),
        })?;
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(passed) = message {
                descriptors.extend(passed);
            }
        }
        if received.bytes == 0 {
            let left = "the other Ebbtide has closed the connection";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, left));
        }
        if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        let text = text.get(..received.bytes).unwrap_or_default();
        Ok((serde_json::from_slice(text)?, descriptors))
    }

    /// Makes every further message of the other side fail to be sent, and returns the next one that was sent before.
    pub(super) fn close_reading(&self) -> Option<Message> {
        self.0.shutdown(std::net::Shutdown::Read).ok()?;
        // Does not block any more.
        self.receive().ok().map(|(message, _)| message)
    }

    /// Waits until the other side has left, and ignores what it still says. Needs a tokio runtime.
    pub(in crate::keeper) async fn left(self) {
        let watched = self.0.set_nonblocking(true).and_then(|()| watch(self.0));
        let socket = match watched {
            Ok(socket) => socket,
            Err(error) => {
                tracing::warn!(%error, "cannot watch the other Ebbtide of a takeover");
                return;
            }
        };
        while let Ok(mut ready) = socket.readable().await {
            let mut byte = [MaybeUninit::uninit()];
            match ready.try_io(|socket| socket.get_ref().recv(&mut byte)) {
                // There is nothing now, or the rest of a message was dropped.
                Err(_) | Ok(Ok(1)) => {}
                Ok(_) => return,
            }
        }
    }
}

impl Predecessor {
    /// Finds the Ebbtide that has this process id. Blocks for a moment.
    ///
    /// # Errors
    /// It has no door, or another process has its door's name.
    pub(super) fn find(process: u32) -> io::Result<Predecessor> {
        let channel = Channel::to(process)?;
        let id = i32::try_from(process).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(Predecessor { channel, process: pidfd::open(id)? })
    }

    /// Keeps the channel open until the other process has ended. Needs a tokio runtime.
    pub(in crate::keeper) async fn ended(self) {
        // SAFETY: an `OwnedFd` has one descriptor, which it keeps open until it is dropped.
        let watched = unsafe { AsyncFd::register_with_interest(self.process, Interest::READABLE) };
        match watched {
            Ok(process) => _ = process.readable().await,
            // Open for as long as this process runs.
            Err(_) => std::future::pending().await,
        }
        drop(self.channel);
    }
}
