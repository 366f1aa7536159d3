//! TLS between this end of a socket and rustls on the other, with small socket buffers.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream as StdStream};
use std::task::Poll;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use proptest::prelude::*;
use rustls::pki_types::ServerName;
use rustls::{ClientConnection, ServerConnection};
use socket2::SockRef;

use super::super::{Tls, Transport};
use crate::tls::fixture::configs;

const BUFFER: usize = 64 * 1024;

/// Our end of a connection.
struct End(mio::net::TcpStream, Tls);

impl End {
    fn transport(&mut self) -> Transport<'_> {
        Transport { socket: &self.0, tls: Some(&mut self.1) }
    }
}

/// Our end after the handshake, and the client's end, which `client` uses in a thread of its own.
fn connected<T: Send + 'static>(
    client: impl FnOnce(rustls::StreamOwned<ClientConnection, StdStream>) -> T + Send + 'static,
) -> (End, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let theirs = StdStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut ours, _) = listener.accept().unwrap();
    for socket in [&ours, &theirs] {
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        SockRef::from(socket).set_send_buffer_size(8 * 1024).unwrap();
        SockRef::from(socket).set_recv_buffer_size(8 * 1024).unwrap();
    }
    let (client_config, server_config) = configs();
    let thread = thread::spawn(move || {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(client_config, name).unwrap();
        let mut stream = rustls::StreamOwned::new(connection, theirs);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).unwrap();
        }
        client(stream)
    });
    let mut server = ServerConnection::new(server_config).unwrap();
    while server.is_handshaking() {
        server.complete_io(&mut ours).unwrap();
    }
    ours.set_nonblocking(true).unwrap();
    let ours = mio::net::TcpStream::from_std(ours);
    (End(ours, Tls::new(Box::new(server.into()))), thread)
}

fn pause() {
    thread::sleep(Duration::from_micros(200));
}

/// Everything until the end of the stream, and how many bytes that was on the wire.
fn read_all(end: &mut End) -> (Vec<u8>, usize) {
    let (mut all, mut wire, mut buffer) = (Vec::new(), 0, vec![0; BUFFER]);
    loop {
        let moved = end.transport().read(&mut buffer).unwrap();
        wire += moved.wire;
        match moved.bytes {
            Poll::Ready(0) => return (all, wire),
            Poll::Ready(bytes) => all.extend_from_slice(&buffer[..bytes]),
            Poll::Pending => {
                assert!(moved.blocked, "it must say when to come again");
                pause();
            }
        }
    }
}

/// Writes it and ends the stream; how many bytes that was on the wire.
fn write_all(end: &mut End, mut bytes: &[u8]) -> usize {
    let mut wire = 0;
    while !bytes.is_empty() {
        let moved = end.transport().write(bytes).unwrap();
        wire += moved.wire;
        match moved.bytes {
            Poll::Ready(written) => bytes = &bytes[written..],
            Poll::Pending => pause(),
        }
    }
    end.transport().finish();
    loop {
        let moved = end.transport().flush().unwrap();
        wire += moved.wire;
        if moved.bytes.is_ready() {
            assert!(!end.transport().holds_bytes());
            end.0.shutdown(std::net::Shutdown::Write).unwrap();
            return wire;
        }
        pause();
    }
}

fn message(size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_byte_arrives_whatever_the_records(
        pieces in prop::collection::vec(1..70_000_usize, 0..6),
        answer in 0..200_000_usize,
        alert: bool,
    ) {
        let sent = pieces.clone();
        let (mut end, client) = connected(move |mut stream| {
            for piece in sent {
                stream.write_all(&message(piece)).unwrap();
            }
            if alert {
                stream.conn.send_close_notify();
            }
            stream.flush().unwrap();
            stream.sock.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).unwrap();
            answer
        });
        let (read, wire_read) = read_all(&mut end);
        prop_assert_eq!(&read, &pieces.iter().flat_map(|size| message(*size)).collect::<Vec<_>>());
        // The handshake may have read the first records.
        prop_assert!(wire_read + BUFFER >= read.len());
        let wire_written = write_all(&mut end, &message(answer));
        prop_assert!(wire_written > answer);
        prop_assert!(client.join().unwrap() == message(answer));
    }
}

#[test]
fn what_the_socket_refuses_is_held_and_told() {
    let (mut end, client) = connected(|stream| stream);
    let stream = client.join().unwrap();
    let mut wire = 0;
    let blocked = loop {
        let moved = end.transport().write(&message(BUFFER)).unwrap();
        wire += moved.wire;
        if moved.blocked {
            break moved;
        }
    };
    assert!(blocked.bytes.is_ready(), "what TLS has taken is written");
    assert!(end.transport().holds_bytes());
    let again = end.transport().write(b"more").unwrap();
    assert!(again.bytes.is_pending() && again.blocked, "nothing is taken before the rest is gone");
    drop(stream);
    assert!(wire > 0);
}

#[test]
fn what_is_not_tls_breaks_the_connection() {
    let (mut end, client) = connected(|mut stream| {
        stream.write_all(b"last words").unwrap();
        stream.sock.write_all(&[0x17, 3, 3, 0, 20]).unwrap();
        stream.sock.write_all(&[0; 20]).unwrap();
        stream
    });
    let _stream = client.join().unwrap();
    let mut buffer = vec![0; BUFFER];
    let mut read = Vec::new();
    let error = loop {
        match end.transport().read(&mut buffer) {
            Ok(moved) => match moved.bytes {
                Poll::Ready(bytes) => read.extend_from_slice(&buffer[..bytes]),
                Poll::Pending => pause(),
            },
            Err(error) => break error,
        }
    };
    assert_eq!(read, b"last words");
    assert_eq!(error, rustix::io::Errno::PROTO);
}
