//! The bundled app: a page, a WebSocket, and a status stream for the page.
//!
//! It takes the place of a user's app and knows nothing about the proxy: it gets the status as text. Text
//! frames are echoed; binary frames are requests (`news`, `quiet`, `stream`).

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE,
};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{Interval, MissedTickBehavior};

use super::ws;

const PAGE: &str = include_str!("page.html");
/// Time between two pings to every client, as many frameworks send them.
const PING: Duration = Duration::from_secs(10);
/// Time between two news messages, for clients that asked for them.
const NEWS: Duration = Duration::from_secs(5);
/// The fast stream: this much payload at this interval is 1 MB/s.
const STREAM: (usize, Duration) = (16_384, Duration::from_millis(16));
/// How long the last messages to a client that has left may take.
const LAST_WORDS: Duration = Duration::from_secs(1);

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Requests from the reading half to the writing half.
#[derive(Debug)]
enum Ask {
    Send(u8, Vec<u8>),
    News(bool),
    Stream,
}

/// Serves until the task is dropped. Each text that comes from `status` goes to every open page.
pub(super) async fn serve(listener: TcpListener, status: watch::Receiver<String>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let status = status.clone();
        let service = service_fn(move |request| {
            let response = answer(request, &status);
            async { Ok::<_, Infallible>(response) }
        });
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades();
        tokio::spawn(connection);
    }
}

fn answer(request: Request<Incoming>, status: &watch::Receiver<String>) -> Response<Body> {
    match request.uri().path() {
        "/" => reply("text/html; charset=utf-8", Full::from(PAGE).boxed_unsync()),
        "/status" => reply("text/event-stream", events(status.clone())),
        "/ws" => socket(request),
        _ => failure(StatusCode::NOT_FOUND),
    }
}

fn reply(kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn failure(status: StatusCode) -> Response<Body> {
    let mut response = reply("text/plain", Full::from("Nothing here.\n").boxed_unsync());
    *response.status_mut() = status;
    response
}

/// Server-sent events, one for each text; `pack.toml` has a rule for them.
fn events(status: watch::Receiver<String>) -> Body {
    let events = stream::unfold(status, |mut status| async {
        status.changed().await.ok()?;
        let event = format!("event: status\ndata: {}\n\n", *status.borrow_and_update());
        Some((Ok(Frame::data(Bytes::from(event))), status))
    });
    StreamBody::new(events).boxed_unsync()
}

fn socket(mut request: Request<Incoming>) -> Response<Body> {
    let accept = request.headers().get(SEC_WEBSOCKET_KEY).map(|key| ws::accept(key.as_bytes()));
    let Some(Ok(accept)) = accept.map(HeaderValue::try_from) else {
        return failure(StatusCode::BAD_REQUEST);
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async {
        if let Ok(upgraded) = upgrade.await {
            converse(TokioIo::new(upgraded)).await;
        }
    });
    let mut response = Response::new(Full::default().boxed_unsync());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// Serves one WebSocket to its end. A client that takes nothing blocks only the writing half.
async fn converse(io: impl AsyncRead + AsyncWrite) {
    let (reader, writer) = tokio::io::split(io);
    let (ask, asked) = mpsc::channel(16);
    let writing = write(writer, asked);
    tokio::pin!(writing);
    tokio::select! {
        _ = &mut writing => return,
        _ = read(reader, ask) => {}
    }
    // The reading half and its channel are gone, so the writing half sends Close.
    let _ = tokio::time::timeout(LAST_WORDS, writing).await;
}

/// Reads until the client closes, leaves or sends something unknown.
async fn read(mut from: impl AsyncRead + Unpin, ask: mpsc::Sender<Ask>) -> Option<()> {
    let mut decoder = ws::Decoder::default();
    let mut bytes = [0; 4096];
    loop {
        let size = from.read(&mut bytes).await.ok().filter(|size| *size > 0)?;
        decoder.push(&bytes[..size]);
        while let Some(frame) = decoder.next().ok()? {
            let asked = match (frame.opcode, &frame.payload[..]) {
                (ws::TEXT, _) => Ask::Send(ws::TEXT, frame.payload),
                (ws::BINARY, b"news") => Ask::News(true),
                (ws::BINARY, b"quiet") => Ask::News(false),
                (ws::BINARY, b"stream") => Ask::Stream,
                (ws::PING, _) => Ask::Send(ws::PONG, frame.payload),
                (ws::PONG | ws::BINARY, _) => continue,
                _ => return None,
            };
            ask.send(asked).await.ok()?;
        }
    }
}

/// Writes what was requested or is due, and Close at the end.
async fn write(
    mut to: impl AsyncWrite + Unpin,
    mut asked: mpsc::Receiver<Ask>,
) -> std::io::Result<()> {
    let piece = ws::encode(ws::BINARY, &vec![0; STREAM.0], None);
    let (mut pings, mut news, mut stream) = (every(PING), every(NEWS), every(STREAM.1));
    let (mut wants_news, mut wants_stream) = (false, false);
    loop {
        tokio::select! {
            ask = asked.recv() => match ask {
                Some(Ask::Send(opcode, payload)) => {
                    to.write_all(&ws::encode(opcode, &payload, None)).await?;
                }
                Some(Ask::News(wanted)) => wants_news = wanted,
                Some(Ask::Stream) => wants_stream = true,
                None => break,
            },
            _ = pings.tick() => to.write_all(&ws::encode(ws::PING, b"", None)).await?,
            _ = news.tick(), if wants_news => {
                to.write_all(&ws::encode(ws::TEXT, b"news from the app", None)).await?;
            }
            _ = stream.tick(), if wants_stream => to.write_all(&piece).await?,
        }
    }
    to.write_all(&ws::encode(ws::CLOSE, &1000_u16.to_be_bytes(), None)).await?;
    to.shutdown().await
}

fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
