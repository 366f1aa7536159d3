//! Apps that close at once behind an answer: before they have read the request, or before the answer is
//! over. What they said must not be lost to that. Often, or `EBBTIDE_TRIALS` times.

use crate::harness::app::{App, Served};
use crate::harness::http::{Head, Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::setup::Setup;
use crate::harness::wire::Wire;

/// An upload that is far from read when it is refused.
const UPLOAD: usize = 5_000_000;

/// How often each trial is made.
pub(crate) fn trials() -> usize {
    std::env::var("EBBTIDE_TRIALS").map_or(20, |count| count.parse().expect("a number"))
}

/// Reads a head and little more, answers so, and closes with the rest unread, which resets the connection.
fn refusing(answer: Vec<u8>) -> Served {
    App::listen().serve(move |mut wire| {
        Head::read(&mut wire);
        let _ = wire.try_send(&answer);
    })
}

/// Sends all of a request, as most clients do, and only then looks for the answer. A reset meanwhile is the
/// end of many a client, which has not read anything then.
fn upload(proxy: &Proxy) -> Wire {
    let mut client = proxy.connect();
    client.send(request("POST", "a.test", "/", &format!("Content-Length: {UPLOAD}\r\n")));
    client.send(vec![b'x'; UPLOAD]);
    client
}

#[test]
fn an_upload_that_the_app_refuses_gets_the_app_s_answer() {
    let answers = [
        "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 413 Too Large\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
    ];
    for answer in answers {
        let app = refusing(answer.into());
        let proxy = Setup::demo(app.address).start();
        for trial in 0..trials() {
            let mut client = upload(&proxy);
            let answer = Message::read_response(&mut client, "POST");
            assert_eq!((answer.status(), answer.text()), (413, "no"), "{trial}: {answer:?}");
            assert_eq!(answer.head.get("x-ebbtide-reason"), None, "the answer is the app's own");
        }
    }
}

/// The break is noticed while some of the answer waits to be read. All of it has arrived by then: what had
/// not would be lost by the app's own kernel.
#[test]
fn a_long_answer_to_an_upload_that_was_not_read_arrives_whole() {
    const LENGTH: usize = 40_000;
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
    let app = refusing([head.into_bytes(), vec![b'a'; LENGTH]].concat());
    let proxy = Setup::demo(app.address).start();
    for trial in 0..trials() {
        let mut client = upload(&proxy);
        let answer = Message::read_response(&mut client, "POST");
        assert_eq!((answer.status(), answer.body.len()), (200, LENGTH), "{trial}");
    }
}

/// The proxy's own answers to what it has not read are no less worth.
#[test]
fn an_upload_that_the_proxy_refuses_gets_the_proxy_s_answer() {
    let app = App::listen();
    let proxy = Setup::new().app("demo", app.address(), "hosts = [\"other.test\"]").start();
    for _ in 0..trials() {
        let mut client = upload(&proxy);
        assert_eq!(Message::read_response(&mut client, "POST").assert_own(404), "no-app");
    }
}

/// A client that got nothing could not tell that from a connection that was closed before its request came,
/// and would ask again.
#[test]
fn an_answer_that_breaks_off_at_once_is_seen_to_begin() {
    let heads = [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n",
    ];
    for answer in heads {
        let app = refusing(answer.into());
        let proxy = Setup::demo(app.address).start();
        for trial in 0..trials() {
            let mut client = proxy.connect();
            client.send(request("GET", "a.test", "/", ""));
            let head = Head::read(&mut client);
            assert_eq!(head.status(), 200, "{trial}: {head:?}");
            let (rest, _) = client.rest();
            let rest = String::from_utf8_lossy(&rest).into_owned();
            assert_eq!(rest.contains("begun"), answer.contains("begun"), "{trial}: {rest:?}");
            assert!(!rest.ends_with("0\r\n\r\n"), "{trial}: a last chunk was made up");
        }
    }
}
