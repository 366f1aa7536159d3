//! The last words of a session: each leg is told once why it ends, and then closed.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::flow::{Event, Flow};
use super::random::masking_key;
use super::witness::Blind;
use crate::clock;
use crate::core::ending::{Cause, Tell};
use crate::core::frame::close_frame;
use crate::session::{Leg, Session};

/// How long a leg may take to accept its last words and to close its side (RFC 6455 section 7.1.1:
/// "a reasonable time period").
const FAREWELL: Duration = Duration::from_secs(5);

/// Takes a last account of a leg and gives its row back. Must come before its socket is closed,
/// whose descriptor number the next connection may get.
pub(super) fn release(session: &Session, leg: &Leg) {
    // A socket that cannot be asked leaves what its row says.
    let _ = leg.socket.confirm(clock::now());
    session.settle();
    leg.socket.release();
}

/// Tells both legs, each given with the flow that reads from it, and closes them.
pub(super) async fn tell(
    session: &Session,
    cause: Cause,
    (client, mut up): (TcpStream, Flow),
    (upstream, mut down): (TcpStream, Flow),
) {
    let (to_client, to_app) = cause.tell();
    let mut client = open(session, &session.client, client, to_client);
    let mut upstream = open(session, &session.upstream, upstream, to_app);
    if let Tell::Close(code, reason) = to_client {
        down.close(close_frame(code, reason, None).into());
    }
    if let Tell::Close(code, reason) = to_app {
        up.close(close_frame(code, reason, Some(masking_key(session.id))).into());
    }
    let farewell = poll_fn(|cx| {
        let (near, far) = (&session.client, &session.upstream);
        let told_app = poll_way(cx, &mut up, (&mut client, near), (&mut upstream, far));
        let told_client = poll_way(cx, &mut down, (&mut upstream, far), (&mut client, near));
        if told_app.is_ready() { told_client } else { Poll::Pending }
    });
    let heard = tokio::time::timeout(FAREWELL, farewell).await.is_ok();
    for (stream, leg) in [(client, &session.client), (upstream, &session.upstream)] {
        if let Some(stream) = stream {
            close(session, leg, stream, !heard);
        }
    }
}

/// The leg's stream if it is told anything; a leg that is reset is gone at once.
fn open(session: &Session, leg: &Leg, stream: TcpStream, tell: Tell) -> Option<TcpStream> {
    match tell {
        Tell::Close(..) => Some(stream),
        Tell::Reset => {
            close(session, leg, stream, true);
            None
        }
    }
}

fn close(session: &Session, leg: &Leg, stream: TcpStream, reset: bool) {
    if reset {
        // Closing with linger 0 sends RST and frees the queue (tcp_close in net/ipv4/tcp.c). A
        // socket that refuses the option is gone already.
        let _ = stream.set_zero_linger();
    }
    release(session, leg);
    drop(stream);
}

/// Writes what is left to be written in one direction, then reads on until its source closes:
/// closing earlier with bytes unread would send RST, and the peer's kernel might throw the Close
/// frame away with it.
fn poll_way(
    cx: &mut Context<'_>,
    flow: &mut Flow,
    (from, from_leg): (&mut Option<TcpStream>, &Leg),
    (to, to_leg): (&mut Option<TcpStream>, &Leg),
) -> Poll<()> {
    if let Some(to) = to {
        while !flow.over() {
            let source = from.as_mut().map(|from| (from, from_leg));
            match ready!(flow.poll(cx, source, (to, to_leg), &mut Blind)) {
                Event::Eof | Event::ReadFailed(_) | Event::Violation(_) => flow.finish(),
                Event::Ended | Event::WriteFailed => {}
            }
        }
    }
    from.as_mut().map_or(Poll::Ready(()), |from| poll_discard(cx, from))
}

fn poll_discard(cx: &mut Context<'_>, stream: &mut TcpStream) -> Poll<()> {
    let mut bytes = [0; 4096];
    loop {
        let mut read = ReadBuf::new(&mut bytes);
        match ready!(Pin::new(&mut *stream).poll_read(cx, &mut read)) {
            Ok(()) if !read.filled().is_empty() => {}
            _ => return Poll::Ready(()),
        }
    }
}
