//! The kernel's list of the TCP sockets that listen in our network namespace (proc_net_tcp.rst).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A socket that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Listening {
    /// IPv4 addresses of IPv6 sockets are written as such.
    pub(super) address: SocketAddr,
    /// Of the socket, as `/proc/PID/fd` shows it.
    pub(super) inode: u64,
}

/// Those of IPv4, or of IPv6.
///
/// # Errors
/// The list cannot be read.
pub(super) fn listening(v6: bool) -> io::Result<Vec<Listening>> {
    let file = if v6 { "/proc/self/net/tcp6" } else { "/proc/self/net/tcp" };
    Ok(std::fs::read_to_string(file)?.lines().filter_map(parse).collect())
}

/// A line, if it is of a socket in state `LISTEN`.
fn parse(line: &str) -> Option<Listening> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let (local, state, inode) = (words.get(1)?, words.get(3)?, words.get(9)?);
    let (ip, port) = local.split_once(':')?;
    let address = SocketAddr::new(parse_ip(ip)?, u16::from_str_radix(port, 16).ok()?);
    (*state == "0A").then_some(Listening { address, inode: inode.parse().ok()? })
}

/// An address as the kernel prints it: 32 bits at a time, as numbers of this machine's byte order.
fn parse_ip(digits: &str) -> Option<IpAddr> {
    let word = |digits: &[u8]| {
        let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.len() == 8)?;
        let number = u32::from_str_radix(digits, 16).ok()?;
        Some(number.to_ne_bytes())
    };
    let words: Vec<[u8; 4]> = digits.as_bytes().chunks(8).map(word).collect::<Option<_>>()?;
    match *words.as_slice() {
        [v4] => Some(Ipv4Addr::from(v4).into()),
        [_, _, _, _] => {
            let octets: [u8; 16] = words.concat().try_into().ok()?;
            Some(Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn listening_sockets_are_told_from_others() {
        for any in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(any).unwrap();
            let address = listener.local_addr().unwrap();
            // These have the same local address.
            let _client = TcpStream::connect(address).unwrap();
            let _accepted = listener.accept().unwrap();
            let mut found = listening(address.is_ipv6()).unwrap();
            found.retain(|one| one.address == address);
            assert_eq!(found.len(), 1, "{found:?}");
            let link = format!("/proc/self/fd/{}", listener.as_raw_fd());
            let link = std::fs::read_link(link).unwrap();
            assert_eq!(link.to_str().unwrap(), format!("socket:[{}]", found[0].inode));
        }
    }

    #[test]
    fn other_lines_are_passed_over() {
        for line in [
            "",
            "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid",
            "0: 0100007F:1F90",
            "0: 0100007F:1F90 00000000:0000 0A 0:0 00:0 0 0 0",
            "0: 0100007:1F90 00000000:0000 0A 0:0 00:0 0 0 0 11",
            "0: 0100007F0100007F:1F90 00000000:0000 0A 0:0 00:0 0 0 0 11",
            "0: 0100007F:1F901 00000000:0000 0A 0:0 00:0 0 0 0 11",
            "0: \u{e9}00007F:1F90 00000000:0000 0A 0:0 00:0 0 0 0 11",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
