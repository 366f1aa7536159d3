//! The shell around `core::client_timeouts` over real sockets, with limits short enough to wait for.

use std::time::Duration;

use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::*;
use crate::core::client_timeouts::Limits;
use crate::tls::fixture::configs;

/// The one deadline that is reached in a test; all others are longer than any test.
const SHORT: Duration = Duration::from_millis(200);
const NEVER: Duration = Duration::from_secs(3600);
const LIMITS: Limits = all(NEVER);

type Answer = UnsyncBoxBody<Bytes, Infallible>;

fn whole(text: &'static str) -> Response<Answer> {
    Response::new(Full::from(text).boxed_unsync())
}

fn streamed(chunks: impl futures_util::Stream<Item = Bytes> + Send + 'static) -> Response<Answer> {
    let frames = futures_util::StreamExt::map(chunks, |chunk| Ok(Frame::data(chunk)));
    Response::new(StreamBody::new(frames).boxed_unsync())
}

/// Sends `request` to a server that answers with `answer`. Returns the client's socket, and the server's
/// result.
async fn ask<F, R>(
    limits: Limits,
    request: &str,
    answer: F,
) -> (TcpStream, tokio::task::JoinHandle<Result<(), Ended>>)
where
    F: Fn(Request<Upload>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Answer>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    let served = tokio::spawn(async move {
        let timeouts = ClientTimeouts::new(limits, clock::now());
        serve(&http(), server.into(), timeouts, std::future::pending(), answer).await
    });
    client.write_all(request.as_bytes()).await.unwrap();
    (client, served)
}

/// The same over TLS. The client's socket takes little before it is read.
async fn ask_by_tls<F, R>(
    limits: Limits,
    request: &str,
    answer: F,
) -> (TlsStream<TcpStream>, tokio::task::JoinHandle<Result<(), Ended>>)
where
    F: Fn(Request<Upload>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Answer>> + Send,
{
    let (client_config, server_config) = configs();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 << 10).unwrap();
    let client = socket.connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    socket2::SockRef::from(&server).set_send_buffer_size(64 << 10).unwrap();
    let served = tokio::spawn(async move {
        let server = TlsAcceptor::from(server_config).accept(server).await.unwrap();
        let timeouts = ClientTimeouts::new(limits, clock::now());
        let stream = tokio_rustls::TlsStream::from(server).into();
        serve(&http(), stream, timeouts, std::future::pending(), answer).await
    });
    let name = "localhost".try_into().unwrap();
    let mut client = TlsConnector::from(client_config).connect(name, client).await.unwrap();
    client.write_all(request.as_bytes()).await.unwrap();
    (client, served)
}

