//! The messages of `NETLINK_SOCK_DIAG` as bytes (`include/uapi/linux/inet_diag.h`). Pure.
//!
//! Every length in a message is checked before it is used. A truncated message is an error; extra fields from
//! a newer kernel are ignored.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::super::tcp_info::{self, Account};

/// `SOCK_DIAG_BY_FAMILY`: list sockets, or query one.
pub(super) const BY_FAMILY: u16 = 20;
/// `SOCK_DESTROY`.
pub(super) const DESTROY: u16 = 21;
/// `NLM_F_REQUEST`.
pub(super) const REQUEST: u16 = 1;
/// `NLM_F_ACK`.
pub(super) const ACK: u16 = 4;
/// `NLM_F_DUMP`.
pub(super) const DUMP: u16 = 0x300;
/// `NLM_F_DUMP_INTR`: the list changed while it was written.
const INTERRUPTED: u16 = 0x10;
/// `struct nlmsghdr`.
const HEADER: usize = 16;
/// `struct inet_diag_msg`.
const MESSAGE: usize = 72;
/// `struct inet_diag_sockid`.
const ID: usize = 48;
/// `INET_DIAG_REQ_BYTECODE`.
const BYTECODE: u16 = 1;
/// `INET_DIAG_INFO`.
const INFO: u16 = 2;
/// `INET_DIAG_CGROUP_ID` (Linux 5.8).
const CGROUP_ID: u16 = 21;
/// ESTABLISHED, FIN_WAIT1, CLOSE_WAIT, LAST_ACK and CLOSING: the states in which bytes can be queued. Not
/// FIN_WAIT2, because that is also reported for sockets that are only a timer.
const STATES: u32 = 1 << 1 | 1 << 4 | 1 << 8 | 1 << 9 | 1 << 11;

/// The address family of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Family {
    /// AF_INET.
    V4,
    /// AF_INET6, with IPv4-mapped connections of dual-stack listeners.
    V6,
}

impl Family {
    /// Both.
    pub(crate) const ALL: [Family; 2] = [Family::V4, Family::V6];

    fn number(self) -> u8 {
        match self {
            Family::V4 => 2,
            Family::V6 => 10,
        }
    }
}

/// Identifies a socket in its network namespace: its addresses as the kernel has them, and its cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SocketId {
    pub(crate) family: Family,
    /// As on the wire: ports, addresses, interface and cookie.
    bytes: [u8; ID],
}

impl SocketId {
    fn parse(family: u8, bytes: &[u8]) -> Option<SocketId> {
        let family = match family {
            2 => Family::V4,
            10 => Family::V6,
            _ => return None,
        };
        Some(SocketId { family, bytes: *bytes.first_chunk()? })
    }

    /// A socket that does not exist: no socket has port 0.
    pub(super) fn nobody() -> SocketId {
        SocketId { family: Family::V4, bytes: [0; ID] }
    }

    /// `SO_COOKIE`.
    pub(crate) fn cookie(&self) -> u64 {
        // Two 32-bit words, the lower first, each in native byte order.
        u64::from(word(&self.bytes, 40).unwrap_or(0))
            | u64::from(word(&self.bytes, 44).unwrap_or(0)) << 32
    }

    /// The local port.
    pub(crate) fn local_port(&self) -> u16 {
        port(&self.bytes, 0)
    }

    /// The peer's address.
    pub(crate) fn peer(&self) -> SocketAddr {
        let bytes: [u8; 16] =
            self.bytes.get(20..).and_then(<[u8]>::first_chunk).copied().unwrap_or_default();
        let address = match self.family {
            Family::V4 => IpAddr::V4(Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3])),
            Family::V6 => IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical(),
        };
        SocketAddr::new(address, port(&self.bytes, 2))
    }
}

/// One socket in an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) id: SocketId,
    /// The inode of the descriptor; 0 = not accepted yet, or closed by its process.
    pub(crate) inode: u32,
    /// The cgroup v2 in which the socket was created; `None` = this kernel does not tell.
    pub(crate) cgroup: Option<u64>,
    pub(in crate::sockets) account: Account,
}

/// One message of an answer.
#[derive(Debug)]
pub(super) enum Message {
    Socket(Entry),
    /// The end of a list; `false` = it changed while it was written.
    Done {
        whole: bool,
    },
    /// An error number; 0 = an acknowledgement.
    Error(i32),
    /// Anything else.
    Other,
}

/// A request for all sockets of a family on these local ports.
pub(super) fn list(family: Family, ports: &[u16], sequence: u32) -> Vec<u8> {
    let any = SocketId { family, bytes: [0; ID] };
    let mut bytes = request(BY_FAMILY, REQUEST | DUMP, &any, sequence);
    let filter = bytecode(ports);
    if let (false, Ok(length)) = (filter.is_empty(), u16::try_from(filter.len() + 4)) {
        bytes.extend(length.to_ne_bytes());
        bytes.extend(BYTECODE.to_ne_bytes());
        bytes.extend(filter);
    }
    finish(bytes)
}

