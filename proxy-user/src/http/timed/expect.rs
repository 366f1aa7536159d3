//! `Expect: 100-continue` (RFC 9110 section 10.1.1): the client holds its body back until it is told to go
//! on, which is the app's to say. hyper tells it as soon as anybody asks for the body, and so nobody does
//! before the app has said it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use http::header::EXPECT;
use http::{HeaderMap, Version};
use tokio::time::{Sleep, sleep};

/// An app that has said nothing for so long is taken for one that knows no expectations. It reads the body,
/// and would wait for it as the client waits for the app.
const SILENCE: Duration = Duration::from_secs(2);

/// The app has said nothing yet.
const OPEN: u8 = 0;
/// The body is wanted.
const WANTED: u8 = 1;
/// The final answer came first: nobody wants the body.
const REFUSED: u8 = 2;
/// That answer has been passed on.
const OVER: u8 = 3;

/// One request's expectation, shared by its body, its answer and whoever hears the app.
#[derive(Clone, Debug)]
pub(super) struct Expectation(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: AtomicU8,
    waker: AtomicWaker,
}

impl Expectation {
    /// Of a request that has a body. HTTP/1.0 knows none.
    pub(super) fn of(version: Version, headers: &HeaderMap) -> Option<Expectation> {
        let expects =
            |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
        let expects = version == Version::HTTP_11 && headers.get_all(EXPECT).iter().any(expects);
        expects.then(|| Expectation(Arc::default()))
    }

    /// The app has said 100.
    pub(super) fn meet(&self) {
        self.change(OPEN, WANTED);
    }

    /// The final answer is there. True: before the body was wanted, which will not come any more.
    pub(super) fn refuse(&self) -> bool {
        self.change(OPEN, REFUSED)
    }

    /// The final answer has been passed on.
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

/// What a body waits for before it is asked for.
#[derive(Debug)]
pub(super) struct Gate {
    expectation: Expectation,
    silence: Option<Pin<Box<Sleep>>>,
}

/// The body is not wanted, and the connection to the app, which still waits for it, is of no use.
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
