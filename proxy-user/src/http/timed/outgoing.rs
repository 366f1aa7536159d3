//! What is written to the socket in addition to hyper's output. hyper's server writes no interim answers
//! except its own 100, so they are written to the socket directly, between two of hyper's messages. And
//! what hyper writes without a current request is its own answer to something that it could not read.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use parking_lot::Mutex;

/// How many bytes may wait for a client that does not read. More are dropped: no client may rely on an
/// interim answer.
const ROOM: usize = 64 * 1024;

/// The write order on one connection.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Interim answers that wait to be written.
    interim: Mutex<Vec<u8>>,
    /// Whether there are any.
    any: AtomicBool,
    /// The socket has everything that hyper has written so far, so that the next bytes belong to the
    /// current request.
    between: AtomicBool,
    /// A request has not been answered completely.
    answering: AtomicBool,
    /// hyper has the end of its answer.
    ended: AtomicBool,
}

impl Outgoing {
    pub(super) fn new() -> Outgoing {
        Outgoing {
            interim: Mutex::default(),
            any: AtomicBool::new(false),
            between: AtomicBool::new(true),
            answering: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    /// A request has arrived.
    pub(super) fn asked(&self) {
        self.ended.store(false, Relaxed);
        self.answering.store(true, Relaxed);
    }

    /// An interim answer to it has arrived.
    pub(super) fn add(&self, answer: &[u8]) {
        let mut interim = self.interim.lock();
        if interim.len() + answer.len() <= ROOM {
            interim.extend_from_slice(answer);
            self.any.store(true, Relaxed);
        }
    }

    /// The final answer has arrived. It follows what hyper is still writing without a gap.
    pub(super) fn answered(&self) {
        if self.any.load(Relaxed) && !self.between.load(Relaxed) {
            self.any.store(false, Relaxed);
            self.interim.lock().clear();
        }
    }

    /// The final answer has ended.
    pub(super) fn ended(&self) {
        self.ended.store(true, Relaxed);
    }

    /// hyper is writing.
    pub(super) fn writing(&self) {
        self.between.store(false, Relaxed);
    }

    /// hyper has written everything.
    pub(super) fn written(&self) {
        self.between.store(true, Relaxed);
        if self.ended.load(Relaxed) {
            self.answering.store(false, Relaxed);
        }
    }

    /// The bytes to write before anything else.
    pub(super) fn take_interim(&self) -> Option<Bytes> {
        let now = self.any.load(Relaxed) && self.between.load(Relaxed);
        now.then(|| {
            self.any.store(false, Relaxed);
            std::mem::take(&mut *self.interim.lock()).into()
        })
    }

    /// Whether hyper's output is an answer to a request.
    pub(super) fn is_answering(&self) -> bool {
        self.answering.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_written_between_two_messages_or_not_at_all() {
        let outgoing = Outgoing::new();
        outgoing.add(b"first");
        assert_eq!(outgoing.take_interim().as_deref(), Some(&b"first"[..]));
        assert_eq!(outgoing.take_interim(), None);
        outgoing.writing();
        outgoing.add(b"second");
        assert_eq!(outgoing.take_interim(), None);
        outgoing.written();
        outgoing.answered();
        assert_eq!(
            outgoing.take_interim().as_deref(),
            Some(&b"second"[..]),
            "the answer has not begun"
        );
        outgoing.writing();
        outgoing.add(b"third");
        outgoing.answered();
        outgoing.written();
        assert_eq!(outgoing.take_interim(), None, "the answer was sent before it");
    }

    #[test]
    fn a_client_that_takes_none_is_not_waited_for() {
        let outgoing = Outgoing::new();
        outgoing.writing();
        for _ in 0..10 * ROOM / 1000 {
            outgoing.add(&[b'x'; 1000]);
        }
        outgoing.written();
        assert!(outgoing.take_interim().is_some_and(|bytes| bytes.len() <= ROOM));
    }

    #[test]
    fn what_belongs_to_no_request_is_known() {
        let outgoing = Outgoing::new();
        assert!(!outgoing.is_answering());
        outgoing.asked();
        outgoing.written();
        assert!(outgoing.is_answering());
        outgoing.ended();
        outgoing.writing();
        assert!(outgoing.is_answering(), "its end waits to be written");
        outgoing.written();
        assert!(!outgoing.is_answering());
        outgoing.asked();
        outgoing.written();
        assert!(outgoing.is_answering());
    }
}
