//! The apps of the trials: this binary, when its first word says so.
//!
//!     driver_faults app ADDRESS [SECONDS]     answers every request, and exits with 3 after so long
//!     driver_faults linger                    leaves its session and does nothing

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::exit;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::Duration;

const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nthe app";

/// Becomes an app, or comes back.
pub(crate) fn be(words: &[String]) {
    match words {
        [word, rest @ ..] if word == "app" => serve(rest),
        [word] if word == "linger" => {
            // SAFETY: takes nothing. It fails for the leader of a process group, which stays where it is.
            unsafe { libc::setsid() };
            loop {
                thread::sleep(Duration::from_secs(3600));
            }
        }
        _ => {}
    }
}

fn serve(words: &[String]) -> ! {
    let listener = TcpListener::bind(words[0].as_str()).unwrap();
    if let Some(seconds) = words.get(1) {
        let time = Duration::from_secs_f64(seconds.parse().unwrap());
        thread::spawn(move || {
            thread::sleep(time);
            fail()
        });
    }
    for stream in listener.incoming().flatten() {
        thread::spawn(move || {
            let (mut stream, mut bytes) = (stream, Vec::new());
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut buffer) {
                bytes.extend_from_slice(&buffer[..count]);
                if bytes.ends_with(b"\r\n\r\n") {
                    bytes.clear();
                    let _ = stream.write_all(ANSWER.as_bytes());
                }
            }
        });
    }
    exit(1)
}

fn fail() -> ! {
    let _ = std::io::stderr().write_all(b"out of luck\n");
    exit(3)
}

/// The words of a shell that end in an app on this port.
pub(crate) fn exec(port: &str) -> String {
    format!("exec {}", words(&format!("127.0.0.1:{port}")))
}

/// The words of a shell for an app at this address.
pub(crate) fn words(address: &str) -> String {
    format!("'{}' app {address}", std::env::current_exe().unwrap().display())
}

/// An address that nobody else has: no other trial, and no connection, as those are from 127.0.0.1.
pub(crate) fn own_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let host = Ipv4Addr::new(127, NEXT.fetch_add(1, Ordering::Relaxed), high, low);
    SocketAddr::from((host, 8000))
}

/// The words of a shell that start a process that leaves its session.
pub(crate) fn linger() -> String {
    format!("'{}' linger &", std::env::current_exe().unwrap().display())
}
