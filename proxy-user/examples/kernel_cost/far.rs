//! Connections whose far ends are held by a child process.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdin, Command, Stdio},
};

use socket2::{Domain, SockRef, Socket, Type};

/// One connection in so many is at a closed window, as in a fleet at work.
pub(crate) const STUCK: usize = 10;

/// Near ends; the far ends go with it.
pub(crate) struct Connections {
    pub(crate) near: Vec<TcpStream>,
    child: Child,
    /// Closing it lets the child go.
    lifeline: Option<ChildStdin>,
}

impl Connections {
    /// Connects. Both ends of the stuck ones have small buffers.
    pub(crate) fn open(count: usize) -> Connections {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["hold", &address.to_string(), &count.to_string()])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let accept = |number: usize| {
            let near = listener.accept().unwrap().0;
            if number.is_multiple_of(STUCK) {
                SockRef::from(&near).set_send_buffer_size(4096).unwrap();
            }
            near
        };
        let near = (0..count).map(accept).collect();
        let lifeline = child.stdin.take();
        Connections { near, child, lifeline }
    }

    /// Sends a little on each, which nobody reads but the far kernel acknowledges, so that every row is
    /// written; and on the stuck ones as much as goes. How much that was.
    pub(crate) fn send(&mut self) -> Vec<usize> {
        let fill = |(number, near): (usize, &mut TcpStream)| {
            let mut sent = near.write(&[1; 100]).unwrap();
            if number.is_multiple_of(STUCK) {
                near.set_nonblocking(true).unwrap();
                loop {
                    match near.write(&[1; 4096]) {
                        Ok(more) => sent += more,
                        Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            sent
        };
        self.near.iter_mut().enumerate().map(fill).collect()
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        self.lifeline = None;
        let _ = self.child.wait();
    }
}

/// The child: connects and holds until its standard input ends.
pub(crate) fn hold(address: SocketAddr, count: usize) {
    let connect = |number: usize| {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        if number.is_multiple_of(STUCK) {
            socket.set_recv_buffer_size(4096).unwrap();
        }
        socket.connect(&address.into()).unwrap();
        socket
    };
    let far: Vec<Socket> = (0..count).map(connect).collect();
    let _ = std::io::stdin().read(&mut [0]);
    drop(far);
}

/// As many descriptors as a process may have.
pub(crate) fn raise_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls take one live structure.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
    }
}
