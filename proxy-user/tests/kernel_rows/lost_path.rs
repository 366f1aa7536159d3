//! A peer that cannot be reached any more, in a network namespace of the trial's own.

use std::{
    io::{Read, Write},
    os::fd::{AsFd, AsRawFd},
};

use ebbtide::{
    core::stall::TcpState,
    sockets::{Options, Sockets, SourceWish},
};

use crate::support::{Pair, eventually, now};

/// Retransmissions are counted while nothing is acked, and an ack ends the count.
pub(crate) fn timeouts_count_on_a_lost_path(wish: SourceWish) {
    // A namespace belongs to a thread; this one ends with its thread.
    std::thread::spawn(move || in_own_namespace(wish)).join().unwrap();
}

fn in_own_namespace(wish: SourceWish) {
    // SAFETY: the call takes no pointers and changes this thread only.
    let unshared = unsafe { libc::unshare(libc::CLONE_NEWNET) };
    assert_eq!(unshared, 0, "{}", std::io::Error::last_os_error());
    loopback(true);

    let sockets = Sockets::open(&Options { source: wish, ..Options::default() }).unwrap();
    let mut pair = Pair::new(None);
    let leg = sockets.register(pair.near.as_fd()).unwrap();
    pair.near.write_all(&[1; 100]).unwrap();
    leg.add_written(100);
    pair.far.read_exact(&mut [0; 100]).unwrap();
    eventually("an ack", || {
        sockets.refresh(now());
        leg.sample().queued == 0
    });

    loopback(false);
    pair.near.write_all(&[2; 100]).unwrap();
    leg.add_written(100);
    eventually("timeouts in a row", || {
        sockets.refresh(now());
        leg.sample().timeouts >= 2
    });
    let lost = leg.sample();
    assert_eq!((lost.queued, lost.state), (100, TcpState::Established));

    loopback(true);
    pair.far.read_exact(&mut [0; 100]).unwrap();
    eventually("an ack after the path is back", || {
        sockets.refresh(now());
        let sample = leg.sample();
        sample.timeouts == 0 && sample.queued == 0
    });
    assert!(leg.sample().progress > lost.progress);
}

/// Sets the namespace's loopback device up or down.
fn loopback(up: bool) {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    // SAFETY: all zero is a valid request.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = libc::c_char::try_from(b'l').unwrap();
    request.ifr_name[1] = libc::c_char::try_from(b'o').unwrap();
    let flags = if up { libc::IFF_UP } else { 0 };
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(flags).unwrap();
    // SAFETY: the call reads one live request.
    let set = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}
