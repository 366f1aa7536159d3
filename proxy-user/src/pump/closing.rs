//! The last words of a session: each leg is told once why it ends, and then closed.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::flow::Flow;
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

/// Tells both legs, each given with the flow that writes to it, and closes them.
pub(super) async fn tell(
    session: &Session,
    cause: Cause,
    (client, down): (TcpStream, Flow),
    (upstream, up): (TcpStream, Flow),
) {
    let (to_client, to_app) = cause.tell();
    // RFC 6455 section 5.3: a client's masking key is unpredictable.
    let mut key = [0; 4];
    if getrandom::fill(&mut key).is_err() {
        key = session.id.to_ne_bytes()[..4].try_into().unwrap_or_default();
    }
    tokio::join!(
        farewell(session, &session.client, client, down, to_client, None),
        farewell(session, &session.upstream, upstream, up, to_app, Some(key)),
    );
}

async fn farewell(
    session: &Session,
    leg: &Leg,
    mut stream: TcpStream,
    mut flow: Flow,
    tell: Tell,
    mask: Option<[u8; 4]>,
) {
    let mut heard = false;
    if let Tell::Close(code, reason) = tell {
        if flow.takes_close() {
            flow.finish_with(close_frame(code, reason, mask).into());
        } else {
            flow.finish();
        }
        let told = async {
            if !flow.over() && poll_fn(|cx| flow.poll_flush(cx, &mut stream, leg)).await.is_err() {
                return;
            }
            poll_fn(|cx| poll_discard(cx, &mut stream)).await;
        };
        heard = tokio::time::timeout(FAREWELL, told).await.is_ok();
    }
    if !heard {
        // Closing with linger 0 sends RST and frees the queue (tcp_close in net/ipv4/tcp.c). A
        // socket that refuses the option is gone already.
        let _ = stream.set_zero_linger();
    }
    release(session, leg);
}

/// Reads until the peer closes: closing earlier with bytes unread would send RST, and the peer's
/// kernel might throw the Close frame away with it.
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
