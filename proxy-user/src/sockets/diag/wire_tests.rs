//! Messages with the kernel's layout, truncated and corrupted.

use super::*;

/// One socket: 10.0.0.1:8000 to 10.0.0.2:40000, with 7 bytes queued and 1,000 acked.
fn example() -> Vec<u8> {
    let mut info = vec![0u8; 232];
    info[0] = 1;
    info[2] = 3;
    info[120..128].copy_from_slice(&1_000u64.to_ne_bytes());
    info[128..136].copy_from_slice(&50u64.to_ne_bytes());
    info[228..232].copy_from_slice(&65_535u32.to_ne_bytes());
    let mut body = vec![2, 8, 0, 0];
    body.extend(8_000u16.to_be_bytes());
    body.extend(40_000u16.to_be_bytes());
    body.extend([10, 0, 0, 1].iter().chain([0; 12].iter()));
    body.extend([10, 0, 0, 2].iter().chain([0; 12].iter()));
    body.extend(0u32.to_ne_bytes());
    body.extend(0x1122_3344u32.to_ne_bytes());
    body.extend(0x5566_7788u32.to_ne_bytes());
    for word in [0u32, 0, 7, 0, 4_711] {
        body.extend(word.to_ne_bytes());
    }
    let mut attribute = |kind: u16, content: &[u8]| {
        body.extend(u16::try_from(content.len() + 4).unwrap().to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(content);
        body.resize(body.len().next_multiple_of(4), 0);
    };
    attribute(8, &[3]);
    attribute(CGROUP_ID, &99u64.to_ne_bytes());
    attribute(INFO, &info);
    message_of(BY_FAMILY, 2, &body)
}

fn message_of(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(5u32.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(body);
    finish(bytes)
}

/// All messages of a datagram, or the error at its end.
fn all(mut datagram: &[u8]) -> Result<Vec<Message>, super::super::Error> {
    let mut messages = Vec::new();
    while let Some((message, _, rest)) = next(datagram)? {
        messages.push(message);
        assert!(rest.len() < datagram.len(), "each message takes bytes away");
        datagram = rest;
    }
    Ok(messages)
}

#[test]
fn a_socket_is_read_with_its_figures() {
    let mut datagram = example();
    datagram.extend(message_of(3, 2, &0i32.to_ne_bytes()));
    let messages = all(&datagram).unwrap();
    let [Message::Socket(entry), Message::Done { whole: true }] = messages[..] else {
        panic!("{messages:?}");
    };
    assert_eq!(entry.id.cookie(), 0x5566_7788_1122_3344);
    assert_eq!(entry.id.local_port(), 8_000);
    assert_eq!(entry.id.peer().to_string(), "10.0.0.2:40000");
    assert_eq!((entry.inode, entry.cgroup), (4_711, Some(99)));
    let account = entry.account;
    assert_eq!((account.acked, account.received, account.queued), (1_000, 50, 7));
    assert_eq!((account.window, account.timeouts, account.state), (65_535, 3, 8));
}

#[test]
fn ends_errors_and_interruptions_are_told_apart() {
    let number = |number: i32| number.to_ne_bytes();
    let one = |kind, flags, body: &[u8]| all(&message_of(kind, flags, body)).unwrap().remove(0);
    assert!(matches!(one(2, 0, &number(-2)), Message::Error(-2)));
    assert!(matches!(one(2, 0, &number(0)), Message::Error(0)));
    assert!(matches!(one(3, INTERRUPTED, &number(0)), Message::Done { whole: false }));
    assert!(matches!(one(3, 2, &number(-1)), Message::Error(-1)));
    assert!(matches!(one(3, 2, &[]), Message::Done { whole: true }));
    assert!(matches!(one(4, 0, &[]), Message::Other));
}

#[test]
fn every_cut_and_every_flipped_bit_is_survived() {
    let whole = example();
    for length in 1..whole.len() {
        assert!(all(&whole[..length]).is_err(), "cut to {length}");
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut broken = whole.clone();
            broken[at] ^= 1 << bit;
            let _ = all(&broken);
        }
    }
}

#[test]
fn lengths_that_lie_are_errors() {
    for length in [0u32, 4, 15, 1_000_000, u32::MAX] {
        let mut broken = example();
        broken[..4].copy_from_slice(&length.to_ne_bytes());
        assert!(all(&broken).is_err(), "{length}");
    }
    // An attribute whose length is smaller than its own header.
    let mut broken = example();
    broken[HEADER + MESSAGE..][..2].copy_from_slice(&3u16.to_ne_bytes());
    assert!(all(&broken).is_err());
}

#[test]
fn a_longer_or_shorter_tcp_info_is_read_as_far_as_it_goes() {
    assert_eq!(tcp_info::parse(&[0; 120]).map(|account| account.acked), None);
    assert_eq!(tcp_info::parse(&[0; 136]).map(|account| account.window), Some(u32::MAX));
    assert_eq!(tcp_info::parse(&[0; 400]).map(|account| account.window), Some(0));
}

#[test]
fn requests_have_the_kernel_s_sizes() {
    let list = list(Family::V6, &[8_000, 8_001], 7);
    assert_eq!(list.len(), 16 + 56 + 4 + 36);
    assert_eq!(word(&list, 0), Some(112));
    assert_eq!((half(&list, 4), half(&list, 6)), (Some(20), Some(0x301)));
    assert_eq!(list[16..20], [10, 6, 2, 0]);
    let about = about(DESTROY, REQUEST | ACK, &SocketId::nobody(), 8);
    assert_eq!((about.len(), half(&about, 4), half(&about, 6)), (72, Some(21), Some(5)));
}

/// What `inet_diag_bc_run` in net/ipv4/inet_diag.c does with a filter.
fn accepts(filter: &[u8], port: u16) -> bool {
    let (mut at, end) = (0, filter.len());
    while at < end {
        let operand = half(filter, at + 6).unwrap_or(0);
        let holds = match filter[at] {
            1 => false,
            2 => port >= operand,
            3 => port <= operand,
            other => panic!("operation {other}"),
        };
        at +=
            if holds { filter[at + 1].into() } else { usize::from(half(filter, at + 2).unwrap()) };
    }
    at == end
}

#[test]
fn the_filter_takes_the_ports_and_no_other() {
    for ports in [&[80][..], &[80, 443], &[9_000, 1, 65_535, 8_000]] {
        let filter = bytecode(ports);
        for port in 0..=u16::MAX {
            assert_eq!(accepts(&filter, port), ports.contains(&port), "{port} of {ports:?}");
        }
    }
    assert!(bytecode(&[]).is_empty());
}
