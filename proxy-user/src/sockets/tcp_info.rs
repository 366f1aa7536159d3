//! Queries one socket: `SO_COOKIE`, `TCP_INFO` and `SIOCOUTQ`.
//!
//! Each is a system call on a descriptor; nothing here keeps one.

use std::{
    io,
    mem::{offset_of, size_of},
    os::fd::{AsRawFd, BorrowedFd},
};

use crate::core::stall::TcpState;

/// How often `coherent` tries before it accepts a queue length that may be too small.
const TRIES: u32 = 8;

/// `struct tcp_info` of `include/uapi/linux/tcp.h` up to `tcpi_snd_wnd` (Linux 5.4). The one in libc ends
/// before the fields that are needed here.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct TcpInfo {
    state: u8,
    ca_state: u8,
    retransmits: u8,
    /// probes, backoff, options, window scales, flags.
    bytes: [u8; 5],
    /// rto, ato, snd_mss, rcv_mss.
    until_unacked: [u32; 4],
    /// Segments.
    unacked: u32,
    /// sacked … last_data_recv.
    until_last_ack: [u32; 7],
    /// Milliseconds.
    last_ack_recv: u32,
    /// pmtu, rcv_ssthresh.
    until_rtt: [u32; 2],
    rtt: u32,
    /// rttvar … rcv_space.
    until_total_retrans: [u32; 7],
    total_retrans: u32,
    /// pacing_rate, max_pacing_rate.
    pacing: [u64; 2],
    bytes_acked: u64,
    bytes_received: u64,
    /// segs_out, segs_in.
    segments: [u32; 2],
    notsent_bytes: u32,
    /// min_rtt … data_segs_out.
    until_rates: [u32; 3],
    /// delivery_rate … sndbuf_limited.
    times: [u64; 4],
    delivered: [u32; 2],
    /// bytes_sent, bytes_retrans.
    sent: [u64; 2],
    /// dsack_dups, reord_seen, rcv_ooopack.
    disorder: [u32; 3],
    snd_wnd: u32,
}

const _: () = {
    assert!(offset_of!(TcpInfo, unacked) == 24);
    assert!(offset_of!(TcpInfo, last_ack_recv) == 56);
    assert!(offset_of!(TcpInfo, rtt) == 68);
    assert!(offset_of!(TcpInfo, total_retrans) == 100);
    assert!(offset_of!(TcpInfo, bytes_acked) == 120);
    assert!(offset_of!(TcpInfo, notsent_bytes) == 144);
    assert!(offset_of!(TcpInfo, snd_wnd) == 228);
    assert!(size_of::<TcpInfo>() == 232);
};

/// The values of one socket, in the units of `proxy_common::Row`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Account {
    pub(super) acked: u64,
    pub(super) received: u64,
    /// `write_seq - snd_una`.
    pub(super) queued: u32,
    pub(super) window: u32,
    pub(super) srtt_us: u32,
    pub(super) retransmits: u32,
    pub(super) timeouts: u32,
    pub(super) state: u32,
    /// Milliseconds since the last acknowledgement, of new bytes or not.
    pub(super) since_ack_ms: u32,
}

/// The values in a `struct tcp_info`, without state and queue. The kernel may know more fields or fewer.
/// `None` = it ends before the byte counts.
pub(super) fn parse(info: &[u8]) -> Option<Account> {
    fn field<const N: usize>(info: &[u8], at: usize) -> Option<[u8; N]> {
        info.get(at..)?.first_chunk().copied()
    }
    let word = |at| field(info, at).map(u32::from_ne_bytes);
    let long = |at| field(info, at).map(u64::from_ne_bytes);
    Some(Account {
        acked: long(offset_of!(TcpInfo, bytes_acked))?,
        received: long(offset_of!(TcpInfo, bytes_received))?,
        queued: 0,
        window: word(offset_of!(TcpInfo, snd_wnd)).unwrap_or(u32::MAX),
        srtt_us: word(offset_of!(TcpInfo, rtt))?,
        retransmits: word(offset_of!(TcpInfo, total_retrans))?,
        timeouts: u32::from(*info.get(offset_of!(TcpInfo, retransmits))?),
        state: u32::from(*info.first()?),
        since_ack_ms: word(offset_of!(TcpInfo, last_ack_recv))?,
    })
}

