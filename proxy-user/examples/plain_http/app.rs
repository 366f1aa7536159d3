//! An app that sends without end, takes an upload and says so, or takes nothing at all.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

/// Of a piece that is written at a time.
pub(crate) const PIECE: usize = 64 << 10;

pub(crate) struct App {
    address: SocketAddr,
}

impl App {
    /// `GET /N` gets N bytes, `POST /` is taken and answered, `POST /deaf` is not.
    pub(crate) fn start() -> App {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let thread = thread::Builder::new().stack_size(256 << 10);
                thread.spawn(move || drop(serve(stream))).unwrap();
            }
        });
        App { address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    let mut held = Vec::new();
    loop {
        let head = head(&mut stream, &mut held)?;
        let target = head.split(' ').nth(1).unwrap_or_default();
        if head.starts_with("GET ") {
            let length: usize = target.trim_start_matches('/').parse().unwrap_or(0);
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
            send(&mut stream, length)?;
        } else if target == "/deaf" {
            loop {
                thread::park();
            }
        } else {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
            });
            take(&mut stream, length.unwrap_or(0) - held.len())?;
            held.clear();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        }
    }
}

/// The next head; what was read behind it is in `held`.
pub(crate) fn head(stream: &mut TcpStream, held: &mut Vec<u8>) -> std::io::Result<String> {
    loop {
        if let Some(end) = held.windows(4).position(|at| at == b"\r\n\r\n") {
            let head = held.drain(..end + 4).collect();
            return String::from_utf8(head).map_err(std::io::Error::other);
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => held.extend_from_slice(&piece[..count]),
        }
    }
}

pub(crate) fn send(stream: &mut TcpStream, mut length: usize) -> std::io::Result<()> {
    let piece = vec![b'x'; PIECE];
    while length > 0 {
        let part = length.min(PIECE);
        stream.write_all(&piece[..part])?;
        length -= part;
    }
    Ok(())
}

pub(crate) fn take(stream: &mut TcpStream, mut length: usize) -> std::io::Result<()> {
    let mut piece = vec![0; 4 * PIECE];
    while length > 0 {
        let part = length.min(piece.len());
        match stream.read(&mut piece[..part])? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => length -= count,
        }
    }
    Ok(())
}
