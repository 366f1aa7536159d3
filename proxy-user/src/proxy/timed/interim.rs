//! Interim answers (1xx, RFC 9110 section 15.2) on their way from the app to the client. hyper's server
//! writes none but its own 100, so that they go to the socket past it, between two of its messages.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap};
use http::{StatusCode, Version};
use parking_lot::Mutex;

use super::Times;
use super::expect::Expectation;
use crate::core::headers::strip_hop_by_hop;
use crate::proxy::answer::REASON;

/// So many bytes may wait for a client that takes none. What comes then is left out: no client may rely on
/// an interim answer.
const ROOM: usize = 64 * 1024;

/// What waits to be written, of one connection.
#[derive(Debug)]
pub(super) struct Waiting {
    bytes: Mutex<Vec<u8>>,
    /// There are some.
    any: AtomicBool,
    /// The socket has all that hyper had to write, so that what it writes next belongs to the current
    /// request.
    between: AtomicBool,
}

impl Waiting {
    pub(super) fn new() -> Waiting {
        let (any, between) = (AtomicBool::new(false), AtomicBool::new(true));
        Waiting { bytes: Mutex::default(), any, between }
    }

    /// hyper writes.
    pub(super) fn writing(&self) {
        self.between.store(false, Ordering::Relaxed);
    }

    /// hyper has written everything.
    pub(super) fn written(&self) {
        self.between.store(true, Ordering::Relaxed);
    }

    /// What is to be written before anything else.
    pub(super) fn take(&self) -> Option<Bytes> {
        let now = self.any.load(Ordering::Relaxed) && self.between.load(Ordering::Relaxed);
        now.then(|| {
            self.any.store(false, Ordering::Relaxed);
            std::mem::take(&mut *self.bytes.lock()).into()
        })
    }

    /// The final answer is there. It follows what hyper is still writing, if it is, without a gap.
    pub(super) fn end(&self) {
        if self.any.load(Ordering::Relaxed) && !self.between.load(Ordering::Relaxed) {
            self.any.store(false, Ordering::Relaxed);
            self.bytes.lock().clear();
        }
    }

    fn add(&self, answer: &[u8]) {
        let mut bytes = self.bytes.lock();
        if bytes.len() + answer.len() <= ROOM {
            bytes.extend_from_slice(answer);
            self.any.store(true, Ordering::Relaxed);
        }
    }
}

/// Takes the interim answers to one request.
#[derive(Clone, Debug)]
pub(crate) struct Interim {
    times: Times,
    expectation: Option<Expectation>,
}

impl Interim {
    /// `None`: the client is of HTTP/1.0, which knows none.
    pub(super) fn new(
        times: &Times,
        version: Version,
        expectation: Option<Expectation>,
    ) -> Option<Interim> {
        (version >= Version::HTTP_11).then(|| Interim { times: times.clone(), expectation })
    }

    /// Passes one on.
    pub(crate) fn pass(&self, status: StatusCode, headers: &HeaderMap) {
        // hyper answers what the client expects.
        if let (StatusCode::CONTINUE, Some(expectation)) = (status, &self.expectation) {
            return expectation.meet();
        }
        self.times.interim().add(&encoded(status, headers));
    }
}

fn encoded(status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
    let mut headers = headers.clone();
    strip_hop_by_hop(&mut headers);
    headers.remove(CONTENT_LENGTH);
    headers.remove(REASON);
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    for (name, value) in &headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_written_between_two_messages_or_not_at_all() {
        let waiting = Waiting::new();
        waiting.add(b"first");
        assert_eq!(waiting.take().as_deref(), Some(&b"first"[..]));
        assert_eq!(waiting.take(), None);
        waiting.writing();
        waiting.add(b"second");
        assert_eq!(waiting.take(), None);
        waiting.written();
        waiting.end();
        assert_eq!(waiting.take().as_deref(), Some(&b"second"[..]), "the answer has not begun");
        waiting.writing();
        waiting.add(b"third");
        waiting.end();
        waiting.written();
        assert_eq!(waiting.take(), None, "the answer was sent before it");
    }

    #[test]
    fn a_client_that_takes_none_is_not_waited_for() {
        let waiting = Waiting::new();
        waiting.writing();
        for _ in 0..10 * ROOM / 1000 {
            waiting.add(&[b'x'; 1000]);
        }
        waiting.written();
        assert!(waiting.take().is_some_and(|bytes| bytes.len() <= ROOM));
    }

    #[test]
    fn fields_of_one_hop_stay_behind() {
        let fields =
            [("link", "</a.css>"), ("connection", "x-hop"), ("x-hop", "1"), ("link", "</b>")];
        let fields = fields.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let bytes = encoded(StatusCode::EARLY_HINTS, &fields.into_iter().collect());
        let text = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\nlink: </b>\r\n\r\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), text);
    }
}