async fn rest(mut client: TcpStream) -> String {
    let mut text = Vec::new();
    client.read_to_end(&mut text).await.unwrap();
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn an_idle_connection_is_retired() {
    let limits = Limits { idle: SHORT, ..LIMITS };
    let (client, served) = ask(limits, "GET / HTTP/1.1\r\n\r\n", |_| async { whole("fine") }).await;
    assert!(served.await.unwrap().is_ok());
    assert!(rest(client).await.ends_with("fine"));
}

#[tokio::test]
async fn a_head_that_is_never_whole_is_cut() {
    let limits = Limits { head: SHORT, ..LIMITS };
    let (_client, served) = ask(limits, "GET / HT", |_| async { whole("fine") }).await;
    assert!(matches!(served.await.unwrap(), Err(Ended::Overdue(Overdue::Head))));
}

#[tokio::test]
async fn a_body_that_never_comes_is_cut() {
    let limits = Limits { body: SHORT, ..LIMITS };
    let request = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n";
    let (_client, served) = ask(limits, request, |request| async {
        let _ = request.into_body().collect().await;
        whole("too late")
    })
    .await;
    assert!(matches!(served.await.unwrap(), Err(Ended::Overdue(Overdue::Body))));
}

#[tokio::test]
async fn a_body_that_another_task_takes_is_cut_too() {
    let limits = Limits { body: SHORT, ..LIMITS };
    let request = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n";
    let (_client, served) = ask(limits, request, |request| async {
        tokio::spawn(async { drop(request.into_body().collect().await) });
        std::future::pending().await
    })
    .await;
    assert!(matches!(served.await.unwrap(), Err(Ended::Overdue(Overdue::Body))));
}

/// The app is slow, while the client has sent the whole body and nothing else.
#[tokio::test]
async fn a_silent_app_is_not_the_client_s_fault() {
    let limits = Limits { idle: NEVER, ..all(SHORT) };
    let request = "POST / HTTP/1.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab";
    let (client, served) = ask(limits, request, |request| async {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        tokio::time::sleep(5 * SHORT).await;
        let later = |_| async {
            tokio::time::sleep(5 * SHORT).await;
            Some((Bytes::from_static(b"later"), ()))
        };
        assert_eq!(body, "ab");
        streamed(futures_util::StreamExt::take(stream::unfold((), later), 2))
    })
    .await;
    assert!(rest(client).await.contains("later"));
    assert!(served.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_reset() {
    let limits = Limits { answer: SHORT, ..LIMITS };
    let (mut client, served) = ask(limits, "GET / HTTP/1.1\r\n\r\n", |_| async {
        streamed(stream::repeat(Bytes::from_static(&[b'x'; 65_536])))
    })
    .await;
    assert!(matches!(served.await.unwrap(), Err(Ended::Overdue(Overdue::Answer))));
    let error = client.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

/// More than both sockets hold.
const BIG: usize = 8 << 20;

/// Some of these answers end where the socket is full and TLS is not, so that the last flush has to wait.
#[tokio::test]
async fn over_tls_a_client_that_pauses_is_retired_like_any_other() {
    let each = (1..64).map(|size| async move {
        let size = size << 13;
        let limits = Limits { idle: SHORT, ..LIMITS };
        let (mut client, served) =
            ask_by_tls(limits, "GET / HTTP/1.1\r\n\r\n", move |_| async move {
                Response::new(Full::from(vec![b'x'; size]).boxed_unsync())
            })
            .await;
        tokio::time::sleep(SHORT).await;
        let mut read = Vec::new();
        client.read_to_end(&mut read).await.unwrap();
        assert!(read.len() > size);
        assert!(served.await.unwrap().is_ok());
    });
    futures_util::future::join_all(each).await;
}

#[tokio::test]
async fn over_tls_a_client_that_takes_nothing_is_cut() {
    let limits = Limits { answer: SHORT, ..LIMITS };
    let (_client, served) = ask_by_tls(limits, "GET / HTTP/1.1\r\n\r\n", |_| async {
        streamed(stream::repeat(Bytes::from_static(&[b'x'; 65_536])))
    })
    .await;
    assert!(matches!(served.await.unwrap(), Err(Ended::Overdue(Overdue::Answer))));
}

/// TLS has room for this answer, and the socket has not.
#[tokio::test]
async fn over_tls_an_answer_that_is_never_taken_is_cut() {
    let limits = Limits { answer: SHORT, ..LIMITS };
    let trickle = || {
        let burst = Bytes::from_static(&[b'x'; 65_536]);
        let drops = stream::unfold((), |()| async {
            tokio::time::sleep(SHORT / 4).await;
            Some((Bytes::from_static(b"drop"), ()))
        });
        futures_util::StreamExt::chain(stream::iter(std::iter::repeat_n(burst, BIG >> 16)), drops)
    };
    let request = "GET / HTTP/1.1\r\n\r\n";
    let (_client, served) =
        ask_by_tls(limits, request, move |_| async move { streamed(trickle()) }).await;
    assert!(matches!(served.await.unwrap(), Err(Ended::Overdue(Overdue::Answer))));
}

#[tokio::test]
async fn a_body_is_seen_from_its_start_each_time() {
    let request = "POST / HTTP/1.1\r\nContent-Length: 4\r\nConnection: close\r\n\r\nabcd";
    let (client, served) = ask(LIMITS, request, |mut request: Request<Upload>| async move {
        let first = request.body_mut().peek(1).await.unwrap();
        assert_eq!(request.body_mut().peek(1).await.unwrap(), first);
        let (start, is_whole) = request.body_mut().peek(9).await.unwrap();
        assert_eq!((&*start, is_whole), (&b"abcd"[..], true));
        assert_eq!(request.body_mut().peek(9).await.unwrap(), (start, true));
        let body = request.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "abcd");
        whole("seen")
    })
    .await;
    assert!(rest(client).await.ends_with("seen"));
    assert!(served.await.unwrap().is_ok());
}

const fn all(limit: Duration) -> Limits {
    Limits {
        head: limit,
        idle: limit,
        body: limit,
        answer: limit,
        presence: limit,
        linger: limit,
        quiet: limit,
    }
}
