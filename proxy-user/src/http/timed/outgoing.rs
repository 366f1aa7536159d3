//! What the socket is given beside what hyper has for it. hyper's server writes no interim answers but its
//! own 100, so that they go to the socket past it, between two of its messages. And what it writes while
//! there is no request is an answer of its own, to what it could not read.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use bytes::Bytes;
use parking_lot::Mutex;

/// So many bytes may wait for a client that takes none. What comes then is left out: no client may rely on
/// an interim answer.
const ROOM: usize = 64 * 1024;

/// The order of what is written, of one connection.
#[derive(Debug)]
pub(super) struct Outgoing {
    /// Interim answers that wait to be written.
    interim: Mutex<Vec<u8>>,
    /// There are some.
    any: AtomicBool,
    /// The socket has all that hyper had to write, so that what it writes next belongs to the current
    /// request.
    between: AtomicBool,
    /// There is a request that is not answered to the last byte.
    answering: AtomicBool,
    /// The end of its answer has been given to hyper.
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

    /// A request has come.
    pub(super) fn asked(&self) {
        self.ended.store(false, Relaxed);
        self.answering.store(true, Relaxed);
    }

    /// An interim answer to it has come.
    pub(super) fn add(&self, answer: &[u8]) {
        let mut interim = self.interim.lock();
        if interim.len() + answer.len() <= ROOM {
            interim.extend_from_slice(answer);
            self.any.store(true, Relaxed);
        }
    }

    /// The final answer has come. It follows what hyper is still writing, if it is, without a gap.
    pub(super) fn answered(&self) {
        if self.any.load(Relaxed) && !self.between.load(Relaxed) {
            self.any.store(false, Relaxed);
            self.interim.lock().clear();
        }
    }

    /// The final answer is over.
    pub(super) fn ended(&self) {
        self.ended.store(true, Relaxed);
    }

    /// hyper writes.
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

    /// What is to be written before anything else.
    pub(super) fn take_interim(&self) -> Option<Bytes> {
        let now = self.any.load(Relaxed) && self.between.load(Relaxed);
        now.then(|| {
            self.any.store(false, Relaxed);
            std::mem::take(&mut *self.interim.lock()).into()
        })
    }

    /// What hyper writes is an answer to a request.
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
