//! Two relays that know nothing of what they move: the floor.

use std::{
    collections::HashMap,
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr},
};

use mio::{Events, Interest, Poll, Token, net::TcpListener, net::TcpStream};

/// One direction: bytes that were read and not taken, and how far it is.
#[derive(Default)]
struct Way {
    waiting: Vec<u8>,
    ended: bool,
}

struct Pair {
    ends: [TcpStream; 2],
    ways: [Way; 2],
}

/// One thread, one epoll descriptor, one buffer for all.
pub(crate) fn epoll(listen: SocketAddr, upstream: SocketAddr, buffer: usize) {
    let mut poll = Poll::new().unwrap();
    let mut listener = TcpListener::bind(listen).unwrap();
    let accepting = Token(usize::MAX - 1);
    poll.registry().register(&mut listener, accepting, Interest::READABLE).unwrap();
    let (mut events, mut buffer) = (Events::with_capacity(1024), vec![0; buffer]);
    let (mut pairs, mut next) = (HashMap::<usize, Pair>::new(), 0);
    loop {
        poll.poll(&mut events, None).unwrap();
        for event in &events {
            if event.token() == accepting {
                while let Ok((near, _)) = listener.accept() {
                    let Ok(far) = TcpStream::connect(upstream) else { continue };
                    let mut ends = [near, far];
                    for (side, end) in ends.iter_mut().enumerate() {
                        let _ = end.set_nodelay(true);
                        let both = Interest::READABLE | Interest::WRITABLE;
                        poll.registry().register(end, Token(2 * next + side), both).unwrap();
                    }
                    pairs.insert(next, Pair { ends, ways: Default::default() });
                    next += 1;
                }
                continue;
            }
            let (at, side) = (event.token().0 / 2, event.token().0 % 2);
            let Some(pair) = pairs.get_mut(&at) else { continue };
            let mut moved = Ok(());
            if event.is_readable() {
                moved = pair.flow(side, &mut buffer, event.is_read_closed());
            }
            if moved.is_ok() && event.is_writable() && !pair.ways[1 - side].waiting.is_empty() {
                // What held it up may have hidden the end of its source.
                moved = pair.flow(1 - side, &mut buffer, true);
            }
            if moved.is_err() || pair.ways.iter().all(|way| way.ended) {
                pairs.remove(&at);
            }
        }
    }
}

impl Pair {
    /// Moves what `from` has, until it has no more or the other end takes no more. `ending`: its end
    /// may have come behind its last bytes.
    fn flow(&mut self, from: usize, buffer: &mut [u8], ending: bool) -> io::Result<()> {
        let [near, far] = &mut self.ends;
        let (source, sink) = if from == 0 { (near, far) } else { (far, near) };
        let way = &mut self.ways[from];
        while !way.waiting.is_empty() {
            match sink.write(&way.waiting) {
                Ok(size) => drop(way.waiting.drain(..size)),
                Err(error) if would_wait(&error) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        while !way.ended {
            let size = match source.read(buffer) {
                Ok(size) => size,
                Err(error) if would_wait(&error) => return Ok(()),
                Err(error) => return Err(error),
            };
            if size == 0 {
                way.ended = true;
                return sink.shutdown(Shutdown::Write);
            }
            let mut written = 0;
            while written < size {
                match sink.write(&buffer[written..size]) {
                    Ok(size) => written += size,
                    Err(error) if would_wait(&error) => {
                        way.waiting.extend(&buffer[written..size]);
                        return Ok(());
                    }
                    Err(error) => return Err(error),
                }
            }
            // A read that leaves room has emptied the socket (epoll(7), question 9).
            if size < buffer.len() && !ending {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Not connected = the connection to the upstream is still being made.
fn would_wait(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected)
}

/// One task for each session on a runtime of one thread.
pub(crate) fn tokio(listen: SocketAddr, upstream: SocketAddr, buffer: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(listen).await.unwrap();
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut far = tokio::net::TcpStream::connect(upstream).await?;
                near.set_nodelay(true)?;
                far.set_nodelay(true)?;
                tokio::io::copy_bidirectional_with_sizes(&mut near, &mut far, buffer, buffer).await
            });
        }
    });
}
