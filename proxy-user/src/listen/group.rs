//! The sockets that share one address, and which of them gets the next connection.
//!
//! Each socket of the group has a number; new ones are added at the end (`reuseport_add_sock` in
//! net/core/sock_reuseport.c). By default the kernel spreads connections over all of them, including those
//! of a process that is about to close its own; whatever is in a socket's queue at that moment is reset.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

use super::kernel_list::listening;

/// How many sockets listen on exactly this address in our network namespace.
///
/// # Errors
/// The kernel's lists cannot be read.
pub(super) fn members(address: SocketAddr) -> io::Result<usize> {
    let listening = listening(address.is_ipv6())?;
    Ok(listening.iter().filter(|one| one.address == address).count())
}

/// Sends every new connection to the socket with this number, as long as the group has one. If it has none,
/// the kernel chooses again (`reuseport_select_sock`), so nothing need be undone when the other sockets are
/// gone. `member` is any socket of the group.
///
/// # Errors
/// As setsockopt(2) fails.
pub(super) fn send_all_to(member: impl AsFd, number: u32) -> io::Result<()> {
    #[allow(clippy::cast_possible_truncation, reason = "the codes of these instructions are small")]
    let code = (libc::BPF_RET | libc::BPF_K) as u16;
    let mut program = [libc::sock_filter { code, jt: 0, jf: 0, k: number }];
    let program = libc::sock_fprog { len: 1, filter: program.as_mut_ptr() };
    let size = libc::socklen_t::try_from(size_of_val(&program)).unwrap_or_default();
    // SAFETY: the option takes a sock_fprog of that size. It and the one instruction that it points to live
    // through the call, and the kernel makes its own copy.
    let outcome = unsafe {
        libc::setsockopt(
            member.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_REUSEPORT_CBPF,
            (&raw const program).cast(),
            size,
        )
    };
    if outcome == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::super::bind::{alone, join};
    use super::*;
    use crate::core::listening::ListenAddress;

    #[tokio::test]
    async fn a_group_is_counted_and_directed() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let wanted = |address| ListenAddress { address, v6_only: false };
            let old = alone(wanted(any.parse().unwrap())).unwrap();
            let address = old.local_addr().unwrap();
            let wanted = wanted(address);
            assert_eq!(members(address).unwrap(), 1, "{address}");
            assert_eq!(alone(wanted).unwrap_err().kind(), io::ErrorKind::AddrInUse);
            let new = join(wanted).unwrap();
            assert_eq!(members(address).unwrap(), 2);
            send_all_to(&new, 1).unwrap();
            let mut clients = Vec::new();
            for _ in 0..20 {
                clients.push(tokio::net::TcpStream::connect(address).await.unwrap());
                new.accept().await.unwrap();
            }
            drop(old);
            clients.push(tokio::net::TcpStream::connect(address).await.unwrap());
            new.accept().await.unwrap();
            // Again, replacing the existing program.
            let third = join(wanted).unwrap();
            send_all_to(&third, 1).unwrap();
            clients.push(tokio::net::TcpStream::connect(address).await.unwrap());
            third.accept().await.unwrap();
        }
    }
}
