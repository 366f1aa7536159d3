//! Requests to an app that takes nothing, or little, over real sockets.

use http::Request;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::upstream::UpstreamError;

/// More than any socket queues.
const BODY: Bytes = Bytes::from_static(&[b'x'; 16 << 20]);

/// The app's socket, and the result of an upload to it that waits no longer than `limit`.
async fn upload(
    limit: Duration,
) -> (TcpStream, tokio::task::JoinHandle<Result<u16, hyper::Error>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    SockRef::from(&listener).set_recv_buffer_size(4096).unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (app, _) = listener.accept().await.unwrap();
    let stream = AppStream::new(socket.into(), limit);
    let (mut sender, connection) = http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let sent = tokio::spawn(async move {
        let answer = sender.send_request(Request::post("/").body(Full::new(BODY)).unwrap()).await;
        answer.map(|answer| answer.status().as_u16())
    });
    (app, sent)
}

#[tokio::test]
async fn an_app_that_takes_nothing_is_given_up() {
    let (_app, sent) = upload(Duration::from_millis(200)).await;
    let error = sent.await.unwrap().unwrap_err();
    assert!(matches!(UpstreamError::from(error), UpstreamError::Stalled(_)));
}

/// A full queue has no room until much of it has been taken.
#[tokio::test]
async fn an_app_that_takes_little_is_not() {
    let limit = Duration::from_secs(1);
    let (mut app, sent) = upload(limit).await;
    let mut piece = [0; 2048];
    for _ in 0..20 {
        tokio::time::sleep(limit / 8).await;
        app.read_exact(&mut piece).await.unwrap();
        assert!(!sent.is_finished());
    }
}