/// The socket's cookie, unique until the machine restarts.
pub(super) fn cookie(fd: BorrowedFd<'_>) -> io::Result<u64> {
    let mut cookie = 0u64;
    option(fd, libc::SOL_SOCKET, libc::SO_COOKIE, &mut cookie)?;
    Ok(cookie)
}

/// One `TCP_INFO`, then one `SIOCOUTQ` unless the first shows that the queue is empty. Acks that arrive in
/// between make the queue shorter than at the time of the first, never longer: `acked + queued` is never more
/// than what was written.
///
/// # Errors
/// A descriptor that is closed or not a TCP socket; `Unsupported` before Linux 4.1.
pub(super) fn account(fd: BorrowedFd<'_>) -> io::Result<Account> {
    let (info, drained) = ask(fd)?;
    let queued = if drained { 0 } else { outq(fd)? };
    Ok(Account { queued, ..info })
}

/// Like `account`, but repeated until no ack arrived between the two calls, so that `acked + queued` is
/// exactly what was written. Nothing may be written meanwhile. On a socket that is never quiet it settles for
/// the result of `account`.
pub(super) fn coherent(fd: BorrowedFd<'_>) -> io::Result<Account> {
    let (info, drained) = ask(fd)?;
    if drained {
        return Ok(info);
    }
    let mut queued = outq(fd)?;
    for _ in 0..TRIES {
        let (info, _) = ask(fd)?;
        let after = if queued == 0 { 0 } else { outq(fd)? };
        if after == queued {
            return Ok(Account { queued, ..info });
        }
        queued = after;
    }
    account(fd)
}

/// One `TCP_INFO`, which does not include the queue.
pub(super) fn info(fd: BorrowedFd<'_>) -> io::Result<Account> {
    ask(fd).map(|(info, _)| info)
}

/// One `TCP_INFO`, and whether it shows that the queue is empty: every segment sent is acknowledged, and
/// there is nothing to send. Only true for an open connection; one that was reset has forgotten its segments.
fn ask(fd: BorrowedFd<'_>) -> io::Result<(Account, bool)> {
    let mut info = TcpInfo::default();
    let length = option(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &mut info)?;
    if length < offset_of!(TcpInfo, segments) {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "TCP_INFO has no byte counts on this kernel (needs Linux 4.1)",
        ));
    }
    // From Linux 4.6 on, it includes the unsent bytes.
    let drained = length >= offset_of!(TcpInfo, until_rates)
        && u32::from(info.state) == TcpState::Established as u32
        && info.unacked == 0
        && info.notsent_bytes == 0;
    let account = Account {
        acked: info.bytes_acked,
        received: info.bytes_received,
        queued: 0,
        window: if length >= size_of::<TcpInfo>() { info.snd_wnd } else { u32::MAX },
        srtt_us: info.rtt,
        retransmits: info.total_retrans,
        timeouts: u32::from(info.retransmits),
        state: u32::from(info.state),
        since_ack_ms: info.last_ack_recv,
    };
    Ok((account, drained))
}

fn outq(fd: BorrowedFd<'_>) -> io::Result<u32> {
    let mut bytes: libc::c_int = 0;
    // TIOCOUTQ is SIOCOUTQ (`include/uapi/linux/sockios.h`).
    // SAFETY: the call writes one int to a live int.
    if unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(u32::try_from(bytes).unwrap_or(0))
}

/// Plain data for which any bytes are valid.
trait Plain: Copy {}
impl Plain for u64 {}
impl Plain for TcpInfo {}

/// `getsockopt` into a plain value; returns how many bytes the kernel wrote.
fn option<T: Plain>(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: &mut T,
) -> io::Result<usize> {
    let mut length = libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0);
    // SAFETY: the kernel writes at most `length` bytes to `value`, any bytes of which are a valid `T`.
    let result = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            std::ptr::from_mut(value).cast(),
            &raw mut length,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(length as usize) }
}
