//! Addresses without TLS that send every client to the same URL with `https`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{HeaderValue, Request, Response};
use tokio::net::TcpStream;

use super::Proxy;
use super::answer::{Answer, Body};
use super::request_line::{self, RequestLine};
use super::route::host;
use crate::clock;
use crate::core::client_timeouts::{ClientTimeouts, Limits};
use crate::core::https_redirect::{Ports, https_url};
use crate::http::timed::{self, Ended};
use crate::serving::Phase;

/// Answers one request.
pub(super) async fn connection(proxy: Arc<Proxy>, stream: TcpStream, peer: SocketAddr) {
    // A socket without an address is about to fail anyway.
    let plain = stream.local_addr().map_or(0, |address| address.port());
    let limits = proxy.serving.config().limits.clone();
    let mut http = timed::http();
    http.keep_alive(false).max_buf_size(limits.header_bytes).max_headers(limits.headers);
    let mut phase = proxy.serving.phase.subscribe();
    let leaving = async {
        // An error means that the process is ending, and this task with it.
        let _ = phase.wait_for(|phase| *phase == Phase::Closing).await;
    };
    let ports = Ports { plain, tls: proxy.https_port.load(Ordering::Relaxed) };
    let answer = |request| {
        let line =
            RequestLine::new(&proxy, &request, || Some(peer.ip().to_canonical()), clock::now());
        let answer = line.answered(redirect(&request, ports));
        async { answer }
    };
    let timeouts = ClientTimeouts::new(Limits::new(limits.header_timeout), clock::now());
    let served = timed::serve(&http, stream.into(), timeouts, leaving, answer).await;
    if let Err(Ended::Refused(refusal)) = served {
        proxy.metrics.refusal(refusal.status);
        request_line::refused(&proxy, peer, refusal);
    }
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "connection ended early");
    }
}

fn redirect<B>(request: &Request<B>, ports: Ports) -> Response<Body> {
    let answer = match host(request) {
        Ok(Some(host)) if !host.host().is_empty() => {
            let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
            let url = HeaderValue::try_from(https_url(&host, target, ports));
            url.map_or(Answer::BadRequest("The Host is not valid."), Answer::Https)
        }
        Ok(_) => Answer::BadRequest("The request names no host."),
        Err(answer) => answer,
    };
    answer.response()
}
