//! Connections whose far ends are held by a child process.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStdin, Command, Stdio},
};

/// Near ends; the far ends go with it.
pub(crate) struct Connections {
    pub(crate) near: Vec<TcpStream>,
    child: Child,
    /// Closing it lets the child go.
    lifeline: Option<ChildStdin>,
}

impl Connections {
    /// Connects, and sends a little on each, so that every row has been written.
    pub(crate) fn open(count: usize) -> Connections {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["hold", &address.to_string(), &count.to_string()])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let near = (0..count).map(|_| listener.accept().unwrap().0).collect();
        let lifeline = child.stdin.take();
        Connections { near, child, lifeline }
    }

    /// Sends a little on each. Nobody reads it; the far kernel acknowledges it.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        for near in &mut self.near {
            near.write_all(bytes).unwrap();
        }
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
    let far: Vec<TcpStream> = (0..count).map(|_| TcpStream::connect(address).unwrap()).collect();
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
