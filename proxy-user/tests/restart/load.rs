//! Clients that ask all the time: some on a connection for each request, some on one that is kept.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::harness::wait::{PATIENCE, eventually, pause};

const BODY: &str = "here";
/// Clients of each kind.
const EACH: usize = 4;
/// Between two requests of one client.
const PAUSE: Duration = Duration::from_millis(2);

#[derive(Debug, Default)]
struct Figures {
    stop: AtomicBool,
    connects: AtomicU64,
    requests: AtomicU64,
    refused: AtomicU64,
    failed: Mutex<Vec<String>>,
}

/// Asks until it is stopped.
#[derive(Debug)]
pub(crate) struct Load {
    figures: Arc<Figures>,
    clients: Vec<JoinHandle<()>>,
}

/// The app that the load is for.
pub(crate) fn app() -> crate::harness::app::HttpApp {
    crate::harness::app::HttpApp::named(BODY)
}

impl Load {
    pub(crate) fn start(address: SocketAddr) -> Load {
        let figures = Arc::new(Figures::default());
        let client = |keeps| {
            let figures = Arc::clone(&figures);
            std::thread::spawn(move || figures.ask(address, keeps))
        };
        let clients = (0..2 * EACH).map(|number| client(number % 2 == 0)).collect();
        let load = Load { figures, clients };
        load.go_on();
        load
    }

    /// Waits until more requests have been answered, by whoever listens now.
    pub(crate) fn go_on(&self) {
        let requests = || self.figures.requests.load(Ordering::Relaxed);
        let before = requests();
        eventually("the load goes on", || (requests() >= before + 100).then_some(()));
    }

    /// Stops, and fails unless everything was answered.
    pub(crate) fn assert_whole(self, what: &str) {
        self.figures.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.join().expect("a client panicked");
        }
        let count = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let Figures { connects, requests, refused, failed, .. } = &*self.figures;
        let failed = failed.lock().unwrap();
        println!(
            "{what}: {} connects, {} requests; connects refused: {}, requests failed: {}",
            count(connects),
            count(requests),
            count(refused),
            failed.len()
        );
        assert_eq!((count(refused), &failed[..]), (0, &[][..]), "(refused, failed)");
    }
}

impl Figures {
    fn ask(&self, address: SocketAddr, keeps: bool) {
        let mut kept = None;
        while !self.stop.load(Ordering::Relaxed) {
            match self.ask_once(address, &mut kept, keeps) {
                Ok(()) => drop(self.requests.fetch_add(1, Ordering::Relaxed)),
                Err(e) if e.kind() == ErrorKind::ConnectionRefused => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                Err(e) => {
                    kept = None;
                    self.failed.lock().unwrap().push(format!("keeps {keeps}: {e}"));
                }
            }
            pause(PAUSE);
        }
    }

    fn ask_once(
        &self,
        address: SocketAddr,
        kept: &mut Option<TcpStream>,
        keeps: bool,
    ) -> io::Result<()> {
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(address)?;
                self.connects.fetch_add(1, Ordering::Relaxed);
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream
            }
        };
        let option = if keeps { "" } else { "Connection: close\r\n" };
        stream.write_all(format!("GET / HTTP/1.1\r\nHost: a.test\r\n{option}\r\n").as_bytes())?;
        let mut answer = Vec::new();
        while !answer.ends_with(BODY.as_bytes()) {
            let mut bytes = [0; 1024];
            match stream.read(&mut bytes)? {
                0 => return Err(io::Error::other(format!("FIN behind {}", answer.escape_ascii()))),
                count => answer.extend_from_slice(&bytes[..count]),
            }
        }
        let answer = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        if !answer.starts_with("http/1.1 200 ") {
            return Err(io::Error::other(answer));
        }
        if keeps && !answer.contains("connection: close") {
            *kept = Some(stream);
        }
        Ok(())
    }
}
