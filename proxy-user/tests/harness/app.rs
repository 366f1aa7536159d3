//! An app behind the proxy: either accepted by hand, connection by connection, so that a test can
//! play its part byte for byte, or served by threads with one answer per request.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use socket2::SockRef;

use super::http::Message;
use super::wait::PATIENCE;
use super::wire::Wire;

/// An app played by the test itself.
#[derive(Debug)]
pub struct App {
    listener: TcpListener,
    address: SocketAddr,
}

impl App {
    pub fn listen() -> App {
        App::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// An app whose ends of connections have this receive buffer (`SO_RCVBUF`).
    pub fn listen_narrow(receive_buffer: usize) -> App {
        let app = App::listen();
        SockRef::from(&app.listener).set_recv_buffer_size(receive_buffer).unwrap();
        app
    }

    pub fn on(listener: TcpListener) -> App {
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        App { listener, address }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The proxy's next connection.
    pub fn accept(&self) -> Wire {
        self.accept_within(PATIENCE).expect("the proxy connects to the app")
    }

    /// The proxy's next connection, if one comes within `limit`.
    pub fn accept_within(&self, limit: Duration) -> Option<Wire> {
        // Not by looking again and again: thousands of sessions would each wait for the next look.
        let mut listener =
            libc::pollfd { fd: self.listener.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let time = libc::c_int::try_from(limit.as_millis()).unwrap();
        // SAFETY: one structure that lives through the call, and a descriptor that is open.
        unsafe { libc::poll(&raw mut listener, 1, time) };
        self.poll()
    }

    fn poll(&self) -> Option<Wire> {
        match self.listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                Some(Wire::over(stream))
            }
            Err(e) if e.kind() == ErrorKind::WouldBlock => None,
            Err(e) => panic!("accept: {e}"),
        }
    }

    /// Serves every connection on a thread of its own until the result is dropped.
    pub fn serve(self, handle: impl Fn(Wire) + Send + Sync + 'static) -> Served {
        let address = self.address;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let handle = Arc::new(handle);
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if let Some(wire) = self.accept_within(Duration::from_millis(50)) {
                    let handle = Arc::clone(&handle);
                    std::thread::spawn(move || handle(wire));
                }
            }
        });
        Served { address, stop }
    }
}

/// An app on threads; stops accepting when dropped.
#[derive(Debug)]
pub struct Served {
    pub address: SocketAddr,
    stop: Arc<AtomicBool>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A keep-alive HTTP app that answers each request by a function and remembers them all.
#[derive(Debug)]
pub struct HttpApp {
    served: Served,
    requests: Arc<Mutex<Vec<Message>>>,
}

impl HttpApp {
    pub fn start(answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static) -> HttpApp {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let served = App::listen().serve(move |mut wire| {
            // An idle kept-alive connection ends when the proxy ends it.
            wire.stream().set_read_timeout(Some(PATIENCE * 4)).unwrap();
            while !wire.held().is_empty() || matches!(wire.fill(), Ok(1..)) {
                let request = Message::read_request(&mut wire);
                seen.lock().unwrap().push(request.clone());
                if wire.try_send(answer(&request)).is_err() {
                    return;
                }
            }
        });
        HttpApp { served, requests }
    }

    /// An app that answers every request with its own name.
    pub fn named(name: &'static str) -> HttpApp {
        HttpApp::start(move |_| super::http::ok(name))
    }

    pub fn address(&self) -> SocketAddr {
        self.served.address
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Message> {
        self.requests.lock().unwrap().clone()
    }

    /// The newest request.
    pub fn last(&self) -> Message {
        self.requests().pop().expect("no request reached the app")
    }
}
