//! A control plane that can be at fault, and its app.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::app::own_address;
use crate::harness::app::{App, Served};
use crate::harness::http::Message;
use crate::harness::wait::{eventually, pause};
use crate::harness::wire::Wire;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    Refused,
    Status500,
    Status404,
    /// Slower than the 10 s that it is given.
    Slow,
    NoHttp,
    NoJson,
    Redirect,
    /// It is asked by TLS, and speaks none.
    NoTls,
    /// A certificate that nobody vouches for.
    Untrusted,
    /// It takes what it is told, and its state stays what it was.
    NeverChanges,
}

pub(crate) struct Plane {
    address: SocketAddr,
    inner: Arc<Inner>,
    served: Mutex<Option<Served>>,
}

struct Inner {
    fault: Mutex<Fault>,
    /// Connections, each of which is one request at most.
    asked: AtomicU64,
    /// Requests answered as they should be.
    answered: AtomicU64,
    elsewhere: AtomicU64,
    app_address: SocketAddr,
    app: Mutex<Option<Served>>,
}

impl Plane {
    pub(crate) fn start(fault: Fault) -> Plane {
        let (address, app_address) = (own_address(), own_address());
        let inner = Inner {
            fault: Mutex::new(fault),
            asked: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            elsewhere: AtomicU64::new(0),
            app_address,
            app: Mutex::new(None),
        };
        let plane = Plane { address, inner: Arc::new(inner), served: Mutex::new(None) };
        plane.is(fault);
        plane
    }

    /// It is so from now on.
    pub(crate) fn is(&self, fault: Fault) {
        *self.inner.fault.lock().unwrap() = fault;
        let mut served = self.served.lock().unwrap();
        if fault == Fault::Refused {
            *served = None;
        } else if served.is_none() {
            let inner = Arc::clone(&self.inner);
            *served = Some(App::on(listen(self.address)).serve(move |wire| inner.serve(wire)));
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn app_address(&self) -> SocketAddr {
        self.inner.app_address
    }

    pub(crate) fn start_app(&self) {
        self.inner.start_app();
    }

    pub(crate) fn asked(&self) -> u64 {
        self.inner.asked.load(Relaxed)
    }

    pub(crate) fn answered(&self) -> u64 {
        self.inner.answered.load(Relaxed)
    }

    /// Whether anybody followed its redirect.
    pub(crate) fn was_followed(&self) -> bool {
        self.inner.elsewhere.load(Relaxed) > 0
    }
}

/// Who had the address before may need a moment.
fn listen(address: SocketAddr) -> TcpListener {
    eventually("its address is free", || match TcpListener::bind(address) {
        Ok(listener) => Some(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => None,
        Err(error) => panic!("{address}: {error}"),
    })
}

impl Inner {
    fn start_app(&self) {
        let mut app = self.app.lock().unwrap();
        if app.is_none() {
            *app = Some(App::on(listen(self.app_address)).serve(|mut wire| {
                if matches!(wire.fill(), Ok(1..)) {
                    Message::read_request(&mut wire);
                    let _ = wire.try_send(answer("200 OK", "the app"));
                }
            }));
        }
    }

    fn serve(&self, mut wire: Wire) {
        let mut first = [0];
        if !matches!(wire.stream().peek(&mut first), Ok(1..)) {
            return;
        }
        self.asked.fetch_add(1, Relaxed);
        let fault = *self.fault.lock().unwrap();
        if fault == Fault::Untrusted && first == [0x16] {
            let mut connection = rustls::ServerConnection::new(Arc::new(untrusted())).unwrap();
            let mut stream = wire.stream().try_clone().unwrap();
            assert!(connection.complete_io(&mut stream).is_err(), "the certificate was believed");
            return;
        }
        if first == [0x16] {
            let _ = wire.try_send(answer("400 Bad Request", ""));
            return;
        }
        let request = Message::read_request(&mut wire);
        if request.head.target() == "/elsewhere" {
            self.elsewhere.fetch_add(1, Relaxed);
        }
        let _ = match fault {
            Fault::Status500 => wire.try_send(answer("500 Internal Server Error", "{}")),
            Fault::Status404 => wire.try_send(answer("404 Not Found", "{}")),
            Fault::NoHttp => wire.try_send("220 mail.example ESMTP\r\n"),
            Fault::NoJson => wire.try_send(answer("200 OK", "<html>Sign in</html>")),
            Fault::Redirect => wire.try_send(answer("302 Found\r\nLocation: /elsewhere", "")),
            Fault::Slow => {
                pause(Duration::from_secs(15));
                Ok(())
            }
            _ => wire.try_send(self.answer(&request, fault)),
        };
    }

    /// As it should be, or what does nothing.
    fn answer(&self, request: &Message, fault: Fault) -> Vec<u8> {
        self.answered.fetch_add(1, Relaxed);
        match request.head.start.as_str() {
            "GET /apps/demo HTTP/1.1" => {
                let is_up = self.app.lock().unwrap().is_some();
                let word = if is_up { "running" } else { "suspended" };
                answer("200 OK", &format!("{{\"state\":\"{word}\"}}"))
            }
            "POST /apps/demo/wake HTTP/1.1" | "POST /apps/demo/suspend HTTP/1.1" => {
                match (fault, request.head.target().ends_with("/wake")) {
                    (Fault::NeverChanges, _) => {}
                    (_, true) => self.start_app(),
                    (_, false) => *self.app.lock().unwrap() = None,
                }
                answer("202 Accepted", "")
            }
            other => panic!("asked for {other}"),
        }
    }
}

fn answer(status: &str, body: &str) -> Vec<u8> {
    let fields = format!("Connection: close\r\nContent-Length: {}", body.len());
    format!("HTTP/1.1 {status}\r\n{fields}\r\n\r\n{body}").into_bytes()
}

fn untrusted() -> rustls::ServerConfig {
    let file = |name: &str| format!("{}/tests/tls/{name}", env!("CARGO_MANIFEST_DIR"));
    let certificate = CertificateDer::from_pem_file(file("untrusted.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("untrusted.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    config.with_single_cert(vec![certificate], key).unwrap()
}
