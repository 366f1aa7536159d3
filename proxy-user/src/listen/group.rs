//! The sockets that share one address, and which of them gets the next connection.
//!
//! They are a group in which each has a number: new ones are put behind the others
//! (`reuseport_add_sock` in net/core/sock_reuseport.c). Left alone, the kernel spreads connections over
//! all of them, also over those of a process that is about to close its own; what is still in the queue
//! of a socket at that moment is reset.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};

/// How many sockets listen on exactly this address in our network namespace.
///
/// # Errors
/// The kernel's lists cannot be read.
pub(super) fn members(address: SocketAddr) -> io::Result<usize> {
    let (file, local) = match address.ip() {
        IpAddr::V4(ip) => ("/proc/self/net/tcp", words(&ip.octets())),
        IpAddr::V6(ip) => ("/proc/self/net/tcp6", words(&ip.octets())),
    };
    let local = format!("{local}:{:04X}", address.port());
    Ok(count(&std::fs::read_to_string(file)?, &local))
}

/// Counts the lines with this local address that are in state `LISTEN`.
fn count(list: &str, local: &str) -> usize {
    let listens = |line: &&str| {
        let mut words = line.split_ascii_whitespace().skip(1);
        words.next() == Some(local) && words.nth(1) == Some("0A")
    };
    list.lines().filter(listens).count()
}

/// An address as the kernel prints it: 32 bits at a time, as numbers of this machine's byte order.
fn words(octets: &[u8]) -> String {
    let word = |four: &[u8]| {
        let four = <[u8; 4]>::try_from(four).unwrap_or_default();
        format!("{:08X}", u32::from_ne_bytes(four))
    };
    octets.chunks(4).map(word).collect()
}

/// Sends every new connection to the socket with this number, for as long as the group has one: a
/// number that it does not have leaves the choice to the kernel again (`reuseport_select_sock`), so
/// nothing need be undone when the others are gone. `member` is any socket of the group.
///
/// # Errors
/// As setsockopt(2) fails.
pub(super) fn send_all_to(member: impl AsFd, number: u32) -> io::Result<()> {
    #[allow(clippy::cast_possible_truncation, reason = "the codes of these instructions are small")]
    let code = (libc::BPF_RET | libc::BPF_K) as u16;
    let mut program = [libc::sock_filter { code, jt: 0, jf: 0, k: number }];
    let program = libc::sock_fprog { len: 1, filter: program.as_mut_ptr() };
    let size = libc::socklen_t::try_from(size_of_val(&program)).unwrap_or_default();
    // SAFETY: the option takes a sock_fprog of that size. It and the one instruction that it points to
    // live through the call, and the kernel keeps a copy of its own.
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
    use super::super::bind::{bind, join};
    use super::*;

    #[test]
    fn listening_sockets_are_told_from_others() {
        let list = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 2
   2: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3
   3: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4
";
        assert_eq!(count(list, "0100007F:1F90"), 2);
    }

    #[tokio::test]
    async fn a_group_is_counted_and_directed() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let old = bind(any.parse().unwrap()).unwrap();
            let address = old.local_addr().unwrap();
            assert_eq!(members(address).unwrap(), 1, "{address}");
            assert_eq!(bind(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
            let new = join(address).unwrap();
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
            // And once more over the program that is there already.
            let third = join(address).unwrap();
            send_all_to(&third, 1).unwrap();
            clients.push(tokio::net::TcpStream::connect(address).await.unwrap());
            third.accept().await.unwrap();
        }
    }
}
