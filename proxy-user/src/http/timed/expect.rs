//! `Expect: 100-continue` (RFC 9110 section 10.1.1): the client holds its body back until the app tells it
//! to go on. hyper sends 100 as soon as the body is polled, so nobody polls it before the app has sent 100.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use http::header::EXPECT;
use http::{HeaderMap, Version};
use tokio::time::{Sleep, sleep};

/// After this long without an answer, the app is taken not to know expectations: it is waiting for the
/// body, while the client waits for the app.
const SILENCE: Duration = Duration::from_secs(2);

/// The app has not answered yet.
const OPEN: u8 = 0;
/// The app wants the body.
const WANTED: u8 = 1;
/// The final answer came first: the body is not wanted.
const REFUSED: u8 = 2;
/// That answer has been forwarded.
const OVER: u8 = 3;

/// One request's expectation, shared by its body, its answer, and the receiver of the app's interim
/// answers.
#[derive(Clone, Debug)]
pub(super) struct Expectation(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: AtomicU8,
    waker: AtomicWaker,
}

impl Expectation {
    /// The expectation of a request with a body. HTTP/1.0 has none.
    pub(super) fn of(version: Version, headers: &HeaderMap) -> Option<Expectation> {
        let expects =
            |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
        let expects = version == Version::HTTP_11 && headers.get_all(EXPECT).iter().any(expects);
        expects.then(|| Expectation(Arc::default()))
    }

    /// The app has sent 100.
    pub(super) fn meet(&self) {
        self.change(OPEN, WANTED);
    }

    /// The final answer has arrived. True: it came before the body was wanted, so the body will not come.
    pub(super) fn refuse(&self) -> bool {
        self.change(OPEN, REFUSED)
    }

    /// The final answer has been forwarded.
    pub(super) fn over(&self) {
        self.change(REFUSED, OVER);
    }

    fn change(&self, from: u8, to: u8) -> bool {
        let changed = self.0.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        if changed.is_ok() {
            self.0.waker.wake();
        }
        changed.is_ok()
    }
}

/// What a body waits for before it is read.
#[derive(Debug)]
pub(super) struct Gate {
    expectation: Expectation,
    silence: Option<Pin<Box<Sleep>>>,
}

/// The body is not wanted. The connection to the app still waits for it and cannot be reused.
#[derive(Debug)]
pub(super) struct Unwanted;

impl Gate {
    pub(super) fn new(expectation: Expectation) -> Gate {
        Gate { expectation, silence: None }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Unwanted>> {
        let Shared { state, waker } = &*self.expectation.0;
        waker.register(cx.waker());
        match state.load(Ordering::Acquire) {
            WANTED => return Poll::Ready(Ok(())),
            OVER => return Poll::Ready(Err(Unwanted)),
            // The app's connection carries the rest of the answer.
            REFUSED => return Poll::Pending,
            _ => {}
        }
        let silence = self.silence.get_or_insert_with(|| Box::pin(sleep(SILENCE)));
        if silence.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.expectation.meet();
        Poll::Ready(Ok(()))
    }
}