/// A request about one socket.
pub(super) fn about(kind: u16, flags: u16, id: &SocketId, sequence: u32) -> Vec<u8> {
    finish(request(kind, flags, id, sequence))
}

fn request(kind: u16, flags: u16, id: &SocketId, sequence: u32) -> Vec<u8> {
    const TCP: u8 = 6;
    let mut bytes = Vec::with_capacity(128);
    bytes.extend([0; 4]);
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend([id.family.number(), TCP, 1 << (INFO - 1), 0]);
    bytes.extend(STATES.to_ne_bytes());
    bytes.extend(id.bytes);
    bytes
}

/// Sets the message's length.
fn finish(mut bytes: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(0).to_ne_bytes();
    for (place, byte) in bytes.iter_mut().zip(length) {
        *place = byte;
    }
    bytes
}

/// The kernel's filter for "the local port is one of these" (`inet_diag_bc_run`). An operation jumps by `yes`
/// if it is true, otherwise by `no`; landing exactly on the end accepts, beyond it rejects. For each port
/// there are two comparisons of 8 bytes, and a jump of 4 bytes to the end except for the last, which rejects
/// by going 4 bytes beyond it.
fn bytecode(ports: &[u16]) -> Vec<u8> {
    const JUMP: u8 = 1;
    const AT_LEAST: u8 = 2;
    const AT_MOST: u8 = 3;
    const CHOICE: u16 = 20;
    let mut bytes = Vec::new();
    let mut operation = |code: u8, yes: u8, no: u16| {
        bytes.extend([code, yes]);
        bytes.extend(no.to_ne_bytes());
    };
    // With more ports than the 16-bit offsets allow there is no filter; the caller filters the list.
    let count = u16::try_from(ports.len()).ok().filter(|count| *count <= 1_000).unwrap_or(0);
    for (left, port) in (0..count).rev().zip(ports) {
        operation(AT_LEAST, 8, CHOICE);
        operation(0, 0, *port);
        operation(AT_MOST, 8, CHOICE - 8);
        operation(0, 0, *port);
        if left > 0 {
            operation(JUMP, 4, left * CHOICE);
        }
    }
    bytes
}

/// The next message in a datagram and the rest; `None` at its end.
///
/// # Errors
/// A length that does not fit.
pub(super) fn next(datagram: &[u8]) -> Result<Option<First<'_>>, super::Error> {
    if datagram.is_empty() {
        return Ok(None);
    }
    message(datagram).map(Some).ok_or(super::Error::Malformed)
}

/// The first message in a datagram, its sequence number and the rest.
type First<'a> = (Message, u32, &'a [u8]);

/// `None` = truncated.
fn message(datagram: &[u8]) -> Option<First<'_>> {
    let length = usize::try_from(word(datagram, 0)?).ok()?;
    let (kind, flags, sequence) = (half(datagram, 4)?, half(datagram, 6)?, word(datagram, 8)?);
    let body = datagram.get(HEADER..length)?;
    let message = match kind {
        // NLMSG_ERROR, NLMSG_DONE: a number first, negative for an error.
        2 => Message::Error(number(body)?),
        3 => match number(body) {
            Some(error) if error < 0 => Message::Error(error),
            _ => Message::Done { whole: flags & INTERRUPTED == 0 },
        },
        BY_FAMILY => socket(body)?,
        _ => Message::Other,
    };
    // A length close to the maximum must not wrap.
    let rest = length.checked_next_multiple_of(4).and_then(|next| datagram.get(next..));
    Some((message, sequence, rest.unwrap_or_default()))
}

/// `struct inet_diag_msg` and its attributes; `None` = truncated.
fn socket(body: &[u8]) -> Option<Message> {
    let message = body.get(..MESSAGE)?;
    let (family, state) = (*message.first()?, *message.get(1)?);
    let Some(id) = SocketId::parse(family, message.get(4..)?) else { return Some(Message::Other) };
    let (queued, inode) = (word(message, 60)?, word(message, 68)?);
    let (mut account, mut cgroup) = (None, None);
    let mut rest = body.get(MESSAGE..)?;
    while !rest.is_empty() {
        let length = usize::from(half(rest, 0)?);
        let content = rest.get(4..length)?;
        // The two upper bits are flags (NLA_TYPE_MASK).
        match half(rest, 2)? & 0x3fff {
            INFO => account = tcp_info::parse(content),
            CGROUP_ID => cgroup = content.first_chunk().map(|id| u64::from_ne_bytes(*id)),
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    // Without TCP_INFO it is not a full socket: a handshake, or what remains after a close.
    Some(account.map_or(Message::Other, |account: Account| {
        let account = Account { queued, state: u32::from(state), ..account };
        Message::Socket(Entry { id, inode, cgroup, account })
    }))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}

fn number(bytes: &[u8]) -> Option<i32> {
    bytes.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes))
}

/// A port in network order.
fn port(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u16::from_be_bytes(*bytes))
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
